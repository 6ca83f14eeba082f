"""LiveKit Agents 1.x: one line instruments a session. Reads its events only; never raises into the agent, never blocks its loop.

Works on anything that emits LiveKit's events, so recorded messages replay through `handle` without LiveKit installed.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import TracerProvider

from otel_voice.call import MS, VoiceCall, guarded
from otel_voice.interruption import Interruption

SILENCE_MEANS_EMPTY_NS = 2_500 * MS  # a recogniser that said nothing by then heard nothing
SESSION_EVENTS = (
    "user_state_changed",
    "agent_state_changed",
    "user_input_transcribed",
    "speech_created",
    "conversation_item_added",
    "agent_false_interruption",
    "close",
)
AUDIO_EVENTS = ("playback_started", "playback_finished")
ROOM_EVENTS = ("sip_dtmf_received",)
PERSON_WORDS = ("human", "handoff", "transfer")


def is_person(agent_id: str) -> bool:
    """Tell by its id whether an agent that took over stands for a person."""
    return any(word in agent_id.lower() for word in PERSON_WORDS)


def get(payload: Any, name: str, default: Any = None) -> Any:
    """Read a field of an event object or of its recorded mapping."""
    if isinstance(payload, Mapping):
        return payload.get(name, default)
    return getattr(payload, name, default)


@dataclass(slots=True)
class _Speech:
    """A response of the agent while it plays."""

    response_id: str
    started_ns: int
    paused_ns: int | None = None
    held_ns: int = 0

    def position_ms(self, at: int) -> int:
        until = self.paused_ns if self.paused_ns is not None else at
        return max(0, until - self.started_ns - self.held_ns) // MS


@dataclass(slots=True)
class _Stretch:
    """A stretch of the caller's speech while its transcript may still come."""

    stretch_id: str
    onset_ns: int
    stopped_ns: int | None = None
    heard: bool = False


@dataclass(slots=True)
class _State:
    speech: _Speech | None = None
    created: list[tuple[str, bool | None]] = field(default_factory=list)
    last_ended: str | None = None
    stretch: _Stretch | None = None
    interruption: Interruption | None = None
    cut: bool = False
    escalated: bool = False
    last_ns: int = 0


