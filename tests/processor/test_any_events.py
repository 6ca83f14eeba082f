"""Any events in any order: a record, the same one, and no exception."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otel_voice_processor.calls import CallBook
from otel_voice_processor.model import CallRecord
from otel_voice_schema.events import EVENTS

NAMES = sorted(name.removeprefix("voice.interruption.") for name, event in EVENTS.items() if not event.by_processor)
facts = st.fixed_dictionaries(
    {},
    optional={
        "agent__response__id": st.sampled_from(["r1", "r2"]),
        "caller__stretch__id": st.sampled_from(["s1", "s2"]),
        "agent__playback__provisional": st.booleans(),
        "agent__playback__resumed": st.booleans(),
        "agent__playback__end_reason": st.sampled_from(["completed", "interrupted", "failed"]),
        "agent__playback__position_ms": st.integers(0, 2**62),
        "caller__speech__duration_ms": st.integers(0, 9_000),
        "caller__input__type": st.sampled_from(["speech", "dtmf", "command"]),
        "caller__transcript__text": st.sampled_from(["no, Friday", "uh-huh", "", "I need a human"]),
        "caller__transcript__status": st.sampled_from(["final", "partial", "empty", "unavailable"]),
        "caller__transcript__evidence_time_ms": st.integers(-(2**62), 2**62),
        "interruption__decision__action": st.sampled_from(["stop_agent_audio_and_accept_user_turn", "nonsense"]),
        "silence__elapsed_ms": st.integers(0, 9_000),
        "event__id": st.sampled_from(["e1", "e2"]),
    },
)
soups = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([x / 4 for x in range(60)]), st.sampled_from(["agent", "sip"]), facts), max_size=25
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(soup=soups, seed=st.integers(0, 2**16))
def test_any_soup_gives_one_record(timeline: Any, soup: list[tuple[str, float, str, dict[str, object]]], seed: int) -> None:
    """Nothing raises, whatever comes, and the order of arrival changes nothing."""
    call = timeline()
    for name, at, emitter, told in soup:
        call.event(name, at, emitter=emitter, **told)
    shuffled = list(call.events)
    random.Random(seed).shuffle(shuffled)

    assert call.record() == call.record(events=shuffled)
    assert booked(call.events) == booked(shuffled + shuffled[::3])


def booked(events: list[Any]) -> CallRecord | None:
    """Return the record that the book makes of events in this order."""
    book = CallBook(lambda facts: None, "p", lambda call_id: (b"t" * 16, b"r" * 8))
    for event in events:
        book.add(event, event.time_ns)
    return next((settled.record for settled in book.settle_all()), None)
