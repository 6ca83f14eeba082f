"""Spans of somebody else's, with everything that a span may hold."""

from __future__ import annotations

import random
import time

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def value(chance: random.Random, depth: int = 0) -> AnyValue:
    """Return a value of any kind."""
    kind = chance.randrange(7 if depth < 2 else 5)
    if kind == 0:
        return AnyValue(string_value=chance.choice(["", "GET", "naïve ☎", "x" * 300]))
    if kind == 1:
        return AnyValue(int_value=chance.choice([0, -1, 2**63 - 1, -(2**63)]))
    if kind == 2:
        return AnyValue(double_value=chance.choice([0.0, -1.5, 1e300]))
    if kind == 3:
        return AnyValue(bool_value=chance.random() < 0.5)
    if kind == 4:
        return AnyValue(bytes_value=chance.randbytes(8))
    if kind == 5:
        return AnyValue(array_value=ArrayValue(values=[value(chance, depth + 1) for _ in range(chance.randrange(3))]))
    return AnyValue(
        kvlist_value=KeyValueList(values=[KeyValue(key=f"k{n}", value=value(chance, depth + 1)) for n in range(chance.randrange(3))])
    )


def foreign(chance: random.Random) -> Span:
    """Return a span of somebody else's, with everything that a span may hold."""
    start = time.time_ns() - chance.randrange(10**12)
    attributes = [KeyValue(key=f"a{number}", value=value(chance)) for number in range(chance.randrange(6))]
    return Span(
        trace_id=chance.randbytes(16),
        span_id=chance.randbytes(8),
        parent_span_id=chance.choice([b"", chance.randbytes(8)]),
        trace_state=chance.choice(["", "a=1,b=2"]),
        flags=chance.choice([0, 1, 257]),
        name=chance.choice(["GET /", "", "voice", "not voice.interruption"]),
        kind=chance.randrange(6),  # type: ignore[arg-type]
        start_time_unix_nano=start,
        end_time_unix_nano=start + chance.randrange(10**9),
        attributes=attributes,
        dropped_attributes_count=chance.randrange(2),
        events=[Span.Event(name="e", time_unix_nano=start, attributes=attributes[:1]) for _ in range(chance.randrange(2))],
        links=[Span.Link(trace_id=chance.randbytes(16), span_id=chance.randbytes(8)) for _ in range(chance.randrange(2))],
        status=Status(code=chance.randrange(3), message=chance.choice(["", "no"])),  # type: ignore[arg-type]
    )
