"""Text of others on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text on one line, without what would move a terminal's cursor or cannot be encoded."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
