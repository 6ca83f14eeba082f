"""The definitions, one by one: what is an interruption, what the audio did, what followed, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otel_voice_processor.model import CallRecord, Ruling

STOP = "stop_agent_audio_and_accept_user_turn"


@pytest.fixture
def call(timeline: Any) -> Any:
    return timeline().started()


def only(record: CallRecord) -> Any:
    assert len(record.episodes) == 1, [(ep.input_class, ep.verdict) for ep in record.episodes]
    return record.episodes[0]


def test_a_pause_in_a_number_is_the_agents_barge_in(call: Any) -> None:
    """The agent starts in the caller's pause and the caller goes on: premature endpointing, no episode."""
    call.says("four four two one", 1.0, 3.0).speaks("r1", 3.9, message="entity_capture").says("nine nine seven", 4.4, 6.0)
    record = call.cut("r1", 4.9, message="entity_capture").ends(9.0).record()

    assert record.episodes == ()
    assert len(record.premature_endpointings) == 1


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


def ruling(effect: str, *, protected: bool = False) -> Ruling:
    return Ruling(
        action=effect, effect=effect, input_class="correction", rule="x", reason="", confidence=1.0, policy_version="q", protected=protected
    )


# What is an interruption


def test_a_caller_who_still_speaks_when_the_agent_begins_was_barged_into(call: Any) -> None:
    """Meaningful speech across a response's start: the agent did it, not the caller; a murmur across it is nothing."""
    record = call.says("my number is four one five", 1.0, 4.0).speaks("r1", 3.0, 6.0).ends(9.0).record()
    assert ((), ["r1"]) == (record.episodes, [r.response_id for r in record.premature_endpointings])

    call.events.clear()
    record = call.started().says("uh-huh", 2.9, 3.4).speaks("r1", 3.0, 6.0).ends(9.0).record()
    assert ((), ()) == (record.episodes, record.premature_endpointings)


@pytest.mark.parametrize(("text", "more"), [("my name is", {}), (None, {"caller__transcript__unfinished": True})])
def test_an_unfinished_phrase_is_known_with_and_without_its_text(call: Any, text: str | None, more: dict[str, Any]) -> None:
    """The caller stops on a word that ends no phrase; where the text stays in the agent, the helper says so."""
    facts = {"caller__input__class": "correction", "caller__input__class_confidence": 0.9, **more}
    call.says(text, 1.0, 2.0, **facts).speaks("r1", 2.8).says("Martin Weber", 3.2, 4.0).cut("r1", 3.5)
    record = call.ends(9.0).record()

    assert record.episodes == ()
    assert len(record.premature_endpointings) == 1


def test_a_finished_phrase_makes_an_interruption_of_what_follows(call: Any) -> None:
    """The caller had finished, and then thought better of it: that is an interruption."""
    call.says("I would like a table.", 1.0, 2.0).speaks("r1", 2.8).says("no, for Friday", 3.2, 4.0).cut("r1", 3.5).ends(9.0)

    assert only(call.record()).verdict == "correct"


def test_a_runtime_that_reports_ends_late_says_so(call: Any) -> None:
    """0.9 s before the reported end of a response is an interruption, and ordinary talk where the runtime declares 0.4 s of lag."""
    call.speaks("r1", 1.0, 5.0).says("no, on Friday", 4.1, 5.2).speaks("r2", 5.6, 7.0).ends(9.0)
    assert len(call.record().episodes) == 1

    call.events.clear()
    call.started(runtime__lag_ms=400).speaks("r1", 1.0, 5.0).says("no, on Friday", 4.1, 5.2).speaks("r2", 5.6, 7.0).ends(9.0)
    assert ((), 1) == (call.record().episodes, len(call.record().turn_overlaps))


def test_keys_within_the_inter_digit_time_are_one_entry(call: Any) -> None:
    """Two keys 2.9 s apart are one interruption; 3.1 s apart a second try."""
    call.speaks("r1", 1.0, 20.0, message="menu_prompt").presses(3.0).presses(5.9).ends(25.0)
    assert only(call.record()).attempts == 1

    call.events.clear()
    call.started().speaks("r1", 1.0, 20.0, message="menu_prompt").presses(3.0).presses(6.1).ends(25.0)
    assert only(call.record()).attempts == 2


