"""What judging costs: events through join, verdict and count; what an open call holds; how long settling keeps others waiting.

Run: `python tests/benchmarks/judgement.py [--calls 2000] [--open 100000]`. One process, one core, nothing else: no network, no spans.
Simulated calls of some 60 events; text kept, so that everything is classified anew. Events are made beforehand, outside the clock.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from otel_voice_processor.calls import Bounds, CallBook
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.service import root_ids, tune_gc
from otel_voice_processor.settling import Settled
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_processor.telemetry import Counters

from otel_voice.policy import load_default

S = 1_000_000_000
START = 1_790_000_000 * S


def book_of(calls: int = 1_000_000, most: int = 5_000) -> CallBook:
    """An empty book with the default policy."""
    policy = load_default()
    return CallBook(Pipeline(policy, Counters()).rule, policy.version, root_ids, Bounds(max_calls=calls, max_events=most))


def talks(calls: int, kinds: int = 400) -> Iterator[list[VoiceEvent]]:
    """Events of so many calls, copies of some kinds of them, text kept."""
    scripts = list(simulate(17, kinds))
    for number in range(calls):
        yield events_of(scripts[number % kinds], start_ns=START, keep_text=True, call_id=f"call_{number:08d}")


def counted(settled: Settled, card: Scorecard, now: int) -> None:
    """Count what settled, as the service does."""
    for episode in settled.episodes:
        card.count_episode(episode, settled.record, now)
    for episode in settled.aftermaths:
        card.count_aftermath(episode, settled.record, now)
    if settled.whole:
        card.count_call(settled.record, now)


def throughput(calls: Sequence[list[VoiceEvent]]) -> tuple[float, float, float, int]:
    """Return events a second: taken into the book; joined, judged and counted; both; and how many episodes that was."""
    book, card = book_of(), Scorecard(START)
    now, began, episodes = START + 600 * S, time.perf_counter(), 0
    for call in calls:
        for event in call:
            book.add(event, now)
    taken = time.perf_counter()
    for settled in book.settle_all(now):
        episodes += len(settled.episodes)
        counted(settled, card, now)
    over, events = time.perf_counter(), sum(map(len, calls))
    return events / (taken - began), events / (over - taken), events / (over - began), episodes


def resident() -> int:
    """Return the resident memory in bytes."""
    with open("/proc/self/statm", encoding="ascii") as status:
        return int(status.read().split()[1]) * resource.getpagesize()


def memory(calls: int, of: Callable[[list[VoiceEvent]], list[VoiceEvent]]) -> float:
    """Return bytes that an open call holds."""
    book = book_of()
    gc.collect()
    before = resident()
    for call in talks(calls):
        for event in of(call):
            book.add(event, START)
    gc.collect()
    return (resident() - before) / calls


def stalls(calls: int) -> tuple[float, float, float]:
    """Return ms that others wait: at most while open calls are looked at, while one settles, and for the longest call in one go."""
    book = book_of()
    for call in talks(calls):
        for event in call[:3]:
            book.add(event, START)
    worst = 0.0
    for second in range(1, 299):
        began = time.perf_counter()
        for due in book.due(START + second * S):
            settled = book.take(due, book.join(due), START + second * S) if due is not None else None
            worst = max(worst, time.perf_counter() - began)
            began = time.perf_counter()
            assert settled is None or not settled.whole
        worst = max(worst, time.perf_counter() - began)
    settles, began = 0.0, time.perf_counter()
    for _ in book.tick(START + 300 * S):
        settles, began = max(settles, time.perf_counter() - began), time.perf_counter()
    long = book_of()
    for call in talks(100):
        for number, event in enumerate(call):
            long.add(
                event.__class__(**{**{f: getattr(event, f) for f in event.__slots__}, "call_id": "long", "emitter": str(number % 2)}), START
            )
    began = time.perf_counter()
    list(long.settle_all(START))
    return worst * 1e3, settles * 1e3, (time.perf_counter() - began) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--open", type=int, default=100_000)
    options = parser.parse_args()
    tune_gc()
    calls = list(talks(options.calls))
    rounds = [throughput(calls) for _ in range(3)]
    taken, judged, through, episodes = max(rounds, key=lambda found: found[2])
    print(f"{sum(map(len, calls))} events of {len(calls)} calls, {episodes} episodes")
    print(f"into the book          {taken:10,.0f} events/s")
    print(f"join + verdict + count {judged:10,.0f} events/s (at least 80,000)")
    print(f"both                   {through:10,.0f} events/s")
    del calls
    gc.collect()
    for what, of in (
        ("its start alone", lambda call: call[:1]),
        ("three events", lambda call: call[:3]),
        ("its whole talk", lambda call: call),
    ):
        number = options.open if what != "its whole talk" else options.open // 10
        held = memory(number, of)
        print(f"open call, {what:16} {held:8,.0f} bytes; 100,000 of them {held / 10:6,.1f} MB")
    looked, settled, long = map(min, zip(stalls(options.open), stalls(options.open), strict=True))  # what a neighbour took is not ours
    print(f"{options.open} open calls: {looked:.2f} ms at most between two looks, {settled:.2f} ms while one settles (at most 5)")
    print(f"the longest call in one go, which the service joins in a thread: {long:.0f} ms")
    print(f"Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
