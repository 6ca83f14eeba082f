"""OTLP bytes to our events and back; the only module that knows field numbers. What is not ours is never decoded.

The messages below carry OTLP's field numbers but declare resources, scopes and spans as opaque bytes, so that they leave as they
came, unknown fields included. Only items that hold our prefix are parsed, with attributes as a map: a `KeyValue` has its layout.
A request of logs has the same three levels by the same numbers as one of traces; only its items differ.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from otel_voice_schema.events import ALIASES, PREFIX
from otel_voice_schema.record import LOG, SPAN, SPAN_EVENT, start_of

from otel_voice_processor.errors import Undecodable
from otel_voice_processor.model import LOGS, TRACES, Attributes, Value

MARKER: Final = PREFIX.encode()
_ALIASED: Final = (MARKER, *(alias.encode() for alias in ALIASES))
MAX_WARNING_BYTES: Final = 1024
_SHORT: Final = 64
_SAID: Final = (b"transcript", b"text", b"utterance")  # what makes a value that cannot be read suspect
_PACKAGE: Final = "otel_voice.wire"
_Field = descriptor_pb2.FieldDescriptorProto
_ANY_VALUE = ("string_value", _Field.TYPE_STRING), ("bool_value", _Field.TYPE_BOOL), ("int_value", _Field.TYPE_INT64)
_ANY_VALUE_MORE = ("double_value", _Field.TYPE_DOUBLE), ("array_value", "ArrayValue"), ("kvlist_value", "KeyValueList")
_PIECE_FIELDS: Final = {  # what is taken apart to take something out, field numbers by name
    "SpanPieces": {"name": 5, "attributes": 9, "events": 11, "links": 13},
    "LogPieces": {"name": 12, "body": 5, "attributes": 6},
    "EventPieces": {"attributes": 3},
    "LinkPieces": {"attributes": 4},
}
_SCALARS: Final = {"string_value": str, "bool_value": bool, "int_value": int, "double_value": float}


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


_Request, _Span, _SpanEvent, _LogRecord = (_message(name) for name in ("Request", "Span", "SpanEvent", "LogRecord"))
_Resource, _Key, _KeyValue = (_message(name) for name in ("Resource", "Key", "KeyValue"))
_PIECES: Final = {SPAN: _message("SpanPieces"), LOG: _message("LogPieces")}
_INSIDE: Final = {"events": _message("EventPieces"), "links": _message("LinkPieces")}
_ATTRIBUTE_TAG: Final = {SPAN: 0x4A, LOG: 0x32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One event of ours as it came; `emitter` is whose clock it is, `index` its place among those found."""

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


