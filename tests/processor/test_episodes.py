"""Calls written by hand, with the answer a QA lead gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otel_voice_processor.model import CallRecord, Ruling


@pytest.fixture
def call(timeline: Any) -> Any:
    return timeline().started()


def only(record: CallRecord) -> Any:
    assert len(record.episodes) == 1, [(ep.input_class, ep.verdict) for ep in record.episodes]
    return record.episodes[0]


def test_a_correction_that_stops_the_agent_is_correct(call: Any) -> None:
    """1.53 s into a summary, silent 0.31 s later."""
    call.speaks("r1", 1.0).cut("r1", 2.84, position=1840).says("no I meant Friday", 2.53, 3.6).speaks("r2", 4.2, 6.0).ends(8.0)
    episode = only(call.record())

    assert (episode.intent, episode.net_audio, episode.verdict) == ("yes", "stopped", "correct")
    assert episode.reaction_ms == 310
    assert episode.silence_ms == 600
    assert call.record().interrupted == "handled"


def test_a_backchannel_that_kills_the_reply_is_false(call: Any) -> None:
    """A 250 ms "uh-huh" ends an eight-second reply."""
    call.speaks("r1", 1.0).says("uh-huh", 3.0, 3.25).cut("r1", 3.3, position=2300).ends(9.0)
    episode = only(call.record())

    assert (episode.intent, episode.net_audio, episode.verdict) == ("no", "stopped", "false_interruption")
    assert episode.findings == ("backchannel_confusion",)
    assert episode.answered is False


def test_three_backchannels_are_three_episodes(call: Any) -> None:
    """Backchannels stay apart; the agent that goes on is right each time."""
    call.speaks("r1", 1.0, 21.0)
    for at in (4.0, 9.0, 15.0):
        call.says("yeah", at, at + 0.3)
    record = call.ends(25.0).record()

    assert [ep.verdict for ep in record.episodes] == ["correct"] * 3
    assert record.interrupted == "none"


def test_a_late_recogniser_makes_a_miss_of_a_resume(call: Any) -> None:
    """Paused, resumed at 2.0 s, text at 2.3 s, the agent goes on: a miss, whatever the runtime called it."""
    call.speaks("r1", 1.0, 12.0).cut("r1", 3.2, provisional=True).resumes("r1", 5.2)
    call.says("no that is the wrong date", 3.0, 4.0, told=5.4).says("the wrong date", 13.0, 14.0).ends(20.0)
    episode = only(call.record())

    assert (episode.net_audio, episode.verdict, episode.reason) == ("paused_resumed", "missed_interruption", "resumed_over_caller")
    assert episode.repeated


def test_a_cough_that_pauses_the_agent_is_false_but_split(call: Any) -> None:
    """A pause that resumes is a false interruption with its own net audio, resumed cleanly."""
    call.speaks("r1", 1.0, 9.0).says(None, 3.0, 3.2, status="empty").cut("r1", 3.3, provisional=True, position=2300).resumes(
        "r1", 3.7, 2300
    )
    episode = only(call.ends(12.0).record())

    assert (episode.net_audio, episode.verdict, episode.resume) == ("paused_resumed", "false_interruption", "clean")


def test_protected_content_does_not_hide_a_miss(call: Any) -> None:
    """A real objection in a disclosure played to the end is missed, counted all the same, protected beside it."""

    def protects(facts: object) -> Ruling:
        return Ruling(
            action="buffer_input_and_continue",
            effect="keep",
            input_class="correction",
            rule="d",
            reason="",
            confidence=1.0,
            policy_version="p",
            protected=True,
        )

    call.speaks("r1", 1.0, 9.0, message="disclosure").says("no I do not agree", 3.0, 4.0).ends(12.0)
    episode = only(call.record(protects))

    assert (episode.verdict, episode.protected, episode.compliance) == ("missed_interruption", True, "followed")


def test_a_key_is_meant(call: Any) -> None:
    """Nobody presses by accident; an ignored invalid key is a finding."""
    right = call.speaks("r1", 1.0).presses(2.0).cut("r1", 2.1).speaks("r2", 2.6, 5.0).ends(9.0).record()

    assert only(right).verdict == "correct"
    call.events.clear()
    wrong = call.started().speaks("r1", 1.0, 9.0).presses(2.0, expected="none").ends(12.0).record()

    assert only(wrong).verdict == "missed_interruption"
    assert "invalid_key_ignored" in only(wrong).findings


def test_an_agent_that_finishes_first_missed_the_escalation(call: Any) -> None:
    """Asked for a person, talked on for six seconds, then transferred."""
    record = call.speaks("r1", 1.0, 9.0).says("I need a human", 3.0, 4.0).ends(11.0, escalated=True).record()

    assert (only(record).verdict, only(record).input_class) == ("missed_interruption", "escalation")
    assert record.escalation_asked
    assert record.escalated


def test_a_pause_in_a_number_is_the_agents_barge_in(call: Any) -> None:
    """The agent starts in the caller's pause and the caller goes on: premature endpointing, no episode."""
    call.says("four four two one", 1.0, 3.0).speaks("r1", 3.9, message="entity_capture").says("nine nine seven", 4.4, 6.0)
    record = call.cut("r1", 4.9, message="entity_capture").ends(9.0).record()

    assert record.episodes == ()
    assert len(record.premature_endpointings) == 1


