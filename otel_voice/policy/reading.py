"""Read a caller's words by a lexicon: what they are made of, before anything is known of the agent or the policy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from .lexicon import ENGLISH, PACKAGED, Lexicon, Phrases
from .people import CLAUSE, STUTTER, asks_for_person, only_mentions_person
from .words import LONGEST_TEXT, words_of

SHORT_TEXT: Final = 80
REMEMBERED: Final = 4096
MOST_AGAIN: Final = 8  # words within which a beginning is said once more
LONG_ASIDE: Final = 4  # words that nobody says but to others in the room
# Laughter of any length: what a word consists of that repeats after every second letter, and what laughs as words or characters in a row.
_LAUGHS: Final = frozenset(map(frozenset, ("ha", "he", "hi", "ho", "ja", "je", "ji", "k", "rs", "हा", "हे", "हि", "ही", "हो")))
_LAUGHS_IN_A_ROW: Final = frozenset({"ha", "हा", "は", "ハ", "ふ", "フ", "へ", "ヘ"})
_LAUGH_AT_THE_END: Final = "笑"  # a recogniser's annotation, elsewhere a part of words
_MARK: Final = re.compile(r"\[([^\[\]]{1,60})\]|\(([^()]{1,60})\)|<([^<>]{1,60})>|\*([^*]{1,60})\*|（([^（）]{1,60})）|［([^［］]{1,60})］")
_LABEL: Final = re.compile(r"[a-z]+")
# Labels of detectors and runtimes, matched by whole words of the label: they are identifiers, in no caller's language.
_LABELS: Final = {
    "escalation": frozenset({"human", "agent", "operator", "escalate", "escalation", "transfer", "handoff", "supervisor", "representative",
                             "emergency", "person", "manager"}),
    "backchannel": frozenset({"backchannel", "acknowledgement", "acknowledge", "ack"}),
    "noise": frozenset({"noise", "echo", "cough"}),
    "unknown": frozenset({"side", "sidespeech", "unknown", "fallback", "none", "other"}),
}  # fmt: skip


class Reading(NamedTuple):
    """What an utterance is made of.

    `kind` is one of blank, unheard, aside, escalation, not_escalation, cancel, cue, more, words, answer, listening, filler, foreign.
    """

    kind: str
    words: int = 0
    rest: int = 0  # words after listener's words and fillers, of kind `words`
    noise: bool = False  # a recogniser's annotation says so
    so_far: str = ""  # where the end may still become something else: what came before (nothing, filler, listening, answer), or `person`
    only_no: bool = False  # nothing but `no`, or listener's words after it


_BLANK: Final = Reading("blank")


def read(text: str, lexicon: Lexicon | None) -> Reading:
    """Return what the words are made of; short texts are remembered, within a bound. Without a lexicon they are only counted."""
    if lexicon is None:
        count = len(words_of(text))
        return Reading("foreign", count) if count else _BLANK
    remembered = lexicon.readings
    found = remembered.get(text)
    if found is None:
        found = read_anew(text, lexicon)
        if len(text) <= SHORT_TEXT:
            if len(remembered) >= REMEMBERED:
                remembered.clear()
            remembered[text] = found
    return found


def read_anew(text: str, lexicon: Lexicon) -> Reading:
    """Return what the words are made of, remembering nothing."""
    text = text[:LONGEST_TEXT].rstrip()
    noise = unheard = False
    spoken = text
    if "[" in text or "(" in text or "<" in text or "*" in text or "\uff08" in text or "\uff3b" in text:
        spoken, noise, unheard = _without_marks(text, lexicon)
    words = lexicon.words(spoken)
    if not words:
        return Reading("unheard" if unheard else "blank", noise=noise)
    if not lexicon.rare.isdisjoint(words):
        asked = asks_for_person(spoken, words, lexicon)
        if not asked and _is_aside(spoken, words, lexicon):
            return Reading("aside", len(words))
        if asked is not None:
            return Reading(
                "escalation" if asked else "not_escalation",
                len(words),
                so_far="person" if asked and only_mentions_person(words, lexicon) else "",
            )
    return _turn_or_backchannel(spoken, words, lexicon)


def _is_aside(text: str, words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether something is said to others in the room; not where the agent is told to wait for it.

    A short one begins what is said, or a clause of it: `can I get down payment info` tells no dog to get down.
    """
    asides, holds = lexicon.kinds["asides"], lexicon.kinds["holds"]
    if not asides.within(words) or (holds.matches(words, 0) and not asides.matches(words, 0)):
        return False
    if not lexicon.spaces or any(asides.matches(words, at) >= LONG_ASIDE for at in range(len(words))):
        return True
    clauses = (words, *(lexicon.words(each) for each in CLAUSE.split(text)))
    return any(asides.matches(each, at) for each in clauses for at in (0, 1, kept_until(each, 0, lexicon)))


