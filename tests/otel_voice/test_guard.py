"""The guard, told of one thing after the other by hand: no runtime, a clock that stands still until moved."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_voice import VoiceCall, emit
from otel_voice.emit import CapturedEvent
from otel_voice.guard import Decision, Do, Guard, Input
from otel_voice.kept import MOST_KEPT
from otel_voice.overlap import LONGEST_TEXT
from otel_voice.policy import Policy, load_default, load_policy
from otel_voice.testing import FakeClock, capture_events

STOP = "stop_agent_audio_and_accept_user_turn"


class Line:
    """A guarded call whose clock moves by hand."""

    def __init__(self, policy: Policy | None = None, **options: Any) -> None:
        self.clock = FakeClock()
        self.call = VoiceCall("call_1", clock=self.clock, workflow=options.pop("workflow", None))
        self.guard = Guard(self.call, policy=policy, **options)

    def plays(self, message_type: str = "support_answer", *, for_ms: int = 2_000, **known: Any) -> None:
        """Begin a response, and let it play for a while."""
        self.call.agent_speech_started("response_1", message_type=message_type)
        self.guard.response_started("response_1", message_type=message_type, **known)
        self.clock.advance(ms=for_ms)

    def after(self, ms: int) -> Guard:
        """Let time pass."""
        self.clock.advance(ms=ms)
        return self.guard

    def says(self, words: str, *, ms: int = 400, status: str = "final") -> Decision:
        """Have the caller speak, fall silent, and be transcribed."""
        self.guard.speech_started(f"stretch_{words}")
        self.after(ms).speech_stopped()
        return self.after(200).transcript(words, status=status)  # type: ignore[arg-type]


@pytest.fixture
def events() -> Iterator[list[CapturedEvent]]:
    with capture_events() as captured:
        yield captured


@pytest.fixture
def line(events: list[CapturedEvent]) -> Line:
    return Line()


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Policy]:
    def make(text: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(f"version: mine\nextends: default\n{text}", encoding="utf-8")
        return load_policy(file)

    return make


def decisions(events: list[CapturedEvent]) -> list[str]:
    return [str(e.attributes["voice.interruption.decision.action"]) for e in events if e.name.endswith("decision_made")]


def named(events: list[CapturedEvent], name: str) -> list[CapturedEvent]:
    return [event for event in events if event.name.endswith(name)]


def test_a_correction_stops_as_soon_as_enough_was_spoken(line: Line, events: list[CapturedEvent]) -> None:
    """The first partial words suffice; where they come too early, the guard asks to be asked when they are enough."""
    line.plays()
    assert Do.KEEP is line.guard.speech_started("stretch_1", vad_confidence=0.9).do
    early = line.after(120).transcript("no", status="partial")
    assert (Do.KEEP, line.clock.now_ns + 80_000_000) == (early.do, early.next_at_ns)
    stop = line.after(80).tick()

    assert (Do.STOP, "stop", True) == (stop.do, stop.audio, stop.changed)
    assert "support_answer.correction" == getattr(stop.ruling, "rule", None)
    told = named(events, "decision_made")[0].attributes
    assert STOP == told["voice.interruption.decision.action"]
    assert load_default().version == told["voice.interruption.decision.policy_version"]
    assert ("correction_cue", "stretch_1") == (told["voice.interruption.decision.reason"], told["voice.caller.stretch.id"])
    assert 2_000 == named(events, "candidate_detected")[0].attributes["voice.agent.playback.position_ms"]


def test_a_decision_is_told_once(line: Line, events: list[CapturedEvent]) -> None:
    """Ticks, further partials, the final and the end of speech repeat nothing."""
    line.plays()
    line.guard.speech_started()
    line.after(300).transcript("no", status="partial")
    for words, status in (("no fri", "partial"), ("no, Friday", "final")):
        again = line.after(100).transcript(words, status=status)  # type: ignore[arg-type]
        assert (Do.STOP, False) == (again.do, again.changed)
    line.after(100).speech_stopped()
    line.after(100).tick()

    assert [STOP] == decisions(events)
    assert 1 == len(named(events, "candidate_detected"))


def test_a_listener_is_left_to_listen(line: Line, events: list[CapturedEvent]) -> None:
    """To play on is told as a decision once the caller was heard out, not before."""
    line.plays()
    line.guard.speech_started()
    assert Do.KEEP is line.after(150).transcript("uh", status="partial").do
    line.after(100).speech_stopped()
    assert [] == decisions(events)
    last = line.after(100).transcript("uh-huh", status="final")

    assert (Do.KEEP, "play", False, None) == (last.do, last.audio, last.changed, last.next_at_ns)
    assert ["continue_agent_audio"] == decisions(events)
    assert "backchannel_words" == named(events, "decision_made")[0].attributes["voice.interruption.decision.reason"]


def test_sound_without_words_counts_as_noise_when_none_come(line: Line, events: list[CapturedEvent]) -> None:
    """A recogniser that stays silent is waited for so long and no longer."""
    line.plays()
    line.guard.speech_started()
    waiting = line.after(700).speech_stopped()
    assert line.clock.now_ns + 700_000_000 >= (waiting.next_at_ns or 0)
    last = line.after(1_500).tick()

    assert (Do.KEEP, None) == (last.do, last.next_at_ns)
    assert "no_words" == named(events, "decision_made")[0].attributes["voice.interruption.decision.reason"]


def paused(line: Line) -> None:
    line.plays()
    line.guard.speech_started()
    decision = line.after(100).tick()
    while decision.do is not Do.PAUSE:
        assert 250_000_000 >= (decision.next_at_ns or 0) - line.clock.now_ns
        decision = line.after(100).tick()
    assert ("pause", True) == (decision.audio, decision.changed)


@pytest.mark.parametrize(("words", "status"), [("uh-huh", "final"), ("", "empty")])
def test_a_pause_ends_when_it_was_no_turn(line: Line, events: list[CapturedEvent], words: str, status: Any) -> None:
    """Speech of unknown meaning that goes on pauses; a backchannel or noise resumes, at the position of the pause."""
    paused(line)
    at = line.guard._facts(line.clock.now_ns).position_ms
    line.after(400).speech_stopped()
    decision = line.after(200).transcript(words, status=status)

    assert (Do.RESUME, "play") == (decision.do, decision.audio)
    assert at == line.guard._facts(line.clock.now_ns).position_ms
    assert ["pause_agent_audio", "resume_agent_audio"] == decisions(events)


def test_a_pause_becomes_a_stop_when_it_was_a_turn(line: Line, events: list[CapturedEvent]) -> None:
    """Words that mean something stop the response that stands still."""
    paused(line)

    assert Do.STOP is line.after(100).transcript("no, Friday", status="final").do
    assert ["pause_agent_audio", STOP] == decisions(events)


def test_partial_words_do_not_end_a_pause(line: Line) -> None:
    """As long as more may come, a murmur is waited out."""
    paused(line)
    waiting = line.after(100).transcript("uh-huh", status="partial")
    assert (Do.PAUSE, "pause", False) == (waiting.do, waiting.audio, waiting.changed)
    line.after(100).speech_stopped()

    assert Do.RESUME is line.after(100).transcript("uh-huh", status="final").do


def test_a_pause_without_words_has_a_longest_length(line: Line, events: list[CapturedEvent]) -> None:
    """A television that never falls silent holds the agent up once, not for ever."""
    paused(line)
    decision = line.guard.tick()
    for _ in range(60):
        decision = line.after(100).tick()
        if decision.do is Do.RESUME:
            break
    assert Do.RESUME is decision.do
    for _ in range(60):
        assert Do.KEEP is line.after(100).tick().do

    assert ["pause_agent_audio", "resume_agent_audio"] == decisions(events)


def test_a_player_that_cannot_pause_plays_on(events: list[CapturedEvent]) -> None:
    """What cannot be done is neither asked for nor told."""
    line = Line(can_pause=False)
    line.plays()
    line.guard.speech_started()

    assert {Do.KEEP} == {line.after(100).tick().do for _ in range(30)}
    assert [] == decisions(events)


def test_required_content_plays_whole_and_nothing_said_is_lost(line: Line, events: list[CapturedEvent]) -> None:
    """What was meant for the agent is kept and handed out at the end, once; a cough is not."""
    line.plays("disclosure")
    assert (Do.KEEP, "play") == (line.says("", status="empty").do, line.guard.tick().audio)
    kept = line.says("wait")
    assert (Do.BUFFER, "play") == (kept.do, kept.audio)
    line.says("I moved to Berlin")
    end = line.after(500).response_stopped()

    assert (Do.ANSWER, ["wait", "I moved to Berlin"]) == (end.do, [each.text for each in end.inputs])
    assert () == line.guard.buffered()
    assert ["continue_agent_audio", "buffer_input_and_continue", "buffer_input_and_continue"] == decisions(events)


def test_a_wish_for_a_person_that_was_held_is_acted_on_at_the_end(line: Line, events: list[CapturedEvent]) -> None:
    """The default policy holds it through a disclosure, and not a moment longer."""
    line.plays("disclosure")
    assert Do.BUFFER is line.says("I need a human").do
    end = line.guard.response_stopped()

    assert (Do.ESCALATE, True) == (end.do, end.changed)
    assert not line.guard.tick().changed
    assert ["buffer_input_and_continue", "escalate_to_human"] == decisions(events)


def test_a_wish_for_a_person_goes_through(line: Line, events: list[CapturedEvent]) -> None:
    """At once, and also where the turn was taken for something else before."""
    line.plays()
    line.guard.speech_started()
    assert Do.STOP is line.after(300).transcript("no", status="partial").do
    human = line.after(300).transcript("no I need a human", status="final")

    assert (Do.ESCALATE, True) == (human.do, human.changed)
    assert [STOP, "escalate_to_human"] == decisions(events)


def test_a_wish_is_taken_back_by_its_last_words(line: Line, events: list[CapturedEvent]) -> None:
    """Whoever hands over waits until the caller has said all: then it is known."""
    line.plays()
    line.guard.speech_started()
    wish = line.after(300).transcript("human", status="partial")
    rest = line.after(600).transcript("human resources please", status="final")
    again = line.after(100).speech_stopped()

    assert [(Do.ESCALATE, True), (Do.STOP, True), (Do.STOP, False)] == [(each.do, each.changed) for each in (wish, rest, again)]
    assert ["escalate_to_human", STOP] == decisions(events)


def test_input_within_the_grace_period_is_taken_when_it_is_over(line: Line, events: list[CapturedEvent]) -> None:
    """The guard asks to be asked at its end, stops then, and hands out what was said before."""
    line.plays("greeting", for_ms=50)
    line.guard.speech_started()
    line.after(160).transcript("Friday please", status="partial")
    line.after(20).speech_stopped()
    held = line.after(20).transcript("Friday please", status="final")
    assert (Do.BUFFER, line.clock.now_ns + 150_000_000) == (held.do, held.next_at_ns)
    stop = line.after(150).tick()

    assert (Do.STOP, ["Friday please"]) == (stop.do, [each.text for each in stop.inputs])
    assert [STOP] == [each for each in decisions(events) if each == STOP]


def test_a_cough_after_kept_words_does_not_keep_them_for_longer(policy: Callable[[str], Policy], events: list[CapturedEvent]) -> None:
    """The end of the protection is asked about what was kept, not only about what was heard last."""
    line = Line(policy("message_types: {disclosure: {until: {position_ms: 5000}}}"))
    line.plays("disclosure")
    assert Do.BUFFER is line.says("wait").do
    held = line.says("", status="empty")
    assert held.next_at_ns is not None
    line.after((held.next_at_ns - line.clock.now_ns) // 1_000_000)
    stop = line.guard.tick()

    assert (Do.STOP, ["wait"]) == (stop.do, [each.text for each in stop.inputs])


def test_yeah_then_more(line: Line, events: list[CapturedEvent]) -> None:
    """A murmur is no turn, the words that follow are; each is a candidate of its own."""
    line.plays()
    assert Do.KEEP is line.says("yeah").do
    line.after(300)
    assert Do.STOP is line.says("but I need it Friday").do

    assert ["continue_agent_audio", STOP] == decisions(events)
    assert 2 == len({event.attributes["voice.interruption.id"] for event in named(events, "candidate_detected")})


def test_words_that_were_not_final_go_on_in_the_next_stretch(line: Line) -> None:
    """A detector that splits speech does not split what was heard."""
    line.plays()
    line.guard.speech_started()
    line.after(100).transcript("no", status="partial")
    line.after(50).speech_stopped()
    line.after(100).speech_started()

    assert Do.STOP is line.after(200).tick().do


def test_a_key_on_offer_is_routed(line: Line, events: list[CapturedEvent]) -> None:
    """Compared here; neither the events nor the guard keep it."""
    line.plays("menu_prompt")
    decision = line.guard.key("2", expected=["1", "2"])

    assert (Do.ROUTE_KEY, "stop") == (decision.do, decision.audio)
    candidate = named(events, "candidate_detected")[0].attributes
    assert ("listed", "digit") == (candidate["voice.caller.dtmf.expected"], candidate["voice.caller.dtmf.class"])
    assert "voice.caller.dtmf.digit" not in candidate
    assert ["route_dtmf"] == decisions(events)


def test_keys_on_offer_may_come_from_the_policy(policy: Callable[[str], Policy], events: list[CapturedEvent]) -> None:
    """A rule's own keys are those on offer where the agent does not say."""
    line = Line(policy('message_types: {menu_prompt: {expected_keys: ["1", "2"]}}'))
    line.plays("menu_prompt")

    assert Do.REPROMPT is line.guard.key("9").do
    assert Do.ROUTE_KEY is line.guard.key("1").do


