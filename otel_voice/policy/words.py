"""Text to plain words that compare: case, punctuation, accents, drawn-out letters and spellings of a recogniser do not matter.

One pass over the text by tables that fill themselves, no backtracking: what a caller or an attacker sends costs time in its length,
and no more than `LONGEST_TEXT` characters of it are read.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_TEXT: Final = 2000
_APOSTROPHES: Final = frozenset("'\u2018\u2019\u02bc\u00b4`\u2032")
_LONG_MARKS: Final = frozenset("\u30fc\u301c\uff5e\u02d0")  # Japanese draws vowels out by a mark of their own
_SAME: Final = {"\u0901": "\u0902", "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ı": "i"}  # chandrabindu is written either way
_DRAWN: Final = re.compile(r"([aehilmnorsuyz]|[^\W\d_a-z])\1{2,}")  # of Latin letters those that people draw out


class _Table(dict[int, str]):
    """What each character becomes; found once, then remembered."""

    def __init__(self, *, split_apostrophes: bool) -> None:
        super().__init__()
        self._apostrophe = " " if split_apostrophes else ""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = plain = self._plain(char)
        return plain

    def _plain(self, char: str) -> str:
        if char in _APOSTROPHES:
            return self._apostrophe
        if char in _LONG_MARKS:
            return ""
        if char in _SAME:
            return _SAME[char]
        name = unicodedata.name(char, "")
        if name.startswith(("HIRAGANA", "KATAKANA", "CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH")):
            return f" {char} "  # written without spaces: each character is a word, phrases are several
        category = unicodedata.category(char)
        if category == "Cf":  # joiners and marks of direction: invisible
            return ""
        if category == "Mn" and 0x300 <= ord(char) < 0x370:
            return ""
        if category[0] == "L" and (base := unicodedata.normalize("NFD", char)[0]).isascii():
            return base.lower()
        return char if category[0] in "LMN" else " "


_JOINED: Final = _Table(split_apostrophes=False)
_SPLIT: Final = _Table(split_apostrophes=True)


def words_of(text: str, *, split_apostrophes: bool = False) -> list[str]:
    """Return the words of a text, plain: lower case, no punctuation, hyphens, Latin accents or drawn-out letters.

    `split_apostrophes` reads `l'agent` as two words instead of `lagent`.
    """
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT]
    latin = text.isascii()
    if not latin:
        text = unicodedata.normalize("NFKC", text)
    plain = text.lower().translate(_SPLIT if split_apostrophes else _JOINED)
    if not latin or _may_be_drawn(plain):
        plain = _DRAWN.sub(r"\1", plain)
    return plain.split()


def _may_be_drawn(plain: str) -> bool:
    """Tell whether a Latin letter may be drawn out; these searches take a third of what the expression takes."""
    usual = "aaa" in plain or "eee" in plain or "ooo" in plain or "mmm" in plain or "hhh" in plain or "yyy" in plain or "sss" in plain
    return usual or "iii" in plain or "lll" in plain or "nnn" in plain or "rrr" in plain or "uuu" in plain or "zzz" in plain
