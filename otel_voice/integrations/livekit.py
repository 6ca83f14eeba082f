"""LiveKit Agents: turns a session's own events into ours; imports nothing of LiveKit, so recorded events replay.

A pause is not a stop: where the audio output can pause, the agent's state leaves `speaking` first and `playback_finished` confirms
later; where it cannot, `playback_finished` comes first.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from opentelemetry.trace import TracerProvider
from otel_voice_schema.attributes import Action, EndReason, ResumeBehavior, TaskOutcome, TranscriptStatus

from otel_voice.call import VoiceCall
from otel_voice.emit import failed
from otel_voice.interruption import Interruption

MS: Final = 1_000_000
EMPTY_AFTER_NS: Final = 2_500 * MS  # no words this long after speech stopped: there were none
SESSION: Final = (
    "user_state_changed",
    "agent_state_changed",
    "user_input_transcribed",
    "speech_created",
    "conversation_item_added",
    "agent_false_interruption",
    "close",
)
AUDIO: Final = ("playback_started", "playback_finished")
ROOM: Final = ("sip_dtmf_received",)
CALLER_INPUT: Final = "caller_input"
ENDED_BY: Final = {"participant_disconnected": "caller", "error": "dropped"}


def to_human(agent_id: str) -> bool:
    """Return whether an agent's id says that it hands the call to a human."""
    return any(word in agent_id.casefold() for word in ("human", "handoff", "transfer"))


def read(source: Any, *path: str) -> Any:
    """Return a value by attribute or key at each step, or None where a step is missing."""
    for step in path:
        source = source.get(step) if isinstance(source, Mapping) else getattr(source, step, None)
    return source


