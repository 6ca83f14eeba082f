"""Six of the seven rates over the last hour and the last day, per workflow, for eyes without PromQL. Pure, time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

MINUTE_NS: Final = 60 * 1_000_000_000
WINDOWS: Final = (("1h", 60), ("24h", 1440))  # as Prometheus writes them, and in minutes

Key = tuple[str, str]  # workflow and rate


@dataclass(slots=True)
class _Window:
    """Running sums over the newest minutes; what falls out is taken off again."""

    minutes: int
    kept: deque[tuple[int, dict[Key, tuple[int, int]]]] = field(default_factory=deque)
    sums: dict[Key, tuple[int, int]] = field(default_factory=dict)

    def add(self, minute: int, key: Key, numerator: int, denominator: int) -> None:
        if not self.kept or self.kept[-1][0] < minute:
            self.kept.append((minute, {}))
        newest = self.kept[-1][1]
        newest[key] = _plus(newest.get(key), numerator, denominator)
        self.sums[key] = _plus(self.sums.get(key), numerator, denominator)

    def drop(self, minute: int) -> None:
        while self.kept and self.kept[0][0] <= minute - self.minutes:
            for key, (numerator, denominator) in self.kept.popleft()[1].items():
                self.sums[key] = _plus(self.sums.get(key), -numerator, -denominator)
                if self.sums[key] == (0, 0):
                    del self.sums[key]


class Rolling:
    """Counts numerators and denominators by the minute; memory goes with workflows and minutes, not with calls."""

    def __init__(self) -> None:
        self._windows = [(name, _Window(minutes)) for name, minutes in WINDOWS]

    def add(self, now_ns: int, workflow: str, rate: str, *, hit: bool) -> None:
        """Count one more in the denominator of a rate, and in its numerator where it is a `hit`."""
        for _, window in self._windows:
            window.drop(now_ns // MINUTE_NS)  # here as well: nobody may ever ask for the values
            window.add(now_ns // MINUTE_NS, (workflow, rate), int(hit), 1)

    def values(self, now_ns: int) -> Iterator[tuple[str, str, str, float]]:
        """Yield window, workflow, rate and its value, of everything that was counted in the window."""
        for name, window in self._windows:
            window.drop(now_ns // MINUTE_NS)
            for (workflow, rate), (numerator, denominator) in sorted(window.sums.items()):
                yield name, workflow, rate, numerator / denominator


def _plus(sums: tuple[int, int] | None, numerator: int, denominator: int) -> tuple[int, int]:
    before = sums or (0, 0)
    return before[0] + numerator, before[1] + denominator
