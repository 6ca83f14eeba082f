"""The reference: requests read by protobuf's parser, through messages that leave what is not ours as opaque bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import DecodeError
from otel_voice_schema.events import ALIASES, PREFIX
from otel_voice_schema.record import LOG, SPAN, SPAN_EVENT, start_of

from otel_voice_processor.errors import Undecodable
from otel_voice_processor.model import LOGS
from otel_voice_processor.wire import messages as m
from otel_voice_processor.wire.cutting import key_of, without_content
from otel_voice_processor.wire.found import Found, emitter_of, facts_of, is_nested
from otel_voice_processor.wire.scan import MARKER, Scan

_ALIASED: Final = (MARKER, *(alias.encode() for alias in ALIASES))


class SlimScan(Scan):
    """A request of traces or logs. With `aliases` the runbook's plain names are looked for, too."""

    def __init__(self, body: bytes, signal: str, *, aliases: bool, hidden: Callable[[str], bool] | None) -> None:
        super().__init__(body, hidden)
        self._changed = False
        self._aliases = aliases
        self._markers = _ALIASED if aliases else (MARKER,)
        self._places: list[tuple[Any, int]] = []
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
                        emitter = emitter_of(b"".join(group.resource))
                    try:
                        look(raw, items, position, emitter)
                    except DecodeError:
                        self._pass_unreadable(items, position, LOG if signal == LOGS else SPAN)

    def _marked(self, data: bytes) -> bool:
        return MARKER in data or (self._aliases and any(marker in data for marker in self._markers))

    def _ours(self, name: str, attributes: Any) -> bool:
        """Tell whether an item is ours; an alias may be somebody else's name where none of our facts is told."""
        return name.startswith(PREFIX) or (self._aliases and name in ALIASES and any(key.startswith("voice.") for key in attributes))

    def _in_span(self, raw: bytes, items: Any, position: int, emitter: str) -> None:
        span = m.Span.FromString(raw)
        events, links = span.events, span.links
        if span.name.startswith(PREFIX) or self._ours(span.name, span.attributes):
            inside = self._cutter.hides_inside
            content = bool((events and inside("events", events)) or (links and inside("links", links)))
            facts = facts_of(span.attributes)
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
                    content=content or is_nested(facts) or _unmapped(raw, SPAN, span.attributes),
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
        facts = facts_of(item.attributes)
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
                content=carrier == LOG and (bool(item.body) or is_nested(facts) or _unmapped(raw, LOG, item.attributes)),
            )
        )

    def _pass_unreadable(self, items: Any, position: int, carrier: str) -> None:
        """Count an item that is ours, or has an event of ours, and take content out of it as far as it can be read."""
        raw, cutter = items[position], self._cutter
        try:
            pieces = m.PIECES[carrier].FromString(raw)
        except DecodeError:  # to this parser; others read varints of any length
            self.unreadable += 1
            if cutter and MARKER in raw:
                self._write_at(items, position, without_content(raw, carrier))
            return
        if not self._named_ours(pieces, carrier):
            self.unreadable += carrier == SPAN and any(map(self._may_be_ours, pieces.events))
            return
        self.unreadable += 1
        beside = bool(pieces.body) if carrier == LOG else any(cutter.hides_inside(name, getattr(pieces, name)) for name in m.INSIDE)
        if cutter and (beside or any(map(cutter.hides, pieces.attributes))):
            self._write_at(items, position, cutter.cut(raw, carrier, {}))

    def _named_ours(self, pieces: Any, carrier: str) -> bool:
        """Tell by its name, or by what an old log has instead, whether an item that cannot be read is ours."""
        if pieces.name.startswith(MARKER) or (self._aliases and any(alias in pieces.name for alias in _ALIASED)):
            return True
        return carrier == LOG and any(self._marked(piece) for piece in pieces.attributes if key_of(piece) == "event.name")

    def _may_be_ours(self, event: bytes) -> bool:
        """Tell whether an event on a span that cannot be read is ours, or may be as far as it can be read."""
        if not self._marked(event):
            return False
        try:
            name = m.INSIDE["events"].FromString(event).name
        except DecodeError:
            return True
        return name.startswith(MARKER) or (self._aliases and name in _ALIASED)

    def _read(self, index: int) -> bytes:
        items, position = self._places[index]
        return bytes(items[position])

    def _write(self, index: int, item: bytes) -> None:
        self._write_at(*self._places[index], item)

    def _write_at(self, items: Any, position: int, item: bytes) -> None:
        items[position] = item
        self._changed = True

    def body(self) -> bytes:
        """Return the request; where nothing was changed, the very bytes that came."""
        return bytes(self._request.SerializeToString()) if self._changed else self._original


def _unmapped(raw: bytes, carrier: str, attributes: Any) -> bool:
    """Tell whether an item has more attributes than its map: one with a field that OTLP had not is none to the map's parser."""
    tag = m.ATTRIBUTE_TAG[carrier]
    return tag in raw and len(m.PIECES[carrier].FromString(raw).attributes) > len(attributes)
