from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_voice_processor.errors import Undecodable
from otel_voice_processor.otlp_json import decode_request_json
from otel_voice_processor.wire import (
    MARKER,
    Ready,
    build_request,
    encode_attributes,
    encode_span,
    partial_success,
    scan,
)
from otel_voice_processor.wire.messages import ATTRIBUTE_TAG
from otel_voice_schema.record import LOG, SPAN

from tests.processor.otlp_requests import GIVEN, OURS, UNKNOWN, requests


def every(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for group in request.resource_spans for scoped in group.scope_spans for span in scoped.spans]


def request_of(*spans: Span | bytes, resource: dict[str, Any] | None = None) -> bytes:
    raw = [span if isinstance(span, bytes) else span.SerializeToString() for span in spans]
    return build_request(resource or {"service.name": "agent"}, "s", "1", "", raw)


def attribute(key: str, **value: Any) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))


@settings(max_examples=200, deadline=None)
@given(body=requests(), given_attributes=GIVEN)
def test_only_the_appended_attributes_differ(body: bytes, given_attributes: dict[str, Any]) -> None:
    """Foreign spans, also those with an event of ours, and every unknown field stay byte for byte; spans of ours gain what was appended."""
    expected = ExportTraceServiceRequest.FromString(body)
    appended = Span.FromString(encode_attributes(given_attributes)).attributes
    ours = [span for span in every(expected) if span.name.startswith(MARKER.decode())]
    for span in ours:
        span.attributes.extend(appended)
    request = scan(body)
    for found in request.found:
        request.extend(found, given_attributes)

    after = ExportTraceServiceRequest.FromString(request.body())

    assert [span.name for span in ours] == [found.name for found in request.found if found.carrier == "span"]
    assert expected.SerializeToString(deterministic=True) == after.SerializeToString(deterministic=True)


@settings(max_examples=100, deadline=None)
@given(values=GIVEN)
def test_what_is_ready_is_written_as_what_is_not(values: dict[str, Any]) -> None:
    """On each kind of item, the first time and again."""
    ready = Ready(values)
    for carrier in (SPAN, LOG, SPAN, LOG):
        tag = ATTRIBUTE_TAG[carrier]

        assert encode_attributes(values, tag) == encode_attributes(ready, tag)


@settings(max_examples=100, deadline=None)
@given(values=GIVEN)
def test_values_come_back_as_they_went(values: dict[str, Any]) -> None:
    """What `encode_span` writes, `scan` reads, with the same types."""
    raw = encode_span(name=OURS, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"p" * 8, start_ns=5, end_ns=2**63, attributes=values)
    found = scan(request_of(raw)).found[0]

    assert values == found.attributes
    assert {key: type(value) for key, value in values.items()} == {key: type(value) for key, value in found.attributes.items()}
    assert (found.trace_id, found.span_id, found.parent_span_id, found.start_ns, found.end_ns) == (b"t" * 16, b"s" * 8, b"p" * 8, 5, 2**63)


def test_an_encoded_span_is_what_the_official_class_reads() -> None:
    """A span of ours is INTERNAL, sampled, with links and array values."""
    raw = encode_span(
        name=OURS,
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        parent_span_id=b"",
        start_ns=1,
        end_ns=2,
        attributes={"a": ("x", "y"), "b": (1, -1), "c": (True,), "d": (0.5,), "e": "x" * 300, "f": ()},
        links=[(b"l" * 16, b"k" * 8)],
    )
    span = Span.FromString(raw)

    assert (span.kind, span.flags, span.parent_span_id) == (Span.SPAN_KIND_INTERNAL, 1, b"")
    assert (span.links[0].trace_id, span.links[0].span_id) == (b"l" * 16, b"k" * 8)
    assert [value.string_value for value in span.attributes[0].value.array_value.values] == ["x", "y"]
    assert [value.int_value for value in span.attributes[1].value.array_value.values] == [1, -1]
    assert scan(request_of(raw)).found[0].attributes == {"a": ("x", "y"), "b": (1, -1), "c": (True,), "d": (0.5,), "e": "x" * 300, "f": ()}


def test_a_request_without_our_prefix_is_returned_as_it_came() -> None:
    """Not decoded: even bytes that are no OTLP pass."""
    assert scan(b"\xff\xff").body() == b"\xff\xff"
    assert scan(b"").body() == b""


def test_the_prefix_inside_an_attribute_makes_no_span_ours() -> None:
    """The span's name decides, and the body stays the very bytes that came."""
    body = request_of(Span(name="chat", attributes=[attribute("prompt", string_value=OURS)]))

    assert scan(body).found == []
    assert body is scan(body).body()


def test_bytes_that_hold_our_prefix_and_are_no_otlp_are_undecodable() -> None:
    """`Undecodable` is raised, for the receiver to answer INVALID_ARGUMENT."""
    with pytest.raises(Undecodable, match="not an OTLP traces request"):
        scan(b"\xff\xff" + MARKER)


