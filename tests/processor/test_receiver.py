from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otel_voice_processor.config import Receiver as Settings
from otel_voice_processor.errors import Permanent, ProcessorError, Retryable, Undecodable
from otel_voice_processor.memory_limiter import Limits, MemoryLimiter
from otel_voice_processor.receiver import PortTaken, Receiver
from otel_voice_processor.rpc import RETRY_TRAILER, STATUS_TRAILER, TRACE_EXPORT, Refused, raw_call, retry_delay
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink

from tests.faults.processes import PREFACE, data, headers

LOCAL = Settings(endpoint="127.0.0.1:0")


async def call(port: int, body: bytes, **more: Any) -> bytes:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1)]) as channel:
        return await raw_call(channel, TRACE_EXPORT)(body, timeout=5, **more)


async def answered(consume: Callable[[bytes], Awaitable[bytes]], counters: Counters | None = None) -> grpc.aio.AioRpcError:
    receiver = Receiver(consume, LOCAL, counters)
    await receiver.start()
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(receiver.port, b"x")
        return caught.value
    finally:
        await receiver.stop(0)


def raising(error: Exception) -> Callable[[bytes], Awaitable[bytes]]:
    async def consume(body: bytes, signal: str) -> bytes:
        raise error

    return consume


async def echo(body: bytes, signal: str) -> bytes:
    return body


async def test_bytes_go_through_as_they_are() -> None:
    """Requests and responses are never decoded by the edge; gzip is undone by gRPC."""
    receiver = Receiver(echo, LOCAL)
    await receiver.start()

    assert await call(receiver.port, b"\xff\x00") == b"\xff\x00"
    assert await call(receiver.port, b"z" * 9000, compression=grpc.Compression.Gzip) == b"z" * 9000
    await receiver.stop(0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Undecodable("bad bytes"), grpc.StatusCode.INVALID_ARGUMENT),
        (Permanent("never"), grpc.StatusCode.INVALID_ARGUMENT),
        (Refused("no", grpc.StatusCode.PERMISSION_DENIED), grpc.StatusCode.PERMISSION_DENIED),
        (Retryable("away"), grpc.StatusCode.UNAVAILABLE),
        (ProcessorError("other"), grpc.StatusCode.UNAVAILABLE),
        (ZeroDivisionError(), grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_an_error_becomes_the_code_that_says_whether_to_come_back(error: Exception, code: grpc.StatusCode) -> None:
    """Permanent errors are answered for good, everything else UNAVAILABLE; a fault of ours is counted, nothing escapes."""
    counters = Counters()

    assert code == (await answered(raising(error), counters)).code()
    assert isinstance(error, ZeroDivisionError) == bool(counters.get("otel_voice_receiver_internal_errors"))


@pytest.mark.parametrize(("asked", "told"), [(None, 1.0), (0.25, 0.25), (30.0, 1.0)])
async def test_retry_info_stands_in_both_trailers_and_never_asks_for_more_than_a_second(asked: float | None, told: float) -> None:
    """Collectors read one trailer, the Python exporter the other, and it drops a batch that must wait too long."""
    error = await answered(raising(Retryable("away", asked)))
    trailers = {str(key): value for key, value in error.trailing_metadata() or ()}

    assert told == retry_delay([(STATUS_TRAILER, trailers[STATUS_TRAILER])])
    assert told == retry_delay([(RETRY_TRAILER, trailers[RETRY_TRAILER])])


async def test_memory_in_flight_is_bounded() -> None:
    """What does not fit beside the requests in flight is refused with UNAVAILABLE; a lone request always fits."""
    release, entered = asyncio.Event(), asyncio.Event()

    async def slow(body: bytes, signal: str) -> bytes:
        entered.set()
        await release.wait()
        return b""

    receiver = Receiver(slow, Settings(endpoint="127.0.0.1:0", max_in_flight_mib=1))
    await receiver.start()
    first = asyncio.create_task(call(receiver.port, b"x" * 2_000_000))
    await entered.wait()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(receiver.port, b"y")
    release.set()

    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert await first == b""
    assert await call(receiver.port, b"y") == b""
    await receiver.stop(0)


async def test_an_oversized_request_is_refused_for_good() -> None:
    """Past the limit, also after decompression: RESOURCE_EXHAUSTED without RetryInfo."""
    receiver = Receiver(echo, Settings(endpoint="127.0.0.1:0", max_recv_msg_size_mib=1))
    await receiver.start()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(receiver.port, b"x" * 2_000_000, compression=grpc.Compression.Gzip)

    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert None is retry_delay((str(k), v) for k, v in caught.value.trailing_metadata() or ())
    await receiver.stop(0)


async def test_a_taken_port_is_said() -> None:
    """The second listener is refused with the endpoint's name, whoever holds it."""
    async with Sink() as sink:
        with pytest.raises(PortTaken, match=f"cannot listen on `127.0.0.1:{sink.port}`"):
            await Receiver(echo, Settings(endpoint=f"127.0.0.1:{sink.port}")).start()


async def test_stopping_is_safe_before_start_and_twice() -> None:
    """`stop` may be called at any time."""
    receiver = Receiver(echo, LOCAL)
    await receiver.stop()
    await receiver.start()
    await receiver.stop(0)
    await receiver.stop(0)


async def test_health_is_told_on_the_same_port() -> None:
    """`grpc.health.v1` says SERVING for the server and for the trace service."""
    receiver = Receiver(echo, LOCAL)
    await receiver.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{receiver.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "opentelemetry.proto.collector.trace.v1.TraceService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    await receiver.stop(0)


async def test_the_stock_exporter_delivers_and_comes_back_after_a_refusal() -> None:
    """The SDK's own exporter works against it, and retries when asked to."""
    bodies: list[bytes] = []

    async def consume(body: bytes, signal: str) -> bytes:
        bodies.append(body)
        if len(bodies) == 1:
            raise Retryable("not yet", 0.05)
        return b""

    receiver = Receiver(consume, LOCAL)
    await receiver.start()

    def emit() -> None:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"127.0.0.1:{receiver.port}", insecure=True)))
        provider.get_tracer("t").start_span("hello").end()
        provider.shutdown()

    await asyncio.to_thread(emit)
    await receiver.stop(0)

    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert b"hello" in bodies[1]


