"""Destinations against a real OpenTelemetry Collector and a real Tempo: what they say is what we take it for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otel_voice_processor.config import Config, HttpExporter, Retry, Tls, TraceExporter
from otel_voice_processor.forward import DeadLetters, Destination, destinations
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink, free_port

from tests.peers.servers import collector, tempo
from tests.processor.forward.doubles import MemoryQueue

pytestmark = pytest.mark.peers
PLAIN = Tls(insecure=True)
FAST = Retry(initial_interval=0.05, max_interval=0.2)


def spans(number: int, size: int = 10) -> bytes:
    """Return a request of one span, whose name is as long as asked for."""
    span = {"name": f"{number:06d}" + "x" * size, "trace_id": number.to_bytes(16, "big"), "span_id": number.to_bytes(8, "big")}
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": [span]}]}]).SerializeToString()


def log(number: int) -> bytes:
    """Return a request of one log record."""
    record = {"body": {"string_value": str(number)}}
    return ExportLogsServiceRequest(resource_logs=[{"scope_logs": [{"log_records": [record]}]}]).SerializeToString()


def letters_in(folder: Path) -> list[tuple[dict[str, Any], bytes]]:
    """Return every dead letter, its story and its body."""
    return [(json.loads(path.read_text(encoding="utf-8")), path.with_suffix(".pb").read_bytes()) for path in sorted(folder.glob("*.json"))]


@asynccontextmanager
async def running(config: TraceExporter | HttpExporter, queue: MemoryQueue, folder: Path, counters: Counters) -> AsyncIterator[Destination]:
    letters = DeadLetters(folder, 100 << 20, counters)
    (one,) = destinations(Config(traces=(config,)), queue, letters, counters)
    await one.start()
    try:
        async with asyncio.timeout(60):
            yield one
    finally:
        await one.stop(1.0)
        await letters.close()


def passing_on(onward: str, grpc: int, http: int) -> str:
    """Return the config of a stock collector that waits for what is behind it."""
    return f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
exporters:
  otlp_grpc:
    endpoint: "{onward}"
    tls: {{insecure: true}}
    compression: none
    sending_queue: {{enabled: false}}
    retry_on_failure: {{enabled: false}}
service:
  telemetry: {{metrics: {{level: none}}}}
  extensions: [health_check]
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}, logs: {{receivers: [otlp], exporters: [otlp_grpc]}}}}
"""


def names(sink: Sink) -> Sequence[str]:
    """Return the names of the spans that arrived, in their order."""
    return sorted(span.name for span in sink.spans())


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
async def test_a_collector_takes_what_goes_by_http(compression: str, tmp_path: Path) -> None:
    """Traces and logs, however they travel; what is no OTLP it refuses with words, and that alone is a dead letter."""
    grpc, http, queue, counters = free_port(), free_port(), MemoryQueue(), Counters()
    torn = b"\x0a\x05nope!"  # whole as a field, and no resource
    async with Sink() as sink:
        with collector(tmp_path / "collector", passing_on(sink.endpoint, grpc, http)):
            config = HttpExporter(endpoint=f"http://127.0.0.1:{http}", compression=compression, retry_on_failure=FAST)
            async with running(config, queue, tmp_path / "dead", counters) as one:
                queue.put(*(spans(number) for number in range(100)), torn, *(spans(number) for number in range(100, 200)))
                queue.put(log(1), log(2), signal="logs")
                await one.reached(204)
        ((story, body),) = letters_in(tmp_path / "dead")

        assert [f"{number:06d}" + "x" * 10 for number in range(200)] == names(sink)
        assert ["1", "2"] == [record.body.string_value for record in sink.logs()]
    assert torn == body
    assert ("400", "traces", 101) == (story["code"], story["signal"], story["entry"])
    assert "answered 400: " in story["message"]
    assert "nothing more" not in story["message"]


