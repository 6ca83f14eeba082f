"""The registry as JSON Schemas, draft 2020-12: the envelope, one per event, and the policy file."""

from __future__ import annotations

import json
from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {"string": "string", "int": "integer", "double": "number", "boolean": "boolean"}
RFC3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"  # validators may ignore `format`
MEMBERS: dict[str, Any] = {
    "eventName": {"type": "string", "description": "Name of the event."},
    "occurredAt": {"type": "string", "format": "date-time", "pattern": RFC3339, "description": "When it occurred, RFC 3339."},
    "startedAt": {
        "type": "string",
        "format": "date-time",
        "pattern": RFC3339,
        "description": "Start of an event that has a duration, RFC 3339.",
    },
    "traceId": {"type": "string", "pattern": "^[0-9a-fA-F]{32}$", "description": "Trace of the call."},
    "spanId": {"type": "string", "pattern": "^[0-9a-fA-F]{16}$", "description": "Span that carried the event."},
    "parentSpanId": {"type": "string", "pattern": "^[0-9a-fA-F]{16}$", "description": "Its parent."},
    "resource": {"type": "object", "description": "OpenTelemetry resource of the emitter: attribute key to value."},
    "attributes": {"type": "object", "description": "Attributes that have no place of their own here: key to value."},
}

# What a policy's `lexicons` may add to, list by list.
WORDS = {
    "answers": "Yes and its kin: a listener's signal, and an answer where the agent had asked.",
    "listening": "What only a listener says; never an answer.",
    "fillers": "Sounds of hesitation, walked over wherever they stand.",
    "vocatives": "How callers address whoever they speak to; walked over around a listener's words, a summons alone.",
    "cues": "What takes the floor, whatever follows.",
    "cancels": "What calls off what is being done; takes the floor, too.",
    "asides": "What is said to others in the room.",
    "noise": "How a recogniser writes sounds that are no words.",
    "unheard": "How a recogniser writes words it could not make out.",
    "asked": "How the agent's text asks a question where it has no question mark.",
    "holds": "What asks the agent to wait.",
    "noes": "No and its kin: a turn, unless a listener's words follow after a comma.",
    "insists": "What contradicts a denial, among a listener's words: yes I have. A turn where the agent just denied something.",
    "choices": "How the agent's text offers a choice: one word of it said back is an answer then.",
    "denials": "How the agent's text says that something is not so.",
}
PERSON_WORDS = {
    "people": "Who can be asked for: agent, operator, manager.",
    "anyone": "Whom one asks for without naming them: somebody, a human.",
    "modifiers": "What stands between article and person: real, live.",
    "definite": "Articles that make a person the one of a story: the agent told me.",
    "talk": "Verbs of talking to somebody.",
    "ask": "Verbs of asking for somebody.",
    "phrases": "Whole phrases that ask for a person, or tell of an emergency.",
    "negators": "What makes it the opposite: not, without.",
    "between": "What may stand between the verb and the person.",
    "other_things": "What has a person's word in it and is none: human resources, my agent told me.",
    "declined": "Whole phrases that want no person.",
}


def render(registry: dict[str, Any]) -> dict[str, str]:
    """Return file name -> text."""
    base = registry["schema_url"].rsplit("/", 1)[0] + f"/{registry['version']}"
    by_key = {each["key"]: each for each in registry["attributes"]}
    files = {"envelope.json": _event(base, "envelope.json", "A voice interruption event", list(by_key.values()), None)}
    for event in registry["events"]:
        name = f"events/{event['name'].removeprefix('voice.interruption.')}.json"
        used = [by_key[use["key"]] for use in event["attributes"] if use["key"] in by_key]
        files[name] = _event(base, name, event["brief"], used, event)
    if any(each["known"] for each in registry["attributes"]):
        files["policy.json"] = _text(policy(base, by_key))
    return files


def _told(meanings: dict[str, str], schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema | {"description": meaning} for name, meaning in meanings.items()}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _event(base: str, file: str, title: str, attributes: list[dict[str, Any]], event: dict[str, Any] | None) -> str:
    properties = json.loads(json.dumps(MEMBERS))
    required = ["eventName", "occurredAt", "canonicalCallId"]
    if event is not None:
        properties["eventName"] = {"enum": [event["name"], *event["aliases"]], "description": event["brief"]}
    for each in attributes:
        if each["json"] != "*":
            _place(properties, each["json"], value_schema(each))
    properties["canonicalCallId"]["minLength"] = 1
    return _text(
        {"$schema": DRAFT, "$id": f"{base}/{file}", "title": title, "type": "object", "required": required, "properties": properties}
    )


