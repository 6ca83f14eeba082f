"""Recorded LiveKit calls through the adapter and the judge: the verdict that a reviewer gives from reading the messages."""

from __future__ import annotations

import pytest
from otel_voice_processor.cli.recorded import recorded, replay
from otel_voice_processor.config import Config
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.service import Service

from otel_voice.testing import capture_events

START = 1_800_000_000 * 10**9
SCENARIOS = {scenario.name: scenario for scenario in recorded()}

# scenario, verdicts, net audio, resume; why
REVIEWED = [
    ("true_correction", ["correct"], ["stopped"], "cut 0.26 s after `No I meant Friday` began, never resumed"),
    (
        "true_correction_pausable_output",
        ["correct"],
        ["stopped"],
        "paused after 0.26 s, confirmed later: silence began at the pause",
    ),
    ("backchannel", ["correct"], ["kept"], "`uh-huh`, and the agent went on to the end"),
    ("dtmf", ["correct"], ["stopped"], "key 2 in a menu, cut at once"),
    ("false_interruption", ["false_interruption"], ["paused_resumed"], "no words came; paused 1.4 s, then resumed"),
    ("false_interruption_no_pause_support", ["false_interruption"], ["stopped"], "no words came; the answer was cut for good"),
    ("stock_uh_huh", ["false_interruption"], ["stopped"], "0.25 s of `uh-huh`, and six of eight seconds were never heard"),
    ("silence_timeout", [], [], "the caller went away after the agent had finished: no interruption"),
    ("escalation", ["correct"], ["stopped"], "cut 0.26 s after `I need a human` began, then handed over"),
    ("non_interruptible_disclosure", ["correct"], ["kept"], "`okay yes` while nothing was asked, and the agent went on"),
]


def record(name: str) -> CallRecord:
    with capture_events() as events:
        replay(SCENARIOS[name], None, call_id=name, start_ns=START)  # type: ignore[arg-type]  # captured before any provider
    service = Service(Config())
    for number, event in enumerate(events):
        found = VoiceEvent(
            name=event.name,
            call_id=name,
            time_ns=event.time_ns,
            start_ns=event.start_ns,
            trace_id=b"t" * 16,
            span_id=number.to_bytes(8, "big"),
            attributes=event.attributes,  # type: ignore[arg-type]
        )
        service._state.join(found, START)
    (settled,) = service._state.book.settle_all()
    assert settled.record is not None
    return settled.record


def test_every_recorded_scenario_was_reviewed() -> None:
    """No recording goes without a verdict decided by hand."""
    assert sorted(SCENARIOS) == sorted(name for name, *_ in REVIEWED)


@pytest.mark.parametrize(("name", "verdicts", "audio", "why"), REVIEWED, ids=[row[0] for row in REVIEWED])
def test_the_verdict_is_a_reviewers(name: str, verdicts: list[str], audio: list[str], why: str) -> None:
    """The verdict and what the caller heard are as read from the messages."""
    found = record(name)

    assert verdicts == [episode.verdict for episode in found.episodes], why
    assert audio == [episode.net_audio for episode in found.episodes], why


def test_a_silence_and_a_hand_over_are_counted() -> None:
    """The away state is a silence timeout; a hand-over to a person is an escalation that was asked for."""
    assert 1 == len(record("silence_timeout").silence_timeouts)
    assert record("escalation").escalation_asked
    assert record("escalation").escalated is True


def test_a_resume_at_the_pause_is_clean() -> None:
    """LiveKit resumes where it paused."""
    assert "clean" == record("false_interruption").episodes[0].resume
