"""The book of open calls settles once, by two clocks, within bounds."""

from __future__ import annotations

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
    assert settled.record is not None
    assert 1 == len(settled.episodes) == len(settled.record.episodes)
    assert list(book.tick(NOW + 60 * S)) == []


def test_an_episode_settles_before_its_call(book: CallBook, interrupted: Any) -> None:
    """The call's own time must have passed the episode by 10 s; the call stays open."""
    for event in interrupted.speaks("r3", 14.0, 15.0).events:
        book.add(event, NOW)
    (settled,) = book.tick(NOW + 16 * S)

    assert (len(settled.episodes), settled.record) == (1, None)
    for event in interrupted.ends(20.0).events:
        book.add(event, NOW + 20 * S)
    (whole,) = book.tick(NOW + 40 * S)
    assert whole.episodes == ()
    assert whole.record is not None
    assert len(whole.record.episodes) == 1


def test_a_silent_call_expires(book: CallBook, interrupted: Any) -> None:
    """A call without an end settles after five minutes, and says so."""
    for event in interrupted.events:
        book.add(event, NOW)
    list(book.tick(NOW + 20 * S))
    (settled,) = book.tick(NOW + 300 * S)

    assert settled.record is not None
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
    assert book.add(timeline("d").started().events[0], NOW) == "overflow"


def test_a_call_of_too_many_events_still_ends(book: CallBook, timeline: Any) -> None:
    """Past the bound events are refused, the end is not."""
    long = timeline("long").started()
    for number in range(40):
        long.presses(float(number))
    outcomes = [book.add(event, NOW) for event in long.ends(50.0).events]

    assert "overflow" in outcomes
    assert outcomes[-1] == "joined"
