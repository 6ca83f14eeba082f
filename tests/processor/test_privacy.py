"""The caller's words do not leave by default, however a sender slips; with the setting they do, untouched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_voice_processor import redact
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.wire import MARKER, build_request
from otel_voice_schema.events import SCHEMA_VERSION

from otel_voice.policy import load_default

SECRET = "my card is 4111"
TEXT = "voice.caller.transcript.text"
NAME = "voice.interruption.user.transcript"


def told(item: Any, **facts: Any) -> Any:
    """Give an item attributes; `__` in a name is a dot."""
    for key, value in facts.items():
        item.attributes.add(key=key.replace("__", ".")).value.string_value = value
    return item


def span(name: str = NAME, **facts: Any) -> Span:
    made = Span(trace_id=b"a" * 16, span_id=b"b" * 8, name=name, start_time_unix_nano=10**18, end_time_unix_nano=10**18)
    return told(made, **{"voice__call__id": "c1", "voice__schema__version": SCHEMA_VERSION} | facts)  # type: ignore[no-any-return]


def log(name: str = NAME, **facts: Any) -> LogRecord:
    made = LogRecord(event_name=name, time_unix_nano=10**18)
    return told(made, **{"voice__call__id": "c1", "voice__schema__version": SCHEMA_VERSION} | facts)  # type: ignore[no-any-return]


def key(spelling: str) -> Span:
    made = span()
    made.attributes.add(key=spelling).value.string_value = SECRET
    return made


def changed(change: Callable[[Any], None], made: Any) -> Any:
    change(made)
    return made


def nested(made: Any, key: str, *inner: str) -> None:
    value = made.attributes.add(key=key).value
    for name in inner:
        value = value.kvlist_value.values.add(key=name).value
    value.string_value = SECRET


def deep(made: Span) -> None:
    value = made.attributes.add(key="app.deep").value
    for _ in range(60):
        value = value.array_value.values.add()
    value.string_value = "x"


WITH = {TEXT.replace(".", "__"): SECRET}
RECORDS: dict[str, Any] = {
    "plain": span(**WITH),
    "heard by the agent": key("voice.agent.heard_text.text"),
    "already ruled": span(**WITH, voice__policy__version="x"),
    "named as the processor's": span("voice.interruption.call", **WITH),
    "unknown event": span("voice.interruption.user_transcript", **WITH),
    "newer version": span(**WITH | {"voice__schema__version": "2031-01-01"}),
    "not judged": span(**WITH, voice__agent__speech__state="loud"),
    **{f"key {spelling!r}": key(spelling) for spelling in ("Voice.Caller.Transcript.Text", "voice.caller.transcript_text", f"{TEXT} ")},
    **{f"key {spelling!r}": key(spelling) for spelling in ("transcriptText", "callerInput.transcriptText", "caller.transcript.text")},
    **{f"key {spelling!r}": key(spelling) for spelling in ("voice.caller.text", "transcript", "voice.caller.transcript.alternatives")},
    "envelope's unknown members": key("voice.envelope.extra"),
    "twice": changed(lambda made: made.attributes.add(key=TEXT), span(**WITH)),
    "a list": changed(lambda made: made.attributes.add(key=TEXT).value.array_value.values.add(string_value=SECRET), span()),
    "an event inside": changed(lambda made: told(made.events.add(name=NAME, time_unix_nano=10**18), voice__call__id="c1", **WITH), span()),
    "somebody's event inside": changed(lambda made: told(made.events.add(name="heard"), **WITH), span()),
    "a link": changed(lambda made: told(made.links.add(trace_id=b"a" * 16, span_id=b"c" * 8), **WITH), span()),
    "too deep to be read": changed(deep, span(**WITH)),
    "no text beside": span(**WITH, app="QQQQ"),
    "within a value": changed(lambda made: nested(made, "voice.caller", "transcript", "text"), span()),
    "within a value of another name": changed(lambda made: nested(made, "caller", "transcriptText"), span()),
    "a log": log(**WITH),
    "a log's body": changed(lambda made: setattr(made.body, "string_value", SECRET), log()),
    "a log of an old SDK": changed(lambda made: told(made, event__name=NAME), log("", **WITH)),
    "a log with no text beside": log(**WITH, app="QQQQ"),
    "a log of an old SDK with no text beside": changed(lambda made: told(made, event__name=NAME), log("", **WITH, app="QQQQ")),
}


def body_of(item: Any) -> tuple[bytes, str]:
    if isinstance(item, LogRecord):
        body = ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": [item]}]}]).SerializeToString()
    else:
        body = build_request({}, "s", "1", "", [item.SerializeToString()])  # the official classes cannot copy what is too deep
    return body.replace(b"QQQQ", b"\xff\xff\xff\xff"), LOGS if isinstance(item, LogRecord) else TRACES


@pytest.mark.parametrize("item", RECORDS.values(), ids=RECORDS)
async def test_no_words_leave_by_default(item: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the record, not in the answer, not in the log; the rest of the record is there."""
    body, signal = body_of(item)
    assert SECRET.encode() in body
    processed = await Pipeline(load_default(), Counters()).process(body, signal)

    assert SECRET.encode() not in processed.body
    assert SECRET not in processed.warning + caplog.text
    assert b"c1" in processed.body


@pytest.mark.parametrize("item", RECORDS.values(), ids=RECORDS)
async def test_all_words_leave_where_asked(item: Any) -> None:
    """`keep_transcript_text` takes nothing out."""
    body, signal = body_of(item)
    processed = await Pipeline(load_default(), Counters(), keep_text=True).process(body, signal)

    assert SECRET.encode() in processed.body


