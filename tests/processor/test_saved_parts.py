"""The parts of the state, each alone: only what changed is written, what is gone is deleted, what comes back counts on."""

from __future__ import annotations

from typing import Any

import pytest
from otel_voice_processor.calls import CallBook
from otel_voice_processor.capped import OTHER, Capped
from otel_voice_processor.closed import Closed
from otel_voice_processor.rolling import MINUTE_NS, Rolling
from otel_voice_processor.rows import Rows, Unreadable, packed_row
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import series_of
from otel_voice_processor.telemetry import Counters, OwnPoints

from tests.processor.state_store import Store, contents, state_of

S = 1_000_000_000
DAY = 24 * 3_600 * S
NOW = 1_800_000_000 * S


def never(database: str, key: bytes) -> None:
    raise AssertionError(f"{database} {key!r} is damaged")


def saved(part: Any, store: Store) -> tuple[int, int]:
    """Save a part; return how many rows were put and deleted."""
    rows = Rows()
    part.save(rows)
    for database, key, value in rows.puts():
        store.rows[database][key] = value
    for database, key in rows.deletes():
        store.rows[database].pop(key, None)
    return len(rows.puts()), len(rows.deletes())


@pytest.fixture
def missed(timeline: Any) -> Any:
    return timeline("m").started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).ends(12.0, outcome="failed").record()


def card_of(store: Store | None = None, start_ns: int = 100 * S) -> Scorecard:
    card = Scorecard(start_ns)
    if store is not None:
        card.restore(store.read, never)
    card.track()
    return card


