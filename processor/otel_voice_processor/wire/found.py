"""What is found in a request, and values out of the slim messages."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from otel_voice_schema.record import SPAN

from otel_voice_processor.model import Attributes, Value
from otel_voice_processor.wire import messages as m

_SCALARS: Final = {"string_value": str, "bool_value": bool, "int_value": int, "double_value": float}


@dataclass(slots=True, kw_only=True)
class Found:
    """One event of ours as it came; `emitter` is whose clock it is, `index` its place among those found. It is never changed."""

    name: str
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    start_ns: int
    end_ns: int
    attributes: dict[str, Value]
    emitter: str
    index: int
    carrier: str = SPAN
    content: bool = False  # whether content stands beside its attributes: in a log's body, in events or links of a span


class Nested(str):
    """A value within values, as JSON."""


def is_nested(facts: Attributes) -> bool:
    """Tell whether there is a value within values."""
    return any(type(value) is Nested for value in facts.values())


def facts_of(attributes: Any) -> dict[str, Value]:
    """Return attributes as values; one without a value is an empty text."""
    return {key: (value := attributes[key]).string_value or _value(value) for key in attributes}  # most are texts


def emitter_of(resource: bytes) -> str:
    """Return whose clock a resource's events are by: its instance, else its service; empty where it cannot be read."""
    try:
        attributes = m.Resource.FromString(resource).attributes
    except DecodeError:
        return ""
    for key in ("service.instance.id", "service.name"):
        if key in attributes:
            return str(_value(attributes[key]))
    return ""


def _value(any_value: Any) -> Value:
    """Return the value; what our model has no type for becomes text, as OpenTelemetry asks of formats other than OTLP."""
    kind = any_value.WhichOneof("value")
    if kind in _SCALARS:
        return getattr(any_value, kind)  # type: ignore[no-any-return]
    if kind is None:
        return ""
    if kind == "bytes_value":
        return base64.b64encode(any_value.bytes_value).decode()
    if kind == "array_value":
        kinds = {item.WhichOneof("value") for item in any_value.array_value.values}
        if len(kinds) <= 1 and kinds <= _SCALARS.keys():
            return tuple(_value(item) for item in any_value.array_value.values)  # type: ignore[return-value]
    return Nested(json.dumps(_plain(any_value), ensure_ascii=False, separators=(",", ":")))


def _plain(any_value: Any) -> object:
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in any_value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in any_value.kvlist_value.values}
    return None if kind is None else _value(any_value)