async def test_a_request_whose_sender_gives_up_is_handled_to_its_end() -> None:
    """What downstream took must be joined, whether or not somebody still waits for the answer; stopping waits for it."""
    begun, done = asyncio.Event(), []

    async def slow(body: bytes, signal: str) -> bytes:
        begun.set()
        await asyncio.sleep(0.3)
        done.append(body)
        return b""

    receiver = Receiver(slow, LOCAL)
    await receiver.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{receiver.port}") as channel:
        pending = asyncio.ensure_future(raw_call(channel, TRACE_EXPORT)(b"x"))
        await begun.wait()
        pending.cancel()
        await asyncio.sleep(0.05)

    assert [] == done
    await receiver.stop(1.0)
    assert [b"x"] == done


async def test_what_is_called_off_still_counts_as_held() -> None:
    """Senders that give up and come again cannot make the processor hold more than it may."""
    held, most, gate = [0], [0], asyncio.Event()

    async def slow(body: bytes, signal: str) -> bytes:
        held[0] += len(body)
        most[0] = max(most[0], held[0])
        await gate.wait()
        held[0] -= len(body)
        return b""

    receiver = Receiver(slow, Settings(endpoint="127.0.0.1:0", max_in_flight_mib=4))
    await receiver.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{receiver.port}", options=[("grpc.max_send_message_length", -1)]) as channel:
        for _ in range(8):
            with pytest.raises(grpc.aio.AioRpcError):
                await raw_call(channel, TRACE_EXPORT)(b"x" * (2 << 20), timeout=0.2)

    assert 4 << 20 >= most[0] > 0
    gate.set()
    await receiver.stop(1.0)
    assert 0 == held[0] == receiver._in_flight


@asynccontextmanager
async def half_sent(port: int) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Begin a request and leave it at that; give what waits for its answer, with all that is said before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PREFACE + headers(1) + data(1, b"x" * 1_000)[:500])
    await writer.drain()

    async def answered() -> bytes:
        said = b""
        while b"grpc-status" not in said and (part := await asyncio.wait_for(reader.read(65_536), 5)):
            said += part
        return said

    yield answered
    writer.close()


async def test_a_request_that_does_not_come_whole_is_cut_off() -> None:
    """After `read_timeout` its sender is asked to come back, counted; whole ones are not held up meanwhile."""
    counters = Counters()
    receiver = Receiver(echo, Settings(endpoint="127.0.0.1:0", read_timeout=0.2), counters)
    await receiver.start()
    async with half_sent(receiver.port) as answer:
        assert await call(receiver.port, b"whole") == b"whole"
        said = await answer()

    assert b"grpc-status\x0214" in said
    assert 1 == counters.get("otel_voice_receiver_unfinished_requests", reason="timeout")
    assert {} == receiver._coming
    await receiver.stop(0)


async def test_a_stream_without_a_request_is_refused_for_good() -> None:
    """Its headers come, and then nothing."""
    counters = Counters()
    receiver = Receiver(echo, LOCAL, counters)
    await receiver.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{receiver.port}") as channel:
        stream = channel.stream_unary(TRACE_EXPORT, None, None)(timeout=5)
        await stream.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream

    assert (grpc.StatusCode.INVALID_ARGUMENT, "there is no request in it") == (caught.value.code(), caught.value.details())
    await receiver.stop(0)


async def test_short_of_memory_nothing_is_read() -> None:
    """Refused by its headers, with a word to come back and a counter of its own; what is long in coming is let go of."""
    held, counters, consumed = [100], Counters(), []

    async def consume(body: bytes, signal: str) -> bytes:
        consumed.append(body)
        return b""

    limiter = MemoryLimiter(Limits(soft=200, hard=300), 0.01, counters, held=lambda: held[0], trim=lambda: None)
    receiver = Receiver(consume, LOCAL, counters, limiter)
    await receiver.start()
    async with half_sent(receiver.port) as answer:
        while not receiver._coming:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
        held[0] = 400
        assert b"grpc-status\x0214" in await answer()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(receiver.port, b"x" * 1_000_000)
    refused = counters.get("otel_voice_receiver_memory_refused_requests"), counters.get("otel_voice_receiver_refused_requests")
    held[0] = 100
    while limiter.refusing:  # noqa: ASYNC110
        await asyncio.sleep(0.01)

    assert b"" == await call(receiver.port, b"again")
    assert (grpc.StatusCode.UNAVAILABLE, "the processor is short of memory") == (caught.value.code(), caught.value.details())
    assert 1.0 == retry_delay((str(key), value) for key, value in caught.value.trailing_metadata() or ())
    assert (1, 2) == refused
    assert 1 == counters.get("otel_voice_receiver_unfinished_requests", reason="memory")
    assert [b"again"] == consumed
    await receiver.stop(0)
