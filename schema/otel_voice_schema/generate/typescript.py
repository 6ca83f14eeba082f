"""The registry as TypeScript: one module of constants and types, without dependencies."""

from __future__ import annotations

import json
from typing import Any

from otel_voice_schema.generate.python import PREFIX, constant

TYPES = {"string": "string", "int": "number", "double": "number", "boolean": "boolean"}
# Lists of names that the registry holds as text: a slip in one is a type error here.
ITEMS = {"voice.evidence.missing": "keyof VoiceAttributes", "voice.call.observable": 'Exclude<InputType, "silence">'}


def render(registry: dict[str, Any]) -> str:
    """Return the text of otel-voice.ts."""
    attributes, events = registry["attributes"], registry["events"]
    out = [
        f"// Names of the otel-voice schema {registry['version']}. Generated from its registry; do not edit.\n\n",
        f"export const SCHEMA_VERSION = {json.dumps(registry['version'])} as const;\n",
        f"export const SCHEMA_URL = {json.dumps(registry['schema_url'])} as const;\n\n",
    ]
    for each in events:
        name = f"EVENT_{constant(each['name'].removeprefix(PREFIX))}"
        out.append(f"/** {each['brief']} */\nexport const {name} = {json.dumps(each['name'])} as const;\n")
    out.append("\n/** Events that an agent or its runtime emits. */\n" + _union("VoiceEventName", events, processor=False))
    out.append("\n/** Events that only the processor emits. */\n" + _union("ProcessorEventName", events, processor=True) + "\n")
    for each in attributes:
        old = (each["deprecated"] or {}).get("renamed_to")
        note = f" @deprecated use `{old}`" if old else ""
        out.append(f"/** {_told(each)}{note} */\nexport const {constant(each['key'])} = {json.dumps(each['key'])} as const;\n")
    out.append("".join(f"\nexport const {constant(key)} = {json.dumps(key)} as const;" for key in registry["imported"]) + "\n")
    for each in attributes:
        if each["enum"] is None:
            continue
        closed = each["values"] is not None
        values = [member["value"] for member in each["values"]] if closed else each["known"]
        more = "" if closed else " | (string & {})"  # an open set still offers what is known
        out.append(f"\n/** {each['brief']} */\nexport const {each['enum']} = {{\n")
        out += [f"  {constant(value)}: {json.dumps(value)},\n" for value in values]
        out.append(f"}} as const;\nexport type {each['enum']} = (typeof {each['enum']})[keyof typeof {each['enum']}]{more};\n")
    out.append(
        "\n/** What a sender may tell, with the type of each value; numbers of int attributes are whole. */\nexport type VoiceAttributes = {\n"
    )
    out += [_member(each) for each in attributes if not each["set_by"]]
    out += [f"  {json.dumps(key)}?: string | undefined;\n" for key in registry["imported"]]
    out.append("};\n\n/** What only the processor sets. */\nexport type ProcessorAttributes = {\n")
    out += [_member(each) for each in attributes if each["set_by"]]
    out.append(
        "};\n\n/** The facts each event tells, or lists in `voice.evidence.missing`; those of one kind of input where it is that. */\n"
    )
    out.append("export const FACTS = {\n")
    for each in events:
        if not each["set_by"]:
            facts = [use["key"] for use in each["attributes"] if use["level"] in {"required", "recommended", "conditionally_required"}]
            out.append(f"  {json.dumps(each['name'])}: {json.dumps(facts)},\n")
    out.append("} as const satisfies Record<VoiceEventName, readonly (keyof VoiceAttributes)[]>;\n")
    return "".join(out)


def _union(name: str, events: list[dict[str, Any]], *, processor: bool) -> str:
    names = [json.dumps(each["name"]) for each in events if bool(each["set_by"]) is processor]
    return f"export type {name} =\n  | " + "\n  | ".join(names) + ";\n"


def _member(attribute: dict[str, Any]) -> str:
    kind = attribute["enum"] or TYPES[attribute["type"]]
    if attribute["many"]:
        kind = f"({ITEMS.get(attribute['key'], kind)})[]"
    return f"  {json.dumps(attribute['key'])}?: {kind} | undefined;\n"


def _told(attribute: dict[str, Any]) -> str:
    unit = f" Unit: {attribute['unit']}." if attribute["unit"] else ""
    return f"{attribute['brief']}{unit}".replace("*/", "* /")
