from __future__ import annotations

import asyncio

import grpc
import pytest
from otel_voice_processor.config import Retry
from otel_voice_processor.errors import Retryable
from otel_voice_processor.forward import GrpcExporter, Retrying
from otel_voice_processor.forward.retry import MAX_ASKED_S, Pauses
from otel_voice_processor.testing import Sink

from tests.processor.forward.doubles import Sleeps


async def test_waits_grow_within_bounds_until_downstream_takes_it() -> None:
    """`initial_interval` times `multiplier`, at most `max_interval`, spread by `randomization_factor`."""
    sleeps = Sleeps()
    retry = Retry(initial_interval=0.5, max_interval=1.0, multiplier=1.5, randomization_factor=0.5, max_elapsed_time=20)
    async with Sink() as sink:
        sink.refuse(grpc.StatusCode.UNAVAILABLE, times=4)
        exporter = Retrying(GrpcExporter(sink.endpoint, insecure=True), retry=retry, sleep=sleeps, chance=lambda: 1.0)
        await exporter.send(b"x")
        await exporter.close()

        assert sleeps.waits == [0.75, 1.125, 1.5, 1.5]
        assert sink.requests == [b"x"]


async def test_the_servers_wait_outranks_a_shorter_one_of_ours() -> None:
    """RetryInfo is heeded, also with RESOURCE_EXHAUSTED, which is retryable only with it."""
    sleeps = Sleeps()
    async with Sink() as sink:
        sink.refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after_s=2.5, times=1)
        exporter = Retrying(GrpcExporter(sink.endpoint, insecure=True), sleep=sleeps)
        await exporter.send(b"x")
        await exporter.close()

        assert sleeps.waits == [2.5]


async def test_a_sender_is_answered_when_the_wait_would_pass_the_limit() -> None:
    """The wait asked for is handed up with the error, without waiting."""
    sleeps = Sleeps()
    async with Sink() as sink:
        sink.refuse(grpc.StatusCode.UNAVAILABLE, retry_after_s=60)
        exporter = Retrying(GrpcExporter(sink.endpoint, insecure=True), sleep=sleeps)
        with pytest.raises(Retryable, match="answered UNAVAILABLE: told to refuse") as caught:
            await exporter.send(b"x")
        await exporter.close()

        assert caught.value.delay_s == 60
        assert sleeps.waits == []


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
        exporter = Retrying(GrpcExporter(sink.endpoint, insecure=True), max_waiting_bytes=15, sleep=while_waiting)
        await exporter.send(b"x" * 10)
        await exporter.send(b"z" * 10)
        await exporter.close()

        assert len(refused) == 1
        assert sink.requests == [b"x" * 10, b"z" * 10]


async def test_an_attempt_that_is_tried_again_is_given_no_more_time_than_is_left() -> None:
    """The sender is answered with what was said before."""
    async with Sink() as sink:

        async def then_slow(seconds: float) -> None:
            sink.accept()
            sink.slow(30)

        sink.refuse(grpc.StatusCode.UNAVAILABLE)
        retry = Retry(initial_interval=0.01, max_elapsed_time=0.3)
        exporter = Retrying(GrpcExporter(sink.endpoint, insecure=True, timeout_s=30), retry, sleep=then_slow)
        async with asyncio.timeout(5):
            with pytest.raises(Retryable, match="answered UNAVAILABLE: told to refuse"):
                await exporter.send(b"x")
        await exporter.close()


def test_a_wait_that_nobody_could_mean_is_bounded() -> None:
    """A date a year ahead does not hold a destination up for a year."""
    assert MAX_ASKED_S == Pauses(Retry(), 30.0).next(365 * 86_400.0)
    assert 0.25 == Pauses(Retry(), 30.0, lambda: 0.0).next(-5.0)


def test_pauses_grow_to_the_bound_of_the_mode_unless_the_config_has_one() -> None:
    """2 s in memory, where a sender waits, 30 s out of the journal."""
    for retry, bound, most in ((Retry(), 2.0, 2.0), (Retry(), 30.0, 30.0), (Retry(max_interval=7.0), 30.0, 7.0)):
        pauses = Pauses(retry, bound, lambda: 0.5)
        assert [0.5, 0.75] == [pauses.next(), pauses.next()]
        assert most == [pauses.next() for _ in range(20)][-1]
