"""Since when a version is seen: the earliest beginning of its calls, in any order, bounded, and the same after a restart at any point."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_voice_processor.first_seen import AGE_NS, PREFIX
from otel_voice_processor.model import UNVERSIONED, CallRecord
from otel_voice_processor.rows import Rows, packed_row
from otel_voice_processor.scorecard import Scorecard
from otel_voice_schema import metrics as m

from tests.processor.conftest import Timeline
from tests.processor.oracle import START
from tests.processor.state_store import Store

pytestmark = pytest.mark.usefixtures("five_versions")

S = 1_000_000_000
DAY = 24 * 3_600 * S
SEEN = m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP


@pytest.fixture(scope="module")
def record() -> CallRecord:
    return Timeline("c").started().speaks("r1", 1.0, 9.0).ends(12.0).record()


def call(record: CallRecord, version: str, began_s: float, workflow: str = "billing") -> CallRecord:
    return replace(record, workflow=workflow, policy_version=version, start_ns=START + round(began_s * S))


def seen(card: Scorecard, at_ns: int) -> dict[tuple[str, str], float]:
    """What is exported, in seconds after `START`, by version and workflow."""
    points = [point for point in card.points(at_ns) if point.metric.name == SEEN]
    found = {(str(point.labels[0][1]), str(point.labels[1][1])): point.total - START / S for point in points}
    assert len(points) == len(found)
    return found


def saved(card: Scorecard, store: Store) -> list[bytes]:
    """Save all of a card; return the keys of what was written and deleted of this."""
    rows = Rows()
    card.save(rows)
    for database, key, value in rows.puts():
        store.rows[database][key] = value
    for database, key in rows.deletes():
        store.rows[database].pop(key, None)
    return [key for _, key, *_ in [*rows.puts(), *rows.deletes()] if key.startswith(PREFIX)]


def restored(store: Store, damaged: list[bytes] | None = None) -> Scorecard:
    def note(database: str, key: bytes) -> None:
        assert damaged is not None, (database, key)
        damaged.append(key)

    card = Scorecard(START)
    card.track()
    card.restore(store.read, note)
    return card


def test_the_earliest_beginning_counts_by_workflow_and_version(record: CallRecord) -> None:
    """A call that began before another settles after it; a gauge's point has seconds, and the two labels alone."""
    card = Scorecard(START)
    for each in (call(record, "v1", 60), call(record, "v1", 20.5), call(record, "v1", 90), call(record, "v1", 70, "support")):
        card.count_call(each, START + 300 * S)
    (one, other) = [point for point in card.points(START + 360 * S) if point.metric.name == SEEN]

    assert (("voice.agent.policy.version", "v1"), ("voice.workflow", "billing")) == one.labels
    assert (("voice.agent.policy.version", "v1"), ("voice.workflow", "support")) == other.labels
    assert (1_790_000_020.5, 1_790_000_070.0) == (one.total, other.total)
    assert {START + 360 * S} == {one.time_ns, other.time_ns}
    assert ("gauge", "s", set(m.METRICS[SEEN].labels)) == (one.metric.instrument, one.metric.unit, {key for key, _ in one.labels})


def test_a_rollback_is_no_new_version(record: CallRecord) -> None:
    """What was there before the newest keeps its time, however often it comes again."""
    card = Scorecard(START)
    for version, began in (("v1", 10), ("v2", 20), ("v1", 30)):
        card.count_call(call(record, version, began), START + 60 * S)

    assert {("v1", "billing"): 10.0, ("v2", "billing"): 20.0} == seen(card, START + 60 * S)


@pytest.mark.parametrize("began_ns", [0, -5 * S, START + 60 * S + 1, START + 60 * S - AGE_NS - 1])
def test_a_beginning_that_is_unknown_or_absurd_does_not_count(record: CallRecord, began_ns: int) -> None:
    """Not told, before 1970, in the future, or so long ago that a clock stood wrong: the call is counted, the next one says since when."""
    card, now = Scorecard(START), START + 60 * S
    card.count_call(replace(call(record, "v1", 0), start_ns=began_ns), now)
    points = list(card.points(now))

    assert ["voice.calls"] * 2 == [point.metric.name for point in points]
    card.count_call(call(record, "v1", 60), now)
    assert {("v1", "billing"): 60.0} == seen(card, now + 1)


