"""A processor's clock that is wrong and set right, or right and set wrong, before a real Prometheus that has its own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from otel_voice_processor.config import Config, MetricsExporter, Receiver, Tls
from otel_voice_processor.service import Service

from tests.peers.scored import FAILED
from tests.peers.servers import prometheus

pytestmark = pytest.mark.peers
S = 1_000_000_000
COUNTED = "otel_voice_receiver_accepted_requests"


@pytest.mark.parametrize(
    ("offsets", "refused"),
    [
        ([0, 300, 300, 0, 0, 0], []),
        ([0, 3_600, 3_600, 0, 0, 0], [1, 2]),
        ([0, 0, 0, -3_600, -3_600, -3_600], []),
    ],
    ids=["5 min ahead, set right", "an hour ahead, set right", "right, set back an hour"],
)
async def test_pushes_go_on_when_the_clock_is_set(tmp_path: Path, offsets: list[int], refused: list[int]) -> None:
    """5 min ahead it takes, and later times after that; of an hour ahead it takes nothing, and the right time at once. Totals are whole."""
    set_s = [0]
    with prometheus(tmp_path) as prom:
        metrics = MetricsExporter(endpoint=prom.endpoint, interval=3600, tls=Tls(insecure=True))
        one = Service(
            Config(receiver=Receiver(endpoint="127.0.0.1:0"), metrics=metrics, status=None),
            clock=lambda: time.time_ns() + set_s[0] * S,
            steady=time.monotonic_ns,
        )
        await one.start()
        assert one._metrics is not None
        failures = []
        for number, offset in enumerate(offsets):
            set_s[0] = offset
            one.counters.add(COUNTED)
            await asyncio.sleep(0.1)
            before = one.counters.get(FAILED)
            await one._metrics.push()
            failures += [number] * (one.counters.get(FAILED) > before)
        at_s = time.time() + (0 if refused else max(offsets)) + 1
        total = await asyncio.to_thread(prom.value, f"{COUNTED}_total", at_s)
        least = await asyncio.to_thread(prom.value, f"min_over_time({COUNTED}_total[10m])", at_s)
        await one.stop(1.0)

    assert refused == failures
    assert (0.0, 6.0) == (least, total)
