"""How a guard comes to its answer: what it asks the policy, what it does with the ruling, and what it tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from otel_voice_schema.attributes import Action, InputType, SpeechState

from otel_voice.call import VoiceCall
from otel_voice.decision import DO, TAKEN, Decision, Do, Input
from otel_voice.facts import Moment
from otel_voice.kept import Kept
from otel_voice.overlap import MS, Heard, Playback
from otel_voice.policy import Candidate, Policy, Ruling, decide, load_default
from otel_voice.policy.model import KEEP, STOP
from otel_voice.telling import Steady, Telling

SOONEST_NS: Final = 20 * MS  # a clock that stands still must not be asked in a circle
WHILE_SPEAKING_NS: Final = 250 * MS  # speech that goes on means more with time, whatever the ruling says


class GuardCore:
    """What a guard knows of its call, and how it decides; the base of `Guard`."""

    def __init__(
        self,
        call: VoiceCall | None = None,
        *,
        policy: Policy | None = None,
        workflow: str | None = None,
        language: str | None = None,
        can_pause: bool = True,
        words_within_ms: int = 1_500,
        longest_pause_ms: int = 5_000,
        clock: Callable[[], int] | None = None,
        steady: Callable[[], int] | None = None,
    ) -> None:
        known = call.context() if call is not None else {}
        self.call, self.policy, self.can_pause = call, policy or load_default(), can_pause
        self._workflow, self._language = workflow or known.get("workflow"), language or known.get("language")
        self.policy.lexicons.for_tag(self._language)  # read once, and not while a caller waits
        self._words_ns, self._pause_ns = words_within_ms * MS, longest_pause_ms * MS
        self._time = Steady(clock or (call.clock if call is not None else time.time_ns), steady)
        self._telling = Telling(call, self._time)
        self.handing_over = False
        self._playback: Playback | None = None
        self._heard: Heard | None = None
        self._kept = Kept()
        self._silence_told = ""
        self._speech_due: int | None = None
        self._count = 0

    @property
    def audible(self) -> bool:
        """Whether a response plays or is paused, and was not told to stop."""
        return self._playback is not None and not self._playback.over

    def now(self, at: Moment | None = None) -> int:
        """Return a moment in Unix nanoseconds that go on evenly where the clock is set; now where none is given."""
        return self._time.now(at)

    def _facts(self, now: int) -> Candidate:
        """Return what is known of the agent's side."""
        playback = self._playback
        if playback is None:
            return Candidate(agent_state=SpeechState.LISTENING.value, workflow=self._workflow, language=self._language)
        return Candidate(
            agent_state=playback.state,
            agent_text=playback.text,
            question_pending=playback.question_pending,
            position_ms=None if playback.over else playback.position_ms(now),
            response_duration_ms=playback.planned_ms,
            message_type=playback.message_type,
            workflow=self._workflow,
            language=self._language,
        )

    def _speech(self, heard: Heard, now: int) -> Candidate:
        """Return what is known of the caller's speech, and of the agent's side."""
        silence = None if self.audible else 0 if heard.end_ns is None else max(0, (now - heard.end_ns) // MS)
        return replace(
            self._facts(now),
            input_type=InputType.SPEECH.value,
            text=heard.text,
            transcript_status=heard.status,
            speech_duration_ms=heard.duration_ms(now),
            vad_confidence=heard.vad_confidence,
            transcript_confidence=heard.confidence,
            silence_ms=silence,
        )

    def _ask(self, now: int) -> Decision:
        """Ask the policy about the caller's speech, and about what was kept."""
        heard = self._heard
        decision = Decision(do=Do.KEEP, audio=self._audio())
        if heard is not None:
            if heard.end_ns is not None and not heard.complete and now >= heard.end_ns + self._words_ns:
                heard.give_up()
            decision = self._settle(heard, now)
        self._speech_due = decision.next_at_ns
        return self._ask_kept(decision, now) if self._kept and self.audible else decision

    def _settle(self, heard: Heard, now: int) -> Decision:
        candidate = self._speech(heard, now)
        playback = self._playback if self.audible else None
        ruling = heard.ruling = self._allowed(decide(self.policy, candidate))
        if playback is not None:
            if playback.may_answer(heard) and ruling.action is not Action.ESCALATE_TO_HUMAN:
                return self._unchanged(Do.KEEP, heard, ruling, None)
            if heard.interruption is None:
                heard.interruption = self._telling.candidate(heard, candidate, now)
            ruling = self._possible(heard, ruling, playback, now)
        do = DO[ruling.action]
        waits = do is Do.WAIT and heard.do is Do.STOP and playback is None  # the audio has stopped, the turn is not over
        taken_back = heard.do is Do.ESCALATE and do is Do.STOP and heard.said != ""  # `human` became `human resources`
        if heard.do in TAKEN and do is not Do.ESCALATE and not waits and not taken_back:
            return self._unchanged(heard.do, heard, ruling, None)
        if playback is not None and playback.paused_ns is not None and ruling.effect == KEEP:
            if not heard.complete and not heard.paused_enough:  # more may come, and the audio stands still already
                return self._unchanged(Do.PAUSE, heard, ruling, self._next(heard, ruling, now))
            do = Do.RESUME if do is Do.KEEP else do
        return self._act(heard, ruling, do, candidate, now)

    def _act(self, heard: Heard, ruling: Ruling, do: Do, candidate: Candidate, now: int) -> Decision:
        """Take the ruling as done: what is kept, what plays, what is told."""
        playback = self._playback if self.audible else None
        kept_before = self._kept.drop(heard.number)
        if heard.text and (do is Do.BUFFER or (kept_before and do in TAKEN)):
            self._kept.keep(
                heard.number,
                Input(
                    kind=InputType.SPEECH.value,
                    text=heard.text,
                    complete=heard.complete,
                    heard_ns=heard.end_ns or now,
                    interruption=heard.interruption,
                    candidate=candidate,
                ),
                ruling,
            )
        inputs: tuple[Input, ...] = ()
        if playback is not None:
            inputs = self._play(playback, do, now)
        self._telling.decision(heard, ruling, do, now, audible=playback is not None)
        changed, heard.do = do is not heard.do, Do.KEEP if do is Do.RESUME else do
        return Decision(
            do=do,
            audio=self._audio(),
            changed=changed,
            ruling=ruling,
            next_at_ns=self._next(heard, ruling, now),
            inputs=inputs,
            interruption=heard.interruption,
        )

    def _at_once(self, candidate: Candidate, said: Input, now: int) -> Decision:
        """Decide on input that is complete as it comes: a key, a command."""
        self._silence_told = ""
        ruling = self._allowed(decide(self.policy, candidate))
        do = DO[ruling.action]
        if do is Do.BUFFER:
            self._kept.keep(self._numbered(), replace(said, candidate=candidate), ruling)
        inputs: tuple[Input, ...] = ()
        if self._playback is not None and self.audible:
            inputs = self._play(self._playback, do, now)
        self._telling.decided(said.interruption, ruling, now)
        speech_due = None if self._speech_due is None else max(self._speech_due, now + SOONEST_NS)
        return Decision(
            do=do,
            audio=self._audio(),
            changed=True,
            ruling=ruling,
            next_at_ns=_sooner(self._due(ruling, candidate, now), speech_due),
            inputs=inputs,
            interruption=said.interruption,
        )

    def _ask_kept(self, decision: Decision, now: int) -> Decision:
        """Ask again about what was kept: its protection may have ended while the response plays on."""
        due = decision.next_at_ns
        for number, kept in self._kept:
            if self._heard is not None and number == self._heard.number:
                continue
            facts = self._facts(now)
            candidate = replace(kept.candidate, agent_state=facts.agent_state, position_ms=facts.position_ms)
            ruling = self._allowed(decide(self.policy, candidate))
            if ruling.effect == STOP and self._playback is not None:
                inputs = self._play(self._playback, DO[ruling.action], now)
                self._telling.decided(kept.interruption, ruling, now)
                return Decision(do=DO[ruling.action], changed=True, ruling=ruling, inputs=inputs, interruption=kept.interruption)
            due = _sooner(due, self._due(ruling, candidate, now))
        return replace(decision, next_at_ns=due)

    def _released(self, now: int) -> Decision:
        """Hand out what was kept, now that nothing plays: a wish for a person among it is acted on, the rest is to be answered."""
        if self._playback is not None:
            self._playback.over = True
        newest = self._heard if self._heard is not None and self._heard.number in self._kept else None
        if newest is not None and not newest.complete:  # it becomes an ordinary turn, and is taken then
            self._kept.drop(newest.number)
            newest.unanswered = True
            self._telling.held_back(newest, now)
        kept = self._kept.hand_out()
        if not kept:
            return Decision(do=Do.KEEP, next_at_ns=None if newest is None else now + SOONEST_NS)
        listening = [replace(each.candidate, agent_state=SpeechState.LISTENING.value, position_ms=None) for each in kept]
        rulings = [self._allowed(decide(self.policy, each)) for each in listening]
        wanted = next((n for n, ruling in enumerate(rulings) if ruling.action is Action.ESCALATE_TO_HUMAN), None)
        said, ruling = kept[-1 if wanted is None else wanted], rulings[-1 if wanted is None else wanted]
        if wanted is not None:
            self._telling.decided(said.interruption, ruling, now)
        do = Do.ANSWER if wanted is None else Do.ESCALATE
        if newest is not None and newest.complete:
            newest.do, newest.told = Do.STOP if wanted is None else do, rulings[-1].action
        due = None if newest is None or newest.complete else now + SOONEST_NS
        return Decision(do=do, changed=True, ruling=ruling, next_at_ns=due, inputs=kept, interruption=said.interruption)

    def _allowed(self, ruling: Ruling) -> Ruling:
        """Return the ruling as far as it may be followed: a wish for a person is met once, and a response may forbid to be stopped."""
        if ruling.action is Action.ESCALATE_TO_HUMAN and self.handing_over:
            keep = Action.BUFFER_INPUT_AND_CONTINUE if self.audible else Action.CONTINUE_AGENT_AUDIO
            return replace(ruling, action=keep, effect=KEEP, reason=f"{ruling.reason}; handing_over_already")
        if self._playback is None or self._playback.over or self._playback.interruptible or ruling.effect == KEEP:
            return ruling
        action = Action.BUFFER_INPUT_AND_CONTINUE if ruling.effect == STOP else Action.CONTINUE_AGENT_AUDIO
        return replace(ruling, action=action, effect=KEEP, reason=f"{ruling.reason}; response_not_interruptible", wait_until_ms=None)

    def _possible(self, heard: Heard, ruling: Ruling, playback: Playback, now: int) -> Ruling:
        """Return the ruling as far as this player can follow it, and sound without words deserves it."""
        if playback.paused_ns is not None and now >= playback.paused_ns + self._pause_ns and ruling.effect != STOP:
            heard.paused_enough = True
            return replace(ruling, action=Action.RESUME_AGENT_AUDIO, effect=KEEP, reason="paused_long_enough", wait_until_ms=None)
        if ruling.action is Action.PAUSE_AGENT_AUDIO and (heard.paused_enough or not self.can_pause):
            why = "paused_long_enough" if heard.paused_enough else "player_cannot_pause"
            return replace(ruling, action=Action.CONTINUE_AGENT_AUDIO, effect=KEEP, reason=f"{ruling.reason}; {why}")
        return ruling

    def _play(self, playback: Playback, do: Do, now: int) -> tuple[Input, ...]:
        """Note what the player is told to do; return what is handed out with it."""
        if do in TAKEN:
            playback.over = True
            return self._kept.hand_out()
        if do is Do.PAUSE:
            playback.pause(now)
        else:
            playback.resume(now)
        return ()

    def _unchanged(self, do: Do, heard: Heard, ruling: Ruling, due: int | None) -> Decision:
        return Decision(do=do, audio=self._audio(), ruling=ruling, next_at_ns=due, interruption=heard.interruption)

    def _audio(self) -> str:
        return "stop" if self._playback is None else self._playback.audio

    def _next(self, heard: Heard, ruling: Ruling, now: int) -> int | None:
        """Return when to ask again about speech although nothing new came."""
        if not self.audible and heard.do in TAKEN:
            return None
        due = self._due(ruling, self._speech(heard, now), now)
        if heard.end_ns is None and self.audible:
            due = _sooner(due, now + WHILE_SPEAKING_NS)
        elif heard.end_ns is not None and not heard.complete:
            due = _sooner(due, max(heard.end_ns + self._words_ns, now + SOONEST_NS))
        if self.audible and self._playback is not None and self._playback.paused_ns is not None:
            due = _sooner(due, max(self._playback.paused_ns + self._pause_ns, now + SOONEST_NS))
        return due

    def _due(self, ruling: Ruling, candidate: Candidate, now: int) -> int | None:
        """Return when the ruling wants to be asked again: it counts in playback position, in silence where nothing plays."""
        since = candidate.silence_ms if candidate.position_ms is None else candidate.position_ms
        if ruling.wait_until_ms is None or since is None:
            return None
        return now + max(SOONEST_NS, (ruling.wait_until_ms - since) * MS)

    def _next_stretch(self, stretch_id: str | None, now: int, vad_confidence: float | None) -> Heard:
        """Close the stretch before: what was decided on it is told, and words that were not final go on in the next."""
        before, partial = self._heard, ""
        if before is not None and not before.complete:
            if not before.said and before.do not in TAKEN:
                partial = before.partial
                self._kept.drop(before.number)
            before.end_ns = now if before.end_ns is None else before.end_ns
            before.give_up()
            paused = self._playback is not None and self._playback.audio == "pause"
            if before.told is None and before.interruption is not None and not paused:
                ruling = self._allowed(decide(self.policy, self._speech(before, now)))
                self._telling.decision(before, ruling, Do.KEEP, now, audible=self.audible)
        return Heard(number=self._numbered(), stretch_id=stretch_id, start_ns=now, vad_confidence=vad_confidence, partial=partial)

    def _numbered(self) -> int:
        self._count += 1
        return self._count


def _sooner(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