class Scan:
    """A request opened only as far as our events; `unreadable` counts items that hold our prefix but do not parse."""

    def __init__(self, body: bytes, signal: str = TRACES, *, aliases: bool = False, hidden: Callable[[str], bool] | None = None) -> None:
        self._original = body
        self._hidden = hidden
        self._changed = False
        self._aliases = aliases
        self._markers = _ALIASED if aliases else (MARKER,)
        self._places: list[tuple[Any, int]] = []
        self.found: list[Found] = []
        self.unreadable = 0
        if not self._marked(body):
            return
        try:
            self._request = _Request.FromString(body)
        except DecodeError as error:
            raise Undecodable(f"not an OTLP {signal} request: {error}") from None
        look = self._in_log if signal == LOGS else self._in_span
        for group in self._request.resource_spans:
            emitter: str | None = None
            for scoped in group.scope_spans:
                items = scoped.spans
                for position, raw in enumerate(items):
                    if MARKER not in raw and not (aliases and self._marked(raw)):  # in line: most spans end here
                        continue
                    if emitter is None:
                        emitter = _emitter(group.resource)
                    try:
                        look(raw, items, position, emitter)
                    except DecodeError:
                        self.unreadable += 1
                        self._cut_unreadable(items, position, LOG if signal == LOGS else SPAN)

    def _marked(self, data: bytes) -> bool:
        return MARKER in data or (self._aliases and any(marker in data for marker in self._markers))

    def _ours(self, name: str, attributes: Any) -> bool:
        """Tell whether an item is ours; an alias may be somebody else's name where none of our facts is told."""
        return name.startswith(PREFIX) or (self._aliases and name in ALIASES and any(key.startswith("voice.") for key in attributes))

    def _in_span(self, raw: bytes, items: Any, position: int, emitter: str) -> None:
        span = _Span.FromString(raw)
        events, links = span.events, span.links
        if span.name.startswith(PREFIX) or self._ours(span.name, span.attributes):
            content = bool((events and self._inside("events", events)) or (links and self._inside("links", links)))
            facts = _facts(span.attributes)
            self._places.append((items, position))
            self.found.append(
                Found(
                    name=span.name,
                    trace_id=span.trace_id,
                    span_id=span.span_id,
                    parent_span_id=span.parent_span_id,
                    start_ns=span.start,
                    end_ns=span.end,
                    attributes=facts,
                    emitter=emitter,
                    index=len(self.found),
                    content=content or _nested(facts) or _unmapped(raw, SPAN, span.attributes),
                )
            )
        for each in events:
            if self._marked(each):
                event = _SpanEvent.FromString(each)
                if self._ours(event.name, event.attributes):
                    self._add_moment(each, event, SPAN_EVENT, (span.trace_id, span.span_id), (items, position), emitter)

    def _in_log(self, raw: bytes, items: Any, position: int, emitter: str) -> None:
        log = _LogRecord.FromString(raw)
        if not log.name and "event.name" in log.attributes:  # where a log's event had its name before the field existed
            log.name = log.attributes["event.name"].string_value
        if self._ours(log.name, log.attributes):
            self._add_moment(raw, log, LOG, (log.trace_id, log.span_id), (items, position), emitter)

    def _add_moment(self, raw: bytes, item: Any, carrier: str, ids: tuple[bytes, bytes], place: tuple[Any, int], emitter: str) -> None:
        """Note an event whose carrier tells only when it ended."""
        facts = _facts(item.attributes)
        self._places.append(place)
        self.found.append(
            Found(
                name=item.name,
                trace_id=ids[0],
                span_id=ids[1],
                parent_span_id=b"",
                start_ns=start_of(item.name, facts, item.time),
                end_ns=item.time,
                attributes=facts,
                emitter=emitter,
                index=len(self.found),
                carrier=carrier,
                content=carrier == LOG and (bool(item.body) or _nested(facts) or _unmapped(raw, LOG, item.attributes)),
            )
        )

    def extend(self, found: Found, attributes: Attributes) -> None:
        """Append attributes to an item of ours; fields of a message concatenate, so nothing before them is touched.

        An event on somebody else's span is read, never changed.
        """
        tag = _ATTRIBUTE_TAG.get(found.carrier)
        if tag is None:
            return
        items, position = self._places[found.index]
        items[position] += encode_attributes(attributes, tag)
        self._changed = True

    def redact(self, found: Found, changes: Mapping[str, Value | None]) -> None:
        """Take every hidden key out of an item of ours, from its attributes, events and links, and a log's body; write what is new."""
        tag = _ATTRIBUTE_TAG.get(found.carrier)
        if tag is None:
            return
        items, position = self._places[found.index]
        new = {key: value for key, value in changes.items() if value is not None}
        items[position] = self._cut(items[position], found.carrier, changes) + encode_attributes(new, tag)
        self._changed = True

    def _cut(self, raw: bytes, carrier: str, changes: Mapping[str, Value | None]) -> bytes:
        pieces = _PIECES[carrier].FromString(raw)
        self._keep(pieces.attributes, changes)
        if carrier == LOG:
            pieces.ClearField("body")
            return bytes(pieces.SerializeToString())
        for name, kind in _INSIDE.items():
            parts = getattr(pieces, name)
            for at, part in enumerate(parts):
                if self._inside(name, [part]):
                    try:
                        inner = kind.FromString(part)
                        self._keep(inner.attributes, {})
                        parts[at] = inner.SerializeToString()
                    except DecodeError:
                        parts[at] = b""
        return bytes(pieces.SerializeToString())

    def _keep(self, attributes: Any, changes: Mapping[str, Value | None]) -> None:
        kept = [piece for piece in attributes if not (_key(piece) in changes or self._hides(piece))]
        del attributes[:]
        attributes.extend(kept)

    def _hides(self, piece: bytes) -> bool:
        """Tell whether an attribute holds content: by its key, or by a key within its value."""
        if self._hidden is None:
            return False
        try:
            pair = _KeyValue.FromString(piece)
        except DecodeError:
            return self._hidden(_key(piece)) or any(word in piece.lower() for word in _SAID)  # it cannot be looked into
        return self._hidden(pair.key) or any(self._hidden(path) for path in _paths(pair.key, pair.value))

    def _inside(self, name: str, parts: Iterable[bytes]) -> bool:
        """Tell whether events or links of a span of ours hold a hidden key."""
        if self._hidden is None:
            return False
        try:
            return any(self._hides(piece) for part in parts for piece in _INSIDE[name].FromString(part).attributes)
        except DecodeError:
            return True  # what cannot be read is taken out

    def _named_ours(self, pieces: Any) -> bool:
        """Tell by its name, or by what an old log has instead, whether an item that cannot be read is ours."""
        names = [pieces.name, *(piece for piece in pieces.attributes if _key(piece) == "event.name")]
        return any(MARKER in name or (self._aliases and any(alias in name for alias in _ALIASED)) for name in names)

    def _cut_unreadable(self, items: Any, position: int, carrier: str) -> None:
        """Take content out of an item of ours of which only the outermost layer can be read."""
        if self._hidden is None:
            return
        try:
            pieces = _PIECES[carrier].FromString(items[position])
            beside = bool(pieces.body) if carrier == LOG else any(self._inside(name, getattr(pieces, name)) for name in _INSIDE)
            if not self._named_ours(pieces) or not (beside or any(map(self._hides, pieces.attributes))):
                return
            items[position] = self._cut(items[position], carrier, {})
        except DecodeError:  # no protobuf at all: downstream cannot read it either
            return
        self._changed = True

    def body(self) -> bytes:
        """Return the request; where nothing was changed, the very bytes that came."""
        return bytes(self._request.SerializeToString()) if self._changed else self._original


