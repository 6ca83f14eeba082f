"""An event as a few bytes while its call is open: a hundred thousand calls are held at once, and objects cost ten times as much. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Final, cast

import msgpack
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.model import Attributes, Value, VoiceEvent
from otel_voice_processor.rows import Damaged, Rows, Unreadable, each_row, packed_row

_UNREAD: Final = frozenset({a.VOICE_CALL_ID, a.VOICE_EVENT_ID, a.VOICE_SCHEMA_VERSION, a.VOICE_JUDGE_VERSION, a.VOICE_SAMPLING_RATIO})
_READ: Final = (a.ATTRIBUTES.keys() | {a.GEN_AI_AGENT_NAME}) - _UNREAD  # what the schema does not know, judgement does not read
_OFTEN: Final = frozenset(  # the same few values in many calls
    {a.VOICE_WORKFLOW, a.VOICE_RUNTIME_NAME, a.VOICE_RUNTIME_VERSION, a.GEN_AI_AGENT_NAME, a.VOICE_AGENT_POLICY_VERSION}
    | {a.VOICE_CALL_OBSERVABLE, a.VOICE_CALLER_LANGUAGE, a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_EVIDENCE_MISSING, a.VOICE_DETECTOR_MODE}
    | {a.VOICE_INTERRUPTION_DECISION_REASON, a.VOICE_INTERRUPTION_DECISION_POLICY_VERSION}
    | {key for key, attribute in a.ATTRIBUTES.items() if attribute.values}
)
_HEAD: Final = struct.Struct("<8sqIB")  # digest of id and name, when it occurred, the second of arrival, which edge of the call it is
_HEAD_SIZE: Final = _HEAD.size
IDENTITY: Final = 16  # bytes, which tell a duplicate
ARRIVAL: Final = 20  # bytes, up to which it is about the arrival
STARTED: Final = 1
ENDED: Final = 2
_EDGES: Final = {e.CALL_STARTED: STARTED, e.CALL_ENDED: ENDED}
_FIRST: Final = 6  # where the event's own values begin
_MOST_SHAPES: Final = 5_000
_MOST_SHARED: Final = 20_000
_MOST_BYTES: Final = 2_000  # of values that are held once for all calls
_MOST_KNOWN: Final = 10_000  # sets of keys remembered, of which many are one shape

Values = tuple[Value, ...]
Inline = tuple[str, tuple[str, ...], tuple[str, ...]]


class _Shape:
    """What an emitter puts on one kind of event that is read: keys whose values recur in many calls, and those that are the event's own."""

    def __init__(self, name: str, often: tuple[str, ...], own: tuple[str, ...]) -> None:
        self.name, self.often, self.own = name, often, own
        self.keys = often + own
        self.take_often, self.take_own = _taker(often), _taker(own)

    @classmethod
    def of(cls, name: str, keys: Iterable[str]) -> _Shape:
        read = [key for key in keys if key in _READ]
        return cls(name, tuple(key for key in read if key in _OFTEN), tuple(key for key in read if key not in _OFTEN))

    @property
    def inline(self) -> Inline:
        return self.name, self.often, self.own


def _taker(keys: tuple[str, ...]) -> Callable[[Attributes], Values]:
    """Return what takes the values of these keys out of a mapping, as fast as Python can."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return (lambda found: (found[keys[0]],)) if keys else (lambda found: ())


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a set of keys: its shape, and what stands for that in an event."""

    shape: _Shape
    written: int | Inline