def value_schema(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one attribute's value in the envelope."""
    schema: dict[str, Any] = {"type": TYPES[attribute["type"]]}
    if attribute["values"] is not None:
        schema["enum"] = [member["value"] for member in attribute["values"]]
    for name, word in (("min", "minimum"), ("max", "maximum"), ("max_length", "maxLength")):
        if attribute[name] is not None:
            schema[word] = attribute[name]
    if attribute["many"]:
        schema = {"type": "array", "items": schema, "maxItems": attribute["max_items"]}
    told = {"description": attribute["brief"], "examples": attribute["examples"]}
    return schema | told | ({"deprecated": True} if attribute["deprecated"] else {})


def _place(properties: dict[str, Any], path: str, schema: dict[str, Any]) -> None:
    head, _, tail = path.partition(".")
    if not tail:
        properties[head] = schema
        return
    inner = properties.setdefault(head, {"type": "object", "properties": {}})
    _place(inner["properties"], tail, schema)


def policy(base: str, by_key: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a policy file; what the words of a rule mean stands in the policy's own README."""
    actions = [member["value"] for member in by_key["voice.interruption.decision.action"]["values"]]
    types = by_key["voice.agent.message.type"]["known"]
    who = ["speech", "dtmf", "command", "escalation"]
    judged = ["correction", "backchannel", "noise", "dtmf", "escalation"]
    classes = ["correction", "backchannel", "noise", "dtmf", "unlisted_key", "escalation", "unknown", "sustained"]
    phrases = {"type": "array", "items": {"type": ["string", "boolean", "number"]}}  # unquoted, yes is no text in YAML
    languages = ["en", "en-GB", "es", "de", "fr", "pt", "it", "nl", "ja", "hi"]
    words = {
        "type": "object",
        "properties": _told(WORDS, phrases)
        | {"escalation": {"type": "object", "properties": _told(PERSON_WORDS, phrases), "additionalProperties": False}},
        "additionalProperties": False,
    }
    whole = {"type": "integer", "minimum": 0, "maximum": 600_000}
    later = {"type": "integer", "minimum": 0, "maximum": 3_600_000}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    whom = {"oneOf": [{"const": "none"}, {"type": "array", "items": {"enum": who}, "uniqueItems": True}]}
    rule: dict[str, Any] = {
        "because": {"type": "string", "pattern": "\\S", "description": "Why, for the people who read the policy."},
        "interrupted_by": whom | {"description": "Which input may interrupt at all."},
        "protected_allows": whom | {"description": "Which may even while the content is protected."},
        "grace_ms": whole | {"description": "From the response's start, no input interrupts for so long."},
        "min_speech_ms": whole | {"description": "Shorter speech does not interrupt."},
        "min_words": {"type": "integer", "minimum": 0, "maximum": 100} | {"description": "Fewer words do not interrupt."},
        "ask_again_ms": whole | {"minimum": 20, "description": "While it cannot be told, decide again after so long."},
        "patience_ms": whole | {"description": "How long a caller may pause within what they say."},
        "sustained_ms": whole | {"description": "Speech of unknown meaning that goes on so long gets the action `sustained`; 0 is never."},
        "min_vad_confidence": share | {"description": "A detector less sure than this does not tell of sustained speech."},
        "confidence_floor": share | {"description": "Below it the class counts as unknown."},
        "confidence_floors": {
            "type": "object",
            "description": "The same, for single classes.",
            "properties": dict.fromkeys(judged, share),
            "additionalProperties": False,
        },
        "cancellable": {"type": "boolean", "description": "Calling it off also cancels what runs behind the message."},
        "expected_keys": {
            "type": "array",
            "description": "The keys on offer.",
            "items": {"enum": [*"0123456789*#ABCD", *range(10)]},
            "uniqueItems": True,
        },
        "until": {
            "description": "How much must have been played: its end, a position or a fraction. Until then the content is protected.",
            "oneOf": [
                {"enum": ["end", "none"]},
                {"type": "object", "required": ["position_ms"], "properties": {"position_ms": later}, "additionalProperties": False},
                {"type": "object", "required": ["fraction"], "properties": {"fraction": share}, "additionalProperties": False},
            ],
        },
        "held": {"enum": actions, "description": "What to do with input that may not interrupt."},
        "actions": {
            "type": "object",
            "description": "What to do per class of input.",
            "properties": {name: {"enum": actions} for name in classes},
            "additionalProperties": False,
        },
        "silence": {
            "type": "array",
            "description": "What to do once the caller has been silent for so long; each step later than the one before.",
            "items": {
                "type": "object",
                "required": ["after_ms", "action"],
                "properties": {
                    "after_ms": later | {"minimum": 1},
                    "action": {"enum": ["wait", "reprompt", "escalate_to_human"]},
                    "times": {"type": "integer", "minimum": 1, "maximum": 20},
                },
                "additionalProperties": False,
            },
        },
    }
    ruled = {"type": "object", "additionalProperties": {"$ref": "#/$defs/rule"}}
    return {
        "$schema": DRAFT,
        "$id": f"{base}/policy.json",
        "title": "An interruption policy",
        "type": "object",
        "required": ["version"],
        "anyOf": [{"required": ["extends"]}, {"required": ["message_types"], "properties": {"message_types": {"required": types}}}],
        "properties": {
            "version": {"type": "string", "pattern": "\\S", "description": "Version of this policy; spans carry it."},
            "extends": {"const": "default", "description": "Start from the packaged policy."},
            "names": {
                "type": "object",
                "description": "Your names of messages, each mapped onto a message type.",
                "propertyNames": {"not": {"enum": types}},
                "additionalProperties": {"enum": types},
            },
            "lexicons": {
                "type": "object",
                "description": "Words added to the package's, by language; the judge does not read them.",
                "properties": dict.fromkeys(languages, words),
                "additionalProperties": False,
            },
            "defaults": {"$ref": "#/$defs/rule"},
            "message_types": ruled | {"properties": {name: {"$ref": "#/$defs/rule"} for name in types}},
            "workflows": {"type": "object", "additionalProperties": ruled},
        },
        "additionalProperties": False,
        "$defs": {"rule": {"type": "object", "properties": rule, "additionalProperties": False}},
    }
