"""Six of the seven rates over the last hour and the last day, per workflow, for eyes without PromQL. Pure, time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from otel_voice_processor.rows import Damaged, Rows, each_row, key_of, packed_row

MINUTE_NS: Final = 60 * 1_000_000_000
WINDOWS: Final = (("1h", 60), ("24h", 1440))  # as Prometheus writes them, and in minutes

Sums = tuple[int, int]  # numerator and denominator
ByRate = dict[str, Sums]


@dataclass(slots=True)
class _Window:
    """Running sums over the newest minutes; what falls out is taken off again."""

    minutes: int
    kept: deque[tuple[int, dict[str, ByRate]]] = field(default_factory=deque)  # by workflow
    sums: dict[tuple[str, str], Sums] = field(default_factory=dict)
    unsaved: dict[tuple[int, str], ByRate | None] | None = None  # by minute and workflow, None where they are gone

    def add(self, minute: int, workflow: str, rate: str, sums: Sums) -> None:
        if not self.kept or self.kept[-1][0] < minute:
            self.kept.append((minute, {}))
        minute, newest = self.kept[-1]
        rates = newest.setdefault(workflow, {})
        rates[rate] = _plus(rates.get(rate, (0, 0)), sums)
        self.sums[workflow, rate] = _plus(self.sums.get((workflow, rate), (0, 0)), sums)
        if self.unsaved is not None:
            self.unsaved[minute, workflow] = rates

    def drop(self, minute: int) -> None:
        while self.kept and self.kept[0][0] <= minute - self.minutes:
            oldest, found = self.kept.popleft()
            for workflow, rates in found.items():
                if self.unsaved is not None:
                    self.unsaved[oldest, workflow] = None
                for rate, (numerator, denominator) in rates.items():
                    left = _plus(self.sums.get((workflow, rate), (0, 0)), (-numerator, -denominator))
                    self.sums[workflow, rate] = left
                    if left == (0, 0):
                        del self.sums[workflow, rate]


class Rolling:
    """Counts numerators and denominators by the minute; memory goes with workflows and minutes, not with calls."""

    def __init__(self) -> None:
        self._windows = {name: _Window(minutes) for name, minutes in WINDOWS}

    def add(self, now_ns: int, workflow: str, rate: str, *, hit: bool) -> None:
        """Count one more in the denominator of a rate, and in its numerator where it is a `hit`."""
        for window in self._windows.values():
            window.drop(now_ns // MINUTE_NS)  # here as well: nobody may ever ask for the values
            window.add(now_ns // MINUTE_NS, workflow, rate, (int(hit), 1))

    def values(self, now_ns: int) -> Iterator[tuple[str, str, str, float]]:
        """Yield window, workflow, rate and its value, of everything that was counted in the window."""
        for name, window in self._windows.items():
            window.drop(now_ns // MINUTE_NS)
            for (workflow, rate), (numerator, denominator) in sorted(window.sums.items()):
                yield name, workflow, rate, numerator / denominator

    def track(self) -> None:
        """Note from now on what `save` has to write."""
        for window in self._windows.values():
            window.unsaved = {}

    def save_all(self) -> None:
        """Take nothing as written."""
        for window in self._windows.values():
            held = {(minute, workflow): rates for minute, found in window.kept for workflow, rates in found.items()}
            window.unsaved = {**(window.unsaved or {}), **held}

    def save(self, rows: Rows) -> None:
        """Put what changed since it was asked for last, a row for each window, minute and workflow."""
        for name, window in self._windows.items():
            for (minute, workflow), rates in (window.unsaved or {}).items():
                key = f"{name}/{minute:012d}/".encode() + key_of(workflow)
                if rates is None:
                    rows.delete("rolling", key)
                else:
                    rows.put("rolling", key, packed_row(name, minute, workflow, rates))
            if window.unsaved:
                window.unsaved = {}

    def restore(self, rows: Iterable[tuple[bytes, bytes]], damaged: Damaged) -> None:
        """Take the rows of an earlier process."""
        found: list[tuple[int, _Window, str, ByRate]] = []
        for key, row in each_row(rows, "rolling", damaged):
            try:
                name, minute, workflow, rates = row
                found.append((int(minute), self._windows[name], workflow, dict(rates)))
            except (TypeError, ValueError, KeyError):
                damaged("rolling", key)
        for minute, window, workflow, rates in sorted(found, key=lambda item: item[0]):
            for rate, sums in rates.items():
                window.add(minute, workflow, rate, sums)
        self.track()


def _plus(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1]
