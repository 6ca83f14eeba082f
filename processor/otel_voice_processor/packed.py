"""An event as a few bytes while its call is open: a hundred thousand calls are held at once, and objects cost ten times as much. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from operator import itemgetter
from typing import Final

import msgpack
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.model import Attributes, Value, VoiceEvent

_UNREAD: Final = frozenset({a.VOICE_CALL_ID, a.VOICE_EVENT_ID, a.VOICE_SCHEMA_VERSION, a.VOICE_JUDGE_VERSION, a.VOICE_SAMPLING_RATIO})
_READ: Final = a.ATTRIBUTES.keys() - _UNREAD  # what the schema does not know, judgement does not read
_OFTEN: Final = frozenset(  # the same few values in many calls
    {a.VOICE_WORKFLOW, a.VOICE_RUNTIME_NAME, a.VOICE_RUNTIME_VERSION, a.GEN_AI_AGENT_NAME, a.VOICE_AGENT_POLICY_VERSION}
    | {a.VOICE_CALL_OBSERVABLE, a.VOICE_CALLER_LANGUAGE, a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_EVIDENCE_MISSING, a.VOICE_DETECTOR_MODE}
    | {a.VOICE_INTERRUPTION_DECISION_REASON, a.VOICE_INTERRUPTION_DECISION_POLICY_VERSION}
    | {key for key, attribute in a.ATTRIBUTES.items() if attribute.values}
)
_NAMES: Final = tuple(sorted(e.EVENTS))
_NAME_NUMBERS: Final = {name: number for number, name in enumerate(_NAMES)}
_HEAD: Final = struct.Struct("<qIq?")  # identity, the second of arrival, when it occurred, whether it is an edge of the call
_HEAD_SIZE: Final = _HEAD.size
ARRIVAL: Final = 12  # bytes, up to which it is about the arrival
_EDGES: Final = frozenset({e.CALL_STARTED, e.CALL_ENDED})
FIRST: Final = 7  # where the event's own values begin
_MOST_SHAPES: Final = 5_000
_MOST_SHARED: Final = 20_000

Values = tuple[Value, ...]


class _Shape:
    """The keys that an emitter puts on one kind of event: those whose values recur in many calls, and those that are the event's own."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.often = tuple(key for key in keys if key in _READ and key in _OFTEN)
        self.own = tuple(key for key in keys if key in _READ and key not in _OFTEN)
        self.keys = self.often + self.own
        self.take_often, self.take_own = _taker(self.often), _taker(self.own)


def _taker(keys: tuple[str, ...]) -> Callable[[Attributes], Values]:
    """Return what takes the values of these keys out of a mapping, as fast as Python can."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return (lambda found: (found[keys[0]],)) if keys else (lambda found: ())


class _Tables:
    """What is held once for all calls: shapes, and values that recur together. A full table takes no more."""

    def __init__(self) -> None:
        self.shapes: list[_Shape] = []
        self.shared: list[Values] = []
        self._shape_numbers: dict[tuple[str, ...], int] = {}
        self._shared_numbers: dict[Values, int] = {}

    def shape(self, keys: tuple[str, ...]) -> int | None:
        """Return the number of a shape, None where the table is full."""
        found = self._shape_numbers.get(keys)
        if found is None and len(self.shapes) < _MOST_SHAPES:
            found = self._shape_numbers[keys] = len(self.shapes)
            self.shapes.append(_Shape(keys))
        return found

    def share(self, values: Values) -> int | None:
        """Return the number of values that recur together, None where the table is full or they do not compare as they are."""
        found = self._shared_numbers.get(values)
        if found is None and len(self.shared) < _MOST_SHARED and all(isinstance(value, (str, tuple)) for value in values):
            found = self._shared_numbers[values] = len(self.shared)
            self.shared.append(values)
        return found


_TABLES: Final = _Tables()


def packed(event: VoiceEvent, arrived_ns: int) -> bytes:
    """Return the event, its identity and when it arrived."""
    attributes = event.attributes
    keys = tuple(attributes)
    number = _TABLES.shape(keys)
    shape = _TABLES.shapes[number] if number is not None else _Shape(keys)
    often = shape.take_often(attributes)
    shared = _TABLES.share(often)
    body = msgpack.packb(
        (
            _NAME_NUMBERS.get(event.name, event.name),
            event.time_ns - event.start_ns,
            event.trace_id if event.name == e.CALL_STARTED else b"",  # the call's own; no other is read
            event.span_id,
            event.emitter,
            keys if number is None else number,
            often if shared is None else shared,
            *shape.take_own(attributes),
        )
    )
    head = _HEAD.pack(hash(event.identity), arrived_ns // 1_000_000_000, event.time_ns, event.name in _EDGES)
    return b"".join((head, body or b""))


def unpacked(data: bytes, call_id: str) -> VoiceEvent:
    """Return the event, with the attributes that judgement reads."""
    found = msgpack.unpackb(memoryview(data)[_HEAD_SIZE:], use_list=False)
    time_ns = int.from_bytes(data[ARRIVAL : ARRIVAL + 8], "little", signed=True)
    name, length_ns, trace_id, span_id, emitter, number, often = found[:FIRST]
    shape = _TABLES.shapes[number] if isinstance(number, int) else _Shape(number)
    shared = _TABLES.shared[often] if isinstance(often, int) else often
    return VoiceEvent(
        name=_NAMES[name] if isinstance(name, int) else name,
        call_id=call_id,
        time_ns=time_ns,
        start_ns=time_ns - length_ns,
        trace_id=trace_id,
        span_id=span_id,
        attributes=dict(zip(shape.keys, shared + found[FIRST:], strict=True)),
        emitter=emitter,
    )


def identity_of(data: bytes) -> bytes:
    """Return what tells a duplicate, 8 bytes; of this process alone."""
    return data[:8]


def arrived_s(data: bytes) -> int:
    """Return the second at which the event arrived."""
    return int.from_bytes(data[8:ARRIVAL], "little")


def is_kept(data: bytes, from_ns: int) -> bool:
    """Tell whether an event occurred from a moment on, or is the start or the end of its call."""
    _, _, time_ns, edge = _HEAD.unpack_from(data)
    return bool(edge) or int(time_ns) >= from_ns


def content_of(data: bytes) -> bytes:
    """Return all but when it arrived."""
    return data[ARRIVAL:]
