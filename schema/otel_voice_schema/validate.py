"""Does an event's attributes conform? All problems at once; only `error` ones make an event unjudged."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from otel_voice_schema.attributes import (
    ATTRIBUTES,
    VOICE_CALL_ID,
    VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS,
    VOICE_EVIDENCE_MISSING,
    Attribute,
)
from otel_voice_schema.events import EVENTS

LONGEST_ID = 256
LONGEST_MS = 7 * 24 * 3600 * 1000  # no call lasts longer; an offset beyond would leave the range of times
_PYTHON: dict[str, type | tuple[type, ...]] = {"string": str, "int": int, "double": (int, float), "boolean": bool}
_SHARES = ("confidence", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One way a record does not conform. `severity` is error (unjudged) or warning; `code` is stable."""

    code: str
    severity: str
    key: str
    message: str


def check(name: str, attributes: Mapping[str, object], *, start_ns: int = 1, time_ns: int = 1) -> list[Problem]:
    """Return every problem of the event `name` with `attributes`; times are Unix nanoseconds."""
    event = EVENTS.get(name)
    if event is None:
        near = difflib.get_close_matches(name, EVENTS, n=1)
        hint = f": did you mean `{near[0]}`?" if near else ""
        return [Problem(code="unknown_event", severity="warning", key=name, message=f"unknown event `{name}`{hint}")]
    problems = []
    for key, value in attributes.items():
        fine = _FINE.get(key)
        if (fine is None or not fine(value)) and (problem := _of_value(key, value)):
            problems.append(problem)
    if not attributes.get(VOICE_CALL_ID):
        problems.append(_error("missing_attribute", VOICE_CALL_ID, f"`{VOICE_CALL_ID}` is missing or empty"))
    if time_ns <= 0:
        problems.append(_error("missing_time", "time", "the event has no time"))
    elif start_ns > time_ns:
        problems.append(_error("impossible_value", "time", "the event starts after it ends"))
    listed = attributes.get(VOICE_EVIDENCE_MISSING) or ()
    told = set(attributes) | (set(map(str, listed)) if isinstance(listed, (list, tuple)) else set())
    for key in sorted(event.facts - told):
        problems.append(
            Problem(code="missing_fact", severity="warning", key=key, message=f"`{key}` is neither present nor listed as missing")
        )
    return problems


def unjudged(problems: list[Problem]) -> tuple[str, ...]:
    """Return the codes that keep an event from being judged; empty if it can be."""
    return tuple(dict.fromkeys(problem.code for problem in problems if problem.severity == "error"))


def _error(code: str, key: str, message: str) -> Problem:
    return Problem(code=code, severity="error", key=key, message=message)


def _of_value(key: str, value: object) -> Problem | None:
    attribute = ATTRIBUTES.get(key)
    if attribute is None:
        return _unknown_key(key)
    if attribute.many:
        if not isinstance(value, (list, tuple)) or not all(_typed(attribute, item) for item in value):
            return _error("wrong_type", key, f"`{key}` is not a list of {attribute.type}")
        return None
    if not _typed(attribute, value):
        return _error("wrong_type", key, f"`{key}` is {type(value).__name__}, not {attribute.type}")
    if attribute.values is not None and value not in attribute.values:
        near = difflib.get_close_matches(str(value), attribute.values, n=1)
        hint = f": did you mean `{near[0]}`?" if near else f": one of {', '.join(sorted(attribute.values))}"
        return _error("unknown_value", key, f"`{value}` is no value of `{key}`{hint}")
    return _of_range(attribute, value)


def _typed(attribute: Attribute, value: object) -> bool:
    if isinstance(value, bool) and attribute.type != "boolean":
        return False
    return isinstance(value, _PYTHON[attribute.type])


def _of_range(attribute: Attribute, value: object) -> Problem | None:
    key = attribute.key
    if isinstance(value, float) and not math.isfinite(value):
        return _error("impossible_value", key, f"`{key}` is {value}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if key.endswith(_SHARES) and not 0 <= value <= 1:
            return _error("impossible_value", key, f"`{key}` is {value}, not between 0 and 1")
        if key.endswith("_ms") and value > LONGEST_MS and key != VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS:
            return _error("impossible_value", key, f"`{key}` is {value}, more than a week")
        if key.endswith("_ms") and value < 0:
            return _error("impossible_value", key, f"`{key}` is {value}, which is negative")
    if key.endswith(".id") and isinstance(value, str) and len(value) > LONGEST_ID:
        return _error("impossible_value", key, f"`{key}` has {len(value)} characters, more than {LONGEST_ID}")
    return None


@lru_cache(maxsize=4096)  # the search for the nearest name is dear, and a sender repeats its mistake on every span
def _unknown_key(key: str) -> Problem | None:
    if not key.startswith("voice."):
        return None
    near = difflib.get_close_matches(key, ATTRIBUTES, n=1, cutoff=0.85)
    if not near:
        return None
    return Problem(code="unknown_attribute", severity="warning", key=key, message=f"unknown attribute `{key}`: did you mean `{near[0]}`?")


def _fine(attribute: Attribute) -> Callable[[object], bool]:
    """Return a quick test that never passes what the full one refuses; what it fails goes to the full one."""
    values = attribute.values
    if attribute.many:
        return lambda value: False
    if attribute.type == "boolean":
        return lambda value: value is True or value is False
    if values is not None:
        return lambda value: type(value) is str and value in values
    if attribute.type == "string":
        return lambda value: type(value) is str and len(value) <= LONGEST_ID
    if attribute.type == "int":
        return lambda value: type(value) is int and 0 <= value <= LONGEST_MS
    return lambda value: type(value) is float and 0.0 <= value <= 1.0


_FINE = {key: _fine(attribute) for key, attribute in ATTRIBUTES.items()}
