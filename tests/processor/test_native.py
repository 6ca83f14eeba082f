"""The native codec reads what the slim messages read, writes the same bytes, and leaves to them whatever is unusual."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_voice_processor.errors import Undecodable
from otel_voice_processor.model import TRACES
from otel_voice_processor.redact import hidden
from otel_voice_processor.wire import MARKER, Found, Scan, build_request, codec, encode_span, scan
from otel_voice_processor.wire.native import NATIVE, native_scan
from otel_voice_processor.wire.slim import SlimScan

from tests.processor.otlp_requests import GIVEN, OURS, UNKNOWN, requests

if NATIVE is None:
    pytest.skip("the native codec is not built: no C compiler", allow_module_level=True)

SAID = {"voice.caller.transcript.text": "no I meant Friday"}


def slim(body: bytes) -> SlimScan:
    return SlimScan(body, TRACES, aliases=False, hidden=hidden)


def edited(request: Scan, given_attributes: dict[str, Any]) -> bytes:
    """Redact every third event found, extend every other, some twice."""
    for number, found in enumerate(request.found):
        if number % 3 == 0:
            request.redact(found, dict.fromkeys(SAID))
        if number % 3 != 1:
            request.extend(found, given_attributes)
        if number % 2 == 0:
            request.extend(found, {"twice": True})
    return request.body()


def values(found: Found) -> object:
    """Return an event with its numbers as bits, so that NaN equals NaN, and with the types of its values."""
    facts = {key: (type(each), struct.pack("<d", each) if isinstance(each, float) else each) for key, each in found.attributes.items()}
    return facts, astuple(replace(found, attributes={}))


@st.composite
def plain(draw: st.DrawFn) -> bytes:
    """Return a request as SDKs send them: scalars and lists of them, foreign spans around ours, some with events and links."""
    groups = []
    for number in range(draw(st.integers(1, 3))):
        spans = []
        for _ in range(draw(st.integers(0, 5))):
            name = draw(st.sampled_from([OURS, MARKER.decode(), "GET /", "x" + OURS, ""]))
            facts = draw(GIVEN) | draw(st.sampled_from([{}, SAID, {"list": ("a", "b")}, {"empty": ()}, {"numbers": (1, -1)}]))
            raw = encode_span(
                name=name,
                trace_id=draw(st.binary(min_size=16, max_size=16)),
                span_id=b"s" * 8,
                parent_span_id=draw(st.sampled_from([b"", b"p" * 8])),
                start_ns=draw(st.integers(0, 2**64 - 1)),
                end_ns=7,
                attributes=facts,
                links=draw(st.sampled_from([(), [(b"l" * 16, b"k" * 8)]])),
            )
            event = Span(events=[Span.Event(name="exception", attributes=[KeyValue(key="text", value=AnyValue(string_value="hi"))])])
            spans.append(raw + draw(st.sampled_from([b"", UNKNOWN, event.SerializeToString(), b"x" * 0])))
        padding = {"p": "x" * draw(st.sampled_from([0, 100, 127, 16_300, 16_384]))}
        groups.append(build_request({"service.name": f"agent{number}"} | padding, "s", "1", draw(st.sampled_from(["", "url"])), spans))
    return b"".join(groups)


@settings(max_examples=150, deadline=None)
@given(body=plain(), given_attributes=GIVEN)
def test_plain_requests_are_read_and_written_alike(body: bytes, given_attributes: dict[str, Any]) -> None:
    """What SDKs send is not left to the slim messages, and comes out byte for byte as they write it, at every width of a length."""
    fast, slow = native_scan(body, hidden), slim(body)
    assert fast is not None

    assert [values(each) for each in slow.found] == [values(each) for each in fast.found]
    assert edited(slow, given_attributes) == edited(fast, given_attributes)


@settings(max_examples=100, deadline=None)
@given(body=requests(), given_attributes=GIVEN)
def test_any_request_is_read_alike_or_left(body: bytes, given_attributes: dict[str, Any]) -> None:
    """With every kind of value and unknown fields at all levels, what is read is the same, and so is the meaning of what is written."""
    fast, slow = native_scan(body, hidden), slim(body)
    if fast is None:
        return

    assert [values(each) for each in slow.found] == [values(each) for each in fast.found]
    after = [ExportTraceServiceRequest.FromString(edited(each, given_attributes)) for each in (slow, fast)]
    assert after[0].SerializeToString(deterministic=True) == after[1].SerializeToString(deterministic=True)


def mutated(body: bytes, hurts: list[tuple[int, int, int]]) -> bytes:
    """Return the bytes with some overwritten, cut out or put in."""
    out = bytearray(body)
    for kind, where, byte in hurts:
        at = where % max(len(out), 1)
        if kind == 0 and out:
            out[at] = byte
        elif kind == 1:
            del out[at : at + byte % 9]
        elif kind == 2 and out:
            out[at : at + 1] = bytes([out[at] | 0x80, *[0x80] * (byte % 6), 0])  # a varint in more bytes than it needs
        else:
            out[at:at] = bytes([byte])
    return bytes(out)


@settings(max_examples=500, deadline=None)
@given(
    body=st.one_of(plain(), requests()),
    hurts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_of_damaged_requests_it_reads_what_the_reference_reads(body: bytes, hurts: list[tuple[int, int, int]]) -> None:
    """What the native codec takes, protobuf takes, with the same events and nothing it would count as unreadable."""
    hurt = mutated(body, hurts)
    fast = native_scan(hurt, hidden)
    if fast is None:
        return
    slow = slim(hurt)

    assert [values(each) for each in slow.found] == [values(each) for each in fast.found]
    assert slow.unreadable == 0
    edited(fast, {"a": 1})


def unusual() -> Iterator[tuple[str, bytes]]:
    """Yield what is left to the slim messages."""

    def request(span: bytes, resource: bytes = b"") -> bytes:
        scoped = b"\x12" + bytes([len(span)]) + span
        group = resource + b"\x12" + bytes([len(scoped)]) + scoped
        return b"\x0a" + bytes([len(group)]) + group

    name = b"\x2a" + bytes([len(OURS)]) + OURS.encode()
    key = b"\x0a\x01a"
    yield "bytes", request(name + b"\x4a\x08" + key + b"\x12\x03\x3a\x01x")
    yield "no value", request(name + b"\x4a\x03" + key)
    yield "an empty value", request(name + b"\x4a\x05" + key + b"\x12\x00")
    yield "a key twice", request(name + (b"\x4a\x07" + key + b"\x12\x02\x18\x01") * 2)
    yield "an attribute with a field that is unknown", request(name + b"\x4a\x09" + key + b"\x12\x02\x18\x01\x18\x01")
    yield "a name that is no UTF-8", request(b"\x2a" + bytes([len(OURS) + 1]) + OURS.encode() + b"\xff")
    yield "a text that is no UTF-8", request(name + b"\x4a\x08" + key + b"\x12\x03\x0a\x01\xff")
    yield "our event on a span", request(b"\x5a" + bytes([len(OURS) + 2]) + b"\x12" + bytes([len(OURS)]) + OURS.encode())
    yield "a group", request(name + b"\x0b\x0c")
    yield "a resource after its spans", request(name)[:1] + bytes([len(request(name)) - 2 + 2]) + request(name)[2:] + b"\x0a\x00"
    yield "two resources", request(name, b"\x0a\x00\x0a\x00")
    yield "field 0", request(name + b"\x00\x00")
    yield "a length of more bytes than it needs", b"\x0a" + bytes([len(request(name)) - 2 | 0x80, 0]) + request(name)[2:]
    yield "a length past the end", request(name)[:-1]
    yield "a varint of eleven bytes", request(name + b"\x30" + b"\xff" * 10 + b"\x01")
    yield "a name of the wrong type", request(name + b"\x28\x01")


@pytest.mark.parametrize(("what", "body"), [pytest.param(*each, id=each[0]) for each in unusual()])
def test_the_unusual_is_left_to_the_reference(what: str, body: bytes) -> None:
    """`find` says so in place of guessing; `scan` gives what the slim messages give."""
    assert NATIVE is not None
    assert NATIVE.find(body, MARKER) is None, what
    try:
        expected = slim(body)
    except Undecodable:
        with pytest.raises(Undecodable):
            scan(body, hidden=hidden)
        return

    got = scan(body, hidden=hidden)
    assert [values(each) for each in expected.found] == [values(each) for each in got.found]
    assert (expected.unreadable, expected.body()) == (got.unreadable, got.body())


@pytest.mark.parametrize("edits", [[(0, 0, 0, b"")], [(1, 4, 4, b"")], [(9, 4, 2, b"x")], [(-1, 0, 0, b"")], [(10**9, 0, 0, b"")]])
def test_edits_of_another_request_are_refused(edits: list[tuple[int, int, int, bytes]]) -> None:
    """Places that are not those of a span in this request raise, and no byte outside it is read."""
    assert NATIVE is not None
    body = build_request({}, "s", "1", "", [b"\x2a\x01x"])

    with pytest.raises(ValueError):
        NATIVE.splice(body, edits)


def test_edits_out_of_order_are_refused() -> None:
    """One span twice, or a later one first."""
    assert NATIVE is not None
    spans = [encode_span(name=OURS, trace_id=b"", span_id=b"", parent_span_id=b"", start_ns=0, end_ns=0, attributes={})] * 2
    first, second = ((*row[9:12], b"x") for row in NATIVE.find(build_request({}, "s", "1", "", spans), MARKER))

    for edits in ([second, first], [first, first]):
        with pytest.raises(ValueError):
            NATIVE.splice(build_request({}, "s", "1", "", spans), edits)


def test_it_is_used_unless_it_is_told_not_to() -> None:
    """`OTEL_VOICE_NATIVE=0` leaves everything to the slim messages."""
    asked = [sys.executable, "-c", "from otel_voice_processor.wire import codec; print(codec())"]
    told = subprocess.run(asked, env=os.environ | {"OTEL_VOICE_NATIVE": "0"}, capture_output=True, text=True, check=True)

    assert ("native", "slim") == (codec(), told.stdout.strip())