class Tables:
    """Packs and unpacks events; holds once for all calls what recurs: shapes, and values. A full table takes no more.

    Events mean nothing without the tables that packed them: rows are saved no later than the events are.
    """

    def __init__(self) -> None:
        self._shapes: dict[int, _Shape] = {}
        self._shared: dict[int, Values] = {}
        self._shape_numbers: dict[Inline, int] = {}
        self._shared_numbers: dict[Values, int] = {}
        self._known: dict[tuple[str, ...], _Known] = {}
        self._next = {b"s": 0, b"v": 0}
        self._unsaved = Rows()

    def pack(self, event: VoiceEvent, arrived_ns: int) -> bytes:
        """Return the event, its identity and when it arrived.

        Raises `ValueError`, `TypeError`, `OverflowError` or `struct.error` where it holds what OTLP cannot carry.
        """
        name, attributes = event.name, event.attributes
        keys = (name, *attributes)
        known = self._known.get(keys) or self._know(keys)
        shape = known.shape
        often = shape.take_often(attributes)
        shared = self._shared_numbers.get(often)
        if shared is None:
            shared = self._share(often)
        body = msgpack.packb(
            (
                event.time_ns - event.start_ns,
                event.trace_id if name == e.CALL_STARTED else b"",  # the call's own; no other is read
                event.span_id,
                event.emitter,
                known.written,
                often if shared is None else shared,
                *shape.take_own(attributes),
            )
        )
        digest = blake2b(f"{event.event_id}\0{name}".encode(), digest_size=8).digest()
        head = _HEAD.pack(digest, event.time_ns, arrived_ns // 1_000_000_000, _EDGES.get(name, 0))
        return b"".join((head, body or b""))

    def unpack(self, data: bytes, call_id: str) -> VoiceEvent:
        """Return the event, with the attributes that judgement reads; raise `Unreadable` where it or what it refers to is damaged."""
        try:
            found = msgpack.unpackb(data[_HEAD_SIZE:], use_list=False)
            time_ns = occurred_ns(data)
            length_ns, trace_id, span_id, emitter, number, often = found[:_FIRST]
            shape = self._shapes[number] if isinstance(number, int) else _Shape(*number)
            shared = self._shared[often] if isinstance(often, int) else often
            values = shared + found[_FIRST:]
            if len(values) != len(shape.keys):
                raise ValueError("values of another shape")
            attributes = dict(zip(shape.keys, values, strict=False))  # strict takes half as long again
        except (KeyError, ValueError, TypeError) as error:
            raise Unreadable(f"no event: {error}") from None
        return VoiceEvent(
            name=shape.name,
            call_id=call_id,
            time_ns=time_ns,
            start_ns=time_ns - length_ns,
            trace_id=trace_id,
            span_id=span_id,
            attributes=attributes,
            emitter=emitter,
        )

    def _know(self, keys: tuple[str, ...]) -> _Known:
        """Find out what is to be known of an event's name and keys."""
        shape = _Shape.of(keys[0], keys[1:])
        number = self._shape_numbers.get(shape.inline)
        if number is None and len(self._shapes) < _MOST_SHAPES:
            number = self._add(b"s", packed_row(*shape.inline))
            self._shapes[number] = shape
            self._shape_numbers[shape.inline] = number
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        known = self._known[keys] = _Known(shape, shape.inline if number is None else number)
        return known

    def _share(self, values: Values) -> int | None:
        """Return the number of values that recur together, None where the table is full or they do not compare as they are."""
        if len(self._shared) >= _MOST_SHARED or not all(map(_compares, values)):
            return None
        row = packed_row(*values)
        if len(row) > _MOST_BYTES:
            return None
        number = self._add(b"v", row)
        self._shared[number], self._shared_numbers[values] = values, number
        return number

    def _add(self, table: bytes, row: bytes) -> int:
        number = self._next[table]
        self._next[table] = number + 1
        self._unsaved.put("tables", table + number.to_bytes(4, "big"), row)
        return number

    def save(self, rows: Rows) -> None:
        """Put what came or went since it was asked for last."""
        rows.update(self._unsaved)
        self._unsaved = Rows()

    def save_all(self) -> None:
        """Take nothing as written."""
        for table, held in ((b"s", {number: shape.inline for number, shape in self._shapes.items()}), (b"v", self._shared)):
            for number, row in held.items():
                self._unsaved.put("tables", table + number.to_bytes(4, "big"), packed_row(*row))

    def restore(self, rows: Iterable[tuple[bytes, bytes]], damaged: Damaged) -> None:
        """Take the rows of an earlier process; their numbers keep their meaning."""
        for key, found in each_row(rows, "tables", damaged):
            table, number = key[:1], int.from_bytes(key[1:], "big")
            self._next[table] = max(self._next.get(table, 0), number + 1)
            try:
                if table == b"s":
                    self._shapes[number] = _Shape(*found)
                    self._shape_numbers[found] = number
                else:
                    self._shared[number] = found
                    self._shared_numbers[found] = number
            except TypeError:
                damaged("tables", key)

    def is_filling(self) -> bool:
        """Tell whether it is time to let go of what no event refers to any more."""
        return len(self._shapes) > _MOST_SHAPES // 2 or len(self._shared) > _MOST_SHARED // 2

    def keep(self, events: Iterable[bytes]) -> None:
        """Let go of all that these events do not refer to; there must be no others."""
        shapes, shared = set[int](), set[int]()
        for number, often in map(_refers_to, events):
            shapes.add(cast(int, number))
            shared.add(cast(int, often))
        for old in [number for number in self._shapes if number not in shapes]:
            del self._shape_numbers[self._shapes.pop(old).inline]
            self._unsaved.delete("tables", b"s" + old.to_bytes(4, "big"))
        for old in [number for number in self._shared if number not in shared]:
            del self._shared_numbers[self._shared.pop(old)]
            self._unsaved.delete("tables", b"v" + old.to_bytes(4, "big"))
        self._known.clear()

    def __iter__(self) -> Iterator[tuple[int, Inline | Values]]:
        """Yield all that is held, by number."""
        yield from ((number, shape.inline) for number, shape in self._shapes.items())
        yield from self._shared.items()


def _compares(value: Value) -> bool:
    """Tell whether a value equals only what is the same: 1, 1.0 and True do not."""
    return isinstance(value, str) or (isinstance(value, tuple) and all(isinstance(each, str) for each in value))


def _refers_to(data: bytes) -> tuple[object, object]:
    """Return what stands for an event's shape and its values: numbers, or what is in no table."""
    try:
        found = msgpack.unpackb(data[_HEAD_SIZE:], use_list=False)
        return found[4], found[5]
    except (ValueError, TypeError, IndexError):
        return None, None


def identity_of(data: bytes) -> bytes:
    """Return what tells a duplicate, 16 bytes, the same in every process: of the event's id and name, and its time."""
    return data[:IDENTITY]


def occurred_ns(data: bytes) -> int:
    """Return when the event occurred."""
    return int.from_bytes(data[8:IDENTITY], "little", signed=True)


def arrived_s(data: bytes) -> int:
    """Return the second at which the event arrived."""
    return int.from_bytes(data[IDENTITY:ARRIVAL], "little")


def edge_of(data: bytes) -> int:
    """Return `STARTED` or `ENDED` where the event is that of its call, else 0."""
    return data[ARRIVAL]


def is_kept(data: bytes, from_ns: int) -> bool:
    """Tell whether an event occurred from a moment on, or is the start or the end of its call."""
    return data[ARRIVAL] != 0 or occurred_ns(data) >= from_ns


def content_of(data: bytes) -> bytes:
    """Return all but when it arrived."""
    return data[ARRIVAL:]
