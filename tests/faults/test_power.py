"""The power goes under load, again and again: what was answered OK had been synced before."""

from __future__ import annotations

import asyncio
import random
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.faults.downstream import Downstream
from tests.faults.otlp import Foreign
from tests.faults.outcome import Sent
from tests.faults.processor import Processor
from tests.faults.runs import cut, power
from tests.faults.sending import Sender
from tests.faults.survival import Plan, Reader, until

pytestmark = pytest.mark.faults


async def test_power_cuts_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Whatever part of the unsynced pages stays, in whatever order: all acknowledged spans arrive, records and scorecard as undisturbed."""
    at = power(tmp_path)
    outcome, expected, cuts = await cut(tmp_path, at, Plan(kills=8), at.cut)
    print(*outcome.lines(), f"cuts                  {cuts}", sep="\n")

    assert [] == outcome.problems(expected)
    assert 1 < sum(each.lost_bytes > 0 for each in cuts), "cuts that took nothing prove nothing"


async def test_without_fsync_the_same_cuts_lose(tmp_path: Path) -> None:
    """`fsync: false` is what it says: the test above would see it."""
    at = power(tmp_path)
    outcome, _, _ = await cut(tmp_path, at, Plan(kills=4, patience_s=6.0), lambda rng: at.cut(rng, keep=0.0), fsync=False)

    assert [] != outcome.lost


async def test_a_cut_at_any_of_the_first_steps(tmp_path: Path) -> None:
    """While the journal is made and takes its first requests: it starts again, and what was acknowledged until then arrives."""
    rng, ended = random.Random(20261128), []
    for turn in range(8):
        folder = tmp_path / str(turn)
        folder.mkdir()
        at, others = power(folder), Foreign(turn)
        with Downstream(folder) as downstream:
            downstream.tell(mode="dead")
            processor = Processor(folder, downstream.endpoint, directory=at.folder, environment=at.environment(kill_at=1 + turn * 40))
            acked = await until_it_dies(processor, others)
            at.cut(rng)
            ended.append(len(acked))
            processor.environment = at.environment()
            downstream.tell(mode="ok")
            await asyncio.to_thread(processor.start)
            sent, reader = Sent(), Reader(downstream)
            sent.add(acked)
            try:
                await until(partial(reader.has, sent), 10, f"what was acknowledged before step {1 + turn * 40} arrives")
                assert 0 == await asyncio.to_thread(processor.stop)
            finally:
                processor.kill()

    assert 0 == ended[0]
    assert 0 < ended[-1]


async def until_it_dies(processor: Processor, others: Foreign) -> list[bytes]:
    """Start it and send until it is killed, by itself; return what was acknowledged."""
    process = processor.launch()
    async with Sender(processor.port) as sender:
        while process.poll() is None:
            await sender.attempt(others.request(20), timeout_s=1.0)
            await asyncio.sleep(0.02)
    assert -signal.SIGKILL == process.returncode, processor.said()
    return sender.acked