@pytest.mark.parametrize(
    "bad", [b"\x2a\x18voice.interruption.call\xff", b"\x2a\x16" + MARKER, b"\x4a\x05\x0a\x03\xff\xff\xff" + b"\x2a\x13" + MARKER]
)
def test_a_span_that_does_not_parse_breaks_nothing_else(bad: bytes) -> None:
    """Invalid UTF-8 or a cut span goes on as it came, counted; the others are found and enriched."""
    request = scan(request_of(bad, Span(name=OURS)))
    request.extend(request.found[0], {"k": "v"})

    assert request.unreadable == 1
    assert [found.name for found in request.found] == [OURS]
    assert bad in request.body()
    assert b"\x0a\x01k\x12\x03\x0a\x01v" in request.body()


def test_redaction_reaches_every_occurrence_and_nothing_else() -> None:
    """A key that stands twice is replaced or dropped twice; events and unknown fields of the span stay."""
    span = Span(
        name=OURS,
        attributes=[
            attribute("t", string_value="one"),
            attribute("keep", int_value=3),
            attribute("t", string_value="two"),
            attribute("drop", bool_value=True),
        ],
        events=[Span.Event(name="e")],
    )
    request = scan(request_of(span.SerializeToString() + UNKNOWN))
    request.redact(request.found[0], {"t": "redacted", "drop": None, "absent": None})
    request.extend(request.found[0], {"more": 1.5})
    body = request.body()
    after = every(ExportTraceServiceRequest.FromString(body))[0]

    assert scan(body).found[0].attributes == {"keep": 3, "t": "redacted", "more": 1.5}
    assert len(after.attributes) == 3
    assert after.events[0].name == "e"
    assert UNKNOWN in body
    assert b"one" not in body
    assert b"two" not in body


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AnyValue(), ""),
        (AnyValue(bytes_value=b"\x00\x01"), "AAE="),
        (AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="a"), AnyValue()])), '[1,"a",null]'),
        (AnyValue(array_value=ArrayValue(values=[AnyValue(array_value=ArrayValue())])), "[[]]"),
        (AnyValue(kvlist_value=KeyValueList(values=[attribute("k", bool_value=True)])), '{"k":true}'),
    ],
)
def test_values_our_model_has_no_type_for_become_text(value: AnyValue, expected: str) -> None:
    """Every value OTLP allows is seen, so that none of them escapes redaction."""
    body = request_of(Span(name=OURS, attributes=[KeyValue(key="k", value=value)]))

    assert {"k": expected} == scan(body).found[0].attributes


def test_the_emitter_is_the_instance_or_else_the_service() -> None:
    """`service.instance.id` outranks `service.name`; a resource without either, or broken, has none."""
    ours = Span(name=OURS)

    assert scan(request_of(ours, resource={"service.name": "a", "service.instance.id": "i1"})).found[0].emitter == "i1"
    assert scan(request_of(ours, resource={"service.name": "a"})).found[0].emitter == "a"
    assert scan(request_of(ours, resource={"host.name": "h"})).found[0].emitter == ""


def test_requests_concatenate_into_one() -> None:
    """Coalescing is joining bytes."""
    body = request_of(Span(name="a")) + request_of(Span(name=OURS))

    assert [span.name for span in every(ExportTraceServiceRequest.FromString(body))] == ["a", OURS]
    assert len(scan(body).found) == 1


def test_a_warning_rejects_nothing_and_is_bounded() -> None:
    """Partial success has 0 rejected spans, and a message of at most 1 KiB that is never cut inside a character."""
    response = ExportTraceServiceResponse.FromString(partial_success("é" * 2000))

    assert response.partial_success.rejected_spans == 0
    assert response.partial_success.error_message == "é" * 512
    assert partial_success("") == b""


def test_json_is_otlps_own_flavour() -> None:
    """Ids are hex, enums and only enums integers, 64-bit integers strings, keys lowerCamelCase, one line."""
    span = Span(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, parent_span_id=b"\x03" * 8, name="a\nb", kind=1, start_time_unix_nano=2**60)
    span.links.add(trace_id=b"\x04" * 16, span_id=b"\x05" * 8)
    span.attributes.extend([attribute("n", int_value=7), attribute("b", bytes_value=b"\x00")])
    line = decode_request_json(request_of(span))
    told = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]

    assert "\n" not in line
    assert (told["traceId"], told["spanId"], told["parentSpanId"]) == ("01" * 16, "02" * 8, "03" * 8)
    assert told["links"][0] == {"traceId": "04" * 16, "spanId": "05" * 8}
    assert (1, str(2**60)) == (told["kind"], told["startTimeUnixNano"])
    assert [pair["value"] for pair in told["attributes"]] == [{"intValue": "7"}, {"bytesValue": "AA=="}]
    with pytest.raises(Undecodable):
        decode_request_json(b"\xff")


@pytest.mark.parametrize("time_ns", [-1, 2**64, 2**80])
def test_a_time_that_no_span_can_hold_is_the_nearest_that_one_can(time_ns: int) -> None:
    """Times are arithmetic on what emitters said; a summary must not fail on them."""
    raw = encode_span(name="n", trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"", start_ns=time_ns, end_ns=time_ns, attributes={})

    assert Span.FromString(raw).end_time_unix_nano == min(max(time_ns, 0), 2**64 - 1)
