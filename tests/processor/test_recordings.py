"""Calls while they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.recordings import MAX_OF_CALL, Recording, Recordings
from otel_voice_schema.events import SCHEMA_VERSION
from otel_voice_schema.record import Record

from tests.processor.conftest import Timeline


def records(events: Iterable[VoiceEvent]) -> list[Record]:
    return [
        Record(
            name=event.name,
            time_ns=event.time_ns,
            start_ns=event.start_ns,
            attributes={**event.attributes, "voice.schema.version": SCHEMA_VERSION},
            trace_id="ab" * 16,
            span_id=(index + 1).to_bytes(8, "big").hex(),
        )
        for index, event in enumerate(events)
    ]


def call(name: str, count: int = 4) -> list[Record]:
    timeline = Timeline(name).started()
    for number in range(count - 1):
        timeline.event("user.speech_started", 1.0 + number)
    return records(timeline.events)


def taken(held: Recordings, given: Iterable[Record]) -> list[Recording]:
    return [recording for record in given for recording in held.add(record)]


def test_calls_that_are_mixed_come_out_whole() -> None:
    """Events of many calls, one by one in turn, in any order, and twice."""
    mixed = [record for pair in zip(call("a"), reversed(call("b")), strict=True) for record in pair]
    held = Recordings()
    taken(held, mixed + mixed)
    found = {recording.call_id: recording for recording in held.rest()}

    assert {"a": 4, "b": 4} == {name: len(recording.events) for name, recording in found.items()}
    for recording in found.values():
        assert sorted(event.time_ns for event in recording.events) == [event.time_ns for event in recording.events]


def test_what_is_held_is_bounded() -> None:
    """Past the bound the call that was silent longest is let go; what comes for it afterwards is counted as late."""
    held = Recordings(most=10)
    gone = taken(held, [*call("a"), *call("b"), *call("c")])
    late = taken(held, call("a")[:1])

    assert (["a"], 4) == ([recording.call_id for recording in gone], len(gone[0].events))
    assert (["b"], 1) == ([recording.call_id for recording in late], held.late)
    assert ["c", "a"] == [recording.call_id for recording in held.rest()]


def test_one_call_alone_is_held_by_its_id_or_its_trace() -> None:
    """Of the others only their ids are known, by their newest event."""
    for only, found in (("a", ["a"]), ("ab" * 16, ["a", "b"]), ("zz", [])):
        held = Recordings(only=only)
        taken(held, [*call("a"), *call("b", 6)])

        assert found == [recording.call_id for recording in held.rest()]
        assert ["a", "b"] == sorted(held.newest)
        assert held.newest["a"] < held.newest["b"]


def test_an_endless_call_is_cut_and_says_so() -> None:
    """Its end is kept all the same."""
    timeline = Timeline("a").started()
    held = Recordings(most=10 * MAX_OF_CALL)
    (first,) = records(timeline.events)
    taken(
        held,
        (replace(first, time_ns=first.time_ns + n, start_ns=first.start_ns + n, span_id=f"{n + 9:016x}") for n in range(MAX_OF_CALL + 5)),
    )
    taken(held, records(Timeline("a").ends(9_000.0).events))
    (recording,) = held.rest()

    assert (MAX_OF_CALL + 1, 5) == (len(recording.events), recording.dropped)
    assert recording.events[-1].name.endswith("call_ended")


def test_events_without_a_call_or_a_judge_are_counted() -> None:
    """A name that nobody knows belongs to its call, one without a call to none."""
    (first, *_) = call("a")
    held = Recordings()
    taken(held, [replace(first, attributes={}), replace(first, name="voice.interruption.nonsense"), first])
    (recording,) = held.rest()

    assert (1, 1, 1) == (held.nameless, recording.unjudged, len(recording.events))
