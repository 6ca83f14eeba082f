"""The newest entries, kept in memory: a destination that keeps up reads no disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from otel_voice_processor.model import Entry

MOST_BYTES: Final = 64 << 20


class Tail:
    """Entries whose numbers follow each other, up to the last one that was committed."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def add(self, entries: Sequence[Entry], lowest: int) -> None:
        """Take what was committed; let go of what is below `lowest`, which nobody waits for, and of the oldest past the bound."""
        if self._entries and entries and entries[0].number != self._entries[-1].number + 1:
            self.clear()
        self._entries.extend(entries)
        self._bytes += sum(len(entry.body) for entry in entries)
        while self._entries and (self._entries[0].number < lowest or self._bytes > MOST_BYTES):
            self._bytes -= len(self._entries.popleft().body)

    def read(self, number: int, max_bytes: int) -> list[Entry]:
        """Return entries from `number` on, as many as `max_bytes` hold but one at least; none where the first of them is not here."""
        if not self._entries or number < self._entries[0].number:
            return []
        found: list[Entry] = []
        size = 0
        for at in range(number - self._entries[0].number, len(self._entries)):
            entry = self._entries[at]
            if found and size + len(entry.body) > max_bytes:
                break
            found.append(entry)
            size += len(entry.body)
        return found

    def clear(self) -> None:
        """Let go of everything."""
        self._entries.clear()
        self._bytes = 0
