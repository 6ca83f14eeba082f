"""The whole processor while somebody sets its clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import grpc
import grpc.aio
import pytest
from otel_voice_processor import service
from otel_voice_processor.config import Config, MetricsExporter, Receiver, Tls
from otel_voice_processor.model import CallRecord
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.service import Service
from otel_voice_processor.testing import Sink, request_of

S = 1_000_000_000
JUMPS = "otel_voice_processor_clock_jumps"


class Watch:
    """A wall clock that can be set, and a steady one beside it."""

    def __init__(self) -> None:
        self.wall_ns, self.steady_ns = 1_790_000_100 * S, 0

    def wall(self) -> int:
        return self.wall_ns

    def steady(self) -> int:
        return self.steady_ns

    def set(self, seconds: float) -> None:
        self.wall_ns += round(seconds * S)

    async def passes(self, seconds: int) -> None:
        """Let time pass, with a tick now and then."""
        for _ in range(seconds):
            self.wall_ns += S
            self.steady_ns += S
            await asyncio.sleep(0.003)


class Held:
    """A running processor and the calls that it told."""

    def __init__(self, one: Service, watch: Watch, records: list[CallRecord]) -> None:
        self.one, self.watch, self.records = one, watch, records

    async def takes(self, events: Any) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.one.port}") as channel:
            await raw_call(channel, TRACE_EXPORT)(request_of(events), timeout=5)

    def jumps(self) -> tuple[int, int]:
        return self.one.counters.get(JUMPS, direction="forward"), self.one.counters.get(JUMPS, direction="back")


@pytest.fixture
async def held(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    monkeypatch.setattr(service, "TICK_S", 0.001)
    watch, records = Watch(), list[CallRecord]()
    one = Service(
        Config(receiver=Receiver(endpoint="127.0.0.1:0"), status=None), clock=watch.wall, steady=watch.steady, on_call=records.append
    )
    await one.start()
    yield Held(one, watch, records)
    await one.stop(1.0)


async def test_an_hour_forward_expires_no_call(held: Held, timeline: Any) -> None:
    """It was not quiet for an hour; it expires when it has been for five minutes."""
    await held.takes(timeline("open").started().speaks("r1", 1.0, 9.0).events)
    held.watch.set(3_600)
    await held.watch.passes(290)
    assert [] == held.records
    await held.watch.passes(20)

    assert [("open", "expired")] == [(record.call_id, record.ended_by) for record in held.records]
    assert (1, 0) == held.jumps()


async def test_a_processor_that_stood_still_takes_no_call_for_quiet(held: Held, timeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped by a signal, paused with its container, starved: events wait unread, so that the time does not count."""
    monkeypatch.setattr(service, "STOOD_S", 0.3)
    await held.takes(timeline("open").started().speaks("r1", 1.0, 9.0).events)
    await held.watch.passes(290)
    time.sleep(0.5)  # noqa: ASYNC251 - the whole loop stands
    held.watch.wall_ns += 30 * S
    held.watch.steady_ns += 30 * S
    await held.watch.passes(20)
    assert [] == held.records
    assert 1 == held.one.counters.get("otel_voice_processor_standstills")
    await held.watch.passes(300)

    assert ["open"] == [record.call_id for record in held.records]


async def test_what_is_late_is_late_after_an_hour_forward_too(held: Held, timeline: Any) -> None:
    """A call that has settled is remembered as long as ever: what comes late opens none anew."""
    call = timeline("c").started().speaks("r1", 1.0, 9.0).ends(12.0)
    await held.takes(call.events)
    await held.watch.passes(20)
    held.watch.set(7_200)
    await held.takes(call.events[:1])

    assert ["c"] == [record.call_id for record in held.records]
    assert 1 == held.one.counters.get("otel_voice_processor_events", outcome="late")


async def test_an_hour_back_holds_up_no_call(held: Held, timeline: Any) -> None:
    """What has ended settles 15 s later by whatever clock."""
    await held.takes(timeline("c").started().speaks("r1", 1.0, 9.0).ends(12.0).events)
    held.watch.set(-3_600)
    await held.watch.passes(20)

    assert ["c"] == [record.call_id for record in held.records]
    assert (0, 1) == held.jumps()


async def test_a_jump_between_a_request_and_the_next_is_seen_at_once(held: Held, timeline: Any) -> None:
    """Not at the next tick only: a request that comes in between must not meet old waits with the new time."""
    await held.takes(timeline("c").started().events)
    held.one._tasks[0].cancel()
    held.watch.set(3_600)
    await held.takes(timeline("d").started().events)

    assert (1, 0) == held.jumps()


async def test_pushes_go_on_after_an_hour_back(timeline: Any) -> None:
    """Each with later times than the one before, none more ahead of the clock than before, and totals are whole."""
    watch = Watch()
    async with Sink() as sink:
        metrics = MetricsExporter(endpoint=sink.endpoint, protocol="grpc", interval=3600, tls=Tls(insecure=True))
        one = Service(
            Config(receiver=Receiver(endpoint="127.0.0.1:0"), metrics=metrics, status=None), clock=watch.wall, steady=watch.steady
        )
        await one.start()
        assert one._metrics is not None
        times = []
        for number in range(6):
            if number == 3:
                watch.set(-3_600)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{one.port}") as channel:
                await raw_call(channel, TRACE_EXPORT)(request_of(timeline(f"c{number}").started().events), timeout=5)
            await watch.passes(60)
            await one._metrics.push()
            times.append(max(point.time_unix_nano for metric in sink.metrics() for point in metric.sum.data_points))
        joined = [m for m in sink.metrics() if m.name == "otel_voice_processor_events"][-1].sum.data_points[-1].as_int
        await one.stop(1.0)

    assert 6 == joined
    assert [60, 60, 30, 30, 30] == [round((after - before) / S) for before, after in pairwise(times)]
