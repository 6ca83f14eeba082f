"""Does with the caller's input what the guard has decided: hands over, routes keys, has kept words answered, tells the agent's own code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from otel_voice.decision import TAKEN, Decision, Do, Input
from otel_voice.emit import failed
from otel_voice.guard import Guard
from otel_voice.integrations.livekit.answering import answer, note
from otel_voice.integrations.livekit.calling import Calling
from otel_voice.integrations.livekit.listening import LiveKitInstrumentation
from otel_voice.integrations.livekit.runtime import closing
from otel_voice.integrations.livekit.turn_taking import TurnTaking
from otel_voice.interruption import Interruption

OnDecision = Callable[[Decision], Awaitable[None] | None]
OnKey = Callable[[str], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """The agent's own code."""

    on_escalation: OnDecision | None = None
    on_key: OnKey | None = None
    on_reprompt: OnDecision | None = None
    on_cancel: OnDecision | None = None


class Acting:
    """Acts on one session's decisions."""

    def __init__(self, guard: Guard, listener: LiveKitInstrumentation, turn: TurnTaking, callbacks: Callbacks) -> None:
        self._guard, self._call, self._session = guard, listener.call, listener.session
        self._turn, self._callbacks, self._calling = turn, callbacks, Calling()
        self._wish: Interruption | None = None  # whose rest is waited for, and may yet take it back

    def act(self, decision: Decision, handle: Any, *, live: bool) -> None:
        """Act on a decision; `live` says that the caller may still be saying what it is about, `handle` is the speech that it met."""
        called = self._callbacks
        taken = decision.changed and decision.do in TAKEN | {Do.ANSWER}
        if taken and decision.ruling is not None and decision.ruling.cancels:
            self._calling.call("on_cancel", called.on_cancel, decision)
        if decision.changed and decision.do is Do.REPROMPT:
            self._calling.call("on_reprompt", called.on_reprompt, decision)
        if decision.changed and decision.do is Do.STOP and decision.interruption is self._wish:
            self._wish = None
        if decision.changed and decision.do is Do.ESCALATE and called.on_escalation is not None:
            self._escalate(decision, called.on_escalation, live=live)
        elif decision.inputs:
            self.take(decision.inputs, handle)

    def take(self, inputs: tuple[Input, ...], handle: Any) -> None:
        """Take input that was kept, once the speech that it met is over for LiveKit too."""

        def taken(_: Any = None) -> None:
            try:
                if closing(self._session):
                    return
                lost = self._turn.lost(inputs, self._guard.now())
                if lost:
                    self._calling.run("kept", lambda: self._take(lost))
                for each in inputs:
                    if each.key is not None:
                        self.route(each.key)
            except Exception as error:
                failed("livekit.guard.kept", error)

        if not inputs:
            return
        if handle is None or handle.done():
            taken()
        else:
            handle.add_done_callback(taken)

    def route(self, key: str) -> None:
        """Route a key, after those before it."""
        self._calling.call("on_key", self._callbacks.on_key, key)

    def _escalate(self, decision: Decision, hand_over: OnDecision, *, live: bool) -> None:
        """Hand the call over once the caller has said all, or LiveKit would take the rest for an interruption of what is said then."""
        if closing(self._session):
            return
        self._guard.handing_over = True
        if live:
            kept = [each for each in decision.inputs if each.text and each.interruption is not decision.interruption]
            self._wish = decision.interruption
            self._turn.skip_reply(lambda: self._said_all(decision, hand_over, kept))
        else:
            self._hand_over(decision, hand_over, self._turn.lost(decision.inputs, self._guard.now()))

    def _said_all(self, decision: Decision, hand_over: OnDecision, kept: Sequence[Input]) -> None:
        """Hand over what is still wished; words that turned out as something else are the model's to answer."""
        wished, self._wish = self._wish is decision.interruption, None
        if wished:
            self._hand_over(decision, hand_over, kept)
        elif not closing(self._session):
            self._guard.handing_over = False
            self._session.generate_reply()

    def _hand_over(self, decision: Decision, hand_over: OnDecision, kept: Sequence[Input]) -> None:
        async def handing_over(_: Decision) -> None:
            await self._note(kept)
            try:
                called = hand_over(decision)
                if called is not None:
                    await called
            except Exception:
                self._guard.handing_over = False
                self._call.mark_escalated(False)
                if not closing(self._session):
                    self._session.generate_reply()
                raise

        if not closing(self._session):
            self._call.mark_escalated()
            self._calling.call("on_escalation", handing_over, decision)

    async def _take(self, kept: Sequence[Input]) -> None:
        """Have kept words answered; while the call is handed over they are for the colleague."""
        if self._guard.handing_over:
            await self._note(kept)
        elif await answer(self._session, _words(kept)):
            self._turn.awaits(kept[-1].interruption)

    async def _note(self, kept: Sequence[Input]) -> None:
        try:
            if kept:
                await note(self._session, _words(kept))
        except Exception as error:  # the history is not worth the handover
            failed("livekit.guard.history", error)


def _words(inputs: Sequence[Input]) -> str:
    return " ".join(each.text for each in inputs)
