"""What the journal offers to a destination: entries in order, and a cursor that it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that waits. Numbers only grow; there may be gaps."""

    number: int
    signal: str
    arrived_ns: int
    body: bytes


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
