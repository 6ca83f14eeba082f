"""One event on a span, in a log or on somebody else's span is one event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import pytest_asyncio
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.config import Config, Judging, Receiver, Retry, Tls, TraceExporter
from otel_voice_processor.file_exporter import FileExporter
from otel_voice_processor.model import LOGS, CallRecord
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.rpc import LOGS_EXPORT, TRACE_EXPORT, raw_call
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT, emit
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import load_default

RESOURCE = Resource({"service.name": "agent", "service.instance.id": "agent-1"})
ENDED = "voice.interruption.call_ended"


def voice_spans() -> list[ReadableSpan]:
    """Every span of the eight cases."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    for script in EIGHT:
        emit(script, provider, start_ns=1_790_000_000_000_000_000)
    return list(kept.get_finished_spans())


@dataclass
class House:
    service: Service
    sink: Sink
    records: list[CallRecord]

    def verdicts(self) -> dict[str, list[tuple[str, str, str]]]:
        return {each.call_id: [(one.verdict, one.net_audio, one.input_class) for one in each.episodes] for each in self.records}


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    records: list[CallRecord] = []
    async with Sink() as sink:
        config = Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=(TraceExporter(endpoint=sink.endpoint, tls=Tls(insecure=True)),))
        service = Service(config, on_call=records.append)
        await service.start()
        yield House(service, sink, records)
        await service.stop(0.5)


def send_spans(port: int, spans: list[ReadableSpan]) -> None:
    exporter = OTLPSpanExporter(endpoint=f"127.0.0.1:{port}", insecure=True)
    exporter.export(spans)
    exporter.shutdown()


def send_logs(port: int, spans: list[ReadableSpan]) -> None:
    """The same events by OpenTelemetry's own logs SDK."""
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"127.0.0.1:{port}", insecure=True)))
    logger = provider.get_logger("agent")
    for span in spans:
        logger.emit(
            event_name=span.name, timestamp=span.end_time, severity_number=SeverityNumber.INFO, attributes=dict(span.attributes or {})
        )
    provider.shutdown()


def send_span_events(port: int, spans: list[ReadableSpan]) -> None:
    """The same events on one span of somebody else's."""
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"127.0.0.1:{port}", insecure=True)))
    for start in range(0, len(spans), 100):  # an SDK keeps 128 events of a span
        foreign = provider.get_tracer("agent").start_span("turn", attributes={"app": "mine"})
        for span in spans[start : start + 100]:
            foreign.add_event(span.name, dict(span.attributes or {}), span.end_time)
        foreign.end()
    provider.shutdown()


async def judged(house: House, *senders: Any) -> dict[str, list[tuple[str, str, str]]]:
    spans = voice_spans()
    for send in senders:
        await asyncio.to_thread(send, house.service.port, spans)
    await house.service.settle_all()
    return house.verdicts()


@pytest.fixture(scope="module")
def expected() -> dict[str, list[tuple[str, str, str]]]:
    async def run() -> dict[str, list[tuple[str, str, str]]]:
        records: list[CallRecord] = []
        service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), status=None), on_call=records.append)
        await service.start()
        await asyncio.to_thread(send_spans, service.port, voice_spans())
        await service.stop(0.5)
        return {each.call_id: [(one.verdict, one.net_audio, one.input_class) for one in each.episodes] for each in records}

    return asyncio.run(run())


async def test_events_in_logs_are_judged_as_on_spans(house: House, expected: Any) -> None:
    """The eight cases by the logs SDK come to the same verdicts, and the logs go on with their rulings."""
    assert expected == await judged(house, send_logs)
    assert len(EIGHT) == len(expected)
    ruled = [each for each in house.sink.logs() if a.VOICE_POLICY_VERSION in {pair.key for pair in each.attributes}]
    assert len(voice_spans()) == len(house.sink.logs()) == len(ruled)
    assert house.service.counters.get("otel_voice_processor_judged_events", carrier="log") == len(ruled)


async def test_events_on_a_foreign_span_are_read_and_never_changed(house: House, expected: Any) -> None:
    """The eight cases as span events come to the same verdicts; the spans that carried them have no ruling on them."""
    assert expected == await judged(house, send_span_events)
    carried = [span for span in house.sink.spans() if span.name == "turn"]
    assert len(voice_spans()) == sum(len(span.events) for span in carried)
    assert not any(a.VOICE_POLICY_VERSION in {pair.key for pair in event.attributes} for span in carried for event in span.events)


