from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any, cast

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otel_voice_processor.config import Retry, Tls, TraceExporter
from otel_voice_processor.errors import Permanent, Retryable, Undecodable
from otel_voice_processor.forward import MAX_ELAPSED_S, Exporter, FanOut, GrpcExporter
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink, free_port

NO_RETRY = Retry(enabled=False)


class Sleeps:
    """Takes the waits down and does not wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


class Failing:
    """An exporter that raises what it was given, or takes everything."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[bytes] = []
        self.closed = 0

    async def send(self, body: bytes, signal: str = "traces") -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(body)

    async def close(self) -> None:
        self.closed += 1


async def test_a_request_is_delivered_with_headers_compressed_as_asked() -> None:
    """Config reaches the wire: headers in lower case, gzip, and the bytes as they were."""
    async with Sink() as sink:
        config = TraceExporter(endpoint=f"127.0.0.1:{sink.port}", compression="gzip", headers={"X-Scope": "one"}, tls=Tls(insecure=True))
        exporter = GrpcExporter.of(config)
        await exporter.send(b"\x0a\x00" * 500)
        await exporter.close()
        await exporter.close()

        assert sink.requests == [b"\x0a\x00" * 500]
        assert sink.headers["x-scope"] == "one"


async def test_waits_grow_within_bounds_until_downstream_takes_it() -> None:
    """`initial_interval` times `multiplier`, at most `max_interval`, spread by `randomization_factor`."""
    sleeps = Sleeps()
    retry = Retry(initial_interval=0.5, max_interval=1.0, multiplier=1.5, randomization_factor=0.5, max_elapsed_time=20)
    async with Sink() as sink:
        sink.refuse(grpc.StatusCode.UNAVAILABLE, times=4)
        exporter = GrpcExporter(f"127.0.0.1:{sink.port}", insecure=True, retry=retry, sleep=sleeps, chance=lambda: 1.0)
        await exporter.send(b"x")
        await exporter.close()

        assert sleeps.waits == [0.75, 1.125, 1.5, 1.5]
        assert sink.requests == [b"x"]


async def test_the_servers_wait_outranks_a_shorter_one_of_ours() -> None:
    """RetryInfo is heeded, also with RESOURCE_EXHAUSTED, which is retryable only with it."""
    sleeps = Sleeps()
    async with Sink() as sink:
        sink.refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after_s=2.5, times=1)
        exporter = GrpcExporter(f"127.0.0.1:{sink.port}", insecure=True, sleep=sleeps)
        await exporter.send(b"x")
        await exporter.close()

        assert sleeps.waits == [2.5]


async def test_a_sender_is_answered_when_the_wait_would_pass_the_limit() -> None:
    """The wait asked for is handed up with the error, without waiting."""
    sleeps = Sleeps()
    async with Sink() as sink:
        sink.refuse(grpc.StatusCode.UNAVAILABLE, retry_after_s=60)
        exporter = GrpcExporter(f"127.0.0.1:{sink.port}", insecure=True, sleep=sleeps)
        with pytest.raises(Retryable, match="answered UNAVAILABLE: told to refuse") as caught:
            await exporter.send(b"x")
        await exporter.close()

        assert caught.value.delay_s == 60
        assert sleeps.waits == []


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNIMPLEMENTED])
async def test_a_permanent_refusal_is_not_tried_again(code: grpc.StatusCode) -> None:
    """One attempt, and the code is kept for the sender."""
    async with Sink() as sink:
        sink.refuse(code)
        exporter = GrpcExporter(f"127.0.0.1:{sink.port}", insecure=True)
        with pytest.raises(Refused) as caught:
            await exporter.send(b"x")
        await exporter.close()

        assert code == caught.value.code
        assert sink.attempts == 1


async def test_nobody_there_is_retryable() -> None:
    """A destination that is away is no reason to lose anything."""
    exporter = GrpcExporter(f"127.0.0.1:{free_port()}", insecure=True, retry=NO_RETRY)
    with pytest.raises(Retryable, match="answered UNAVAILABLE"):
        await exporter.send(b"x")
    await exporter.close()


