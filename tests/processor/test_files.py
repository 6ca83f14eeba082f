"""Whatever a file of events looks like, it is read in bounded memory or named."""

from __future__ import annotations

import gzip
import io
import json
import random
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_voice_processor import files
from otel_voice_processor.files import Broken, Document, documents, events
from otel_voice_processor.otlp_json import encode_requests
from otel_voice_processor.records import TooDeep, otlp_tree
from otel_voice_schema.envelope import to_envelope
from otel_voice_schema.record import LOG, SPAN, Record
from otel_voice_schema.validate import check_record

from tests import generated

ENVELOPE = {"eventName": "voice.interruption.call_ended", "occurredAt": "2026-11-25T10:00:00Z", "canonicalCallId": "c1"}
LINE = json.dumps(ENVELOPE)


def _body(tree: dict[str, Any]) -> bytes:
    ((_, body),) = encode_requests(tree)
    return body


def sized(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def read(data: bytes) -> list[Document | Broken]:
    return list(documents(io.BytesIO(data)))


def names(data: bytes) -> list[str]:
    return [each.record.name for item in read(data) if isinstance(item, Document) for each in events(item)]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    rng = random.Random(1)
    return [generated.record(rng) for _ in range(40)]


def test_every_form_holds_the_same_events(records: list[Record]) -> None:
    """OTLP JSON lines, protobuf bare and sized, envelopes in lines, an array or spread over lines, packed or not."""
    expected = [record.name for record in records]
    half = len(records) // 2
    for carrier in (SPAN, LOG):
        trees = [otlp_tree([record], carrier) for record in records]
        bodies = [_body(json.loads(json.dumps(tree))) for tree in trees]
        for data in (
            b"".join(json.dumps(tree).encode() + b"\n" for tree in trees),
            b"\r\n\r\n".join(json.dumps(tree).encode() for tree in trees),
            b"".join(bodies),
            sized(*bodies),
            sized(*map(zstandard.compress, bodies)),
            sized(*(zstandard.compress(json.dumps(tree).encode()) for tree in trees)),
            sized(b"".join(bodies[:half]), b"".join(bodies[half:])),
            json.dumps(trees, indent=2).encode(),
        ):
            assert expected == names(data) == names(gzip.compress(data)) == names(zstandard.compress(data))
        assert expected == names(b"".join(zstandard.compress(json.dumps(tree).encode() + b"\n") for tree in trees))
    envelopes = [to_envelope(record) for record in records]
    for text in (
        "\n".join(map(json.dumps, envelopes)),
        json.dumps(envelopes),
        json.dumps(envelopes, indent=4),
        "\n".join(json.dumps(each, indent=2) for each in envelopes),
        "\ufeff" + json.dumps(envelopes[0]) + "\n" + "\n".join(map(json.dumps, envelopes[1:])),
        "".join(map(json.dumps, envelopes)),
        "[" + ",\n".join(map(json.dumps, envelopes)) + "]",
        "[\n" + ",\n".join(map(json.dumps, envelopes)) + "\n]\n",
    ):
        assert expected == names(text.encode())


@pytest.mark.parametrize(
    ("data", "code", "where", "words"),
    [
        (b'{"eventName": "a",\n "occurredAt": }', "not_json", "line 2, column 16", "expecting value"),
        (LINE.encode() + b'\n{"eventName": "a', "not_json", "line 2, column 15", "unterminated string"),
        (LINE.encode() + b"\n{'eventName': 1}", "not_json", "line 2, column 2", "python's repr"),
        (b'{"eventName": None}', "not_json", "line 1, column 15", "python's repr"),
        (b"<html>", "not_json", "line 1, column 1", "html"),
        (LINE.encode() + b"\n2026-11-25T10:00:00Z stdout F {}", "not_json", "line 2, column 1", "log driver"),
        (b'{"eventName": "caf\xe9"}', "not_utf8", "line 1, column 19", "0xe9"),
        (LINE.encode("utf-16"), "not_utf8", "line 1, column 1", "utf-16"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 40, "not_otlp", "the end", "the zstd stream is damaged"),
        (zstandard.compress(LINE.encode() + b"\n")[:-9], "not_otlp", "the end", "it ends in the middle"),
        (sized(b"\x28\xb5\x2f\xfd" + b"x" * 40), "not_otlp", "request 1", "its zstd is damaged"),
        (b'{"spans": []}', "not_otlp", "line 1", "`resourcespans`"),
        (b'{"resource_logs": []}', "not_otlp", "line 1", "`resource_logs` is `resourcelogs`"),
        (b"[1]", "not_otlp", "line 1, element 1", "no object"),
        (b'{"eventName": NaN}', "bad_number", "line 1, column 15", "`nan`"),
        (b'{"eventName": -Infinity}', "bad_number", "line 1, column 15", "infinity"),
        (b'{"a":' * 100_000, "too_deep", "line 1", "100 levels"),
        (b"[" * 100_000, "too_deep", "line 1", "100 levels"),
        (b"\x00\x00\x00\x09\x0a\x01", "not_otlp", "byte 0", "ends in the middle"),
        (b"\x0a\x7f\x01", "not_otlp", "byte 0", "ends in the middle"),
        (b"\x0a\x02\x0a\xff", "not_otlp", "group 1", "neither otlp traces nor"),
        (b"\x07\x08", "not_otlp", "byte 0", "neither json nor otlp"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, code: str, where: str, words: str) -> None:
    """One clear message each, with line and column where there are any."""
    broken = [item for item in read(data) if isinstance(item, Broken)]

    assert [(code, where)] == [(item.code, item.where) for item in broken]
    assert words in broken[0].message.lower()


def test_a_broken_line_costs_nothing_but_itself() -> None:
    """Reading goes on behind it, also where it is the first."""
    data = f'{{"resourceSpans": [{{"res\n{LINE}\nnonsense\n{LINE}\n'.encode()
    found = read(data)

    assert ["Broken", "Document", "Broken", "Document"] == [type(item).__name__ for item in found]
    assert ["line 1, column 21", "line 2", "line 3, column 1", "line 4"] == [item.where for item in found]


def test_a_request_with_a_span_a_line_is_one_document() -> None:
    """However its lines are broken."""
    span = {"name": "voice.interruption.call_ended", "traceId": "1" * 32, "spanId": "2" * 16}
    spans = ",\n".join(json.dumps(span) for _ in range(5))

    assert 5 == len(names(f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [\n{spans}\n]}}]}}]}}\n'.encode()))


