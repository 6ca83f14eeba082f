"""Something said once: one that repeats itself must not fill the log."""

from __future__ import annotations

from typing import Final

MOST: Final = 100  # remembered; past it all are forgotten


class Once:
    """Remembers what was said."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def first(self, words: str) -> bool:
        """Tell whether this was not said yet, as far as is remembered; it is now."""
        if words in self._said:
            return False
        if len(self._said) >= MOST:
            self._said.clear()
        self._said.add(words)
        return True