@pytest.mark.parametrize("began_ns", [START + 60 * S, START + 60 * S - AGE_NS])
def test_a_beginning_at_a_bound_counts(record: CallRecord, began_ns: int) -> None:
    """This very moment, and a month ago."""
    card = Scorecard(START)
    card.count_call(replace(call(record, "v1", 0), start_ns=began_ns), START + 60 * S)

    assert {("v1", "billing"): (began_ns - START) / S} == seen(card, START + 60 * S)


def test_what_is_no_version_is_not_told(record: CallRecord) -> None:
    """Calls without one, and label values past the cap."""
    card, now = Scorecard(START), START + 600 * S
    card.count_call(call(record, UNVERSIONED, 1), now)
    for number in range(205):
        card.count_call(call(record, "v1", number, f"w{number}"), now)
    told = seen(card, now)

    assert {("v1", f"w{number}") for number in range(199)} == told.keys()  # with `billing`, 200


def test_a_retired_version_ends_and_does_not_come_again(record: CallRecord) -> None:
    """The sixth version pushes the first out, in all workflows; if that comes again it is `other`, which tells nothing."""
    card, now = Scorecard(START), START + 600 * S
    for number in range(6):
        card.count_call(call(record, f"v{number}", number), now)
        card.count_call(call(record, f"v{number}", number, "support"), now)
    card.count_call(call(record, "v0", 500), now)

    assert {(f"v{number}", workflow) for number in range(1, 6) for workflow in ("billing", "support")} == seen(card, now).keys()


def test_an_idle_version_stays(record: CallRecord) -> None:
    """Its counters end after a day; the version before the newest must stay known."""
    card = Scorecard(START)
    card.count_call(call(record, "v1", 10), START + 60 * S)
    list(card.points(START + 60 * S))
    points = list(card.points(START + 40 * DAY))

    assert [(SEEN, 1_790_000_010.0)] == [(point.metric.name, point.total) for point in points]


def test_it_is_told_with_each_push_at_later_times(record: CallRecord) -> None:
    """Also after one that was not taken, and never at a moment that is not later than the last."""
    card = Scorecard(START)
    card.count_call(call(record, "v1", 10), START + 60 * S)
    times = []
    for at in (60, 120, 120, 110, 180):
        times += [point.time_ns for point in card.points(START + at * S) if point.metric.name == SEEN]
        card.not_taken()

    assert [START + at * S for at in (60, 120, 180)] == times


def test_only_what_changed_is_written(record: CallRecord) -> None:
    """A row when a pair is new or began earlier, none for other calls; a version that is retired takes its rows along."""
    card, store, now = restored(Store()), Store(), START + 600 * S
    card.count_call(call(record, "v0", 60), now)
    (key,) = saved(card, store)
    card.count_call(call(record, "v0", 60), now)
    card.count_call(call(record, "v0", 70), now)
    assert [] == saved(card, store)
    card.count_call(call(record, "v0", 50), now)
    assert [key] == saved(card, store)
    assert {("v0", "billing"): 50.0} == seen(restored(store), now)
    for number in range(1, 6):
        card.count_call(call(record, f"v{number}", number), now)
    assert 6 == len(saved(card, store))
    assert 5 == sum(row.startswith(PREFIX) for row in store.rows["meta"])
    assert key not in store.rows["meta"]
    card.save_all()
    assert 5 == len(saved(card, store))


def test_a_damaged_row_costs_its_own_pair_alone(record: CallRecord) -> None:
    """Cut short or of another meaning it is told, and left out; the next call says since when anew."""
    card, store, now = restored(Store()), Store(), START + 600 * S
    for version in ("v1", "v2", "v3", "v4", "v5"):
        card.count_call(call(record, version, 60), now)
    saved(card, store)
    bad = [b"\xc1", packed_row(7), packed_row("billing", "v1", "x"), packed_row("billing", "v1", 0)]
    keys = sorted(key for key in store.rows["meta"] if key.startswith(PREFIX))[:4]
    store.rows["meta"].update(zip(keys, bad, strict=True))
    damaged: list[bytes] = []
    again = restored(store, damaged)

    assert keys == sorted(damaged)
    assert 1 == len(seen(again, now))
    for version in ("v1", "v2", "v3", "v4", "v5"):
        again.count_call(call(record, version, 90), now)
    assert [60.0, *[90.0] * 4] == sorted(seen(again, now + 1).values())


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_where_the_row_of_versions_is_lost_they_are_let_through_again(record: CallRecord, damage: str) -> None:
    """Else a version that no cap knows would never be retired; the oldest goes first, as before."""
    card, store, now = restored(Store()), Store(), START + 600 * S
    for number in range(5):
        card.count_call(call(record, f"v{number}", number), now)
    saved(card, store)
    if damage == "gone":
        del store.rows["meta"][b"labels/version"]
    else:
        store.rows["meta"][b"labels/version"] = b"\xc1"
    again = restored(store, [])
    assert seen(card, now) == seen(again, now)
    again.count_call(call(record, "v5", 100), now)

    assert {f"v{number}" for number in range(1, 6)} == {version for version, _ in seen(again, now + 1)}