def test_talk_at_the_end_of_a_turn_is_no_interruption(call: Any) -> None:
    """A "yes" over the last 300 ms of a question is an ordinary overlap."""
    record = call.speaks("r1", 1.0, 4.0).says("yes please", 3.7, 4.5).ends(8.0).record()

    assert record.episodes == ()
    assert len(record.turn_overlaps) == 1


def test_a_silence_timeout_is_no_interruption(call: Any) -> None:
    """Silence after a question opens no episode and is counted apart."""
    call.speaks("r1", 1.0, 3.0).event("silence.timeout", 8.0, 3.0, silence__elapsed_ms=5000, silence__next_action="reprompt")
    record = call.speaks("r2", 8.1, 9.0).ends(12.0).record()

    assert record.episodes == ()
    assert record.silence_timeouts == ("reprompt",)


def test_an_unknown_end_is_undetermined(call: Any) -> None:
    """Without the response's end nobody can know; the missing fact is named."""
    record = call.speaks("r1", 1.0).says("no wait please", 3.0, 4.0).ends(9.0).record()

    assert only(record).verdict == "undetermined"
    assert only(record).missing == ("voice.agent.playback.end_reason",)
    assert record.unknown_ends == 1


def test_a_stretch_without_transcript_is_undetermined(call: Any) -> None:
    """Speech whose text never came is not assumed to be noise, nor meant."""
    call.speaks("r1", 1.0).cut("r1", 3.4).event("user.speech_started", 3.0, caller__stretch__id="x")
    call.event(
        "user.speech_stopped", 4.5, 3.0, caller__stretch__id="x", caller__speech__duration_ms=1500, caller__transcript__status="unavailable"
    )
    episode = only(call.ends(9.0).record())

    assert (episode.verdict, episode.intent) == ("undetermined", "unknown")


def test_a_stop_after_the_limit_is_slow(call: Any) -> None:
    """Stopped at 2.0 s after the word: slow agent, or slow evidence where the text came late."""
    slow = call.speaks("r1", 1.0).says("no stop it", 3.0, 3.6, told=3.8).cut("r1", 5.0).ends(9.0).record()

    assert only(slow).reason == "slow_agent"
    call.events.clear()
    late = call.started().speaks("r1", 1.0).says("no stop it", 3.0, 3.6, told=4.9).cut("r1", 5.0).ends(9.0).record()

    assert only(late).reason == "slow_evidence"


def test_further_tries_belong_to_one_episode(call: Any) -> None:
    """A caller who tries twice against one response is one miss with two attempts, repeated."""
    call.speaks("r1", 1.0, 12.0).says("no the wrong date", 3.0, 4.0).says("the wrong date", 6.0, 7.0).ends(15.0)
    episode = only(call.record())

    assert (episode.attempts, episode.repeated) == (2, True)


def test_everything_twice_by_two_routes_is_the_same(call: Any) -> None:
    """Duplicates change nothing."""
    call.speaks("r1", 1.0).says("no I meant Friday", 2.5, 3.6).cut("r1", 2.84).speaks("r2", 4.2, 6.0).ends(8.0)

    assert call.record() == call.record(events=call.events + call.events)


def test_two_emitters_of_one_stretch_are_one_stretch(call: Any) -> None:
    """Telephony and agent hear the same words 300 ms apart: one episode."""
    call.speaks("r1", 1.0).says("no I meant Friday", 2.5, 3.6).says("no I meant Friday", 2.8, 3.9, emitter="telephony").cut("r1", 3.0).ends(
        8.0
    )

    assert only(call.record()).attempts == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_order_and_duplicates_change_nothing(timeline: Any, seed: int) -> None:
    """Any order of arrival, with duplicates, gives the same record."""

    call = timeline().started().speaks("r1", 1.0, 12.0).cut("r1", 3.2, provisional=True).resumes("r1", 5.2)
    call.says("yeah", 2.0, 2.3).says("no that is wrong", 3.0, 4.0, told=5.4).presses(6.0).speaks("r2", 13.0).says("uh-huh", 14.0, 14.2)
    call.cut("r2", 14.3).ends(20.0)

    assert call.record() == call.record(events=call.shuffled(seed))


def test_verdicts_do_not_know_the_policy(call: Any) -> None:
    """Whatever a policy rules, the verdict stays."""
    call.speaks("r1", 1.0).says("uh-huh", 3.0, 3.25).cut("r1", 3.3).ends(9.0)

    def other(facts: object) -> Ruling:
        return Ruling(
            action="continue_agent_audio",
            effect="keep",
            input_class="backchannel",
            rule="x",
            reason="",
            confidence=0.1,
            policy_version="q",
            protected=True,
        )

    strict, lax = only(call.record()), only(call.record(other))

    assert strict.verdict == lax.verdict
    assert strict.net_audio == replace(lax).net_audio