async def test_a_collector_takes_the_largest_batch_by_grpc_and_one_that_is_larger_is_a_dead_letter(tmp_path: Path) -> None:
    """Its limit is 4 MiB unless it is told another: `batch.max_size` stays below."""
    grpc, http, queue, counters = free_port(), free_port(), MemoryQueue(), Counters()
    async with Sink() as sink:
        with collector(tmp_path / "collector", passing_on(sink.endpoint, grpc, http)):
            config = TraceExporter(endpoint=f"127.0.0.1:{grpc}", tls=PLAIN, retry_on_failure=FAST)
            queue.put(*(spans(number, 100_000) for number in range(100)), spans(100, 5_000_000), spans(101))
            async with running(config, queue, tmp_path / "dead", counters) as one:
                await one.reached(103)
        ((story, body),) = letters_in(tmp_path / "dead")

        assert [f"{number:06d}" for number in (*range(100), 101)] == [name[:6] for name in names(sink)]
    assert spans(100, 5_000_000) == body
    assert ("RESOURCE_EXHAUSTED", "refused", 101) == (story["code"], story["reason"], story["entry"])


async def test_what_is_too_large_for_a_collector_by_http_is_a_dead_letter(tmp_path: Path) -> None:
    """Its limit is 20 MiB; what came before and after arrives."""
    grpc, http, queue, counters = free_port(), free_port(), MemoryQueue(), Counters()
    large = spans(1, 25_000_000)
    async with Sink() as sink:
        with collector(tmp_path / "collector", passing_on(sink.endpoint, grpc, http)):
            config = HttpExporter(endpoint=f"http://127.0.0.1:{http}", retry_on_failure=FAST)
            queue.put(spans(0), large, spans(2))
            async with running(config, queue, tmp_path / "dead", counters) as one:
                await one.reached(4)
        ((story, body),) = letters_in(tmp_path / "dead")

        assert ["000000", "000002"] == [name[:6] for name in names(sink)]
    assert large == body
    assert ("refused", 2) == (story["reason"], story["entry"])
    assert "too large" in story["message"]


@pytest.mark.parametrize("by", ["grpc", "http"])
async def test_what_is_behind_a_collector_is_waited_for(by: str, tmp_path: Path) -> None:
    """A collector says that its backend is away by UNAVAILABLE, or 503: all of it arrives once it is back."""
    grpc, http, queue, counters = free_port(), free_port(), MemoryQueue(), Counters()
    sink = Sink(free_port())
    with collector(tmp_path / "collector", passing_on(sink.endpoint, grpc, http)):
        config: TraceExporter | HttpExporter = TraceExporter(endpoint=f"127.0.0.1:{grpc}", tls=PLAIN, timeout=1.0, retry_on_failure=FAST)
        if by == "http":
            config = HttpExporter(endpoint=f"http://127.0.0.1:{http}", timeout=1.0, retry_on_failure=FAST)
        queue.put(*(spans(number) for number in range(50)))
        async with running(config, queue, tmp_path / "dead", counters) as one:
            await asyncio.sleep(1.0)
            assert 0 == one.number
            await sink.start()
            await one.reached(51)
    await sink.stop()

    assert {f"{number:06d}" + "x" * 10 for number in range(50)} == set(names(sink))
    assert [] == letters_in(tmp_path / "dead")


async def test_a_tempo_takes_traces_and_its_missing_logs_hold_up_nothing(tmp_path: Path) -> None:
    """It answers UNIMPLEMENTED to logs: those go to the dead letters, the traces behind them arrive."""
    queue, counters = MemoryQueue(), Counters()
    with tempo(tmp_path / "tempo") as server:
        queue.put(log(1), log(2), signal="logs")
        queue.put(spans(1))
        async with running(
            TraceExporter(endpoint=server.otlp, tls=PLAIN, retry_on_failure=FAST), queue, tmp_path / "dead", counters
        ) as one:
            await one.reached(4)
    ((story, body),) = letters_in(tmp_path / "dead")

    assert log(1) + log(2) == body
    assert ("UNIMPLEMENTED", "not_taken", 2) == (story["code"], story["reason"], story["entries"])
    assert 1 == counters.get("otel_voice_exporter_sent_requests", exporter="otlp_grpc")
