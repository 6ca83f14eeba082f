"""The scorecard in a real Prometheus, started as it comes: no feature flag, its OTLP receiver on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING
from otel_voice_processor.testing import free_port

from tests.peers.scored import FAILED, INTERVAL_S, scored
from tests.peers.servers import collector, prometheus

pytestmark = pytest.mark.peers
MISSED = 'sum(increase(voice_interruption_episodes_total{voice_interruption_verdict="missed_interruption"}[5m]))'
MISS, RIGHT = EIGHT_FAILING[0], EIGHT[0]  # the correction that was talked over, and the one that was heard


async def test_a_first_and_only_miss_shows_in_increase(tmp_path: Path) -> None:
    """Prometheus sees 0 and then 1 of a series it never knew: exactly one at the newest sample."""
    with prometheus(tmp_path) as prom:
        async with scored(prom.endpoint) as one:
            await one.take([MISS])
            newest = await asyncio.to_thread(prom.newest_s)
            value = await asyncio.to_thread(prom.value, MISSED, newest)
            other = await asyncio.to_thread(prom.value, MISSED.replace("missed", "false"), newest)
            failed = one.service.counters.get(FAILED)

    assert value == pytest.approx(1.0)
    assert other is None
    assert 0 == failed


async def test_the_same_through_a_collector(tmp_path: Path) -> None:
    """One hop over `otlp_http` in between keeps both points, in order."""
    port = free_port()
    with (
        prometheus(tmp_path / "prometheus") as prom,
        collector(
            tmp_path / "collector",
            f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{otlp_http: {{endpoint: "{prom.endpoint}", tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  extensions: [health_check]
  pipelines: {{metrics: {{receivers: [otlp], exporters: [otlp_http]}}}}
""",
        ),
    ):
        async with scored(f"http://127.0.0.1:{port}") as one:
            await one.take([MISS])
            await asyncio.sleep(1)  # the hop
            newest = await asyncio.to_thread(prom.newest_s)
            value = await asyncio.to_thread(prom.value, MISSED, newest)

    assert value == pytest.approx(1.0)


async def test_a_restart_sends_nothing_late_and_nothing_twice(tmp_path: Path) -> None:
    """Two lives of a processor are two instances: every push is taken, and their counts add up."""
    with prometheus(tmp_path) as prom:
        failed = []
        for _ in range(2):
            async with scored(prom.endpoint) as one:
                await one.take([MISS, RIGHT])
            failed.append(one.service.counters.get(FAILED))
        newest = await asyncio.to_thread(prom.newest_s)
        value = await asyncio.to_thread(prom.value, MISSED, newest)
        lives = await asyncio.to_thread(prom.value, "count(count by (instance) (voice_calls_total))", newest)

    assert [0, 0] == failed
    assert "err=" not in prom.log.read_text()
    assert value == pytest.approx(2.0, rel=0.1)  # the first life's last sample is not at the query's time
    assert 2 == lives


async def test_an_outage_costs_no_count(tmp_path: Path) -> None:
    """The miss settles while Prometheus is away; when it is back, its first samples of the series are 0 and 1."""
    port = free_port()
    async with scored(f"http://127.0.0.1:{port}/api/v1/otlp") as one:
        await one.take([MISS])
        assert one.service.counters.get(FAILED)
        with prometheus(tmp_path, port=port) as prom:
            await asyncio.sleep(3 * INTERVAL_S)
            newest = await asyncio.to_thread(prom.newest_s)
            value = await asyncio.to_thread(prom.value, MISSED, newest)

    assert value == pytest.approx(1.0)


async def test_a_prometheus_without_its_receiver_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line says which flag is missing, and traces are not held up."""
    with prometheus(tmp_path, receiver=False) as prom:
        async with scored(prom.endpoint) as one:
            began = time.monotonic()
            await one.take([RIGHT])
            took = time.monotonic() - began

    assert took < 10
    lines = [record.getMessage() for record in caplog.records if "metrics were not taken" in record.getMessage()]
    assert lines
    assert all("\n" not in line and "answered 404" in line and "--web.enable-otlp-receiver" in line for line in lines)
