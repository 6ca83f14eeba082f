"""Realistic calls whose truth is what caller and player did; imports no judgement, so that judgement can be held against it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial

from opentelemetry.trace import TracerProvider
from otel_voice_schema.attributes import EndReason, TranscriptStatusValue

from otel_voice import Interruption, VoiceCall
from otel_voice_processor.cases import (
    EIGHT,
    EIGHT_FAILING,
    MAIN_MS,
    account_number,
    correction,
    disclosure,
    escalation,
    key_press,
    plain,
    silence,
    unmeant,
)
from otel_voice_processor.scripts import Chose, Key, Played, Said, Script, Truth, Waited

__all__ = ["EIGHT", "EIGHT_FAILING", "POLICY_VERSION", "Script", "Truth", "emit", "simulate"]

MS = 1_000_000
POLICY_VERSION = "2026-05-20"
CHARS_PER_S = 14  # of synthetic speech
ENDPOINTING_MS = 550  # silence after which the detector declares the caller's stop
WORKFLOWS = ("appointment_rescheduling", "billing", "support")
CORRECTIONS = {
    "appointment_rescheduling": ("no, I meant Friday", "no, not Tuesday, Thursday please", "actually I need the afternoon"),
    "billing": ("no, the invoice from March", "wait, that is the wrong account", "no, I already paid that one"),
    "support": ("no, I already restarted it", "wait, which cable do you mean", "actually the light is red now"),
}
ESCALATIONS = ("I want to talk to a human", "human please", "can I speak to a real person")
BACKCHANNELS = ("yeah", "uh-huh", "okay", "mm-hmm", "right")
KINDS: dict[str, int] = {  # how often each kind of call comes, in parts
    "correction": 26,
    "backchannel": 20,
    "noise": 14,
    "plain": 12,
    "key": 8,
    "escalation": 8,
    "silence": 5,
    "account_number": 4,
    "disclosure": 3,
}


def simulate(seed: int, calls: int) -> Iterator[Script]:
    """Yield `calls` calls of a realistic mix; the same seed gives the same calls."""
    chance = random.Random(seed)  # noqa: S311 (a simulation, no secret)
    for number in range(calls):
        kind = chance.choices(list(KINDS), weights=list(KINDS.values()))[0]
        workflow = chance.choice(WORKFLOWS)
        yield _drawn(chance, kind, f"call_{seed}_{number:04d}", workflow)


def _drawn(chance: random.Random, kind: str, call_id: str, workflow: str) -> Script:
    """Draw one call of a kind: when the caller spoke, and how well the agent did."""
    onset = MAIN_MS + chance.randint(900, 3_600)
    if kind == "correction":
        return _drawn_correction(chance, call_id, workflow, onset)
    if kind in {"backchannel", "noise"}:
        return _drawn_unmeant(chance, call_id, workflow, onset, noise=kind == "noise")
    if kind == "key":
        missed = chance.random() < 0.2
        return key_press(call_id, workflow, chance.choice("123"), at_ms=onset, silent_after_ms=None if missed else chance.randint(90, 400))
    if kind == "escalation":
        silent = None if chance.random() < 0.2 else chance.randint(300, 1_100)
        return escalation(call_id, workflow, chance.choice(ESCALATIONS), onset_ms=onset, silent_after_ms=silent)
    if kind == "silence":
        return silence(call_id, workflow, noticed=chance.random() < 0.8, waits_ms=chance.randint(4_000, 8_000))
    if kind == "account_number":
        early = chance.random() < 0.4
        return account_number(call_id, workflow, pause_ms=chance.randint(1_200, 1_800), answers_after_ms=700 if early else None)
    if kind == "disclosure":
        cut = 450 if chance.random() < 0.3 else None
        return disclosure(call_id, workflow, "wait, I have a question about that", onset_ms=onset, silent_after_ms=cut)
    return plain(call_id, workflow, answer_ms=chance.randint(300, 1_500))


def _drawn_correction(chance: random.Random, call_id: str, workflow: str, onset: int) -> Script:
    fate = chance.random()
    silent: int | None = chance.randint(240, 1_150)
    if fate < 0.10:
        silent = None  # never heard
    elif fate < 0.18:
        silent = chance.randint(1_900, 2_800)  # heard too late
    return correction(
        call_id,
        workflow,
        chance.choice(CORRECTIONS[workflow]),
        onset_ms=onset,
        silent_after_ms=silent,
        planned_ms=chance.randint(7_000, 9_500),
        answer_ms=int(chance.lognormvariate(6.4, 0.5)),
        delay_ms=chance.randint(200, 410),
        repeats=chance.random() < 0.7,
    )


def _drawn_unmeant(chance: random.Random, call_id: str, workflow: str, onset: int, *, noise: bool) -> Script:
    text = "" if noise else chance.choice(BACKCHANNELS)
    length = chance.randint(60, 220) if noise else chance.randint(280, 560)
    fate = chance.random()
    stopped = chance.randint(240, 520) if fate < 0.4 else None
    paused = chance.randint(900, 2_200) if fate < 0.22 else None
    rewinds = 2_000 if fate < 0.05 else 0
    return unmeant(
        call_id, workflow, text, onset_ms=onset, length_ms=length, stopped_after_ms=stopped, paused_ms=paused, rewinds_ms=rewinds
    )


def emit(
    script: Script,
    tracer_provider: TracerProvider,
    *,
    start_ns: int,
    keep_text: bool = False,
    call_id: str | None = None,
    runtime: str = "simulator",
) -> str:
    """Emit the call's events in order of time, as an agent's helpers would, and return its call id; `call_id` replaces the script's."""
    clock = _Clock(start_ns)
    call = VoiceCall(
        call_id or script.call_id,
        workflow=script.workflow,
        runtime=runtime,
        runtime_version="1.0",
        agent_name="front_desk",
        policy_version=POLICY_VERSION,
        language="en",
        observable=("speech", "dtmf"),
        tracer_provider=tracer_provider,
        keep_text=keep_text,
        clock=clock,
    )
    clock.ms = script.end_ms
    playback = _Playback(script, call)
    for ms, act in sorted(playback.steps, key=lambda step: step[0]):
        clock.ms = ms
        act(start_ns + ms * MS)
    call.end(script.outcome, escalated=script.escalated, ended_by=script.ended_by, at=start_ns + script.end_ms * MS)
    return call_id or script.call_id


