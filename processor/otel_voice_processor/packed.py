"""An event as a few bytes while its call is open: a hundred thousand calls are held at once, and objects cost ten times as much. Pure."""

from __future__ import annotations

import struct
from typing import Any, Final

import msgpack
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.model import Value, VoiceEvent

_UNREAD: Final = frozenset({a.VOICE_CALL_ID, a.VOICE_EVENT_ID, a.VOICE_SCHEMA_VERSION, a.VOICE_JUDGE_VERSION, a.VOICE_SAMPLING_RATIO})
_READ: Final = a.ATTRIBUTES.keys() - _UNREAD  # what the schema does not know, judgement does not read
_OFTEN: Final = frozenset(  # the same few values in many calls
    {a.VOICE_WORKFLOW, a.VOICE_RUNTIME_NAME, a.VOICE_RUNTIME_VERSION, a.GEN_AI_AGENT_NAME, a.VOICE_AGENT_POLICY_VERSION}
    | {a.VOICE_CALL_OBSERVABLE, a.VOICE_CALLER_LANGUAGE, a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_EVIDENCE_MISSING, a.VOICE_DETECTOR_MODE}
    | {a.VOICE_INTERRUPTION_DECISION_REASON, a.VOICE_INTERRUPTION_DECISION_POLICY_VERSION}
    | {key for key, attribute in a.ATTRIBUTES.items() if attribute.values}
)
_KEYS: Final = (*sorted(_READ - _OFTEN), *sorted(_READ & _OFTEN))
_NUMBERS: Final = {key: number for number, key in enumerate(_KEYS)}
_FIRST_OFTEN: Final = len(_READ - _OFTEN)
_SHIFT: Final = len(_KEYS)  # a key's number and this: what follows is the number of a shared value
_NAMES: Final = tuple(sorted(e.EVENTS))
_NAME_NUMBERS: Final = {name: number for number, name in enumerate(_NAMES)}
_HEAD: Final = struct.Struct("<qI")  # identity, and the second of arrival
HEAD: Final = _HEAD.size


class _Shared:
    """Values that are held once for all calls; a full table shares no more."""

    def __init__(self, most: int = 20_000) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}
        self._most = most

    def number(self, value: Value) -> int | None:
        """Return the number of a value, None where it is not shared."""
        found = self._numbers.get(value)
        if found is None and len(self.values) < self._most and isinstance(value, (str, tuple)):
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


_SHARED: Final = _Shared()


def packed(event: VoiceEvent, arrived_ns: int) -> bytes:
    """Return the event, its identity and when it arrived."""
    trace_id = event.trace_id if event.name == e.CALL_STARTED else b""  # the call's own; no other is read
    name, emitter = _NAME_NUMBERS.get(event.name, event.name), _SHARED.number(event.emitter)
    flat: list[Any] = [
        name,
        event.time_ns,
        event.time_ns - event.start_ns,
        trace_id,
        event.span_id,
        event.emitter if emitter is None else emitter,
    ]
    numbers, shared = _NUMBERS, _SHARED.number
    for key, value in event.attributes.items():
        number = numbers.get(key)
        if number is None:
            continue
        often = shared(value) if number >= _FIRST_OFTEN else None
        if often is None:
            flat += (number, value)
        else:
            flat += (number + _SHIFT, often)
    body = msgpack.packb(flat)
    return b"".join((_HEAD.pack(hash(event.identity), arrived_ns // 1_000_000_000), body or b""))


def unpacked(data: bytes, call_id: str) -> VoiceEvent:
    """Return the event, with the attributes that judgement reads."""
    name, time_ns, length_ns, trace_id, span_id, emitter, *flat = msgpack.unpackb(data[HEAD:], use_list=False)
    values = _SHARED.values
    attributes: dict[str, Value] = {}
    pairs = iter(flat)
    for number, value in zip(pairs, pairs, strict=True):
        if number < _SHIFT:
            attributes[_KEYS[number]] = value
        else:
            attributes[_KEYS[number - _SHIFT]] = values[value]
    return VoiceEvent(
        name=_NAMES[name] if isinstance(name, int) else name,
        call_id=call_id,
        time_ns=time_ns,
        start_ns=time_ns - length_ns,
        trace_id=trace_id,
        span_id=span_id,
        attributes=attributes,
        emitter=str(values[emitter]) if isinstance(emitter, int) else emitter,
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
