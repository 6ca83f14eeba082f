"""The whole walk over real sockets: stock SDK in, verdicts out, foreign spans untouched."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import pytest_asyncio
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_voice_processor.config import Config, File, Judging, Receiver, Retry, Tls, TraceExporter
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, emit
from otel_voice_processor.testing import Sink, free_port
from otel_voice_processor.wire import build_request, encode_span

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
FOREIGN = 1_000
CASES = len(EIGHT)


@dataclass
class House:
    service: Service
    sink: Sink
    records: list[CallRecord]

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.service.port}"


def config_for(*targets: str, **judging: Any) -> Config:
    retry = Retry(initial_interval=0.05, max_interval=0.1, max_elapsed_time=0.3)
    traces = tuple(TraceExporter(endpoint=target, tls=Tls(insecure=True), retry_on_failure=retry) for target in targets)
    return Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=traces, judging=Judging(**judging))


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    records: list[CallRecord] = []
    async with Sink() as sink:
        service = Service(config_for(f"127.0.0.1:{sink.port}"), on_call=records.append)
        await service.start()
        yield House(service, sink, records)
        await service.stop(0.5)


def spans_of(bodies: list[bytes]) -> list[bytes]:
    """Return each span's bytes as they stand in the requests, without decoding them."""
    return [piece for body in bodies for rs in fields(body, 1) for ss in fields(rs, 2) for piece in fields(ss, 2)]