def test_a_kept_key_is_the_agents_and_nobody_elses(line: Line, events: list[CapturedEvent]) -> None:
    """What had to wait is handed out as it was pressed, whatever is on offer by then; it is in no event and no log line."""
    line.plays("disclosure")
    for digit, offered in (("2", ["1", "2"]), ("4", "any"), ("7", ["1", "2"])):
        assert Do.BUFFER is line.guard.key(digit, expected=offered).do
    kept = line.guard.response_stopped().inputs

    assert [("dtmf", "2"), ("dtmf", "4"), ("dtmf", None)] == [(each.kind, each.key) for each in kept]
    assert not any("key=" in repr(each) for each in kept)
    assert not any("voice.caller.dtmf.digit" in event.attributes for event in events)


def test_a_command_is_ruled_by_its_intent(line: Line, events: list[CapturedEvent]) -> None:
    """A button for a person is a wish for a person."""
    line.plays()

    assert Do.ESCALATE is line.guard.command("escalation").do
    assert "command" == named(events, "candidate_detected")[0].attributes["voice.caller.input.type"]


def test_a_question_makes_yes_an_answer(line: Line) -> None:
    """Told, or seen at the end of the response's text."""
    line.plays(text="Shall I book it?")
    assert Do.STOP is line.says("yes").do
    line.plays(text="I am booking it.")

    assert Do.KEEP is line.says("yes").do


