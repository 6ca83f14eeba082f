"""OTLP requests of every kind, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

OURS = "voice.interruption.recovered"
UNKNOWN = b"\xca\x3e\x05hello"  # field 1001, bytes

TEXT = st.text(max_size=12)
SCALAR = st.one_of(
    TEXT.map(lambda v: AnyValue(string_value=v)),
    st.booleans().map(lambda v: AnyValue(bool_value=v)),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: AnyValue(int_value=v)),
    st.floats(allow_nan=False).map(lambda v: AnyValue(double_value=v)),
    st.binary(max_size=6).map(lambda v: AnyValue(bytes_value=v)),
    st.just(AnyValue()),
)
ANY = st.one_of(
    SCALAR,
    st.lists(SCALAR, max_size=3).map(lambda v: AnyValue(array_value=ArrayValue(values=v))),
    st.dictionaries(TEXT, SCALAR, max_size=2).map(
        lambda v: AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key=k, value=x) for k, x in v.items()]))
    ),
)
ATTRIBUTES = st.dictionaries(TEXT, ANY, max_size=4).map(lambda d: [KeyValue(key=k, value=v) for k, v in d.items()])
NAMES = st.one_of(TEXT, st.sampled_from([OURS, "voice.interruption.call", "xvoice.interruption.call", "GET /"]))
GIVEN = st.dictionaries(
    TEXT.filter(bool), st.one_of(TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)), max_size=4
)


@st.composite
def spans(draw: st.DrawFn) -> bytes:
    span = Span(
        trace_id=draw(st.binary(min_size=16, max_size=16)),
        span_id=draw(st.binary(min_size=8, max_size=8)),
        name=draw(NAMES),
        start_time_unix_nano=draw(st.integers(0, 2**64 - 1)),
        attributes=draw(ATTRIBUTES),
        events=[Span.Event(name=draw(NAMES))],
        status={"code": 2, "message": draw(TEXT)},
    )
    return span.SerializeToString() + draw(st.sampled_from([b"", UNKNOWN]))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request with unknown fields at every level."""
    out = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(0, 3))):
        group = ResourceSpans(schema_url=draw(TEXT))
        group.resource.attributes.extend(draw(ATTRIBUTES))
        group.resource.MergeFromString(draw(st.sampled_from([b"", UNKNOWN])))
        for _ in range(draw(st.integers(0, 2))):
            scoped = ScopeSpans(schema_url=draw(TEXT))
            scoped.scope.MergeFromString(b"\x0a\x01s" + draw(st.sampled_from([b"", UNKNOWN])))
            scoped.spans.extend(Span.FromString(raw) for raw in draw(st.lists(spans(), max_size=4)))
            scoped.MergeFromString(draw(st.sampled_from([b"", UNKNOWN])))
            group.scope_spans.append(scoped)
        group.MergeFromString(draw(st.sampled_from([b"", UNKNOWN])))
        out.resource_spans.append(group)
    return out.SerializeToString() + draw(st.sampled_from([b"", UNKNOWN]))