def test_a_key_is_known_by_what_it_tells(call: Any) -> None:
    """A candidate without its type is a key where it tells of a key, and speech otherwise."""
    call.speaks("r1", 1.0).event("candidate_detected", 3.0, caller__dtmf__class="digit").cut("r1", 3.1).ends(9.0)

    assert only(call.record()).input_type == "dtmf"


# What the audio did


def test_a_stop_that_resumed_was_a_pause(call: Any) -> None:
    """A runtime that calls its pause final and goes on with the same response has paused, whatever it called it."""
    call.speaks("r1", 1.0).says(None, 3.0, 3.2, status="empty").cut("r1", 3.3, position=2300).resumes("r1", 4.3, 2300).stops("r1", 9.0)
    episode = only(call.ends(12.0).record())

    assert (episode.net_audio, episode.verdict, episode.resume) == ("paused_resumed", "false_interruption", "clean")


def test_a_pause_nobody_told_of_is_not_taken_for_playing_on(call: Any) -> None:
    """The response went on from a pause whose beginning was lost: what the audio did is undetermined, and says so."""
    call.speaks("r1", 1.0).says(None, 3.0, 3.2, status="empty").resumes("r1", 4.3, 2300).stops("r1", 9.0).ends(12.0)
    episode = only(call.record())

    assert (episode.verdict, episode.net_audio, episode.missing) == ("undetermined", "unknown", ("voice.agent.playback.provisional",))


def test_a_gap_that_nobody_hears_is_none(call: Any) -> None:
    """A pause of 150 ms is playing on."""
    call.speaks("r1", 1.0).says("yeah", 3.0, 3.3).cut("r1", 3.3, provisional=True).resumes("r1", 3.45).stops("r1", 9.0).ends(12.0)

    assert only(call.record()).net_audio == "kept"


def test_words_into_a_pause(call: Any) -> None:
    """A cough pauses the agent, the caller speaks up into the pause: accepted it is right at once, and the cough was only a pause."""
    call.speaks("r1", 1.0).says(None, 3.0, 3.2, status="empty").cut("r1", 3.2, provisional=True).says("no, on Friday", 4.2, 5.0)
    call.cut("r1", 4.6).speaks("r2", 5.6, 7.0).ends(9.0)
    cough, words = call.record().episodes

    assert (cough.net_audio, cough.verdict) == ("paused_resumed", "false_interruption")
    assert (words.net_audio, words.verdict, words.reaction_ms) == ("stopped", "correct", 0)


def test_words_into_a_pause_that_ends_over_them(call: Any) -> None:
    """The same, and the agent goes on over the caller: missed."""
    call.speaks("r1", 1.0).says(None, 3.0, 3.2, status="empty").cut("r1", 3.2, provisional=True).says("no, on Friday", 4.2, 5.0)
    call.resumes("r1", 5.2).stops("r1", 12.0).ends(14.0)
    words = call.record().episodes[-1]

    assert (words.net_audio, words.verdict, words.reason) == ("paused_resumed", "missed_interruption", "resumed_over_caller")


def test_a_response_that_ends_by_itself_in_time_is_right(call: Any) -> None:
    """The caller corrects 1.2 s before the end, and the agent was done anyway."""
    call.speaks("r1", 1.0, 5.0).says("no, on Friday", 3.8, 4.9).speaks("r2", 5.6, 7.0).ends(9.0)

    assert (only(call.record()).verdict, only(call.record()).reason) == ("correct", "response_ended_by_itself")


def test_the_first_meaningful_word_counts_not_the_sound_before_it(call: Any) -> None:
    """A cough runs into the correction: the agent is measured from the correction's first word."""
    call.speaks("r1", 1.0).says(None, 2.0, 2.3, status="empty").says("no, on Friday", 2.9, 3.8).cut("r1", 3.9).speaks("r2", 4.4, 6.0)
    episode = only(call.ends(9.0).record())

    assert (episode.verdict, episode.reaction_ms, episode.start_ns) == ("correct", 1000, call.events[0].time_ns + 2_000_000_000)


@pytest.mark.parametrize(("skew", "verdict"), [(0.14, "correct"), (0.16, "missed_interruption")])
def test_across_emitters_150_ms_are_given(call: Any, skew: float, verdict: str) -> None:
    """Where another emitter's clock timed the caller, the limit of 1.5 s is 1.65 s."""
    call.speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0, emitter="telephony").cut("r1", 4.5 + skew).ends(9.0)

    assert only(call.record()).verdict == verdict


