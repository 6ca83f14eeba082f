"""What a session's events mean: when the caller and the agent speak, and which candidate, decision and recovery that makes.

A pause is not a stop: where the audio output can pause, the agent's state leaves `speaking` first and `playback_finished` confirms
later; where it cannot, `playback_finished` comes first.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from otel_voice_schema.attributes import Action, EndedBy, EndReason, ResumeBehavior, SpeechState, TaskOutcome, TranscriptStatus

from otel_voice.call import VoiceCall
from otel_voice.integrations.livekit.asked import Asked, answer
from otel_voice.integrations.livekit.readings import number, option, read, text, when
from otel_voice.integrations.livekit.speeches import Playing, Speeches, Stretch
from otel_voice.interruption import Interruption

MS: Final = 1_000_000
EMPTY_AFTER_NS: Final = 2_500 * MS  # no words this long after speech stopped: there were none
CALLER_INPUT: Final = "caller_input"
ENDED_BY: Final = {"participant_disconnected": EndedBy.CALLER, "error": EndedBy.DROPPED}


class Turns:
    """Follows one session's events, recorded or live, and tells `call` what they mean."""

    def __init__(self, session: Any, call: VoiceCall, asked: Asked) -> None:
        self.call = call
        self._session, self._asked = session, asked
        self._playing: Playing | None = None
        self._stretch: Stretch | None = None
        self._interruption: Interruption | None = None
        self._cut = False  # the open interruption stopped the audio for good
        self._speeches = Speeches(session)
        self._agent_state = ""
        self._waiting: list[Stretch] = []
        self._heard_words = self._saw_handoffs = False
        self._active_ns: int | None = None
        self.steered = False  # a guard rules: candidates and decisions are its to tell
        self._warm_ns: int | None = None  # when echo cancellation, which warms up from the first speech, hears well

    @property
    def playing(self) -> Playing | None:
        """The response whose audio plays or is paused."""
        return self._playing

    @property
    def stretch_id(self) -> str | None:
        """The caller's newest stretch of speech."""
        return self._stretch.stretch_id if self._stretch is not None else None

    def offered_keys(self) -> Collection[str] | None:
        """Return the keys on offer, as far as the agent says."""
        asked = self._asked.expected_digits
        return answer("expected_digits", asked, None) if asked is not None else None

    def steer(self, interruption: Interruption | None) -> None:
        """Take the interruption that a guard acts on: what becomes of the audio and of the caller's turn belongs to it."""
        self._interruption, self._cut = interruption, False

    def handle(self, channel: str, event_name: str, payload: Any, now: int) -> None:
        """Take one event that arrived now."""
        self.infer(now)
        method = self._methods.get((channel, event_name))
        if method is not None:
            method(self, payload, when(payload, now), now)

    def due_ns(self) -> int | None:
        """Return when the first stretch without words is to be told, None where none waits."""
        return min(((stretch.end_ns or 0) + EMPTY_AFTER_NS for stretch in self._waiting), default=None)

    def infer(self, now: int, *, closing: bool = False) -> None:
        """Tell stretches that stayed without words, once it is time."""
        due = [stretch for stretch in self._waiting if closing or (stretch.end_ns or 0) + EMPTY_AFTER_NS <= now]
        for stretch in due:
            self._waiting.remove(stretch)
            at = min((stretch.end_ns or now) + EMPTY_AFTER_NS, now)
            self.call.user_transcript(stretch.stretch_id, text="", status=TranscriptStatus.EMPTY, inferred=True, at=at)

    def _on_user_state(self, payload: Any, at: int, now: int) -> None:
        state = text(payload, "new_state")
        if state == "speaking":
            self._stretch = Stretch(self.call.user_speech_started(at=at), at, fed=not self._deaf(now))
            self._active_ns = at
            if self._playing is not None and self._playing.paused_ns is None and not self.steered:
                self._candidate(at, now)
            return
        stretch = self._stretch
        if stretch is not None and stretch.end_ns is None:
            stretch.end_ns = self._active_ns = max(at, stretch.start_ns)
            silence = max(0, round((now - at) / MS))
            status = stretch.status or (None if stretch.fed else TranscriptStatus.UNAVAILABLE)
            self.call.user_speech_stopped(stretch.stretch_id, transcript_status=status, silence_ms=silence, at=stretch.end_ns)
            if status is None and (self._heard_words or read(self._session, "stt") is not None):
                self._waiting.append(stretch)
        if state == "away":
            elapsed = None if self._active_ns is None else max(0, round((at - self._active_ns) / MS))
            self.call.silence_timeout(elapsed_ms=elapsed, at=at)

    def _candidate(self, at: int, now: int) -> None:
        stretch = self._stretch
        options = {"mode": option(self._session, "mode"), "threshold": option(self._session, "min_duration")}
        self._interruption = self.call.candidate(
            mode=text(options, "mode") or "vad",
            threshold=number(options, "threshold"),
            speech_ms=max(0, round((now - at) / MS)),
            stretch_id=stretch.stretch_id if stretch else None,
            at=max(at, now),
        )
        self._cut = False

    def _on_transcript(self, payload: Any, at: int, now: int) -> None:
        words, stretch = (text(payload, "transcript") or "").strip(), self._stretch
        final = bool(read(payload, "is_final"))
        status = (TranscriptStatus.FINAL if final else TranscriptStatus.PARTIAL) if words else TranscriptStatus.EMPTY
        if not words and not final:
            return
        self._waiting.clear()
        self._heard_words = True
        said = [*(stretch.finals if stretch else ()), *([words] if words else ())]
        if stretch is not None:
            stretch.status = status if words or not stretch.finals else TranscriptStatus.FINAL
            if final and words:
                stretch.finals.append(words)
        if words or not said:
            self.call.user_transcript(stretch.stretch_id if stretch else None, text=" ".join(said), status=status, at=at)

    def _on_speech_created(self, payload: Any, at: int, now: int) -> None:
        self._speeches.created(read(payload, "speech_handle"), self.call.message_type)

    def _on_agent_state(self, payload: Any, at: int, now: int) -> None:
        old, state = text(payload, "old_state"), text(payload, "new_state") or ""
        self._agent_state = state
        if state == "speaking":
            if self._playing is not None and self._playing.paused_ns is not None and old == "listening":
                self.resume(at)
            elif self._playing is None or self._playing.paused_ns is not None:
                self._begin(at)
        elif old == "speaking" and self._playing is not None and self._playing.paused_ns is None and state == "listening":
            self.pause(at)
        elif state in ("thinking", "listening", "idle") and self._playing is None:
            self.call.agent_state(SpeechState(state))

    def _begin(self, at: int) -> None:
        if self._playing is not None:  # paused, and another response took its place
            self._stop(self._playing.position_ms(at), None, interrupted=True, at=at)
        created, asked = self._speeches.next(self.call.message_type), self._asked.message_type
        response_id, may = text(created.handle, "id"), read(created.handle, "allow_interruptions")
        message_type = created.message_type
        if message_type is None and asked is not None:
            message_type = answer("message_type", lambda: asked(response_id), None)
        name = self.call.agent_speech_started(
            response_id, interruptible=may if isinstance(may, bool) else None, message_type=message_type, at=at
        )
        if self._warm_ns is None:
            warm_up = number({"s": read(self._session, "options", "aec_warmup_duration")}, "s")
            self._warm_ns = at + round((warm_up or 0.0) * 1_000 * MS)
        discards = option(self._session, "discard_audio_if_uninterruptible")
        deaf = may is False and discards is True
        self._playing = Playing(name, at, deaf=deaf, handle=created.handle, message_type=message_type or self.call.message_type)
        if self._stretch is not None and self._stretch.end_ns is None and self._deaf(at):
            self._stretch.fed = False

    def _deaf(self, now: int) -> bool:
        """Whether LiveKit feeds the recogniser silence: during speech that cannot be interrupted, and while echo cancellation warms up."""
        playing = self._playing
        return playing is not None and playing.paused_ns is None and (playing.deaf or now < (self._warm_ns or 0))

    def pause(self, at: int) -> None:
        """Tell that the response that plays stands still."""
        playing = self._playing
        if playing is None:
            return
        if self._session is not None and read(self._session, "output", "audio") is None:
            # without a player to ask, it stopped, and why cannot be known
            self.call.agent_speech_stopped(playing.response_id, position_ms=playing.position_ms(at), at=at)
            self._playing = None
            return
        self._decided(Action.PAUSE_AGENT_AUDIO, at)
        reason = CALLER_INPUT if self._interruption else None
        self.call.agent_speech_interrupted(playing.response_id, position_ms=playing.position_ms(at), reason=reason, provisional=True, at=at)
        playing.paused_ns = at

    def resume(self, at: int) -> None:
        """Tell that the response that stands still goes on."""
        playing = self._playing
        if playing is None or playing.paused_ns is None:
            return
        position = playing.position_ms(at)
        playing.silent_ns += at - playing.paused_ns
        playing.paused_ns = None
        self.call.agent_speech_started(playing.response_id, position_ms=position, resumed=True, at=at)
        if self._interruption is not None:
            self._interruption.recovered(position_ms=position, at=at)

    def _on_playback_started(self, payload: Any, at: int, now: int) -> None:
        if self._playing is None and self._agent_state == "speaking":  # the next of several responses in a row
            self._begin(at)

    def _on_playback_finished(self, payload: Any, at: int, now: int) -> None:
        if self._playing is None:
            return
        position = number(payload, "playback_position")
        self._stop(
            None if position is None else round(position * 1000),
            text(payload, "synchronized_transcript"),
            interrupted=bool(read(payload, "interrupted")),
            at=at,
        )

    def _stop(self, position_ms: int | None, heard: str | None, *, interrupted: bool, at: int) -> None:
        playing = self._playing
        if playing is None:
            return
        self._playing = None
        self._active_ns = at
        if interrupted:
            self._decided(Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN, at)
            self._cut = self._interruption is not None
            reason = CALLER_INPUT if self._interruption else None
            self.call.agent_speech_interrupted(playing.response_id, position_ms=position_ms, reason=reason, heard_text=heard, at=at)
        else:
            self._interruption = None
        end = EndReason.INTERRUPTED if interrupted else EndReason.COMPLETED
        self.call.agent_speech_stopped(playing.response_id, position_ms=position_ms, end_reason=end, at=at)

    def _decided(self, action: Action, at: int) -> None:
        if self._interruption is not None and not self.steered:
            self._interruption.decided(action.value, at=at)

    def _on_item(self, payload: Any, at: int, now: int) -> None:
        item = read(payload, "item")
        if read(item, "type") == "agent_handoff" or read(item, "new_agent_id") is not None:
            self._saw_handoffs = True
            agent_id, was = text(item, "new_agent_id"), read(item, "old_agent_id")
            if was is not None and agent_id is not None and answer("is_handoff", lambda: self._asked.is_handoff(agent_id), False):
                self.call.mark_escalated()
                self._recovered(None, at)
        elif read(item, "role") == "user":
            turn_id = text(item, "id")
            if turn_id is not None:
                self.call.turn(turn_id)
            self._recovered(turn_id, at)

    def _recovered(self, turn_id: str | None, at: int) -> None:
        if self._interruption is not None and self._cut:
            self._interruption.recovered(turn_id=turn_id, at=at)
            self._interruption, self._cut = None, False

    def _on_false_interruption(self, payload: Any, at: int, now: int) -> None:
        if self._interruption is None:
            return
        timeout = number({"s": option(self._session, "false_interruption_timeout")}, "s")
        behavior = ResumeBehavior.RESUMED if read(payload, "resumed") else ResumeBehavior.NONE
        self._interruption.false_positive(
            timeout_ms=None if timeout is None else round(timeout * 1000),
            transcript_absent=self._stretch is None or not self._stretch.finals,
            resume_behavior=behavior.value,
            at=at,
        )
        self._interruption = None

    def _on_dtmf(self, payload: Any, at: int, now: int) -> None:
        self._active_ns = at
        if self._playing is None or self.steered:
            return
        digit, offered = text(payload, "digit"), self.offered_keys()
        self._interruption = self.call.candidate(input_type="dtmf", mode="dtmf", dtmf_digit=digit, expected_digits=offered, at=at)
        self._cut = False

    def _on_close(self, payload: Any, at: int, now: int) -> None:
        self.infer(max(at, now), closing=True)
        ended_by = ENDED_BY.get(text(payload, "reason") or "")
        self.call.end(TaskOutcome.UNKNOWN, escalated=False if self._saw_handoffs else None, ended_by=ended_by, at=at)

    _methods: Final = {
        ("session", "user_state_changed"): _on_user_state,
        ("session", "agent_state_changed"): _on_agent_state,
        ("session", "user_input_transcribed"): _on_transcript,
        ("session", "speech_created"): _on_speech_created,
        ("session", "conversation_item_added"): _on_item,
        ("session", "agent_false_interruption"): _on_false_interruption,
        ("session", "close"): _on_close,
        ("audio_output", "playback_started"): _on_playback_started,
        ("audio_output", "playback_finished"): _on_playback_finished,
        ("room", "sip_dtmf_received"): _on_dtmf,
    }
