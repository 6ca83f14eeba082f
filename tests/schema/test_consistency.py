"""What two events of a call say against each other is told once."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

from otel_voice_schema.consistency import Calls
from otel_voice_schema.record import Record

S = 1_000_000_000


def event(name: str, at_s: float, trace: str = "1" * 32, **facts: Any) -> Record:
    attributes = {"voice.call.id": "c1"} | {f"voice.{key.replace('__', '.')}": value for key, value in facts.items()}
    return Record(name=f"voice.interruption.{name}", time_ns=int(at_s * S), start_ns=int(at_s * S), attributes=attributes, trace_id=trace)


def told(*records: Record) -> list[str]:
    calls = Calls()
    return [problem.message for record in records for problem in calls.check(record)]


def test_a_stop_before_its_start_is_told_in_any_order() -> None:
    """Response and stretch, whichever event is read first."""
    response, stretch = {"agent__response__id": "r1"}, {"caller__stretch__id": "s1"}
    for pair in permutations((event("agent.speech_started", 5, **response), event("agent.speech_stopped", 3, **response))):
        assert ["`r1` stopped 2000 ms before it started"] == told(*pair)
    for pair in permutations((event("user.speech_started", 5, **stretch), event("user.speech_stopped", 4, **stretch))):
        assert ["`s1` stopped 1000 ms before it started"] == told(*pair)


def test_a_position_beyond_the_planned_length_is_told() -> None:
    """The length is known from the start, the position from the stop."""
    start = event("agent.speech_started", 1, agent__response__id="r1", agent__response__duration_ms=2000)
    stop = event("agent.speech_interrupted", 4, agent__response__id="r1", agent__playback__position_ms=2600)

    assert ["`r1` was played to 2600 ms, beyond its planned 2000 ms"] == told(start, stop) == told(stop, start)


def test_a_call_in_two_traces_is_told_once() -> None:
    """However many events there are in the second."""
    assert 1 == len(told(event("call_started", 1), event("call_ended", 2, trace="2" * 32), event("recovered", 2, trace="2" * 32)))


def test_a_whole_call_says_nothing() -> None:
    """Pauses and resumes of one response are no contradiction."""
    part = {"agent__response__id": "r1"}

    assert [] == told(
        event("agent.speech_started", 1, **part),
        event("agent.speech_interrupted", 2, **part, agent__playback__provisional=True),
        event("agent.speech_started", 3, **part, agent__playback__resumed=True),
        event("agent.speech_stopped", 5, **part),
    )


def test_the_oldest_call_is_forgotten() -> None:
    """Memory does not grow with the file."""
    calls = Calls(most=2)
    for number in range(50):
        calls.check(replace(event("call_started", 1), attributes={"voice.call.id": f"c{number}"}))

    assert 2 == len(calls._calls)