def test_a_hang_up_is_no_answer_to_a_murmur(call: Any) -> None:
    """Audio that ends with the call, or long after a murmur, was not stopped by it; a miss stays a miss."""
    call.speaks("r1", 1.0).says("uh-huh", 2.5, 2.8).stops("r1", 4.0, "interrupted").ends(4.1)
    assert (only(call.record()).verdict, only(call.record()).net_audio) == ("correct", "kept")

    call.events.clear()
    call.started().speaks("r1", 1.0).says("uh-huh", 2.5, 2.8).stops("r1", 9.0, "interrupted").ends(30.0)
    assert only(call.record()).verdict == "correct"

    call.events.clear()
    call.started().speaks("r1", 1.0).says("no, on Friday", 2.5, 3.4).stops("r1", 40.0, "interrupted").ends(40.1)
    assert (only(call.record()).verdict, only(call.record()).net_audio) == ("missed_interruption", "stopped")


def test_a_resume_under_another_name_is_a_resume(call: Any) -> None:
    """A paused response that goes on under a new id is the same response."""
    call.speaks("r1", 1.0).says("uh-huh", 3.0, 3.3).cut("r1", 3.3, provisional=True, position=2300).resumes("r2", 4.3, 2300)
    episode = only(call.stops("r2", 9.0).ends(12.0).record())

    assert (episode.net_audio, episode.resume) == ("paused_resumed", "clean")


def test_an_end_and_a_cut_at_once_are_a_cut(call: Any) -> None:
    """The player says completed, the session says interrupted, 10 ms apart: it was cut."""
    call.speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).stops("r1", 3.4).cut("r1", 3.41).speaks("r2", 4.5, 6.0).ends(9.0)

    assert (only(call.record()).net_audio, only(call.record()).verdict) == ("stopped", "correct")


def test_a_key_that_another_clock_has_after_the_stop(call: Any) -> None:
    """30 ms between two emitters' clocks do not lose the interruption that caused the stop."""
    call.speaks("r1", 1.0).cut("r1", 3.02)
    call.event("candidate_detected", 3.05, caller__input__type="dtmf", caller__dtmf__class="digit", emitter="gateway").ends(9.0)

    assert (only(call.record()).verdict, only(call.record()).reaction_ms) == ("correct", 0)


# What the caller meant


def test_a_partial_murmur_is_not_conclusive(call: Any) -> None:
    """ "yeah" may have gone on; a partial "no" is enough for a correction."""
    call.speaks("r1", 1.0, 9.0).says("yeah", 3.0, 3.3, status="partial").ends(12.0)
    assert (only(call.record()).verdict, only(call.record()).missing) == ("undetermined", ("voice.caller.transcript.status",))

    call.events.clear()
    call.started().speaks("r1", 1.0, 9.0).says("no, on Friday", 3.0, 3.9, status="partial").ends(12.0)
    assert only(call.record()).verdict == "missed_interruption"


def test_words_without_a_status_are_partial(call: Any) -> None:
    """Text that nobody called final is heard all the same."""
    call.speaks("r1", 1.0, 9.0).event("user.speech_stopped", 4.0, 3.0, caller__transcript__text="no, on Friday").ends(12.0)

    assert only(call.record()).verdict == "missed_interruption"


def test_a_late_text_changes_the_intent(call: Any) -> None:
    """The newest transcript by evidence time counts, whenever it comes: a murmur that went on was a correction."""
    call.speaks("r1", 1.0, 12.0).says("yeah", 3.0, 4.4, status="final", stretch="s", told=4.0)
    call.event(
        "user.transcript",
        6.0,
        caller__stretch__id="s",
        caller__transcript__status="final",
        caller__transcript__text="yeah but that is the wrong date",
        caller__transcript__evidence_time_ms=call.events[-1].attributes["voice.caller.transcript.evidence_time_ms"] + 2000,
    )
    episode = only(call.ends(15.0).record())

    assert (episode.intent, episode.verdict) == ("yes", "missed_interruption")


