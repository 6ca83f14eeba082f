"""For tests of agents and adapters: see the events that leave, and move the clock by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from otel_voice.emit import STATE, CapturedEvent

__all__ = ["CapturedEvent", "FakeClock", "capture_events", "listening"]


@contextmanager
def capture_events() -> Iterator[list[CapturedEvent]]:
    """Collect every event emitted inside the block; failures inside helpers raise there."""
    events: list[CapturedEvent] = []
    STATE.strict += 1
    try:
        with listening(events.append):
            yield events
    finally:
        STATE.strict -= 1


@contextmanager
def listening(listener: Callable[[CapturedEvent], None]) -> Iterator[None]:
    """Tell `listener` of every event emitted inside the block, and let it go on its way."""
    STATE.listeners.append(listener)
    try:
        yield
    finally:
        STATE.listeners.remove(listener)


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until moved; Unix nanoseconds."""

    now_ns: int = 1_790_000_000_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ns

    def advance(self, *, ms: int) -> int:
        """Move the clock forward and return the new time."""
        self.now_ns += ms * 1_000_000
        return self.now_ns
