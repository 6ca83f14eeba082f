"""What LiveKit will do with the caller's words: commit them as a turn, or drop them because the speech was held. By its public options."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from otel_voice.decision import Input
from otel_voice.emit import failed
from otel_voice.integrations.livekit.readings import number, read
from otel_voice.interruption import Interruption

MS: Final = 1_000_000
SLACK_NS: Final = 50 * MS
DECIDED_NS: Final = 1_000 * MS  # LiveKit's model of turn ends has answered by then
LONGEST_S: Final = 2.0  # that a caller who wishes for a person is waited for
HEARD_S: Final = 0.5  # of it for the recogniser


class TurnTaking:
    """Follows one session's open turn of the caller."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._speaking = False
        self._silent_ns = 0
        self._open_ns: int | None = None  # of words that LiveKit has yet to commit, and may
        self._then: Callable[[], None] | None = None
        self._until = 0.0
        self._awaited: Interruption | None = None

    def spoke(self) -> None:
        """The caller began to speak."""
        self._speaking = True

    def fell_silent(self, at: int) -> None:
        """The caller fell silent."""
        self._speaking, self._silent_ns = False, at
        self._settle()

    def said(self, now: int, *, held: bool) -> None:
        """Words are final; while the speech that plays is held, LiveKit drops them unless it is stopped."""
        self._open_ns = self._open_ns if held else now
        self._settle()

    def committed(self, turn_id: str | None, at: int) -> None:
        """LiveKit took a turn of the caller."""
        self._open_ns = None
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.recovered(turn_id=turn_id, at=at)

    def open(self, now: int) -> bool:
        """Tell whether LiveKit may yet commit what the caller said."""
        return self._open_ns is not None and now < self.settled_ns()

    def settled_ns(self) -> int:
        """Return when LiveKit has committed or dropped what the caller said last."""
        return max(self._silent_ns, self._open_ns or 0) + self._delay_ns("max_delay", 3.0) + DECIDED_NS

    def lost(self, inputs: Sequence[Input], now: int) -> Sequence[Input]:
        """Return the words among input that was kept which LiveKit will not take; those in its open turn are left to it."""
        said = [each for each in inputs if each.text]
        fresh = self._delay_ns("min_delay", 0.5) - SLACK_NS
        lost = [each for each in said if each.complete and now >= each.heard_ns + fresh]
        if lost and not self._speaking:
            lost = said
            self.forget(now)  # so that nothing is answered twice
        return lost

    def awaits(self, interruption: Interruption | None) -> None:
        """The next turn that LiveKit takes is what this interruption became."""
        self._awaited = interruption

    def skip_reply(self, then: Callable[[], None]) -> None:
        """Have what the caller says now go into the history without an answer, which somebody else gives: `then`, once all is heard.

        Who never falls silent is waited for so long and no longer.
        """
        loop = asyncio.get_running_loop()
        self._then, self._until = then, loop.time() + LONGEST_S
        loop.call_at(self._until - HEARD_S, self._settle, True)
        self._settle()

    def forget(self, now: int) -> None:
        """Have LiveKit forget what it may yet commit, where that has been taken and the caller says no more."""
        if not self._speaking and now < self.settled_ns():
            self._session.clear_user_turn()

    def _settle(self, speaking: bool = False) -> None:
        then = self._then
        if then is None or (self._speaking and not speaking):
            return
        self._then = None
        left = max(HEARD_S, self._until - asyncio.get_running_loop().time())
        try:
            committed = self._session.commit_user_turn(skip_reply=True, transcript_timeout=left)
            committed.add_done_callback(lambda future: _committed(future, then))
        except Exception as error:
            failed("livekit.guard.commit", error)
            then()

    def _delay_ns(self, name: str, otherwise: float) -> int:
        seconds = number(read(self._session, "options", "endpointing"), name)
        return round((otherwise if seconds is None else seconds) * 1_000 * MS)


def _committed(future: Any, then: Callable[[], None]) -> None:
    try:
        error = None if future.cancelled() else future.exception()
        if error is not None:
            failed("livekit.guard.commit", error)
    finally:
        then()