def exported(card: Scorecard, at: int) -> list[tuple[str, int, int]]:
    return [(p.metric.name.rpartition(".")[2], p.start_ns // S, p.value) for p in card.points(at) if p.metric.instrument == "counter"]


def test_a_scorecard_writes_what_changed(missed: Any) -> None:
    """A series that is counted in or told for the first time; nothing where nothing happened."""
    card, store = card_of(), Store()
    card.count_call(missed, 110 * S)
    assert (1 + 1 + 3 + 2, 0) == saved(card, store)  # a series, when it was exported, three labels with a value, a rate in two windows
    assert (0, 0) == saved(card, store)
    list(card.points(160 * S))
    assert (2, 0) == saved(card, store)
    list(card.points(220 * S))
    assert (1, 0) == saved(card, store)


def test_a_restored_scorecard_counts_on(missed: Any) -> None:
    """Values go on from where they were, with the start they had; a series that was told begins with no zero again, another does."""
    card, store = card_of(), Store()
    card.count_call(missed, 110 * S)
    list(card.points(160 * S))
    card.count_episode(missed.episodes[0], missed, 170 * S)
    saved(card, store)
    other = card_of(store, 500 * S)
    other.count_call(missed, 600 * S)

    new = [(name, 160, value) for name in ("episodes", "compliance", "findings") for value in (0, 1)]
    assert [("calls", 100, 2), *new] == exported(other, 660 * S)


def test_an_idle_series_is_deleted_and_may_come_again(missed: Any) -> None:
    """A day after its last value was told its row goes; one that was never told stays until it has been."""
    card, store = card_of(), Store()
    card.count_call(missed, 110 * S)
    saved(card, store)
    assert [("calls", 100, 0), ("calls", 100, 1)] == exported(card, 110 * S + 2 * DAY)
    assert 1 == len(store.rows["series"])
    assert [] == exported(card, 110 * S + 2 * DAY + 60 * S)
    saved(card, store)
    assert 0 == len(store.rows["series"])
    card.count_call(missed, 110 * S + 3 * DAY)
    saved(card, store)
    assert 1 == len(store.rows["series"])


def test_a_series_dropped_and_counted_again_between_two_commits_is_the_new_one(missed: Any) -> None:
    """Of both the row is that of the one there is."""
    card, store = card_of(), Store()
    card.count_call(missed, 110 * S)
    list(card.points(160 * S))
    saved(card, store)
    list(card.points(160 * S + 2 * DAY))
    card.count_call(missed, 170 * S + 2 * DAY)
    saved(card, store)

    assert [1] == [series_of(row).value for row in store.rows["series"].values()]
    assert [160 + 2 * DAY // S] == [series_of(row).start_ns // S for row in store.rows["series"].values()]


def test_an_export_that_was_not_taken_is_remembered(missed: Any) -> None:
    """The zero comes again after a restart as well."""
    card, store = card_of(), Store()
    card.count_call(missed, 110 * S)
    list(card.points(160 * S))
    card.not_taken()
    saved(card, store)

    assert [("calls", 100, 0), ("calls", 100, 1)] == exported(card_of(store), 220 * S)


@pytest.mark.parametrize("name", ["no.such.metric", "voice.interruption.silence.duration"])
def test_a_metric_that_is_counted_otherwise_now_begins_anew(name: str) -> None:
    """One that is gone, or has other buckets."""
    with pytest.raises(Unreadable):
        series_of(packed_row(name, (), 1, 2, (1, 2), 0.5, 3, True))


def test_label_values_stay_let_through() -> None:
    """After a restart the first are still the first, and a version that was pushed out still is."""
    first, newest = Capped(2), Capped(2, newest=True)
    for value in "abc":
        first(value), newest(value)
    again, newest_again = Capped(2), Capped(2, newest=True)
    again.restore(first.row())
    newest_again.restore(newest.row())

    assert ["a", "b", OTHER] == [again(value) for value in "abc"]
    assert [OTHER, "b", "c", "d"] == [newest_again(value) for value in "abcd"]


def test_rates_go_on_by_the_minute() -> None:
    """Only minutes that were counted in are written, those that fall out of their window are deleted, and the sums are the same."""
    rolling, store = Rolling(), Store()
    rolling.track()
    for minute in range(3):
        rolling.add(NOW + minute * MINUTE_NS, "billing", "escalation", hit=True)
        rolling.add(NOW + minute * MINUTE_NS, "support", "escalation", hit=False)
    assert (2 * 2 * 3, 0) == saved(rolling, store)
    rolling.add(NOW + 3 * MINUTE_NS, "billing", "escalation", hit=False)
    assert (2, 0) == saved(rolling, store)
    list(rolling.values(NOW + 61 * MINUTE_NS))
    assert (0, 2 * 2) == saved(rolling, store)
    again = Rolling()
    again.restore(store.read("rolling"), never)
    now = NOW + 62 * MINUTE_NS

    assert list(rolling.values(now)) == list(again.values(now))
    assert {"billing": 0.0} == {workflow: value for window, workflow, _, value in again.values(now) if window == "1h"}
    list(again.values(NOW + 2 * DAY))
    saved(again, store)
    assert {} == store.rows["rolling"]


def test_counters_write_what_changed_and_count_on() -> None:
    """What was counted before they are restored comes on top."""
    counters, store = Counters(), Store()
    counters.add("a")
    counters.add("b", 2, reason="x", kind="y")
    assert (2, 0) == saved(counters, store)
    counters.add("a")
    assert (1, 0) == saved(counters, store)
    again = Counters()
    again.add("a", 5)
    again.restore(store.read("counters"), never)

    assert {("a", ()): 7, ("b", (("kind", "y"), ("reason", "x"))): 2} == again.snapshot()
    assert (1, 0) == saved(again, store)


def test_what_was_told_of_the_counters_is_not_new() -> None:
    """Points go on with the start they had, and without another zero."""
    counters, store = Counters(), Store()
    own = OwnPoints(counters, 100)
    counters.add("a")
    list(own.points(200))
    assert (1, 0) == saved(own, store)
    assert (0, 0) == saved(own, store)
    again = OwnPoints(counters, 500)
    again.restore(store.rows["meta"][b"told"], never)
    counters.add("b")

    assert [("a", 100, 300, 1), ("b", 100, 200, 0), ("b", 100, 300, 1)] == [
        (point.metric.name, point.start_ns, point.time_ns, point.value) for point in again.points(300)
    ]


def test_closed_calls_are_forgotten_in_the_order_they_closed() -> None:
    """Also after a restart, which gives each of them its whole time again."""
    closed, store = Closed(2, 100), Store()
    closed.track()
    for number, call_id in enumerate(["z", "a", "m"]):
        closed.add(call_id, 1_000 + number, number)
    closed.forget_old(5)
    saved(closed, store)
    again = Closed(2, 100)
    again.restore(sorted(store.read("closed")), never)
    again.begin_anew(1_000)
    again.track()

    assert [None, 1_001, 1_002] == [again.last_event_ns(call_id) for call_id in ["z", "a", "m"]]
    again.forget_old(1_099)
    assert 2 == len(again)
    again.add("x", 2_000, 1_099)
    again.forget_old(1_099)
    assert [None, 1_002, 2_000] == [again.last_event_ns(call_id) for call_id in ["a", "m", "x"]]
    again.forget_old(1_100)
    assert (1, 2) == saved(again, store)


def test_a_clock_that_jumped_is_no_quiet(timeline: Any) -> None:
    """Forward or back: told of it, the book waits as long as it would have, and remembers closed calls as long."""
    for jump in (7_200 * S, -7_200 * S):
        state = state_of(NOW)
        over, open_call = timeline("over").started().ends(1.0).events, timeline("open").started().speaks("r1", 1.0, 2.0).events
        for event in [*over, *open_call]:
            state.join(event, NOW)
        (settled,) = [item for item in state.book.tick(NOW + 16 * S) if item.whole]
        now = NOW + 16 * S + jump
        state.book.begin_anew(now)

        assert "over" == settled.record.call_id
        assert [] == list(state.book.tick(now + 299 * S))
        assert "late" == state.join(over[0], now + 299 * S)
        assert ["open"] == [item.record.call_id for item in state.book.tick(now + 300 * S)]


def test_what_takes_the_place_of_the_same_event_does_so_after_a_restart(timeline: Any) -> None:
    """Told twice differently, and the second telling is the one that counts: the row or the log has that one."""
    (first,) = timeline("c").started().events
    first.attributes = {**first.attributes, "voice.workflow": "b"}
    (other,) = timeline("c").started().events
    other.attributes = {**other.attributes, "voice.workflow": "a"}
    kept = set()
    for one, two in ((first, other), (other, first)):
        state, store = state_of(NOW), Store()
        assert "joined" == state.join(one, NOW)
        store.commit(1, state.changes(1, NOW))
        assert "duplicate" == state.join(two, NOW)
        store.commit(2, state.changes(2, NOW))
        again = store.restored(NOW)
        assert contents(state) == contents(again)
        (settled,) = again.book.settle_all()
        kept.add(settled.record.workflow)

    assert 1 == len(kept)


def test_a_book_that_notes_nothing_saves_nothing() -> None:
    """Asked for changes that it never noted, it says so."""
    book = CallBook(lambda facts: None, "p", lambda call_id: (b"", b""))
    with pytest.raises(RuntimeError, match="tracked"):
        book.save(Rows(), 1, NOW)
    with pytest.raises(RuntimeError, match="tracked"):
        book.restore(lambda database: [], [], NOW, never)
