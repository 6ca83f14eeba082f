"""The processor's numbers about itself: plain integers by name and labels, cheap enough for every request."""

from __future__ import annotations

from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]


class Counters:
    """Counts that only grow; one event loop writes them, so there is no lock."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, Labels], int] = {}

    def add(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Count `amount` more."""
        key = (name, tuple(sorted(labels.items())) if labels else ())
        self._counts[key] = self._counts.get(key, 0) + amount

    def get(self, name: str, /, **labels: str) -> int:
        """Return one count, 0 where nothing was counted."""
        return self._counts.get((name, tuple(sorted(labels.items()))), 0)

    def total(self, name: str) -> int:
        """Return a count over all its labels."""
        return sum(count for (known, _), count in self._counts.items() if known == name)

    def snapshot(self) -> Mapping[tuple[str, Labels], int]:
        """Return a copy of every count."""
        return dict(self._counts)
