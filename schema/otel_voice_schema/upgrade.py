"""Bring an event of any published version to the current one. Nothing is lost: what was written stays, what follows from it is added."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from otel_voice_schema import attributes as a
from otel_voice_schema.events import ALIASES, EVENTS, PUBLISHED_VERSIONS, SCHEMA_VERSION
from otel_voice_schema.record import Record, Value

RUNBOOK: Final = "2026-05-20"
_DATE: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
Step = Callable[[dict[str, Value]], None]


def is_newer(version: object) -> bool:
    """Tell whether a version is later than this package: a date after the current one."""
    return isinstance(version, str) and version > SCHEMA_VERSION and _DATE.fullmatch(version) is not None


def upgrade(record: Record) -> Record:
    """Return the event in the current version, itself where it is; one that is newer, or of no published version, is left as it is."""
    version = record.attributes.get(a.VOICE_SCHEMA_VERSION)
    name = ALIASES.get(record.name, record.name)
    if not isinstance(version, str) or version not in _STEPS:
        return record if name == record.name or is_newer(version) else replace(record, name=name)
    return replace(record, name=name, attributes=upgraded(record.attributes))


def upgraded(attributes: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return an event's attributes in the current version, themselves where they are."""
    version = attributes.get(a.VOICE_SCHEMA_VERSION)
    if not isinstance(version, str) or version not in _STEPS:
        return attributes
    facts = dict(attributes)
    for step in _STEPS[version]:
        step(facts)
    facts[a.VOICE_SCHEMA_VERSION] = SCHEMA_VERSION
    facts[a.VOICE_SCHEMA_ORIGINAL_VERSION] = version
    return facts


def _of_the_runbook(facts: dict[str, Value]) -> None:
    """Tell the task's state by its set of three, where the boolean told it."""
    preserved = facts.get(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE_PRESERVED)
    if isinstance(preserved, bool):
        state = a.TaskState.PRESERVED if preserved else a.TaskState.LOST
        facts.setdefault(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE, state.value)


_STEPS: Final[dict[str, tuple[Step, ...]]] = {RUNBOOK: (_of_the_runbook,)}


@cache
def published(version: str) -> Mapping[str, Any]:
    """Return the registry of a published version as it was, or the current one; raise `KeyError` for any other."""
    import json
    from importlib.resources import files

    if version not in PUBLISHED_VERSIONS:
        raise KeyError(version)
    text = files("otel_voice_schema").joinpath("versions", version, "registry.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def facts_of(version: str, name: str) -> frozenset[str]:
    """Return the facts that an event had to tell in a published version; those of the current one where that is no published version."""
    if version not in _STEPS:
        return EVENTS[name].facts
    for event in published(version)["events"]:
        if ALIASES.get(event["name"], event["name"]) == name:
            return frozenset(use["key"] for use in event["attributes"] if use["level"] == "recommended")
    return EVENTS[name].facts