def test_a_final_text_without_its_stretch_belongs_to_the_one_that_ended(call: Any) -> None:
    """The recogniser finishes the first stretch when the next has begun: its text does not wander on."""
    call.speaks("r1", 1.0, 12.0).event("user.speech_started", 3.0).event("user.speech_stopped", 3.4, 3.0).event("user.speech_started", 4.3)
    call.event("user.transcript", 4.5, caller__transcript__status="final", caller__transcript__text="uh-huh")
    call.event("user.speech_stopped", 5.4, 4.3).event(
        "user.transcript", 5.7, caller__transcript__status="final", caller__transcript__text="no, on Friday"
    )

    assert [ep.input_class for ep in call.ends(15.0).record().episodes] == ["backchannel", "correction"]


# What the agent decided, and what the policy asked for


def test_the_decision_that_counts_is_the_last_before_the_audio_was_settled(call: Any) -> None:
    """It kept on the first partial and stopped on the second: it decided to stop. What it decided later is of later input."""
    call.speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).event(
        "decision_made", 3.3, interruption__decision__action="continue_agent_audio"
    )
    call.event("decision_made", 3.7, interruption__decision__action=STOP).cut("r1", 3.8)
    call.event("decision_made", 5.0, interruption__decision__action="continue_agent_audio").ends(9.0)
    episode = only(call.record())

    assert (episode.decided_action, episode.findings) == (STOP, ())


def test_a_decision_belongs_to_the_input_whose_detector_named_it(call: Any) -> None:
    """A decision on the murmur that comes after the correction began is not the correction's."""
    call.speaks("r1", 1.0).says("uh-huh", 3.0, 3.3, stretch="s1").says("no, on Friday", 4.2, 5.0, stretch="s2").cut("r1", 4.9)
    call.event("candidate_detected", 3.1, caller__input__type="speech", caller__stretch__id="s1", interruption__id="i1")
    call.event("candidate_detected", 4.3, caller__input__type="speech", caller__stretch__id="s2", interruption__id="i2")
    call.event("decision_made", 4.4, interruption__id="i1", interruption__decision__action="continue_agent_audio")
    call.event("decision_made", 4.5, interruption__id="i2", interruption__decision__action=STOP)
    murmur, words = call.ends(9.0).record().episodes

    assert words.decided_action == STOP
    assert words.findings == ()
    assert murmur.verdict == "correct"


def test_a_decision_that_playback_did_not_follow_is_a_finding(call: Any) -> None:
    """Decided to stop, and it played on; or resumed."""
    call.speaks("r1", 1.0, 9.0).says("no, on Friday", 3.0, 4.0).event("decision_made", 3.3, interruption__decision__action=STOP).ends(12.0)

    assert "decision_not_played" in only(call.record()).findings


def test_policy_is_held_to_what_it_could_know(call: Any) -> None:
    """The words came after the response was over: playing on was what the policy asked for on the evidence of the moment."""

    def wants_words(facts: Any) -> Ruling:
        return ruling("stop" if "voice.caller.transcript.text" in facts else "keep")

    call.speaks("r1", 1.0, 6.0).says("no, on Friday", 3.0, 4.0, told=6.5).ends(9.0)
    assert only(call.record(wants_words)).compliance == "followed"

    call.events.clear()
    call.started().speaks("r1", 1.0, 6.0).says("no, on Friday", 3.0, 4.0, told=4.3).ends(9.0)
    assert only(call.record(wants_words)).compliance == "deviated"


def test_done_before_the_policy_had_the_words_is_early(call: Any) -> None:
    """The agent stopped on the sound; the policy asked for it once the words were there."""

    def wants_words(facts: Any) -> Ruling:
        return ruling("stop" if "voice.caller.transcript.text" in facts else "keep")

    call.speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0, told=4.3).cut("r1", 3.4).ends(9.0)

    assert only(call.record(wants_words)).compliance == "early"


def test_protected_content_that_had_been_played_is_not_cut(call: Any) -> None:
    """The protected part ends between the caller's onset and the stop: nothing that was required is missing."""

    def until_2500(facts: Any) -> Ruling:
        return ruling("keep", protected=facts["voice.agent.playback.position_ms"] < 2500)

    call.speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).cut("r1", 3.4).ends(9.0)
    assert "required_content_cut" in only(call.record(until_2500)).findings

    call.events.clear()
    call.started().speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).cut("r1", 3.6).ends(9.0)
    assert "required_content_cut" not in only(call.record(until_2500)).findings


# What came after


