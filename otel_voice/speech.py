"""Stretches of time as context managers: what the agent says, what the caller says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_voice_schema import attributes as a

from otel_voice.emit import guarded, nothing
from otel_voice.facts import Moment
from otel_voice.interruption import Interruption

if TYPE_CHECKING:
    from otel_voice.call import VoiceCall


class AgentSpeech:
    """One response while it plays; made by `VoiceCall.agent_speech`."""

    def __init__(self, call: VoiceCall, response_id: str) -> None:
        self._call = call
        self.response_id = response_id
        self._over = self._cut = False

    @guarded(nothing)
    def interrupted(
        self,
        *,
        position_ms: int | None = None,
        reason: str | None = None,
        heard_chars: int | None = None,
        heard_text: str | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that the audio was cut; leaving the block then tells that it ended so."""
        self._cut = True
        self._call.agent_speech_interrupted(
            self.response_id, position_ms=position_ms, reason=reason, heard_chars=heard_chars, heard_text=heard_text, at=at
        )

    @guarded(nothing)
    def paused(self, *, position_ms: int | None = None, reason: str | None = None, at: Moment | None = None) -> None:
        """Tell that the audio was held and may go on; where it never does, leaving the block tells that it was interrupted."""
        self._cut = True
        self._call.agent_speech_interrupted(self.response_id, position_ms=position_ms, reason=reason, provisional=True, at=at)

    @guarded(nothing)
    def resumed(self, *, position_ms: int | None = None, at: Moment | None = None) -> None:
        """Tell that the audio went on from a position."""
        self._cut = self._over = False
        self._call.agent_speech_started(self.response_id, position_ms=position_ms, resumed=True, at=at)

    @guarded(nothing)
    def stopped(self, *, position_ms: int | None = None, end_reason: a.EndReasonValue | None = None, at: Moment | None = None) -> None:
        """Tell that the audio ended, once; leaving the block does it where nobody did."""
        if self._over:
            return
        self._over = True
        reason = end_reason or (a.EndReason.INTERRUPTED if self._cut else a.EndReason.COMPLETED)
        self._call.agent_speech_stopped(self.response_id, position_ms=position_ms, end_reason=reason, at=at)


class CallerSpeech:
    """One stretch of the caller's speech; made by `VoiceCall.user_speech`."""

    def __init__(self, call: VoiceCall, stretch_id: str) -> None:
        self._call = call
        self.stretch_id = stretch_id
        self._status: a.TranscriptStatusValue | None = None
        self._over = False

    @guarded(nothing)
    def transcript(
        self,
        text: str,
        *,
        status: a.TranscriptStatusValue,
        confidence: float | None = None,
        inferred: bool = False,
        at: Moment | None = None,
    ) -> None:
        """Tell what the recogniser heard so far: `partial`, then `final`; `empty` where it heard no words."""
        self._status = status
        self._call.user_transcript(self.stretch_id, text=text, status=status, confidence=confidence, inferred=inferred, at=at)

    def candidate(
        self,
        *,
        mode: str | None = None,
        threshold: float | None = None,
        speech_ms: int | None = None,
        words: int | None = None,
        text: str | None = None,
        is_backchannel: bool | None = None,
        position_ms: int | None = None,
        at: Moment | None = None,
    ) -> Interruption:
        """Tell that this speech may be an interruption."""
        return self._call.candidate(
            mode=mode,
            threshold=threshold,
            speech_ms=speech_ms,
            words=words,
            text=text,
            stretch_id=self.stretch_id,
            is_backchannel=is_backchannel,
            position_ms=position_ms,
            at=at,
        )

    @guarded(nothing)
    def stopped(
        self,
        *,
        duration_ms: int | None = None,
        transcript_status: a.TranscriptStatusValue | None = None,
        silence_ms: int | None = None,
        text: str | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that the caller fell silent, once; leaving the block does it where nobody did."""
        if self._over:
            return
        self._over = True
        self._call.user_speech_stopped(
            self.stretch_id,
            duration_ms=duration_ms,
            transcript_status=transcript_status or self._status,
            silence_ms=silence_ms,
            text=text,
            at=at,
        )


@contextmanager
def agent_speech(call: VoiceCall, response_id: str) -> Iterator[AgentSpeech]:
    """Tell when a response that has begun ends: completed, interrupted (a cancelled task, too), or failed where the block raises."""
    speech = AgentSpeech(call, response_id)
    try:
        yield speech
    except BaseException as error:
        called_off = not isinstance(error, (Exception, KeyboardInterrupt, SystemExit))  # a cancelled task, a closed generator
        ended = a.EndReason.INTERRUPTED if called_off or speech._cut else a.EndReason.FAILED
        speech.stopped(end_reason=ended)
        raise
    speech.stopped()


@contextmanager
def caller_speech(call: VoiceCall, stretch_id: str) -> Iterator[CallerSpeech]:
    """Tell when a stretch of the caller's speech that has begun ends."""
    speech = CallerSpeech(call, stretch_id)
    try:
        yield speech
    finally:
        speech.stopped()
