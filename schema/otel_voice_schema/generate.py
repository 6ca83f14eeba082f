"""Turn the registry into Python constants, JSON Schemas and tables; `--check` tells what is stale.

Needs PyYAML; everything it writes is stdlib only. Run it as ``python -m otel_voice_schema.generate``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEAD = '"""{what}. Generated from registry/ by generate.py; do not edit."""\n\nfrom __future__ import annotations\n\n'
PYTHON_TYPES = {"string": "str", "int": "int", "double": "float", "boolean": "bool"}
JSON_TYPES = {"string": "string", "int": "integer", "double": "number", "boolean": "boolean"}


def read_registry(folder: Path = HERE / "registry") -> dict[str, Any]:
    """Return manifest, attributes, groups, events and metrics; raise `ValueError` where references do not resolve."""
    import yaml

    parts = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))}
    registry = {
        "manifest": parts["manifest"],
        "attributes": parts["attributes"]["attributes"],
        "imported": parts["events"]["imports"]["attributes"],
        "groups": {group["id"]: group["attributes"] for group in parts["events"]["attribute_groups"]},
        "events": parts["events"]["events"],
        "metrics": parts["metrics"]["metrics"],
    }
    problems = list(_problems(registry))
    if problems:
        raise ValueError("; ".join(problems))
    return registry


def _problems(registry: dict[str, Any]) -> list[str]:
    """Name every clash and every reference without a definition."""
    keys = [attribute["key"] for attribute in registry["attributes"]]
    known = set(keys) | set(registry["imported"])
    found = [f"attribute `{key}` is defined twice" for key in sorted({k for k in keys if keys.count(k) > 1})]
    found += [f"attribute `{key}` breaks the naming rules" for key in keys if not re.fullmatch(r"voice(\.[a-z][a-z0-9_]*)+", key)]
    for kind in ("events", "metrics"):
        names = [entry["name"] for entry in registry[kind]]
        flat = [name.replace(".", "_") for name in names]
        found += [
            f"{kind}: `{name}` is not distinct once dots become underscores" for name in names if flat.count(name.replace(".", "_")) > 1
        ]
        for entry in registry[kind]:
            for use in entry["attributes"]:
                if "ref" in use and use["ref"] not in known:
                    found.append(f"`{entry['name']}` refers to unknown attribute `{use['ref']}`")
                if "ref_group" in use and use["ref_group"] not in registry["groups"]:
                    found.append(f"`{entry['name']}` refers to unknown group `{use['ref_group']}`")
    paths = [attribute["annotations"]["json"] for attribute in registry["attributes"]]
    found += [f"envelope path `{path}` is used twice" for path in sorted({p for p in paths if paths.count(p) > 1})]
    return found


def uses(registry: dict[str, Any], event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the attribute uses of an event, its groups unfolded."""
    listed: list[dict[str, Any]] = []
    for use in event["attributes"]:
        listed += registry["groups"][use["ref_group"]] if "ref_group" in use else [use]
    seen: dict[str, dict[str, Any]] = {}
    for use in listed:  # an event's own requirement outranks the group's
        seen[use["ref"]] = use
    return list(seen.values())


def _values(attribute: dict[str, Any]) -> list[str] | None:
    kind = attribute["type"]
    return [member["value"] for member in kind["members"]] if isinstance(kind, dict) else None


def _scalar(attribute: dict[str, Any]) -> tuple[str, bool]:
    kind = "string" if isinstance(attribute["type"], dict) else attribute["type"]
    return kind.removesuffix("[]"), kind.endswith("[]")