def test_an_answer_is_not_stopped_by_what_it_answers(line: Line, events: list[CapturedEvent]) -> None:
    """Words from before the response, told again, are not held against it; further ones are."""
    assert Do.STOP is line.says("no, Friday").do
    line.plays(for_ms=500)
    again = line.guard.transcript("No. Friday.", status="final")
    assert (Do.KEEP, "play") == (again.do, again.audio)

    assert Do.STOP is line.guard.transcript("or rather Saturday", status="final").do
    assert [STOP] == decisions(events)


def test_speech_that_runs_into_a_response_counts_by_its_new_words(line: Line, events: list[CapturedEvent]) -> None:
    """An agent that answers too early is not stopped by what it heard, but by what it did not wait for."""
    line.guard.speech_started()
    line.after(400).transcript("I need", status="partial")
    line.plays(for_ms=500)
    assert Do.KEEP is line.guard.tick().do

    assert Do.STOP is line.after(100).transcript("I need it Friday", status="partial").do


def test_words_of_speech_that_the_detector_missed_stand_for_themselves(line: Line, events: list[CapturedEvent]) -> None:
    """They are not read together with what was said long before."""
    line.plays()
    assert Do.KEEP is line.says("yeah").do
    line.after(5_000).transcript("okay", status="final")
    assert ["continue_agent_audio", "continue_agent_audio"] == decisions(events)

    assert Do.STOP is line.after(5_000).transcript("no, Friday", status="final").do