def test_silence_counts_from_when_both_are_silent(call: Any) -> None:
    """A caller who pauses for a second and goes on had not finished; "hello?" into dead air has not ended it."""
    call.speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).cut("r1", 3.4).says("in the morning", 5.0, 6.0).speaks("r2", 6.7, 8.0)
    assert only(call.ends(9.0).record()).silence_ms == 700

    call.events.clear()
    call.started().speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).cut("r1", 3.4).says("hello?", 9.0, 9.5).speaks("r2", 10.0, 12.0)
    assert only(call.ends(13.0).record()).silence_ms == 6000


def test_an_unknown_end_of_the_caller_leaves_the_silence_unknown(call: Any) -> None:
    """Nobody told when the caller had finished: the verdict stands, the silence does not, and the missing fact is named."""
    call.speaks("r1", 1.0).event("user.speech_started", 3.0, caller__stretch__id="s").cut("r1", 3.4)
    call.event(
        "user.transcript", 3.3, caller__stretch__id="s", caller__transcript__status="final", caller__transcript__text="no, on Friday"
    )
    episode = only(call.speaks("r2", 6.0, 7.0).ends(9.0).record())

    assert (episode.verdict, episode.silence_ms) == ("correct", None)
    assert episode.missing == ("voice.caller.speech.duration_ms",)


def test_after_a_hand_off_nobody_waits_for_the_agent(call: Any) -> None:
    """A person took over: no dead air, and not unanswered."""
    episode = only(call.speaks("r1", 1.0).says("I need a human", 3.0, 4.0).cut("r1", 3.4).ends(6.0, escalated=True).record())

    assert (episode.silence_ms, episode.answered) == (None, None)


def test_other_talk_that_holds_the_word_is_no_repeat(call: Any) -> None:
    """ "stop" is not said again in a sentence about something else."""
    call.speaks("r1", 1.0).says("stop", 3.0, 3.5).cut("r1", 3.4).speaks("r2", 4.0, 6.0)
    call.says("please stop calling me at the office", 6.5, 8.0).speaks("r3", 8.6, 9.0).ends(12.0)

    assert only(call.record()).repeated is False


def hashed(*words: str) -> dict[str, Any]:
    facts = {"caller__input__class": "correction", "caller__input__class_confidence": 0.9, "caller__transcript__length": 9}
    return {**facts, "caller__transcript__word_hashes": tuple(f"h-{word}" for word in words)}


@pytest.mark.parametrize(
    ("first", "again", "repeats"),
    [
        (("friday",), ("friday",), True),
        (("wrong", "date", "friday"), ("date", "friday"), True),  # 2 of 3
        (("wrong", "date", "friday"), ("friday",), False),  # 1 of 3
        (("invoice", "march", "wrong", "one", "sent"), ("invoice", "march", "again", "please", "sent"), True),  # 3 of 5: 0.6
        (("invoice", "march", "wrong", "one", "sent"), ("invoice", "march"), False),
        (("friday",), ("thanks",), False),
    ],
)
def test_the_same_again_is_known_by_hashes_as_by_text(call: Any, first: Any, again: Any, repeats: bool) -> None:
    """At least 0.6 of the content words, from the text or from hashes of them."""
    for says in (lambda words: (" ".join(words), {}), lambda words: (None, hashed(*words))):
        call.events.clear()
        (text, more), (text2, more2) = says(first), says(again)
        call.started().speaks("r1", 1.0, 8.0)
        call.says(f"no {text}" if text else None, 3.0, 4.0, **more).says(text2, 8.5, 9.5, **more2).speaks("r2", 10.0, 12.0)

        assert only(call.ends(13.0).record()).repeated is repeats


def test_a_repeat_comes_within_two_turns(call: Any) -> None:
    """In the second turn after it, yes; in the third, no. A turn of two stretches is one."""

    def told(turns: int) -> bool:
        call.events.clear()
        call.started().speaks("r1", 1.0, 8.0).says("no, on Friday", 3.0, 4.0)
        at = 9.0
        for number in range(turns):
            words = "I said Friday" if number == turns - 1 else "what about the price"
            call.says(words if number == turns - 1 else "wait what", at, at + 0.5).says(words, at + 1.5, at + 2.0)
            call.speaks(f"q{number}", at + 3.0, at + 5.0)
            at += 6.0
        found: bool = only(call.ends(at + 1).record()).repeated
        return found

    assert [True, True, False] == [told(1), told(2), told(3)]