def scan(body: bytes, signal: str = TRACES, *, aliases: bool = False, hidden: Callable[[str], bool] | None = None) -> Scan:
    """Find the events of ours in a request; raise `Undecodable` where it holds our prefix and is no OTLP request.

    With `aliases` the runbook's plain names are looked for, too; `hidden` tells which keys `redact` takes out.
    """
    return Scan(body, signal, aliases=aliases, hidden=hidden)


def _paths(key: str, value: Any) -> Iterator[str]:
    """Yield the dotted keys within a value."""
    kind = value.WhichOneof("value")
    for pair in value.kvlist_value.values if kind == "kvlist_value" else ():
        yield (path := f"{key}.{pair.key}")
        yield from _paths(path, pair.value)
    for item in value.array_value.values if kind == "array_value" else ():
        yield from _paths(key, item)


class Nested(str):
    """A value within values, as JSON."""


def _nested(facts: Attributes) -> bool:
    return any(type(value) is Nested for value in facts.values())


def _unmapped(raw: bytes, carrier: str, attributes: Any) -> bool:
    """Tell whether an item has more attributes than its map: one with a field that OTLP had not is none to the map's parser."""
    tag = _ATTRIBUTE_TAG[carrier]
    return tag in raw and len(_PIECES[carrier].FromString(raw).attributes) > len(attributes)


