"""How long nobody has spoken since the caller's last go: the agent's own speech in between does not count, and does not start anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

MS: Final = 1_000_000


class Silences:
    """Counts one session's silence and asks when it is time; `ask` gets the silence so far and returns when to ask again."""

    def __init__(self, now: Callable[[], int], ask: Callable[[int], int | None]) -> None:
        self._now, self._ask = now, ask
        self._counted_ns = 0
        self._since_ns: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """The caller did something: the count begins anew, at the next silence."""
        self.broken()
        self._counted_ns = 0

    def broken(self) -> None:
        """Somebody speaks or works: the count stands still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._since_ns is not None:
            self._counted_ns += self._now() - self._since_ns
            self._since_ns = None

    def began(self) -> None:
        """Nobody speaks any more."""
        if self._since_ns is None:
            self._since_ns = self._now()
            self._asked()

    def _asked(self) -> None:
        self._timer = None
        if self._since_ns is None:
            return
        now = self._now()
        due = self._ask((self._counted_ns + now - self._since_ns) // MS)
        if due is not None and self._since_ns is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, (due - self._now()) / 1e9), self._asked)
