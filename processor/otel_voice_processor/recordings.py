"""Read recorded calls back: the events that an agent told, and what the processor wrote of them when they settled. Pure.

What the processor wrote is what counted, and wins; the events give the picture. Where it wrote nothing, a call is judged anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.record import Record
from otel_voice_schema.upgrade import is_newer, upgrade
from otel_voice_schema.validate import faults, unjudged

from otel_voice_processor.evidence import in_order
from otel_voice_processor.model import Value, VoiceEvent

MAX_EVENTS: Final = 50_000  # held at once, of all calls
MAX_OF_CALL: Final = 20_000  # held of one call, as its first ones came
SHORT: Final = 40  # characters of a text that is likely to come again
MAX_KNOWN: Final = 200_000  # call ids remembered after their events were let go


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One call as the data hold it: its events in order of time, and the summaries that the processor wrote of it.

    `unjudged` events do not conform so far that they cannot be judged, `dropped` were more than are held of one call.
    """

    call_id: str
    events: tuple[VoiceEvent, ...]
    episodes: tuple[VoiceEvent, ...]
    call: VoiceEvent | None
    unjudged: int = 0
    dropped: int = 0


def voice_event(record: Record) -> VoiceEvent | None:
    """Return an event as it is judged, in the current version; None where the processor would not judge it."""
    event = upgrade(record)
    version = event.attributes.get(a.VOICE_SCHEMA_VERSION)
    problems = faults(event.attributes, start_ns=event.start_ns, time_ns=event.time_ns)
    if event.name not in e.EVENTS or is_newer(version) or unjudged(problems):
        return None
    return VoiceEvent(
        name=event.name,
        call_id=str(event.attributes[a.VOICE_CALL_ID]),
        time_ns=event.time_ns,
        start_ns=event.start_ns,
        trace_id=_bytes(event.trace_id),
        span_id=_bytes(event.span_id),
        attributes=_plain(event.attributes),
        emitter=str(event.resource.get("service.instance.id") or event.resource.get("service.name") or ""),
    )


@dataclass(slots=True)
class _Held:
    events: dict[tuple[str, str, int], VoiceEvent] = field(default_factory=dict)
    episodes: dict[bytes, VoiceEvent] = field(default_factory=dict)
    call: VoiceEvent | None = None
    unjudged: int = 0
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.events) + len(self.episodes) + 1

    def take(self, event: VoiceEvent) -> None:
        if event.name == e.EPISODE:
            self.episodes[event.span_id] = event
        elif event.name == e.CALL:
            self.call = event
        elif len(self.events) >= MAX_OF_CALL and event.identity not in self.events and event.name != e.CALL_ENDED:
            self.dropped += 1
        else:
            self.events[event.identity] = event


class Recordings:
    """Calls while they are read, in bounded memory: past `most` events the call that was silent longest is let go, taken as whole.

    With `only`, a call id or a trace id in hex, nothing else is held. `newest` knows every call by the time of its newest event, `late`
    counts events of calls that were let go already, `nameless` those that name no call.
    """

    def __init__(self, *, only: str | None = None, most: int = MAX_EVENTS) -> None:
        self._only, self._most = only, most
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._size = 0
        self.newest: dict[str, int] = {}
        self.late = self.nameless = 0

    def add(self, record: Record) -> Iterator[Recording]:
        """Take one event, and yield the calls that had to be let go for it."""
        call_id = record.attributes.get(a.VOICE_CALL_ID)
        if not isinstance(call_id, str) or not call_id:
            self.nameless += 1
            return
        if call_id not in self.newest and len(self.newest) >= MAX_KNOWN:
            del self.newest[next(iter(self.newest))]
        gone = call_id in self.newest and call_id not in self._held and self._only is None
        self.newest[call_id] = max(self.newest.get(call_id, 0), record.time_ns)
        if self._only is not None and self._only not in {call_id, record.trace_id}:
            return
        self.late += gone
        self._take(call_id, record)
        while self._size > self._most and len(self._held) > 1:
            yield self._let_go(next(iter(self._held)))

    def _take(self, call_id: str, record: Record) -> None:
        held = self._held.setdefault(call_id, _Held())
        before = len(held) if held.events or held.episodes or held.call else 0
        event = voice_event(record)
        if event is None:
            held.unjudged += 1
        else:
            held.take(event)
        self._size += len(held) - before
        self._held.move_to_end(call_id)

    def rest(self) -> Iterator[Recording]:
        """Yield the calls that are still held, the longest silent first; then nothing is held."""
        while self._held:
            yield self._let_go(next(iter(self._held)))

    def _let_go(self, call_id: str) -> Recording:
        held = self._held.pop(call_id)
        self._size -= len(held)
        return Recording(
            call_id=call_id,
            events=tuple(in_order(held.events.values())),
            episodes=tuple(sorted(held.episodes.values(), key=lambda span: (span.start_ns, span.span_id))),
            call=held.call,
            unjudged=held.unjudged,
            dropped=held.dropped,
        )


def _bytes(identity: str) -> bytes:
    try:
        return bytes.fromhex(identity)
    except ValueError:
        return b""


def _plain(attributes: Mapping[str, object]) -> dict[str, Value]:
    """Return the attributes that a call is judged by: scalars, and lists of them."""
    found: dict[str, Value] = {}
    for key, value in attributes.items():
        name = intern(key)  # the same few in every event, read anew from every line
        if isinstance(value, str):
            found[name] = intern(value) if len(value) <= SHORT else value
        elif isinstance(value, bool | int | float):
            found[name] = value
        elif isinstance(value, list | tuple) and all(isinstance(each, str | bool | int | float) for each in value):
            found[name] = tuple(value)
    return found