async def test_what_waits_is_bounded() -> None:
    """Beside a request that waits, one that does not fit is refused at once."""
    async with Sink() as sink:
        refused: list[Retryable] = []

        async def while_waiting(seconds: float) -> None:
            try:
                await exporter.send(b"y" * 10)
            except Retryable as error:
                refused.append(error)
            sink.accept()

        sink.refuse(grpc.StatusCode.UNAVAILABLE)
        exporter = GrpcExporter(f"127.0.0.1:{sink.port}", insecure=True, max_waiting_bytes=15, sleep=while_waiting)
        await exporter.send(b"x" * 10)
        await exporter.send(b"z" * 10)
        await exporter.close()

        assert len(refused) == 1
        assert sink.requests == [b"x" * 10, b"z" * 10]


async def test_a_partial_success_is_said_and_not_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    """OTLP forbids a retry of what was rejected in part."""
    answer = ExportTraceServiceResponse(partial_success={"rejected_spans": 3, "error_message": "too old"})
    async with Sink() as sink:
        sink.accept(answer.SerializeToString())
        exporter = GrpcExporter(f"127.0.0.1:{sink.port}", insecure=True)
        with caplog.at_level(logging.WARNING):
            await exporter.send(b"x")
        await exporter.close()

        assert sink.attempts == 1
        assert "rejected 3 records: too old" in caplog.text


async def test_a_fan_out_reaches_everybody_and_raises_what_may_be_retried_first() -> None:
    """One destination away does not keep another from its request; a retryable error outranks a permanent one."""
    good = Failing()
    fan: Exporter = FanOut([Failing(Permanent("never")), good, Failing(Retryable("later"))])
    with pytest.raises(Retryable, match="later"):
        await fan.send(b"x")
    with pytest.raises(Retryable, match="later"):
        await FanOut([Failing(ZeroDivisionError()), Failing(Retryable("later"))]).send(b"x")
    with pytest.raises(ZeroDivisionError):
        await FanOut([Failing(Permanent("never")), Failing(ZeroDivisionError()), Failing()]).send(b"x")
    with pytest.raises(Permanent, match="never"):
        await FanOut([Failing(Permanent("never")), Failing(Permanent("nor here"))]).send(b"x")
    await fan.close()
    await FanOut([]).send(b"x")

    assert good.taken == [b"x"]
    assert good.closed == 1


async def test_what_one_took_is_sent_though_another_refuses_it_for_good(caplog: pytest.LogCaptureFixture) -> None:
    """The sender is warned, each refusal is counted by its code, and one that repeats itself is logged once."""
    counters = Counters()
    fan = FanOut([Failing(Undecodable("bad bytes")), Failing(), Failing(Refused("no", grpc.StatusCode.UNIMPLEMENTED))], counters)

    assert await fan.send(b"x") == "bad bytes; no"
    assert await fan.send(b"x") == "bad bytes; no"
    assert 2 == counters.get("otel_voice_exporter_send_failed_requests", reason="invalid_argument")
    assert 2 == counters.get("otel_voice_exporter_send_failed_requests", reason="unimplemented")
    assert 1 == caplog.text.count("bad bytes")


async def test_no_time_limit_is_thirty_seconds() -> None:
    """`timeout: 0` is no limit in the collector's words; here a sender and a stop would wait for ever."""
    limits: list[float] = []

    async def call(body: bytes, *, timeout: float, metadata: object) -> bytes:  # noqa: ASYNC109 (gRPC's own name)
        limits.append(timeout)
        return b""

    exporter = GrpcExporter("127.0.0.1:1", insecure=True, timeout_s=0.0)
    exporter._channel, exporter._calls = cast(Any, object()), {"traces": call}
    await exporter.send(b"x")

    assert [MAX_ELAPSED_S] == limits


async def test_a_destination_that_comes_back_is_found_within_seconds() -> None:
    """Reconnecting is tried at least every two seconds, however long it was away."""
    sink = Sink(free_port())
    exporter = GrpcExporter(sink.endpoint, insecure=True, retry=NO_RETRY, timeout_s=0.5)
    away = time.monotonic() + 1.5
    while time.monotonic() < away:
        with pytest.raises(Retryable):
            await exporter.send(b"x")
        await asyncio.sleep(0.05)
    await sink.start()
    back = time.monotonic() + 2.5
    while not sink.requests:
        assert time.monotonic() < back
        with contextlib.suppress(Retryable):
            await exporter.send(b"x")
        await asyncio.sleep(0.05)
    await exporter.close()
    await sink.stop()
