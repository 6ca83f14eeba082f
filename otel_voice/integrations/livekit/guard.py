"""Steers a LiveKit session's interruptions by a policy: LiveKit keeps hearing, the guard alone stops the speech that plays.

While a response sounds it is held (`holding.py`), so that LiveKit's own thresholds leave it alone; a stop gives it back and interrupts, and
LiveKit goes on to answer the caller's turn as ever. Where the guard fails it gives the speech back too.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from otel_voice.decision import TAKEN, Decision, Do
from otel_voice.emit import failed
from otel_voice.guard import Guard
from otel_voice.integrations.livekit.acting import Acting, Callbacks
from otel_voice.integrations.livekit.holding import Hold
from otel_voice.integrations.livekit.listening import UNINSTRUMENTED, LiveKitInstrumentation
from otel_voice.integrations.livekit.readings import read, text, when
from otel_voice.integrations.livekit.runtime import closing, running_loop, unguardable
from otel_voice.integrations.livekit.silences import Silences
from otel_voice.integrations.livekit.speeches import MOST_CREATED, Playing
from otel_voice.integrations.livekit.spoken import Spoken
from otel_voice.integrations.livekit.turn_taking import TurnTaking
from otel_voice.policy import Policy


class LiveKitGuard:
    """Rules one session's interruptions by a policy. Made by `guard`."""

    def __init__(self, listener: LiveKitInstrumentation, *, policy: Policy | None, callbacks: Callbacks) -> None:
        self.guard = Guard(listener.call, policy=policy)
        self._listener, self._session, self._loop = listener, listener.session, running_loop()
        self._hold, self._turn = Hold(), TurnTaking(listener.session)
        self._acting = Acting(self.guard, listener, self._turn, callbacks)
        self._spoken = Spoken(listener.session, self._reads)
        self._silences = Silences(listener.session, self.guard, self._on_silence, counted=callbacks.on_reprompt is not None)
        self._playing: Playing | None = None
        self._paused = self._text_told = False
        self._about: dict[str, dict[str, Any]] = {}
        self._read: tuple[str | None, str] = (None, "")  # the newest text and whose it is
        self._timer: asyncio.TimerHandle | None = None
        why = "a guard rules the session already" if listener.followed else unguardable(listener.session)
        self._open = why is None
        self._refused: str | None = None
        self._refuse(why)
        if why is None:
            self._turns = listener.follow(self._follow)
            self._spoken.attach()

    @property
    def active(self) -> bool:
        """Whether the guard rules the session: it was not refused, its agent can be guarded, and it was not closed."""
        return self._open and self._refused is None

    def say(self, said: str, *, message_type: str | None = None, question_pending: bool | None = None, **more: Any) -> Any:
        """Have the session say a text of which the guard knows what it is and, to know its echo and its question, what it says."""
        if message_type is None:
            handle = self._session.say(said, **more)
        else:
            with self._listener.call.message(message_type):
                handle = self._session.say(said, **more)
        self.about(handle, text=said, question_pending=question_pending)
        return handle

    def about(self, handle: Any, *, text: str | None = None, planned_ms: int | None = None, question_pending: bool | None = None) -> None:
        """Tell what is known of a speech before or while it plays: its text, its length, that it asks something."""
        if self._playing is not None and self._playing.handle is handle:
            self._text_told = self._text_told or text is not None
            known = self.guard.response_goes_on(text=text, planned_ms=planned_ms, question_pending=question_pending)
            self._do(known, self.guard.now())
            return
        self._about[str(read(handle, "id"))] = {"text": text, "planned_ms": planned_ms, "question_pending": question_pending}
        while len(self._about) > MOST_CREATED:
            del self._about[next(iter(self._about))]

    def close(self) -> None:
        """Give the session back to LiveKit's own settings, and what was kept to its model; the instrumentation goes on."""
        if not self._open:
            return
        self._open = False
        self._listener.follow(None)
        self._leave()
        handle = read(self._playing, "handle")
        if handle is None:
            self._spoken.detach()
        else:  # its transcript runs through the chain
            handle.add_done_callback(self._spoken.detach)
        self._acting.take(self.guard.buffered(), handle)

    def _follow(self, channel: str, event_name: str, payload: Any, now: int) -> None:
        """Take one event that the instrumentation has taken; those of other threads in the session's own."""
        loop = running_loop()
        self._loop = self._loop or loop
        if self._loop is not None and loop is not self._loop:
            self._loop.call_soon_threadsafe(self._follow, channel, event_name, payload, now)
            return
        if not self._open:
            return
        try:
            if event_name in ("close", UNINSTRUMENTED):
                self.close()
                return
            if self._turns.playing is not self._playing:
                self._ended()
                self._began(now)
            if self._playing is None:
                self._spoken.attach()
            method = self._methods.get((channel, event_name))
            if method is not None and self.active:
                method(self, payload, now)
        except Exception as error:
            self._leave()
            failed(f"livekit.guard.{event_name}", error)

    def _began(self, now: int) -> None:
        if self._turns.playing is None:
            return
        self._refuse(unguardable(self._session))  # the agent, and its options, may be others than before
        self._turns.steered = self.active
        if not self.active:
            return
        playing = self._playing = self._turns.playing
        self._silences.broken()
        self.guard.can_pause = read(self._session, "output", "audio", "can_pause") is True
        known = self._about.pop(playing.response_id, {})
        self._text_told = known.get("text") is not None
        if not self._text_told and self._read[0] == text(playing.handle, "id"):
            known["text"] = self._read[1]
        may = read(playing.handle, "allow_interruptions") is not False
        self._try_hold()
        begun = self.guard.response_started(
            playing.response_id, message_type=playing.message_type, interruptible=may, at=playing.start_ns, **known
        )
        self._do(begun, self.guard.now())

    def _try_hold(self) -> None:
        """Keep LiveKit from stopping the speech that plays, once it has committed what the caller said before it.

        While the call is handed over the model is not to answer anything.
        """
        free = self.guard.handing_over or not self._turn.open(self.guard.now())
        if self.active and self._playing is not None and free:
            self._hold.take(self._playing.handle)

    def _ended(self) -> None:
        if self._playing is None:
            return
        self._hold.give_back()
        handle = self._playing.handle
        self._playing = None
        if self._paused:  # the next speech shall sound
            self._paused = False
            self._session.output.audio.resume()
        if closing(self._session):
            self.close()
            return
        self._do(self.guard.response_stopped(), self.guard.now(), handle)
        self._is_quiet()

    def _reads(self, handle: Any, said: str) -> None:
        """Take the text of a response as far as it was made."""
        self._read = (text(handle, "id"), said)
        if self.active and not self._text_told and self._playing is not None and self._playing.handle is handle:
            self._do(self.guard.response_goes_on(text=said), self.guard.now())

    def _on_user_state(self, payload: Any, now: int) -> None:
        at = when(payload, now)
        if text(payload, "new_state") == "speaking":
            self._turn.spoke()
            self._silences.heard()
            self._do(self.guard.speech_started(self._turns.stretch_id, at=at), self.guard.now())
        elif text(payload, "old_state") == "speaking":
            self._turn.fell_silent(self.guard.now(at))
            self._do(self.guard.speech_stopped(at=at), self.guard.now())
            self._is_quiet()

    def _on_agent_state(self, payload: Any, now: int) -> None:
        if text(payload, "new_state") == "thinking":
            self._silences.broken()
        self._is_quiet()

    def _on_transcript(self, payload: Any, now: int) -> None:
        words, final = (text(payload, "transcript") or "").strip(), bool(read(payload, "is_final"))
        if not words and not final:
            return
        if words and final:
            self._turn.said(self.guard.now(), held=read(self._playing, "handle", "allow_interruptions") is False)
        self._do(self.guard.transcript(words, status="partial" if not final else "final" if words else "empty"), self.guard.now())

    def _on_item(self, payload: Any, now: int) -> None:
        item = read(payload, "item")
        if read(item, "type") == "agent_handoff" and self._playing is None:
            self._spoken.attach(enters=True)
        if read(item, "role") == "user":
            self._turn.committed(text(item, "id"), when(payload, now))
            self._try_hold()

    def _on_dtmf(self, payload: Any, now: int) -> None:
        digit, offered = text(payload, "digit"), self._turns.offered_keys()
        if digit is None:
            return
        self._silences.heard()
        decision = self.guard.key(digit, expected=offered if offered is None or isinstance(offered, str) else list(offered))
        self._do(decision, self.guard.now())
        if decision.do is Do.ROUTE_KEY:
            self._acting.route(digit)
        self._is_quiet()

    def _do(self, decision: Decision, now: int, handle: Any = None) -> None:
        """Do what the guard answers; `handle` is a speech that has just ended."""
        if decision.do is Do.LEAVE:
            self._leave()
            return
        playing = read(self._playing, "handle")
        if decision.changed and decision.do in TAKEN:
            if playing is not None:
                self._turns.steer(decision.interruption)
                self._hold.stop(playing)
        elif decision.audio == "pause" and not self._paused:
            self._pause(decision)
        elif decision.audio == "play" and self._paused:
            self._resume()
        self._acting.act(decision, handle or playing, live=self._playing is not None or not decision.inputs)
        self._later(decision.next_at_ns, now)

    def _pause(self, decision: Decision) -> None:
        if self._hold.held:
            self._turns.steer(decision.interruption)
            self._session.output.audio.pause()
            self._paused = True
            self._turns.pause(self._wall())

    def _resume(self) -> None:
        self._paused = False
        self._session.output.audio.resume()
        self._turns.resume(self._wall())
        self._turns.steer(None)

    def _wall(self) -> int:
        return self._listener.call.clock()

    def _leave(self) -> None:
        """Give the speech that plays back, sounding; LiveKit's own settings rule it."""
        try:
            self._hold.give_back()
            if self._paused:
                self._resume()
            if self._timer is not None:
                self._timer.cancel()
            self._silences.broken()
        except Exception as error:
            failed("livekit.guard.leave", error)

    def _is_quiet(self) -> None:
        if self._playing is None:
            self._silences.may_begin()

    def _on_silence(self, decision: Decision) -> None:
        self._acting.act(decision, None, live=False)

    def _later(self, at_ns: int | None, now: int) -> None:
        """Ask again at a time, and try again to hold a speech that could not be held yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._playing is not None and not self._hold.held and self._turn.open(now):
            at_ns = min(at_ns or self._turn.settled_ns(), self._turn.settled_ns())
        if at_ns is not None and self.active:
            wait_s = max(0.0, (at_ns - self.guard.now()) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._ticked)

    def _ticked(self) -> None:
        self._timer = None
        try:
            self._try_hold()
            self._do(self.guard.tick(), self.guard.now())
        except Exception as error:
            self._leave()
            failed("livekit.guard.timer", error)

    def _refuse(self, why: str | None) -> None:
        """Leave the session to LiveKit where there is a reason; it is told once in a row."""
        if why is not None and why != self._refused:
            failed("livekit.guard", ValueError(f"{why}; LiveKit's own settings rule"))
        self._refused = why

    _methods: Final = {
        ("session", "user_state_changed"): _on_user_state,
        ("session", "agent_state_changed"): _on_agent_state,
        ("session", "user_input_transcribed"): _on_transcript,
        ("session", "conversation_item_added"): _on_item,
        ("room", "sip_dtmf_received"): _on_dtmf,
    }