def test_what_came_before_a_damage_is_read() -> None:
    """A gzip file that was cut gives the events it still holds, and says so."""
    lines = b"".join(json.dumps(ENVELOPE | {"turnId": f"t{number:x}{hash(number)}"}).encode() + b"\n" for number in range(5000))
    found = read(gzip.compress(lines)[:-2000])

    assert 2000 < sum(isinstance(item, Document) for item in found) < 5000
    assert ("the end", "the gzip stream is damaged: it ends in the middle") == (found[-1].where, getattr(found[-1], "message", ""))
    assert 2 == len(names(gzip.compress(LINE.encode() + b"\n") + gzip.compress(LINE.encode())))
    packed = bytearray(gzip.compress(lines))
    packed[-6] ^= 0xFF  # the checksum
    assert 5000 == len(names(bytes(packed)))


def test_a_number_in_a_text_is_no_number() -> None:
    """The column is that of the literal, not of a text that holds the same letters."""
    (broken,) = read(b'{"note": "a NaNcy", "x": NaN}')

    assert "line 1, column 26" == broken.where


def test_many_documents_are_read_in_one_pass() -> None:
    """Twice the file takes twice the time, not four times: documents over many lines, and members that stand twice."""
    many = "\n".join(json.dumps(ENVELOPE, indent=2) for _ in range(4000)).encode()
    wide = ("{" + ",".join(f'"m{number}": 1' for number in range(40_000)) + ', "eventName": "a", "eventName": "b"}').encode()
    begun = time.perf_counter()

    assert 4000 == len(names(many))
    assert 1 == len(names(wide))
    assert time.perf_counter() - begun < 30  # quadratic, it took minutes


