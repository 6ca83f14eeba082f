"""Two boards held against each other: what a push would change, in words, and a fingerprint of what was pushed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from otel_voice_dashboards.shipped import panels

_SERVERS: Final = frozenset(
    {"id", "uid", "version", "iteration", "schemaVersion", "gnetId"}
)  # numbered by Grafana, raised when it migrates
_SHOWN: Final = 6  # names in one phrase

Model = dict[str, Any]


def fingerprint(model: Model) -> str:
    """Return 16 hex digits that stand for a board's content; id and version, which a Grafana numbers, are left out."""
    content = {key: value for key, value in model.items() if key not in {"id", "version"}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def differences(ours: Model, theirs: Model) -> list[str]:
    """Return what saving `ours` over `theirs` would change, a phrase each; what a server adds to what it was given is no difference.

    `theirs` is whatever a Grafana answered: nothing of its shape is relied on.
    """
    if not isinstance(theirs.get("panels"), list):
        return ["all of it: it is not in the classic form any more"]
    mine, there = ({str(each.get("id")): each for each in panels(model, rows=True)} for model in (ours, theirs))
    both = [key for key in mine if key in there]
    found = {
        "new panels": [_title(mine[key]) for key in mine if key not in there],
        "panels dropped": [_title(there[key]) for key in there if key not in mine],
        "panels": [_title(mine[key]) for key in both if not _holds(_apart(mine[key]), _apart(there[key]))],
        "queries of": [_title(mine[key]) for key in both if not _holds(mine[key].get("targets"), there[key].get("targets"))],
        "variables": list(_variables(ours, theirs)),
    }
    rest = [key for key in ours if key not in _SERVERS | {"panels", "templating"} and not _holds(_plain(key, ours), _plain(key, theirs))]
    return [f"{what} {_listed(names)}" for what, names in found.items() if names] + rest


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more


def _title(panel: Model) -> str:
    return str(panel.get("title") or panel.get("id"))[:80]


def _apart(panel: Model) -> Model:
    """A panel without its queries, which are told by themselves."""
    return {key: value for key, value in panel.items() if key not in {"targets", "panels"}}


def _variables(ours: Model, theirs: Model) -> Iterator[str]:
    mine, there = (_named(model) for model in (ours, theirs))
    yield from (name for name in mine if name not in there or not _holds(mine[name], there[name]))
    yield from (name for name in there if name not in mine)


def _named(model: Model) -> dict[str, Model]:
    templating = model.get("templating")
    listed = templating.get("list") if isinstance(templating, dict) else None
    return {str(each.get("name")): each for each in listed if isinstance(each, dict)} if isinstance(listed, list) else {}


def _plain(key: str, model: Model) -> Any:
    """A part of a board without the annotation that every Grafana adds by itself."""
    value = model.get(key)
    if key != "annotations":
        return value
    listed = value.get("list") if isinstance(value, dict) else None
    return [each for each in listed if not (isinstance(each, dict) and each.get("builtIn"))] if isinstance(listed, list) else []


def _holds(ours: Any, theirs: Any) -> bool:
    """Tell whether all of ours is in theirs; keys that only theirs have are the server's, an absent one is as null."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(_holds(value, theirs.get(key)) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(_holds(one, other) for one, other in zip(ours, theirs, strict=True))
    return bool(ours == theirs)
