"""The book of open calls settles once, by two clocks, within bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor.calls import Bounds, CallBook, S
from otel_voice_processor.model import Ruling

NOW = 1_800_000_000 * S


def rule(facts: object) -> Ruling:
    return Ruling(
        action="wait", effect="keep", input_class="unknown", rule="r", reason="", confidence=0.0, policy_version="p", protected=False
    )


@pytest.fixture
def book() -> CallBook:
    return CallBook(rule, "p", lambda call_id: (b"t" * 16, b"r" * 8), Bounds(max_calls=2, max_events=30))


@pytest.fixture
def interrupted(timeline: Any) -> Any:
    return timeline().started().speaks("r1", 1.0).says("no I meant Friday", 2.5, 3.6).cut("r1", 2.9).speaks("r2", 4.0, 6.0)


def test_a_call_settles_after_its_end_and_quiet(book: CallBook, interrupted: Any) -> None:
    """Ended and quiet for 15 s of the processor's clock: episode and call settle together, once."""
    for event in interrupted.ends(8.0).events:
        book.add(event, NOW)

    assert list(book.tick(NOW + 14 * S)) == []
    (settled,) = book.tick(NOW + 15 * S)
    assert settled.whole
    assert 1 == len(settled.episodes) == len(settled.record.episodes)
    assert list(book.tick(NOW + 60 * S)) == []


def test_an_episode_settles_before_its_call(book: CallBook, interrupted: Any) -> None:
    """The call's own time must have passed the episode by 10 s; the call stays open."""
    for event in interrupted.speaks("r3", 14.0, 15.0).events:
        book.add(event, NOW)
    (settled,) = book.tick(NOW + 16 * S)

    assert (len(settled.episodes), settled.whole) == (1, False)
    for event in interrupted.ends(20.0).events:
        book.add(event, NOW + 20 * S)
    (whole,) = book.tick(NOW + 40 * S)
    assert whole.episodes == ()
    assert whole.whole
    assert len(whole.record.episodes) == 1


def test_a_silent_call_expires(book: CallBook, interrupted: Any) -> None:
    """A call without an end settles after five minutes, and says so."""
    for event in interrupted.events:
        book.add(event, NOW)
    list(book.tick(NOW + 20 * S))
    (settled,) = book.tick(NOW + 300 * S)

    assert settled.whole
    assert settled.record.ended_by == "expired"


def test_late_duplicate_and_too_many_are_told_apart(book: CallBook, timeline: Any) -> None:
    """What cannot be joined is answered with its reason."""
    first = timeline("a").started().ends(1.0)
    assert [book.add(event, NOW) for event in first.events] == ["joined", "joined"]
    assert book.add(first.events[0], NOW) == "duplicate"
    list(book.tick(NOW + 20 * S))
    assert book.add(first.events[0], NOW) == "late"
    for name in ("b", "c"):
        book.add(timeline(name).started().events[0], NOW)
    assert book.add(timeline("d").started().events[0], NOW) == "too_many_calls"


def test_a_call_of_too_many_events_still_ends(book: CallBook, timeline: Any) -> None:
    """Past the bound events are refused, the end is not."""
    long = timeline("long").started()
    for number in range(40):
        long.presses(float(number))
    outcomes = [book.add(event, NOW) for event in long.ends(50.0).events]

    assert "too_many_events" in outcomes
    assert outcomes[-1] == "joined"


def test_later_evidence_of_a_settled_episode_counts_it_once(book: CallBook, timeline: Any) -> None:
    """Another emitter heard the same input begin earlier, and tells so after the episode has settled: the episode stays one."""
    call = timeline().started().speaks("r1", 1.0).says("no I meant Friday", 2.5, 3.6).cut("r1", 2.9).speaks("r2", 14.0, 15.0)
    for event in call.events:
        book.add(event, NOW)
    (early,) = book.tick(NOW + 16 * S)
    later = timeline().says("no I meant Friday", 2.2, 3.7, emitter="telephony", stretch="late").ends(20.0)
    for number, event in enumerate(later.events):
        book.add(replace(event, span_id=(900 + number).to_bytes(8, "big")), NOW + 17 * S)
    (whole,) = book.tick(NOW + 40 * S)

    assert len(early.episodes) == 1
    assert whole.episodes == ()
    assert [ep.span_id for ep in whole.record.episodes] == [early.episodes[0].span_id]
    assert whole.record.episodes[0].silence_ms is not None


def test_two_interruptions_of_one_response_both_count(book: CallBook, timeline: Any) -> None:
    """A murmur and a correction are two episodes, also where the first settled before the second came."""
    call = timeline().started().speaks("r1", 1.0, 40.0).says("uh-huh", 3.0, 3.3)
    call.event("silence.timeout", 30.0)
    for event in call.events:
        book.add(event, NOW)
    (early,) = book.tick(NOW + 16 * S)
    more = timeline().says("no I meant Friday", 20.0, 21.0).ends(60.0)
    for number, event in enumerate(more.events):
        book.add(replace(event, span_id=(900 + number).to_bytes(8, "big")), NOW + 17 * S)
    (whole,) = book.tick(NOW + 40 * S)

    assert (len(early.episodes), len(whole.episodes), len(whole.record.episodes)) == (1, 1, 2)


def test_the_order_of_arrival_decides_nothing(book: CallBook, timeline: Any) -> None:
    """Two starts in different traces, one event id on two events, one event told twice differently: one record for every order."""
    call = timeline().started().speaks("r1", 1.0, 4.0, event__id="same")
    first, start, stop = call.events
    second = replace(first, trace_id=b"u" * 16, time_ns=first.time_ns + 1, span_id=b"2" * 8)
    otherwise = replace(start, attributes={**start.attributes, "voice.agent.message.type": "greeting"}, span_id=b"3" * 8)
    records = set()
    for order in itertools.permutations([first, second, start, otherwise, stop]):
        one = CallBook(rule, "p", lambda call_id: (b"d" * 16, b"r" * 8))
        for event in order:
            one.add(event, NOW)
        (settled,) = one.settle_all()
        records.add(repr(settled.record))

    assert len(records) == 1
    assert settled.record.trace_id == first.trace_id


def test_an_event_id_used_twice_loses_no_event(book: CallBook, timeline: Any) -> None:
    """An emitter that gives every event the same id still has its call joined."""
    call = timeline().started(event__id="x").speaks("r1", 1.0, 4.0, event__id="x").ends(5.0)
    outcomes = [book.add(event, NOW) for event in call.events]

    assert outcomes == ["joined"] * 4


def test_many_ends_are_bounded(book: CallBook, timeline: Any) -> None:
    """Past the bound the first end is taken, the others are not."""
    long = timeline("long").started()
    for number in range(40):
        long.ends(50.0 + number)
    outcomes = [book.add(event, NOW) for event in long.events]

    assert outcomes.count("joined") == 30


def test_who_stops_asking_loses_no_call(timeline: Any) -> None:
    """Of three calls due at once the first is taken and no more is asked for: the next tick has the others."""
    book = CallBook(rule, "p", lambda call_id: (b"t" * 16, b"r" * 8))
    for name in ("a", "b", "c"):
        for event in timeline(name).started().ends(1.0).events:
            book.add(event, NOW)
    asked = book.due(NOW + 20 * S)
    first = next(asked)
    assert first is not None
    book.take(first, book.join(first), NOW + 20 * S)
    asked.close()

    assert {"a", "b", "c"} == {first.call_id, *(settled.record.call_id for settled in book.tick(NOW + 21 * S))}
