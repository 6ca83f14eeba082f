"""Rule on an input by a policy: pure, the same input gives the same ruling byte for byte, and it never raises.

This is the reference: it reads a policy as it is written. `compiled.py` gives the same rulings faster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from otel_voice_schema.attributes import (
    Action,
    DtmfExpected,
    EndReason,
    InputClass,
    InputType,
    RequiredContent,
    SpeechState,
    TranscriptStatus,
)

from .classify import classify, words_in
from .model import EFFECTS, KEEP, STOP, Candidate, Classification, Policy, Rule, Ruling, known

OTHER: Final = "other"
UNLISTED_KEY: Final = "unlisted_key"
SUSTAINED: Final = "sustained"
SILENT_STATES: Final = frozenset({SpeechState.LISTENING, SpeechState.IDLE, SpeechState.THINKING})
NOT_MEANT: Final = frozenset({InputClass.BACKCHANNEL, InputClass.NOISE})
SO_FAR: Final = frozenset({"too_short_for_words", "detector_unsure"})  # what it is taken for while it may go on
CANCEL_REASON: Final = "cancel_phrase"
_ALL_HEARD: Final = frozenset({TranscriptStatus.FINAL, TranscriptStatus.EMPTY})


@dataclass(slots=True, kw_only=True)
class _Case:
    """One candidate on its way to a ruling: what was judged, which rule applies, and what was tried so far."""

    policy: Policy
    candidate: Candidate
    judged: Classification
    rule: Rule
    input_class: InputClass
    trail: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    protected: bool = False

    @property
    def position_ms(self) -> float | None:
        """Where playback is, if that is known."""
        return known(self.candidate.position_ms)

    def ask_again(self) -> int | None:
        """The playback position at which to ask again; none where nothing more is to come."""
        if self.position_ms is None or self.candidate.transcript_status in _ALL_HEARD:
            return None
        return int(self.position_ms) + self.rule.ask_again_ms

    def tried(self, part: str, said: str) -> None:
        """Note what a part of the rule said, without figures of the candidate: those are `explain`'s."""
        self.trail.append(f"{self.rule.name}.{part}: {said}")

    def ruling(
        self, action: Action, part: str, reason: str, *, confidence: float | None = None, wait_until_ms: int | None = None
    ) -> Ruling:
        """Close the case."""
        if action is Action.CONTINUE_AGENT_AUDIO and self.candidate.agent_state == SpeechState.PAUSED:
            action = Action.RESUME_AGENT_AUDIO
        cancels = self.rule.cancellable and EFFECTS[action] == STOP and self.judged.reason.startswith(CANCEL_REASON)
        self.tried(part, action.value)
        return Ruling(
            action=action,
            effect=EFFECTS[action],
            input_class=self.input_class,
            rule=f"{self.rule.name}.{part}",
            reason="; ".join((reason, *self.notes)),
            confidence=self.judged.confidence if confidence is None else confidence,
            policy_version=self.policy.version,
            protected=self.protected,
            wait_until_ms=wait_until_ms,
            cancels=cancels,
            trail=tuple(self.trail),
        )


def decide_plainly(policy: Policy, candidate: Candidate) -> Ruling:
    """Return what the policy says should happen on this input, given what is known of it now; never raises."""
    try:
        return rule_on(policy, candidate, classify(candidate, policy.lexicons))
    except Exception:  # some value is nothing that can be compared: it counts as absent
        sound = candidate.sound()
        return rule_on(policy, sound, classify(sound, policy.lexicons))


def rule_on(policy: Policy, candidate: Candidate, judged: Classification) -> Ruling:
    """Return what the policy says of an input that was classified."""
    rule, note = rule_for(policy, candidate)
    case = _Case(policy=policy, candidate=candidate, judged=judged, rule=rule, input_class=judged.input_class)
    case.trail.append(f"classified: {judged.input_class.value} {judged.confidence:.2f} {judged.reason}")
    if note:
        case.notes.append(note)
    if judged.input_class is InputClass.SILENCE:
        return _on_silence(case)
    speaking = candidate.agent_state not in SILENT_STATES
    floor = rule.floor_of(judged.input_class)
    open_turn = not speaking and judged.input_class is InputClass.CORRECTION  # taken from nobody
    if judged.input_class is not InputClass.UNKNOWN and judged.confidence < floor and not open_turn:
        case.tried("confidence_floor", f"{judged.confidence:.2f} < {floor:.2f}, ruled as unknown")
        case.notes.append("below confidence floor")
        case.input_class = InputClass.UNKNOWN
    case.protected = speaking and rule.until is not None and not rule.until.reached(case.position_ms, known(candidate.response_duration_ms))
    if case.input_class is InputClass.ESCALATION:
        return _on_escalation(case)
    if not speaking:
        return _while_listening(case)
    return _on_protected(case) or _on_limits(case) or _on_sustained(case) or _by_class(case)


