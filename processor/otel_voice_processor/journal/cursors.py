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

    def begin(self, destinations: Sequence[str], saved: bytes | None, *, first: int, following: int) -> None:
        """Go on where each destination stood; `first` is the oldest entry held, `following` the number of the next to come.

        A new one begins with what comes next, or where one stood that is gone: most likely it has a new name.
        """
        known: dict[str, int] = _read(saved)
        gone = {name: at for name, at in known.items() if name not in destinations and at < following}
        new = [name for name in destinations if name not in known]
        start = (
            following if saved is not None else first
        )  # without any cursors nobody knows what has been sent: once more is better than never
        if gone and new:
            start = min(gone.values())
            LOG.warning("%s goes on where %s stood, which the config no longer names", ", ".join(new), ", ".join(gone))
        for name, at in gone.items() if not new else ():
            LOG.error("%d requests that waited for `%s` are given up: the config no longer names it", following - max(at, first), name)
            self._counters.add("otel_voice_exporter_abandoned_requests", following - max(at, first), exporter=name)
        self._at = {name: max(known.get(name, start), first) for name in destinations}

    @staticmethod
    def highest(saved: bytes | None) -> int:
        """Return how far the furthest of the saved cursors is, 0 where there are none."""
        return max(_read(saved).values(), default=0)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the destinations."""
        return tuple(self._at)

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
        return min(self._at.values(), default=following)

    def expire(self, number: int) -> bool:
        """Move everybody on to `number`; return whether anybody lost entries by it. They are counted."""
        lost = {name: number - at for name, at in self._at.items() if at < number}
        for name, count in lost.items():
            self._at[name] = number
            self._counters.add("otel_voice_exporter_expired_requests", count, exporter=name)
            LOG.error("%d requests older than `max_age` are given up for `%s`", count, name)
        return bool(lost)

    def packed(self) -> bytes:
        """Return all cursors as bytes."""
        return json.dumps(self._at, sort_keys=True).encode()


def _read(saved: bytes | None) -> dict[str, int]:
    if saved is None:
        return {}
    try:
        return {str(name): int(at) for name, at in json.loads(saved).items()}
    except (ValueError, AttributeError, TypeError):  # its checksum fits, so it was never anything else
        return {}
