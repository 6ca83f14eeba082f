"""Read files of events, document by document in bounded memory: OTLP JSON lines, OTLP protobuf, envelopes; plain, gzip or zstd.

Protobuf is read as the collector's file exporter writes it (each request behind its size in four bytes, big endian; with
`compression: zstd` each packed by itself) and as bare requests.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from otel_voice_schema.envelope import read_envelope

from otel_voice_processor.errors import Undecodable
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.otlp_json import request_tree
from otel_voice_processor.records import MAX_DEPTH, Read, TooDeep, read_otlp
from otel_voice_processor.streams import GZIP, ZSTD, Before, Buffered, Gunzipped, Raw, Readable, Unzstd, unzstd

OTLP: Final = "otlp"
ENVELOPE: Final = "envelope"
MAX_DOCUMENT: Final = 64 << 20  # bytes of one request or line, as much as a receiver takes
_PEEK: Final = 4096
_TRACE_ID: Final = 16  # bytes
_SIGNALS: Final = ("resourceSpans", "resourceLogs", "resourceMetrics", "resourceProfiles")
_MEMBERS: Final = frozenset({"eventName", "eventVersion", "occurredAt", "canonicalCallId"})
_BLANK: Final = b" \t\r\n\xef\xbb\xbf"
_NEITHER: Final = "neither OTLP (`resourceSpans`, `resourceLogs`) nor an envelope"
_INK: Final = re.compile(r"\S")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One request or envelope, and where it stands: `line 3` or `request 2`. `tree` is OTLP JSON, or the envelope."""

    kind: str
    tree: dict[str, Any]
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What could not be read, with its code, and where; reading goes on behind it where it can."""

    code: str
    where: str
    message: str


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its members stood in the text twice."""

    twice: tuple[str, ...] = ()


def documents(stream: Readable) -> Iterator[Document | Broken]:
    """Yield what a stream holds, in its order."""
    buffered = io.BufferedReader(Raw(stream), 1 << 20)
    head = buffered.peek(_PEEK)[:_PEEK]
    if not head.startswith((GZIP, ZSTD)):
        yield from _plain(buffered)
        return
    form = "gzip" if head.startswith(GZIP) else "zstd"
    unpacked = Gunzipped(buffered) if form == "gzip" else Unzstd(buffered)
    yield from _plain(io.BufferedReader(Raw(unpacked), 1 << 20))
    if unpacked.damage:
        yield Broken(code="not_otlp", where="the end", message=f"the {form} stream is damaged: {unpacked.damage}")


def events(document: Document) -> Iterator[Read]:
    """Yield the events of a document; raise `TooDeep`."""
    if document.kind == OTLP:
        yield from read_otlp(document.tree)
        return
    if _depth(document.tree) > MAX_DEPTH:
        raise TooDeep(f"nested deeper than {MAX_DEPTH} levels")
    record, problems = read_envelope(document.tree)
    yield Read(record=record, form=tuple(problems))


def _plain(stream: Buffered) -> Iterator[Document | Broken]:
    head = stream.peek(_PEEK)[:_PEEK]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Broken(code="not_utf8", where="line 1, column 1", message="this is UTF-16: save it as UTF-8")
    elif head[4:8] == ZSTD:
        yield from _framed(stream)
    elif head.lstrip()[:1] == b"<" and not _CONTROL.search(head):
        yield Broken(code="not_json", where="line 1, column 1", message="not JSON: it looks like a page of HTML or XML")
    elif head.startswith(b"\xef\xbb\xbf") or not _CONTROL.search(head):
        yield from _texts(stream)
    elif len(head) > 4 and head[4:5] == b"\n" and 0 < int.from_bytes(head[:4], "big") <= MAX_DOCUMENT:
        yield from _framed(stream)
    elif head.startswith(b"\n"):
        yield from _bare(stream)
    elif head.lstrip()[:1] in {b"{", b"["}:
        yield from _texts(stream)
    else:
        yield Broken(code="not_otlp", where="byte 0", message="this is neither JSON nor OTLP protobuf")


def _texts(stream: Buffered) -> Iterator[Document | Broken]:
    """Yield JSON documents: one a line, or one or more spread over lines."""
    number = 0
    while (line := stream.readline(MAX_DOCUMENT + 1)) and not line.strip(_BLANK):
        number += 1
    found = list(_line(line, stream, number + 1))
    if not found or not isinstance(found[0], Broken) or found[0].code != "not_json":
        yield from found
        yield from _lines(stream, number + 1)
        return
    rest = stream.read(MAX_DOCUMENT + 1 - len(line))  # the first line is no document: perhaps all lines together are one
    whole = list(_parsed(line + rest, number + 1)) if len(line) + len(rest) <= MAX_DOCUMENT else [found[0]]
    if whole[0] != found[0] and not (isinstance(whole[0], Broken) and _holds_a_document(rest)):
        yield from whole
    elif len(line) + len(rest) > MAX_DOCUMENT and not _holds_a_document(rest):
        message = f"one document over many lines, longer than {MAX_DOCUMENT >> 20} MiB: write one a line"
        yield Broken(code="too_large", where=f"line {number + 1}", message=message)
    else:
        yield from found
        yield from _lines(Before(rest, stream), number + 1)


