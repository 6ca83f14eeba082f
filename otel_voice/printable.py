"""Text of others on a terminal."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """Return text without what would move a terminal's cursor or cannot be encoded; on one line, unless line ends are to be kept."""
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)