def test_nothing_is_nothing() -> None:
    """An empty file, blank lines and an empty request hold no event, and no problem."""
    for data in (b"", b"\n\n  \n", b'{"resourceSpans": []}', b"\x0a\x00", gzip.compress(b"")):
        assert [] == names(data)
        assert not any(isinstance(item, Broken) for item in read(data))


def test_a_member_that_stands_twice_is_noted() -> None:
    """JSON readers keep the last; a person meant one of them."""
    (document,) = read(b'{"eventName": "x", "canonicalCallId": "a", "canonicalCallId": "b", "silence": {"elapsedMs": 1, "elapsedMs": 2}}')
    assert isinstance(document, Document)
    (each,) = events(document)

    assert {"voice.call.id", "voice.silence.elapsed_ms"} == {problem.key for problem in each.form if problem.code == "duplicate_attribute"}


class Endless:
    """So many lines, made as they are read."""

    def __init__(self, lines: int, line: bytes) -> None:
        self._left, self._line = lines * len(line), line
        self._pool = line * (1 + (1 << 20) // len(line))

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self._left, len(self._line) * (len(self._pool) // len(self._line)))
        start = (-self._left) % len(self._line)
        self._left -= min(size, len(self._pool) - start)
        return self._pool[start : start + size]


@pytest.mark.parametrize("line", [LINE.encode() + b"\n", sized(b"\x0a\x00")])
def test_memory_does_not_grow_with_the_file(line: bytes) -> None:
    """A hundred thousand lines take what a thousand take."""
    peaks = []
    for lines in (1_000, 100_000):
        tracemalloc.start()
        assert lines == sum(1 for _ in documents(Endless(lines, line)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + (4 << 20)


def test_a_line_without_end_is_named_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not held in memory; the next line is read."""
    monkeypatch.setattr(files, "MAX_DOCUMENT", 1000)
    found = read(b'{"eventName": "' + b"x" * 5000 + b'"}\n' + LINE.encode())

    assert ["too_large", "line 2"] == [getattr(found[0], "code", ""), found[1].where]
    assert ["too_large"] == [getattr(item, "code", "") for item in read(json.dumps([ENVELOPE] * 20, indent=1).encode())]


TORN = st.integers(0, len(LINE)).map(lambda at: LINE.encode()[:at])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode) | TORN)
def test_any_bytes_are_read_or_named(data: bytes) -> None:
    """Nothing raises, whatever the file holds."""
    for item in read(data):
        if isinstance(item, Document):
            for each in events(item):
                check_record(each.record, each.form)


WORDS = ("key", "value", "values", "stringValue", "intValue", "doubleValue", "bytesValue", "arrayValue", "kvlistValue")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)
MEMBERS = st.sampled_from(["name", "attributes", "events", "traceId", "endTimeUnixNano", "startTimeUnixNano"])
LEVELS = st.sampled_from(["resourceSpans", "scopeSpans", "spans", "span", "resource"])


@settings(max_examples=300, deadline=None)
@given(MEMBERS, JSON, LEVELS)
def test_any_json_in_otlps_place_is_read_or_named(member: str, tree: Any, level: str) -> None:
    """Each level of a request may hold anything at all."""
    span = {"name": "voice.interruption.call_ended", "traceId": "1" * 32, "spanId": "1" * 16, member: tree}
    scoped = {"spans": tree if level == "spans" else [tree if level == "span" else span]}
    group = {"resource": tree if level == "resource" else {}, "scopeSpans": tree if level == "scopeSpans" else [scoped]}
    request = {"resourceSpans": tree if level == "resourceSpans" else [group]}
    for item in read(json.dumps(request).encode()):
        for each in _events(item):
            check_record(each.record, each.form)


def _events(item: Document | Broken) -> Iterator[Any]:
    if isinstance(item, Document):
        try:
            yield from events(item)
        except TooDeep:
            return
