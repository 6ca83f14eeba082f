"""Fifteen calls written by hand, each with the answer a QA lead gives who hears the recording. The answers stood before the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor.model import CallRecord, Ruling, VoiceEvent
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.rates import rates
from otel_voice_processor.telemetry import Counters

from otel_voice.policy import load_default


@pytest.fixture
def call(timeline: Any) -> Any:
    return timeline().started()


def by_default_policy(facts: Any) -> Ruling | None:
    return Pipeline(load_default(), Counters()).rule(facts)


def judged(call: Any, events: Sequence[VoiceEvent] | None = None) -> CallRecord:
    record: CallRecord = call.record(by_default_policy, events)
    return record


def only(record: CallRecord) -> Any:
    assert len(record.episodes) == 1, [(ep.input_class, ep.net_audio, ep.verdict) for ep in record.episodes]
    return record.episodes[0]


def answer(episode: Any) -> tuple[str, str, str]:
    return episode.intent, episode.net_audio, episode.verdict


def test_1_a_correction_into_a_summary(call: Any) -> None:
    """1.53 s into a summary, silent 0.31 s later: meant, stopped, right; the answer came 0.60 s after the caller had finished."""
    call.speaks("r1", 1.0, message="billing_summary").says("no I meant Friday", 2.53, 3.6)
    call.cut("r1", 2.84, position=1840, message="billing_summary").speaks("r2", 4.2, 6.0).ends(8.0)
    episode = only(judged(call))

    assert answer(episode) == ("yes", "stopped", "correct")
    assert (episode.reaction_ms, episode.silence_ms, episode.answered) == (310, 600, True)
    assert (episode.findings, episode.missing, judged(call).interrupted) == ((), (), "handled")


def test_2_an_uh_huh_that_kills_the_reply(call: Any) -> None:
    """250 ms of "uh-huh" end an 8 s reply after 2 s: nobody meant it, false, a backchannel taken for a turn."""
    call.speaks("r1", 1.0).says("uh-huh", 3.0, 3.25).cut("r1", 3.3, position=2300).ends(9.0)
    episode = only(judged(call))

    assert answer(episode) == ("no", "stopped", "false_interruption")
    assert (episode.findings, episode.answered, judged(call).interrupted) == (("backchannel_confusion",), False, "mishandled")


def test_2_the_same_where_the_recogniser_dropped_it(call: Any) -> None:
    """The recogniser heard the 250 ms and found no words in them: a sound, false all the same."""
    call.speaks("r1", 1.0).says(None, 3.0, 3.25, status="empty").cut("r1", 3.3, position=2300).ends(9.0)
    episode = only(judged(call))

    assert answer(episode) == ("no", "stopped", "false_interruption")
    assert episode.findings == ("false_barge_in",)


def test_3_three_yeahs_over_a_long_answer(call: Any) -> None:
    """Three "yeah" over 20 s, the agent goes on each time: three right answers, and nobody interrupted anybody."""
    call.speaks("r1", 1.0, 21.0)
    for at in (4.0, 9.0, 15.0):
        call.says("yeah", at, at + 0.3)
    record = judged(call.ends(25.0))

    assert [answer(episode) for episode in record.episodes] == [("no", "kept", "correct")] * 3
    assert record.interrupted == "none"


def test_4_a_recogniser_that_was_late(call: Any) -> None:
    """Paused, resumed 2.0 s after the onset, text at 2.3 s, the agent goes on, the caller says it again: missed, whatever is called it."""
    call.speaks("r1", 1.0).cut("r1", 3.3, provisional=True, position=2300).event("false_positive", 5.0).resumes("r1", 5.0, 2300)
    call.says("no that is the wrong date", 3.0, 4.1, told=5.3).stops("r1", 11.0)
    call.says("the wrong date", 12.0, 13.0).speaks("r2", 13.8, 15.0).ends(18.0)
    episode = only(judged(call))

    assert answer(episode) == ("yes", "paused_resumed", "missed_interruption")
    assert (episode.reason, episode.repeated) == ("resumed_over_caller", True)
    assert episode.findings == ("missed_correction",)


def test_5_a_cough_in_a_disclosure(call: Any) -> None:
    """The agent pauses for 400 ms and goes on where it was: nobody meant it, false but only a pause, nothing required was cut."""
    disclosure = {"message": "disclosure"}
    call.speaks("r1", 1.0, **disclosure).says(None, 3.0, 3.2, status="empty").cut("r1", 3.2, provisional=True, position=2200, **disclosure)
    call.resumes("r1", 3.6, 2200).stops("r1", 9.4, **disclosure)
    episode = only(judged(call.ends(12.0)))

    assert answer(episode) == ("no", "paused_resumed", "false_interruption")
    assert (episode.resume, episode.findings) == ("clean", ("false_barge_in",))
    assert judged(call).interrupted == "none"


def test_6_an_objection_in_a_disclosure(call: Any) -> None:
    """A real objection, and the disclosure plays to its end: missed for the caller, protected by policy, and policy was followed."""
    call.speaks("r1", 1.0, 9.0, message="disclosure").says("no I do not agree", 3.0, 4.0).speaks("r2", 9.6, 11.0).ends(12.0)
    episode = only(judged(call))

    assert answer(episode) == ("yes", "kept", "missed_interruption")
    assert (episode.protected, episode.compliance) == (True, "followed")


def test_7_key_2_in_a_menu(call: Any) -> None:
    """A listed key silences the menu at once: meant and right."""
    call.speaks("r1", 1.0, message="menu_prompt").presses(3.0).cut("r1", 3.1, message="menu_prompt").speaks("r2", 3.6, 6.0).ends(9.0)
    episode = only(judged(call))

    assert answer(episode) == ("yes", "stopped", "correct")
    assert episode.compliance == "followed"


def test_7_an_invalid_key_9(call: Any) -> None:
    """Nobody presses by accident: a key that no option has was meant, and a menu that plays on over it missed it."""
    call.speaks("r1", 1.0, 9.0, message="menu_prompt").presses(3.0, expected="none").ends(12.0)
    episode = only(judged(call))

    assert answer(episode) == ("yes", "kept", "missed_interruption")
    assert "invalid_key_ignored" in episode.findings


def test_8_a_wish_for_a_person(call: Any) -> None:
    """ "I need a human", the agent finishes 6 s more, then transfers: the wish was met, the interruption was missed."""
    call.speaks("r1", 1.0, 9.0).says("I need a human", 3.0, 4.0).speaks("r2", 9.3, 10.5, message="escalation_handoff")
    record = judged(call.ends(11.0, escalated=True))

    assert answer(only(record)) == ("yes", "kept", "missed_interruption")
    assert (only(record).input_class, only(record).compliance) == ("escalation", "deviated")
    assert (record.escalation_asked, record.escalated, record.interrupted) == (True, True, "mishandled")


def test_9_a_pause_inside_an_account_number(call: Any) -> None:
    """The agent starts in the caller's pause and the caller goes on: the agent barged in, the caller interrupted nobody."""
    call.speaks("r0", 0.2, 0.9, message="entity_capture").says("four four two one", 1.4, 3.0)
    call.speaks("r1", 3.9, message="entity_capture").says("nine nine seven", 4.4, 6.0)
    record = judged(call.cut("r1", 4.9, message="entity_capture").ends(9.0))

    assert record.episodes == ()
    assert [response.response_id for response in record.premature_endpointings] == ["r1"]