def test_patience_waits_for_a_caller_who_reads_out(line: Line) -> None:
    """Where nothing plays, the rule's patience says when a turn is over."""
    line.plays("entity_capture")
    line.guard.response_stopped()
    waiting = line.says("four one seven")
    assert (Do.WAIT, line.clock.now_ns + 2_300_000_000) == (waiting.do, waiting.next_at_ns)

    assert Do.STOP is line.after(2_300).tick().do


@pytest.mark.parametrize("playing", [True, False])
def test_patience_waits_for_words_that_come_before_the_caller_is_silent(line: Line, playing: bool) -> None:
    """They stop what plays; the turn is taken when the caller has been silent for long enough, and once."""
    line.plays("entity_capture")
    if not playing:
        line.guard.response_stopped()
    line.guard.speech_started()
    first = line.after(900).transcript("four one seven", status="final")
    assert (Do.STOP if playing else Do.WAIT) is first.do
    line.guard.response_stopped()
    waiting = line.after(100).speech_stopped()
    assert (Do.WAIT, line.clock.now_ns + 2_500_000_000) == (waiting.do, waiting.next_at_ns)
    taken = line.after(2_500).tick()

    assert (Do.STOP, True, None) == (taken.do, taken.changed, taken.next_at_ns)
    assert not line.after(100).tick().changed


