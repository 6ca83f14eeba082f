"""Rates from records, counters that Prometheus can read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor.capped import Capped
from otel_voice_processor.rates import rates, wilson
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import OVERFLOW
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from tests.processor.conftest import Timeline

S = 1_000_000_000


def test_wilson_is_the_published_interval() -> None:
    """10 of 20 lies between 0.299 and 0.701 (Wilson 1927, 95 %)."""
    low, high = wilson(10, 20)

    assert low == pytest.approx(0.299, abs=1e-3)
    assert high == pytest.approx(0.701, abs=1e-3)
    assert wilson(0, 0) == (None, None)


@pytest.fixture
def missed(timeline: Any) -> Any:
    return timeline("m").started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).ends(12.0, outcome="failed").record()


@pytest.fixture
def false(timeline: Any) -> Any:
    return timeline("f").started().speaks("r1", 1.0).says("uh-huh", 3.0, 3.25).cut("r1", 3.3).ends(9.0).record()


def test_seven_rates(missed: Any, false: Any) -> None:
    """One miss, one false stop: each in its own rate."""
    by_name = {rate.name: rate for rate in rates([missed, false])}

    assert len(by_name) == 7
    assert (by_name["missed_interruption"].numerator, by_name["missed_interruption"].denominator) == (1, 1)
    assert (by_name["false_interruption"].numerator, by_name["false_interruption"].denominator) == (1, 1)
    assert (by_name["task_completion"].numerator, by_name["task_completion"].denominator) == (1, 2)
    assert by_name["silence_after"].value is None


def test_no_calls_give_no_values() -> None:
    """Nothing counted is not 0 %."""
    assert [rate.value for rate in rates([])] == [None] * 7


def test_a_new_series_begins_with_zero(missed: Any) -> None:
    """A first miss is exported as 0 at the previous export, then as 1."""
    card = Scorecard(100 * S)
    assert list(card.points(160 * S)) == []
    card.count_episode(missed.episodes[0], missed, 170 * S)
    points = [point for point in card.points(220 * S) if point.metric.name == "voice.interruption.episodes"]

    assert [(point.time_ns, point.value) for point in points] == [(160 * S, 0), (220 * S, 1)]
    again = [point for point in card.points(280 * S) if point.metric.name == "voice.interruption.episodes"]
    assert [(point.time_ns, point.value) for point in again] == [(280 * S, 1)]


def test_timestamps_only_grow(missed: Any) -> None:
    """A clock that stands still or runs back exports nothing."""
    card = Scorecard(100 * S)
    card.count_call(missed, 110 * S)
    assert list(card.points(120 * S))
    assert list(card.points(120 * S)) == []
    assert list(card.points(90 * S)) == []


def test_an_export_that_told_nothing_takes_nothing_back(missed: Any) -> None:
    """The last one was taken; while the clock stands still there is none that could fail, and no second zero follows."""
    card = Scorecard(100 * S)
    card.count_call(missed, 110 * S)
    list(card.points(120 * S))
    assert [] == list(card.points(120 * S))
    card.not_taken()

    assert [1] == [point.value for point in card.points(180 * S) if point.metric.name == "voice.calls"]


def test_idle_series_are_dropped(missed: Any) -> None:
    """A series not touched for a day is no longer exported."""
    card = Scorecard(100 * S)
    card.count_call(missed, 110 * S)
    list(card.points(120 * S))

    assert list(card.points(120 * S + 25 * 3600 * S)) == []


def test_label_values_are_capped() -> None:
    """Workflows past the cap become `other`; versions keep the newest."""
    workflow, version = Capped(2), Capped(2, newest=True)

    assert [workflow(value) for value in "abca"] == ["a", "b", "other", "a"]
    assert [version(value) for value in "1232"] == ["1", "2", "3", "2"]


def test_series_past_the_bound_overflow(missed: Any, false: Any) -> None:
    """One series too many goes to the overflow series."""
    card = Scorecard(100 * S, max_series=1)
    card.count_episode(missed.episodes[0], missed, 110 * S)
    card.count_episode(false.episodes[0], false, 110 * S)
    labels = {point.labels for point in card.points(120 * S) if point.metric.name == "voice.interruption.episodes"}

    assert OVERFLOW in labels


def test_a_new_series_begins_with_zero_until_an_export_is_taken(missed: Any, false: Any) -> None:
    """After exports that failed the zero comes again, for what was new in any of them, and only then."""
    card = Scorecard(100 * S)

    def exported(at: int) -> list[tuple[int, int]]:
        return [(p.time_ns // S, p.value) for p in card.points(at * S) if p.metric.name == "voice.interruption.episodes"]

    card.count_episode(missed.episodes[0], missed, 110 * S)
    assert exported(120) == [(100, 0), (120, 1)]
    card.not_taken()
    card.count_episode(false.episodes[0], false, 130 * S)
    assert exported(140) == [(120, 0), (140, 1), (120, 0), (140, 1)]
    card.not_taken()
    card.not_taken()
    assert exported(160) == [(140, 0), (160, 1), (140, 0), (160, 1)]
    assert exported(180) == [(180, 1), (180, 1)]
    card.not_taken()
    assert exported(200) == [(200, 1), (200, 1)]


def test_what_nobody_has_is_told_again(missed: Any) -> None:
    """Rewound to the last export that was taken, a new series has its zero there, though its count came at a later time."""
    card = Scorecard(100 * S)
    assert list(card.points(120 * S)) == []
    assert 120 * S == card.exported_ns
    list(card.points(3_720 * S))
    card.count_call(missed, 3_730 * S)
    card.not_taken()
    card.rewind(120 * S)
    points = [(p.time_ns // S, p.start_ns // S, p.value) for p in card.points(180 * S) if p.metric.name == "voice.calls"]

    assert [(120, 120, 0), (180, 120, 1)] == points


def test_no_series_is_idle_because_the_clock_was_set(missed: Any) -> None:
    """A day forward drops none; a day without a count does."""
    card = Scorecard(100 * S)
    card.count_call(missed, 110 * S)
    list(card.points(120 * S))
    day = 25 * 3600 * S
    card.begin_anew(day)
    assert list(card.points(day + S))
    assert [] == [p for p in card.points(2 * day + S) if p.metric.name == "voice.calls"]


def test_versions_in_turns_do_not_push_each_other_out_for_ever() -> None:
    """A version that was pushed out is `other` when it comes again; it is not the newest."""
    version = Capped(2, newest=True)

    assert [version(value) for value in "1233121"] == ["1", "2", "3", "3", "other", "2", "other"]


def test_a_repeat_is_counted_only_where_its_episode_is(missed: Any) -> None:
    """An undetermined episode is in no denominator, so its repeat is in no numerator."""
    card = Scorecard(100 * S)
    for verdict in ("undetermined", "missed_interruption"):
        card.count_aftermath(replace(missed.episodes[0], verdict=verdict, repeated=True), missed, 110 * S)
    found = [point.value for point in card.points(120 * S) if point.metric.name == "voice.interruption.repeats"]

    assert found == [0, 1]


def test_the_agents_name_is_a_label_by_setting(missed: Any) -> None:
    """Where it is asked for, on every series of episodes and calls; else nowhere."""

    def names(card: Scorecard) -> set[str]:
        card.count_episode(missed.episodes[0], missed, 110 * S)
        card.count_call(missed, 110 * S)
        labels = [dict(point.labels) for point in card.points(120 * S) if "scorecard" not in point.metric.name]
        return {str(each.get("gen_ai.agent.name")) for each in labels}

    assert {"None"} == names(Scorecard(100 * S))
    assert {"unknown"} == names(Scorecard(100 * S, by_agent=True))


def test_rates_of_the_last_hour_and_day(missed: Any, false: Any) -> None:
    """Shares per workflow and window, with what is older gone; no window that counted nothing is told."""
    card = Scorecard(0)
    card.count_episode(missed.episodes[0], missed, 60 * S)
    card.count_episode(replace(missed.episodes[0], verdict="correct"), missed, 3_000 * S)
    card.count_episode(false.episodes[0], false, 3_000 * S)

    def shown(at: int) -> dict[tuple[str, ...], float]:
        points = [point for point in card.points(at * S) if point.metric.name == "voice.interruption.scorecard.ratio"]
        return {tuple(str(value) for _, value in point.labels): point.total for point in points}

    assert shown(3_060) == {
        ("missed_interruption", "1h", "billing"): 0.5,
        ("missed_interruption", "24h", "billing"): 0.5,
        ("false_interruption", "1h", "billing"): 1.0,
        ("false_interruption", "24h", "billing"): 1.0,
    }
    assert shown(3_700)[("missed_interruption", "1h", "billing")] == 0.0
    assert {window for _, window, _ in shown(10_000)} == {"24h"}
    assert shown(100_000) == {}


def test_a_workflow_that_goes_back_finds_its_version_again() -> None:
    """Workflows with versions of their own, each released time and again, do not push each other out; nor does going back make `other`."""
    card = Scorecard(0)
    record = Timeline("c").started().speaks("r1", 1.0, 9.0).ends(12.0).record()
    released = [(f"flow {number % 12}", f"{number % 12} v{number // 12}") for number in range(96)]
    for workflow, version in [*released, *released[:12]]:
        card.count_call(replace(record, workflow=workflow, policy_version=version), 1)
    told = [dict(point.labels) for point in card.points(2) if point.metric.name == m.CALLS]

    assert {workflow for workflow, _ in released} == {each[a.VOICE_WORKFLOW] for each in told}
    assert {version for _, version in released} == {each[a.VOICE_AGENT_POLICY_VERSION] for each in told}


def test_the_ten_newest_versions_of_a_workflow_are_told() -> None:
    """In whatever order they came; more would be series without use, and they would stay for good."""
    card = Scorecard(0)
    record = Timeline("c").started().speaks("r1", 1.0, 9.0).ends(12.0).record()
    for number in sorted(range(30), key=lambda number: number * 7 % 30):
        card.count_call(replace(record, policy_version=f"v{number}", start_ns=(1 + number) * S), 60 * S)
    card.count_call(replace(record, workflow="other flow", policy_version="v0", start_ns=S), 60 * S)
    told = [dict(point.labels) for point in card.points(61 * S) if point.metric.name == m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP]

    assert {("billing", f"v{number}") for number in range(20, 30)} | {("other flow", "v0")} == {
        (each[a.VOICE_WORKFLOW], each[a.VOICE_AGENT_POLICY_VERSION]) for each in told
    }
