"""How far each destination has come in the queue, and what becomes of a destination that the config no longer names."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)


class Cursors:
    """For each destination the number of the entry it takes next."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._at: dict[str, int] = {}
        self._gone: dict[str, tuple[int, int]] = {}  # what waits for those that the config no longer names, from a number up to another

    def begin(self, destinations: Sequence[str], saved: bytes | None, *, first: int, following: int) -> None:
        """Go on where each destination stood; `first` is the oldest entry held, `following` the number of the next to come.

        A new one begins with what comes next. What waits for one that the config no longer names is held until it is forgotten.
        """
        known = _read(saved)
        start = following if saved is not None else first  # where no cursor was saved nobody knows what has been sent
        self._at = {name: max(known.get(name, start), first) for name in destinations}
        self._gone = {name: (max(at, first), following) for name, at in known.items() if name not in self._at and at < following}

    @staticmethod
    def highest(saved: bytes | None) -> int:
        """Return how far the furthest of the saved cursors is, 0 where there are none."""
        return max(_read(saved).values(), default=0)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the destinations."""
        return tuple(self._at)

    @property
    def gone(self) -> dict[str, tuple[int, int]]:
        """Return what waits for destinations that the config no longer names: by name from which number up to which."""
        return dict(self._gone)

    def at(self, destination: str) -> int:
        """Return the number of the entry that a destination takes next."""
        return self._at.get(destination, 0)

    def move(self, destination: str, number: int) -> bool:
        """Note that everything below `number` is taken; return whether that is news."""
        news = number > self._at.get(destination, 0)
        if news:
            self._at[destination] = number
        return news

    def lowest(self, following: int) -> int:
        """Return the oldest entry that somebody still waits for, `following` where nobody does."""
        return min((*self._at.values(), *(at for at, _ in self._gone.values())), default=following)

    def expire(self, number: int) -> bool:
        """Move everybody on to `number`; return whether anybody lost entries by it. They are counted."""
        lost = {name: number - at for name, at in self._at.items() if at < number}
        for name, count in lost.items():
            self._at[name] = number
            self._counters.add("otel_voice_exporter_expired_requests", count, exporter=name)
            LOG.error("%d requests older than `max_age` are given up for `%s`", count, name)
        return bool(lost)

    def forget(self, name: str) -> None:
        """Let go of what waits for a destination that the config no longer names."""
        found = self._gone.pop(name, None)
        if found is not None:
            self._counters.add("otel_voice_exporter_abandoned_requests", found[1] - found[0], exporter=name)

    def packed(self) -> bytes:
        """Return all cursors as bytes."""
        return json.dumps({name: at for name, (at, _) in self._gone.items()} | self._at, sort_keys=True).encode()


def _read(saved: bytes | None) -> dict[str, int]:
    if saved is None:
        return {}
    try:
        return {str(name): int(at) for name, at in json.loads(saved).items()}
    except (ValueError, AttributeError, TypeError):  # its checksum fits, so it was never anything else
        return {}
