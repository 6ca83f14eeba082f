"""The registry as TypeScript: one module of constants and types, without dependencies."""

from __future__ import annotations

import json
from typing import Any

from otel_voice_schema.generate.python import PREFIX, constant

TYPES = {"string": "string", "int": "number", "double": "number", "boolean": "boolean"}


def render(registry: dict[str, Any]) -> str:
    """Return the text of otel-voice.ts."""
    attributes, events = registry["attributes"], registry["events"]
    out = [
        f"// Names of the otel-voice schema {registry['version']}. Generated from its registry; do not edit.\n\n",
        f"export const SCHEMA_VERSION = {json.dumps(registry['version'])} as const;\n",
        f"export const SCHEMA_URL = {json.dumps(registry['schema_url'])} as const;\n\n",
    ]
    for each in events:
        out.append(
            f"/** {each['brief']} */\nexport const EVENT_{constant(each['name'].removeprefix(PREFIX))} = {json.dumps(each['name'])} as const;\n"
        )
    out.append("\n")
    for each in attributes:
        old = (each["deprecated"] or {}).get("renamed_to")
        note = f" @deprecated use `{old}`" if old else ""
        out.append(f"/** {_told(each)}{note} */\nexport const {constant(each['key'])} = {json.dumps(each['key'])} as const;\n")
    for each in attributes:
        if each["values"] is not None:
            values = [member["value"] for member in each["values"]]
            out.append(f"\n/** {each['brief']} */\nexport const {each['enum']} = {{\n")
            out += [f"  {constant(value)}: {json.dumps(value)},\n" for value in values]
            out.append(f"}} as const;\nexport type {each['enum']} = (typeof {each['enum']})[keyof typeof {each['enum']}];\n")
    out.append(
        "\n/** Every attribute of the schema with the type of its value; numbers of int attributes are whole. */\nexport interface VoiceAttributes {\n"
    )
    for each in attributes:
        kind = each["enum"] or TYPES[each["type"]]
        out.append(f"  {json.dumps(each['key'])}?: {kind}{'[]' if each['many'] else ''};\n")
    out.append("}\n")
    return "".join(out)


def _told(attribute: dict[str, Any]) -> str:
    unit = f" Unit: {attribute['unit']}." if attribute["unit"] else ""
    return f"{attribute['brief']}{unit}".replace("*/", "* /")