class LiveKitInstrumentation:
    """What `instrument` returns; `call` is the call's `VoiceCall`, `uninstrument()` takes every listener off again."""

    def __init__(
        self,
        call: VoiceCall,
        *,
        message_type: str | Callable[[str], str | None] | None = None,
        threshold: float | None = None,
        false_interruption_timeout_ms: int | None = None,
        away_timeout_ms: int | None = None,
        expected_digits: Callable[[], tuple[str, ...] | None] = lambda: None,
        person: Callable[[str], bool] = is_person,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.call = call
        self._message_type = message_type
        self._threshold = threshold
        self._false_timeout_ms = false_interruption_timeout_ms
        self._away_ms = away_timeout_ms
        self._expected = expected_digits
        self._person = person
        self._clock = clock
        self._state = _State()
        self._listening: list[tuple[Any, str, Callable[..., None]]] = []

    def listen(self, emitter: Any, names: tuple[str, ...]) -> None:
        """Listen to an emitter of LiveKit's; an emitter that lacks an event is left alone."""
        for name in names:

            def listener(payload: Any = None, *more: Any, _name: str = name) -> None:
                self.handle(_name, payload)

            with guarded():
                emitter.on(name, listener)
                self._listening.append((emitter, name, listener))

    def uninstrument(self) -> None:
        """Take every listener off. Safe twice."""
        listening, self._listening = self._listening, []
        for emitter, name, listener in listening:
            with guarded():
                emitter.off(name, listener)

    def handle(self, name: str, payload: Any, at_ns: int | None = None) -> None:
        """Read one event, live or recorded; its own `created_at` (Unix seconds) counts where it has one."""
        with guarded():
            created = get(payload, "created_at")
            arrived = self._clock() if at_ns is None else at_ns
            at = round(float(created) * 1e9) if isinstance(created, (int, float)) else arrived
            self._infer_empty(max(at, arrived))
            reader = getattr(self, f"_on_{name}", None)
            if reader is not None:
                reader(payload, at)
            self._state.last_ns = max(self._state.last_ns, at)

    def _on_speech_created(self, payload: Any, at: int) -> None:
        handle = get(payload, "speech_handle")
        self._state.created.append((str(get(handle, "id", "")), get(handle, "allow_interruptions")))

    def _on_agent_state_changed(self, payload: Any, at: int) -> None:
        old, new = str(get(payload, "old_state")), str(get(payload, "new_state"))
        speech = self._state.speech
        if new == "speaking" and speech is not None and speech.paused_ns is not None:
            position = speech.position_ms(at)
            speech.held_ns += at - speech.paused_ns
            speech.paused_ns = None
            self.call.agent_speech_started(speech.response_id, position_ms=position, resumed=True, at=at)
        elif new == "speaking" and speech is None:
            self._began(at)
        elif old == "speaking" and speech is not None and speech.paused_ns is None:
            speech.paused_ns = at
            self._state.cut = True
            reason = "user_speech" if self._state.stretch is not None else None
            self.call.agent_speech_interrupted(
                speech.response_id, position_ms=speech.position_ms(at), reason=reason, provisional=True, at=at
            )

    def _began(self, at: int) -> None:
        created = self._state.created
        name, interruptible = created[-1] if created and created[-1][0] != self._state.last_ended else (None, None)
        kind = self._message_type(name or "") if callable(self._message_type) else self._message_type
        given = self.call.message_type or kind
        response = self.call.agent_speech_started(name, interruptible=interruptible, message_type=given, at=at)
        self._state.speech = _Speech(response, at)
        self._state.cut = False
        stretch = self._state.stretch
        if stretch is not None and stretch.stopped_ns is None:
            self._candidate(stretch, at)

    def _on_playback_finished(self, payload: Any, at: int) -> None:
        speech, self._state.speech = self._state.speech, None
        if speech is None:
            return
        seconds = get(payload, "playback_position")
        position = round(float(seconds) * 1000) if isinstance(seconds, (int, float)) else None
        self._state.last_ended = speech.response_id
        if get(payload, "interrupted"):
            heard = get(payload, "synchronized_transcript")
            chars = len(heard) if isinstance(heard, str) else None
            self._state.cut = True
            self.call.agent_speech_interrupted(speech.response_id, position_ms=position, reason=self._why(), heard_chars=chars, at=at)
            self.call.agent_speech_stopped(speech.response_id, position_ms=position, end_reason="interrupted", at=at)
        else:
            self.call.agent_speech_stopped(speech.response_id, position_ms=position, end_reason="completed", at=at)

    def _why(self) -> str:
        return "user_speech" if self._state.stretch is not None else "programmatic"

    def _on_user_state_changed(self, payload: Any, at: int) -> None:
        old, new = str(get(payload, "old_state")), str(get(payload, "new_state"))
        if old == "speaking" and self._state.stretch is not None:
            stretch = self._state.stretch
            stretch.stopped_ns = at
            self.call.user_speech_stopped(stretch.stretch_id, duration_ms=max(0, at - stretch.onset_ns) // MS, at=at)
            self._later(stretch)
        if new == "speaking":
            stretch = _Stretch(self.call.user_speech_started(at=at), at)
            self._state.stretch = stretch
            if self._state.speech is not None and self._state.speech.paused_ns is None:
                self._candidate(stretch, at)
        elif new == "away":
            self.call.silence_timeout(elapsed_ms=self._away_ms or 0, at=at)

    def _candidate(self, stretch: _Stretch, at: int) -> None:
        self._state.interruption = self.call.candidate(
            mode="vad",
            threshold=self._threshold,
            speech_ms=max(0, at - stretch.onset_ns) // MS,
            words=None,
            stretch_id=stretch.stretch_id,
            at=at,
        )

    def _on_user_input_transcribed(self, payload: Any, at: int) -> None:
        text, stretch = str(get(payload, "transcript") or ""), self._state.stretch
        if not text.strip():
            return
        if stretch is not None:
            stretch.heard = True
        self.call.user_transcript(
            stretch.stretch_id if stretch else None, text=text, status="final" if get(payload, "is_final") else "partial", at=at
        )

    def _on_conversation_item_added(self, payload: Any, at: int) -> None:
        item = get(payload, "item")
        kind = get(item, "type")
        interruption = self._state.interruption
        if kind == "agent_handoff":
            before, after = get(item, "old_agent_id"), str(get(item, "new_agent_id") or "")
            self._state.escalated = self._state.escalated or (before is not None and self._person(after))
            if before is None or interruption is None:
                return
        elif get(item, "role") != "user" or interruption is None or not self._state.cut:
            return
        turn = str(get(item, "id") or "")
        self.call.turn(turn)
        interruption.recovered(turn_id=turn, at=at)
        self._state.interruption = None

    def _on_agent_false_interruption(self, payload: Any, at: int) -> None:
        interruption = self._state.interruption
        if interruption is None:
            return
        stretch = self._state.stretch
        behavior = "resumed" if get(payload, "resumed") else "none"
        absent = None if stretch is None else not stretch.heard
        interruption.false_positive(timeout_ms=self._false_timeout_ms, transcript_absent=absent, resume_behavior=behavior, at=at)

    def _on_sip_dtmf_received(self, payload: Any, at: int) -> None:
        digit = str(get(payload, "digit") or "")
        self._state.interruption = self.call.candidate(
            input_type="dtmf", mode="dtmf", dtmf_digit=digit, expected_digits=self._expected(), at=at
        )

    def _on_close(self, payload: Any, at: int) -> None:
        self._infer_empty(at + SILENCE_MEANS_EMPTY_NS)
        self.call.end(outcome=None, escalated=self._state.escalated, ended_by=None, at=at)
        self.uninstrument()

    def _later(self, stretch: _Stretch) -> None:
        """Ask again when the recogniser's time is up; a replay has no loop and asks with its next event."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._listening:
            wait = SILENCE_MEANS_EMPTY_NS / 1e9
            loop.call_later(wait, lambda: self._infer_empty((stretch.stopped_ns or 0) + SILENCE_MEANS_EMPTY_NS))

    def _infer_empty(self, now_ns: int) -> None:
        """Conclude `empty` where no words came for a stretch in time; later text overrules it."""
        with guarded():
            stretch = self._state.stretch
            if stretch is None or stretch.heard or stretch.stopped_ns is None:
                return
            due = stretch.stopped_ns + SILENCE_MEANS_EMPTY_NS
            if now_ns >= due:
                stretch.heard = True
                self.call.user_transcript(stretch.stretch_id, text="", status="empty", inferred=True, at=due)


def instrument(
    session: Any,
    *,
    call: VoiceCall | None = None,
    call_id: str | None = None,
    workflow: str | None = None,
    message_type: str | Callable[[str], str | None] | None = None,
    policy_version: str | None = None,
    agent_name: str | None = None,
    tracer_provider: TracerProvider | None = None,
    room: Any = None,
    expected_digits: Callable[[], tuple[str, ...] | None] = lambda: None,
    clock: Callable[[], int] = time.time_ns,
) -> LiveKitInstrumentation:
    """Emit voice events for a LiveKit `AgentSession`; call it after `session.start`, when its audio output is set.

    `call_id` defaults to the room's name, or a random id. `message_type` names what the agent says outside `call.message(...)`, or is asked
    with the speech id. Digits come from `room`; `expected_digits` says which keys the prompt offers.
    """
    known = call or VoiceCall(
        call_id or str(get(room, "name") or f"call_{uuid.uuid4().hex}"),
        workflow=workflow,
        runtime="livekit",
        runtime_version=_version(),
        agent_name=agent_name,
        policy_version=policy_version,
        observable=("speech", "dtmf") if room is not None else ("speech",),
        tracer_provider=tracer_provider,
        clock=clock,
    )
    made = LiveKitInstrumentation(known, message_type=message_type, expected_digits=expected_digits, clock=clock, **_options(session))
    made.listen(session, SESSION_EVENTS)
    audio = get(get(session, "output"), "audio")
    if audio is not None:
        made.listen(audio, AUDIO_EVENTS)
    if room is not None:
        made.listen(room, ROOM_EVENTS)
    return made


def _version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("livekit-agents")
    except PackageNotFoundError:
        return None


def _options(session: Any) -> dict[str, Any]:
    """Read what the session's own settings tell: the detector's threshold and time-outs. Absent ones stay unknown."""

    def milliseconds(value: Any) -> int | None:
        return round(value * 1000) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    options = get(session, "options")
    interruption = get(options, "interruption") or {}
    least = get(interruption, "min_duration")
    return {
        "threshold": float(least) if isinstance(least, (int, float)) else None,
        "false_interruption_timeout_ms": milliseconds(get(interruption, "false_interruption_timeout")),
        "away_timeout_ms": milliseconds(get(options, "user_away_timeout")),
    }