def rule_for(policy: Policy, candidate: Candidate) -> tuple[Rule, str]:
    """Return the rule of the candidate's message, a workflow's own first, and a note where its type is not ruled by name."""
    name = candidate.message_type
    kind = OTHER if name is None else policy.names.get(name, name)
    for workflow in (candidate.workflow, None):
        for key in (name, kind):
            rule = policy.rules.get((workflow, key)) if key is not None else None
            if rule is not None:
                return rule, "message type not known, ruled as other" if name is None else ""
    note = "message type not mapped, ruled as other"
    own = policy.rules.get((candidate.workflow, OTHER))
    return (own or policy.rules[(None, OTHER)]), note


def required_content(policy: Policy, candidate: Candidate, end_reason: str | None) -> RequiredContent | None:
    """Return whether what the policy protects in a response was played, told by the end of its playback; nothing where nothing is.

    `candidate` holds the response's message type and workflow, the position playback came to, and the planned length,
    as far as they are known.
    """
    rule, _ = rule_for(policy, candidate)
    if rule.until is None:
        return None
    if end_reason == EndReason.COMPLETED:
        return RequiredContent.PLAYED
    position, length = known(candidate.position_ms), known(candidate.response_duration_ms)
    needed = rule.until.at_ms(length)
    if needed is not None and position is not None:
        return RequiredContent.PLAYED if position >= needed else RequiredContent.CUT
    ended = end_reason in (EndReason.INTERRUPTED, EndReason.FAILED)
    return RequiredContent.CUT if ended and rule.until.end else RequiredContent.UNKNOWN


def _on_silence(case: _Case) -> Ruling:
    """Climb the rule's ladder of silences; below its first step, wait."""
    elapsed = known(case.candidate.silence_ms)
    if case.candidate.agent_state in (SpeechState.SPEAKING, SpeechState.PAUSED, SpeechState.THINKING):
        return case.ruling(Action.WAIT, "silence", "agent_has_the_floor")
    if elapsed is None:
        return case.ruling(Action.WAIT, "silence", "silence_not_measured")
    reached = [step for step in case.rule.silence if elapsed >= step.after_ms]
    waiting = next((step.after_ms for step in case.rule.silence if elapsed < step.after_ms), None)
    if not reached:
        return case.ruling(Action.WAIT, "silence", "caller_may_hesitate", wait_until_ms=waiting)
    return case.ruling(reached[-1].action, "silence", f"silent_for_{reached[-1].after_ms}_ms", wait_until_ms=waiting)


def _on_escalation(case: _Case) -> Ruling:
    """A wish for a person outranks everything, unless the rule names another action for it."""
    named = case.rule.actions.get(InputClass.ESCALATION)
    allowed = case.protected and InputClass.ESCALATION in case.rule.protected_allows
    holds = named is not None and EFFECTS[named] == KEEP and (case.rule.until is None or case.protected) and not allowed
    if named is not None and holds:
        until = case.rule.until.at_ms(known(case.candidate.response_duration_ms)) if case.rule.until else None
        return case.ruling(named, "escalation", "policy_holds_escalation", wait_until_ms=until)
    action = named if named is not None and EFFECTS[named] != KEEP else Action.ESCALATE_TO_HUMAN
    return case.ruling(action, "escalation", case.judged.reason)


def _while_listening(case: _Case) -> Ruling:
    """Nothing plays, so nothing can be cut: only whether the caller has finished is in question."""
    silence = known(case.candidate.silence_ms)
    if case.input_class is InputClass.CORRECTION and silence is not None and silence < case.rule.patience_ms:
        return case.ruling(Action.WAIT, "patience", "caller_may_go_on", wait_until_ms=case.rule.patience_ms)
    case.tried("limits", "agent not speaking, none apply")
    return _by_class(case)


def who_speaks(candidate: Candidate, input_class: InputClass) -> str:
    """Return by what means the input came: speech, dtmf or command."""
    if input_class is InputClass.DTMF:
        return InputType.DTMF
    return InputType.COMMAND if candidate.input_type == InputType.COMMAND else InputType.SPEECH