def _holds_a_document(rest: bytes) -> bool:
    """Tell whether one of the next lines is a document by itself, as in a file that has one a line."""
    lines = (line for line in rest.split(b"\n", 20)[:20] if line.strip(_BLANK))
    return any(all(isinstance(each, Document) for each in _parsed(line, 0)) for line in lines)


def _lines(stream: Buffered | Before, number: int) -> Iterator[Document | Broken]:
    """Yield the documents of lines after line `number`, each of its own."""
    while line := stream.readline(MAX_DOCUMENT + 1):
        number += 1
        yield from _line(line, stream, number)


def _line(line: bytes, stream: Buffered | Before, number: int) -> Iterator[Document | Broken]:
    if len(line) > MAX_DOCUMENT and not line.endswith(b"\n"):
        yield Broken(code="too_large", where=f"line {number}", message=f"longer than {MAX_DOCUMENT >> 20} MiB")
        while line and not line.endswith(b"\n"):
            line = stream.readline(1 << 20)
    elif line.strip(_BLANK):
        yield from _parsed(line.rstrip(b"\r\n"), number)


def _parsed(text: bytes, line: int) -> Iterator[Document | Broken]:
    """Yield the documents of a text that begins in `line`."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        plain = text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start]
        place = f"line {line + before.count(10)}, column {len(before) - before.rfind(10)}"
        yield Broken(code="not_utf8", where=place, message=f"not UTF-8: byte 0x{text[error.start]:02x}")
        return
    position, at = 0, line
    while (found := _INK.search(plain, position)) is not None:
        at += plain.count("\n", position, found.start())
        position = found.start()
        if plain[position] not in "{[":
            begin = plain[position : position + 24].split("\n")[0]
            message = f"not JSON: a document begins with `{{`, this one with `{begin}`; did a log driver put something before it?"
            yield Broken(code="not_json", where=_at(plain, line, position), message=message)
            return
        try:
            tree, end = _DECODER.raw_decode(plain, position)
        except json.JSONDecodeError as error:
            yield Broken(code="not_json", where=_at(plain, line, error.pos), message=_why(plain, error))
            return
        except _BadNumber as wrong:
            bare = _QUOTED.sub(lambda quoted: "x" * len(quoted[0]), plain[position:])  # the decoder does not tell where
            where = _at(plain, line, position + max(bare.find(str(wrong)), 0))
            yield Broken(code="bad_number", where=where, message=f"`{wrong}` is no JSON: OTLP writes it as text, an envelope leaves it out")
            return
        except RecursionError:
            yield Broken(code="too_deep", where=f"line {at}", message=f"nested deeper than {MAX_DEPTH} levels")
            return
        except ValueError as error:  # a whole number of more digits than Python reads
            yield Broken(code="bad_number", where=f"line {at}", message=f"a number that nobody can mean: {str(error)[:80].lower()}")
            return
        if isinstance(tree, list):
            for number, each in enumerate(tree, 1):
                yield _classified(each, f"line {at}, element {number}", None)
        else:
            yield _classified(tree, f"line {at}", plain[position:end])
        at += plain.count("\n", position, end)
        position = end


def _at(text: str, line: int, position: int) -> str:
    return f"line {line + text.count(chr(10), 0, position)}, column {position - text.rfind(chr(10), 0, position)}"


def _why(text: str, error: json.JSONDecodeError) -> str:
    hint = ""
    rest = text[error.pos :].lstrip()
    if rest.startswith("'") or re.search(r"[:,\[{]\s*(None|True|False)\b", text[max(0, error.pos - 2) : error.pos + 8]):
        hint = "; it looks like Python's repr: write it with `json.dumps`"
    elif rest.startswith("<"):
        hint = "; it looks like a page of HTML"
    elif not rest:
        hint = "; it ends in the middle"
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}{hint}"


class _BadNumber(ValueError):
    """A number that JSON does not have."""


def _bad_number(name: str) -> None:
    raise _BadNumber(name)


def _noting(pairs: list[tuple[str, Any]]) -> _Object:
    out = _Object(pairs)
    if len(out) < len(pairs):
        out.twice = tuple(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return out


_DECODER: Final = json.JSONDecoder(parse_constant=_bad_number)
_NOTING: Final = json.JSONDecoder(parse_constant=_bad_number, object_pairs_hook=_noting)


def _classified(tree: object, where: str, text: str | None) -> Document | Broken:
    """Return what a tree is; `text` is its own, None within a list."""
    if not isinstance(tree, dict):
        return Broken(code="not_otlp", where=where, message=f"{_NEITHER}: no object")
    if any(name in tree for name in _SIGNALS):
        for name in _SIGNALS:
            if text is not None and text.count(f'"{name}"') > 1 and name in _noted(text, tree).twice:
                return Broken(code="not_otlp", where=where, message=f"`{name}` stands in it twice: readers keep one of the two")
        return Document(kind=OTLP, tree=tree, where=where)
    if not _MEMBERS.isdisjoint(tree):
        return Document(kind=ENVELOPE, tree=_noted(text, tree) if text is not None else tree, where=where)
    snake = next((name for name in ("resource_spans", "resource_logs") if name in tree), None)
    hint = f": `{snake}` is `{'resourceSpans' if snake == 'resource_spans' else 'resourceLogs'}` in OTLP JSON" if snake else ""
    return Broken(
        code="not_otlp", where=where, message=f"neither OTLP (`resourceSpans`, `resourceLogs`) nor an envelope (`eventName`){hint}"
    )


def _noted(text: str, tree: dict[str, Any]) -> _Object:
    """Read an object once more, noting what stands in it twice; one that is too deep for that is told so where its values are read."""
    try:
        return _NOTING.decode(text)  # type: ignore[no-any-return]  # the hook makes it one
    except RecursionError:
        return _Object(tree)


def _framed(stream: Buffered) -> Iterator[Document | Broken]:
    number = offset = 0
    while head := stream.read(4):
        number += 1
        size = int.from_bytes(head, "big")
        body = stream.read(size) if len(head) == 4 and size <= MAX_DOCUMENT else b""
        if len(head) < 4 or len(body) < size:
            wrong = "it ends in the middle of a request"
            if size > MAX_DOCUMENT:
                wrong = f"a request of {size} bytes: more than {MAX_DOCUMENT >> 20} MiB"
            yield Broken(code="not_otlp", where=f"byte {offset}", message=wrong)
            return
        offset += 4 + size
        yield from _message(body, f"request {number}")


def _message(body: bytes, where: str) -> Iterator[Document | Broken]:
    """Yield what a message holds that stood behind its size, packed by itself or not."""
    if body.startswith(ZSTD):
        try:
            body = unzstd(body, MAX_DOCUMENT)
        except ValueError as error:
            yield Broken(code="not_otlp", where=where, message=f"its zstd is damaged: {error}")
            return
        if body.lstrip()[:1] == b"{":
            yield from (replace(each, where=f"{where}, {each.where}" if isinstance(each, Broken) else where) for each in _parsed(body, 1))
            return
    yield _request(body, where)


def _bare(stream: Buffered) -> Iterator[Document | Broken]:
    """Yield a request's groups one by one: a request is nothing but its groups, and requests concatenate."""
    number = offset = 0
    while tag := stream.read(1):
        number += 1
        size, digits = _varint(stream)
        body = stream.read(size) if tag == b"\n" and digits and size <= MAX_DOCUMENT else b""
        if tag != b"\n" or not digits or len(body) < size:
            yield Broken(code="not_otlp", where=f"byte {offset}", message="not an OTLP request, or it ends in the middle")
            return
        offset += 1 + len(digits) + size
        yield _request(tag + digits + body, f"group {number}")