def test_10_a_yes_over_the_end_of_a_question(call: Any) -> None:
    """ "yes" over the last 300 ms of a question is how people talk: no interruption, one turn overlap."""
    record = judged(call.speaks("r1", 1.0, 4.0, agent__question_pending=True).says("yes please", 3.7, 4.5).speaks("r2", 5.0, 7.0).ends(8.0))

    assert record.episodes == ()
    assert len(record.turn_overlaps) == 1
    assert record.interrupted == "none"


def test_11_silence_after_a_question(call: Any) -> None:
    """Nobody spoke: a silence timeout, no interruption."""
    call.speaks("r1", 1.0, 3.0).event("silence.timeout", 8.0, 3.0, silence__elapsed_ms=5000, silence__next_action="reprompt")
    record = judged(call.speaks("r2", 8.1, 9.0).says("yes", 9.5, 9.9).ends(12.0))

    assert record.episodes == ()
    assert record.silence_timeouts == ("reprompt",)


def test_12_a_runtime_that_cannot_hear_while_it_speaks(timeline: Any) -> None:
    """No input is reported while the agent speaks: that nobody interrupted is not known, and no rate says 0 %."""
    call = timeline().event("call_started", 0.0, runtime__name="deaf", call__observable=())
    record = judged(call.speaks("r1", 1.0, 9.0).says("I was saying no", 9.4, 10.5).speaks("r2", 11.0, 12.0).ends(13.0))

    assert record.episodes == ()
    assert record.interrupted == "unknown"
    assert [rate.value for rate in rates([record])] == [None] * 7


@pytest.mark.parametrize("skew", [-0.3, 0.3])
def test_13_two_emitters_300_ms_apart(call: Any, skew: float) -> None:
    """Telephony hears the same words 300 ms apart by its clock: one interruption, timed by the clock that also timed the audio."""
    call.speaks("r1", 1.0).says("no I meant Friday", 2.53, 3.6)
    call.says("no I meant Friday", 2.53 + skew, 3.6 + skew, emitter="telephony").cut("r1", 2.84, position=1840).speaks("r2", 4.2, 6.0)
    episode = only(judged(call.ends(8.0)))

    assert answer(episode) == ("yes", "stopped", "correct")
    assert (episode.attempts, episode.reaction_ms, episode.silence_ms) == (1, 310, 600)
    assert episode.repeated is False


def test_14_a_call_that_drops(call: Any) -> None:
    """The line is cut and nobody says so: what was heard is judged, what never came is unknown."""
    call.speaks("r1", 1.0).says("no I meant Friday", 2.53, 3.6).cut("r1", 2.84, position=1840).speaks("r2", 4.2)
    record = judged(call)

    assert answer(only(record)) == ("yes", "stopped", "correct")
    assert (record.ended_by, record.task_outcome, record.escalated, record.unknown_ends) == ("expired", "unknown", None, 1)


def test_15_everything_twice_by_two_routes(call: Any) -> None:
    """As spans and once more as log records of the same events: one call, the same answers."""
    call.speaks("r1", 1.0).says("no I meant Friday", 2.53, 3.6).cut("r1", 2.84, position=1840).speaks("r2", 4.2, 6.0).ends(8.0)
    first = [replace(event, attributes={**event.attributes, "voice.event.id": f"e{n}"}) for n, event in enumerate(call.events)]
    second = [replace(event, span_id=bytes(8), trace_id=bytes(16)) for event in first]

    once, twice = judged(call, first), judged(call, [*second, *first, *first])
    assert answer(only(once)) == answer(only(twice)) == ("yes", "stopped", "correct")
    assert len(twice.stretches) == len(once.stretches) == 1
    assert (twice.responses, twice.interrupted, twice.end_ns) == (once.responses, once.interrupted, once.end_ns)
