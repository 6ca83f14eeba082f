"""OTLP as bytes, read with nothing of the processor's: raw spans out of a request, and foreign spans of which no two are the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE, SPAN = b"\xf1TRACE-ID-HERE\xf1\xf1", b"\xf1SPAN-ID"  # what is replaced in a template
UNKNOWN = b"\xfa\x3e\x04kept"  # field 1007, of a later OTLP: no hop may drop it


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each length-delimited field, in order; others are passed over."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(data, at)
            if at + size > end:
                raise ValueError("a field that ends after the data")
            yield tag >> 3, data[at : at + size]
            at += size
        elif kind == 0:
            _, at = _varint(data, at)
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def groups(body: bytes) -> Iterator[bytes]:
    """Yield each ResourceSpans of a request as it came."""
    return (group for number, group in fields(body) if number == 1)


def spans(group: bytes) -> Iterator[bytes]:
    """Yield each span of a ResourceSpans as it came."""
    for number, scoped in fields(group):
        if number == 2:
            yield from (span for inner, span in fields(scoped) if inner == 2)


def told(span: bytes) -> tuple[bytes, bytes, str]:
    """Return trace id, span id and name of a span."""
    trace_id, span_id, name = b"", b"", ""
    for number, data in fields(span):
        if number == 1:
            trace_id = data
        elif number == 2:
            span_id = data
        elif number == 5:
            name = data.decode()
            break
    return trace_id, span_id, name


class Foreign:
    """Makes requests of foreign spans; every span is unique, by its ids and as bytes."""

    def __init__(self, seed: int) -> None:
        self._rng, self._numbers, self._seed = random.Random(seed), count(1), seed.to_bytes(4, "big")
        self._templates = [self._template(size) for size in range(1, 12)]
        self._resource = field(1, field(1, KeyValue(key="service.name", value=AnyValue(string_value="shop")).SerializeToString()))

    def _template(self, size: int) -> bytes:
        span = Span(trace_id=TRACE, span_id=SPAN, name="GET /cart", kind=Span.SPAN_KIND_SERVER, start_time_unix_nano=10**18)
        span.end_time_unix_nano = 10**18 + 10**6 * size
        for number in range(size):
            span.attributes.append(KeyValue(key=f"http.header.{number}", value=AnyValue(string_value="x" * 7 * number)))
        return span.SerializeToString() + UNKNOWN

    def _span(self) -> bytes:
        number = next(self._numbers).to_bytes(8, "big")
        template = self._templates[self._rng.randrange(len(self._templates))]
        return template.replace(TRACE, self._seed * 2 + number).replace(SPAN, number)

    def request(self, size: int) -> bytes:
        """Return a request of so many spans."""
        scoped = b"".join(field(2, self._span()) for _ in range(size))
        return field(1, self._resource + field(2, scoped))

    def log_request(self, size: int) -> bytes:
        """Return a request of so many log records, whose fields are numbered as those of spans: ResourceLogs, ScopeLogs, LogRecord."""
        line = LogRecord(time_unix_nano=10**18, body=AnyValue(string_value="cart is empty")).SerializeToString() + UNKNOWN
        records = (line + field(9, self._seed * 2 + next(self._numbers).to_bytes(8, "big")) for _ in range(size))  # 9 is the trace id
        return field(1, self._resource + field(2, b"".join(field(2, each) for each in records)))
