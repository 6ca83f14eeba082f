"""What saving the state costs: per event and per commit, how long one keeps others waiting, how long a restart reads.

Run: `python tests/benchmarks/state.py [--open 100000]`. Times are of this process, not of its neighbours on the machine; the store is a
dictionary, so that no disk is measured. Calls of three events for the book, whole simulated calls for join, verdict and count, one call
with hundreds of interruptions behind it.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from otel_voice_processor import call_log
from otel_voice_processor.calls import Bounds, S
from otel_voice_processor.service import tune_gc
from otel_voice_processor.state import State

from tests.benchmarks.judgement import START, counted, talks
from tests.processor.state_store import Store, state_of
from tests.processor.test_bad_calls import long_call

BOUNDS = Bounds(max_calls=10_000_000)
COMMIT = 200  # events, some four requests of 512 spans of which one in ten is ours


class Saving:
    """Commits a state, and measures what asking for the changes takes."""

    def __init__(self, state: State) -> None:
        self.state, self.store = state, Store()
        self.took, self.worst = 0.0, 0.0

    def commit(self, now: int) -> None:
        number = self.state.number + 1
        began = time.process_time()
        changes = self.state.changes(number, now)
        took = time.process_time() - began
        self.took, self.worst = self.took + took, max(self.worst, took)
        self.store.commit(number, changes)


def opened(calls: int, *, rows: bool) -> tuple[Saving, int]:
    """Open so many calls of three events, 20,000 of them a second; rows follow until all have theirs, or there is nothing but the log."""
    saving, now, joined = Saving(state_of(START, BOUNDS)), START, 0
    for call in talks(calls):
        for event in call[:3]:
            saving.state.join(event, now)
            joined += 1
            if joined % COMMIT == 0:
                now += COMMIT * S // 20_000 if rows else 0
                saving.commit(now)
    if rows:
        for _ in range(calls // call_log.ROWS + 1):
            saving.commit(now + call_log.AGE_NS)
    else:
        saving.commit(now)
    return saving, joined


def restored(store: Store) -> tuple[float, State]:
    """Return the seconds that restoring takes, and what was restored."""
    gc.collect()
    began = time.process_time()
    state = store.restored(START, BOUNDS)
    return time.process_time() - began, state


def judged(calls: int, *, saved: bool) -> float:
    """Return events a second through join, verdict and count, with a commit after each 200 events where it is saved."""
    talk = list(talks(calls))
    saving, joined = Saving(state_of(START, BOUNDS, saved=saved)), 0
    now = START + 600 * S
    began = time.process_time()
    for call in talk:
        for event in call:
            saving.state.join(event, now)
            joined += 1
            if saved and joined % COMMIT == 0:
                saving.commit(now)
    for number, settled in enumerate(saving.state.book.settle_all(now)):
        counted(settled, saving.state.scorecard, now)
        if saved and number % 4 == 0:
            saving.commit(now)
    return joined / (time.process_time() - began)


def longest(scripts: int) -> tuple[float, int]:
    """Return the most ms that a commit takes while one call goes on for hours, and how many episodes it has folded away by then."""
    saving, now = Saving(state_of(START)), START
    for event in long_call(scripts):
        while now + S <= event.time_ns:
            now += S
            for settled in saving.state.book.tick(now):
                counted(settled, saving.state.scorecard, now)
            saving.commit(now)
        saving.state.join(event, now)
    held = saving.state.book._open["long"].thawed(lambda: None)
    return saving.worst * 1e3, len(held.folded.episodes) if held.folded else 0


def best(measure: Callable[[], float], rounds: int) -> float:
    """Return the most of some rounds: what a neighbour took is not ours."""
    return max(measure() for _ in range(rounds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--long", type=int, default=300)
    options = parser.parse_args()
    tune_gc()
    saving, joined = opened(options.open, rows=True)
    size = sum(map(len, saving.store.rows["calls"].values())) / 1e6
    print(f"changes, with rows      {saving.took / joined * 1e6:8.2f} us an event, {saving.worst * 1e3:.1f} ms at most in one commit")
    print(f"restoring {len(saving.store.rows['calls'])} calls, {size:.0f} MB of rows: {restored(saving.store)[0]:.2f} s (at most 1)")
    del saving
    call_log.EVENTS = sys.maxsize  # type: ignore[misc]
    saving, joined = opened(options.open, rows=False)
    print(f"changes, log alone      {saving.took / joined * 1e6:8.2f} us an event, {saving.worst * 1e3:.1f} ms at most in one commit")
    seconds, state = restored(saving.store)
    print(f"restoring {joined} events of {len(state.book)} calls from {len(saving.store.log)} log records: {seconds:.2f} s")
    del saving, state
    plain = best(lambda: judged(options.calls, saved=False), 2)
    print(f"join + verdict + count  {plain:8,.0f} events/s in memory alone")
    print(
        f"                        {best(lambda: judged(options.calls, saved=True), 2):8,.0f} events/s with a commit every {COMMIT} events"
    )
    worst, folded = longest(options.long)
    print(f"a call of {folded} episodes folded away: {worst:.1f} ms at most in one commit")
    print(f"Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