def _ns(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1_000


@dataclass(slots=True)
class _Stretch:
    """One stretch of the caller's speech."""

    stretch_id: str
    start_ns: int
    end_ns: int | None = None
    finals: list[str] = field(default_factory=list)
    status: str | None = None


@dataclass(slots=True)
class _Playing:
    """The response whose audio plays or is paused."""

    response_id: str
    start_ns: int
    paused_ns: int | None = None
    silent_ns: int = 0

    def position_ms(self, at: int) -> int:
        """Return how much was played at a time."""
        return max(0, round(((self.paused_ns or at) - self.start_ns - self.silent_ns) / MS))


class LiveKitInstrumentation:
    """Listens to one session; `call` is its call. Made by `instrument`."""

    def __init__(
        self,
        session: Any,
        call: VoiceCall,
        *,
        message_type: Callable[[str | None], str | None] | None,
        is_handoff: Callable[[str], bool],
        expected_digits: Callable[[], Collection[str] | None] | None,
        room: Any,
        clock: Callable[[], int],
    ) -> None:
        self.call = call
        self._session, self._room, self._clock = session, room, clock
        self._message_type, self._is_handoff, self._expected_digits = message_type, is_handoff, expected_digits
        self._listening: list[tuple[Any, str, Callable[..., None]]] = []
        self._audio: Any = None
        self._playing: _Playing | None = None
        self._stretch: _Stretch | None = None
        self._interruption: Interruption | None = None
        self._cut = False  # the open interruption stopped the audio for good
        self._created: dict[str, Any] = {}  # the last speech created and not yet played
        self._agent_state = ""
        self._waiting: list[_Stretch] = []
        self._timers: set[asyncio.TimerHandle] = set()
        self._heard_words = self._saw_handoffs = False
        self._active_ns: int | None = None
        self._attach()

    def uninstrument(self) -> None:
        """Stop listening; nothing of ours remains on the session."""
        for source, name, callback in self._listening:
            try:
                source.off(name, callback)
            except Exception as error:
                failed("livekit.uninstrument", error)
        self._listening.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def handle(self, event_name: str, payload: Any, channel: str = "session", at_ns: int | None = None) -> None:
        """Take one event, as objects or as recorded mappings; `at_ns` is when it arrived, now where not given."""
        try:
            now = self._clock() if at_ns is None else at_ns
            method = self._methods.get((channel, event_name))
            self._infer(now)
            if method is not None:
                created = read(payload, "created_at")
                method(self, payload, _ns(created) if isinstance(created, (int, float)) else now, now)
            if at_ns is None:
                self._attach_audio()
                self._schedule(now)
        except Exception as error:
            failed(f"livekit.{event_name}", error)

    def _attach(self) -> None:
        self._listen(self._session, "session", SESSION)
        self._listen(self._room, "room", ROOM)
        self._attach_audio()

    def _attach_audio(self) -> None:
        """Listen to the audio output, which the session gets only when it starts."""
        audio = read(self._session, "output", "audio")
        if audio is not None and audio is not self._audio:
            self._audio = audio
            self._listen(audio, "audio_output", AUDIO)

    def _listen(self, source: Any, channel: str, names: tuple[str, ...]) -> None:
        if source is None or not hasattr(source, "on"):
            return
        for name in names:
            callback = partial(self._heard, name, channel)
            source.on(name, callback)
            self._listening.append((source, name, callback))

    def _heard(self, name: str, channel: str, payload: Any = None) -> None:
        self.handle(name, payload, channel)

    def _on_user_state(self, payload: Any, at: int, now: int) -> None:
        state = read(payload, "new_state")
        if state == "speaking":
            self._stretch = _Stretch(self.call.user_speech_started(at=at), at)
            self._active_ns = at
            if self._playing is not None and self._playing.paused_ns is None:
                self._candidate(at, now)
            return
        stretch = self._stretch
        if stretch is not None and stretch.end_ns is None:
            stretch.end_ns = self._active_ns = max(at, stretch.start_ns)
            silence = max(0, round((now - at) / MS))
            self.call.user_speech_stopped(stretch.stretch_id, transcript_status=stretch.status, silence_ms=silence, at=stretch.end_ns)
            if stretch.status is None and (self._heard_words or read(self._session, "stt") is not None):
                self._waiting.append(stretch)
        if state == "away":
            elapsed = None if self._active_ns is None else max(0, round((at - self._active_ns) / MS))
            self.call.silence_timeout(elapsed_ms=elapsed, at=at)

    def _candidate(self, at: int, now: int) -> None:
        stretch = self._stretch
        threshold, mode = self._option("min_duration"), self._option("mode")
        self._interruption = self.call.candidate(
            mode=mode if isinstance(mode, str) else "vad",
            threshold=float(threshold) if isinstance(threshold, (int, float)) else None,
            speech_ms=max(0, round((now - at) / MS)),
            stretch_id=stretch.stretch_id if stretch else None,
            at=max(at, now),
        )
        self._cut = False

    def _on_transcript(self, payload: Any, at: int, now: int) -> None:
        text, stretch = str(read(payload, "transcript") or "").strip(), self._stretch
        final = bool(read(payload, "is_final"))
        status = (TranscriptStatus.FINAL if final else TranscriptStatus.PARTIAL).value if text else TranscriptStatus.EMPTY.value
        if not text and not final:
            return
        self._waiting.clear()
        self._heard_words = True
        said = [*(stretch.finals if stretch else ()), *([text] if text else ())]
        if stretch is not None:
            stretch.status = status if text or not stretch.finals else TranscriptStatus.FINAL.value
            if final and text:
                stretch.finals.append(text)
        if text or not said:
            self.call.user_transcript(stretch.stretch_id if stretch else None, text=" ".join(said), status=status, at=at)

    def _on_speech_created(self, payload: Any, at: int, now: int) -> None:
        handle = read(payload, "speech_handle")
        response_id, may = read(handle, "id"), read(handle, "allow_interruptions")
        self._created = {
            "response_id": response_id if isinstance(response_id, str) else None,
            "interruptible": may if isinstance(may, bool) else None,
            "message_type": self.call.message_type,
        }

    def _on_agent_state(self, payload: Any, at: int, now: int) -> None:
        old, state = read(payload, "old_state"), str(read(payload, "new_state"))
        self._agent_state = state
        if state == "speaking":
            if self._playing is not None and self._playing.paused_ns is not None and old == "listening":
                self._resume(at)
            elif self._playing is None or self._playing.paused_ns is not None:
                self._begin(at)
        elif old == "speaking" and self._playing is not None and self._playing.paused_ns is None and state == "listening":
            self._pause(at)
        elif state in {"thinking", "listening", "idle"} and self._playing is None:
            self.call.agent_state(state)

    def _begin(self, at: int) -> None:
        if self._playing is not None:  # paused, and another response took its place
            self._stop(self._playing.position_ms(at), None, interrupted=True, at=at)
        facts = dict(self._created)
        self._created = {}
        if facts.get("message_type") is None and self._message_type is not None:
            facts["message_type"] = self._message_type(facts.get("response_id"))
        self._playing = _Playing(self.call.agent_speech_started(**facts, at=at), at)

    def _pause(self, at: int) -> None:
        playing = self._playing
        if playing is None:
            return
        if self._session is not None and self._audio is None:  # no player to ask: it stopped, and why cannot be known
            self.call.agent_speech_stopped(playing.response_id, position_ms=playing.position_ms(at), at=at)
            self._playing = None
            return
        self._decided(Action.PAUSE_AGENT_AUDIO, at)
        reason = CALLER_INPUT if self._interruption else None
        self.call.agent_speech_interrupted(playing.response_id, position_ms=playing.position_ms(at), reason=reason, provisional=True, at=at)
        playing.paused_ns = at

    def _resume(self, at: int) -> None:
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
        position, text = read(payload, "playback_position"), read(payload, "synchronized_transcript")
        position_ms = round(position * 1000) if isinstance(position, (int, float)) else None
        self._stop(position_ms, text if isinstance(text, str) else None, interrupted=bool(read(payload, "interrupted")), at=at)

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
        reason = (EndReason.INTERRUPTED if interrupted else EndReason.COMPLETED).value
        self.call.agent_speech_stopped(playing.response_id, position_ms=position_ms, end_reason=reason, at=at)

    def _decided(self, action: Action, at: int) -> None:
        if self._interruption is not None:
            self._interruption.decided(action.value, at=at)

    def _on_item(self, payload: Any, at: int, now: int) -> None:
        item = read(payload, "item")
        if read(item, "type") == "agent_handoff" or read(item, "new_agent_id") is not None:
            self._saw_handoffs = True
            agent_id = read(item, "new_agent_id")
            if read(item, "old_agent_id") is not None and isinstance(agent_id, str) and self._is_handoff(agent_id):
                self.call.mark_escalated()
                self._recovered(None, at)
        elif read(item, "role") == "user":
            item_id = read(item, "id")
            turn_id = item_id if isinstance(item_id, str) else None
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
        timeout = self._option("false_interruption_timeout")
        behavior = ResumeBehavior.RESUMED if read(payload, "resumed") else ResumeBehavior.NONE
        self._interruption.false_positive(
            timeout_ms=round(timeout * 1000) if isinstance(timeout, (int, float)) else None,
            transcript_absent=self._stretch is None or not self._stretch.finals,
            resume_behavior=behavior.value,
            at=at,
        )
        self._interruption = None

    def _on_dtmf(self, payload: Any, at: int, now: int) -> None:
        self._active_ns = at
        if self._playing is None:
            return
        offered = self._expected_digits() if self._expected_digits is not None else None
        digit = str(read(payload, "digit"))
        self._interruption = self.call.candidate(input_type="dtmf", mode="dtmf", dtmf_digit=digit, expected_digits=offered, at=at)
        self._cut = False

    def _on_close(self, payload: Any, at: int, now: int) -> None:
        self._infer(max(at, now), closing=True)
        reason = read(payload, "reason")
        ended_by = ENDED_BY.get(str(getattr(reason, "value", reason)))
        self.call.end(TaskOutcome.UNKNOWN.value, escalated=False if self._saw_handoffs else None, ended_by=ended_by, at=at)
        loop = _loop() if self._listening else None
        if loop is not None:
            loop.run_in_executor(None, self.call.flush)

    def _infer(self, now: int, *, closing: bool = False) -> None:
        """Tell stretches that stayed without words, once it is time."""
        due = [stretch for stretch in self._waiting if closing or (stretch.end_ns or 0) + EMPTY_AFTER_NS <= now]
        for stretch in due:
            self._waiting.remove(stretch)
            at = min((stretch.end_ns or now) + EMPTY_AFTER_NS, now)
            self.call.user_transcript(stretch.stretch_id, text="", status=TranscriptStatus.EMPTY.value, inferred=True, at=at)

    def _schedule(self, now: int) -> None:
        """On a running loop, look again when the first stretch without words is due."""
        loop = _loop()
        if loop is None or not self._waiting or self._timers:
            return
        due = min((stretch.end_ns or now) + EMPTY_AFTER_NS for stretch in self._waiting)
        self._timers.add(loop.call_later(max(0.0, (due - now) / 1e9) + 0.001, self._timed))

    def _timed(self) -> None:
        self._timers.clear()
        try:
            self._infer(self._clock())
            self._schedule(self._clock())
        except Exception as error:
            failed("livekit.timer", error)

    def _option(self, name: str) -> Any:
        """Return an interruption option of the session, wherever its version keeps it."""
        options = read(self._session, "options")
        for path in (("interruption", name), ("turn_handling", "interruption", name), (name,)):
            value = read(options, *path)
            if value is not None:
                return value
        return None

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


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def instrument(
    session: Any,
    *,
    call: VoiceCall | None = None,
    call_id: str | None = None,
    workflow: str | None = None,
    message_type: Callable[[str | None], str | None] | None = None,
    policy_version: str | None = None,
    tracer_provider: TracerProvider | None = None,
    room: Any = None,
    is_handoff: Callable[[str], bool] = to_human,
    expected_digits: Callable[[], Collection[str] | None] | None = None,
    keep_text: bool = False,
    clock: Callable[[], int] = time.time_ns,
) -> LiveKitInstrumentation:
    """Tell the session's interruptions from now on; `session` None replays. The call id is the room's name where none is given."""
    if call is None:
        named = call_id or read(room, "name")
        call = VoiceCall(
            named if isinstance(named, str) and named else f"call_{uuid.uuid4().hex}",
            workflow=workflow,
            runtime="livekit",
            runtime_version=_runtime_version(),
            policy_version=policy_version,
            tracer_provider=tracer_provider,
            keep_text=keep_text,
            observable=("speech", "dtmf") if room is not None or session is None else ("speech",),
            clock=clock,
        )
    return LiveKitInstrumentation(
        session, call, message_type=message_type, is_handoff=is_handoff, expected_digits=expected_digits, room=room, clock=clock
    )


def _runtime_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("livekit-agents")
    except PackageNotFoundError:
        return None
