"""One call: carries ids and context, one method per event. Nothing here raises into the agent."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from opentelemetry.trace import TracerProvider
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.emit import Emitter, Value, failed, guarded, nothing
from otel_voice.facts import Facts, before, checked, event_name, key_facts, missing, share, text_id, unix_ns
from otel_voice.interruption import Interruption
from otel_voice.sides import AgentSide, CallerSide, Response
from otel_voice.transcript import Redactor

T = TypeVar("T")
MENU = "menu_prompt"  # the only message type during which a digit may be sent


def new_id(prefix: str) -> str:
    """Return a random id."""
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


class VoiceCall:
    """Emits the events of one call; emits `call_started` when made. Times are Unix nanoseconds, now where not given.

    A wrong value is left out, logged once and counted in `otel_voice.emit.failures`; without a call id that is text nothing is sent.
    Any thread may call any method.
    """

    def __init__(
        self,
        call_id: str,
        *,
        workflow: str | None = None,
        runtime: str | None = None,
        runtime_version: str | None = None,
        agent_name: str | None = None,
        policy_version: str | None = None,
        language: str | None = None,
        observable: Sequence[str] | None = ("speech", "dtmf"),
        tracer_provider: TracerProvider | None = None,
        join: bool = False,
        sampling_ratio: float = 1.0,
        keep_text: bool = False,
        send_digits: bool = False,
        clock: Callable[[], int] = time.time_ns,
        start: bool = True,
        at: int | None = None,
    ) -> None:
        self.clock = clock
        self.call_id = _or("call_id", text_id, "", call_id)
        ratio = _or("sampling_ratio", share, 1.0, sampling_ratio)
        fixed: dict[str, Any] = {
            a.VOICE_SCHEMA_VERSION: e.SCHEMA_VERSION,
            a.VOICE_CALL_ID: self.call_id,
            a.VOICE_WORKFLOW: workflow,
            a.VOICE_RUNTIME_NAME: runtime,
            a.VOICE_AGENT_POLICY_VERSION: policy_version,
            a.VOICE_CALLER_LANGUAGE: language,
            a.VOICE_CALL_OBSERVABLE: observable,
            a.GEN_AI_AGENT_NAME: agent_name,
            a.VOICE_SAMPLING_RATIO: ratio if ratio < 1.0 else None,
        }
        self._fixed = checked(fixed)
        self._runtime_version = runtime_version
        self._send_digits = send_digits
        self._emitter = Emitter(self.call_id, tracer_provider=tracer_provider, join=join, ratio=ratio)
        self._redactor = Redactor(keep_text=keep_text)
        self._agent, self._caller = AgentSide(), CallerSide()
        self._turn: str | None = None
        self._once = threading.Lock()
        self._started = self._ended = self._escalated = False
        if start:
            self.start(at=at)

    @classmethod
    def attach(
        cls,
        call_id: str,
        *,
        runtime: str | None = None,
        workflow: str | None = None,
        policy_version: str | None = None,
        tracer_provider: TracerProvider | None = None,
        sampling_ratio: float = 1.0,
        keep_text: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> VoiceCall:
        """Return a further emitter of a call that another one started: same trace, no `call_started`."""
        return cls(
            call_id,
            runtime=runtime,
            workflow=workflow,
            policy_version=policy_version,
            observable=None,
            tracer_provider=tracer_provider,
            sampling_ratio=sampling_ratio,
            keep_text=keep_text,
            clock=clock,
            start=False,
        )

    @property
    def message_type(self) -> str | None:
        """The message type that a response begun now has."""
        return self._agent.message_type

    @property
    def policy_version(self) -> str | None:
        """The version of the policy that the agent runs."""
        return self._told(a.VOICE_AGENT_POLICY_VERSION)

    @property
    def ended(self) -> bool:
        """Whether `call_ended` was told."""
        return self._ended

    @guarded(nothing)
    def start(self, *, at: int | None = None) -> None:
        """Tell that the call began; once."""
        with self._once:
            first, self._started = not self._started, True
        if first:
            self._emit(e.CALL_STARTED, {a.VOICE_RUNTIME_VERSION: self._runtime_version}, at, link=True)

    @guarded(nothing)
    def turn(self, turn_id: str) -> None:
        """Set the turn that the events after this belong to."""
        self._turn = turn_id

    @guarded(nothing)
    def agent_state(self, state: str) -> None:
        """Set what the agent is doing where no speech event tells it: thinking, listening, idle."""
        self._agent.state = state

    @guarded(nothing)
    def mark_escalated(self) -> None:
        """Note that the call was handed to a human; `call_ended` tells it."""
        self._escalated = True

    @guarded(nothing)
    def redact(self) -> None:
        """Let no text and no key leave from now on, whatever was opted in."""
        self._redactor.keep_text = self._send_digits = False

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
        position_ms: int | None = 0,
        planned_ms: int | None = None,
        interruptible: bool | None = None,
        question_pending: bool | None = None,
        resumed: bool = False,
        message_type: str | None = None,
        at: int | None = None,
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
            )
        self._agent.state = a.SpeechState.SPEAKING.value
        facts: Facts = {
            a.VOICE_AGENT_RESPONSE_ID: name,
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms,
            a.VOICE_AGENT_RESPONSE_DURATION_MS: planned_ms,
            a.VOICE_AGENT_PLAYBACK_RESUMED: True if resumed else None,
        }
        self._emit(e.AGENT_SPEECH_STARTED, facts, now)
        return name

    @guarded(nothing)
    def agent_speech_stopped(
        self, response_id: str | None = None, *, position_ms: int | None = None, end_reason: str | None = None, at: int | None = None
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
        self._emit(e.AGENT_SPEECH_STOPPED, facts, now, start=min(start, now))
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
        at: int | None = None,
    ) -> None:
        """Tell that a response's audio was cut, or paused where provisional; the heard text leaves only where opted in."""
        speech = self._agent.named(response_id)
        heard = len(heard_text) if heard_chars is None and isinstance(heard_text, str) else heard_chars
        facts: Facts = {
            a.VOICE_AGENT_RESPONSE_ID: response_id or (speech.response_id if speech else None),
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms,
            a.VOICE_AGENT_PLAYBACK_INTERRUPT_REASON: reason,
            a.VOICE_AGENT_HEARD_TEXT_BOUNDARY: heard,
            a.VOICE_AGENT_HEARD_TEXT_TEXT: heard_text if self._redactor.keep_text else None,
            a.VOICE_AGENT_PLAYBACK_PROVISIONAL: True if provisional else None,
        }
        self._agent.state = a.SpeechState.PAUSED.value if provisional else a.SpeechState.LISTENING.value
        self._emit(e.AGENT_SPEECH_INTERRUPTED, facts, at)

    @guarded(lambda self: new_id("stretch"))
    def user_speech_started(
        self,
        *,
        audio_source: str | None = None,
        vad_confidence: float | None = None,
        energy_db: float | None = None,
        at: int | None = None,
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
        self._emit(e.USER_SPEECH_STARTED, facts, now)
        return stretch_id

    @guarded(nothing)
    def user_speech_stopped(
        self,
        stretch_id: str | None = None,
        *,
        duration_ms: int | None = None,
        transcript_status: str | None = None,
        silence_ms: int | None = None,
        text: str | None = None,
        at: int | None = None,
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
        self._emit(e.USER_SPEECH_STOPPED, facts, now, start=before(now, duration_ms))

    @guarded(nothing)
    def user_transcript(
        self,
        stretch_id: str | None = None,
        *,
        text: str,
        status: str,
        confidence: float | None = None,
        inferred: bool = False,
        at: int | None = None,
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
        self._emit(e.USER_TRANSCRIPT, facts | described, now)

    @guarded(lambda self: Interruption(self, new_id("interruption")))
    def candidate(
        self,
        *,
        input_type: str = "speech",
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
        at: int | None = None,
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
        }
        if text is not None:
            facts |= self._described(text, a.TranscriptStatus.PARTIAL.value)
        if words is not None:
            facts[a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT] = words
        self._emit(e.CANDIDATE_DETECTED, facts | self._keys(dtmf_digit, expected_digits), at)
        return made

    @guarded(nothing)
    def silence_timeout(
        self, *, elapsed_ms: int | None = None, prompt_state: str | None = None, next_action: str | None = None, at: int | None = None
    ) -> None:
        """Tell that the caller said nothing for too long; the span is the silence."""
        now = self._time(at)
        facts: Facts = {
            a.VOICE_SILENCE_ELAPSED_MS: elapsed_ms,
            a.VOICE_SILENCE_PROMPT_STATE: prompt_state,
            a.VOICE_SILENCE_NEXT_ACTION: next_action,
        }
        self._emit(e.SILENCE_TIMEOUT, facts, now, start=before(now, elapsed_ms))

    @guarded(nothing)
    def end(
        self, outcome: str | None = "completed", escalated: bool | None = False, ended_by: str | None = "caller", at: int | None = None
    ) -> None:
        """Tell how the call ended; once."""
        with self._once:
            again, self._ended = self._ended, True
        if again:
            return
        facts: Facts = {
            a.VOICE_CALL_TASK_OUTCOME: outcome,
            a.VOICE_CALL_ESCALATED: True if self._escalated else escalated,
            a.VOICE_CALL_ENDED_BY: ended_by,
        }
        self._emit(e.CALL_ENDED, facts, at)

    @guarded(nothing)
    def event(self, name: str, attributes: Mapping[str, Value | None], *, at: int | None = None, start: int | None = None) -> None:
        """Emit any event of the registry with the call's context; for what has no method of its own."""
        self._emit(name, dict(attributes), at, start=start)

    @guarded(nothing)
    def flush(self) -> None:
        """Send what the tracer provider holds back; blocks up to five seconds."""
        self._emitter.flush()

    def _emit(self, name: str, facts: Facts, at: int | None, *, start: int | None = None, link: bool = False) -> None:
        if not self.call_id:
            raise ValueError("the call has no id")
        now = self._time(at)
        context = {a.VOICE_TURN_ID: self._turn, **self._agent.facts()}
        given = self._fixed | checked(context | {key: value for key, value in facts.items() if value is not None})
        given[a.VOICE_EVENT_ID] = uuid.uuid4().hex
        absent = missing(event_name(name), given)
        if absent:
            given[a.VOICE_EVIDENCE_MISSING] = absent
        begun = now if start is None else min(self._time(start), now)
        self._emitter.emit(name, given, start_ns=begun, time_ns=now, link=link)

    @guarded(lambda self: {})
    def _described(self, text: str, status: str | None, confidence: float | None = None) -> Facts:
        response = self._agent.response
        return dict(
            self._redactor.describe(
                text,
                status or a.TranscriptStatus.PARTIAL.value,
                question_pending=response.question_pending if response else None,
                message_type=response.message_type if response else None,
                agent_state=self._agent.state,
                language=self._told(a.VOICE_CALLER_LANGUAGE),
                workflow=self._told(a.VOICE_WORKFLOW),
                confidence=confidence,
            )
        )

    @guarded(lambda self: {})
    def _keys(self, digit: str | None, offered: Collection[str] | None) -> Facts:
        response = self._agent.response
        return key_facts(digit, offered, sendable=self._send_digits and response is not None and response.message_type == MENU)

    def _told(self, key: str) -> str | None:
        value = self._fixed.get(key)
        return value if isinstance(value, str) else None

    def _time(self, at: int | None) -> int:
        if at is not None:
            return _or("at", unix_ns, time.time_ns(), at)
        return _or("clock", lambda clock: unix_ns(clock()), time.time_ns(), self.clock)


def _or(name: str, read: Callable[[Any], T], otherwise: T, given: object) -> T:
    """Return what is read, or tell the failure and go on otherwise."""
    try:
        return read(given)
    except Exception as error:
        failed(name, error)
        return otherwise
