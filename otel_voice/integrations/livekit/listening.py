"""Listens to a session, its audio output and its room, and hands on what they say; never raises into them, never blocks their loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from otel_voice.call import VoiceCall
from otel_voice.emit import failed
from otel_voice.integrations.livekit.asked import Asked
from otel_voice.integrations.livekit.readings import read
from otel_voice.integrations.livekit.runtime import at_job_end, redacts, running_loop
from otel_voice.integrations.livekit.turns import Turns

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
UNINSTRUMENTED: Final = "uninstrumented"  # told to the follower alone
Follower = Callable[[str, str, Any, int], None]  # channel, event, payload, when it arrived


class LiveKitInstrumentation:
    """Listens to one session; `call` is its call. Made by `instrument`."""

    def __init__(self, session: Any, call: VoiceCall, asked: Asked, *, room: Any, clock: Callable[[], int]) -> None:
        self.call = call
        self._session, self._room, self._clock = session, room, clock
        self._turns = Turns(session, call, asked)
        self._listening: list[tuple[Any, str, Callable[..., None]]] = []
        self._audio: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._follower: Follower | None = None
        self._listen(session, "session", SESSION)
        self._listen(room, "room", ROOM)
        self._attach_audio()
        if session is not None:
            at_job_end(self._end)

    def uninstrument(self) -> None:
        """Stop listening; nothing of ours remains on the session, whose guard is closed."""
        if self._follower is not None:
            self._follower("session", UNINSTRUMENTED, {}, self._clock())
        listening, self._listening = self._listening, []
        for source, name, callback in listening:
            try:
                source.off(name, callback)
            except Exception as error:
                failed("livekit.uninstrument", error)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def session(self) -> Any:
        """The session that is listened to."""
        return self._session

    @property
    def followed(self) -> bool:
        """Whether something follows already."""
        return self._follower is not None

    def follow(self, follower: Follower | None) -> Turns:
        """Have each event handed on once it was taken; candidates and decisions are then the follower's to tell, until None follows."""
        self._follower = follower
        self._turns.steered = follower is not None
        return self._turns

    def handle(self, event_name: str, payload: Any, channel: str = "session", at_ns: int | None = None) -> None:
        """Take one event, as objects or as recorded mappings; `at_ns` is when it arrived, now where not given."""
        try:
            now = self._clock() if at_ns is None else at_ns
            if redacts(self._session):
                self.call.redact()
            follower = self._follower
            if follower is not None and event_name == "close":  # before the call ends
                follower(channel, event_name, payload, now)
            self._turns.handle(channel, event_name, payload, now)
            if follower is not None and event_name != "close":
                follower(channel, event_name, payload, now)
            if at_ns is None:
                self._attach_audio()
                self._schedule(now)
                if event_name == "close":
                    self._flush()
        except Exception as error:
            failed(f"livekit.{event_name}", error)

    def _attach_audio(self) -> None:
        """Listen to the audio output, which the session gets only when it starts."""
        audio = read(self._session, "output", "audio")
        if audio is not None and audio is not self._audio:
            self._audio = audio
            self._listen(audio, "audio_output", AUDIO)

    def _listen(self, source: Any, channel: str, names: tuple[str, ...]) -> None:
        if source is None:
            return
        try:
            for name in names:
                callback = partial(self._heard, name, channel)
                source.on(name, callback)
                self._listening.append((source, name, callback))
        except Exception as error:  # no emitter of events: something else was handed in, or it is closed
            failed(f"livekit.instrument: the {channel.replace('_', ' ')}", error)

    def _heard(self, name: str, channel: str, payload: Any = None, *_: Any) -> None:
        self.handle(name, payload, channel)

    async def _end(self) -> None:
        """Tell the call's end where the session did not, and send what is held back, before the job's process is gone."""
        if self._listening:
            self.handle("close", {})
            await asyncio.to_thread(self.call.flush)

    def _flush(self) -> None:
        """At the end, send what is held back, beside the loop."""
        loop = running_loop() if self._listening else None
        if loop is not None:
            loop.run_in_executor(None, self.call.flush)

    def _schedule(self, now: int) -> None:
        """On a running loop, look again when the first stretch without words is due."""
        loop, due = running_loop(), self._turns.due_ns()
        if loop is not None and due is not None and self._timer is None and self._listening:
            self._timer = loop.call_later(max(0.0, (due - now) / 1e9) + 0.001, self._timed)

    def _timed(self) -> None:
        self._timer = None
        try:
            self._turns.infer(self._clock())
            self._schedule(self._clock())
        except Exception as error:
            failed("livekit.timer", error)
