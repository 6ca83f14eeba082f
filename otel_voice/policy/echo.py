"""What the caller's words have to do with the agent's own: its echo, its words said back, a contradiction of what it denied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from .lexicon import Lexicon, Phrases
from .reading import kept_at, kept_until

RECENT: Final = 600  # characters of the agent's text that an echo or a `no` may answer to
RECENT_WORDS: Final = 60
REMEMBERED: Final = 64  # texts of agents per lexicon: one is asked about many times while it plays
MANY_WORDS: Final = 4
CONTENT_LETTERS: Final = 4  # a shorter word, said back, is hardly what the agent told
_SENTENCES: Final = re.compile("[.!?\u3002\uff01\uff1f\u0964]")


class Said(NamedTuple):
    """What the agent said last: its words, pairs of the newest, and whether it asks, offers a choice, denies something at its end."""

    words: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    asks: bool
    chooses: bool
    denies: bool


def said_of(agent_text: str, lexicon: Lexicon) -> Said:
    """Return what an agent's text says; the newest texts are remembered."""
    recent = agent_text[-RECENT:]
    found: Said | None = lexicon.said.get(recent)
    if found is None:
        words = tuple(lexicon.words(recent))
        last = next((part for part in reversed(_SENTENCES.split(recent)) if part.strip()), "")
        found = Said(
            words=words,
            pairs=frozenset(pairwise(words[-RECENT_WORDS:])),
            asks="?" in recent or "\uff1f" in recent,
            chooses=lexicon.kinds["choices"].within(words),
            denies=lexicon.kinds["denials"].within(lexicon.words(last)),
        )
        if len(lexicon.said) >= REMEMBERED:
            lexicon.said.clear()
        lexicon.said[recent] = found
    return found


def is_echo(words: Sequence[str], said: Said, lexicon: Lexicon, *, question_pending: bool) -> bool:
    """Tell whether the line brings back what the agent just said; a few words of it may also choose what it offered."""
    if not _repeats(words, said, lexicon.kinds["denials"]):
        return False
    if len(words) >= MANY_WORDS or not lexicon.spaces:
        return True
    return not (question_pending or lexicon.kinds["cues"].matches(words, 0) or said.chooses)


def reads_back(words: Sequence[str], text: str, said: Said, lexicon: Lexicon) -> bool:
    """Tell whether the caller says what they were told, an `okay` before or after it, or one word of it: no answer and no question."""
    if said.asks or said.chooses or text.rstrip().endswith(("?", "\uff1f")):
        return False
    told, denials = between_listening(words, lexicon), lexicon.kinds["denials"]
    if len(told) == 1 and (len(told[0]) >= CONTENT_LETTERS or told[0].isdigit()):
        known = bool(lexicon.kinds["choices"].anchors)
        return known and any(word == told[0] and not _denied_at(said.words, at, denials) for at, word in enumerate(said.words))
    return _repeats(told, said, denials)


def between_listening(words: Sequence[str], lexicon: Lexicon) -> Sequence[str]:
    """Return the words without the listener's words, fillers and vocatives before and after them: of `okay Tuesday then`, `Tuesday`."""
    begin, end = kept_until(words, 0, lexicon), len(words)
    to_the_end = {end}  # places from which nothing else follows
    for at in range(end - 1, begin, -1):
        step = kept_at(words, at, lexicon)
        if step and at + step in to_the_end:
            to_the_end.add(at)
            end = at
    return words[begin:end]


def insists(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether a phrase that contradicts a denial is said for itself: `it is`, but not the one in `it is good to know`."""
    contradicts, at = lexicon.kinds["insists"], 0
    while at < len(words):
        kept = kept_at(words, at, lexicon)
        if contradicts.matches(words, at) >= max(kept, 1):
            return True
        at += max(kept, 1)
    return False


def _repeats(words: Sequence[str], said: Said, denials: Phrases) -> bool:
    """Tell whether the words are what was just said: two words or more in a row, or four of five pairs of them where there are many.

    What was said right after a denial is not: `paid` contradicts `not paid`.
    """
    size = len(words)
    if size < 2:
        return False
    run, rest = tuple(words), said.words[-RECENT_WORDS:]
    for at in range(len(rest) - size + 1):
        if rest[at] == run[0] and rest[at : at + size] == run and not _denied_at(rest, at, denials):
            return True
    mine = list(pairwise(words))
    return size >= 5 and sum(pair in said.pairs for pair in mine) >= 0.8 * len(mine)


def _denied_at(said: Sequence[str], at: int, denials: Phrases) -> bool:
    """Tell whether a denial stands right before a place."""
    return any(denials.matches(said, at - size) == size for size in (1, 2, 3) if at >= size)