def _without_marks(text: str, lexicon: Lexicon) -> tuple[str, bool, bool]:
    """Take a recogniser's annotations out of the text: (text, a noise was annotated, unheard words were annotated)."""
    noise = unheard = False
    kept: list[str] = []
    last = 0
    readers = (lexicon,) if lexicon.language == ENGLISH else (lexicon, PACKAGED.get(ENGLISH))  # many annotate in English
    for found in _MARK.finditer(text):
        inner = next(group for group in found.groups() if group is not None).replace("_", " ")
        is_unheard = any(each.kinds["unheard"].covers(each.words(inner)) for each in readers)
        is_noise = any(each.kinds["noise"].within(each.words(inner)) for each in readers)
        if is_unheard or is_noise:
            kept.append(text[last : found.start()])
            last = found.end()
            noise, unheard = noise or is_noise, unheard or is_unheard
    kept.append(text[last:])
    return " ".join(kept), noise, unheard


def _turn_or_backchannel(text: str, words: Sequence[str], lexicon: Lexicon) -> Reading:
    """Walk over backchannels and fillers from the left; what follows them decides."""
    kinds, keeps, openings = lexicon.kinds, lexicon.keeps, lexicon.openings
    size = len(words)
    at = answers = listening = named = 0
    while at < size:
        kind, step = None, 0
        opening = openings.get(words[at])
        if opening is not None:
            if opening.sizes and at + 1 < size and words[at + 1] in opening.seconds:
                for length in opening.sizes:
                    said = tuple(words[at : at + length])
                    kind = keeps.get(said)
                    if kind is not None:
                        step = len(said)
                        break
            if kind is None and opening.alone:
                kind, step = keeps[(words[at],)], 1
            if kind == "answers":
                answers += 1
            elif kind == "listening":
                listening += 1
            elif kind == "vocatives":
                named += 1
            elif kind == "cues":
                break
        if not step:
            if _laughs(words, at):
                listening += 1
                step = 1
            else:
                step = _begun_again(words, at, lexicon)
            if not step:
                break
        at += step
    if at == size:
        if text.endswith(("?", "？")) and kinds["asked"].covers(words):
            return Reading("cue", size)
        return Reading("answer" if answers else "listening" if listening else "cue" if named else "filler", size)  # `sir?` is a summons
    cancel = kinds["cancels"].matches(words, at)
    if cancel and _ends_there(words, at + cancel, cancel, lexicon):
        return Reading("cancel", size)
    cue = kinds["cues"].matches(words, at)
    so_far = ""
    if words[-1] in lexicon.cut and _may_go_on(words, at, max(cue, kinds["noes"].matches(words, at)), lexicon):
        so_far = "answer" if answers else "listening" if listening else "filler" if at else "nothing"
    if cue:
        past = at + _all_of(kinds["noes"], words, at)
        if past > at and kinds["cancels"].matches(words, past):
            return Reading("cancel", size)
        if past > at and at + cue <= past and _keeps_floor(words, past, lexicon) and _denies_alone(text, words[at:past], lexicon):
            return Reading("listening", size, only_no=True)  # `no, that's fine`
        only_no = at == 0 and past > 0 and past + _all_of(kinds["vocatives"], words, past) == size
        return Reading("cue", size, so_far=so_far, only_no=only_no)
    if answers or listening:
        return Reading("more", size, so_far=so_far)
    return Reading("words", size, size - at, False, so_far)


def _ends_there(words: Sequence[str], at: int, said: int, lexicon: Lexicon) -> bool:
    """Tell whether what calls something off ends here: `stop that payment` names another thing, `cancel that no wait` takes it back."""
    if at == len(words):
        return True
    if said == 1 or lexicon.kinds["noes"].matches(words, at) or lexicon.kinds["holds"].matches(words, at):
        return False
    going_on = max(lexicon.kinds[kind].matches(words, at) for kind in ("cues", "cancels"))
    return bool(going_on) or words[at] in lexicon.openings