def _constant(key: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", key.upper())


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def render_attributes(registry: dict[str, Any]) -> str:
    """Return the text of attributes.py: a constant per key, an enum per closed set, a descriptor table."""
    out = [HEAD.format(what="Attribute keys, closed sets and descriptors")]
    out.append("from dataclasses import dataclass\nfrom enum import StrEnum\nfrom typing import Final\n\n")
    for attribute in registry["attributes"]:
        out.append(f"{_constant(attribute['key'])}: Final = {_literal(attribute['key'])}\n")
    for key in registry["imported"]:
        out.append(f"{_constant(key)}: Final = {_literal(key)}\n")
    for attribute in registry["attributes"]:
        values = _values(attribute)
        if values is None:
            continue
        brief = attribute["brief"].rstrip(".")
        out.append(f'\n\nclass {attribute["annotations"]["enum"]}(StrEnum):\n    """{brief}."""\n\n')
        out += [f"    {value.upper()} = {_literal(value)}\n" for value in values]
    out.append(
        "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Attribute:\n"
        '    """What the registry says of one attribute: `type` is string, int, double or boolean, `many` a list of it."""\n\n'
        "    key: str\n    type: str\n    many: bool\n    values: frozenset[str] | None\n    json: str\n    sensitivity: str | None\n"
        "    by_processor: bool\n\n\nATTRIBUTES: Final[dict[str, Attribute]] = {\n    attribute.key: attribute\n    for attribute in (\n"
    )
    for attribute in registry["attributes"]:
        kind, many = _scalar(attribute)
        values = _values(attribute)
        listed = "None" if values is None else "frozenset({" + ", ".join(_literal(value) for value in values) + "})"
        note = attribute["annotations"]
        out.append(
            f"        Attribute(\n            key={_literal(attribute['key'])},\n            type={_literal(kind)},\n            many={many},\n"
            f"            values={listed},\n            json={_literal(note['json'])},\n"
            f"            sensitivity={_literal(note.get('sensitivity'))},\n            by_processor={note.get('set_by') == 'processor'},\n        ),\n"
        )
    out.append("    )\n}\n")
    return "".join(out)


def render_events(registry: dict[str, Any]) -> str:
    """Return the text of events.py: a constant per name, a descriptor table, the runbook's aliases."""
    manifest = registry["manifest"]
    version = manifest["schema_version"]
    dotted = ".".join(str(int(part)) for part in version.split("-"))
    out = [HEAD.format(what="Event names and what each must tell")]
    out.append("from dataclasses import dataclass\nfrom typing import Final\n\n")
    out.append(f'PREFIX: Final = "voice.interruption."\nSCHEMA_VERSION: Final = "{version}"\n')
    out.append(
        f'PUBLISHED_VERSIONS: Final = {(*manifest["published"], version)!r}\nSCHEMA_URL: Final = "{manifest["schema_base_url"]}/{dotted}"\n\n'.replace(
            "'", '"'
        )
    )
    for event in registry["events"]:
        out.append(f"{_constant(event['name'].removeprefix('voice.interruption.'))}: Final = {_literal(event['name'])}\n")
    out.append(
        "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Event:\n"
        '    """One event: `facts` must be present or listed as missing, `conditional` likewise when its words hold."""\n\n'
        "    name: str\n    brief: str\n    required: frozenset[str]\n    facts: frozenset[str]\n    conditional: dict[str, str]\n"
        "    optional: frozenset[str]\n    aliases: tuple[str, ...]\n    by_processor: bool\n\n\nEVENTS: Final[dict[str, Event]] = {\n    event.name: event\n    for event in (\n"
    )
    for event in registry["events"]:
        sets: dict[str, list[str]] = {"required": [], "recommended": [], "opt_in": []}
        conditional: dict[str, str] = {}
        for use in uses(registry, event):
            level = use["requirement_level"]
            if isinstance(level, dict):
                conditional[use["ref"]] = level["conditionally_required"]
            else:
                sets[level].append(use["ref"])
        note = event.get("annotations", {})

        def listed(keys: list[str]) -> str:
            return "frozenset({" + ", ".join(_literal(key) for key in keys) + "})" if keys else "frozenset()"

        aliases = "(" + "".join(f"{_literal(name)}, " for name in note.get("aliases", [])) + ")"
        conditions = "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in conditional.items()) + "}"
        out.append(
            f"        Event(\n            name={_literal(event['name'])},\n            brief={_literal(event['brief'])},\n"
            f"            required={listed(sets['required'])},\n            facts={listed(sets['recommended'])},\n            conditional={conditions},\n"
            f"            optional={listed(sets['opt_in'])},\n            aliases={aliases},\n            by_processor={note.get('set_by') == 'processor'},\n        ),\n"
        )
    out.append("    )\n}\nALIASES: Final[dict[str, str]] = {alias: event.name for event in EVENTS.values() for alias in event.aliases}\n")
    return "".join(out)


