"""Steers a LiveKit session's interruptions by a policy: LiveKit keeps hearing, the guard alone stops the speech that plays.

While a response sounds its `allow_interruptions` is False, so that LiveKit's own thresholds leave it alone; a stop gives it back and
interrupts, and LiveKit goes on to answer the caller's turn as ever. Where the guard fails it gives the speech back too.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from otel_voice.decision import TAKEN, Decision, Do, Input
from otel_voice.emit import failed
from otel_voice.guard import Guard
from otel_voice.integrations.livekit.listening import LiveKitInstrumentation
from otel_voice.integrations.livekit.readings import read, text, when
from otel_voice.integrations.livekit.runtime import unguardable
from otel_voice.integrations.livekit.speeches import MOST_CREATED, Playing
from otel_voice.integrations.livekit.turn_taking import TurnTaking
from otel_voice.policy import Policy

OnEscalation = Callable[[Decision], Awaitable[None] | None]
OnKey = Callable[[str], Awaitable[None] | None]


class LiveKitGuard:
    """Rules one session's interruptions by a policy. Made by `guard`."""

    def __init__(
        self,
        listener: LiveKitInstrumentation,
        *,
        policy: Policy | None = None,
        on_escalation: OnEscalation | None = None,
        on_key: OnKey | None = None,
    ) -> None:
        self.guard = Guard(listener.call, policy=policy)
        self._listener, self._session = listener, listener.session
        self._on_escalation, self._on_key = on_escalation, on_key
        self._turn = TurnTaking(listener.session)
        self._playing: Playing | None = None
        self._allowed: bool | None = None  # what the speech that is held allowed by itself
        self._paused = False
        self._about: dict[str, dict[str, Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Future[Any]] = set()
        why = unguardable(listener.session)
        self.active = why is None
        if why is not None:
            failed("livekit.guard", ValueError(f"{why}; LiveKit's own settings rule"))
            return
        self._turns = listener.follow(self._follow)

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
            known = self.guard.response_goes_on(text=text, planned_ms=planned_ms, question_pending=question_pending)
            self._do(known, self.guard.now())
            return
        self._about[str(read(handle, "id"))] = {"text": text, "planned_ms": planned_ms, "question_pending": question_pending}
        while len(self._about) > MOST_CREATED:
            del self._about[next(iter(self._about))]

    def close(self) -> None:
        """Give the session back to LiveKit's own settings; the instrumentation goes on."""
        if self.active:
            self._listener.follow(None)
        self.active = False
        self._leave()

    def _follow(self, channel: str, event_name: str, payload: Any, now: int) -> None:
        """Take one event that the instrumentation has taken."""
        try:
            if self._turns.playing is not self._playing:
                self._ended(now)
                self._began(now)
            method = self._methods.get((channel, event_name))
            if method is not None:
                method(self, payload, now)
        except Exception as error:
            self._leave()
            failed(f"livekit.guard.{event_name}", error)

    def _began(self, now: int) -> None:
        playing = self._playing = self._turns.playing
        if playing is None:
            return
        self.guard.can_pause = read(self._session, "output", "audio", "can_pause") is True
        known = self._about.pop(playing.response_id, {})
        self._hold(now)
        self._do(self.guard.response_started(playing.response_id, message_type=playing.message_type, at=playing.start_ns, **known), now)

    def _hold(self, now: int) -> None:
        """Keep LiveKit from stopping the speech that plays, once it has committed what the caller said before it."""
        handle = read(self._playing, "handle")
        if handle is None or self._allowed is not None or read(handle, "interrupted") or not self.active:
            return
        if self._turn.open(now):
            return
        self._allowed = bool(handle.allow_interruptions)
        handle.allow_interruptions = False

    def _release(self) -> None:
        """Give the speech that plays back to LiveKit."""
        handle, allowed, self._allowed = read(self._playing, "handle"), self._allowed, None
        if allowed and handle is not None:
            handle.allow_interruptions = True

    def _ended(self, now: int) -> None:
        if self._playing is None:
            return
        self._release()
        handle = self._playing.handle
        self._playing = None
        if self._paused:  # the next speech shall sound
            self._paused = False
            self._session.output.audio.resume()
        self._do(self.guard.response_stopped(), now, handle)

    def _on_user_state(self, payload: Any, now: int) -> None:
        at = when(payload, now)
        if text(payload, "new_state") == "speaking":
            self._turn.spoke()
            self._do(self.guard.speech_started(self._turns.stretch_id, at=at), now)
        elif text(payload, "old_state") == "speaking":
            self._turn.fell_silent(at)
            self._do(self.guard.speech_stopped(at=at), now)

    def _on_transcript(self, payload: Any, now: int) -> None:
        words, final = (text(payload, "transcript") or "").strip(), bool(read(payload, "is_final"))
        if not words and not final:
            return
        if words and final:
            self._turn.said(now, held=self._allowed is not None)
        self._do(self.guard.transcript(words, status="partial" if not final else "final" if words else "empty"), now)

    def _on_item(self, payload: Any, now: int) -> None:
        item = read(payload, "item")
        if read(item, "role") == "user":
            self._turn.committed(text(item, "id"), when(payload, now))
            self._hold(now)

    def _on_dtmf(self, payload: Any, now: int) -> None:
        digit, offered = text(payload, "digit"), self._turns.offered_keys()
        if digit is not None:
            decision = self.guard.key(digit, expected=offered if offered is None or isinstance(offered, str) else list(offered))
            self._do(decision, now)
            if decision.do is Do.ROUTE_KEY:
                self._route(digit)

    def _on_close(self, payload: Any, now: int) -> None:
        self.close()

    def _do(self, decision: Decision, now: int, handle: Any = None) -> None:
        """Do what the guard answers; `handle` is a speech that has just ended."""
        if decision.do is Do.LEAVE:
            self._leave()
            return
        handle = handle or read(self._playing, "handle")
        if decision.changed and decision.do in TAKEN:
            if self._playing is not None:
                self._turns.steer(decision.interruption)
                self._stop()
            if decision.do is Do.ESCALATE:
                self._escalate(decision)
        elif decision.audio == "pause" and not self._paused:
            self._turns.steer(decision.interruption)
            self._pause(now)
        elif decision.audio == "play" and self._paused:
            self._resume(now)
        if decision.inputs and (decision.do is not Do.ESCALATE or self._on_escalation is None):
            self._take(decision.inputs, handle)
        self._later(decision.next_at_ns, now)

    def _stop(self) -> None:
        """Stop the speech that plays, as LiveKit does when a caller speaks: it then answers the caller's turn."""
        handle = read(self._playing, "handle")
        if handle is not None and not handle.interrupted:
            handle.allow_interruptions = True
            handle.interrupt()

    def _pause(self, now: int) -> None:
        if self._allowed is not None:
            self._session.output.audio.pause()
            self._paused = True
            self._turns.pause(now)

    def _resume(self, now: int) -> None:
        self._paused = False
        self._session.output.audio.resume()
        self._turns.resume(now)
        self._turns.steer(None)

    def _leave(self) -> None:
        """Give the speech that plays back, sounding; LiveKit's own settings rule it."""
        try:
            self._release()
            if self._paused:
                self._resume(self.guard.now())
            if self._timer is not None:
                self._timer.cancel()
        except Exception as error:
            failed("livekit.guard.leave", error)

    def _take(self, inputs: tuple[Input, ...], handle: Any) -> None:
        """Take input that was kept, once the speech that it met is over for LiveKit too."""

        def take(_: Any = None) -> None:
            try:
                self._turn.answer(inputs, self.guard.now())
                for each in inputs:
                    self._route_kept(each)
            except Exception as error:
                failed("livekit.guard.kept", error)

        if handle is None or handle.done():
            take()
        else:
            handle.add_done_callback(take)

    def _escalate(self, decision: Decision) -> None:
        hand_over = self._on_escalation
        if hand_over is None:
            return

        def call() -> None:
            self._call("on_escalation", hand_over, decision, self._listener.call.mark_escalated)

        if decision.inputs:
            self._turn.forget(self.guard.now())
            call()
        else:  # when the caller has said all, or LiveKit would take the rest for an interruption of what is said then
            self._turn.skip_reply(call)

    def _route(self, digit: str) -> None:
        if self._on_key is not None:
            self._call("on_key", self._on_key, digit)

    def _route_kept(self, said: Input) -> None:
        """Route a key that was kept, as it was pressed."""
        if said.key is not None:
            self._route(said.key)

    def _call(
        self, name: str, callback: Callable[[Any], Awaitable[None] | None], told: Any, then: Callable[[], None] | None = None
    ) -> None:
        """Call the agent's own code, which may be a coroutine; where it raises, that is told and nothing else happens."""

        async def calling() -> None:
            try:
                called = callback(told)
                if inspect.isawaitable(called):
                    await called
                if then is not None:
                    then()
            except Exception as error:
                failed(f"livekit.guard.{name}", error)

        task = asyncio.ensure_future(calling())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _later(self, at_ns: int | None, now: int) -> None:
        """Ask again at a time, and try again to hold a speech that could not be held yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._playing is not None and self._allowed is None and self._turn.open(now):
            at_ns = min(at_ns or self._turn.settled_ns(), self._turn.settled_ns())
        if at_ns is not None and self.active:
            wait_s = max(0.0, (at_ns - self.guard.now()) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._ticked)

    def _ticked(self) -> None:
        self._timer = None
        try:
            now = self.guard.now()
            self._hold(now)
            self._do(self.guard.tick(), now)
        except Exception as error:
            self._leave()
            failed("livekit.guard.timer", error)

    _methods: Final = {
        ("session", "user_state_changed"): _on_user_state,
        ("session", "user_input_transcribed"): _on_transcript,
        ("session", "conversation_item_added"): _on_item,
        ("session", "close"): _on_close,
        ("room", "sip_dtmf_received"): _on_dtmf,
    }