def _may_go_on(words: Sequence[str], at: int, taken: int, lexicon: Lexicon) -> bool:
    """Tell whether the words end in a beginning of a listener's phrase, which starts at this place or before it.

    The words at this place say something already where so many are `taken`: `no` is not the beginning of `no worries`, `no wor` is.
    """
    size = len(words)
    for start in range(max(0, size - lexicon.longest), at + 1):
        if start == at and size - at <= taken:
            return False
        if start == size - 1:
            return words[start] in lexicon.firsts or (words[start],) in lexicon.begun
        said = tuple(words[start:])
        if said in lexicon.begun:
            return True
        word = said[-1]
        if any(each.startswith(word) and each != word for each in lexicon.begun.get(said[:-1], ())):
            return len(word) > 1 or not taken  # `no, I` begins no phrase that could be meant
    return False


def _laughs(words: Sequence[str], at: int) -> bool:
    """Tell whether a word is laughter: `hahaha`, `kkkk`, one of several `ha`."""
    word = words[at]
    if word[2:] == word[:-2] and len(word) > 2:
        return (len(word) > 3 or word == "kkk") and frozenset(word) in _LAUGHS
    if word in _LAUGHS_IN_A_ROW:
        return word in words[at + 1 : at + 2] or (at > 0 and words[at - 1] == word)
    return word == _LAUGH_AT_THE_END and words[at + 1 : at + 2] in ([], [word])


def kept_until(words: Sequence[str], at: int, lexicon: Lexicon) -> int:
    """Return where the listener's words, fillers and vocatives from here on end."""
    while at < len(words) and (step := kept_at(words, at, lexicon)):
        at += step
    return at


def kept_at(words: Sequence[str], at: int, lexicon: Lexicon) -> int:
    """Return how many words the longest phrase of a listener's words, fillers and vocatives takes here, 0 for none and for a cue."""
    opening = lexicon.openings.get(words[at])
    here = () if opening is None else (tuple(words[at : at + size]) for size in (*opening.sizes, 1))
    said = next((each for each in here if each in lexicon.keeps), ())
    return 0 if not said or lexicon.keeps[said] == "cues" else len(said)


def _all_of(phrases: Phrases, words: Sequence[str], at: int) -> int:
    """Return how many words from here on are such phrases, one after the other."""
    start = at
    while step := phrases.matches(words, at):
        at += step
    return at - start


def _keeps_floor(words: Sequence[str], at: int, lexicon: Lexicon) -> bool:
    """Tell whether all that follows are a listener's words, not fillers alone."""
    keeps = False
    while at < len(words):
        kept = max(lexicon.kinds[kind].matches(words, at) for kind in ("answers", "listening"))
        step = max(kept, *(lexicon.kinds[kind].matches(words, at) for kind in ("fillers", "vocatives")))
        if not step:
            return False
        keeps = keeps or step == kept
        at += step
    return keeps


def _denies_alone(text: str, noes: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether a `no` stands by itself; where it also negates verbs, only a comma tells."""
    if lexicon.person["negators"].anchors.isdisjoint(noes):
        return True
    return any(lexicon.kinds["noes"].covers(lexicon.words(part)) for part in CLAUSE.split(text)[:-1])


def _begun_again(words: Sequence[str], at: int, lexicon: Lexicon) -> int:
    """Return how many words here are only begun, or said once more right after: `y- yeah`, `that that works`, `it's uh it's fine`."""
    word = words[at]
    if lexicon.kinds["cues"].matches(words, at):  # `no not yet` says no
        return 0
    if at + 1 < len(words) and len(word) <= STUTTER and word != words[at + 1] and words[at + 1].startswith(word):
        return 1
    if word not in words[at + 1 : at + MOST_AGAIN]:
        return 0
    fillers = lexicon.kinds["fillers"]
    for size in (3, 2, 1):
        past = at + size
        while past < len(words) and words[past] != word and (step := fillers.matches(words, past)):
            past += step
        if past < len(words) and words[past : past + size] == words[at : at + size]:
            return past - at
    return 0


def label_kind(label: str) -> str | None:
    """Return what a detector's intent label stands for: escalation, backchannel, noise, unknown, or nothing of these."""
    parts = set(_LABEL.findall(label[:200].lower()))
    return next((kind for kind, words in _LABELS.items() if parts & words), None)
