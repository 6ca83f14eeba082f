"""The registry as Python: typed constants, closed sets as enums, descriptor tables."""

from __future__ import annotations

import json
import re
from typing import Any

HEAD = '"""{what}. Generated from registry/ by `python -m otel_voice_schema.generate`; do not edit."""\n\nfrom __future__ import annotations\n\n'
TYPES = {"string": "str", "int": "int", "double": "float", "boolean": "bool"}
PREFIX = "voice.interruption."


def constant(name: str, *, words: bool = False) -> str:
    """Return a name as a constant, `voice.call.id` as `VOICE_CALL_ID`, of `words` in one `MessageType` as `MESSAGE_TYPE`."""
    return re.sub(r"[^A-Z0-9]", "_", (re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name) if words else name).upper())


def literal(value: object) -> str:
    """Return a value as Python source."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _call(kind: str, fields: dict[str, str]) -> str:
    inner = "".join(f"            {name}={value},\n" for name, value in fields.items())
    return f"        {kind}(\n{inner}        ),\n"


def _table(name: str, kind: str, key: str, calls: list[str]) -> str:
    one = kind.lower()
    return f"{name}: Final[dict[str, {kind}]] = {{\n    {one}.{key}: {one}\n    for {one} in (\n{''.join(calls)}    )\n}}\n"


def _set(values: list[str]) -> str:
    return "frozenset({" + ", ".join(literal(value) for value in values) + "})" if values else "frozenset()"


def _tuple(values: list[Any]) -> str:
    return "(" + "".join(f"{literal(value)}, " for value in values).rstrip(" ") + ")"


def render_attributes(registry: dict[str, Any]) -> str:
    """Return the text of attributes.py."""
    attributes = registry["attributes"]
    out = [HEAD.format(what="Attribute keys, closed sets and descriptors")]
    out.append("from dataclasses import dataclass\nfrom enum import StrEnum\nfrom typing import Final, Literal, TypeAlias\n\n")
    for key in [*(each["key"] for each in attributes), *registry["imported"]]:
        out.append(f"{constant(key)}: Final = {literal(key)}\n")
    for each in attributes:
        if each["known"]:
            out.append(f"\n{constant(each['enum'], words=True)}S: Final = {_tuple(each['known'])}  # an open set: what a policy rules on\n")
    for each in attributes:
        if each["values"] is None:
            continue
        name, values = each["enum"], [member["value"] for member in each["values"]]
        out.append(f'\n\nclass {name}(StrEnum):\n    """{each["brief"].rstrip(".")}."""\n\n')
        out += [f"    {value.upper()} = {literal(value)}\n" for value in values]
        out.append(f"\n\n{name}Value: TypeAlias = {name} | Literal[{', '.join(literal(value) for value in values)}]\n")
    out.append(
        "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Attribute:\n"
        '    """What the registry says of one attribute.\n\n'
        "    `type` is string, int, double or boolean, `many` a list of it; `min` and `max` bound a number, `max_length` the characters of a\n"
        "    text, `max_items` a list; `json` is the path in the envelope, `sensitivity` none, content (of the caller's words) or pseudonym.\n"
        '    """\n\n'
        "    key: str\n    type: str\n    many: bool\n    values: frozenset[str] | None\n    json: str\n    brief: str\n    unit: str | None\n"
        "    sensitivity: str\n    min: float | None\n    max: float | None\n    max_length: int | None\n    max_items: int | None\n"
        "    renamed_to: str | None\n    by_processor: bool\n\n\n"
    )
    calls = [
        _call(
            "Attribute",
            {
                "key": literal(each["key"]),
                "type": literal(each["type"]),
                "many": str(each["many"]),
                "values": "None" if each["values"] is None else _set([member["value"] for member in each["values"]]),
                "json": literal(each["json"]),
                "brief": literal(each["brief"]),
                **{name: literal(each[name]) for name in ("unit", "sensitivity", "min", "max", "max_length", "max_items")},
                "renamed_to": literal((each["deprecated"] or {}).get("renamed_to")),
                "by_processor": str(each["set_by"] == "processor"),
            },
        )
        for each in attributes
    ]
    out.append(_table("ATTRIBUTES", "Attribute", "key", calls))
    return "".join(out)


