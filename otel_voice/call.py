"""One call: one method per event of it. Nothing here raises into the agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry.trace import TracerProvider
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.core import CallCore, new_id
from otel_voice.emit import guarded, nothing
from otel_voice.facts import Facts, Moment, before
from otel_voice.interruption import Interruption
from otel_voice.sides import Response
from otel_voice.speech import AgentSpeech, CallerSpeech, agent_speech, caller_speech
from otel_voice.transcript import LONGEST_TEXT

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider


class VoiceCall(CallCore):
    """Emits the events of one call; emits `call_started` when made, and `call_ended` at the latest when left as a context manager.

    `at` is when it happened, in Unix nanoseconds or as a datetime with a zone; now where it is not given. Lengths and positions are whole
    milliseconds, confidences shares from 0 to 1. A wrong value is left out, logged once and counted in `otel_voice.emit.failures`; without
    a call id that is text nothing is sent. Any thread and any task may call any method.

    `lag_ms` is how late the runtime tells that a response has ended, where it declares so; `observable` are the inputs that it reports
    while the agent speaks; `carrier` is `span` or `log`; `join` puts the events into the current trace instead of one derived from the
    call id; `sampling_ratio` keeps that share of calls, whole; `keep_text` and `send_digits` let text, and keys in menus, leave.
    """

    def __init__(
        self,
        call_id: str,
        *,
        workflow: str | None = None,
        runtime: str | None = None,
        runtime_version: str | None = None,
        lag_ms: int | None = None,
        agent_name: str | None = None,
        policy_version: str | None = None,
        language: str | None = None,
        observable: Sequence[str] | None = None,
        tracer_provider: TracerProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        carrier: str | None = None,
        join: bool = False,
        sampling_ratio: float = 1.0,
        keep_text: bool = False,
        send_digits: bool = False,
        clock: Callable[[], int] = time.time_ns,
        start: bool = True,
        at: Moment | None = None,
    ) -> None:
        super().__init__(
            call_id,
            workflow=workflow,
            runtime=runtime,
            runtime_version=runtime_version,
            lag_ms=lag_ms,
            agent_name=agent_name,
            policy_version=policy_version,
            language=language,
            observable=observable,
            tracer_provider=tracer_provider,
            logger_provider=logger_provider,
            carrier=carrier,
            join=join,
            sampling_ratio=sampling_ratio,
            keep_text=keep_text,
            send_digits=send_digits,
            clock=clock,
        )
        if start:
            self.start(at=at)

    @classmethod
    def attach(
        cls,
        call_id: str,
        *,
        workflow: str | None = None,
        runtime: str | None = None,
        agent_name: str | None = None,
        policy_version: str | None = None,
        language: str | None = None,
        observable: Sequence[str] | None = None,
        tracer_provider: TracerProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        carrier: str | None = None,
        sampling_ratio: float = 1.0,
        keep_text: bool = False,
        send_digits: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> VoiceCall:
        """Return a further emitter of a call that another one started, here or in another process: same trace, no `call_started`.

        `call.context()` of the first is all of it: `VoiceCall.attach(**context)`.
        """
        return cls(
            call_id,
            workflow=workflow,
            runtime=runtime,
            agent_name=agent_name,
            policy_version=policy_version,
            language=language,
            observable=observable,
            tracer_provider=tracer_provider,
            logger_provider=logger_provider,
            carrier=carrier,
            sampling_ratio=sampling_ratio,
            keep_text=keep_text,
            send_digits=send_digits,
            clock=clock,
            start=False,
        )

    def __enter__(self) -> VoiceCall:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the call where nobody did; how it went is then not known."""
        self.end()

    @guarded(nothing)
    def start(self, *, at: Moment | None = None) -> None:
        """Tell that the call began; once."""
        with self._once:
            first, self._started = not self._started, True
        if first:
            facts: Facts = {a.VOICE_RUNTIME_VERSION: self._runtime_version, a.VOICE_RUNTIME_LAG_MS: self._lag_ms}
            self._tell(e.CALL_STARTED, facts, at, link=True)

    @guarded(nothing)
    def turn(self, turn_id: str) -> None:
        """Set the turn that the events after this belong to."""
        self._turn = turn_id

    @guarded(lambda self: nullcontext())
    @contextmanager
    def in_turn(self, turn_id: str) -> Iterator[None]:
        """Let the events inside the block belong to a turn, and those after it to the one before; blocks of several tasks may overlap."""
        entry = [turn_id]
        self._turns.append(entry)
        try:
            yield
        finally:
            self._turns[:] = [each for each in self._turns if each is not entry]

    @guarded(nothing)
    def agent_state(self, state: a.SpeechStateValue) -> None:
        """Set what the agent is doing where no speech event tells it: thinking, listening, idle."""
        self._agent.state = state

    @guarded(nothing)
    def mark_escalated(self, escalated: bool = True) -> None:
        """Note that the call was handed to a human, or after all was not; `call_ended` tells it."""
        self._escalated = escalated

    @contextmanager
    def message(self, message_type: str) -> Iterator[None]:
        """Give the responses begun inside the block this message type."""
        with self._agent.message(message_type):
            yield

    @guarded(lambda self: new_id("response"))
    def agent_speech_started(
        self,
        response_id: str | None = None,
        *,
        position_ms: int | None = None,
        planned_ms: int | None = None,
        interruptible: bool | None = None,
        question_pending: bool | None = None,
        resumed: bool = False,
        message_type: str | None = None,
        at: Moment | None = None,
    ) -> str:
        """Tell that a response began to play, or went on, and return its id."""
        now, last = self._time(at), self._agent.response
        name = response_id or (last.response_id if resumed and last else new_id("response"))
        if resumed and last is not None and last.response_id == name:
            last.playing = True
        else:
            self._agent.response = Response(
                response_id=name,
                message_type=message_type or self.message_type,
                interruptible=interruptible,
                question_pending=question_pending,
                start_ns=now,
                planned_ms=planned_ms,
            )
        self._agent.state = a.SpeechState.SPEAKING.value
        facts: Facts = {
            a.VOICE_AGENT_RESPONSE_ID: name,
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: 0 if position_ms is None and not resumed else position_ms,
            a.VOICE_AGENT_RESPONSE_DURATION_MS: planned_ms,
            a.VOICE_AGENT_PLAYBACK_RESUMED: True if resumed else None,
        }
        self._tell(e.AGENT_SPEECH_STARTED, facts, now)
        return name

    @guarded(lambda self: agent_speech(self, new_id("response")))
    def agent_speech(
        self,
        response_id: str | None = None,
        *,
        planned_ms: int | None = None,
        interruptible: bool | None = None,
        question_pending: bool | None = None,
        message_type: str | None = None,
        at: Moment | None = None,
    ) -> AbstractContextManager[AgentSpeech]:
        """Tell that a response begins to play, and when the block is left that it ended; inside, what happens to it."""
        name = self.agent_speech_started(
            response_id,
            planned_ms=planned_ms,
            interruptible=interruptible,
            question_pending=question_pending,
            message_type=message_type,
            at=at,
        )
        return agent_speech(self, name)

    @guarded(nothing)
    def agent_speech_stopped(
        self,
        response_id: str | None = None,
        *,
        position_ms: int | None = None,
        end_reason: a.EndReasonValue | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that a response's audio ended; the span covers it."""
        now, speech = self._time(at), self._agent.named(response_id)
        start = speech.start_ns if speech else before(now, position_ms)
        facts: Facts = {
            a.VOICE_AGENT_RESPONSE_ID: response_id or (speech.response_id if speech else None),
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms,
            a.VOICE_AGENT_PLAYBACK_END_REASON: end_reason,
        }
        if speech is self._agent.response:
            self._agent.state = a.SpeechState.LISTENING.value
        self._tell(e.AGENT_SPEECH_STOPPED, facts, now, start=min(start, now))
        if speech is not None:
            speech.playing = False

    @guarded(nothing)
    def agent_speech_interrupted(
        self,
        response_id: str | None = None,
        *,
        position_ms: int | None = None,
        reason: str | None = None,
        heard_chars: int | None = None,
        heard_text: str | None = None,
        provisional: bool = False,
        at: Moment | None = None,
    ) -> None:
        """Tell that a response's audio was cut, or paused where provisional; the heard text leaves only where opted in."""
        speech = self._agent.named(response_id)
        heard = len(heard_text) if heard_chars is None and isinstance(heard_text, str) else heard_chars
        facts: Facts = {
            a.VOICE_AGENT_RESPONSE_ID: response_id or (speech.response_id if speech else None),
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms,
            a.VOICE_AGENT_PLAYBACK_INTERRUPT_REASON: reason,
            a.VOICE_AGENT_HEARD_TEXT_BOUNDARY: heard,
            a.VOICE_AGENT_HEARD_TEXT_TEXT: heard_text[:LONGEST_TEXT] if self._redactor.keep_text and isinstance(heard_text, str) else None,
            a.VOICE_AGENT_PLAYBACK_PROVISIONAL: True if provisional else None,
        }
        if speech is self._agent.response:
            self._agent.state = a.SpeechState.PAUSED.value if provisional else a.SpeechState.LISTENING.value
        self._tell(e.AGENT_SPEECH_INTERRUPTED, facts, at)

    @guarded(lambda self: new_id("stretch"))
    def user_speech_started(
        self,
        *,
        audio_source: str | None = None,
        vad_confidence: float | None = None,
        energy_db: float | None = None,
        at: Moment | None = None,
    ) -> str:
        """Tell that the caller began to make sound, and return the id of this stretch."""
        now, stretch_id = self._time(at), new_id("stretch")
        self._caller.begin(stretch_id, now)
        facts: Facts = {
            a.VOICE_CALLER_STRETCH_ID: stretch_id,
            a.VOICE_CALLER_AUDIO_SOURCE: audio_source,
            a.VOICE_CALLER_VAD_CONFIDENCE: vad_confidence,
            a.VOICE_CALLER_AUDIO_ENERGY_DB: energy_db,
        }
        self._tell(e.USER_SPEECH_STARTED, facts, now)
        return stretch_id

    @guarded(lambda self: caller_speech(self, new_id("stretch")))
    def user_speech(
        self,
        *,
        audio_source: str | None = None,
        vad_confidence: float | None = None,
        energy_db: float | None = None,
        at: Moment | None = None,
    ) -> AbstractContextManager[CallerSpeech]:
        """Tell that the caller begins to speak, and when the block is left that they fell silent; inside, what was heard."""
        return caller_speech(
            self, self.user_speech_started(audio_source=audio_source, vad_confidence=vad_confidence, energy_db=energy_db, at=at)
        )

    @guarded(nothing)
    def user_speech_stopped(
        self,
        stretch_id: str | None = None,
        *,
        duration_ms: int | None = None,
        transcript_status: a.TranscriptStatusValue | None = None,
        silence_ms: int | None = None,
        text: str | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that the caller fell silent; the span is the speech."""
        now = self._time(at)
        length, known = self._caller.end(stretch_id, now)
        duration_ms = length if duration_ms is None else duration_ms
        facts: Facts = {
            a.VOICE_CALLER_STRETCH_ID: stretch_id,
            a.VOICE_CALLER_SPEECH_DURATION_MS: duration_ms,
            a.VOICE_CALLER_TRANSCRIPT_STATUS: transcript_status,
            a.VOICE_CALLER_SILENCE_DURATION_MS: silence_ms,
        }
        # what it was taken for is told again, so that a judge need not look back
        facts |= self._described(text, transcript_status) if text is not None else known
        self._tell(e.USER_SPEECH_STOPPED, facts, now, start=before(now, duration_ms))

    @guarded(nothing)
    def user_transcript(
        self,
        stretch_id: str | None = None,
        *,
        text: str,
        status: a.TranscriptStatusValue,
        confidence: float | None = None,
        inferred: bool = False,
        at: Moment | None = None,
    ) -> None:
        """Tell what the recogniser heard of a stretch: classified, then redacted unless the call keeps text."""
        now = self._time(at)
        facts: Facts = {
            a.VOICE_CALLER_STRETCH_ID: stretch_id,
            a.VOICE_CALLER_TRANSCRIPT_STATUS: status,
            a.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS: now // 1_000_000,
            a.VOICE_CALLER_TRANSCRIPT_CONFIDENCE: confidence,
            a.VOICE_CALLER_TRANSCRIPT_INFERRED: True if inferred else None,
        }
        described = self._described(text, status, confidence)
        self._caller.heard(stretch_id, described)
        self._tell(e.USER_TRANSCRIPT, facts | described, now)

    @guarded(lambda self: Interruption(self, new_id("interruption")))
    def candidate(
        self,
        *,
        input_type: a.InputTypeValue = "speech",
        mode: str | None = None,
        threshold: float | None = None,
        speech_ms: int | None = None,
        words: int | None = None,
        text: str | None = None,
        dtmf_digit: str | None = None,
        expected_digits: Collection[str] | None = None,
        intent_label: str | None = None,
        stretch_id: str | None = None,
        is_backchannel: bool | None = None,
        position_ms: int | None = None,
        at: Moment | None = None,
    ) -> Interruption:
        """Tell that the caller may be interrupting; `expected_digits` are the keys on offer, `any` for every key."""
        playing = self._agent.playing()
        response_id = playing.response_id if playing else None
        made = Interruption(self, new_id("interruption"), response_id=response_id, stretch_id=stretch_id, input_type=input_type)
        facts: Facts = {
            a.VOICE_INTERRUPTION_ID: made.interruption_id,
            a.VOICE_CALLER_INPUT_TYPE: input_type,
            a.VOICE_DETECTOR_MODE: mode,
            a.VOICE_DETECTOR_THRESHOLD: threshold,
            a.VOICE_CALLER_SPEECH_DURATION_MS: speech_ms,
            a.VOICE_CALLER_INTENT_LABEL: intent_label,
            a.VOICE_CALLER_STRETCH_ID: stretch_id,
            a.VOICE_CALLER_INPUT_IS_BACKCHANNEL: is_backchannel,
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms,
            a.VOICE_AGENT_RESPONSE_DURATION_MS: playing.planned_ms if playing else None,
        }
        if text is not None:
            facts |= self._described(text, a.TranscriptStatus.PARTIAL.value)
        if words is not None:
            facts[a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT] = words
        self._tell(e.CANDIDATE_DETECTED, facts | self._keys(dtmf_digit, expected_digits), at)
        return made

    @guarded(nothing)
    def silence_timeout(
        self,
        *,
        elapsed_ms: int | None = None,
        prompt_state: str | None = None,
        next_action: a.NextActionValue | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that the caller said nothing for too long; the span is the silence."""
        now = self._time(at)
        facts: Facts = {
            a.VOICE_SILENCE_ELAPSED_MS: elapsed_ms,
            a.VOICE_SILENCE_PROMPT_STATE: prompt_state,
            a.VOICE_SILENCE_NEXT_ACTION: next_action,
        }
        self._tell(e.SILENCE_TIMEOUT, facts, now, start=before(now, elapsed_ms))

    @guarded(nothing)
    def end(
        self,
        outcome: a.TaskOutcomeValue | None = None,
        escalated: bool | None = None,
        ended_by: a.EndedByValue | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell how the call ended, once; what is not told is listed as missing."""
        with self._once:
            again, self._ended = self._ended, True
        if again:
            return
        facts: Facts = {
            a.VOICE_CALL_TASK_OUTCOME: outcome,
            a.VOICE_CALL_ESCALATED: True if self._escalated else escalated,
            a.VOICE_CALL_ENDED_BY: ended_by,
        }
        self._tell(e.CALL_ENDED, facts, at)
