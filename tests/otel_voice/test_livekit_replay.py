"""Recorded LiveKit calls, replayed: the events that come out, in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_voice.integrations import livekit
from otel_voice.testing import CapturedEvent, capture_events

FIXTURE = Path(__file__).parents[2] / "processor/otel_voice_processor/data/livekit.jsonl"
ORIGIN = 1_786_701_600_000_000_000
OPENING = ["call_started", "user.speech_started", "user.transcript", "user.transcript", "user.speech_stopped", "agent.speech_started"]
ONSET = ["user.speech_started", "candidate_detected"]
TEXTS = ["user.transcript", "user.transcript"]
CUT = ["decision_made", "agent.speech_interrupted", "agent.speech_stopped"]
PAUSE = ["decision_made", "agent.speech_interrupted"]
ANSWER = ["agent.speech_started", "agent.speech_stopped"]
STOPPED = ["user.speech_stopped"]
EXPECTED = {
    "true_correction": [*ONSET, *CUT, *TEXTS, *STOPPED, "recovered", *ANSWER],
    "true_correction_pausable_output": [*ONSET, *PAUSE, *TEXTS, *CUT, *STOPPED, "recovered", *ANSWER],
    "backchannel": [*ONSET, *TEXTS, *STOPPED, "agent.speech_stopped"],
    "dtmf": ["candidate_detected", *CUT],
    "false_interruption": [
        *ONSET, *PAUSE, *STOPPED, "agent.speech_started", "recovered", "false_positive", "user.transcript", "agent.speech_stopped",
    ],
    "false_interruption_no_pause_support": [*ONSET, *CUT, *STOPPED, "user.transcript"],
    "silence_timeout": ["agent.speech_stopped", "silence.timeout"],
    "escalation": [*ONSET, *CUT, *TEXTS, *STOPPED, "recovered"],
    "non_interruptible_disclosure": [*ONSET, *TEXTS, *STOPPED, "agent.speech_stopped"],
}  # fmt: skip


def replay(scenario: str) -> list[CapturedEvent]:
    with capture_events() as events:
        listener = livekit.instrument(None, call_id="call_1", clock=lambda: ORIGIN)
        for line in FIXTURE.read_text().splitlines():
            item = json.loads(line)
            if item["kind"] == "message" and item["scenario"] == scenario:
                msg = item["msg"]
                listener.handle(msg["event"], msg["payload"], item["channel"], ORIGIN + item["t_ms"] * 1_000_000)
    return events


def short(events: list[CapturedEvent]) -> list[str]:
    return [event.name.removeprefix("voice.interruption.") for event in events]


@pytest.mark.parametrize("scenario", EXPECTED)
def test_events_in_order(scenario: str) -> None:
    """Each recorded call gives exactly these events."""
    assert [*OPENING, *EXPECTED[scenario], "call_ended"] == short(replay(scenario))


def test_a_pause_is_provisional_and_confirmed_at_the_same_position() -> None:
    """Where output can pause, the provisional interruption comes first; the final one tells position and boundary."""
    first, final = [e.attributes for e in replay("true_correction_pausable_output") if e.name.endswith("speech_interrupted")]

    assert (first["voice.agent.playback.provisional"], first["voice.agent.playback.position_ms"]) == (True, 1649)
    assert (final["voice.agent.playback.position_ms"], final["voice.agent.heard_text.boundary"]) == (1649, 41)


def test_no_words_is_told_as_inferred() -> None:
    """Silence of the recogniser for 2.5 s after speech stopped is `empty`, marked as inferred."""
    last = [e for e in replay("false_interruption") if e.name.endswith("user.transcript")][-1]

    assert (last.attributes["voice.caller.transcript.status"], last.attributes["voice.caller.transcript.inferred"]) == ("empty", True)
    assert last.time_ns == ORIGIN + 5_152_000_000


def test_a_handoff_to_a_human_is_an_escalation() -> None:
    """The call's end tells it."""
    assert replay("escalation")[-1].attributes["voice.call.escalated"] is True
    assert replay("dtmf")[-1].attributes["voice.call.escalated"] is False


def test_silence_is_measured_from_the_last_activity() -> None:
    """The span of the timeout is the silence."""
    (event,) = [e for e in replay("silence_timeout") if e.name.endswith("silence.timeout")]

    assert event.attributes["voice.silence.elapsed_ms"] == 1_002
