"""Killed at any moment under load and started again: nothing that was answered OK is lost, nothing is counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.runs import killed
from tests.faults.survival import Plan

pytestmark = pytest.mark.faults


async def test_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    """Twelve ends under load, most by `kill -9`: every destination gets foreign spans byte for byte, ours by id, and each call's record;

    records and scorecard are as in a run that nobody disturbed.
    """
    outcome, expected = await killed(tmp_path, Plan(kills=12, polite=0.2))
    print(*outcome.lines(), sep="\n")

    assert [] == outcome.problems(expected)
    assert 8 <= outcome.kills
    assert 3 <= outcome.kills_in_flight
    assert 20 < outcome.sent.calls
    assert 10_000 < outcome.sent.spans


async def test_in_memory_the_same_kills_are_seen(tmp_path: Path) -> None:
    """Without a journal open calls and counters go with the process: the test above would see it."""
    outcome, expected = await killed(tmp_path, Plan(kills=2, uptimes=(1.5, 2.5), patience_s=6.0), in_memory=True)
    problems = "\n".join(outcome.problems(expected))

    assert "it was known under" in problems
    assert "undisturbed" in problems
    assert "events were counted as joined" in problems