async def test_an_event_on_three_carriers_counts_once(house: House, expected: Any) -> None:
    """`voice.event.id` knows it again."""
    assert expected == await judged(house, send_span_events, send_logs, send_spans)
    assert 2 * len(voice_spans()) == house.service.counters.get("otel_voice_processor_events", outcome="duplicate")


def request(*spans: Span) -> bytes:
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": spans}]}]).SerializeToString()


def pairs(facts: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in facts.items()]


def span(name: str, **facts: str) -> Span:
    times = {"start_time_unix_nano": 10**18, "end_time_unix_nano": 10**18}
    named = pairs({"voice.call.id": "c1"} | {f"voice.{key.replace('__', '.')}": value for key, value in facts.items()})
    return Span(trace_id=b"t" * 16, span_id=b"s" * 8, name=name, attributes=named, **times)


def pipeline(**more: Any) -> tuple[Pipeline, Counters]:
    counters = Counters()
    return Pipeline(load_default(), counters, **more), counters


async def test_span_events_leave_their_request_as_it_came() -> None:
    """A request whose only event of ours is on somebody's span goes on as the very bytes."""
    event = {"name": ENDED, "time_unix_nano": 10**18, "attributes": pairs({"voice.call.id": "c1", "voice.caller.transcript.text": "no"})}
    body = request(Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="turn", events=[event]))
    processed = await pipeline()[0].process(body)

    assert body is processed.body
    assert [(ENDED, "c1", 10**18)] == [(each.name, each.call_id, each.time_ns) for each in processed.events]


async def test_a_newer_event_is_passed_on_unjudged_and_counted() -> None:
    """Upgrade order is processor first; until then nothing of it is lost or misread."""
    house, counters = pipeline()
    body = request(span(ENDED, schema__version="2031-01-01"))
    processed = await house.process(body)

    assert (body, ()) == (processed.body, processed.events)
    assert "2031-01-01 is later than 2026-11-25" in processed.warning
    assert 1 == counters.get("otel_voice_processor_newer_version_events")


async def test_an_event_of_the_runbooks_version_is_upgraded_for_judging() -> None:
    """What is joined is of today's version; what goes on says the version it was written in."""
    house, _ = pipeline()
    processed = await house.process(request(span("voice.interruption.decision_made", schema__version="2026-05-20")))
    (sent,) = ExportTraceServiceRequest.FromString(processed.body).resource_spans[0].scope_spans[0].spans

    assert (e.SCHEMA_VERSION, "2026-05-20") == tuple(
        processed.events[0].attributes[key] for key in (a.VOICE_SCHEMA_VERSION, a.VOICE_SCHEMA_ORIGINAL_VERSION)
    )
    assert "2026-05-20" in {pair.value.string_value for pair in sent.attributes if pair.key == a.VOICE_SCHEMA_VERSION}


@pytest.mark.parametrize("accept", [True, False])
async def test_plain_names_are_read_where_asked_for(accept: bool) -> None:
    """The runbook's names on the wire need a setting; one that tells none of our facts is somebody else's."""
    house, _ = pipeline(accept_aliases=accept)
    foreign = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="silence.timeout", attributes=pairs({"app": "mine"}))
    body = request(span("silence.timeout"), foreign)
    processed = await house.process(body)

    assert (["voice.interruption.silence.timeout"] if accept else []) == [event.name for event in processed.events]
    assert accept == (body != processed.body)
    assert foreign == ExportTraceServiceRequest.FromString(processed.body).resource_spans[0].scope_spans[0].spans[1]