def test_silence_climbs_the_ladder_once(line: Line, events: list[CapturedEvent]) -> None:
    """Each step is told when it is reached, and says when the next one is due."""
    line.plays()
    line.guard.response_stopped()
    first = line.guard.silence(1_000)
    assert (Do.WAIT, line.clock.now_ns + 6_000_000_000) == (first.do, first.next_at_ns)
    assert [True, False] == [line.guard.silence(elapsed).changed for elapsed in (7_000, 7_500)]
    assert Do.ESCALATE is line.guard.silence(45_000).do

    assert ["reprompt", "escalate"] == [e.attributes["voice.silence.next_action"] for e in named(events, "silence.timeout")]


def test_without_a_response_nothing_is_told(line: Line, events: list[CapturedEvent]) -> None:
    """Ordinary turns are the runtime's; only a wish for a person is answered."""
    assert Do.STOP is line.says("no, Friday").do
    assert Do.ESCALATE is line.says("I need a human").do

    assert [] == [*named(events, "candidate_detected"), *decisions(events)]


def test_without_a_call_it_decides_all_the_same() -> None:
    """Nothing is emitted, and workflow and language are the guard's own."""
    clock = FakeClock()
    with capture_events() as events:
        guard = Guard(clock=clock, workflow="billing", language="en")
        guard.response_started(message_type="support_answer")
        clock.advance(ms=1_000)
        guard.speech_started()
        clock.advance(ms=300)

        assert Do.STOP is guard.transcript("no, Friday", status="partial").do
    assert [] == events


