"""Memory that runs short: senders are asked to come back, what is free is given back, and nobody has to restart anything."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import grpc
import grpc.aio
import pytest
from otel_voice_processor.rpc import RETRY_TRAILER, STATUS_TRAILER, TRACE_EXPORT, raw_call, retry_delay
from otel_voice_processor.testing import Sink

from tests.faults.processes import ACK, MIB, PREFACE, Processor, data, headers, heard, running, span, unharmed, until

pytestmark = pytest.mark.faults
LIMIT, SOFT = 300, 180
LIMITED = f"memory_limiter: {{limit_mib: {LIMIT}, spike_limit_mib: {LIMIT - SOFT}, check_interval: 100ms}}"


def asks_to_come_back(error: grpc.aio.AioRpcError) -> None:
    """Check that it is refused as both kinds of senders understand it."""
    trailers = {str(key): value for key, value in error.trailing_metadata() or ()}

    assert (grpc.StatusCode.UNAVAILABLE, "the processor is short of memory") == (error.code(), error.details())
    assert 1.0 == retry_delay([(STATUS_TRAILER, trailers[STATUS_TRAILER])]) == retry_delay([(RETRY_TRAILER, trailers[RETRY_TRAILER])])


async def test_a_downstream_that_does_not_answer(tmp_path: Path) -> None:
    """In memory, requests in flight fill it: others are refused, and taken once those are let go of; then memory is the system's again."""
    async with Sink() as away:
        away.slow(3600)
        exporters = f"otlp_grpc: {{endpoint: '{away.endpoint}', tls: {{insecure: true}}, timeout: 20s}}"
        with running(
            Processor(tmp_path, grpc="max_in_flight_mib: 2000", processors=LIMITED, exporters=exporters, storage="none")
        ) as processor:
            options = [("grpc.max_send_message_length", -1)]
            async with grpc.aio.insecure_channel(f"{processor.host}:{processor.port}", options=options) as channel:
                send = raw_call(channel, TRACE_EXPORT)
                sent = [asyncio.ensure_future(send(span(f"large {number}", 40 * MIB), timeout=60)) for number in range(6)]
                await until(lambda: processor.about()["memory"]["refusing"], "it takes whatever comes")
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await send(span("one more"), timeout=5)
                asks_to_come_back(caught.value)

                away.slow(0)
                await away.stop()
                await away.start()
                answer = b"not yet"
                while answer:
                    with contextlib.suppress(grpc.aio.AioRpcError):
                        answer = await send(span("one more"), timeout=5)
                await until(lambda: SOFT > processor.memory(), "memory is kept")
                await until(lambda: not processor.about()["memory"]["refusing"], "it refuses for ever")
                outcomes = await asyncio.gather(*sent, return_exceptions=True)
            assert all(isinstance(each, bytes | grpc.aio.AioRpcError) for each in outcomes)
            turns = ("senders are asked to come back until there is less", "requests are taken again")
            await until(
                lambda: 1 <= processor.told().count(turns[0]) == processor.told().count(turns[1]), "it does not take requests again"
            )


async def test_requests_that_never_come_whole(tmp_path: Path) -> None:
    """Nobody knows how large they will be: those that are long in coming are cut off, with a word to come back, and others go on."""
    with running(Processor(tmp_path, processors=LIMITED)) as processor, contextlib.ExitStack() as lines:
        first = PREFACE + ACK + headers(1) + data(1, bytes(4 * MIB))[: 7 * MIB // 2]
        most = 0
        async with unharmed(processor, refusals=True) as sender:
            stalled = [lines.enter_context(socket.create_connection((processor.host, processor.port), timeout=0.2)) for _ in range(200)]
            for line in stalled:
                with contextlib.suppress(TimeoutError):
                    await asyncio.to_thread(line.sendall, first)
                most = max(most, processor.memory())
            await until(lambda: sender.refused, "it takes whatever comes")
            await until(lambda: not processor.about()["memory"]["refusing"], "it refuses for ever")
            told_so = await asyncio.gather(*(asyncio.to_thread(heard, line, b"grpc-status\x0214") for line in stalled))
            held = processor.memory()
        told = processor.told()
    assert LIMIT + 100 > most
    assert SOFT > held
    assert 100 > told_so.count(False)  # those that came when there was room again may go on
    assert "senders are asked to come back until there is less" in told
    for error in sender.refused:
        asks_to_come_back(error)