async def test_a_foreign_host_is_left_as_it_is() -> None:
    """An event of ours on somebody else's span is read, never changed: its emitter redacts."""
    host = Span(trace_id=b"a" * 16, span_id=b"b" * 8, name="turn")
    told(host.events.add(name=NAME, time_unix_nano=10**18), voice__call__id="c1", **WITH)
    body, signal = body_of(host)

    assert body is (await Pipeline(load_default(), Counters()).process(body, signal)).body


async def test_a_wrong_value_is_not_quoted() -> None:
    """It may be what the caller said, in a place of something else."""
    for wrong in (span(voice__caller__input__class=SECRET), span(voice__agent__speech__state=SECRET)):
        processed = await Pipeline(load_default(), Counters()).process(*body_of(wrong))

        assert processed.warning
        assert SECRET not in processed.warning
        assert SECRET not in str(processed.refused)


async def test_a_damaged_event_costs_no_other_span() -> None:
    """What cannot be read is taken out; the spans behind it keep their own redaction, ruling and place."""
    damaged = span("voice.interruption.recovered").SerializeToString() + b"\x5a\x03\xff\xff\xff"
    body = build_request(
        {}, "s", "1", "", [damaged, span("voice.interruption.call_ended").SerializeToString(), span(**WITH).SerializeToString()]
    )
    processed = await Pipeline(load_default(), Counters()).process(body)

    assert SECRET.encode() not in processed.body
    assert ["voice.interruption.recovered", "voice.interruption.call_ended", NAME] == [event.name for event in processed.events]


async def test_an_attribute_of_a_later_otlp_is_looked_into() -> None:
    """A field that the key's message had not does not hide it."""
    content = SECRET.encode()
    value = b"\x0a" + bytes([len(content)]) + content
    pair = b"\x0a" + bytes([len(TEXT)]) + TEXT.encode() + b"\x12" + bytes([len(value)]) + value + b"\x18\x01"
    raw = span().SerializeToString() + b"\x4a" + bytes([len(pair)]) + pair
    processed = await Pipeline(load_default(), Counters()).process(build_request({}, "s", "1", "", [raw]))

    assert content not in processed.body


def padded(number: int) -> bytes:
    """Return a varint of six bytes, which protobuf's parser in C refuses as a length and others read."""
    return bytes((number >> 7 * at & 0x7F | 0x80) for at in range(5)) + bytes([number >> 35])


def sized(tag: bytes, content: bytes, *, long: bool = False) -> bytes:
    return tag + (padded(len(content)) if long else bytes([len(content)])) + content


@pytest.mark.parametrize("where", ["name", "attribute", "key", "value", "tag", "unknown"])
@pytest.mark.parametrize("spelling", ["transcriptText", "alternatives", TEXT])
async def test_lengths_of_more_bytes_than_they_need_hide_nothing(where: str, spelling: str) -> None:
    """What this parser refuses and a collector in Go reads leaves without content, counted as unreadable or judged."""
    value = sized(b"\x12", sized(b"\x0a", SECRET.encode()), long=where == "value")
    pair = sized(b"\x4a", sized(b"\x0a", spelling.encode(), long=where == "key") + value, long=where == "attribute")
    name = sized(padded(0x2A) if where == "tag" else b"\x2a", NAME.encode(), long=where == "name")
    unknown = sized(b"\xca\x3e", b"x", long=where == "unknown")
    raw = name + b"\x39" + b"\0" * 8 + pair + sized(b"\x4a", b"\x0a\x01k\x12\x04\x0a\x02c1") + unknown
    processed = await Pipeline(load_default(), Counters()).process(build_request({}, "s", "1", "", [raw, span(**WITH).SerializeToString()]))

    assert SECRET.encode() not in processed.body
    assert [NAME] == [event.name for event in processed.events][-1:]


async def test_of_somebody_elses_span_nothing_is_taken_whatever_it_looks_like() -> None:
    """Also where it mentions us and cannot be read, or has an event that may be ours and is torn."""
    torn = sized(b"\x5a", b"\x12\x7fvoice.interruption.x")
    for raw in (sized(b"\x2a", b"GET /") + torn, sized(b"\x2a", b"GET /", long=True) + torn, sized(b"\x2a", MARKER, long=True)[:9] + torn):
        counters = Counters()
        processed = await Pipeline(load_default(), counters).process(build_request({}, "s", "1", "", [raw]))

        assert raw in processed.body
        assert 1 == counters.total("otel_voice_processor_unreadable_records")


@pytest.mark.parametrize("name", ["utterance_", "transcript_", "transcriptText2", "voice.caller.utterance[0]", "text.1"])
async def test_a_number_or_a_mark_behind_a_word_hides_nothing(name: str) -> None:
    """Lists that were taken apart are words, too."""
    processed = await Pipeline(load_default(), Counters()).process(*body_of(key(name)))

    assert SECRET.encode() not in processed.body


def test_keys_that_nobody_writes_are_not_remembered() -> None:
    """A megabyte of a key is looked at and forgotten."""
    before = redact._hidden.cache_info().currsize
    attributes = {f"app.{number}.{'x' * 2**20}": "v" for number in range(3)}

    assert {} == redact.redaction_of(attributes, keep_text=False)
    assert before == redact._hidden.cache_info().currsize
    assert not any(len(known) > redact.LONGEST for known in redact._CLEAN)
    assert redact.hidden("y" * 2**20 + ".transcript")


@pytest.mark.parametrize("name", ["app.context", "trace.context", "http.plaintext", "stt.transcript.latency_ms", "textual", "voice.mine"])
async def test_a_harmless_name_stays(name: str) -> None:
    """Only what ends in a word for words is taken for them."""
    processed = await Pipeline(load_default(), Counters()).process(*body_of(key(name)))

    assert SECRET.encode() in processed.body
