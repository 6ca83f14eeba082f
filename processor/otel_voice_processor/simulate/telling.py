"""A script told as an agent's helpers tell it: every event at its time, on one `VoiceCall`, or two where telephony tells, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from opentelemetry.trace import TracerProvider
from otel_voice_schema.attributes import EndReason, TranscriptStatusValue

from otel_voice import Interruption, VoiceCall
from otel_voice_processor.simulate.script import Chose, Command, Decision, Gap, Key, Played, Said, Script, Waited

MS: Final = 1_000_000
POLICY_VERSION: Final = "2026-05-20"
CHARS_PER_S: Final = 14  # of synthetic speech
ENDPOINTING_MS: Final = 550  # silence after which the detector declares the caller's stop
EVERYTHING: Final = ("speech", "dtmf", "command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What a runtime never tells."""

    transcripts: bool = False
    agent_stops: bool = False
    caller_while_agent_speaks: bool = False
    decisions: bool = False
    candidates: bool = False
    call_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a call is told: `telephony_ms` is what a second emitter's clock is ahead by, None where there is no second one."""

    withheld: Withheld = field(default_factory=Withheld)
    telephony_ms: int | None = None
    keep_text: bool = False
    runtime: str = "simulator"


def tell(script: Script, voice: Voice, agent: TracerProvider, telephony: TracerProvider, *, call_id: str, start_ns: int) -> None:
    """Tell the call in order of time; `agent` and `telephony` take the events of either emitter."""
    clock = _Clock(start_ns)
    call = VoiceCall(
        call_id,
        workflow=script.workflow,
        runtime=voice.runtime,
        runtime_version="1.0",
        agent_name="front_desk",
        policy_version=POLICY_VERSION,
        language="en",
        observable=() if voice.withheld.caller_while_agent_speaks else EVERYTHING,
        tracer_provider=agent,
        keep_text=voice.keep_text,
        clock=clock,
    )
    other = None
    if voice.telephony_ms is not None:
        other = VoiceCall.attach(call_id, workflow=script.workflow, runtime="telephony", tracer_provider=telephony, clock=clock)
    telling = _Telling(script, voice, call, other)
    for ms, act in sorted(telling.steps, key=lambda step: step[0]):
        clock.ms = ms
        act(start_ns + ms * MS)


