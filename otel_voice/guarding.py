"""How a guard comes to its answer: what it asks the policy, what it does with the ruling, and what it tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from otel_voice_schema.attributes import Action, InputType, SpeechState

from otel_voice.call import VoiceCall
from otel_voice.decision import DO, TAKEN, Decision, Do, Input
from otel_voice.emit import failed
from otel_voice.facts import Moment, unix_ns
from otel_voice.interruption import Interruption
from otel_voice.overlap import MS, Heard, Playback
from otel_voice.policy import Candidate, Policy, Ruling, decide, load_default
from otel_voice.policy.model import KEEP, STOP

MOST_KEPT: Final = 32
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
    ) -> None:
        known = call.context() if call is not None else {}
        self.call, self.policy, self.can_pause = call, policy or load_default(), can_pause
        self._workflow, self._language = workflow or known.get("workflow"), language or known.get("language")
        self._words_ns, self._pause_ns = words_within_ms * MS, longest_pause_ms * MS
        self._clock = clock or (call.clock if call is not None else time.time_ns)
        self._playback: Playback | None = None
        self._heard: Heard | None = None
        self._kept: dict[int, Input] = {}
        self._silence_told = ""
        self._speech_due: int | None = None
        self._count = 0

    @property
    def audible(self) -> bool:
        """Whether a response plays or is paused, and was not told to stop."""
        return self._playback is not None and not self._playback.over

    def now(self, at: Moment | None = None) -> int:
        """Return a moment in Unix nanoseconds; the clock's where none is given."""
        return unix_ns(self._clock() if at is None else at)

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
        silence = None if heard.end_ns is None or self.audible else max(0, (now - heard.end_ns) // MS)
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
        ruling = heard.ruling = decide(self.policy, candidate)
        playback = self._playback if self.audible else None
        if playback is not None:
            if playback.may_answer(heard) and ruling.action is not Action.ESCALATE_TO_HUMAN:
                return self._unchanged(Do.KEEP, heard, ruling, None)
            if heard.interruption is None:
                heard.interruption = self._candidate_detected(heard, candidate, now)
            ruling = self._possible(heard, ruling, playback, now)
        do = DO[ruling.action]
        if heard.do in TAKEN and do is not Do.ESCALATE:
            return self._unchanged(heard.do, heard, ruling, None)
        if playback is not None and playback.paused_ns is not None and ruling.effect == KEEP:
            if not heard.complete and not heard.paused_enough:  # more may come, and the audio stands still already
                return self._unchanged(Do.PAUSE, heard, ruling, self._next(heard, ruling, now))
            do = Do.RESUME if do is Do.KEEP else do
        return self._act(heard, ruling, do, candidate, now)

    def _act(self, heard: Heard, ruling: Ruling, do: Do, candidate: Candidate, now: int) -> Decision:
        """Take the ruling as done: what is kept, what plays, what is told."""
        playback = self._playback if self.audible else None
        kept_before = self._kept.pop(heard.number, None) is not None
        if heard.text and (do is Do.BUFFER or (kept_before and do in TAKEN)):
            self._keep(
                heard.number,
                Input(
                    kind=InputType.SPEECH.value,
                    text=heard.text,
                    complete=heard.complete,
                    heard_ns=heard.end_ns or now,
                    interruption=heard.interruption,
                    candidate=candidate,
                ),
            )
        inputs: tuple[Input, ...] = ()
        if playback is not None:
            inputs = self._play(playback, do, now)
        self._tell(heard, ruling, do, now)
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
        ruling = decide(self.policy, candidate)
        do = DO[ruling.action]
        if do is Do.BUFFER:
            self._keep(self._numbered(), replace(said, candidate=candidate))
        inputs: tuple[Input, ...] = ()
        if self._playback is not None and self.audible:
            inputs = self._play(self._playback, do, now)
        if said.interruption is not None:
            self._decided(said.interruption, ruling, now)
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
        for number, kept in self._kept.items():
            if self._heard is not None and number == self._heard.number:
                continue
            facts = self._facts(now)
            candidate = replace(kept.candidate, agent_state=facts.agent_state, position_ms=facts.position_ms)
            ruling = decide(self.policy, candidate)
            if ruling.effect == STOP and self._playback is not None:
                inputs = self._play(self._playback, DO[ruling.action], now)
                if kept.interruption is not None:
                    self._decided(kept.interruption, ruling, now)
                return Decision(do=DO[ruling.action], changed=True, ruling=ruling, inputs=inputs, interruption=kept.interruption)
            due = _sooner(due, self._due(ruling, candidate, now))
        return replace(decision, next_at_ns=due)

    def _released(self, now: int) -> Decision:
        """Hand out what was kept, now that nothing plays: a wish for a person among it is acted on, the rest is to be answered."""
        newest = self._heard if self._heard is not None and self._heard.number in self._kept else None
        kept = self._hand_out()
        if not kept:
            return Decision(do=Do.KEEP)
        rulings = [decide(self.policy, replace(each.candidate, agent_state=SpeechState.LISTENING.value, position_ms=None)) for each in kept]
        wanted = next((n for n, ruling in enumerate(rulings) if ruling.action is Action.ESCALATE_TO_HUMAN), None)
        said, ruling = kept[-1 if wanted is None else wanted], rulings[-1 if wanted is None else wanted]
        if wanted is not None and said.interruption is not None:
            self._decided(said.interruption, ruling, now)
        do = Do.ANSWER if wanted is None else Do.ESCALATE
        if newest is not None and newest.complete:  # it is taken; what the caller still says is not
            newest.do, newest.told = Do.STOP if wanted is None else do, rulings[-1].action
        return Decision(do=do, changed=True, ruling=ruling, inputs=kept, interruption=said.interruption)

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
            return self._hand_out()
        if do is Do.PAUSE:
            playback.pause(now)
        else:
            playback.resume(now)
        return ()

    def _keep(self, number: int, said: Input) -> None:
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
            failed("guard.kept", ValueError(f"more than {MOST_KEPT} inputs wait for a response to end, the oldest is dropped"))
        self._kept[number] = said

    def _hand_out(self) -> tuple[Input, ...]:
        kept, self._kept = tuple(self._kept.values()), {}
        return kept

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
                self._kept.pop(before.number, None)
            before.end_ns = now if before.end_ns is None else before.end_ns
            before.give_up()
            paused = self._playback is not None and self._playback.audio == "pause"
            if before.told is None and before.interruption is not None and not paused:
                self._tell(before, decide(self.policy, self._speech(before, now)), Do.KEEP, now)
        return Heard(number=self._numbered(), stretch_id=stretch_id, start_ns=now, vad_confidence=vad_confidence, partial=partial)

    def _numbered(self) -> int:
        self._count += 1
        return self._count

    def _candidate_detected(self, heard: Heard, candidate: Candidate, now: int) -> Interruption | None:
        if self.call is None:
            return None
        return self.call.candidate(
            mode="vad" if heard.start_ns is not None else "stt",
            speech_ms=candidate.speech_duration_ms,
            text=heard.text,
            stretch_id=heard.stretch_id,
            position_ms=candidate.position_ms,
            at=max(now, self.now()),  # the detector told it now, of speech that began before
        )

    def _tell(self, heard: Heard, ruling: Ruling, do: Do, now: int) -> None:
        """Emit the decision where it changed; to go on as before is one only when all has been heard."""
        if heard.interruption is None or do is Do.WAIT or not (ruling.effect != KEEP or do is Do.RESUME or heard.complete):
            return
        plain = Action.CONTINUE_AGENT_AUDIO if ruling.action is Action.RESUME_AGENT_AUDIO else ruling.action
        if plain is not heard.told:
            heard.told = plain
            self._decided(heard.interruption, ruling, now)

    def _decided(self, interruption: Interruption, ruling: Ruling, now: int) -> None:
        interruption.decided(
            ruling.action.value,
            reason=ruling.reason,
            confidence=ruling.confidence,
            policy_version=ruling.policy_version,
            at=max(now, self.now()),
        )


def _sooner(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
