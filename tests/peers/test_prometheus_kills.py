"""A processor that pushes each second to a real Prometheus is killed: no dashboard can tell."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from otel_voice_processor.testing import Sink
from otel_voice_schema import events as e

from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.faults.survival import until
from tests.peers.push_tap import HOLD_ANSWER, HOLD_PUSH, SWALLOW, PushTap
from tests.peers.scored_kills import JUDGING, Timed, forget, problems, through, told
from tests.peers.servers import Prometheus, prometheus

pytestmark = pytest.mark.peers


def processor_at(folder: Path, sink: Sink, metrics: str, *, durable: bool = True) -> Processor:
    """Return a processor whose pushes go to `metrics`; each has a folder of its own."""
    folder.mkdir()
    return Processor(folder, sink.endpoint, metrics, directory=folder / "state" if durable else None, more=JUDGING)


def calls_in(sink: Sink) -> int:
    """Return how many calls have settled."""
    return sum(span.name == e.CALL for span in sink.spans())


async def killed(processor: Processor, forgotten: str = "") -> None:
    """Kill it and start it again, on what it left or without."""
    await asyncio.to_thread(processor.kill)
    if forgotten:
        assert processor.directory is not None
        await asyncio.to_thread(forget, processor.directory, name_kept=forgotten == "all but its name")
    await asyncio.to_thread(processor.start)


async def undisturbed(folder: Path, bodies: list[bytes], prom: Prometheus) -> None:
    """Have another processor count the same requests, in memory, until it is asked to stop."""
    async with Sink() as sink:
        processor = processor_at(folder, sink, prom.endpoint, durable=False)
        await asyncio.to_thread(processor.start)
        try:
            async with Sender(processor.port) as sender:
                for body in bodies:
                    await sender.send(body)
            await asyncio.sleep(1.2)  # a push before the last one
            assert 0 == await asyncio.to_thread(processor.stop)
        finally:
            processor.kill()


async def test_five_kills_are_not_to_be_seen(tmp_path: Path) -> None:
    """No reset, no spike, nothing refused, one instance, and totals as undisturbed, wherever between push and answer a kill comes."""
    chance = random.Random(20)
    with prometheus(tmp_path / "prometheus") as prom:
        sink = Sink()
        sink.requests = Timed()
        async with sink, PushTap(prom.url) as tap:
            processor = processor_at(tmp_path / "killed", sink, tap.endpoint)
            await asyncio.to_thread(processor.start)

            async def disturb() -> None:
                for mode in ("", HOLD_ANSWER, HOLD_PUSH, SWALLOW, ""):
                    await asyncio.sleep(chance.uniform(1.5, 3.0))
                    if mode:
                        tap.meet(mode)
                        await asyncio.wait_for(tap.met.wait(), 10)
                    await asyncio.sleep(chance.uniform(0.0, 0.3))
                    await killed(processor)
                await asyncio.sleep(1.5)

            try:
                story = await through(processor, sink, disturb, seed=20)
                found = await told(prom)
                assert 0 == await asyncio.to_thread(processor.stop), processor.said()[-3000:]
            finally:
                processor.kill()
        (instance,) = found.instances
        await undisturbed(tmp_path / "undisturbed", story.bodies, prom)
        both = await told(prom)
        (other,) = set(both.instances) - {instance}

    assert [] == problems(found, story, tap)
    assert both.totals(other) == found.totals(instance)
    assert 100 < len(found.resets)
    assert 20 < len(story.begun)
    assert 3 <= len(tap.pushes) - len(set(tap.pushes))
    assert "err=" not in prom.log.read_text()


async def test_a_state_that_is_lost_is_seen(tmp_path: Path) -> None:
    """Without its state the processor counts anew: as resets where its name stays, under another name where that goes as well."""
    with prometheus(tmp_path / "prometheus") as prom:
        sink = Sink()
        sink.requests = Timed()
        async with sink, PushTap(prom.url) as tap:
            processor = processor_at(tmp_path / "killed", sink, tap.endpoint)
            await asyncio.to_thread(processor.start)

            async def disturb() -> None:
                for forgotten in ("all but its name", "all"):
                    before = calls_in(sink)
                    await until(lambda before=before: calls_in(sink) >= before + 12, 30, "calls that settle")  # type: ignore[misc]
                    await asyncio.sleep(1.2)  # a push
                    await killed(processor, forgotten)

            try:
                story = await through(processor, sink, disturb, seed=21, patience_s=4.0)
                wrong = problems(found := await told(prom), story, tap)
            finally:
                processor.kill()

    assert any("resets: " in each and "'voice_" in each for each in wrong)
    assert any("resets: " in each and "'otel_voice_processor_events_total'" in each for each in wrong)
    assert any(each.startswith("voice_calls_total is ") for each in wrong)
    assert "known under 2 names" in wrong
    assert found.samples
