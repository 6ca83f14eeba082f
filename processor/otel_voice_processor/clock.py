"""What a wall clock that is set does to us: jumps are noticed against the steady clock, and times of exports only grow. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MS: Final = 1_000_000
S: Final = 1_000_000_000
LEAST_NS: Final = 5 * S  # a smaller step harms nobody: waits are longer, and what is late is allowed for
SLOWED: Final = 2  # after a step back the time of exports runs at this fraction, until the clock has caught up


class Jumps:
    """Tells by how much the wall clock has jumped since it was last asked. Drift, however long it adds up, is no jump."""

    def __init__(self, wall_ns: int, steady_ns: int, least_ns: int = LEAST_NS) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._least_ns = least_ns

    def seen(self, wall_ns: int, steady_ns: int) -> int:
        """Return the nanoseconds that the wall clock was set forward, or back where negative; 0 for less than matters."""
        jump = (wall_ns - self._wall_ns) - (steady_ns - self._steady_ns)
        self._wall_ns, self._steady_ns = wall_ns, steady_ns
        return jump if abs(jump) > self._least_ns else 0


class WatchedClock:
    """A wall clock of which somebody is told that it has jumped, before anybody is told the new time."""

    def __init__(self, wall: Callable[[], int], steady: Callable[[], int], jumped: Callable[[int, int], None]) -> None:
        self._wall = wall
        self._steady = steady
        self._jumped = jumped
        self._jumps = Jumps(wall(), steady())

    def __call__(self) -> int:
        """Return the time in Unix nanoseconds; where it has jumped, `jumped` has been called with it, and with by how much."""
        now_ns = self._wall()
        by_ns = self._jumps.seen(now_ns, self._steady())
        if by_ns:
            self._jumped(now_ns, by_ns)
        return now_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The time of an export; `after_ns` is the last one that anybody has, where that is not the last one told."""

    now_ns: int
    after_ns: int | None


class Onward:
    """Times for points of series, of which each must be later than the last that was taken, whatever the wall clock does.

    After a step back they go on at half speed until the clock has caught up: no gap, and nothing further ahead than it was already.
    """

    def __init__(self, told_ns: int, steady_ns: int) -> None:
        """Go on from the time that was told last."""
        self._told = self._taken = told_ns, steady_ns
        self._lost = self._odd = False
        self._by_clock = True

    def now(self, wall_ns: int, steady_ns: int) -> Moment:
        """Return the time of an export in Unix nanoseconds: later than that of the last one, or of the last one that anybody has."""
        lost, self._lost = self._lost, False
        if not lost:
            self._taken = self._told
        self._odd = wall_ns <= self._told[0] or (lost and self._odd)
        taken_ns, then_ns = self._taken
        ahead = taken_ns >= wall_ns
        self._by_clock = not ahead or (lost and not self._by_clock)  # who refuses one is asked with the other: it has its own clock
        now_ns = wall_ns if self._by_clock else taken_ns + max((steady_ns - then_ns) // SLOWED, MS)
        self._told = now_ns, steady_ns
        return Moment(now_ns=now_ns, after_ns=(taken_ns if taken_ns < now_ns else now_ns - S) if self._odd else None)

    def not_taken(self) -> None:
        """Say that nobody has the last export, so that its time counts for nothing: a clock far ahead, refused by all, leaves no trace."""
        self._lost = True
