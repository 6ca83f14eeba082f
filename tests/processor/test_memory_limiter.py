"""Limits as the collector counts them, what memory there is, and how the limiter makes up its mind."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import pytest
from otel_voice_processor import memory
from otel_voice_processor.config import MemoryLimiter as Settings
from otel_voice_processor.memory_limiter import EASED, LONG_S, Limits, MemoryLimiter, limits_of
from otel_voice_processor.telemetry import Counters

MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("settings", "total", "soft", "hard"),
    [
        (Settings(), 10 * GIB, 6.4 * GIB, 8 * GIB),
        (Settings(limit_mib=1000), 10 * GIB, 800 * MIB, 1000 * MIB),
        (Settings(limit_mib=1000), None, 800 * MIB, 1000 * MIB),
        (Settings(limit_mib=1000, spike_limit_mib=300), 10 * GIB, 700 * MIB, 1000 * MIB),
        (Settings(limit_percentage=50, spike_limit_percentage=10), 10 * GIB, 4 * GIB, 5 * GIB),
        (Settings(limit_mib=1000, limit_percentage=50), 10 * GIB, 800 * MIB, 1000 * MIB),
    ],
)
def test_limits_are_counted_as_in_the_collector(settings: Settings, total: int | None, soft: float, hard: float) -> None:
    """The soft limit lies below the hard one by the spike, a fifth of it by itself; a percentage is of what there is."""
    limits = limits_of(settings, total)

    assert limits is not None
    assert (pytest.approx(soft, rel=1e-6), pytest.approx(hard, rel=1e-6)) == (limits.soft, limits.hard)


def test_it_is_off_where_it_is_told_so_or_nobody_knows_the_total() -> None:
    """A share of what nobody knows is no limit."""
    assert None is limits_of(Settings(check_interval=0.0, limit_mib=1000), GIB)
    assert None is limits_of(Settings(), None)


@pytest.mark.parametrize(
    ("files", "total"),
    [
        ({}, 8 * GIB),
        ({"sys/fs/cgroup/memory.max": "max"}, 8 * GIB),
        ({"sys/fs/cgroup/memory.max": f"{GIB}\n"}, GIB),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": f"{2 * GIB}", "sys/fs/cgroup/a/b/memory.max": "max"}, 2 * GIB),
        ({"proc/self/cgroup": "0::/../../else\n", "sys/fs/cgroup/memory.max": f"{GIB}"}, GIB),
        ({"proc/self/cgroup": "4:memory:/x\n3:cpu:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": f"{3 * GIB}"}, 3 * GIB),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 8 * GIB),
        ({"proc/meminfo": "nonsense\n", "sys/fs/cgroup/memory.max": "nonsense"}, None),
    ],
)
def test_what_there_is_is_the_least_that_anybody_set(tmp_path: Path, files: dict[str, str], total: int | None) -> None:
    """The machine's memory, or the limit of the process's cgroup or of one above it, of both versions."""
    for name, text in ({"proc/meminfo": f"MemFree: 1 kB\nMemTotal: {8 << 20} kB\n"} | files).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")

    assert total == memory.total(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_is_held_is_anonymous_memory() -> None:
    """A file that is mapped and read does not count; what is allocated does."""
    before = memory.held()
    kept = bytearray(b"x") * (64 * MIB)
    after = memory.held()
    memory.trim()

    assert before is not None
    assert after is not None
    assert 60 * MIB < after - before < 80 * MIB
    assert len(kept) == 64 * MIB


class Held:
    """Memory as a test says, of which giving back gives back some."""

    def __init__(self) -> None:
        self.mib, self.free, self.trims, self.now = 100.0, 0.0, 0, 0.0
        self.cuts: list[float] = []
        self.counters = Counters()
        limits = Limits(soft=800 * MIB, hard=1000 * MIB)
        self.limiter = MemoryLimiter(limits, 1.0, self.counters, held=lambda: int(self.mib * MIB), trim=self.trim, now=lambda: self.now)

    def trim(self) -> None:
        self.trims += 1
        self.mib, self.free = self.mib - self.free, 0.0

    async def look(self, mib: float) -> bool:
        self.mib = mib
        self.now += 1.0
        await self.limiter.look(self.cuts.append)
        return self.limiter.refusing


async def test_past_the_soft_limit_requests_are_refused_until_there_is_less(caplog: pytest.LogCaptureFixture) -> None:
    """Told once on each change; a little below the limit is not yet less, so that it does not go to and fro."""
    held = Held()
    with caplog.at_level(logging.INFO):
        seen = [await held.look(mib) for mib in (800, 801, 900, 799, 800 * EASED + 1, 800 * EASED - 1, 799)]

    assert [False, True, True, True, True, False, False] == seen
    assert [
        "801 MiB of memory are in use, the soft limit is 800 MiB: senders are asked to come back until there is less",
        "759 MiB of memory are in use, the soft limit is 800 MiB: requests are taken again",
    ] == caplog.messages


async def test_what_is_free_is_given_back_before_anybody_is_refused() -> None:
    """At each look that finds too much, also while it eases; Python's collector runs every ten seconds at most."""
    held = Held()
    held.free = 300
    assert not await held.look(900)
    assert [1, 1] == [held.trims, held.counters.get("otel_voice_processor_memory_collections")]
    for _ in range(20):
        assert await held.look(900)
    held.free = 40
    assert not await held.look(790)

    assert 22 == held.trims
    assert 3 == held.counters.get("otel_voice_processor_memory_collections")


async def test_those_that_are_coming_in_are_cut_off() -> None:
    """Past the soft limit those that are long in coming, past the hard one all of them; below, none."""
    held = Held()
    for mib in (700, 900, 1001):
        await held.look(mib)

    assert [LONG_S, 0.0] == held.cuts


async def test_it_goes_on_whatever_happens(caplog: pytest.LogCaptureFixture) -> None:
    """A look that fails is logged, and the next one comes."""
    looks = [0]

    def held() -> int:
        looks[0] += 1
        if looks[0] == 1:
            raise ZeroDivisionError
        return 900

    limiter = MemoryLimiter(Limits(soft=800, hard=1000), 0.001, Counters(), held=held, trim=lambda: None)
    await limiter.stop()
    limiter.start(lambda older_s: None)
    limiter.start(lambda older_s: None)
    async with asyncio.timeout(5):
        while not limiter.refusing:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.001)
    told = limiter.told()
    await limiter.stop()
    await limiter.stop()

    assert "memory could not be looked at" in caplog.text
    assert (True, False) == (told["refusing"], limiter.refusing)
