"""What the journal offers to a destination: entries in order, and a cursor that it keeps."""

from __future__ import annotations

from typing import Protocol

from otel_voice_processor.model import Entry


class Queue(Protocol):
    """The waiting requests, as any number of destinations read them."""

    async def read(self, number: int, max_bytes: int) -> list[Entry]:
        """Return entries from `number` on, in order, up to `max_bytes` but one at least; wait until there is one."""
        ...

    def done(self, destination: str, number: int) -> None:
        """Note that everything below `number` is off this destination's hands; committed soon."""

    async def first(self, destination: str) -> int:
        """Return where a destination goes on after a start."""
        ...
