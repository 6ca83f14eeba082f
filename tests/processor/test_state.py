"""Whatever happens between two commits: what was committed is restored as it was, and going on from it is as if nothing had happened."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from otel_voice_processor import call_log, packed
from otel_voice_processor.calls import Bounds, S
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.open_call import OpenCall
from otel_voice_processor.rows import packed_row
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_processor.state import FORMAT, Changes, OtherFormat, State
from otel_voice_schema import attributes as a

from tests.processor.oracle import START
from tests.processor.state_store import Store, contents, count, state_of
from tests.processor.test_bad_calls import long_call

pytestmark = pytest.mark.usefixtures("five_versions")

TIGHT = Bounds(max_calls=12, max_events=400, max_closed=6, forget_after_ns=120 * S)
RECORDED = Path(__file__).parent / "recorded_state.json"
_LONG = long_call(16)


class Run:
    """A state, its clock, and what was told of what settled; steps are drawn from dice, and do the same on every run of the same dice."""

    def __init__(self, seed: int, bounds: Bounds | None = None) -> None:
        self.dice = random.Random(seed)
        self.now = START
        self.state = state_of(START, bounds)
        self.told: list[object] = []
        self.number = 0
        self.unwritten: list[tuple[int, Changes]] = []

    def step(self, events: list[VoiceEvent]) -> None:
        """Deliver some events, or let time pass, or push metrics, or settle some of what is due."""
        what = self.dice.random()
        if what < 0.55:
            for event in events[: self.dice.randrange(1, 60)]:
                self.state.counters.add("otel_voice_processor_events", outcome=self.state.join(event, self.now))
        elif what < 0.9:
            self.now += self.dice.choice([1, 1, 1, 2, 5, 16, 61, 301]) * S
            self.tick(self.dice.choice([1, 3, 1_000, 1_000, 1_000]))
        elif what < 0.905:
            self.now += 25 * 3_600 * S
        elif what < 0.96:
            list(self.state.scorecard.points(self.now))
            list(self.state.own.points(self.now))
            if self.dice.random() < 0.3:
                self.state.scorecard.not_taken()
                self.state.own.not_taken()
        else:
            self.now -= self.dice.choice([3, 70]) * S

    def tick(self, most: int) -> None:
        """Settle what is due, at most so many calls."""
        due = self.state.book.due(self.now)
        for item in due:
            if item is None:
                continue
            settled = self.state.book.take(item, self.state.book.join(item), self.now)
            if settled is not None:
                self.told += count(self.state, settled, self.now)
            most -= 1
            if most <= 0:
                break
        due.close()  # type: ignore[attr-defined]

    def commit(self, store: Store, *, fails: bool) -> None:
        """Write what changed, together with what could not be written before."""
        self.number += 1
        self.unwritten.append((self.number, self.state.changes(self.number, self.now)))
        if not fails:
            for number, changes in self.unwritten:
                store.commit(number, changes)
            self.unwritten.clear()

    def over(self) -> None:
        """Let everything settle."""
        for _ in range(12):
            self.now += 31 * S
            self.tick(1_000_000)


def talk(seed: int, calls: int, *, long: bool) -> list[VoiceEvent]:
    """Calls' events, some of them twice, out of order, told differently, or of an id that is used again long after; of many versions."""
    dice = random.Random(seed)
    events = [
        event
        for number, script in enumerate(simulate(seed, calls))
        for event in told_version(events_of(script, start_ns=START + number * 30 * S, keep_text=True, call_id=f"call_{number % 9}"), number)
    ]
    events.sort(key=lambda event: event.time_ns + dice.randrange(5 * S))
    if long:
        events = sorted(events + _LONG, key=lambda event: event.time_ns)
    for event in dice.sample(events, k=len(events) // 10):
        other = {**event.attributes, "voice.workflow": "another"} if dice.random() < 0.5 else event.attributes
        events.insert(dice.randrange(len(events)), replace(event, attributes=other))
    return events


def told_version(events: list[VoiceEvent], number: int) -> list[VoiceEvent]:
    """Return a call's events under one of more versions of the agents' policy than the scorecard lets through, or under none."""
    version = {a.VOICE_AGENT_POLICY_VERSION: f"v{number // 2}"} if number % 9 else {}
    rest = [{key: value for key, value in event.attributes.items() if key != a.VOICE_AGENT_POLICY_VERSION} for event in events]
    return [replace(event, attributes=facts | version) for event, facts in zip(events, rest, strict=True)]


def parts(run: Run, events: list[VoiceEvent]) -> Iterator[list[VoiceEvent]]:
    """Yield what is still to come; steps take from its front."""
    while events:
        yield events
        events = events[30:]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    calls=st.integers(1, 20),
    long=st.booleans(),
    tight=st.booleans(),
    often=st.sampled_from([0.05, 0.3, 0.9]),
    killed=st.integers(0, 60),
    follow=st.sampled_from([(10 * S, 50_000, 300), (0, 10, 3), (3 * S, 100, 1)]),
)
def test_what_was_committed_is_restored_and_goes_on_as_if_nothing_had_happened(
    seed: int, calls: int, long: bool, tight: bool, often: float, killed: int, follow: tuple[int, int, int]
) -> None:
    """A kill after any commit, of which any may have failed: the state is that of the commit, and all that follows is the same."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("AGE_NS", "EVENTS", "ROWS"), follow, strict=True):
            patch.setattr(call_log, name, value)
        run, store, restored = Run(seed, TIGHT if tight else None), Store(), None
        for left in parts(run, talk(seed, calls, long=long)):
            dice = run.dice.getstate()
            run.step(left)
            if restored is not None:
                restored.dice.setstate(dice)
                restored.step(left)
            if run.dice.random() < often:
                fails = run.dice.random() < 0.2
                run.commit(store, fails=fails)
                if restored is None and not fails and run.number >= killed:
                    restored = killed_and_restored(run, store, TIGHT if tight else None)
        run.over()
        if restored is not None:
            restored.over()
            assert run.told == restored.told
            assert contents(run.state) == contents(restored.state)


def killed_and_restored(run: Run, store: Store, bounds: Bounds | None) -> Run:
    """Return a run that begins with what the store has; both begin their waits anew."""
    restored = Run(0, bounds)
    restored.now, restored.told = run.now, list(run.told)
    restored.state = store.copy().restored(run.now, bounds)
    assert restored.state.number == run.number
    assert contents(run.state) == contents(restored.state)
    mine, other = run.state.book, restored.state.book  # of what is due or forgotten at once the order is nobody's promise
    mine._open = {call_id: mine._open[call_id] for call_id in other._open}
    mine._closed._calls = {key: mine._closed._calls[key] for key in other._closed._calls}
    mine.begin_anew(run.now)
    return restored


@settings(max_examples=40, deadline=None)
@example(seed=0, calls=6, long=True, lost="half")
@given(seed=st.integers(0, 2**32), calls=st.integers(1, 12), long=st.booleans(), lost=st.sampled_from(["all", "half", "nothing"]))
def test_where_what_was_written_is_lost_everything_is_written_anew(seed: int, calls: int, long: bool, lost: str) -> None:
    """After `save_all` one commit has the whole state, whatever of the earlier rows is still there."""
    run, store = Run(seed), Store()
    for left in parts(run, talk(seed, calls, long=long)):
        run.step(left)
        if run.dice.random() < 0.3:
            run.commit(store, fails=False)
    for rows in store.rows.values():
        for key in sorted(rows):
            if lost == "all" or (lost == "half" and run.dice.random() < 0.5):
                del rows[key]
    run.state.save_all()
    run.commit(store, fails=False)
    killed_and_restored(run, store, None)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(5, 80), kills=st.sampled_from([0.1, 0.5]), away=st.sampled_from([0, 1, 700, 90_000]))
def test_totals_are_those_of_an_undisturbed_run(seed: int, size: int, kills: float, away: int) -> None:
    """What was not committed is sent again, after however long: every episode, call and event counts once."""

    def of(killed: Callable[[], bool]) -> tuple[Any, ...]:
        store, number, now = Store(), 0, START + 3_600 * S
        state, told = state_of(START), 0
        for batch in (events[at : at + size] for at in range(0, len(events), size)):
            while True:
                for event in batch:
                    state.join(event, now)
                if not killed():
                    break
                now += away * S
                state = store.restored(now)
            number = state.number + 1
            store.commit(number, state.changes(number, now))
            now += S
            for settled in state.book.tick(now):
                told += len(settled.episodes)
                count(state, settled, now)
        for settled in state.book.tick(now + 400 * S):
            told += len(settled.episodes)
            count(state, settled, now)
        points = sorted((point.metric.name, point.labels, point.value, point.counts, round(point.total, 6))
                        for point in state.scorecard.points(now + 500 * S) if point.metric.instrument != "gauge")  # fmt: skip
        return told, points, len(state.book)

    dice = random.Random(seed)
    events = [event for script in simulate(seed, 4) for event in events_of(script, start_ns=START, keep_text=True)]
    size = max(size, len(events) // 12)  # all of it within the settling allowance

    assert of(lambda: False)[1:] == of(lambda: dice.random() < kills)[1:]


def test_what_no_commit_needs_any_more_is_deleted() -> None:
    """Once all calls have settled and are forgotten, nothing of them is left, nor a log."""
    run, store = Run(1), Store()
    for event in talk(3, 6, long=True):
        run.state.join(event, run.now)
        if run.dice.random() < 0.05:
            run.commit(store, fails=False)
            run.now += S
            run.tick(100)
    run.over()
    run.commit(store, fails=False)
    assert ({}, {}) == (store.rows["calls"], store.log)
    assert store.rows["closed"]
    run.now += 3_601 * S
    run.tick(1)
    run.commit(store, fails=False)
    assert {} == store.rows["closed"]


def test_a_restart_after_a_day_forgets_nothing_that_may_still_come_or_was_not_told() -> None:
    """Time away is not quiet: a settled call's events are late, an open one goes on, and what was counted and not exported is told."""
    run, store = Run(1), Store()
    first, second = (events_of(script, start_ns=START, keep_text=True) for script in simulate(5, 2))
    for event in first + second[: len(second) // 2]:
        run.state.join(event, run.now)
    run.now += 16 * S
    run.tick(1_000)
    run.commit(store, fails=False)
    now = run.now + 26 * 3_600 * S
    state = store.restored(now)

    assert {"late"} == {state.join(event, now) for event in first}
    assert [] == list(state.book.tick(now + 1 * S))
    assert {"joined"} == {state.join(event, now) for event in second[len(second) // 2 :]}
    assert "voice.calls" in {point.metric.name for point in state.scorecard.points(now + 60 * S)}


@pytest.mark.parametrize("database", ["calls", "closed", "series", "rolling", "counters", "tables", "meta", "log"])
@pytest.mark.parametrize("how", ["gone", "torn", "other"])
def test_damage_costs_only_what_is_damaged(database: str, how: str) -> None:
    """One row in three is gone, cut short, or holds something else: the rest is restored, what can be told is counted, all settles."""
    run, store = Run(4), Store()
    for event in talk(6, 12, long=True):
        run.state.join(event, run.now)
        if run.dice.random() < 0.03:
            run.now += 2 * S
            run.tick(100)
            run.commit(store, fails=False)
    rows: dict[Any, bytes] = store.log if database == "log" else store.rows[database]  # type: ignore[assignment]
    spoilt = [key for number, key in enumerate(sorted(rows)) if number % 3 == 0 and key not in {b"format", b"commit"}]
    for key in spoilt:
        if how == "gone":
            del rows[key]
        else:
            rows[key] = rows[key][:-1] if how == "torn" else packed_row(7)
    state = store.restored(run.now)
    damaged = state.counters.total("otel_voice_processor_damaged_rows")
    store.commit(state.number + 1, state.changes(state.number + 1, run.now))
    settled = list(state.book.settle_all(run.now))

    assert spoilt
    assert damaged >= len(spoilt) if how != "gone" and database != "tables" else True
    assert any(item.whole for item in settled)
    again = store.restored(run.now)
    assert 0 == sum(
        again.counters.get("otel_voice_processor_damaged_rows", database=name) for name in ("closed", "series", "rolling")
    ) - sum(state.counters.get("otel_voice_processor_damaged_rows", database=name) for name in ("closed", "series", "rolling"))


def test_events_whose_tables_are_gone_are_counted_and_left_out() -> None:
    """An open call of which some events mean nothing any more is judged without them."""
    run, store = Run(4), Store()
    (script,) = simulate(3, 1)
    events = events_of(script, start_ns=START, keep_text=True)
    for event in events:
        run.state.join(event, run.now)
    run.commit(store, fails=False)
    del store.rows["tables"][max(key for key in store.rows["tables"] if key[:1] == b"s")]
    state = store.restored(run.now)
    (settled,) = state.book.settle_all(run.now)
    state.changes(state.number + 1, run.now)

    assert settled.whole
    assert 0 < len(settled.damaged) == state.counters.get("otel_voice_processor_damaged_events") < len(events)


def test_another_format_is_refused() -> None:
    """What a later version wrote is not guessed at."""
    store = Store()
    store.commit(1, state_of(START).changes(1, START))
    store.rows["meta"][b"format"] = packed_row(FORMAT + 1)

    with pytest.raises(OtherFormat, match=f"of format {FORMAT + 1}, this version reads {FORMAT}"):
        store.restored(START)


def test_commits_are_numbered_upwards() -> None:
    """A number that is not greater would make log records look older than they are; without a place to save there are no changes."""
    state = state_of(START)
    state.changes(5, START)

    with pytest.raises(ValueError, match="commit 5 after 5"):
        state.changes(5, START)
    with pytest.raises(ValueError, match="not saved"):
        state_of(START, saved=False).changes(1, START)


def test_what_is_not_saved_notes_nothing() -> None:
    """In memory alone nothing is kept for a commit that never comes."""
    state = state_of(START, saved=False)
    for event in talk(3, 3, long=False):
        state.join(event, START)
    for settled in state.book.settle_all(START):
        count(state, settled, START)

    assert state.book._log is state.book._closed._unsaved is state.scorecard._series._unsaved is None
    assert {None} == {window.unsaved for window in state.scorecard._rolling._windows.values()}
    assert state.scorecard._first_seen._unsaved is None


@pytest.mark.parametrize("restarts", [False, True])
def test_a_call_whose_row_was_written_is_not_taken_up_again_from_the_log(monkeypatch: pytest.MonkeyPatch, restarts: bool) -> None:
    """The log still has its events, since another call needs them: that it is over is said there, before and after a restart."""
    monkeypatch.setattr(call_log, "ROWS", 1)
    run, store = Run(1), Store()
    over, other = (
        events_of(script, start_ns=START, keep_text=True, call_id=name) for name, script in zip("ab", simulate(5, 2), strict=True)
    )
    for event in [other[0], *over]:
        run.state.join(event, run.now)
    run.commit(store, fails=False)
    run.now += 11 * S
    run.commit(store, fails=False)
    state = store.restored(run.now) if restarts else run.state
    (due,) = [due for due in state.book.everything(run.now) if due.call_id == "a"]
    state.book.take(due, state.book.join(due), run.now)
    monkeypatch.setattr(call_log, "ROWS", 0)
    store.commit(3, state.changes(3, run.now))

    assert [1, 3] == sorted(store.log)
    assert ["b"] == list(store.restored(run.now).book._open)


def test_a_commit_has_so_many_rows_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that follow are spread over commits, the oldest first, and the log is kept until its calls have theirs."""
    monkeypatch.setattr(call_log, "ROWS", 10)
    run, store = Run(1), Store()
    starts = [events_of(script, start_ns=START, keep_text=True, call_id=f"c{n}")[0] for n, script in enumerate(simulate(5, 50))]
    for number, event in enumerate(starts):
        run.state.join(event, run.now)
        if number % 25 == 24:
            run.commit(store, fails=False)
            run.now += S
    assert (0, [1, 2]) == (len(store.rows["calls"]), sorted(store.log))
    run.now += 8 * S
    sizes = []
    for _ in range(4):
        run.commit(store, fails=False)
        sizes.append((len(store.rows["calls"]), sorted(store.log)))
    run.now += S
    run.commit(store, fails=False)

    assert [(10, [1, 2]), (20, [1, 2]), (25, [2]), (25, [2])] == sizes
    assert 35 == len(store.rows["calls"])


def test_tables_let_go_of_what_no_event_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a start, once they are half full; what open calls need stays, under the same numbers."""
    run, store = Run(1), Store()
    for event in talk(9, 12, long=False):
        run.state.join(event, run.now)
    run.tick(10)
    run.now += 16 * S
    run.tick(1_000)
    (script,) = simulate(8, 1)
    for event in events_of(script, start_ns=START, keep_text=True, call_id="open")[:-1]:
        run.state.join(event, run.now)
    run.commit(store, fails=False)
    monkeypatch.setattr(packed, "_MOST_SHARED", 20)
    state = store.restored(run.now)
    before = contents(state)
    store.commit(state.number + 1, state.changes(state.number + 1, run.now))
    monkeypatch.undo()
    again = store.restored(run.now)

    assert len(run.state.book._tables._shared) > 2 * len(state.book._tables._shared)
    assert before == contents(again)
    assert [repr(item.record) for item in run.state.book.settle_all()] == [repr(item.record) for item in again.book.settle_all()]


def test_state_that_an_earlier_version_saved_is_read() -> None:
    """Rows and log as they were once recorded mean what they meant. Where this fails: raise `FORMAT`, and read the old one otherwise."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    rows, log = msgpack.unpackb(zlib.decompress(base64.b85decode("".join(recorded["state"]))))
    store = Store(log=dict(log))
    for database, key, value in rows:
        store.rows[database][key] = value
    state = store.restored(recorded["now_ns"])

    assert recorded["told"] == told(state)


def told(state: State) -> dict[str, Any]:
    """What a saved state comes to, in words and counts of the versions that wrote it."""
    book, values = state.book, Counter[str]()
    for (name, _), series in state.scorecard._series._series.items():
        values[name] += series.value
    return {
        "number": state.number,
        "calls": {call_id: said(state, call_id, call) for call_id, call in sorted(book._open.items())},
        "closed": len(book._closed),
        "series": dict(sorted(values.items())),
        "rates": sorted(map(list, state.scorecard._rolling.values(START))),
        "counters": sorted([name, list(map(list, labels)), value] for (name, labels), value in state.counters.snapshot().items()),
    }


def said(state: State, call_id: str, call: OpenCall) -> list[Any]:
    """An open call's events, what was counted of it, and how many episodes are folded away."""
    held = call.thawed(lambda: None)
    names = Counter(state.book._tables.unpack(data, call_id).name.removeprefix("voice.interruption.") for data in call.events)
    verdicts = sorted(episode.verdict for episode in held.counted.values())
    return [dict(sorted(names.items())), verdicts, len(held.folded.episodes) if held.folded else None]
