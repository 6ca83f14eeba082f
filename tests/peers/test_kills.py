"""The processor is killed between two stock collectors, and stands where a collector would: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.peers.chain import Plan, run
from tests.peers.outage import behind_a_collector, behind_the_processor

pytestmark = pytest.mark.peers


async def test_three_kills_between_two_collectors_lose_nothing(tmp_path: Path) -> None:
    """Each span agents were answered OK for arrives in meaning, byte for byte as far as we carry it; what comes again, a kill explains."""
    outcome = await run(tmp_path, Plan())
    print(*outcome.lines(), sep="\n")

    assert [] == outcome.problems()
    assert 3 == len(outcome.kills)
    assert 100_000 <= len(outcome.sent)
    assert 9_000 < len(outcome.sent.ours)
    assert outcome.into.failed, "no kill met a request"


async def test_a_journal_that_is_lost_is_seen(tmp_path: Path) -> None:
    """Without its journal the processor loses what it had answered for, and what it knew of calls: the test above would see it."""
    plan = Plan(spans=10_000, kills=1, settle_after="2s", patience_s=9.0, forget=True)
    outcome = await run(tmp_path, plan)
    problems = "\n".join(outcome.problems())

    assert 0 < outcome.lost
    assert 0 == outcome.given_up
    for told in ("acknowledged to agents and are lost, 0 of them counted", "did not leave it as they came", "absent: ", "total"):
        assert told in problems


async def test_an_outage_behind_a_full_queue(tmp_path: Path, outage_table: list[tuple[str, ...]]) -> None:
    """A collector that batches answers OK to what it drops; the processor in its place answers OK to all of it, and loses none."""
    for name in ("collector", "processor"):
        (tmp_path / name).mkdir()
    one, other = await asyncio.gather(behind_a_collector(tmp_path / "collector"), behind_the_processor(tmp_path / "processor"))
    outage_table += [row.cells() for row in (one, other)]

    assert 102_400 == one.acknowledged == other.acknowledged
    assert 40_000 < one.acknowledged - one.arrived
    assert 102_400 == other.arrived