def render_events(registry: dict[str, Any], published: list[str]) -> str:
    """Return the text of events.py; `published` are the versions before the current one."""
    out = [HEAD.format(what="Event names and what each must tell")]
    out.append("from dataclasses import dataclass\nfrom typing import Final\n\n")
    out.append(f'PREFIX: Final = "{PREFIX}"\nSCHEMA_VERSION: Final = "{registry["version"]}"\n')
    out.append(
        f"PUBLISHED_VERSIONS: Final = {_tuple([*published, registry['version']])}\nSCHEMA_URL: Final = {literal(registry['schema_url'])}\n\n"
    )
    out += [f"{constant(each['name'].removeprefix(PREFIX))}: Final = {literal(each['name'])}\n" for each in registry["events"]]
    out.append(
        "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Event:\n"
        '    """One event: `facts` must be present or listed as missing, `conditional` likewise when its words hold.\n\n'
        "    `duration` is the attribute that says how long before its time the event began; point events have none.\n"
        '    """\n\n'
        "    name: str\n    brief: str\n    required: frozenset[str]\n    facts: frozenset[str]\n    conditional: dict[str, str]\n"
        "    optional: frozenset[str]\n    aliases: tuple[str, ...]\n    duration: str | None\n    by_processor: bool\n\n\n"
    )
    calls = []
    for each in registry["events"]:
        keys: dict[str, list[str]] = {"required": [], "recommended": [], "opt_in": [], "conditionally_required": []}
        for use in each["attributes"]:
            keys[use["level"]].append(use["key"])
        when = {use["key"]: use["when"] for use in each["attributes"] if use["when"]}
        calls.append(
            _call(
                "Event",
                {
                    "name": literal(each["name"]),
                    "brief": literal(each["brief"]),
                    "required": _set(keys["required"]),
                    "facts": _set(keys["recommended"]),
                    "conditional": "{" + ", ".join(f"{literal(key)}: {literal(words)}" for key, words in when.items()) + "}",
                    "optional": _set(keys["opt_in"]),
                    "aliases": _tuple(each["aliases"]),
                    "duration": literal(each["duration"]),
                    "by_processor": str(each["set_by"] == "processor"),
                },
            )
        )
    out.append(_table("EVENTS", "Event", "name", calls))
    out.append("ALIASES: Final[dict[str, str]] = {alias: event.name for event in EVENTS.values() for alias in event.aliases}\n")
    return "".join(out)


def render_metrics(registry: dict[str, Any]) -> str:
    """Return the text of metrics.py."""
    out = [HEAD.format(what="Metrics the processor writes about calls")]
    out.append("from dataclasses import dataclass\nfrom typing import Final\n\n")
    out += [f"{constant(each['name'].removeprefix('voice.'))}: Final = {literal(each['name'])}\n" for each in registry["metrics"]]
    out.append(
        "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Metric:\n"
        '    """One metric: `instrument` is counter, histogram or gauge, `labels` the attribute keys on its data points, buckets in its unit."""\n\n'
        "    name: str\n    instrument: str\n    unit: str\n    brief: str\n    labels: tuple[str, ...]\n    buckets: tuple[float, ...]\n\n\n"
    )
    calls = [
        _call(
            "Metric",
            {
                **{name: literal(each[name]) for name in ("name", "instrument", "unit", "brief")},
                "labels": _tuple(each["attributes"]),
                "buckets": _tuple(each["buckets"]),
            },
        )
        for each in registry["metrics"]
    ]
    out.append(_table("METRICS", "Metric", "name", calls))
    return "".join(out)
