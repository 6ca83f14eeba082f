"""The slim messages: OTLP's field numbers, with everything that is not looked into as opaque bytes."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from otel_voice_schema.record import LOG, SPAN

_PACKAGE: Final = "otel_voice.wire"
_Field = descriptor_pb2.FieldDescriptorProto
_ANY_VALUE = ("string_value", _Field.TYPE_STRING), ("bool_value", _Field.TYPE_BOOL), ("int_value", _Field.TYPE_INT64)
_ANY_VALUE_MORE = ("double_value", _Field.TYPE_DOUBLE), ("array_value", "ArrayValue"), ("kvlist_value", "KeyValueList")
_PIECE_FIELDS: Final = {  # what is taken apart to take something out, field numbers by name
    "SpanPieces": {"name": 5, "attributes": 9, "events": 11, "links": 13},
    "LogPieces": {"name": 12, "body": 5, "attributes": 6},
    "EventPieces": {"name": 2, "attributes": 3},
    "LinkPieces": {"attributes": 4},
}


def _add(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: int | str, *, repeated: bool = False) -> _Field:
    field = message.field.add(name=name, number=number, label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL)
    if isinstance(kind, str):
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = kind  # type: ignore[assignment]  # the stubs want the enum's own type
    return field


def _file() -> descriptor_pb2.FileDescriptorProto:
    """Return the slim schema. A field that may occur once is repeated where parsing must not drop an earlier occurrence."""
    file = descriptor_pb2.FileDescriptorProto(name="otel_voice/wire.proto", package=_PACKAGE, syntax="proto3")
    opaque = _Field.TYPE_BYTES
    request = file.message_type.add(name="Request")
    _add(request, "resource_spans", 1, "ResourceSpans", repeated=True)
    group = file.message_type.add(name="ResourceSpans")
    _add(group, "resource", 1, opaque, repeated=True)
    _add(group, "scope_spans", 2, "ScopeSpans", repeated=True)
    scoped = file.message_type.add(name="ScopeSpans")
    _add(scoped, "scope", 1, opaque, repeated=True)
    _add(scoped, "spans", 2, opaque, repeated=True)
    span = file.message_type.add(name="Span")
    for name, number, kind in (("trace_id", 1, opaque), ("span_id", 2, opaque), ("parent_span_id", 4, opaque)):
        _add(span, name, number, kind)
    _add(span, "name", 5, _Field.TYPE_STRING)
    _add(span, "start", 7, _Field.TYPE_FIXED64)
    _add(span, "end", 8, _Field.TYPE_FIXED64)
    _attribute_map(span, "Span", 9)
    _add(span, "events", 11, opaque, repeated=True)
    _add(span, "links", 13, opaque, repeated=True)
    event = file.message_type.add(name="SpanEvent")
    _add(event, "time", 1, _Field.TYPE_FIXED64)
    _add(event, "name", 2, _Field.TYPE_STRING)
    _attribute_map(event, "SpanEvent", 3)
    log = file.message_type.add(name="LogRecord")
    for name, number, kind in (("time", 1, _Field.TYPE_FIXED64), ("trace_id", 9, opaque), ("span_id", 10, opaque)):
        _add(log, name, number, kind)
    _add(log, "body", 5, opaque, repeated=True)
    _add(log, "name", 12, _Field.TYPE_STRING)
    _attribute_map(log, "LogRecord", 6)
    _attribute_map(file.message_type.add(name="Resource"), "Resource", 1)
    for name, fields in _PIECE_FIELDS.items():
        pieces = file.message_type.add(name=name)
        for part, number in fields.items():
            _add(pieces, part, number, opaque, repeated=part != "name")
    _add(file.message_type.add(name="Key"), "key", 1, opaque)
    _values(file)
    return file


def _attribute_map(message: descriptor_pb2.DescriptorProto, owner: str, number: int) -> None:
    entry = message.nested_type.add(name="AttributesEntry")
    entry.options.map_entry = True
    _add(entry, "key", 1, _Field.TYPE_STRING)
    _add(entry, "value", 2, "AnyValue")
    _add(message, "attributes", number, f"{owner}.AttributesEntry", repeated=True)


def _values(file: descriptor_pb2.FileDescriptorProto) -> None:
    value = file.message_type.add(name="AnyValue")
    value.oneof_decl.add(name="value")
    for number, (name, kind) in enumerate((*_ANY_VALUE, *_ANY_VALUE_MORE, ("bytes_value", _Field.TYPE_BYTES)), 1):
        _add(value, name, number, kind).oneof_index = 0  # type: ignore[arg-type]
    _add(file.message_type.add(name="ArrayValue"), "values", 1, "AnyValue", repeated=True)
    _add(file.message_type.add(name="KeyValueList"), "values", 1, "KeyValue", repeated=True)
    pair = file.message_type.add(name="KeyValue")
    _add(pair, "key", 1, _Field.TYPE_STRING)
    _add(pair, "value", 2, "AnyValue")


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


Request, Span, SpanEvent, LogRecord = (_message(name) for name in ("Request", "Span", "SpanEvent", "LogRecord"))
Resource, Key, KeyValue = (_message(name) for name in ("Resource", "Key", "KeyValue"))
PIECES: Final = {SPAN: _message("SpanPieces"), LOG: _message("LogPieces")}
INSIDE: Final = {"events": _message("EventPieces"), "links": _message("LinkPieces")}
ATTRIBUTE_TAG: Final = {SPAN: 0x4A, LOG: 0x32}
