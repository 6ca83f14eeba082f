"""Checks an event's facts against the registry, and says which of them are missing."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from otel_voice_schema import attributes as a
from otel_voice_schema.events import EVENTS
from otel_voice_schema.validate import FINE, value_problem

from otel_voice.emit import Value, left_out

Facts = dict[str, Value | None]
Moment = int | datetime  # Unix nanoseconds, or a datetime with a zone
MS: Final = 1_000_000
LONGEST_ID: Final = 256
LONGEST_MS: Final = 7 * 24 * 3_600_000  # no call lasts that long
_FACTS: Final = {name: tuple(sorted(event.facts)) for name, event in EVENTS.items()}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INT64: Final = 2**63


def checked(facts: Mapping[str, Value | None]) -> dict[str, Value]:
    """Return the facts the registry allows; what it does not is left out, and told, or raised where strict."""
    good: dict[str, Value] = {}
    for key, value in facts.items():
        if value is None:
            continue
        fine = FINE.get(key)
        if fine is not None and fine(value) and (type(value) is not str or value.isascii()):
            good[key] = value
            continue
        try:
            good[key] = _checked(key, value)
        except Exception as error:  # of a value's own methods, too
            left_out(key, error)
    return good


def _checked(key: str, value: Value) -> Any:
    attribute = a.ATTRIBUTES.get(key)
    if attribute is None and not key.startswith("voice."):  # a name of OpenTelemetry's own, such as gen_ai.agent.name
        return _sendable(key, value)
    if attribute is None:
        raise ValueError(f"unknown attribute `{key}`{_near(key, list(a.ATTRIBUTES))}")
    if attribute.many:
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise ValueError(f"`{key}` is a list of {attribute.type}")
        value = tuple(value)
    plain = _sendable(key, float(value) if attribute.type == "double" and type(value) is int else value)
    problem = value_problem(key, plain)
    if problem is not None:
        raise ValueError(problem.message)
    return plain


def _sendable(key: str, value: Any) -> Any:
    """Return a value that OTLP can carry: one that it cannot would take a whole batch of spans along when they are encoded."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(_sendable(key, item) for item in value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"`{key}` holds a surrogate, which is no text") from None
        return str.__str__(value)  # of an enum its value
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"`{key}` is neither text, nor a boolean, nor a 64-bit whole or finite number")


def _near(word: str, known: list[str]) -> str:
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(word, known, n=1)
    return f": did you mean `{close[0]}`?" if close else ""


def missing(name: str, present: Mapping[str, object]) -> tuple[str, ...]:
    """Return the facts the event should tell and does not, in order."""
    absent = [key for key in _FACTS[name] if key not in present]
    conditional = EVENTS[name].conditional
    if conditional:
        kind = present.get(a.VOICE_CALLER_INPUT_TYPE, "")
        absent = sorted([*absent, *(key for key, words in conditional.items() if words.endswith(f" {kind}") and key not in present)])
    return tuple(absent)


def event_name(name: str) -> str:
    """Return a known event's name as it is, or raise with the nearest one."""
    if name not in EVENTS:
        raise ValueError(f"unknown event `{name}`{_near(name, list(EVENTS))}")
    return name


def text_id(call_id: object) -> str:
    """Return a call id as text, an int's or a UUID's too; raise ValueError for what can be none."""
    if type(call_id).__name__ == "UUID" or (isinstance(call_id, int) and not isinstance(call_id, bool)):
        return str(call_id)
    if not isinstance(call_id, str) or not call_id.strip():
        raise ValueError("a call id is text and not empty; no event of this call is sent")
    if len(call_id) > LONGEST_ID:
        raise ValueError(f"a call id has at most {LONGEST_ID} characters; no event of this call is sent")
    try:
        call_id.encode()
    except UnicodeEncodeError:
        raise ValueError("the call id holds a surrogate, which is no text; no event of this call is sent") from None
    return call_id


def share(value: object) -> float:
    """Return a number from 0 to 1, or raise ValueError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError("a share is a number from 0 to 1")


def unix_ns(value: object) -> int:
    """Return a time as OTLP has it, or raise ValueError."""
    if type(value) is int and 0 <= value < _INT64:
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone is no moment: `datetime.now(UTC)` is one")
        moment = (value - _EPOCH) // timedelta(microseconds=1) * 1000
        if 0 <= moment < _INT64:
            return moment
        raise ValueError("a datetime before 1970 or after 2262 is no moment that OTLP can say")
    raise ValueError("a time is a whole number of nanoseconds since 1970, as `time.time_ns()` gives it, or a datetime with a zone")


def before(now_ns: int, ms: object) -> int:
    """Return the time `ms` before; the same time where that is no length of a call's part."""
    given = isinstance(ms, (int, float)) and 0 <= ms <= LONGEST_MS
    return max(0, now_ns - round(ms * MS)) if given and isinstance(ms, (int, float)) else now_ns


def key_facts(digit: str | None, offered: Collection[str] | None, *, sendable: bool) -> Facts:
    """Compare a key with what is on offer here, so that the key itself need not leave."""
    if digit is None:
        return {}
    classes = {"*": a.DtmfClass.STAR, "#": a.DtmfClass.POUND, **dict.fromkeys("0123456789ABCDabcd", a.DtmfClass.DIGIT)}
    expected: str | None = None
    if offered is not None:
        listed = a.DtmfExpected.LISTED if digit in offered else a.DtmfExpected.NONE
        expected = (a.DtmfExpected.ANY if offered == "any" else listed).value
    return {
        a.VOICE_CALLER_DTMF_CLASS: kind.value if (kind := classes.get(digit)) else None,
        a.VOICE_CALLER_DTMF_EXPECTED: expected,
        a.VOICE_CALLER_DTMF_DIGIT: digit if sendable else None,
    }