def _varint(stream: Buffered) -> tuple[int, bytes]:
    """Return a length and its bytes; none where it is no length."""
    digits = b""
    while len(digits) < 5 and (byte := stream.read(1)):
        digits += byte
        if byte[0] < 0x80:
            return sum((each & 0x7F) << 7 * place for place, each in enumerate(digits)), digits
    return 0, b""


def _request(body: bytes, where: str) -> Document | Broken:
    signal = _signal(body)
    if signal is None:
        return Broken(code="not_otlp", where=where, message="neither OTLP traces nor OTLP logs")
    try:
        return Document(kind=OTLP, tree=request_tree(body, signal), where=where)
    except Undecodable as error:
        return Broken(code="not_otlp", where=where, message=str(error))
    except RecursionError:
        return Broken(code="too_deep", where=where, message=f"nested deeper than {MAX_DEPTH} levels")


def _signal(body: bytes) -> str | None:
    """Tell traces from logs, which look alike from outside, and both from anything else; None where it is neither."""
    try:
        traces = TracesData.FromString(body)
        spans = [span for group in traces.resource_spans for scoped in group.scope_spans for span in scoped.spans]
        if not spans or any(len(span.trace_id) == _TRACE_ID and span.end_time_unix_nano for span in spans):
            return TRACES
    except DecodeError:
        spans = []
    try:
        logs = LogsData.FromString(body)
        records = [log for group in logs.resource_logs for scoped in group.scope_logs for log in scoped.log_records]
        if any(log.time_unix_nano or log.observed_time_unix_nano or log.event_name or log.severity_number for log in records):
            return LOGS
    except DecodeError:
        pass
    traced = (len(span.trace_id) == _TRACE_ID or span.span_id or (span.start_time_unix_nano and span.name) for span in spans)
    return TRACES if any(traced) else None


def _depth(tree: object) -> int:
    """Return how deep a tree is, without recursion and no deeper than is asked for."""
    depth, level = 0, [tree]
    while level and depth <= MAX_DEPTH:
        depth += 1
        inner: list[object] = []
        for each in level:
            if isinstance(each, Mapping):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        level = inner
    return depth
