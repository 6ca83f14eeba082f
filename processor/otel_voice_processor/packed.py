"""An event as a few bytes while its call is open: a hundred thousand calls are held at once, and objects cost ten times as much. Pure."""

from __future__ import annotations

import struct
from typing import Final

import msgpack
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.model import Value, VoiceEvent

_KEYS: Final = tuple(sorted(a.ATTRIBUTES.keys() - {a.VOICE_CALL_ID}))  # what the schema does not know, judgement does not read
_NUMBERS: Final = {key: number for number, key in enumerate(_KEYS)}
_NAMES: Final = tuple(sorted(e.EVENTS))
_NAME_NUMBERS: Final = {name: number for number, name in enumerate(_NAMES)}
_HEAD: Final = struct.Struct("<qI")  # identity, and the second of arrival
HEAD: Final = _HEAD.size


def packed(event: VoiceEvent, arrived_ns: int) -> bytes:
    """Return the event, its identity and when it arrived; the same bytes for the same event and second."""
    known = sorted((_NUMBERS[key], value) for key, value in event.attributes.items() if key in _NUMBERS)
    flat = [item for pair in known for item in pair]
    trace_id = event.trace_id if event.name == e.CALL_STARTED else b""  # the call's own; no other is read
    name = _NAME_NUMBERS.get(event.name, event.name)
    body = msgpack.packb((name, event.time_ns, event.time_ns - event.start_ns, trace_id, event.span_id, event.emitter, *flat))
    return _HEAD.pack(hash(event.identity), arrived_ns // 1_000_000_000) + bytes(body)


def unpacked(data: bytes, call_id: str) -> VoiceEvent:
    """Return the event, with the attributes that the schema knows."""
    name, time_ns, length_ns, trace_id, span_id, emitter, *flat = msgpack.unpackb(data[HEAD:], use_list=False)
    attributes: dict[str, Value] = {_KEYS[number]: value for number, value in zip(flat[::2], flat[1::2], strict=True)}
    return VoiceEvent(
        name=_NAMES[name] if isinstance(name, int) else name,
        call_id=call_id,
        time_ns=time_ns,
        start_ns=time_ns - length_ns,
        trace_id=trace_id,
        span_id=span_id,
        attributes=attributes,
        emitter=emitter,
    )


def identity_of(data: bytes) -> bytes:
    """Return what tells a duplicate, 8 bytes; of this process alone."""
    return data[:8]


def arrived_s(data: bytes) -> int:
    """Return the second at which the event arrived."""
    return int.from_bytes(data[8:HEAD], "little")


def content_of(data: bytes) -> bytes:
    """Return all but when it arrived."""
    return data[HEAD:]
