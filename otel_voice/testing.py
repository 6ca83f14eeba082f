"""For your own tests: capture the events your agent emits, and a clock that you move."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from unittest.mock import patch

from otel_voice import emit
from otel_voice.call import set_strict


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One emitted event; times in Unix nanoseconds."""

    name: str
    attributes: Mapping[str, object]
    start_ns: int
    time_ns: int


class FakeClock:
    """A clock in Unix nanoseconds that moves when told."""

    def __init__(self, now_ns: int = 1_800_000_000_000_000_000) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ns

    def tick(self, seconds: float) -> None:
        """Move on."""
        self.now_ns += round(seconds * 1e9)


@contextlib.contextmanager
def capture_events() -> Iterator[list[Captured]]:
    """Collect every event emitted inside the block, without any SDK; failures inside the helpers raise."""
    events: list[Captured] = []

    def record(self: emit.Emitter, name: str, attributes: Mapping[str, object], *, start_ns: int, end_ns: int, first: bool = False) -> None:
        events.append(Captured(name=name, attributes=dict(attributes), start_ns=start_ns, time_ns=end_ns))

    before = set_strict(True)
    try:
        with patch.object(emit.Emitter, "emit", record):
            yield events
    finally:
        set_strict(before)
