"""Label values that are let through, so that no label makes series without end. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from otel_voice_processor.rows import Unreadable, packed_row, unpacked_row

OTHER = "other"
RETIRED = 100  # old label values remembered, so that two versions in turns are not both the newest for ever


class Capped:
    """Label values let through: the first `most` seen, or the `most` that came newest; the rest become `other`, and stay it.

    `retired` is told each value that another takes the place of.
    """

    def __init__(self, most: int, *, newest: bool = False, retired: Callable[[str], object] = lambda value: None) -> None:
        self._seen: deque[str] = deque()
        self._gone: deque[str] = deque(maxlen=RETIRED)
        self._most = most
        self._newest = newest
        self._retired = retired
        self.unsaved = False

    def __call__(self, value: str) -> str:
        """Return the value, or `other`."""
        if value in self._seen:
            return value
        if len(self._seen) >= self._most:
            if not self._newest or value in self._gone:
                return OTHER
            self._gone.append(self._seen.popleft())
            self._retired(self._gone[-1])
        self._seen.append(value)
        self.unsaved = True
        return value

    def has_room_for(self, value: str) -> bool:
        """Tell whether the value is let through without another going for it."""
        return value in self._seen or len(self._seen) < self._most

    def row(self) -> bytes:
        """Return the values as a row."""
        return packed_row(tuple(self._seen), tuple(self._gone))

    def restore(self, row: bytes) -> None:
        """Take the values of an earlier process; raise `Unreadable`."""
        try:
            seen, gone = unpacked_row(row)
            self._seen.extend(map(str, seen))
            self._gone.extend(map(str, gone))
        except (TypeError, ValueError) as error:
            raise Unreadable(f"no label values: {error}") from None
