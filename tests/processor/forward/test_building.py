from __future__ import annotations

from pathlib import Path

from otel_voice_processor.config import Config, HttpExporter, SendingQueue, Tls, TraceExporter
from otel_voice_processor.file_exporter import FileExporter
from otel_voice_processor.forward import DeadLetters, Destination, destinations, fan_out
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink

from tests.processor.forward.doubles import MemoryQueue, web

PLAIN = Tls(insecure=True)
SPANS = b"\x0a\x00"


async def stopped(*running: Destination) -> None:
    for each in running:
        await each.stop(1.0)


async def test_each_exporter_of_the_config_is_a_destination_under_its_key(tmp_path: Path) -> None:
    """gRPC, HTTP and the file: each gets what it takes, the file a request a line; what nobody takes is counted once."""
    queue, counters = MemoryQueue(), Counters()
    queue.put(SPANS, SPANS)
    queue.put(SPANS, signal="logs")
    async with Sink() as sink, web() as one:
        config = Config(
            traces=(
                TraceExporter(name="otlp_grpc/tempo", endpoint=sink.endpoint, tls=PLAIN, signals=frozenset({"traces"})),
                HttpExporter(endpoint=one.url, traces_endpoint=f"{one.url}/spans", sending_queue=SendingQueue(num_consumers=1)),
            )
        )
        file = FileExporter(tmp_path / "kept.jsonl", counters)
        letters = DeadLetters(tmp_path / "dead", 1_000)
        built = destinations(config, queue, letters, counters, file)
        for each in built:
            await each.start()
        for each in built:
            await each.reached(4)
        await stopped(*built)

        assert {"otlp_grpc/tempo": 4, "otlp_http": 4, "file": 4} == queue.cursors
        assert SPANS * 2 == b"".join(sink.requests)
        assert ([], ["/spans", "/v1/logs"]) == (sink.log_requests, [path for path, _, _ in one.seen])
    assert 3 == len((tmp_path / "kept.jsonl").read_text(encoding="utf-8").splitlines())
    assert 0 == counters.get("otel_voice_exporter_unasked_requests", signal="logs")


async def test_a_signal_that_no_destination_takes_is_counted_once(tmp_path: Path) -> None:
    """However many pass it over."""
    queue, counters = MemoryQueue(), Counters()
    queue.put(SPANS, signal="logs")
    one = TraceExporter(endpoint="a:1", signals=frozenset({"traces"}))
    two = TraceExporter(endpoint="b:1", name="otlp_grpc/b", signals=frozenset({"traces"}))
    built = destinations(Config(traces=(one, two)), queue, DeadLetters(tmp_path, 1), counters)
    for each in built:
        await each.start()
        await each.reached(2)
    await stopped(*built)

    assert 1 == counters.get("otel_voice_exporter_unasked_requests", signal="logs")


async def test_in_memory_all_are_asked_at_once() -> None:
    """And the sender hears what one of them rejected."""
    counters = Counters()
    async with Sink() as sink, web() as one:
        config = Config(traces=(TraceExporter(endpoint=sink.endpoint, tls=PLAIN), HttpExporter(endpoint=one.url)))
        fan = fan_out(config, counters)
        one.answers("400 Bad", b"no")
        told = await fan.send(SPANS)
        await fan.close()

        assert [SPANS] == sink.requests
    assert f"`{one.url}/v1/traces` answered 400: no" == told
    assert 1 == counters.get("otel_voice_exporter_send_failed_requests", reason="invalid_argument")
