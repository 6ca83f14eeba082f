"""Kills, power cuts and damaged journals by the hundred: what was acknowledged, what was lost, what came twice.

Run: `python tests/full/kills.py [--write | --check] [--kills 100] [--cuts 50] [--damages 48]`, some fifteen minutes on two cores. It
fails where anything was lost or counted twice. `--write` puts what was seen into `kills.txt`, with date and machine; `--check` fails, too,
where `kills.txt` tells of fewer.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests are no package that is installed

from tests.faults.damage import EVERY, left_by_a_kill, started_on
from tests.faults.outcome import Outcome, Undisturbed
from tests.faults.power import Cut
from tests.faults.runs import cut, killed, power
from tests.faults.survival import Plan

SEEN = Path(__file__).with_suffix(".txt")
PLAN = Plan()


def machine() -> Iterator[str]:
    """Yield when and where this is."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if os.path.exists("/proc/cpuinfo") else None
    yield f"date                  {datetime.now(UTC):%Y-%m-%d}"
    name = cpu[1] if cpu else platform.processor()
    yield f"machine               {os.cpu_count()} cores, {name}, {platform.system()} {platform.release()}"
    yield f"versions              Python {platform.python_version()}, lmdb {version('lmdb')}, grpcio {version('grpcio')}"
    yield "load                  requests of 300 to 500 foreign spans and of 1 to 5, 6 calls at once in requests of 3 to 30 events, an SDK"
    yield f"up between kills      {PLAN.uptimes[0]} to {PLAN.uptimes[1]} s, at random; settled after 3 s of quiet, expired after 8 s"


def told(title: str, outcome: Outcome, expected: Undisturbed, cuts: list[Cut] | None = None) -> Iterator[str]:
    """Yield what one run saw."""
    yield ""
    yield title
    yield from outcome.lines()
    if cuts is not None:
        lost, kept = sum(each.lost_bytes for each in cuts), sum(each.kept_bytes for each in cuts)
        yield f"not synced            {lost:,} bytes went with the power, {kept:,} stayed all the same"
    problems = outcome.problems(expected)
    yield f"against undisturbed   {len(expected.summaries):,} records and {len(expected.totals):,} totals: {len(problems)} differences"


async def damages(count: int) -> tuple[list[str], list[str]]:
    """Damage a journal in every way in turn, with other dice each time; return the report, and what was wrong."""
    lines, problems, asides, losses = ["", "journals damaged between two starts"], [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "left").mkdir()
        left = await left_by_a_kill(Path(folder) / "left")
        for number in range(count):
            kind, at = EVERY[number % len(EVERY)], Path(folder) / str(number)
            at.mkdir()
            try:
                found = await started_on(at, left, kind, number)
            except AssertionError as error:
                problems.append(f"{kind.__name__}, seed {number}: {error}")
                continue
            problems += [f"{kind.__name__}, seed {number}: {problem}" for problem in found.problems]
            asides, losses = asides + found.set_aside, losses + found.lost
    lines.append(f"damages               {count}, of {len(EVERY)} kinds")
    lines.append(f"set aside             {asides}, with something lost {losses}, each time counted and told; what arrived had been sent")
    return lines, problems


async def run(kills: int, cuts: int, damaged: int) -> tuple[list[str], list[str]]:
    """Return the report, and what was wrong."""
    lines, problems = [*machine()], []
    with tempfile.TemporaryDirectory() as folder:
        outcome, expected = await killed(Path(folder), Plan(kills=kills))
        lines += told("kill -9", outcome, expected)
        problems += outcome.problems(expected)
    with tempfile.TemporaryDirectory() as folder:
        at = power(Path(folder))
        outcome, expected, done = await cut(Path(folder), at, Plan(kills=cuts, seed=7), at.cut)
        lines += told("power cuts, downstream there half of the time", outcome, expected, done)
        problems += outcome.problems(expected)
    more, wrong = await damages(damaged)
    return lines + more, problems + wrong


def main() -> int:
    """Run; print, write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--write", action="store_true")
    group.add_argument("--check", action="store_true")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--damages", type=int, default=48)
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # a stock exporter says each time that it tries again
    options = parser.parse_args()
    lines, problems = asyncio.run(run(options.kills, options.cuts, options.damages))
    print(*lines, *problems, sep="\n")
    if problems:
        return 1
    if options.write:
        SEEN.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if options.check:
        known = [int(count) for count in re.findall(r"^(?:kills|damages) +(\d+)", SEEN.read_text(encoding="utf-8"), re.MULTILINE)]
        if any(one < other for one, other in zip(known, (options.kills, options.cuts, options.damages), strict=True)):
            print(f"kills.txt tells of {known} kills, cuts and damages: run with --write", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