def _on_protected(case: _Case) -> Ruling | None:
    """Required content plays on; what was meant for the agent is kept for later."""
    if not case.protected:
        if case.rule.until is not None:
            case.tried("until", "heard, no longer protected")
        return None
    who = who_speaks(case.candidate, case.input_class)
    if case.input_class is not InputClass.UNKNOWN and case.input_class not in NOT_MEANT and who in case.rule.protected_allows:
        case.tried("protected_allows", who)
        return None
    duration = known(case.candidate.response_duration_ms)
    until = case.rule.until.at_ms(duration) if case.rule.until else None
    action = Action.CONTINUE_AGENT_AUDIO if case.input_class in NOT_MEANT else case.rule.held
    sure = 1.0 if case.position_ms is not None else 0.8
    return case.ruling(action, "protected", "required_content_protected", confidence=sure, wait_until_ms=until)


def _on_limits(case: _Case) -> Ruling | None:
    """Check who may interrupt, the grace period, and the least speech and words a meaningful turn has."""
    rule, candidate = case.rule, case.candidate
    if case.input_class not in (InputClass.CORRECTION, InputClass.DTMF):
        return None
    who = who_speaks(candidate, case.input_class)
    if who not in rule.interrupted_by:
        return case.ruling(rule.held, "interrupted_by", f"not_interruptible_by_{who}")
    if case.position_ms is not None and case.position_ms < rule.grace_ms:
        return case.ruling(rule.held, "grace", "within_grace_period", wait_until_ms=rule.grace_ms)
    case.tried("grace", f"{rule.grace_ms} ms over")
    if who != InputType.SPEECH:
        return None
    spoken, words = known(candidate.speech_duration_ms), words_in(candidate, case.policy.lexicons)
    if spoken is not None and spoken < rule.min_speech_ms and candidate.transcript_status not in _ALL_HEARD:
        again = None if case.position_ms is None else int(case.position_ms + rule.min_speech_ms - spoken)
        return case.ruling(Action.CONTINUE_AGENT_AUDIO, "min_speech", "too_little_speech_yet", wait_until_ms=again)
    if words is not None and words < rule.min_words:
        return case.ruling(Action.CONTINUE_AGENT_AUDIO, "min_words", "too_few_words_yet", wait_until_ms=case.ask_again())
    case.tried("min_speech", f"{rule.min_speech_ms} ms and {rule.min_words} words reached")
    return None


def _on_sustained(case: _Case) -> Ruling | None:
    """Speech of unknown meaning that goes on longer than listeners do makes the agent give way, until words come."""
    rule, candidate = case.rule, case.candidate
    if case.input_class is not InputClass.UNKNOWN or not rule.sustained_ms or who_speaks(candidate, case.input_class) != InputType.SPEECH:
        return None
    spoken, vad = known(candidate.speech_duration_ms), known(candidate.vad_confidence)
    unread = case.judged.reason == "no_transcript" and candidate.transcript_status not in _ALL_HEARD
    if not unread or spoken is None or spoken < rule.sustained_ms:
        return None
    if vad is not None and vad < rule.min_vad_confidence:
        case.tried("min_vad_confidence", "not reached")
        return None
    if InputType.SPEECH not in rule.interrupted_by or (case.position_ms is not None and case.position_ms < rule.grace_ms):
        case.tried(SUSTAINED, "speech may not interrupt here")
        return None
    action = rule.actions.get(SUSTAINED, Action.PAUSE_AGENT_AUDIO)
    return case.ruling(action, SUSTAINED, "speech_goes_on", wait_until_ms=case.ask_again())


def _by_class(case: _Case) -> Ruling:
    """What the rule says of the class."""
    part: str = case.input_class.value
    if case.input_class is InputClass.DTMF and case.candidate.dtmf_expected == DtmfExpected.NONE:
        part = UNLISTED_KEY
    action = case.rule.actions.get(part, Action.CONTINUE_AGENT_AUDIO)
    reason = "key_not_an_option" if part == UNLISTED_KEY else case.judged.reason
    partial = case.candidate.transcript_status == TranscriptStatus.PARTIAL
    grows = (
        case.input_class is InputClass.UNKNOWN or case.judged.reason in SO_FAR or (case.input_class is InputClass.BACKCHANNEL and partial)
    )
    return case.ruling(action, part, reason, wait_until_ms=case.ask_again() if grows else None)
