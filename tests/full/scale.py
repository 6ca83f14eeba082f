"""Faults at a scale that no other test has: 100,000 open calls, a million requests that wait, requests of 60 MiB; killed each time.

Run: `python tests/full/scale.py [--write] [open_calls] [small_requests] [large_bodies]`, some fifteen minutes on two cores. It fails where
anything was lost, counted twice or not as undisturbed. `--write` puts what each run saw in its place in `scale.txt`, with date and machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests are no package that is installed

from tests.faults.scale import Seen, large_bodies, open_calls, small_requests
from tests.full.kills import machine

SEEN = Path(__file__).with_suffix(".txt")
RUNS: dict[str, tuple[str, Callable[[Path], Awaitable[Seen]]]] = {
    "open_calls": ("100,000 open calls", lambda folder: open_calls(folder, 100_000, patience_s=600.0)),
    "small_requests": ("a million requests of one span", lambda folder: small_requests(folder, 900_000, 100_000)),
    "large_bodies": ("requests of 60 MiB", lambda folder: large_bodies(folder, mib=60, count=40, kills=8, limit_mib=1200)),
}


async def run(name: str) -> Seen:
    """Do one run, and say what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        seen = await RUNS[name][1](Path(folder))
    print("", RUNS[name][0], *seen.lines, *seen.problems, sep="\n", flush=True)
    return seen


def write(name: str, seen: Seen) -> None:
    """Put what a run saw in the place of what it saw before."""
    parts = SEEN.read_text(encoding="utf-8").strip().split("\n\n") if SEEN.exists() else []
    told = {part.partition("\n")[0]: part for part in parts}
    told[RUNS[name][0]] = "\n".join((RUNS[name][0], *list(machine())[:3], *seen.lines))
    SEEN.write_text("\n\n".join(told[title] for title, _ in RUNS.values() if title in told) + "\n", encoding="utf-8")


def main() -> int:
    """Run; print or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("runs", nargs="*", choices=[*RUNS, []], metavar="RUN")
    options = parser.parse_args()
    failed = False
    for name in options.runs or RUNS:
        seen = asyncio.run(run(name))
        failed = failed or bool(seen.problems)
        if options.write and not seen.problems:
            write(name, seen)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
