"""Read the registry's YAML and resolve it: one plain dict without references, which everything else is made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

KINDS = ("string", "int", "double", "boolean")
LONGEST_TEXT = 2048  # what Tempo keeps of a value
LONGEST_LIST = 128  # as many as the OpenTelemetry SDKs keep attributes of a span
LEVELS = ("required", "recommended", "opt_in")
_ANNOTATIONS = {"enum", "json", "known", "unit", "min", "max", "max_length", "max_items", "sensitivity", "runbook", "set_by"}


class RegistryError(ValueError):
    """The registry contradicts itself; `problems` holds every way it does."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_registry(folder: Path) -> dict[str, Any]:
    """Return the registry in `folder`, resolved; raise `RegistryError` with every problem of it."""
    import yaml

    parts: dict[str, Any] = {}
    for name in ("manifest", "attributes", "events", "metrics"):
        try:
            parts[name] = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RegistryError([f"{name}.yaml: {' '.join(str(error).split())}"]) from None
    return resolve(parts)


def resolve(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the registry of these parsed files: `version`, `attributes`, `events`, `metrics`, each entry whole."""
    manifest = parts["manifest"]
    groups = {group["id"]: group["attributes"] for name in ("events", "metrics") for group in parts[name].get("attribute_groups", ())}
    imported = parts["events"]["imports"]["attributes"]
    problems = list(_shape_problems(parts)) or list(_problems(parts, groups, imported))
    if problems:
        raise RegistryError(problems)
    return {
        "name": manifest["name"],
        "version": manifest["schema_version"],
        "schema_url": f"{manifest['schema_base_url']}/{dotted(manifest['schema_version'])}",
        "description": manifest["description"],
        "imported": imported,
        "attributes": [_attribute(each) for each in parts["attributes"]["attributes"]],
        "events": [_event(each, groups) for each in parts["events"]["events"]],
        "metrics": [_metric(each, groups) for each in parts["metrics"]["metrics"]],
    }


def dotted(version: str) -> str:
    """Return a date in the form that OpenTelemetry asks of schema URLs, `2026.5.20`."""
    return ".".join(str(int(part)) for part in version.split("-"))


def _attribute(entry: dict[str, Any]) -> dict[str, Any]:
    kind, note = entry["type"], entry["annotations"]
    base, many = ("string", False) if isinstance(kind, dict) else (kind.removesuffix("[]"), kind.endswith("[]"))
    text = base == "string" and not isinstance(kind, dict)
    members = kind["members"] if isinstance(kind, dict) else None
    return {
        "key": entry["key"],
        "type": base,
        "many": many,
        "values": [{"value": each["value"], "brief": each["brief"]} for each in members] if members else None,
        "known": note.get("known"),
        "brief": entry["brief"],
        "unit": note.get("unit"),
        "examples": entry["examples"],
        "stability": entry["stability"],
        "sensitivity": note.get("sensitivity", "none"),
        "json": note["json"],
        "runbook": note.get("runbook"),
        "min": note.get("min"),
        "max": note.get("max"),
        "max_length": note.get("max_length", LONGEST_TEXT) if text else None,
        "max_items": note.get("max_items", LONGEST_LIST) if many else None,
        "enum": note.get("enum"),
        "set_by": note.get("set_by"),
        "deprecated": entry.get("deprecated"),
    }


def _event(entry: dict[str, Any], groups: dict[str, Any]) -> dict[str, Any]:
    note = entry.get("annotations", {})
    return {
        "name": entry["name"],
        "brief": entry["brief"],
        "stability": entry["stability"],
        "aliases": note.get("aliases") or [],
        "runbook": note.get("runbook"),
        "duration": note.get("duration"),
        "set_by": note.get("set_by"),
        "attributes": [_use(use) for use in _unfolded(entry, groups)],
    }


def _use(use: dict[str, Any]) -> dict[str, Any]:
    level = use["requirement_level"]
    if isinstance(level, dict):
        return {"key": use["ref"], "level": "conditionally_required", "when": level["conditionally_required"]}
    return {"key": use["ref"], "level": level, "when": None}


def _metric(entry: dict[str, Any], groups: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["name"],
        "instrument": entry["instrument"],
        "unit": entry["unit"],
        "brief": entry["brief"],
        "stability": entry["stability"],
        "attributes": [use["ref"] for use in _unfolded(entry, groups)],
        "buckets": entry.get("annotations", {}).get("buckets", []),
    }


def _unfolded(entry: dict[str, Any], groups: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the attribute uses of an entry, its groups unfolded; its own requirement outranks the group's."""
    listed: list[dict[str, Any]] = []
    for use in entry["attributes"]:
        listed += groups[use["ref_group"]] if "ref_group" in use else [use]
    return list({use["ref"]: use for use in listed}.values())


def _problems(parts: dict[str, Any], groups: dict[str, Any], imported: list[str]) -> Iterable[str]:
    attributes = parts["attributes"]["attributes"]
    keys = [each["key"] for each in attributes]
    known = {*keys, *imported}
    yield from _clashes("attribute", keys)
    for each in attributes:
        yield from _attribute_problems(each, keys)
    yield from (f"envelope path `{path}` is used twice" for path in _twice([each["annotations"]["json"] for each in attributes]))
    yield from _path_problems(attributes)
    yield from _untold(parts, groups)
    names = [each["name"] for each in parts["events"]["events"]]
    aliases = [alias for each in parts["events"]["events"] for alias in each.get("annotations", {}).get("aliases") or ()]
    yield from _clashes("event", [*names, *aliases])
    yield from _clashes("metric", [each["name"] for each in parts["metrics"]["metrics"]])
    owners = [*parts["events"]["events"], *parts["metrics"]["metrics"]]
    owners += [{"name": name, "attributes": uses} for name, uses in groups.items()]
    for owner in owners:
        for use in owner["attributes"]:
            if "ref" in use and use["ref"] not in known:
                yield f"`{owner['name']}` refers to unknown attribute `{use['ref']}`"
            if "ref_group" in use and use["ref_group"] not in groups:
                yield f"`{owner['name']}` refers to unknown group `{use['ref_group']}`"
            level = use.get("requirement_level", "recommended")
            if not isinstance(level, dict) and level not in LEVELS:
                yield f"`{owner['name']}` asks for `{use.get('ref')}` by unknown level `{level}`"


def _shape_problems(parts: dict[str, Any]) -> Iterable[str]:
    """Name what an entry lacks or has too much of; where there is any, nothing further can be said."""
    wanted: dict[str, tuple[str, ...]] = {
        "attributes": ("key", "type", "brief", "stability", "examples", "annotations"),
        "events": ("name", "brief", "stability", "attributes"),
        "metrics": ("name", "instrument", "unit", "brief", "stability", "attributes"),
    }
    more = {"attributes": {"deprecated", "note"}, "events": {"annotations", "note"}, "metrics": {"annotations", "note"}}
    for kind, keys in wanted.items():
        for number, entry in enumerate(parts[kind].get(kind) or (), 1):
            name = entry.get(keys[0], f"number {number}") if isinstance(entry, dict) else f"number {number}"
            if not isinstance(entry, dict):
                yield f"{kind[:-1]} {name} is no mapping"
                continue
            yield from (f"{kind[:-1]} `{name}` has no `{key}`" for key in keys if entry.get(key) is None)
            for key in sorted(set(entry) - set(keys) - more[kind]):
                near = get_close_matches(key, keys, n=1)
                yield f"{kind[:-1]} `{name}` has unknown key `{key}`{f': did you mean `{near[0]}`?' if near else ''}"
            if kind == "attributes" and isinstance(entry.get("annotations"), dict) and not entry["annotations"].get("json"):
                yield f"attribute `{name}` has no place in the envelope: add `annotations.json`"


def _path_problems(attributes: list[dict[str, Any]]) -> Iterable[str]:
    """Name a path below another's."""
    paths = {each["annotations"]["json"] for each in attributes}
    for path in sorted(paths):
        if any(other.startswith(f"{path}.") for other in paths):
            yield f"envelope path `{path}` holds a value, and others lie below it"


def _untold(parts: dict[str, Any], groups: dict[str, Any]) -> Iterable[str]:
    """Name an attribute that no event tells."""
    told = {use["ref"] for each in parts["events"]["events"] for use in each["attributes"] if "ref" in use}
    told |= {use["ref"] for uses in groups.values() for use in uses if "ref" in use}
    for each in parts["attributes"]["attributes"]:
        if each["key"] not in told and each["annotations"].get("set_by") != "processor":
            yield f"attribute `{each['key']}` is told by no event: add a `ref` in events.yaml"


def _attribute_problems(entry: dict[str, Any], keys: list[str]) -> Iterable[str]:
    key, kind = entry["key"], entry["type"]
    base = "string" if isinstance(kind, dict) else str(kind).removesuffix("[]")
    kinds: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "double": (int, float), "boolean": (bool,)}
    for example in entry["examples"]:
        items = example if str(kind).endswith("[]") and isinstance(example, list) else [example]
        if not all(isinstance(item, kinds.get(base, (object,))) for item in items):
            yield f"attribute `{key}` has an example `{example}` that is no {kind}"
    if not re.fullmatch(r"voice(\.[a-z][a-z0-9_]*)+", key):
        yield f"attribute `{key}` breaks the naming rules: lower case, dots between namespaces, underscores between words"
    if any(other.startswith(f"{key}.") for other in keys):
        yield f"attribute `{key}` is the namespace of another"
    if not isinstance(kind, dict) and kind.removesuffix("[]") not in KINDS:
        yield f"attribute `{key}` is of unknown type `{kind}`"
    if isinstance(kind, dict) and "enum" not in entry["annotations"]:
        yield f"attribute `{key}` is a closed set without a name for it: add `annotations.enum`"
    yield from (f"attribute `{key}` has unknown annotation `{name}`" for name in sorted(set(entry["annotations"]) - _ANNOTATIONS))
    renamed = (entry.get("deprecated") or {}).get("renamed_to")
    if renamed and renamed not in keys:
        yield f"attribute `{key}` was renamed to unknown attribute `{renamed}`"


def _clashes(kind: str, names: list[str]) -> Iterable[str]:
    """Name what is defined twice, and what becomes one once dots are underscores, as in a label."""
    yield from (f"{kind} `{name}` is defined twice" for name in _twice(names))
    flat: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = flat.setdefault(name.replace(".", "_"), name)
        if other != name:
            yield f"{kind} `{name}` and `{other}` become one once dots are underscores"


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