class _Clock:
    """The call's own clock; moved by hand."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns, self.ms = start_ns, 0

    def __call__(self) -> int:
        return self.start_ns + self.ms * MS


class _Playback:
    """A script turned into timed steps on a `VoiceCall`; each step gets its time in Unix ns."""

    def __init__(self, script: Script, call: VoiceCall) -> None:
        self.call = call
        self.steps: list[tuple[int, Callable[[int], None]]] = []
        self._stretches: dict[int, str] = {}
        self._turns = 0
        self._interruption: Interruption | None = None
        for response in script.played:
            self._play(response)
        for said in script.said:
            self._say(said)
        for wait in script.waited:
            self._wait(wait)
        if script.chose is not None or script.keys:
            self._choose(script)

    def _step(self, ms: int, act: Callable[[int], object]) -> None:
        self.steps.append((ms, lambda at: (act(at), None)[1]))

    def _turn(self) -> None:
        self._turns += 1
        self.call.turn(f"turn_{self._turns:04d}")

    def _play(self, response: Played) -> None:
        call, name, gap = self.call, response.response_id, response.gap

        def begin(at: int) -> None:
            self._turn()
            with call.message(response.message_type):
                call.agent_speech_started(
                    name,
                    planned_ms=response.planned_ms,
                    interruptible=response.interruptible,
                    question_pending=response.question,
                    at=at,
                )

        def silenced(at: int, ms: int, provisional: bool) -> None:
            position = response.position_ms(ms)
            heard = position * CHARS_PER_S // 1000
            call.agent_speech_interrupted(
                name, position_ms=position, reason="caller_input", heard_chars=heard, provisional=provisional, at=at
            )

        def ended(at: int) -> None:
            reason = EndReason.INTERRUPTED if response.cut else EndReason.COMPLETED
            call.agent_speech_stopped(name, position_ms=response.position_ms(response.end_ms), end_reason=reason, at=at)

        self._step(response.start_ms, begin)
        if gap is not None:
            self._step(gap.start_ms, lambda at: silenced(at, gap.start_ms, True))
            self._step(gap.end_ms, lambda at: call.agent_speech_started(name, position_ms=gap.position_ms, resumed=True, at=at))
        if response.cut:
            self._step(response.end_ms, lambda at: silenced(at, response.end_ms, False))
        self._step(response.end_ms, ended)

    def _say(self, said: Said) -> None:
        call, key = self.call, said.onset_ms

        def onset(at: int) -> None:
            if said.meant and not said.continues:
                self._turn()
            self._stretches[key] = call.user_speech_started(audio_source="caller", vad_confidence=0.9 if said.text else 0.6, at=at)

        def heard(at: int, text: str, status: TranscriptStatusValue) -> None:
            call.user_transcript(self._stretches[key], text=text, status=status, confidence=said.confidence if text else None, at=at)

        def stopped(at: int) -> None:
            call.user_speech_stopped(
                self._stretches[key],
                duration_ms=said.end_ms - said.onset_ms,
                transcript_status="partial" if said.text else "empty",
                silence_ms=ENDPOINTING_MS,
                at=at,
            )

        self._step(said.onset_ms, onset)
        if said.partial:
            self._step(said.onset_ms + said.partial_ms, lambda at: heard(at, said.partial, "partial"))
        self._step(said.end_ms, stopped)
        self._step(said.end_ms + said.final_ms, lambda at: heard(at, said.text, "final" if said.text else "empty"))

    def _wait(self, waited: Waited) -> None:
        elapsed, call = waited.end_ms - waited.start_ms, self.call

        def timed_out(at: int) -> None:
            call.silence_timeout(elapsed_ms=elapsed, prompt_state=waited.prompt_state, next_action=waited.next_action, at=at)

        self._step(waited.end_ms, timed_out)

    def _choose(self, script: Script) -> None:
        """Add what the agent's detector and logic reported: candidate, decision, recovery or false positive."""
        chose = script.chose
        for key in script.keys:
            self._step(key.at_ms, partial(self._pressed, key))
        if chose is None:
            return
        if not script.keys:
            said = max((s for s in script.said if s.onset_ms <= chose.detected_ms), key=lambda s: s.onset_ms)
            self._step(chose.detected_ms, lambda at: self._detected(said, chose.detected_ms, at))
        self._step(chose.decided_ms, lambda at: self._decided(chose, at))
        if chose.false_positive_ms is not None:
            self._step(chose.false_positive_ms, lambda at: self._withdrawn(script, chose, at))
        if chose.recovered_ms is not None:
            self._step(chose.recovered_ms + 1, lambda at: self._recovered(chose, at))

    def _pressed(self, key: Key, at: int) -> None:
        self._interruption = self.call.candidate(input_type="dtmf", mode="dtmf", dtmf_digit=key.digit, expected_digits=key.offered, at=at)

    def _detected(self, said: Said, ms: int, at: int) -> None:
        known = said.partial if said.partial and ms >= said.onset_ms + said.partial_ms else None
        self._interruption = self.call.candidate(
            input_type="speech",
            mode="vad",
            threshold=0.5,
            speech_ms=min(ms, said.end_ms) - said.onset_ms,
            words=len(known.split()) if known else 0,
            text=known,
            stretch_id=self._stretches[said.onset_ms],
            at=at,
        )

    def _decided(self, chose: Chose, at: int) -> None:
        if self._interruption is not None:
            self._interruption.decided(chose.action, reason=chose.reason, confidence=chose.confidence, policy_version=POLICY_VERSION, at=at)

    def _withdrawn(self, script: Script, chose: Chose, at: int) -> None:
        if self._interruption is not None:
            absent = not any(s.text for s in script.said if s.onset_ms >= MAIN_MS)
            waited = (chose.false_positive_ms or 0) - chose.detected_ms
            self._interruption.false_positive(timeout_ms=waited, transcript_absent=absent, resume_behavior=chose.resume_behavior, at=at)

    def _recovered(self, chose: Chose, at: int) -> None:
        if self._interruption is not None:
            turn = f"turn_{self._turns:04d}"
            self._interruption.recovered(position_ms=chose.recovered_position_ms, turn_id=turn, task_state=chose.task_state, at=at)