def _key(piece: bytes) -> str:
    return str(_Key.FromString(piece).key.decode("utf-8", "replace"))


def holds_ours(body: bytes, *, aliases: bool = False) -> bool:
    """Tell whether a request may hold an event of ours, by a search in its bytes."""
    return MARKER in body or (aliases and any(marker in body for marker in _ALIASED))


def _facts(attributes: Any) -> dict[str, Value]:
    """Return attributes as values; one without a value is none."""
    facts = {key: (value := attributes[key]).string_value or _value(value) for key in attributes}  # most are texts
    return facts if None not in facts.values() else {key: value for key, value in facts.items() if value is not None}


def _emitter(resource: Sequence[bytes]) -> str:
    try:
        attributes = _Resource.FromString(b"".join(resource)).attributes
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


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _fixed64(number: int) -> int:
    return min(max(number, 0), 0xFFFF_FFFF_FFFF_FFFF)


def _sized(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes((tag, size)) + content if size < 0x80 else bytes((tag,)) + _varint(size) + content


def _any_value(value: Value) -> bytes:
    if isinstance(value, str):
        return _sized(0x0A, value.encode("utf-8", "replace"))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    return _sized(0x2A, b"".join(_sized(0x0A, _any_value(item)) for item in value))


def _key_value(key: str, value: Value) -> bytes:
    return _sized(0x0A, key.encode("utf-8", "replace")) + _sized(0x12, _any_value(value))


@lru_cache(maxsize=8192)
def _common(key: str, value: str, tag: int) -> bytes:
    return _sized(tag, _key_value(key, value))


def encode_attributes(attributes: Attributes, tag: int = _ATTRIBUTE_TAG[SPAN]) -> bytes:
    """Return attributes as fields of a span (or of another item, by its tag), ready to be appended; short texts are remembered."""
    return b"".join(
        _common(key, value, tag) if isinstance(value, str) and len(value) < _SHORT else _sized(tag, _key_value(key, value))
        for key, value in attributes.items()
    )


def encode_span(
    *,
    name: str,
    trace_id: bytes,
    span_id: bytes,
    parent_span_id: bytes,
    start_ns: int,
    end_ns: int,
    attributes: Attributes,
    links: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return one sampled span of kind INTERNAL; an empty `parent_span_id` makes it a root, `links` are (trace id, span id)."""
    return b"".join(
        (
            _sized(0x0A, trace_id),
            _sized(0x12, span_id),
            _sized(0x22, parent_span_id) if parent_span_id else b"",
            _sized(0x2A, name.encode("utf-8", "replace")),
            b"\x30\x01\x39" + struct.pack("<Q", _fixed64(start_ns)) + b"\x41" + struct.pack("<Q", _fixed64(end_ns)),
            encode_attributes(attributes),
            *(_sized(0x6A, _sized(0x0A, trace) + _sized(0x12, span)) for trace, span in links),
            b"\x85\x01" + struct.pack("<I", 1),
        )
    )


def build_request(resource: Attributes, scope_name: str, scope_version: str, schema_url: str, spans: Iterable[bytes]) -> bytes:
    """Return an OTLP trace request of one resource and one scope around encoded spans. Requests concatenate into one."""
    owner = b"".join(_sized(0x0A, _key_value(key, value)) for key, value in resource.items())
    scope = _sized(0x0A, scope_name.encode()) + _sized(0x12, scope_version.encode())
    scoped = _sized(0x0A, scope) + b"".join(_sized(0x12, span) for span in spans) + _sized(0x1A, schema_url.encode())
    return _sized(0x0A, _sized(0x0A, owner) + _sized(0x12, scoped))


def partial_success(message: str) -> bytes:
    """Return an export response that takes everything and warns; the message is cut to 1 KiB."""
    cut = message.encode("utf-8", "replace")[:MAX_WARNING_BYTES].decode("utf-8", "ignore").encode()
    return _sized(0x0A, _sized(0x12, cut)) if cut else b""
