"""The policy engine at work inside an agent: told of partial evidence, it says stop, keep, pause, or when to ask again.

Knows no runtime: whoever runs the agent tells it what happens, does what it answers, and calls `tick` when it asks to be asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from otel_voice_schema import attributes as a
from otel_voice_schema.attributes import DtmfExpected, InputType, NextAction, TranscriptStatus

from otel_voice.decision import DO, LEAVE, Decision, Do, Input
from otel_voice.emit import guarded
from otel_voice.facts import Moment
from otel_voice.guarding import SOONEST_NS, GuardCore
from otel_voice.overlap import MS, Heard, Playback
from otel_voice.policy import decide
from otel_voice.policy.keys import on_offer, pressed
from otel_voice.transcript import words_of

__all__ = ["Decision", "Do", "Guard", "Input"]
INTERIM: Final = "interim"  # what some recognisers call a partial transcript


class Guard(GuardCore):
    """Decides for one call. A method tells of one thing and returns what to do now; a decision is emitted once, when it changes.

    Where it fails the answer is `leave`, the runtime's own settings rule, and the failure is logged once and counted. `can_pause` is
    whether the player can stand still; `words_within_ms` how long the recogniser may take after the caller fell silent;
    `longest_pause_ms` how long sound without words may hold the agent up. Workflow and language are the call's where not given; without a
    `call` nothing is emitted. Set `handing_over` while a wish for a person is being met: a further one then changes nothing. Lengths are
    counted by `steady`, a clock that nobody sets. Use it from one thread at a time.
    """

    @guarded(lambda self: LEAVE)
    def response_started(
        self,
        response_id: str | None = None,
        *,
        message_type: str | None = None,
        text: str | None = None,
        planned_ms: int | None = None,
        question_pending: bool | None = None,
        position_ms: int = 0,
        interruptible: bool = True,
        at: Moment | None = None,
    ) -> Decision:
        """Tell that a response began to play; `text` is what it says, as far as that is known, `planned_ms` its length.

        What the caller says over one that is not `interruptible` is kept until its end, whatever the policy would do.
        """
        now = self.now(at)
        released = self._released(now)  # of one before, whose end nobody told
        answers = words_of(self._heard.text or "") if self._heard is not None and not self._heard.unanswered else []
        if self._heard is not None and self._heard.complete:
            self._heard = None
        elif self._heard is not None:
            self._heard.meet()
        self._playback = Playback(
            response_id=response_id,
            message_type=message_type,
            start_ns=now,
            mark_ns=now,
            mark_ms=position_ms,
            text=text,
            planned_ms=planned_ms,
            question_pending=_asks(text) if question_pending is None else question_pending,
            interruptible=interruptible,
            answers=answers,
        )
        decision = self._ask(now)
        return replace(released, audio=decision.audio, next_at_ns=decision.next_at_ns) if released.inputs else decision

    @guarded(lambda self: LEAVE)
    def response_goes_on(
        self,
        *,
        position_ms: int | None = None,
        text: str | None = None,
        planned_ms: int | None = None,
        question_pending: bool | None = None,
        at: Moment | None = None,
    ) -> Decision:
        """Tell more of the response that plays: where it is, its text so far, its length, that it has just asked."""
        now, playback = self.now(at), self._playback
        if playback is not None:
            playback.mark(now, position_ms)
            playback.text = text or playback.text
            question_pending = _asks(text) if question_pending is None else question_pending
            playback.planned_ms = playback.planned_ms if planned_ms is None else planned_ms
            playback.question_pending = playback.question_pending if question_pending is None else question_pending
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def response_paused(self, *, position_ms: int | None = None, at: Moment | None = None) -> Decision:
        """Tell that the response stands still; need not be told where the guard asked for it."""
        now = self.now(at)
        if self._playback is not None:
            self._playback.pause(now, position_ms)
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def response_resumed(self, *, position_ms: int | None = None, at: Moment | None = None) -> Decision:
        """Tell that the response goes on; need not be told where the guard asked for it."""
        now = self.now(at)
        if self._playback is not None:
            self._playback.resume(now, position_ms)
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def response_stopped(self, *, position_ms: int | None = None, at: Moment | None = None) -> Decision:
        """Tell that the response ended, by itself or not; input that was kept is handed out."""
        now = self.now(at)
        if self._playback is not None:
            self._playback.mark(now, position_ms)
        return self._released(now)

    @guarded(lambda self: LEAVE)
    def speech_started(self, stretch_id: str | None = None, *, vad_confidence: float | None = None, at: Moment | None = None) -> Decision:
        """Tell that the caller began to make sound; `stretch_id` is what the call's `user_speech_started` returned."""
        now = self.now(at)
        self._silence_told = ""
        self._heard = self._next_stretch(stretch_id, now, vad_confidence)
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def speech_goes_on(self, *, duration_ms: int | None = None, vad_confidence: float | None = None, at: Moment | None = None) -> Decision:
        """Tell that the caller still makes sound; not needed where nothing but time has passed."""
        now, heard = self.now(at), self._heard
        if heard is not None:
            heard.start_ns = now - duration_ms * MS if duration_ms is not None and heard.end_ns is None else heard.start_ns
            heard.vad_confidence = heard.vad_confidence if vad_confidence is None else vad_confidence
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def speech_stopped(self, *, duration_ms: int | None = None, at: Moment | None = None) -> Decision:
        """Tell that the caller fell silent."""
        now, heard = self.now(at), self._heard
        if heard is not None and heard.end_ns is None:
            heard.end_ns, heard.spoken_ms = now, duration_ms
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def transcript(
        self, text: str, *, status: a.TranscriptStatusValue | Literal["interim"], confidence: float | None = None, at: Moment | None = None
    ) -> Decision:
        """Tell what the recogniser heard: `partial` (or `interim`) of a piece, then `final`; `empty` where it heard no words."""
        now = self.now(at)
        heard = self._heard
        if heard is None or (heard.complete and now > (heard.end_ns or 0) + self._words_ns):  # the detector missed it
            heard = self._heard = Heard(number=self._numbered(), stretch_id=None, start_ns=None, end_ns=now)
        heard.add(text, TranscriptStatus.PARTIAL if status == INTERIM else TranscriptStatus(status), confidence)
        return self._ask(now)

    @guarded(lambda self: LEAVE)
    def key(self, digit: str, *, expected: Sequence[str] | None = None, at: Moment | None = None) -> Decision:
        """Tell that a key was pressed: compared here with those on offer (the rule's own where none are given, `any` for all)."""
        now = self.now(at)
        known = self._facts(now)
        offered = on_offer(self.policy, known) if expected is None else expected
        candidate = pressed(self.policy, known, digit, offered)
        kept = None if candidate.dtmf_expected == DtmfExpected.NONE else digit
        told = None
        if self.call is not None and self.audible:
            told = self.call.candidate(
                input_type=InputType.DTMF.value,
                mode="dtmf",
                dtmf_digit=digit,
                expected_digits=offered,
                position_ms=candidate.position_ms,
                at=self._time.wall(now),
            )
        return self._at_once(candidate, Input(kind=InputType.DTMF.value, key=kept, heard_ns=now, interruption=told), now)

    @guarded(lambda self: LEAVE)
    def command(self, intent_label: str | None = None, *, at: Moment | None = None) -> Decision:
        """Tell that the caller asked for something by other means than speech or keys, such as a button."""
        now = self.now(at)
        candidate = replace(self._facts(now), input_type=InputType.COMMAND.value, intent_label=intent_label)
        told = None
        if self.call is not None and self.audible:
            told = self.call.candidate(
                input_type=InputType.COMMAND.value,
                mode="command",
                intent_label=intent_label,
                position_ms=candidate.position_ms,
                at=self._time.wall(now),
            )
        return self._at_once(candidate, Input(kind=InputType.COMMAND.value, intent=intent_label, heard_ns=now, interruption=told), now)

    @guarded(lambda self: LEAVE)
    def silence(self, elapsed_ms: int, *, at: Moment | None = None) -> Decision:
        """Tell how long nobody has spoken; `reprompt` and `escalate` are told once for each step of the rule's ladder."""
        now = self.now(at)
        ruling = self._allowed(decide(self.policy, replace(self._facts(now), input_type=InputType.SILENCE.value, silence_ms=elapsed_ms)))
        do = DO[ruling.action]
        changed = do in (Do.REPROMPT, Do.ESCALATE) and ruling.reason != self._silence_told
        if changed:
            self._silence_told = ruling.reason
            if self.call is not None:
                then = NextAction.REPROMPT if do is Do.REPROMPT else NextAction.ESCALATE
                self.call.silence_timeout(elapsed_ms=elapsed_ms, next_action=then.value, at=self._time.wall(now))
        due = None if ruling.wait_until_ms is None else now + max(SOONEST_NS, (ruling.wait_until_ms - elapsed_ms) * MS)
        return Decision(do=do, audio=self._audio(), changed=changed, ruling=ruling, next_at_ns=due)

    @guarded(lambda self: LEAVE)
    def tick(self, at: Moment | None = None) -> Decision:
        """Ask again because time has passed: at `next_at_ns`, or whenever it suits."""
        return self._ask(self.now(at))

    @guarded(lambda self: ())
    def buffered(self) -> tuple[Input, ...]:
        """Hand out what was kept, oldest first, whatever still protects the response; nothing is handed out twice.

        What the caller is still saying is not among it.
        """
        heard = self._heard
        if heard is not None and heard.number in self._kept:
            if heard.complete:
                heard.do = Do.STOP
            else:
                self._kept.drop(heard.number)
        return self._kept.hand_out()


def _asks(text: str | None) -> bool | None:
    """Tell whether a response asks, by its last mark; nothing where its text is not known."""
    return None if text is None else text.rstrip().endswith("?")
