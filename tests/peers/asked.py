"""Every query of the rendered boards and rules, and what Grafana makes of it before it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from otel_voice_dashboards import RENDERED

Kind = Literal["instant", "steps", "window", "tempo"]
SCRAPED_S: Final = 15  # what Grafana takes for the data source's scrape interval where nobody says otherwise
_VARIABLE: Final = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]")
_REGEX: Final = re.compile(r"[\\^$*+?.()|\[\]{}/]")  # what JavaScript's escape of a regular expression escapes
_PROMETHEUS: Final = re.compile(r"[$^*{}\[\]'+?.()|]")  # what Grafana's Prometheus escapes in a variable without a format, twice
Chosen = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel; `kind` says over which time it counts: the board's range, a step, a window that is chosen; or it searches."""

    board: str
    name: str
    kind: Kind
    text: str
    target: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One variable of a board, and the values of which label it asks for, of which series."""

    board: str
    name: str
    series: str
    label: str


def boards() -> dict[str, dict[str, Any]]:
    """Return the rendered boards by uid."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RENDERED.glob("*.json"))}


def queries(uid: str) -> Iterator[Query]:
    """Yield the queries of a board's panels."""
    for panel in boards()[uid]["panels"]:
        targets = panel.get("targets", ())
        for target in targets:
            legend = target.get("legendFormat") or target["refId"]
            text = target.get("expr") or target["query"]
            yield Query(board=uid, name=f"{panel['title']} / {legend}", kind=_kind(target), text=text, target=target)


def _kind(target: Mapping[str, Any]) -> Kind:
    if "expr" not in target:
        return "tempo"
    if target.get("instant"):
        return "instant"
    return "window" if re.search(r"\$\{?window\b", target["expr"]) else "steps"


def variables(uid: str) -> Iterator[Offered]:
    """Yield the variables of a board whose values Prometheus is asked for."""
    for each in boards()[uid]["templating"]["list"]:
        if each["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", each["query"], re.DOTALL)
            assert found, f"{uid}: the variable `{each['name']}` asks for something else than values of a label: {each['query']}"
            yield Offered(board=uid, name=each["name"], series=found[1], label=found[2])


def annotations(uid: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the query of each of a board's marks."""
    for each in boards()[uid].get("annotations", {}).get("list", ()):
        if not each.get("builtIn"):
            yield each["name"], each["expr"]


def windows(uid: str) -> list[str]:
    """Return the windows that can be chosen on a board."""
    return [value for each in boards()[uid]["templating"]["list"] if each["name"] == "window" for value in each["query"].split(",")]


def filled(text: str, chosen: Chosen, builtins: Mapping[str, str]) -> str:
    """Return a query as Grafana sends it: what is chosen in place of variables, `.*` where all is; raise `KeyError` for an unknown one."""

    def value(found: re.Match[str]) -> str:
        name, form = found[1] or found[2] or found[4], found[3]
        if name in builtins:
            return builtins[name]
        if name not in KNOWN:
            raise KeyError(f"nobody knows the variable `{name}`")
        if name not in chosen:
            return ".*"  # as the variables say of their "All"; Grafana escapes nothing of it
        return _formatted(chosen[name], form)

    return _VARIABLE.sub(value, text)


KNOWN: Final = frozenset({"workflow", "message_type", "policy_version", "runtime", "agent", "job", "instance", "call_id"})


def _formatted(values: Sequence[str], form: str | None) -> str:
    if form == "raw":
        return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"
    if form == "regex":
        escaped = [_REGEX.sub(r"\\\g<0>", value) for value in values]
    else:
        assert form is None, f"nothing here knows the format `{form}`"
        escaped = [_PROMETHEUS.sub(r"\\\\\g<0>", value.replace("\\", "\\\\\\\\")) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def per_range(seconds: int) -> dict[str, str]:
    """Return what Grafana puts in place of its own names over a range."""
    return {"__range": f"{seconds}s", "__range_s": str(seconds), "__range_ms": str(seconds * 1000)}


def per_step(seconds: int) -> dict[str, str]:
    """Return what Grafana puts in place of its own names for a step."""
    rate_s = max(seconds + SCRAPED_S, 4 * SCRAPED_S)
    return {"__interval": f"{seconds}s", "__interval_ms": str(seconds * 1000), "__rate_interval": f"{rate_s}s"}
