"""One call as an agent emits it: ids and context carried, one method per event, never an exception into the agent."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from opentelemetry.trace import TracerProvider
from otel_voice_schema import SCHEMA_VERSION
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.emit import Emitter, kept
from otel_voice.interruption import Interruption

LOG = logging.getLogger("otel_voice")
MS = 1_000_000


class _Faults:
    """What went wrong inside: logged once, counted; raised in strict mode."""

    strict = False
    count = 0


def set_strict(strict: bool) -> bool:
    """Let failures inside the helpers raise (tests) or not (agents); return what was set before."""
    before, _Faults.strict = _Faults.strict, strict
    return before


def failures() -> int:
    """Return how many events could not be emitted since the process began."""
    return _Faults.count


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Keep a failure inside from the agent: logged once, counted; raised in strict mode."""
    try:
        yield
    except Exception:
        if _Faults.strict:
            raise
        _Faults.count += 1
        if _Faults.count == 1:
            LOG.exception("a voice event could not be emitted; further failures are only counted")


class VoiceCall:
    """One caller, one connection. Every time argument is Unix nanoseconds, now where not given."""

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
        keep_digits: bool = False,
        clock: Callable[[], int] = time.time_ns,
        start: bool = True,
        at: int | None = None,
    ) -> None:
        self.call_id = call_id
        self.policy_version = policy_version
        self._clock = clock
        self._keep_text = keep_text
        self._keep_digits = keep_digits
        self._kept = kept(call_id, sampling_ratio)
        self._salt = secrets.token_bytes(16)
        self._emitter = Emitter(call_id, tracer_provider, join=join)
        self._message_type: str | None = None
        self._responses: dict[str, dict[str, object]] = {}
        self._current: dict[str, object] = {a.VOICE_AGENT_SPEECH_STATE: "idle"}
        self._counters: dict[str, int] = {}
        self._turn: str | None = None
        self._ended = False
        self._first = True
        self._common: dict[str, object | None] = {
            a.VOICE_SCHEMA_VERSION: SCHEMA_VERSION,
            a.VOICE_CALL_ID: call_id,
            a.VOICE_WORKFLOW: workflow,
            a.VOICE_RUNTIME_NAME: runtime,
            a.VOICE_AGENT_POLICY_VERSION: policy_version,
            a.VOICE_CALLER_LANGUAGE: language,
            a.GEN_AI_AGENT_NAME: agent_name,
            a.VOICE_CALL_OBSERVABLE: None if observable is None else tuple(observable),
            a.VOICE_SAMPLING_RATIO: sampling_ratio if sampling_ratio < 1.0 else None,
        }
        if start:
            self.event(e.CALL_STARTED, {a.VOICE_RUNTIME_VERSION: runtime_version}, at=at)

    @classmethod
    def attach(cls, call_id: str, **settings: object) -> VoiceCall:
        """Return a further emitter of a call that another process started; it emits no `call_started`."""
        return cls(call_id, start=False, **settings)  # type: ignore[arg-type]

    def event(self, name: str, facts: Mapping[str, object], *, at: int | None = None, start: int | None = None) -> None:
        """Emit any event: context is added, facts that are None or absent are listed as missing. Never raises into the agent."""
        if not self._kept:
            return
        with guarded():
            end_ns = self._clock() if at is None else at
            told = {key: value for key, value in {**self._common, **self._current, **facts}.items() if value is not None}
            if self._turn is not None:
                told.setdefault(a.VOICE_TURN_ID, self._turn)
            told[a.VOICE_EVENT_ID] = secrets.token_hex(8)
            missing = _missing(name, told)
            if missing:
                told[a.VOICE_EVIDENCE_MISSING] = missing
            self._emitter.emit(name, told, start_ns=end_ns if start is None else start, end_ns=end_ns, first=self._first)
            self._first = False

    @contextlib.contextmanager
    def message(self, message_type: str) -> Iterator[None]:
        """Give what the agent begins to say inside this block its message type, for example `disclosure`."""
        before, self._message_type = self._message_type, message_type
        try:
            yield
        finally:
            self._message_type = before

    @property
    def message_type(self) -> str | None:
        """Return the message type that a response begun now would have."""
        return self._message_type

    def turn(self, turn_id: str) -> None:
        """Say whose go it is from now on."""
        self._turn = turn_id

    def agent_speech_started(
        self,
        response_id: str | None = None,
        *,
        position_ms: int | None = None,
        planned_ms: int | None = None,
        interruptible: bool | None = None,
        question_pending: bool | None = None,
        message_type: str | None = None,
        resumed: bool = False,
        at: int | None = None,
    ) -> str:
        """Emit that audio of a response began, or went on where `resumed`; return the response's id."""
        name = response_id or self._next("response")
        context = self._responses.setdefault(
            name,
            {
                a.VOICE_AGENT_RESPONSE_ID: name,
                a.VOICE_AGENT_MESSAGE_TYPE: message_type or self._message_type,
                a.VOICE_AGENT_SPEECH_INTERRUPTIBLE: interruptible,
                a.VOICE_AGENT_QUESTION_PENDING: question_pending,
                a.VOICE_AGENT_RESPONSE_DURATION_MS: planned_ms,
            },
        )
        self._current = {**context, a.VOICE_AGENT_SPEECH_STATE: "speaking"}
        begin = 0 if position_ms is None and not resumed else position_ms
        facts: dict[str, object] = {a.VOICE_AGENT_PLAYBACK_POSITION_MS: begin, a.VOICE_AGENT_PLAYBACK_RESUMED: True if resumed else None}
        self.event(e.AGENT_SPEECH_STARTED, facts, at=at)
        return name

    def agent_speech_stopped(self, response_id: str, *, position_ms: int | None = None, end_reason: str, at: int | None = None) -> None:
        """Emit that audio of a response ended: completed, interrupted or failed. Without it nobody knows what overlapped."""
        facts = {a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms, a.VOICE_AGENT_PLAYBACK_END_REASON: end_reason}
        self._of(response_id, e.AGENT_SPEECH_STOPPED, facts, at)
        if self._current.get(a.VOICE_AGENT_RESPONSE_ID) == response_id:
            self._current = {**self._current, a.VOICE_AGENT_SPEECH_STATE: "listening"}

    def agent_speech_interrupted(
        self,
        response_id: str,
        *,
        position_ms: int | None = None,
        reason: str | None = None,
        heard_chars: int | None = None,
        provisional: bool = False,
        at: int | None = None,
    ) -> None:
        """Emit that audio was cut, or paused where `provisional`: a pause that the runtime may still take back."""
        facts = {
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: position_ms,
            a.VOICE_AGENT_PLAYBACK_INTERRUPT_REASON: reason,
            a.VOICE_AGENT_HEARD_TEXT_BOUNDARY: heard_chars,
            a.VOICE_AGENT_PLAYBACK_PROVISIONAL: True if provisional else None,
        }
        self._of(response_id, e.AGENT_SPEECH_INTERRUPTED, facts, at)
        if self._current.get(a.VOICE_AGENT_RESPONSE_ID) == response_id:
            self._current = {**self._current, a.VOICE_AGENT_SPEECH_STATE: "paused" if provisional else "listening"}

    def _of(self, response_id: str, name: str, facts: dict[str, object], at: int | None) -> None:
        context = self._responses.get(response_id, {a.VOICE_AGENT_RESPONSE_ID: response_id})
        self.event(name, {**context, a.VOICE_AGENT_RESPONSE_DURATION_MS: None, **facts}, at=at)

    def user_speech_started(self, *, audio_source: str | None = None, vad_confidence: float | None = None, at: int | None = None) -> str:
        """Emit that the caller began to make sound; return the stretch's id."""
        stretch = self._next("stretch")
        facts = {
            a.VOICE_CALLER_STRETCH_ID: stretch,
            a.VOICE_CALLER_AUDIO_SOURCE: audio_source,
            a.VOICE_CALLER_VAD_CONFIDENCE: vad_confidence,
        }
        self.event(e.USER_SPEECH_STARTED, facts, at=at)
        return stretch

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
        """Emit that the caller fell silent; the event's time is the end of speech. `text` is classified, then redacted."""
        with guarded():
            end = self._clock() if at is None else at
            facts: dict[str, object] = {
                a.VOICE_CALLER_STRETCH_ID: stretch_id,
                a.VOICE_CALLER_SPEECH_DURATION_MS: duration_ms,
                a.VOICE_CALLER_SILENCE_DURATION_MS: silence_ms,
                a.VOICE_CALLER_TRANSCRIPT_STATUS: transcript_status,
            }
            if text is not None:
                facts |= self._heard(text, transcript_status or "final", duration_ms=duration_ms)
            self.event(e.USER_SPEECH_STOPPED, facts, at=end, start=None if duration_ms is None else end - duration_ms * MS)

    def user_transcript(
        self,
        stretch_id: str | None,
        *,
        text: str,
        status: str,
        confidence: float | None = None,
        inferred: bool = False,
        duration_ms: int | None = None,
        at: int | None = None,
    ) -> None:
        """Emit what the recogniser heard: partial, final, empty or unavailable. `text` is classified, then redacted."""
        with guarded():
            end = self._clock() if at is None else at
            facts = self._heard(text, status, confidence=confidence, duration_ms=duration_ms)
            facts |= {
                a.VOICE_CALLER_STRETCH_ID: stretch_id,
                a.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS: end // MS,
                a.VOICE_CALLER_TRANSCRIPT_CONFIDENCE: confidence,
                a.VOICE_CALLER_TRANSCRIPT_INFERRED: True if inferred else None,
            }
            self.event(e.USER_TRANSCRIPT, facts, at=end)

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
        expected_digits: Sequence[str] | None = None,
        intent_label: str | None = None,
        stretch_id: str | None = None,
        is_backchannel: bool | None = None,
        at: int | None = None,
    ) -> Interruption:
        """Emit that the caller may be interrupting; a key is compared with `expected_digits` here and does not leave."""
        facts: dict[str, object] = {
            a.VOICE_CALLER_INPUT_TYPE: input_type,
            a.VOICE_DETECTOR_MODE: mode,
            a.VOICE_DETECTOR_THRESHOLD: threshold,
            a.VOICE_CALLER_SPEECH_DURATION_MS: speech_ms,
            a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT: words,
            a.VOICE_CALLER_INTENT_LABEL: intent_label,
            a.VOICE_CALLER_STRETCH_ID: stretch_id,
            a.VOICE_CALLER_INPUT_IS_BACKCHANNEL: is_backchannel,
        }
        interruption = Interruption(self, self._next("interruption"), {})
        with guarded():
            if dtmf_digit is not None:
                facts |= self._pressed(dtmf_digit, expected_digits)
            if text is not None:
                facts |= self._heard(text, "partial", duration_ms=speech_ms)
            self.event(e.CANDIDATE_DETECTED, {a.VOICE_INTERRUPTION_ID: interruption.id, **facts}, at=at)
            carried = (a.VOICE_CALLER_INPUT_TYPE, a.VOICE_CALLER_SPEECH_DURATION_MS, a.VOICE_CALLER_STRETCH_ID, a.VOICE_CALLER_INPUT_CLASS)
            known = (*carried, a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE, a.VOICE_CALLER_DTMF_EXPECTED, a.VOICE_CALLER_INTENT_LABEL)
            return Interruption(self, interruption.id, {key: facts[key] for key in known if facts.get(key) is not None})

    def silence_timeout(
        self, *, elapsed_ms: int, prompt_state: str | None = None, next_action: str | None = None, at: int | None = None
    ) -> None:
        """Emit that the caller said nothing for too long."""
        end = self._clock() if at is None else at
        facts = {
            a.VOICE_SILENCE_ELAPSED_MS: elapsed_ms,
            a.VOICE_SILENCE_PROMPT_STATE: prompt_state,
            a.VOICE_SILENCE_NEXT_ACTION: next_action,
        }
        self.event(e.SILENCE_TIMEOUT, facts, at=end, start=end - elapsed_ms * MS)

    def end(
        self, outcome: str | None = "completed", escalated: bool | None = False, ended_by: str | None = "caller", at: int | None = None
    ) -> None:
        """Emit how the call ended: task outcome, whether a person took over, who ended it. Only the first call counts."""
        if self._ended:
            return
        self._ended = True
        facts = {a.VOICE_CALL_TASK_OUTCOME: outcome, a.VOICE_CALL_ESCALATED: escalated, a.VOICE_CALL_ENDED_BY: ended_by}
        self.event(e.CALL_ENDED, facts, at=at)

    def _next(self, kind: str) -> str:
        self._counters[kind] = self._counters.get(kind, 0) + 1
        return f"{kind}_{self._counters[kind]:04d}"

    def _heard(self, text: str, status: str, *, confidence: float | None = None, duration_ms: int | None = None) -> dict[str, object]:
        from otel_voice.policy import Candidate
        from otel_voice.transcript import transcript_facts

        if status == "unavailable":
            return {a.VOICE_CALLER_TRANSCRIPT_STATUS: status}
        pending = self._current.get(a.VOICE_AGENT_QUESTION_PENDING)
        language = self._common[a.VOICE_CALLER_LANGUAGE]
        candidate = Candidate(
            input_type="speech",
            text=text,
            transcript_status=status,
            transcript_confidence=confidence,
            speech_duration_ms=duration_ms,
            question_pending=pending if isinstance(pending, bool) else None,
            language=language if isinstance(language, str) else None,
        )
        return transcript_facts(text, status, candidate=candidate, salt=self._salt, keep_text=self._keep_text)

    def _pressed(self, digit: str, expected: Sequence[str] | None) -> dict[str, object]:
        kind = {"*": "star", "#": "pound"}.get(digit, "digit")
        fits = None if expected is None else "any" if "any" in expected else "listed" if digit in expected else "none"
        menu = self._current.get(a.VOICE_AGENT_MESSAGE_TYPE) == "menu_prompt"
        shown = digit if self._keep_digits and menu else None
        return {a.VOICE_CALLER_DTMF_CLASS: kind, a.VOICE_CALLER_DTMF_EXPECTED: fits, a.VOICE_CALLER_DTMF_DIGIT: shown}


_BY_INPUT = {"if the input is speech": "speech", "if the input is dtmf": "dtmf", "if the input is command": "command"}


def _missing(name: str, told: Mapping[str, object]) -> tuple[str, ...]:
    """Return the facts that the event should tell and does not."""
    event = e.EVENTS.get(name)
    if event is None:
        return ()
    wanted = set(event.facts)
    for key, condition in event.conditional.items():
        if _BY_INPUT.get(condition) == told.get(a.VOICE_CALLER_INPUT_TYPE):
            wanted.add(key)
    return tuple(sorted(wanted - set(told)))
