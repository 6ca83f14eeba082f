"""How long nobody has spoken since the caller's last go: the agent's own speech in between does not count, and does not start anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from otel_voice.decision import Decision
from otel_voice.emit import failed
from otel_voice.guard import Guard
from otel_voice.integrations.livekit.readings import text
from otel_voice.integrations.livekit.runtime import closing

MS: Final = 1_000_000


class Silences:
    """Counts one session's silence, where it is `counted`, and asks the guard when it is time; `act` gets what it answers."""

    def __init__(self, session: Any, guard: Guard, act: Callable[[Decision], None], *, counted: bool) -> None:
        self._session, self._guard, self._act, self._counted = session, guard, act, counted
        self._before_ns = 0
        self._since_ns: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """The caller did something: the count begins anew, at the next silence."""
        self.broken()
        self._before_ns = 0

    def broken(self) -> None:
        """Somebody speaks or works: the count stands still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._since_ns is not None:
            self._before_ns += self._guard.now() - self._since_ns
            self._since_ns = None

    def may_begin(self) -> None:
        """Count on, where nobody speaks, the model does not think, and the call is not in other hands."""
        calm = text(self._session, "user_state") != "speaking" and text(self._session, "agent_state") == "listening"
        if self._counted and self._since_ns is None and calm and not self._over():
            self._since_ns = self._guard.now()
            self._ask()

    def _ask(self) -> None:
        self._timer = None
        if self._since_ns is None or self._over():
            return
        try:
            decision = self._guard.silence((self._before_ns + self._guard.now() - self._since_ns) // MS)
            if decision.next_at_ns is not None:
                wait_s = max(0.0, (decision.next_at_ns - self._guard.now()) / 1e9)
                self._timer = asyncio.get_running_loop().call_later(wait_s, self._ask)
            self._act(decision)
        except Exception as error:
            failed("livekit.guard.silence", error)

    def _over(self) -> bool:
        return self._guard.handing_over or closing(self._session)
