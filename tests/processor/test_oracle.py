"""Judgement against the simulator's truth: all of it on complete evidence, nothing wrong where evidence is withheld, in any order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_voice_processor.calls import CallBook, S
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import Point
from otel_voice_processor.settling import Settled
from otel_voice_processor.simulate import LEVELS, events_of, simulate

from tests.processor.oracle import START, book_of, compared, judged


@pytest.mark.parametrize("keep_text", [True, False])
def test_complete_evidence_gives_the_truth(keep_text: bool) -> None:
    """Verdict, intent, audio, tries, repeats, silence, resume, and what was no interruption: as caller and player had it."""
    differences = [each for script in simulate(5, 400) for each in compared(script, judged(script, keep_text=keep_text)).differences]

    assert [] == differences


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_calls_on_complete_evidence(seed: int) -> None:
    """Whatever the seed."""
    assert [] == [each for script in simulate(seed, 4) for each in compared(script, judged(script)).differences]


HARMLESS = [("slow_recogniser", level) for level in LEVELS["slow_recogniser"]] + [("skew", "-150ms"), ("skew", "+0ms"), ("skew", "+150ms")]


@pytest.mark.parametrize(("what", "level"), HARMLESS)
def test_what_costs_no_verdict(what: str, level: str) -> None:
    """A slow recogniser, and clocks that differ by no more than the tolerance: late or shifted, never wrong."""
    told: Counter[str] = Counter()
    for script in simulate(6, 120):
        told += compared(script, judged(script, impairments=LEVELS[what][level])).told

    assert {"right"} == set(told)


@pytest.mark.parametrize("what", sorted(LEVELS["withheld"]))
def test_what_a_runtime_never_tells_is_undetermined_not_wrong(what: str) -> None:
    """A kind of evidence that never comes costs the verdicts that hang on it; those that are left are right."""
    told: Counter[str] = Counter()
    for script in simulate(6, 120):
        told += compared(script, judged(script, impairments=LEVELS["withheld"][what])).told

    assert (0, 0) == (told["wrong"], told["nobody's"])


def test_a_runtime_that_is_deaf_while_it_speaks_shows_no_call_without_interruption() -> None:
    """Where no input is reported while the agent speaks, no call counts as one that nobody interrupted."""
    deaf = LEVELS["withheld"]["caller_while_agent_speaks"]
    records = [judged(script, impairments=deaf) for script in simulate(6, 60)]

    assert "none" not in {record.interrupted for record in records}


def of_calls(seed: int, calls: int) -> list[VoiceEvent]:
    return [
        event
        for number, script in enumerate(simulate(seed, calls))
        for event in events_of(script, start_ns=START + number * 5 * S, keep_text=True)
    ]


def counted(settled: Iterator[Settled], card: Scorecard, now: int) -> list[str]:
    """Count what settled, and return its episodes."""
    told = []
    for item in settled:
        for episode in item.episodes:
            card.count_episode(episode, item.record, now)
            told.append(repr((episode.span_id, episode.verdict, episode.reason, episode.intent, episode.net_audio, episode.start_ns)))
        for episode in item.aftermaths:
            card.count_aftermath(episode, item.record, now)
            told.append(repr((episode.span_id, episode.silence_ms, episode.answered, episode.repeated)))
        if item.whole:
            card.count_call(item.record, now)
            told.append(repr((item.record.call_id, item.record.interrupted, item.record.turn_overlaps, item.record.unknown_ends)))
    return told


def values(card: Scorecard, now: int) -> list[tuple[object, ...]]:
    points: list[Point] = sorted(card.points(now), key=lambda point: (point.metric.name, repr(point.labels), point.time_ns))
    return [(point.metric.name, point.labels, point.value, point.counts, round(point.total, 6)) for point in points]


def scored(book: CallBook, batches: list[list[VoiceEvent]], apart_ns: int) -> tuple[list[str], list[tuple[object, ...]]]:
    """Deliver the batches so far apart, with a tick after each, and let everything settle."""
    card, told, now = Scorecard(START), [], START + 3_600 * S
    for batch in batches:
        for event in batch:
            book.add(event, now)
        now += apart_ns
        told += counted(book.tick(now), card, now)
    end = START + 7_200 * S
    told += counted(book.tick(end), card, end)
    return sorted(told), values(card, end + S)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), again=st.integers(0, 400), batches=st.integers(1, 40), dice=st.integers(0, 2**32))
def test_order_duplicates_and_batches_change_nothing(seed: int, again: int, batches: int, dice: int) -> None:
    """Any permutation inside the settling allowance, with duplicates, in any batches: the same episodes and the same scorecard."""
    events = of_calls(seed, 5)
    expected = scored(book_of(), [events], S)
    shuffled = events + events[:again]
    random.Random(dice).shuffle(shuffled)
    size = -(-len(shuffled) // batches)
    parts = [shuffled[at : at + size] for at in range(0, len(shuffled), size)]

    assert expected == scored(book_of(), parts, min(S, 14 * S // len(parts)))


def test_a_call_as_it_happens_scores_as_it_does_afterwards() -> None:
    """Delivered live, in the order and at the time it happened, with a tick every second: the same as all of it at once."""
    for number, script in enumerate(simulate(31, 40)):
        events = sorted(events_of(script, start_ns=START, keep_text=True), key=lambda event: event.time_ns)
        at_once = scored(book_of(), [events], S)
        book, card, told, now = book_of(), Scorecard(START), [], START
        for event in events:
            while now + S <= event.time_ns:
                now += S
                told += counted(book.tick(now), card, now)
            book.add(event, event.time_ns)
        end = now + 400 * S
        while now < end:
            now += S
            told += counted(book.tick(now), card, now)

        assert at_once == (sorted(told), values(card, end + S)), number
