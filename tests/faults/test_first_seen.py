"""Since when a version is seen, told by a real processor: the same after kills and refused pushes, begun anew in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc.aio
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.simulate import EIGHT, events_of
from otel_voice_processor.testing import request_of
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from tests.faults.downstream import METRICS, Downstream
from tests.faults.processor import Processor
from tests.faults.survival import until

pytestmark = pytest.mark.faults
S = 1_000_000_000


class Gauge:
    """What a metrics endpoint was last told, by version, in seconds; times have to grow."""

    def __init__(self, downstream: Downstream) -> None:
        self.told: dict[str, float] = {}
        self.pushes = 0
        self._times: dict[str, int] = {}
        self._follow: Callable[[], Iterator[tuple[int, bool, bytes]]] = downstream.follow()

    def go_on(self) -> Gauge:
        for body in (body for kind, taken, body in self._follow() if kind == METRICS and taken):
            self.pushes += 1
            (group,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
            found = [each for each in group.scope_metrics[0].metrics if each.name == m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP]
            points = [point for each in found for point in each.gauge.data_points]
            self.told = {point.attributes[0].value.string_value: point.as_double for point in points}
            for version, point in zip(self.told, points, strict=True):
                assert self._times.get(version, 0) < point.time_unix_nano
                self._times[version] = point.time_unix_nano
        return self

    async def tells(self, wanted: dict[str, float], what: str) -> None:
        """Wait until two more pushes came and the newest tells this."""
        more = self.pushes + 2
        await until(lambda: self.go_on().told == wanted and self.pushes >= more, 30, what)


async def call(processor: Processor, version: str, began_ns: int) -> None:
    events = events_of(EIGHT[0], start_ns=began_ns, call_id=f"call_{version}_{began_ns}")
    body = request_of(replace(event, attributes={**event.attributes, a.VOICE_AGENT_POLICY_VERSION: version}) for event in events)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{processor.port}") as channel:
        await raw_call(channel, TRACE_EXPORT)(body, timeout=10)


@pytest.mark.parametrize("in_memory", [False, True])
async def test_since_when_a_version_is_seen_survives_kills(tmp_path: Path, in_memory: bool) -> None:
    """Killed and started again, also where pushes were refused, it tells the same; in memory only what came since, under later times."""
    first, second, third = (time.time_ns() // S * S - ago * S for ago in (900, 600, 300))
    with Downstream(tmp_path) as downstream:
        directory = None if in_memory else tmp_path / "state"
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=directory)
        gauge = Gauge(downstream)
        try:
            await asyncio.to_thread(processor.start)
            await call(processor, "v1", second)
            await call(processor, "v1", first)
            await gauge.tells({"v1": first / S}, "the earlier of two calls")
            downstream.tell(what="metrics", mode="refuse", code="UNAVAILABLE", wait=0.5)
            await call(processor, "v2", third)
            await asyncio.sleep(5)
            processor.kill()
            downstream.tell(what="metrics", mode="ok")
            await asyncio.to_thread(processor.start)
            await call(processor, "v1", third)
            before = {"v1": third / S} if in_memory else {"v1": first / S, "v2": third / S}
            await gauge.tells(before, "what is known after a kill")
        finally:
            processor.kill()