def test_a_row_of_a_retired_version_goes(record: CallRecord) -> None:
    """Left behind by a version of ours that did not know of these rows while it retired what they are of."""
    card, store, now = restored(Store()), Store(), START + 600 * S
    card.count_call(call(record, "v0", 1), now)
    saved(card, store)
    (old,) = [(key, row) for key, row in store.rows["meta"].items() if key.startswith(PREFIX)]
    for number in range(1, 6):
        card.count_call(call(record, f"v{number}", number), now)
    saved(card, store)
    store.rows["meta"][old[0]] = old[1]
    again = restored(store)

    assert seen(card, now) == seen(again, now)
    assert [old[0]] == saved(again, store)


CALLS = st.lists(
    st.tuples(st.sampled_from(["billing", "support", "sales"]), st.integers(0, 6), st.integers(-10, 700)), max_size=40
)  # workflow, version, when it began: some before `START`, some in the future


@settings(max_examples=100, deadline=None)
@given(calls=CALLS.map(lambda calls: [each for each in calls if each[1] < 5]), data=st.data())
def test_the_order_of_calls_does_not_matter(record: CallRecord, calls: list[tuple[str, int, int]], data: st.DataObject) -> None:
    """As long as all versions are let through; what is told is the minimum of what began by then."""
    now, wanted = START + 600 * S, dict[tuple[str, str], float]()
    for workflow, version, began in calls:
        if began <= 600:
            wanted[f"v{version}", workflow] = min(began, wanted.get((f"v{version}", workflow), 600))
    for order in (calls, data.draw(st.permutations(calls))):
        card = Scorecard(START)
        for workflow, version, began in order:
            card.count_call(call(record, f"v{version}", began, workflow), now)
        assert wanted == seen(card, now)


@settings(max_examples=100, deadline=None)
@given(calls=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 30), st.integers(-10, 700)), max_size=300))
def test_it_is_bounded_whatever_comes(record: CallRecord, calls: list[tuple[int, int, int]]) -> None:
    """200 workflows and so many versions at most as are told apart, and each is one that the counters' labels have."""
    card = Scorecard(START)
    for workflow, version, began in calls:
        card.count_call(call(record, f"v{version}", began, f"w{workflow}"), START + 600 * S)
    told = seen(card, START + 600 * S)

    assert len({version for version, _ in told}) <= 5
    assert len({workflow for _, workflow in told}) <= 200
    assert {version for version, _ in told} <= set(card._version._seen)
    assert {workflow for _, workflow in told} <= set(card._workflow._seen)
    assert all(-10 <= began <= 600 for began in told.values())


@settings(max_examples=100, deadline=None)
@given(calls=CALLS, commits=st.sets(st.integers(0, 40)), killed=st.integers(0, 40))
def test_a_restart_at_any_commit_changes_nothing(
    record: CallRecord, calls: list[tuple[str, int, int]], commits: set[int], killed: int
) -> None:
    """What was committed is told as it was, and going on from it, with the calls since counted again, comes to the same."""
    card, store, at, now = restored(Store()), Store(), 0, START + 600 * S
    whole = Scorecard(START)
    for number, (workflow, version, began) in enumerate(calls):
        each = call(record, f"v{version}", began, workflow)
        whole.count_call(each, now)
        if number < killed:
            card.count_call(each, now)
            if number in commits:
                saved(card, store)
                at = number + 1
    again = restored(store)
    for workflow, version, began in calls[at:]:
        again.count_call(call(record, f"v{version}", began, workflow), now)

    assert seen(whole, now) == seen(again, now)
