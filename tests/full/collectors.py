"""A million spans between two stock collectors, the processor killed under load; and one outage, behind a collector and behind us.

Run: `python tests/full/collectors.py [--write] [--spans 1000000] [--kills 3]`, some three minutes on two cores, with the servers that
`python tests/peers/install.py` builds. `--write` puts what was seen into `collectors.txt`, with date and machine. Fails where anything
was lost or changed, or came again without a kill to explain it.
"""

from __future__ import annotations

import argparse
import asyncio
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

from tests.peers.chain import Plan, run
from tests.peers.outage import behind_a_collector, behind_the_processor

SEEN = Path(__file__).with_suffix(".txt")


def machine() -> Iterator[str]:
    """Yield when and where this is."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if os.path.exists("/proc/cpuinfo") else None
    name, load = cpu[1] if cpu else platform.processor(), os.getloadavg()[0]
    yield f"date                      {datetime.now(UTC):%Y-%m-%d}"
    yield f"machine                   {os.cpu_count()} cores, {name}, {platform.system()} {platform.release()}, load {load:.1f} before"
    yield f"versions                  Python {platform.python_version()}, lmdb {version('lmdb')}, OpenTelemetry Collector 0.161.0"
    yield "conditions                agents, collector, processor, collector, recorder on loopback; collectors as they come (gzip, queue of"
    yield "                          1,000 requests in memory, retries from 5 s on); journal with fsync; requests of 300 to 500 spans and,"
    yield "                          of calls, of 3 to 50; settled after 30 s of quiet"


async def seen(folder: Path, plan: Plan) -> tuple[list[str], list[str]]:
    """Return the report, and what was wrong."""
    outcome = await run(folder, plan)
    lines, problems = [*machine(), "", *outcome.lines()], outcome.problems()
    lines += ["", "an outage of what is behind: 200 requests of 512 spans while it is away; spans answered OK, arrived, lost"]
    for name, behind in (("collector", behind_a_collector), ("processor", behind_the_processor)):
        (folder / name).mkdir()
        who, *cells = (await behind(folder / name)).cells()
        lines.append(f"{who:<42}{cells[0]:>9}{cells[1]:>9}{cells[2]:>15}")
    return lines, problems


def main() -> int:
    """Run; print or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(spans=options.spans, kills=options.kills, pause_s=0.0, patience_s=300.0, settle_after="30s")
        lines, problems = asyncio.run(seen(Path(folder), plan))
    print(*lines, *problems, sep="\n")
    if problems:
        return 1
    if options.write:
        SEEN.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
