"""Read a caller's words by a lexicon: what they are made of, before anything is known of the agent or the policy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .lexicon import Lexicon, Phrases, load_lexicon

LONGEST_TEXT: Final = 2000
REMEMBERED: Final = 4096
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_MARK: Final = re.compile(r"\[([^\[\]]{1,60})\]|\(([^()]{1,60})\)|<([^<>]{1,60})>|\*([^*]{1,60})\*")
_DRAWN: Final = re.compile(r"(\w)\1{2,}")
_LABEL: Final = re.compile(r"[a-z]+")
_STUTTER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an utterance is made of: its kind, how many words, whether a lone word may still become a backchannel."""

    kind: str
    words: int
    noise: bool = False
    unfinished: bool = False


def language_of(tag: str | None) -> str | None:
    """Return the language whose lexicon reads the tag (`en-US` is `en`, none is `en`), or nothing where none does."""
    base = (tag or "en").replace("_", "-").split("-")[0].strip().lower()
    return "en" if base in ("en", "eng") else None


def words_of(text: str) -> list[str]:
    """Split text into plain lower-case words, without punctuation, hyphens, drawn-out letters."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).lower().replace("\u2019", "'").replace("\u2018", "'")
    return [_word(each) for each in _WORD.findall(plain)]


def _word(word: str) -> str:
    return word if word.isdigit() else _DRAWN.sub(r"\1", word)


def read(text: str, language: str | None) -> Reading:
    """Return what the words are made of. Short texts are remembered, within a bound."""
    if language_of(language) is None:
        words = words_of(text)
        return Reading(kind="foreign" if words else "blank", words=len(words))
    return _remembered(text) if len(text) <= 80 else _read(text)


@lru_cache(maxsize=REMEMBERED)
def _remembered(text: str) -> Reading:
    return _read(text)


def _read(text: str) -> Reading:
    lexicon = load_lexicon("en")
    spoken, noise, unheard = _without_marks(text[:LONGEST_TEXT], lexicon)
    words = words_of(spoken)
    if not words:
        return Reading(kind="unheard" if unheard else "blank", words=0, noise=noise)
    asked = asks_for_person(words, lexicon)
    if asked is not None:
        return Reading(kind="escalation" if asked else "not_escalation", words=len(words))
    return _turn_or_backchannel(words, lexicon)


def _without_marks(text: str, lexicon: Lexicon) -> tuple[str, bool, bool]:
    """Take a recogniser's annotations out of the text: (text, a noise was annotated, unheard words were annotated)."""
    noise = unheard = False
    kept: list[str] = []
    last = 0
    for found in _MARK.finditer(text):
        inner = words_of(next(group for group in found.groups() if group is not None).replace("_", " "))
        is_unheard = lexicon.unheard.covers(inner)
        is_noise = bool(inner) and any(lexicon.noise.matches(inner, at) for at in range(len(inner)))
        if is_unheard or is_noise:
            kept.append(text[last : found.start()])
            last = found.end()
            noise, unheard = noise or is_noise, unheard or is_unheard
    kept.append(text[last:])
    return " ".join(kept), noise, unheard


def _turn_or_backchannel(words: Sequence[str], lexicon: Lexicon) -> Reading:
    """Walk over backchannels and fillers from the left; what follows them decides."""
    at = 0
    answers = listening = 0
    while at < len(words):
        answer, quiet, filler = (each.matches(words, at) for each in (lexicon.answers, lexicon.listening, lexicon.fillers))
        step = max(answer, quiet, filler)
        if not step:
            break
        answers += step == answer
        listening += step == quiet and step != answer
        at += step
    rest = len(words) - at
    if not rest:
        return Reading(kind="answer" if answers else "listening" if listening else "filler", words=len(words))
    if lexicon.cues.matches(words, at):
        return Reading(kind="cue", words=rest)
    if answers or listening:
        return Reading(kind="more", words=rest)
    unfinished = any(each.starts_with(words[at]) for each in (lexicon.answers, lexicon.listening, lexicon.fillers))
    return Reading(kind="words", words=rest, unfinished=unfinished)


def asks_for_person(words: Sequence[str], lexicon: Lexicon) -> bool | None:
    """Tell whether the words ask for a person; False where they decline one, nothing where they do neither."""
    if lexicon.emergencies.within(words):
        return True
    plain = _without(_unstuttered(words), lexicon.other_things)
    if not any(lexicon.people.matches(plain, at) or lexicon.anyone.matches(plain, at) for at in range(len(plain))):
        return None
    if _bare(plain, lexicon):
        return True
    declined = False
    for at in range(len(plain)):
        if _asks_at(plain, at, lexicon):
            if not _negated(plain, at, lexicon):
                return True
            declined = True
    return False if declined else None


def _unstuttered(words: Sequence[str]) -> list[str]:
    """Drop beginnings of a word that is said in full right after."""
    return [
        word
        for at, word in enumerate(words)
        if not (len(word) <= _STUTTER and any(later != word and later.startswith(word) for later in words[at + 1 : at + 3]))
    ]


def _without(words: Sequence[str], phrases: Phrases) -> list[str]:
    """Replace phrases that only look like a person by a word that means nothing."""
    kept: list[str] = []
    at = 0
    while at < len(words):
        step = phrases.matches(words, at)
        kept.append("-" if step else words[at])
        at += step or 1
    return kept


def _bare(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether nothing is said but a person's name of office, with courtesies around it."""
    seen = False
    at = 0
    while at < len(words):
        person = lexicon.people.matches(words, at)
        step = max(person, *(each.matches(words, at) for each in (lexicon.modifiers, lexicon.fillers, lexicon.answers, lexicon.listening)))
        if not step:
            return False
        seen = seen or bool(person)
        at += step
    return seen


def _asks_at(words: Sequence[str], at: int, lexicon: Lexicon) -> bool:
    """Tell whether a verb at this place asks for a person near it."""
    talk = lexicon.talk.matches(words, at)
    if talk:
        near = range(max(0, at - 5), min(len(words), at + talk + 6))
        return any(lexicon.people.matches(words, place) or lexicon.anyone.matches(words, place) for place in near)
    ask = lexicon.ask.matches(words, at)
    place = at + ask
    while ask and place < len(words):
        if lexicon.people.matches(words, place):
            return True
        if not lexicon.modifiers.matches(words, place):
            return False
        place += 1
    return False


def _negated(words: Sequence[str], at: int, lexicon: Lexicon) -> bool:
    """Tell whether a negation reaches the verb: only small words may lie between."""
    place = at - 1
    while place >= 0 and at - place <= 5:
        if lexicon.negators.matches(words, place) or words[place : place + 2] == ["no", "need"]:
            return True
        if not lexicon.between.matches(words, place):
            return False
        place -= 1
    return False


def label_kind(label: str) -> str | None:
    """Return what a detector's intent label stands for: escalation, backchannel, noise, unknown, or nothing of these."""
    parts = set(_LABEL.findall(label[:200].lower()))
    return next((kind for kind, words in load_lexicon("en").labels.items() if parts & words), None)