async def test_what_cannot_be_judged_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Most SDKs show nobody what partial success says; one line per kind of problem fills no log, and quotes no caller."""
    house, counters = pipeline()
    for _ in range(3):
        processed = await house.process(request(span(ENDED, call__task_outcome="done"), span("voice.interruption.recovered", call__id="")))
    text = KeyValue(key="voice.caller.transcript.text", value=AnyValue(int_value=4711))
    wrong = span(ENDED)
    wrong.attributes.append(text)
    await house.process(request(wrong))
    told = [record.message for record in caplog.records]

    assert [("c1", ENDED), ("", "voice.interruption.recovered")] == [each[:2] for each in processed.refused]
    assert 3 == len(told)
    assert "call_ended: `voice.call.task_outcome` holds what it cannot, unknown_value: abandoned, completed" in told[0]
    assert not any("`done`" in line for line in told)
    assert "4711" not in told[2]
    assert 7 == counters.get("otel_voice_processor_unjudged_events")


async def test_a_record_is_shown_without_text_unless_it_is_kept() -> None:
    """What `serve --show` prints is no way around redaction."""
    said = {"voice.caller.transcript.text": "no I meant Friday", "voice.caller.transcript.status": "final"}
    for keep in (True, False):
        records: list[CallRecord] = []
        config = Config(receiver=Receiver(endpoint="127.0.0.1:0"), judging=Judging(keep_transcript_text=keep), status=None)
        service = Service(config, on_call=records.append)
        await service.start()
        stopped = span("voice.interruption.user.speech_stopped")
        stopped.attributes.extend(pairs(said))
        started = span("voice.interruption.agent.speech_started", agent__response__id="r1")
        await asyncio.to_thread(send_raw, service.port, request(started, stopped))
        await service.stop(0.5)
        text = repr(records)

        assert 1 == len(records)
        assert keep == ("Friday" in text)


def send_raw(port: int, body: bytes) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        channel.unary_unary(TRACE_EXPORT, None, None)(body, timeout=5)


def logs(*records: LogRecord) -> bytes:
    return ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": records}]}]).SerializeToString()


async def test_a_log_is_redacted_and_marked_as_a_span_is() -> None:
    """Text is taken out, what cannot be judged is marked, other logs are not touched; an old SDK names the event in an attribute."""
    house, counters = pipeline()
    said = LogRecord(time_unix_nano=10**18, event_name="voice.interruption.user.transcript")
    said.attributes.extend(pairs({"voice.call.id": "c1", "voice.caller.transcript.text": "no I meant Friday"}))
    broken = LogRecord(time_unix_nano=10**18, event_name=ENDED)
    older = LogRecord(time_unix_nano=10**18, attributes=pairs({"event.name": ENDED, "voice.call.id": "c1"}))
    other = LogRecord(time_unix_nano=10**18, event_name="app.note", body=AnyValue(string_value="voice.interruption.none"))
    processed = await house.process(logs(said, broken, older, other), LOGS)
    sent = list(ExportLogsServiceRequest.FromString(processed.body).resource_logs[0].scope_logs[0].log_records)

    assert "Friday" not in processed.body.decode("utf-8", "replace")
    assert other == sent[3]
    assert ["voice.interruption.user.transcript", ENDED] == [event.name for event in processed.events]
    assert a.VOICE_PROBLEM_CODES in {pair.key for pair in sent[1].attributes}
    assert 1 == counters.get("otel_voice_processor_unjudged_events")


async def export_logs(port: int, body: bytes) -> bytes:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        return await raw_call(channel, LOGS_EXPORT)(body, timeout=5)


async def test_a_destination_without_logs_is_named_and_can_be_spared() -> None:
    """By default logs go on; where downstream has no such service the sender hears what to set, and set so they are judged."""
    body = logs(LogRecord(time_unix_nano=10**18, event_name=ENDED, attributes=pairs({"voice.call.id": "c1"})))
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    for signals in (frozenset({"traces", "logs"}), frozenset({"traces"})):
        target = TraceExporter(endpoint=f"127.0.0.1:{port}", tls=Tls(insecure=True), retry_on_failure=Retry(enabled=False), signals=signals)
        records: list[CallRecord] = []
        service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=(target,), status=None), on_call=records.append)
        await service.start()
        if "logs" in signals:
            with pytest.raises(grpc.aio.AioRpcError, match=r"takes no logs: `signals: \[traces\]`"):
                await export_logs(service.port, body)
        else:
            assert b"" == await export_logs(service.port, body)
            assert 1 == service.counters.get("otel_voice_exporter_unasked_requests", signal="logs")
        await service.stop(0.1)
        assert ("logs" not in signals) == bool(records)
    await server.stop(None)


async def test_logs_are_kept_in_the_file_beside_traces(tmp_path: Any) -> None:
    """As the collector's file exporter has them: a line of resourceLogs."""
    path = tmp_path / "calls.jsonl"
    exporter = FileExporter(path)
    await exporter.send(logs(LogRecord(event_name=ENDED, trace_id=b"t" * 16)), LOGS)
    await exporter.close()

    assert '"resourceLogs"' in path.read_text()
    assert f'"traceId":"{(b"t" * 16).hex()}"' in path.read_text()