def render_metrics(registry: dict[str, Any]) -> str:
    """Return the text of metrics.py: a constant per name and a descriptor table."""
    out = [HEAD.format(what="Metrics the processor writes about calls")]
    out.append("from dataclasses import dataclass\nfrom typing import Final\n\n")
    for metric in registry["metrics"]:
        out.append(f"{_constant(metric['name'].removeprefix('voice.'))}: Final = {_literal(metric['name'])}\n")
    out.append(
        "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Metric:\n"
        '    """One metric: `instrument` is counter or histogram, `labels` the attribute keys on its data points, buckets in its unit."""\n\n'
        "    name: str\n    instrument: str\n    unit: str\n    brief: str\n    labels: tuple[str, ...]\n    buckets: tuple[float, ...]\n\n\n"
        "METRICS: Final[dict[str, Metric]] = {\n    metric.name: metric\n    for metric in (\n"
    )
    for metric in registry["metrics"]:
        labels = "(" + "".join(f"{_literal(use['ref'])}, " for use in metric["attributes"]) + ")"
        buckets = "(" + "".join(f"{edge}, " for edge in metric.get("annotations", {}).get("buckets", [])) + ")"
        out.append(
            f"        Metric(\n            name={_literal(metric['name'])},\n            instrument={_literal(metric['instrument'])},\n"
            f"            unit={_literal(metric['unit'])},\n            brief={_literal(metric['brief'])},\n            labels={labels},\n            buckets={buckets},\n        ),\n"
        )
    out.append("    )\n}\n")
    return "".join(out)


def _json_type(attribute: dict[str, Any]) -> dict[str, Any]:
    kind, many = _scalar(attribute)
    schema: dict[str, Any] = {"type": JSON_TYPES[kind]}
    values = _values(attribute)
    if values is not None:
        schema["enum"] = values
    if many:
        schema = {"type": "array", "items": schema}
    leaf = attribute["key"].rsplit(".", 1)[-1]
    if kind == "double" and leaf in {"confidence", "class_confidence", "ratio"}:
        schema |= {"minimum": 0, "maximum": 1}
    if kind == "int" and not many and leaf.endswith("_ms"):
        schema["minimum"] = 0
    return schema | {"description": attribute["brief"]}


def _place(properties: dict[str, Any], path: str, schema: dict[str, Any]) -> None:
    head, _, tail = path.partition(".")
    if not tail:
        properties[head] = schema
        return
    inner = properties.setdefault(head, {"type": "object", "properties": {}})
    _place(inner["properties"], tail, schema)


def render_json_schemas(registry: dict[str, Any]) -> dict[str, str]:
    """Return file name -> JSON Schema (draft 2020-12): the envelope and one per event."""
    manifest = registry["manifest"]
    by_key = {attribute["key"]: attribute for attribute in registry["attributes"]}
    base = f"{manifest['schema_base_url']}/{manifest['schema_version']}"
    fixed: dict[str, Any] = {
        "eventName": {"type": "string", "description": "Name of the event."},
        "occurredAt": {"type": "string", "format": "date-time", "description": "When it occurred."},
        "startedAt": {"type": "string", "format": "date-time", "description": "Start of an event with a duration."},
        "traceId": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "Trace of the call."},
        "spanId": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "Span that carried the event."},
    }

    def document(name: str, title: str, keys: list[str], constant: str | None) -> str:
        properties = json.loads(json.dumps(fixed))
        if constant:
            properties["eventName"] = {
                "enum": [constant, *next(e for e in registry["events"] if e["name"] == constant).get("annotations", {}).get("aliases", [])]
            }
        for key in keys:
            if key in by_key:
                _place(properties, by_key[key]["annotations"]["json"], _json_type(by_key[key]))
        return (
            json.dumps(
                {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "$id": f"{base}/{name}",
                    "title": title,
                    "type": "object",
                    "required": ["eventName", "eventVersion", "occurredAt", "canonicalCallId"],
                    "properties": properties,
                },
                indent=2,
                ensure_ascii=False,
            )
            + "\n"
        )

    files = {"envelope.json": document("envelope.json", "A voice interruption event", list(by_key), None)}
    for event in registry["events"]:
        name = event["name"].removeprefix("voice.interruption.") + ".json"
        files[name] = document(name, event["brief"], [use["ref"] for use in uses(registry, event)], event["name"])
    return files


def render(registry: dict[str, Any]) -> dict[Path, str]:
    """Return path (below the package) -> text of everything that is generated."""
    files = {
        Path("attributes.py"): render_attributes(registry),
        Path("events.py"): render_events(registry),
        Path("metrics.py"): render_metrics(registry),
    }
    folder = Path("versions") / registry["manifest"]["schema_version"]
    return files | {folder / name: text for name, text in render_json_schemas(registry).items()}


def main(arguments: list[str] | None = None) -> int:
    """Write what is generated, or with `--check` list what is stale; return 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if anything is stale")
    options = parser.parse_args(arguments)
    stale = 0
    for path, text in render(read_registry()).items():
        target = HERE / path
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{'stale' if options.check else 'wrote'} {path}")
        if not options.check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
