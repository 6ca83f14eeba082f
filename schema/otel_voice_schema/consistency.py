"""What cannot both hold across the events of one call, in whatever order they are read. Bounded: the oldest calls are forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.problems import Problem
from otel_voice_schema.record import ENVELOPE, Record

MAX_CALLS: Final = 10_000
MAX_PARTS: Final = 1_000  # responses and stretches remembered of one call
_STARTS: Final = frozenset({e.AGENT_SPEECH_STARTED, e.USER_SPEECH_STARTED})
_STOPS: Final = frozenset({e.AGENT_SPEECH_STOPPED, e.AGENT_SPEECH_INTERRUPTED, e.USER_SPEECH_STOPPED})
_PARTS: Final = {
    e.AGENT_SPEECH_STARTED: a.VOICE_AGENT_RESPONSE_ID,
    e.AGENT_SPEECH_STOPPED: a.VOICE_AGENT_RESPONSE_ID,
    e.AGENT_SPEECH_INTERRUPTED: a.VOICE_AGENT_RESPONSE_ID,
    e.USER_SPEECH_STARTED: a.VOICE_CALLER_STRETCH_ID,
    e.USER_SPEECH_STOPPED: a.VOICE_CALLER_STRETCH_ID,
}


@dataclass(slots=True)
class _Part:
    """One response or stretch, as far as it was told."""

    started_ns: int | None = None
    stopped_ns: int | None = None
    planned_ms: int | None = None
    position_ms: int | None = None


@dataclass(slots=True)
class _Call:
    trace_id: str = ""
    ended_ns: int | None = None
    parts: OrderedDict[tuple[str, str], _Part] = field(default_factory=OrderedDict)
    told: set[str] = field(default_factory=set)


class Calls:
    """The calls of one reading; every contradiction is told once."""

    def __init__(self, most: int = MAX_CALLS) -> None:
        self._most = most
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    def check(self, record: Record) -> list[Problem]:
        """Return what an event, in the current version, contradicts of those before it."""
        call_id = record.attributes.get(a.VOICE_CALL_ID)
        if not isinstance(call_id, str) or not call_id:
            return []
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = _Call()
            if len(self._calls) > self._most:
                self._calls.popitem(last=False)
        return [*_of_trace(call, record), *_of_parts(call, record)]


def _of_trace(call: _Call, record: Record) -> Iterator[Problem]:
    if not record.trace_id or record.carrier == ENVELOPE:
        return
    if call.trace_id and call.trace_id != record.trace_id and "trace" not in call.told:
        call.told.add("trace")
        words = f"the call is in two traces, `{call.trace_id}` and `{record.trace_id}`: samplers may keep half of it"
        yield Problem(code="inconsistent_facts", key="traceId", message=words, found=record.trace_id, allowed=call.trace_id)
    call.trace_id = call.trace_id or record.trace_id


def _of_parts(call: _Call, record: Record) -> Iterator[Problem]:
    key = _PARTS.get(record.name)
    name = record.attributes.get(key) if key is not None else None
    if key is None or not isinstance(name, str) or not record.time_ns:
        return
    part = call.parts.get((key, name))
    if part is None:
        part = call.parts[key, name] = _Part()
        if len(call.parts) > MAX_PARTS:
            call.parts.popitem(last=False)
    if record.name in _STARTS and part.started_ns is None and record.attributes.get(a.VOICE_AGENT_PLAYBACK_RESUMED) is not True:
        part.started_ns = record.time_ns
        part.planned_ms = _whole(record, a.VOICE_AGENT_RESPONSE_DURATION_MS)
    elif record.name in _STOPS and part.stopped_ns is None:
        part.stopped_ns = record.time_ns
        part.position_ms = _whole(record, a.VOICE_AGENT_PLAYBACK_POSITION_MS)
    else:
        return
    if part.started_ns is not None and part.stopped_ns is not None and part.stopped_ns < part.started_ns:
        before = (part.started_ns - part.stopped_ns) / 1e6
        yield _problem(call, key, f"`{name}` stopped {before:g} ms before it started", name)
    if part.planned_ms is not None and part.position_ms is not None and part.position_ms > part.planned_ms > 0:
        where = f"`{name}` was played to {part.position_ms} ms, beyond its planned {part.planned_ms} ms"
        yield _problem(call, a.VOICE_AGENT_PLAYBACK_POSITION_MS, where, str(part.position_ms))


def _whole(record: Record, key: str) -> int | None:
    value = record.attributes.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _problem(call: _Call, key: str, words: str, found: str) -> Problem:
    return Problem(code="inconsistent_facts", key=key, message=words, found=found)