class _Clock:
    """The call's own clock; moved by hand."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns, self.ms = start_ns, 0

    def __call__(self) -> int:
        return self.start_ns + self.ms * MS


class _Telling:
    """A script turned into timed steps on a `VoiceCall`; each step gets its time in Unix ns."""

    def __init__(self, script: Script, voice: Voice, call: VoiceCall, other: VoiceCall | None) -> None:
        self.script, self.voice, self.call, self.other = script, voice, call, other
        self.withheld = voice.withheld
        self.steps: list[tuple[int, Callable[[int], None]]] = []
        self._stretches: dict[int, str] = {}
        self._turns = 0
        self._callers_turn = ""
        self._interruptions: dict[int, Interruption] = {}
        self._lay_out()

    def _lay_out(self) -> None:
        script = self.script
        for response in script.played:
            self._play(response)
        for said in script.said:
            if self._seen(said.onset_ms):
                self._say(said)
        for each in script.presses:
            if self._seen(each.at_ms):
                self._press(each)
        for wait in script.waited:
            self._wait(wait)
        for chose in script.chose:
            if self._seen(chose.input_ms):
                self._choose(chose)
        if script.end_told and not self.withheld.call_end:
            self._step(script.end_ms, self._end)

    def _seen(self, ms: int) -> bool:
        """Tell whether the runtime reports what the caller did then."""
        playing = any(start <= ms < end for each in self.script.played for start, end in each.heard)
        return not (self.withheld.caller_while_agent_speaks and playing)

    def _step(self, ms: int, act: Callable[[int], object]) -> None:
        self.steps.append((ms, lambda at: (act(at), None)[1]))

    def _turn(self) -> str:
        self._turns += 1
        name = f"turn_{self._turns:04d}"
        self.call.turn(name)
        return name

    def _end(self, at: int) -> None:
        self.call.end(self.script.outcome, escalated=self.script.escalated, ended_by=self.script.ended_by, at=at)

    def _play(self, response: Played) -> None:
        self._step(response.start_ms, partial(self._begun, response))
        for gap in response.gaps:
            self._step(gap.start_ms, partial(self._silenced, response, gap.start_ms, True))
            self._step(gap.end_ms, partial(self._resumed, response, gap))
        if response.cut:
            self._step(response.end_ms, partial(self._silenced, response, response.end_ms, False))
        if not response.dropped and not self.withheld.agent_stops:
            self._step(response.end_ms, partial(self._stopped, response))

    def _begun(self, response: Played, at: int) -> None:
        self._turn()
        with self.call.message(response.message_type):
            self.call.agent_speech_started(
                response.response_id,
                planned_ms=response.planned_ms,
                interruptible=response.interruptible,
                question_pending=response.question,
                at=at,
            )

    def _silenced(self, response: Played, ms: int, provisional: bool, at: int) -> None:
        position = response.position_ms(ms)
        heard = position * CHARS_PER_S // 1000
        self.call.agent_speech_interrupted(
            response.response_id, position_ms=position, reason="caller_input", heard_chars=heard, provisional=provisional, at=at
        )

    def _resumed(self, response: Played, gap: Gap, at: int) -> None:
        self.call.agent_speech_started(response.response_id, position_ms=gap.position_ms, resumed=True, at=at)

    def _stopped(self, response: Played, at: int) -> None:
        reason = EndReason.INTERRUPTED if response.cut else EndReason.COMPLETED
        position = response.position_ms(response.end_ms)
        self.call.agent_speech_stopped(response.response_id, position_ms=position, end_reason=reason, at=at)

    def _say(self, said: Said) -> None:
        self._step(said.onset_ms, partial(self._onset, said))
        if not self.withheld.transcripts:
            if said.partial:
                self._step(said.onset_ms + said.partial_ms, partial(self._heard, said, said.partial, "partial"))
            self._step(said.end_ms + said.final_ms, partial(self._heard, said, said.text, "final" if said.text else "empty"))
        self._step(said.end_ms, partial(self._silent, said))
        if self.other is not None:
            self._say_again(said, self.other)

    def _say_again(self, said: Said, other: VoiceCall) -> None:
        """Let telephony tell the same stretch, by its own clock."""
        ahead, names = (self.voice.telephony_ms or 0) * MS, [""]

        def onset(at: int) -> None:
            names[0] = other.user_speech_started(audio_source="caller", at=max(0, at + ahead))

        def silent(at: int) -> None:
            other.user_speech_stopped(
                names[0], duration_ms=said.end_ms - said.onset_ms, transcript_status="unavailable", at=max(0, at + ahead)
            )

        self._step(said.onset_ms, onset)
        self._step(said.end_ms, silent)

    def _onset(self, said: Said, at: int) -> None:
        if said.meant and not said.continues:
            self._callers_turn = self._turn()
        confidence = 0.9 if said.text else 0.6
        self._stretches[said.onset_ms] = self.call.user_speech_started(audio_source="caller", vad_confidence=confidence, at=at)

    def _heard(self, said: Said, text: str, status: TranscriptStatusValue, at: int) -> None:
        confidence = said.confidence if text else None
        self.call.user_transcript(self._stretches[said.onset_ms], text=text, status=status, confidence=confidence, at=at)

    def _silent(self, said: Said, at: int) -> None:
        known: TranscriptStatusValue = "unavailable" if self.withheld.transcripts else "partial" if said.text else "empty"
        length = said.end_ms - said.onset_ms
        stretch = self._stretches[said.onset_ms]
        self.call.user_speech_stopped(stretch, duration_ms=length, transcript_status=known, silence_ms=ENDPOINTING_MS, at=at)

    def _wait(self, waited: Waited) -> None:
        elapsed, call = waited.end_ms - waited.start_ms, self.call
        told = partial(call.silence_timeout, elapsed_ms=elapsed, prompt_state=waited.prompt_state, next_action=waited.next_action)
        self._step(waited.end_ms, lambda at: told(at=at))

    def _press(self, each: Key | Command) -> None:
        if not self.withheld.candidates:
            self._step(each.at_ms, partial(self._pressed, each))

    def _pressed(self, each: Key | Command, at: int) -> None:
        if isinstance(each, Key):
            made = self.call.candidate(input_type="dtmf", mode="dtmf", dtmf_digit=each.digit, expected_digits=each.offered, at=at)
        else:
            made = self.call.candidate(input_type="command", mode="command", intent_label=each.intent, at=at)
        self._interruptions[each.at_ms] = made

    def _choose(self, chose: Chose) -> None:
        """Add what the agent's detector and logic reported: candidate, decisions, recovery or false positive."""
        said = next((each for each in self.script.said if each.onset_ms == chose.input_ms), None)
        if said is not None and not self.withheld.candidates:
            self._step(chose.detected_ms, partial(self._detected, said, chose.detected_ms))
        if not self.withheld.decisions:
            for decision in chose.decisions:
                self._step(decision.at_ms, partial(self._decided, chose, decision))
        if chose.false_positive_ms is not None:
            self._step(chose.false_positive_ms, partial(self._withdrawn, chose, said))
        if chose.recovered_ms is not None:
            self._step(chose.recovered_ms + 1, partial(self._recovered, chose))

    def _about(self, chose: Chose) -> Interruption:
        """Return the interruption that was told, or one of which no candidate was."""
        if chose.input_ms not in self._interruptions:
            self._interruptions[chose.input_ms] = Interruption(self.call, f"interruption_{chose.input_ms}")
        return self._interruptions[chose.input_ms]

    def _detected(self, said: Said, ms: int, at: int) -> None:
        in_time = said.partial and ms >= said.onset_ms + said.partial_ms and not self.withheld.transcripts
        known = said.partial if in_time else None
        self._interruptions[said.onset_ms] = self.call.candidate(
            input_type="speech",
            mode="vad",
            threshold=0.5,
            speech_ms=min(ms, said.end_ms) - said.onset_ms,
            words=None if self.withheld.transcripts else len(known.split()) if known else 0,
            text=known,
            stretch_id=self._stretches[said.onset_ms],
            at=at,
        )

    def _decided(self, chose: Chose, decision: Decision, at: int) -> None:
        told = self._about(chose).decided
        told(decision.action, reason=decision.reason, confidence=decision.confidence, policy_version=POLICY_VERSION, at=at)

    def _withdrawn(self, chose: Chose, said: Said | None, at: int) -> None:
        end = (chose.false_positive_ms or 0) - (said.end_ms + said.final_ms if said else 0)
        absent = said is None or not said.text or end < 0 or self.withheld.transcripts
        waited = (chose.false_positive_ms or 0) - chose.detected_ms
        self._about(chose).false_positive(timeout_ms=waited, transcript_absent=absent, resume_behavior=chose.resume_behavior, at=at)

    def _recovered(self, chose: Chose, at: int) -> None:
        turn = self._callers_turn or f"turn_{self._turns:04d}"
        self._about(chose).recovered(position_ms=chose.recovered_position_ms, turn_id=turn, task_state=chose.task_state, at=at)
