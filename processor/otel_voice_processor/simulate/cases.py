"""The eight test cases every voice agent should pass, and the failing variant of each, as scripted calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from otel_voice_schema.attributes import ActionValue, TaskStateValue

from otel_voice_processor.simulate.script import Chose, Decision, Key, Played, Said, Script, Waited

MAIN_MS = 5_400  # where the response that matters begins
ASKED = {
    "appointment_rescheduling": "hi I want to move my appointment",
    "billing": "hi I have a question about my bill",
    "support": "hi my router does not work",
}
STOP: Final = "stop_agent_audio_and_accept_user_turn"
KEEP: Final = "continue_agent_audio"


def _opened(workflow: str) -> tuple[Played, Said]:
    """Return how every call begins: the agent greets, the caller says what it is about."""
    greeting = Played(response_id="response_0001", start_ms=300, end_ms=2_300, message_type="greeting", planned_ms=2_000)
    return greeting, Said(onset_ms=2_800, end_ms=4_700, text=ASKED[workflow], partial=ASKED[workflow][:9])


def _main(kind: str, planned_ms: int, *, cut_ms: int | None = None, interruptible: bool = True) -> Played:
    end = MAIN_MS + planned_ms if cut_ms is None else cut_ms
    return Played(
        response_id="response_0002",
        start_ms=MAIN_MS,
        end_ms=end,
        message_type=kind,
        planned_ms=planned_ms,
        cut=cut_ms is not None,
        interruptible=interruptible,
    )


def _next(start_ms: int, length_ms: int = 3_200, kind: str = "support_answer") -> Played:
    return Played(response_id="response_0003", start_ms=start_ms, end_ms=start_ms + length_ms, message_type=kind, planned_ms=length_ms)


def _said(onset_ms: int, text: str, *, meant: bool = True, first_word_ms: int = 0, delay_ms: int = 260) -> Said:
    words = text.split()
    length = 220 + 210 * len(words)
    return Said(
        onset_ms=onset_ms,
        end_ms=onset_ms + length,
        text=text,
        meant=meant,
        first_word_ms=first_word_ms,
        partial=" ".join(words[:2]),
        partial_ms=max(first_word_ms, 60) + delay_ms,
        final_ms=delay_ms + 90,
    )


def correction(
    call_id: str,
    workflow: str,
    text: str,
    *,
    silent_after_ms: int | None = 340,
    delay_ms: int = 260,
) -> Script:
    """Return a call in which the caller corrects the agent; without `silent_after_ms` the agent plays on and the caller says it again."""
    greeting, opening = _opened(workflow)
    onset_ms = MAIN_MS + 1_000
    said = _said(onset_ms, text, delay_ms=delay_ms)
    cut = None if silent_after_ms is None else onset_ms + silent_after_ms
    main = _main("support_answer", 6_200, cut_ms=cut)
    base = Script(
        call_id=call_id,
        name="true correction",
        workflow=workflow,
        message_type="support_answer",
        expected="agent stops, accepts the correction, keeps the task",
        played=(greeting, main),
        said=(opening, said),
        end_ms=0,
    )
    if cut is not None:
        answer = _next(max(cut, said.end_ms) + 450)
        known = onset_ms + said.partial_ms <= cut - 40
        chose = _stopped(onset_ms, cut, answer.start_ms, "caller_correction_detected" if known else "voice_activity")
        return replace(base, played=(*base.played, answer), chose=(chose,), end_ms=answer.end_ms + 1_500)
    again = replace(_said(main.end_ms + 600, f"I said {text}", delay_ms=delay_ms), repeats_ms=onset_ms)
    answer = _next(again.end_ms + 900)
    kept = Decision(at_ms=onset_ms + 200, action=KEEP, reason="below_threshold", confidence=0.41)
    chose = Chose(input_ms=onset_ms, detected_ms=onset_ms + 180, decisions=(kept,))
    said_again = (*base.said, again)
    return replace(base, played=(*base.played, answer), said=said_again, chose=(chose,), end_ms=answer.end_ms + 1_200, outcome="failed")


def _stopped(
    onset_ms: int,
    cut_ms: int,
    answer_ms: int,
    reason: str,
    action: ActionValue = STOP,
    task_state: TaskStateValue = "preserved",
    confidence: float = 0.87,
) -> Chose:
    detected = onset_ms + min(180, (cut_ms - onset_ms) // 2)
    decision = Decision(at_ms=max(detected, cut_ms - 40), action=action, reason=reason, confidence=confidence)
    return Chose(
        input_ms=onset_ms,
        detected_ms=detected,
        decisions=(decision,),
        recovered_ms=answer_ms,
        task_state=task_state,
        recovered_position_ms=cut_ms - MAIN_MS if task_state == "preserved" else None,
    )


def unmeant(
    call_id: str,
    workflow: str,
    text: str,
    *,
    onset_ms: int = MAIN_MS + 2_800,
    length_ms: int = 400,
    stopped_after_ms: int | None = None,
) -> Script:
    """Return a call with a backchannel, or with noise where `text` is empty: played on, or cut after `stopped_after_ms`."""
    greeting, opening = _opened(workflow)
    end = onset_ms + length_ms
    said = Said(onset_ms=onset_ms, end_ms=end, text=text, meant=False, final_ms=320, source="caller" if text else "noise")
    said = replace(said, confidence=0.9 if text else 0.0)
    stop = None if stopped_after_ms is None else onset_ms + stopped_after_ms
    main = _main("support_answer", 8_600, cut_ms=stop)
    word = "a short sound" if text else "noise"
    base = Script(
        call_id=call_id,
        name="short backchannel" if text else "background noise",
        workflow=workflow,
        message_type="support_answer",
        expected="agent continues without losing its place" if text else f"agent continues, {word} is no turn",
        played=(greeting, main),
        said=(opening, said),
        end_ms=main.end_ms + 2_000,
    )
    if stop is None:
        reason = "backchannel" if text else "no_speech"
        decision = Decision(at_ms=max(end, onset_ms + 150) + 20, action=KEEP, reason=reason)
        return replace(base, chose=(Chose(input_ms=onset_ms, detected_ms=onset_ms + 150, decisions=(decision,)),))
    return _lost(base, said, stop, treated=bool(text))


def _lost(base: Script, said: Said, stop: int, *, treated: bool) -> Script:
    """Return the call going on after a cut that nobody meant: the sound taken for a new intent, or a new answer after a wait."""
    answer = _next(max(stop, said.end_ms) + (700 if treated else 2_100))
    chose = _stopped(said.onset_ms, stop, answer.start_ms, "voice_activity", task_state="lost", confidence=0.87 if treated else 0.55)
    if not treated:
        chose = replace(chose, recovered_ms=None, false_positive_ms=answer.start_ms - 100, resume_behavior="none")
    return replace(base, played=(*base.played, answer), chose=(chose,), end_ms=answer.end_ms + 1_500, outcome="abandoned")


def key_press(call_id: str, workflow: str, digit: str, *, at_ms: int = MAIN_MS + 2_100, silent_after_ms: int | None = 180) -> Script:
    """Return a call in which the caller presses a key over a menu; without `silent_after_ms` the menu plays to its end."""
    greeting, opening = _opened(workflow)
    cut = None if silent_after_ms is None else at_ms + silent_after_ms
    main = _main("menu_prompt", 8_200, cut_ms=cut)
    answer = _next(main.end_ms + 500)
    chose = (_stopped(at_ms, main.end_ms, answer.start_ms, "expected_option", "route_dtmf"),) if cut else ()
    return Script(
        call_id=call_id,
        name="DTMF during prompt",
        workflow=workflow,
        message_type="menu_prompt",
        expected=f"agent routes to option {digit}",
        played=(greeting, main, answer),
        said=(opening,),
        keys=(Key(at_ms=at_ms, digit=digit),),
        chose=chose,
        end_ms=answer.end_ms + 1_000,
        outcome="completed" if cut else "failed",
    )


def disclosure(call_id: str, workflow: str, text: str, *, onset_ms: int = MAIN_MS + 2_400, silent_after_ms: int | None = None) -> Script:
    """Return a call in which the caller speaks over a required message, played on, or cut after `silent_after_ms`."""
    greeting, opening = _opened(workflow)
    said = _said(onset_ms, text)
    cut = None if silent_after_ms is None else onset_ms + silent_after_ms
    main = _main("disclosure", 7_400, cut_ms=cut, interruptible=False)
    answer = _next(max(main.end_ms, said.end_ms) + 600)
    buffered = Chose(
        input_ms=onset_ms,
        detected_ms=onset_ms + 180,
        decisions=(Decision(at_ms=onset_ms + 420, action="buffer_input_and_continue", reason="required_content"),),
        recovered_ms=answer.start_ms,
        recovered_position_ms=main.planned_ms,
    )
    return Script(
        call_id=call_id,
        name="legal disclosure",
        workflow=workflow,
        message_type="disclosure",
        expected="agent plays the required message to its end, may buffer the input",
        played=(greeting, main, answer),
        said=(opening, said),
        chose=(buffered if cut is None else _stopped(onset_ms, cut, answer.start_ms, "caller_correction_detected"),),
        end_ms=answer.end_ms + 1_200,
    )


def account_number(call_id: str, workflow: str, *, pause_ms: int = 1_500, answers_after_ms: int | None = None) -> Script:
    """Return a call in which the caller pauses inside a number; with `answers_after_ms` the agent starts in that pause."""
    greeting, opening = _opened(workflow)
    prompt = replace(_main("entity_capture", 2_600), question=True)
    first = _said(prompt.end_ms + 500, "four one five five five")
    second = replace(_said(first.end_ms + pause_ms, "zero nine two six"), continues=True)
    base = Script(
        call_id=call_id,
        name="long account number",
        workflow=workflow,
        message_type="entity_capture",
        expected="agent waits until the number is complete",
        played=(greeting, prompt),
        said=(opening, first, second),
        end_ms=0,
    )
    if answers_after_ms is None:
        answer = _next(second.end_ms + 1_300)
        return replace(base, played=(*base.played, answer), end_ms=answer.end_ms + 1_500)
    early = replace(_next(first.end_ms + answers_after_ms, 5_200, "entity_capture"), question=True)
    return replace(base, played=(*base.played, early), end_ms=early.end_ms + 1_500, outcome="failed")


def silence(call_id: str, workflow: str, *, noticed: bool = True, waits_ms: int = 8_000) -> Script:
    """Return a call in which the caller says nothing after a question; `noticed` if the agent has a timeout and asks again."""
    greeting, opening = _opened(workflow)
    asked = replace(_main("support_answer", 2_800), question=True)
    again = replace(_next(asked.end_ms + waits_ms + 200, 2_400), question=True)
    yes = _said(again.end_ms + 700, "yes, please do that")
    base = Script(
        call_id=call_id,
        name="silence timeout",
        workflow=workflow,
        message_type="support_answer",
        expected="agent asks again or hands over, counted apart from interruptions",
        played=(greeting, asked),
        said=(opening,),
        end_ms=asked.end_ms + 3 * waits_ms,
        outcome="abandoned",
    )
    if not noticed:
        return base
    waited = Waited(start_ms=asked.end_ms, end_ms=asked.end_ms + waits_ms, next_action="reprompt")
    return replace(
        base, played=(greeting, asked, again), said=(opening, yes), waited=(waited,), end_ms=yes.end_ms + 1_500, outcome="completed"
    )


def escalation(
    call_id: str, workflow: str, text: str, *, onset_ms: int = MAIN_MS + 2_200, silent_after_ms: int | None = 420, more_ms: int = 6_000
) -> Script:
    """Return a call in which the caller asks for a person; without `silent_after_ms` the agent talks on for `more_ms` first."""
    greeting, opening = _opened(workflow)
    said = replace(_said(onset_ms, text), wants_person=True)
    cut = None if silent_after_ms is None else onset_ms + silent_after_ms
    main = _main("support_answer", 9_000 if cut else onset_ms + more_ms - MAIN_MS, cut_ms=cut)
    handoff = _next(max(main.end_ms, said.end_ms) + 500, 2_200, "escalation_handoff")
    chose = (_stopped(onset_ms, main.end_ms, handoff.start_ms, "human_requested", "escalate_to_human"),) if cut else ()
    return Script(
        call_id=call_id,
        name="escalation interrupt",
        workflow=workflow,
        message_type="support_answer",
        expected="agent stops and starts the hand-off",
        played=(greeting, main, handoff),
        said=(opening, said),
        chose=chose,
        end_ms=handoff.end_ms + 800,
        outcome="completed" if cut else "unknown",
        escalated=True,
        ended_by="transfer",
    )


EIGHT: tuple[Script, ...] = (
    correction("call_true_correction", "appointment_rescheduling", "no, Friday", delay_ms=210),
    unmeant("call_backchannel", "support", "yeah"),
    unmeant("call_noise", "support", "", length_ms=90),
    key_press("call_key", "billing", "2"),
    disclosure("call_disclosure", "billing", "wait, I have a question about that"),
    account_number("call_account_number", "billing"),
    silence("call_silence", "appointment_rescheduling"),
    escalation("call_escalation", "support", "I want to talk to a human"),
)
EIGHT_FAILING: tuple[Script, ...] = (
    correction("call_true_correction_failing", "appointment_rescheduling", "no, Friday", silent_after_ms=None),
    unmeant("call_backchannel_failing", "support", "yeah", stopped_after_ms=450),
    unmeant("call_noise_failing", "support", "", length_ms=90, stopped_after_ms=300),
    key_press("call_key_failing", "billing", "2", silent_after_ms=None),
    disclosure("call_disclosure_failing", "billing", "wait, I have a question about that", silent_after_ms=450),
    account_number("call_account_number_failing", "billing", answers_after_ms=700),
    silence("call_silence_failing", "appointment_rescheduling", noticed=False),
    escalation("call_escalation_failing", "support", "I want to talk to a human", silent_after_ms=None),
)