def test_a_failure_leaves_the_runtime_to_itself(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Logged once, counted each time, and the next event is decided again."""
    clock = FakeClock()
    guard = Guard(clock=clock)
    guard.response_started(message_type="support_answer")
    monkeypatch.setattr("otel_voice.guarding.decide", None)
    before = emit.failures()
    monkeypatch.setattr(emit.STATE, "told", set())
    with caplog.at_level(logging.WARNING):
        answers = [guard.speech_started(), guard.tick(), guard.tick()]
    monkeypatch.undo()
    clock.advance(ms=400)

    assert [Do.LEAVE] * 3 == [each.do for each in answers]
    assert 3 == emit.failures() - before
    assert 2 == len(caplog.records)  # one for each method
    assert Do.STOP is guard.transcript("no, Friday please", status="final").do


def test_a_failure_lets_the_audio_play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does what `audio` says cuts nothing because of the guard."""
    guard = Guard(clock=FakeClock())
    guard.response_started(message_type="disclosure")
    monkeypatch.setattr("otel_voice.guarding.decide", None)

    assert (Do.LEAVE, "play") == ((left := guard.speech_started()).do, left.audio)


def test_interim_words_are_partial_words(line: Line) -> None:
    """Many recognisers call them so."""
    line.plays()
    line.guard.speech_started()

    assert Do.STOP is line.after(300).transcript("no, Friday", status="interim").do


def test_keys_make_room_before_words_and_words_before_a_wish_for_a_person() -> None:
    """However many are pressed."""
    line = Line()
    line.plays("disclosure")
    line.says("I need a human")
    line.says("my number is five")
    for _ in range(MOST_KEPT + 8):
        line.after(50).key("5", expected=["5"])
    end = line.guard.response_stopped()

    assert (Do.ESCALATE, MOST_KEPT) == (end.do, len(end.inputs))
    assert ["I need a human", "my number is five", ""] == [each.text for each in end.inputs[:3]]


def test_a_wish_for_a_person_is_met_once(line: Line, events: list[CapturedEvent]) -> None:
    """While it is being met, who wishes again stops nothing."""
    line.plays()
    assert Do.ESCALATE is line.says("I need a human").do
    line.guard.handing_over = True
    line.plays("support_answer")
    again = line.says("human, please")

    assert (Do.BUFFER, "play") == (again.do, again.audio)
    assert ["escalate_to_human", "buffer_input_and_continue"] == decisions(events)
    end = line.guard.response_stopped()
    assert (Do.ANSWER, ["human, please"]) == (end.do, [each.text for each in end.inputs])
    assert Do.KEEP is line.says("operator").do
    line.guard.handing_over = False
    assert Do.ESCALATE is line.says("operator").do


def test_a_response_may_forbid_to_be_stopped(line: Line, events: list[CapturedEvent]) -> None:
    """What is said over it is kept, a wish for a person and a key too; sound alone does not pause it."""
    line.plays("support_answer", interruptible=False)
    line.guard.speech_started()
    assert {"play"} == {line.after(200).tick().audio for _ in range(10)}
    line.after(10).transcript("no, Friday", status="final")
    line.guard.speech_stopped()
    assert Do.BUFFER is line.guard.key("2", expected=["2"]).do
    assert Do.BUFFER is line.says("I need a human").do
    end = line.guard.response_stopped()

    assert (Do.ESCALATE, ["no, Friday", "", "I need a human"]) == (end.do, [each.text for each in end.inputs])
    assert ["buffer_input_and_continue"] * 3 + ["escalate_to_human"] == decisions(events)


def test_words_across_the_end_of_required_content_are_one_decision_and_one_turn(line: Line, events: list[CapturedEvent]) -> None:
    """That they were held back is told when the content ends; they are taken when they are complete, and not handed out before."""
    line.plays("disclosure")
    line.guard.speech_started()
    line.after(300).transcript("wait", status="partial")
    end = line.after(100).response_stopped()
    assert (Do.KEEP, ()) == (end.do, end.inputs)
    line.after(300).transcript("wait a second", status="final")
    turns = [line.guard.speech_stopped(), line.after(100).tick()]

    assert () == sum((each.inputs for each in turns), ())
    assert ["buffer_input_and_continue"] == decisions(events)


def test_words_across_two_responses_are_held_against_the_second(line: Line, events: list[CapturedEvent]) -> None:
    """It cannot be their answer; each candidate has its decision."""
    line.plays("disclosure")
    line.guard.speech_started()
    line.after(300).transcript("wait", status="partial")
    line.guard.response_started("response_2", message_type="support_answer")
    last = line.after(300).transcript("wait", status="final")

    assert (Do.STOP, "stop") == (last.do, last.audio)
    assert ["buffer_input_and_continue", STOP] == decisions(events)
    assert 2 == len(named(events, "candidate_detected"))


def test_a_clock_that_is_set_back_changes_no_length(events: list[CapturedEvent]) -> None:
    """Lengths and the time to ask again go by a clock that nobody sets; the events carry the wall clock's time."""
    wall, steady = FakeClock(), FakeClock()
    call = VoiceCall("call_1", clock=wall)
    guard = Guard(call, steady=steady)

    def after(ms: int) -> Decision:
        wall.advance(ms=ms)
        steady.advance(ms=ms)
        return guard.tick()

    guard.response_started(message_type="support_answer")
    guard.speech_started()
    while after(100).do is not Do.PAUSE:
        pass
    wall.advance(ms=-60_000)
    waits = [(each := after(100), each.next_at_ns and each.next_at_ns - guard.now()) for _ in range(50)]

    assert Do.RESUME in [each.do for each, _ in waits]
    assert 250_000_000 >= max(due or 0 for _, due in waits)
    assert wall.now_ns >= named(events, "decision_made")[-1].time_ns


def test_after_the_end_of_the_call_nothing_is_told(line: Line, events: list[CapturedEvent]) -> None:
    """It decides all the same."""
    line.plays("disclosure")
    line.says("I need a human")
    line.call.end(outcome="completed")

    assert Do.ESCALATE is line.guard.response_stopped().do
    assert events[-1].name.endswith("call_ended")


def test_a_pause_that_somebody_else_ended_is_not_told_as_going_on(line: Line, events: list[CapturedEvent]) -> None:
    """The agent stopped the response itself; that the noise was none is nobody's decision any more."""
    paused(line)
    line.guard.response_stopped()
    line.guard.speech_stopped()
    line.after(2_000).tick()

    assert ["pause_agent_audio"] == decisions(events)


def test_nothing_grows_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts, kept inputs and stretches are bounded; what is dropped is counted."""
    clock = FakeClock()
    guard = Guard(clock=clock)
    guard.response_started(message_type="disclosure")
    before = emit.failures()
    for number in range(MOST_KEPT + 10):
        guard.speech_started()
        clock.advance(ms=400)
        guard.speech_stopped()
        guard.transcript(f"wait {number}", status="final")
    guard.speech_started()
    for _ in range(500):
        guard.transcript("and another thing", status="final")

    kept = guard.buffered()  # but for what the caller is still saying
    assert MOST_KEPT == len(kept) + 1
    assert LONGEST_TEXT >= max(len(each.text) for each in kept)
    assert 11 == emit.failures() - before


STEPS = st.sampled_from(
    [
        lambda guard: guard.response_started(message_type="support_answer"),
        lambda guard: guard.response_started(message_type="disclosure", planned_ms=4_000),
        lambda guard: guard.response_started(message_type="greeting"),
        lambda guard: guard.response_started(message_type="entity_capture"),
        lambda guard: guard.response_started(message_type="support_answer", interruptible=False),
        lambda guard: guard.response_stopped(),
        lambda guard: guard.response_paused(),
        lambda guard: guard.response_resumed(),
        lambda guard: guard.speech_started(),
        lambda guard: guard.speech_stopped(),
        lambda guard: guard.speech_goes_on(vad_confidence=0.9),
        lambda guard: guard.transcript("uh", status="partial"),
        lambda guard: guard.transcript("uh-huh", status="final"),
        lambda guard: guard.transcript("no", status="partial"),
        lambda guard: guard.transcript("no, Friday", status="final"),
        lambda guard: guard.transcript("I need a human", status="final"),
        lambda guard: guard.transcript("", status="empty"),
        lambda guard: guard.key("2", expected=["1", "2"]),
        lambda guard: guard.key("9", expected=["1", "2"]),
        lambda guard: guard.silence(8_000),
        lambda guard: guard.tick(),
    ]
)


@settings(deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(0, 2_000)), max_size=40))
def test_whatever_happens_in_whatever_order(steps: list[tuple[Callable[[Guard], Decision], int]]) -> None:
    """It never fails, never repeats a decision, asks to be asked in the future only, and hands each input out once."""
    clock = FakeClock()
    with capture_events() as events:
        guard = Guard(VoiceCall("call_1", clock=clock))
        handed: list[Input] = []
        for step, ms in steps:
            decision = step(guard)
            assert decision.do is not Do.LEAVE
            assert decision.next_at_ns is None or decision.next_at_ns > clock.now_ns
            assert guard.audible == (decision.audio != "stop")
            handed += decision.inputs
            clock.advance(ms=ms)
    told = [
        (e.attributes["voice.interruption.id"], e.attributes["voice.interruption.decision.action"]) for e in named(events, "decision_made")
    ]

    assert len({id(each) for each in handed}) == len(handed)
    assert all(one != other for one, other in pairwise(told))
