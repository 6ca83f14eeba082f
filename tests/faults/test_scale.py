"""Many open calls, many requests that wait, large ones, and kills: short here, at full scale by `tests/full/scale.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.scale import Seen, large_bodies, open_calls, small_requests

pytestmark = pytest.mark.faults


def nothing_wrong(seen: Seen) -> None:
    print(*seen.lines, sep="\n")
    assert [] == seen.problems


async def test_many_open_calls_survive_a_kill(tmp_path: Path) -> None:
    """Killed while all are open, and once more while they end: all settle, records and totals as undisturbed."""
    nothing_wrong(await open_calls(tmp_path, 800))


async def test_many_requests_wait_for_a_dead_destination(tmp_path: Path) -> None:
    """Killed as they come, when they are there, and while they go on: all arrive, in order."""
    nothing_wrong(await small_requests(tmp_path, 20_000, 400, batch=100_000))


async def test_large_requests_arrive_whole_in_bounded_memory(tmp_path: Path) -> None:
    """Killed with several in flight; where memory is short senders are asked to come back, and the process lives on."""
    nothing_wrong(await large_bodies(tmp_path, mib=60, count=8, kills=1, limit_mib=500))
