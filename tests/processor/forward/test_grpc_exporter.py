from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, cast

import grpc
import pytest
from otel_voice_processor.config import Tls, TraceExporter
from otel_voice_processor.errors import Retryable, TimedOut
from otel_voice_processor.forward import GrpcExporter
from otel_voice_processor.forward.grpc_exporter import NO_LIMIT_S
from otel_voice_processor.rpc import Refused, sorted_out
from otel_voice_processor.testing import Sink, free_port


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
    exporter = GrpcExporter(f"127.0.0.1:{free_port()}", insecure=True)
    with pytest.raises(Retryable, match="answered UNAVAILABLE"):
        await exporter.send(b"x")
    await exporter.close()


async def test_no_time_limit_is_thirty_seconds() -> None:
    """`timeout: 0` is no limit in the collector's words; here a sender and a stop would wait for ever."""
    limits: list[float] = []

    async def call(body: bytes, *, timeout: float, metadata: object) -> bytes:  # noqa: ASYNC109 (gRPC's own name)
        limits.append(timeout)
        return b""

    exporter = GrpcExporter("127.0.0.1:1", insecure=True, timeout_s=0.0)
    exporter._channel, exporter._calls = cast(Any, object()), {"traces": call}
    await exporter.send(b"x")

    assert [NO_LIMIT_S] == limits


async def test_a_destination_that_comes_back_is_found_within_seconds() -> None:
    """Reconnecting is tried at least every two seconds, however long it was away."""
    sink = Sink(free_port())
    exporter = GrpcExporter(sink.endpoint, insecure=True, timeout_s=0.5)
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


async def test_who_never_answers_is_given_up_on_in_time() -> None:
    """And may have taken the request."""
    async with Sink() as sink:
        sink.slow(30)
        exporter = GrpcExporter(sink.endpoint, insecure=True, timeout_s=0.1)
        with pytest.raises(TimedOut, match="answered DEADLINE_EXCEEDED"):
            await exporter.send(b"x")
        await exporter.close()


async def test_what_a_server_says_is_shown_on_one_line_and_cut() -> None:
    """A log is no terminal of somebody else's."""
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNKNOWN, cast(Any, grpc.aio.Metadata()), cast(Any, grpc.aio.Metadata()), details="a\n\x1b[2J" + "x" * 5000
    )
    words = str(sorted_out(error, "here:1"))

    assert words.startswith("`here:1` answered UNKNOWN: a\\n\\x1b[2Jxxx")
    assert 1100 > len(words)
