"""How far a destination is: with several requests under way at once, only what has no gap before it counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Cursor:
    """`number` is the oldest entry that is still on our hands; everything below it is off them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._read_to = number
        self._open: deque[int] = deque()
        self._ended: set[int] = set()

    @property
    def window(self) -> int:
        """Return how many entries were read and not passed yet."""
        return len(self._open)

    def begin(self, numbers: Iterable[int]) -> None:
        """Note entries as read, in rising order."""
        for number in numbers:
            self._open.append(number)
            self._read_to = number + 1

    def end(self, numbers: Iterable[int]) -> bool:
        """Note entries as off our hands; tell whether `number` has grown."""
        self._ended.update(numbers)
        while self._open and self._open[0] in self._ended:
            self._ended.discard(self._open.popleft())
        before, self.number = self.number, self._open[0] if self._open else self._read_to
        return self.number > before
