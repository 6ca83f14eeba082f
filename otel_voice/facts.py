"""Checks an event's facts against the registry, and says which of them are missing."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema.events import EVENTS

from otel_voice.emit import Value, failed

_TYPES: Final[dict[str, tuple[type, ...]]] = {"string": (str,), "int": (int,), "double": (int, float), "boolean": (bool,)}


def checked(facts: Mapping[str, Value | None]) -> dict[str, Value]:
    """Return the facts the registry allows; what it does not is left out, and told, or raised where strict."""
    good: dict[str, Value] = {}
    for key, value in facts.items():
        if value is None:
            continue
        try:
            good[key] = _checked(key, value)
        except ValueError as error:
            failed(key, error)
    return good


def _checked(key: str, value: Value) -> Value:
    attribute = a.ATTRIBUTES.get(key)
    if attribute is None and not key.startswith("voice."):  # a name of OpenTelemetry's own, such as gen_ai.agent.name
        return value
    if attribute is None:
        raise ValueError(f"unknown attribute `{key}`{_near(key, list(a.ATTRIBUTES))}")
    kinds = _TYPES[attribute.type]
    if attribute.many:
        items = tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else None
        if items is None or not all(isinstance(item, kinds) for item in items):
            raise ValueError(f"`{key}` is a list of {attribute.type}")
        return items
    if not isinstance(value, kinds) or (isinstance(value, bool) and attribute.type != "boolean"):
        raise ValueError(f"`{key}` is a {attribute.type}, not a {type(value).__name__}")
    if attribute.values is not None and str(value) not in attribute.values:
        raise ValueError(f"`{value}` is not a value of `{key}`{_near(str(value), sorted(attribute.values))}")
    if attribute.type == "double" and isinstance(value, int):
        return float(value)
    return str(value) if isinstance(value, str) else value


def _near(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f": did you mean `{close[0]}`?" if close else ""


def missing(name: str, present: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the facts the event should tell and does not, in order."""
    event = EVENTS[name]
    kind = str(present.get(a.VOICE_CALLER_INPUT_TYPE, ""))
    wanted = event.facts | {key for key, words in event.conditional.items() if kind and words.endswith(f" {kind}")}
    return tuple(sorted(wanted - present.keys()))


def event_name(name: str) -> str:
    """Return a known event's name as it is, or raise with the nearest one."""
    if name not in EVENTS:
        raise ValueError(f"unknown event `{name}`{_near(name, list(EVENTS))}")
    return name
