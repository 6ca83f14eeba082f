"""A request opened only as far as our events: found, extended, redacted; everything else leaves as it came."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from otel_voice_schema.events import ALIASES, PREFIX
from otel_voice_schema.record import LOG, SPAN, SPAN_EVENT, start_of

from otel_voice_processor.errors import Undecodable
from otel_voice_processor.model import LOGS, TRACES, Attributes, Value
from otel_voice_processor.wire import messages as m
from otel_voice_processor.wire.encode import encode_attributes

MARKER: Final = PREFIX.encode()
_ALIASED: Final = (MARKER, *(alias.encode() for alias in ALIASES))
_SAID: Final = (b"transcript", b"text", b"utterance")  # what makes a value that cannot be read suspect
_SCALARS: Final = {"string_value": str, "bool_value": bool, "int_value": int, "double_value": float}


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
            self._request = m.Request.FromString(body)
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
        span = m.Span.FromString(raw)
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
                event = m.SpanEvent.FromString(each)
                if self._ours(event.name, event.attributes):
                    self._add_moment(each, event, SPAN_EVENT, (span.trace_id, span.span_id), (items, position), emitter)

    def _in_log(self, raw: bytes, items: Any, position: int, emitter: str) -> None:
        log = m.LogRecord.FromString(raw)
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
        tag = m.ATTRIBUTE_TAG.get(found.carrier)
        if tag is None:
            return
        items, position = self._places[found.index]
        items[position] += encode_attributes(attributes, tag)
        self._changed = True

    def redact(self, found: Found, changes: Mapping[str, Value | None]) -> None:
        """Take every hidden key out of an item of ours, from its attributes, events and links, and a log's body; write what is new."""
        tag = m.ATTRIBUTE_TAG.get(found.carrier)
        if tag is None:
            return
        items, position = self._places[found.index]
        new = {key: value for key, value in changes.items() if value is not None}
        items[position] = self._cut(items[position], found.carrier, changes) + encode_attributes(new, tag)
        self._changed = True

    def _cut(self, raw: bytes, carrier: str, changes: Mapping[str, Value | None]) -> bytes:
        pieces = m.PIECES[carrier].FromString(raw)
        self._keep(pieces.attributes, changes)
        if carrier == LOG:
            pieces.ClearField("body")
            return bytes(pieces.SerializeToString())
        for name, kind in m.INSIDE.items():
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
            pair = m.KeyValue.FromString(piece)
        except DecodeError:
            return self._hidden(_key(piece)) or any(word in piece.lower() for word in _SAID)  # it cannot be looked into
        return self._hidden(pair.key) or any(self._hidden(path) for path in _paths(pair.key, pair.value))

    def _inside(self, name: str, parts: Iterable[bytes]) -> bool:
        """Tell whether events or links of a span of ours hold a hidden key."""
        if self._hidden is None:
            return False
        try:
            return any(self._hides(piece) for part in parts for piece in m.INSIDE[name].FromString(part).attributes)
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
            pieces = m.PIECES[carrier].FromString(items[position])
            beside = bool(pieces.body) if carrier == LOG else any(self._inside(name, getattr(pieces, name)) for name in m.INSIDE)
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
    tag = m.ATTRIBUTE_TAG[carrier]
    return tag in raw and len(m.PIECES[carrier].FromString(raw).attributes) > len(attributes)


def _key(piece: bytes) -> str:
    return str(m.Key.FromString(piece).key.decode("utf-8", "replace"))


def holds_ours(body: bytes, *, aliases: bool = False) -> bool:
    """Tell whether a request may hold an event of ours, by a search in its bytes."""
    return MARKER in body or (aliases and any(marker in body for marker in _ALIASED))


def _facts(attributes: Any) -> dict[str, Value]:
    """Return attributes as values; one without a value is none."""
    facts = {key: (value := attributes[key]).string_value or _value(value) for key in attributes}  # most are texts
    return facts if None not in facts.values() else {key: value for key, value in facts.items() if value is not None}


def _emitter(resource: Sequence[bytes]) -> str:
    try:
        attributes = m.Resource.FromString(b"".join(resource)).attributes
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