def fields(raw: bytes, wanted: int) -> list[bytes]:
    """Return the length-delimited fields of one number; written for this test, shares nothing with the codec."""
    out, at = [], 0

    def varint(position: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = raw[position]
            value |= (byte & 0x7F) << shift
            position, shift = position + 1, shift + 7
            if byte < 0x80:
                return value, position

    while at < len(raw):
        tag, at = varint(at)
        if tag & 7 == 2:
            size, at = varint(at)
            if tag >> 3 == wanted:
                out.append(raw[at : at + size])
            at += size
        elif tag & 7 == 0:
            _, at = varint(at)
        else:
            at += 8 if tag & 7 == 1 else 4
    return out


def send(endpoints: list[str], scripts: Any, foreign: int) -> None:
    """Send calls mixed with foreign spans by the stock SDK, the same spans to every endpoint."""
    provider = TracerProvider(resource=Resource.create({"service.name": "agent"}), shutdown_on_exit=False)
    for endpoint in endpoints:
        exporter = OTLPSpanExporter(endpoint=f"http://{endpoint}", insecure=True)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=20_000, schedule_delay_millis=50))
    tracer = provider.get_tracer("web")
    start = time.time_ns() - 600 * 10**9
    for number in range(foreign):
        with tracer.start_as_current_span(f"GET /voice.interruption.{number}") as span:
            span.set_attribute("http.request.method", "GET")
            span.set_attribute("number", number)
        if number % (foreign // max(1, len(scripts))) == 0 and number // (foreign // len(scripts)) < len(scripts):
            script = scripts[number // (foreign // len(scripts))]
            emit(script, provider, start_ns=start, keep_text=True, call_id=script.call_id)
    provider.force_flush()
    provider.shutdown()


async def test_the_eight_cases_among_foreign_spans(house: House) -> None:
    """Every foreign span's bytes stay, ours are enriched, six episodes with right verdicts, two calls without any."""
    async with Sink() as tap:
        await asyncio.to_thread(send, [f"127.0.0.1:{tap.port}", house.endpoint], EIGHT, FOREIGN)
        sent = Counter(raw for raw in spans_of(tap.requests) if b"GET /voice" in raw)
    await house.service.settle_all()
    got = Counter(raw for raw in spans_of(house.sink.requests) if b"GET /voice" in raw)

    assert sum(sent.values()) == FOREIGN
    assert sent == got
    verdicts = {record.call_id: [ep.verdict for ep in record.episodes] for record in house.records}
    assert {
        script.call_id: script.truth.happened for script in EIGHT if script.truth.happened not in {"none", "premature_endpointing"}
    } == {call_id: ", ".join(found) for call_id, found in verdicts.items() if found}
    assert sum(map(len, verdicts.values())) == 6
    ours = [span for span in house.sink.spans() if span.name.startswith("voice.interruption.")]
    keys = {pair.key for span in ours if span.name.endswith("candidate_detected") for pair in span.attributes}
    assert {"voice.policy.rule", "voice.policy.action", "voice.policy.confidence", "voice.policy.basis"} <= keys
    assert (sum(s.name.endswith(".episode") for s in ours), sum(s.name == "voice.interruption.call" for s in ours)) == (6, CASES)
    assert b"Friday" not in b"".join(house.sink.requests)


async def test_rulings_of_the_eight_cases_are_right(house: House) -> None:
    """Each case is ruled as the runbook expects: the episode's ruling, or the event's where there is no episode."""
    await asyncio.to_thread(send, [house.endpoint], EIGHT, FOREIGN)
    await house.service.settle_all()
    effects = {record.call_id: record.episodes[0].ruling for record in house.records if record.episodes}
    actions = [ruling.effect for _, ruling in sorted(effects.items(), key=lambda item: [s.call_id for s in EIGHT].index(item[0])) if ruling]
    ruled: dict[str, set[str]] = {}
    for span in house.sink.spans():
        told = {pair.key: pair.value.string_value for pair in span.attributes}
        if "voice.policy.action" in told:
            ruled.setdefault(f"{told['voice.call.id']} {span.name}", set()).add(told["voice.policy.action"])
    account, silence = EIGHT[5].call_id, EIGHT[6].call_id

    assert actions == ["stop", "keep", "keep", "stop", "keep", "stop"]
    assert {"reprompt"} == ruled[f"{silence} voice.interruption.silence.timeout"]
    assert "wait" in ruled[f"{account} voice.interruption.user.speech_stopped"] | ruled[f"{account} voice.interruption.user.transcript"]


async def test_failing_variants_are_told_apart(house: House) -> None:
    """The runbook's failure signal of each case gives its own answer."""
    await asyncio.to_thread(send, [house.endpoint], EIGHT_FAILING, FOREIGN)
    await house.service.settle_all()
    by_id = {record.call_id: record for record in house.records}

    for script in EIGHT_FAILING:
        record = by_id[script.call_id]
        found = ", ".join(ep.verdict for ep in record.episodes) or ("premature_endpointing" if record.premature_endpointings else "none")
        assert script.truth.happened == found, script.name
    assert "required_content_cut" in by_id[EIGHT_FAILING[4].call_id].episodes[0].findings


async def call(endpoint: str, body: bytes) -> Any:
    async with grpc.aio.insecure_channel(endpoint) as channel:
        return await channel.unary_unary(EXPORT)(body, timeout=10)


def voice(attributes: dict[str, Any], name: str = "voice.interruption.user.speech_started") -> bytes:
    now = time.time_ns()
    span = encode_span(name=name, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"", start_ns=now, end_ns=now, attributes=attributes)
    return build_request({"service.name": "x"}, "s", "1", "", [span])


async def test_undecodable_bytes_are_invalid(house: House) -> None:
    """Garbage is answered INVALID_ARGUMENT; the next request is served."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(house.endpoint, b"\x0a\xff voice.interruption.")

    assert grpc.StatusCode.INVALID_ARGUMENT is caught.value.code()
    assert await call(house.endpoint, build_request({"service.name": "x"}, "s", "1", "", [])) == b""


async def test_an_unjudged_span_is_forwarded_marked_and_warned_of(house: House) -> None:
    """No call id: forwarded, marked, counted, and a warning with nothing rejected."""
    answer = ExportTraceServiceResponse.FromString(await call(house.endpoint, voice({"voice.turn.id": "t"})))
    (span,) = house.sink.spans()

    assert answer.partial_success.rejected_spans == 0
    assert "`voice.call.id` is missing" in answer.partial_success.error_message
    assert "voice.problem.codes" in {pair.key for pair in span.attributes}
    assert house.service.counters.get("otel_voice_processor_unjudged_events") == 1


async def test_a_call_already_ruled_passes_unjudged(house: House) -> None:
    """A second processor in the chain changes nothing."""
    body = voice({"voice.call.id": "c", "voice.policy.version": "p"})
    await call(house.endpoint, body)

    assert [body] == house.sink.requests


async def test_downstream_away_is_pushed_back() -> None:
    """UNAVAILABLE with RetryInfo in both forms, and nothing is counted as joined."""
    service = Service(config_for(f"127.0.0.1:{free_port()}"))
    await service.start()
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(f"127.0.0.1:{service.port}", voice({"voice.call.id": "c"}))
    finally:
        await service.stop(0.1)
    trailers = {key for key, _ in caught.value.trailing_metadata() or ()}

    assert grpc.StatusCode.UNAVAILABLE is caught.value.code()
    assert {"grpc-status-details-bin", "google.rpc.retryinfo-bin"} <= trailers
    assert service.counters.get("otel_voice_processor_events", outcome="joined") == 0


async def test_spans_reach_the_file_as_otlp_json(tmp_path: Any) -> None:
    """`exporters.file` holds one OTLP JSON line a request."""
    from dataclasses import replace

    path = tmp_path / "calls.jsonl"
    service = Service(replace(config_for(), file=File(path=str(path))))
    await service.start()
    await call(f"127.0.0.1:{service.port}", voice({"voice.call.id": "c"}))
    await service.stop(0.1)

    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert '"traceId":"' + "74" * 16 in first.replace(" ", "")
    assert path.stat().st_mode & 0o777 == 0o600


async def test_metrics_arrive_over_grpc_with_a_zero_first() -> None:
    """The scorecard is pushed to its own endpoint; a new series begins with 0."""
    from dataclasses import replace

    from otel_voice_processor.config import MetricsExporter

    async with Sink() as sink:
        metrics = MetricsExporter(endpoint=f"127.0.0.1:{sink.port}", protocol="grpc", interval=60, tls=Tls(insecure=True))
        service = Service(replace(config_for(f"127.0.0.1:{sink.port}"), metrics=metrics))
        await service.start()
        await asyncio.to_thread(send, [f"127.0.0.1:{service.port}"], EIGHT, FOREIGN)
        await service.stop(0.5)
        found = {metric.name: metric for metric in sink.metrics()}
    values: dict[str, list[int]] = {}
    for point in found["voice.interruption.episodes"].sum.data_points:
        values.setdefault(str(sorted((pair.key, str(pair.value)) for pair in point.attributes)), []).append(point.as_int)

    assert all(series[0] == 0 and series[-1] > 0 for series in values.values())
    assert sum(series[-1] for series in values.values()) == 6
    assert sum(point.as_int for point in found["voice.calls"].sum.data_points) == CASES
