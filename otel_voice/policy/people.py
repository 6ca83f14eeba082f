"""Does a caller ask for a person? The mere word is not enough: a verb asks for one, or nothing else was said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .lexicon import Lexicon, Phrases

CLAUSE = re.compile(r"[,.;:!?\u3001\u3002\u0964\u2014\uff0c\uff01\uff1f]")
NEAR = 6  # words between a verb and the person it asks for
REACH = 5  # words over which a negation carries
STUTTER = 3  # letters of a word begun and begun again


DENIED = ","  # stands for a clause that is nothing but `no`: it denies what was said before, not what follows
NOTHING = "-"  # stands for what only looks like a person


def asks_for_person(text: str, words: Sequence[str], lexicon: Lexicon) -> bool | None:
    """Tell whether the words ask for a person; False where they decline one, nothing where they do neither."""
    person = lexicon.person
    negators = person["negators"]
    words = _clauses(text, words, lexicon)
    for at in range(len(words)):
        if person["phrases"].matches(words, at):
            return True if not (at and negators.matches(words, at - 1)) else None
    plain = _without(words, person["other_things"], person["talk"])
    if not (person["people"].within(plain) or person["anyone"].within(plain)):
        return None
    if person["declined"].within(plain):
        return False
    plain = _unstuttered(plain, person["people"], negators)
    if _bare(plain, lexicon):
        return True
    declined = False
    for at in range(len(plain)):
        if _asks_at(plain, at, lexicon):
            if not _negated(plain, at, negators, person["between"]):
                return True
            declined = True
    return False if declined else None


def _clauses(text: str, words: Sequence[str], lexicon: Lexicon) -> Sequence[str]:
    """Return the words, a `no` that is a clause by itself marked as such: `no, I want an agent` wants one."""
    negators = lexicon.person["negators"]
    parts = CLAUSE.split(text)
    if len(parts) < 2 or negators.anchors.isdisjoint(words):
        return words
    marked: list[str] = []
    for part in parts:
        clause = lexicon.words(part)
        marked += [DENIED] if negators.covers(clause) else clause
    return marked


def _unstuttered(words: Sequence[str], people: Phrases, negators: Phrases) -> list[str]:
    """Drop beginnings of a word that is said in full right after, of a person's also one word later: `a hu- a human`."""
    kept: list[str] = []
    for word in reversed(words):
        begun = (
            len(word) <= STUTTER
            and not negators.matches([word], 0)
            and (
                any(later.startswith(word) for later in kept[-1:])
                or any(later != word and later.startswith(word) and people.matches([later], 0) for later in kept[-2:-1])
            )
        )
        if not begun:
            kept.append(word)
    return kept[::-1]


def _without(words: Sequence[str], phrases: Phrases, talk: Phrases) -> Sequence[str]:
    """Replace phrases that only look like a person by a word that means nothing, unless a verb asks for them right before."""
    if not phrases.within(words):
        return words
    kept: list[str] = []
    at, asked_to = 0, -1
    while at < len(words):
        verb = talk.matches(words, at)
        asked_to = max(asked_to, at + verb) if verb else asked_to
        step = phrases.matches(words, at)
        if step and asked_to != at:
            kept.append(NOTHING)
            at += step
        else:
            kept.append(words[at])
            at += 1
    return kept


def _bare(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether nothing is said but a person's name of office, with courtesies around it."""
    around = (*(lexicon.person[kind] for kind in ("modifiers", "definite")), *(lexicon.kinds[kind] for kind in ("fillers", "vocatives")))
    agreed = seen = False
    at = 0
    while at < len(words):
        person = lexicon.person["people"].matches(words, at)
        agrees = max(lexicon.kinds[kind].matches(words, at) for kind in ("answers", "listening"))
        step = max(person, agrees, words[at] == DENIED, *(each.matches(words, at) for each in around))
        if not step:
            return False
        at += step
        addressed = agreed and at == len(words) and lexicon.kinds["vocatives"].matches(words, at - step) == step  # `alles klar, Chef`
        seen = seen or (bool(person) and not addressed)
        agreed = agrees == step
    return seen


def only_mentions_person(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether nothing is said but `the agent`, which may go on as `the agent told me`."""
    around = [lexicon.kinds[kind] for kind in ("fillers", "answers", "listening")]
    at = 0
    while at < len(words):
        article, person = lexicon.person["definite"].matches(words, at), 0
        if article:
            at += article
            while at < len(words) and (person := lexicon.person["people"].matches(words, at)):
                at += person
            return bool(person)
        step = max(each.matches(words, at) for each in around)
        if not step:
            return False
        at += step
    return False


def _asks_at(words: Sequence[str], at: int, lexicon: Lexicon) -> bool:
    """Tell whether a verb at this place asks for a person near it."""
    people, anyone, modifiers = (lexicon.person[kind] for kind in ("people", "anyone", "modifiers"))
    stride = 1 if lexicon.spaces else 2  # a word is about two characters where each counts as one
    talk = lexicon.person["talk"].matches(words, at)
    if talk:
        before = range(max(0, at - NEAR * stride), at)
        if any(0 < max(people.matches(words, place), anyone.matches(words, place)) <= at - place for place in before):
            return True  # beside the verb, not around it: `can you transfer me` asks where it is all, not for money
        after = range(at + talk, min(len(words), at + talk + NEAR * stride))
        return any(people.matches(words, place) or anyone.matches(words, place) for place in after)
    ask = lexicon.person["ask"].matches(words, at)
    if not ask:
        return False
    return _reached(words, range(at + ask, len(words)), people, modifiers) or (
        lexicon.verb_last and _asked_before(words, at, people, modifiers)
    )


def _reached(words: Sequence[str], places: range, people: Phrases, modifiers: Phrases) -> bool:
    """Tell whether a person follows, with small words between."""
    past = places.start
    for place in places:
        if place < past:
            continue
        if people.matches(words, place):
            return True
        step = modifiers.matches(words, place)
        if not step:
            return False
        past = place + step
    return False


def _asked_before(words: Sequence[str], at: int, people: Phrases, modifiers: Phrases) -> bool:
    """Tell whether a person stands right before the verb, as where verbs come last."""
    for start in range(at - 1, max(-1, at - 2 * NEAR), -1):
        step = people.matches(words, start)
        if step:
            past = start + step
            while past < at and (more := modifiers.matches(words, past)):
                past += more
            return past == at
    return False


def _negated(words: Sequence[str], at: int, negators: Phrases, between: Phrases) -> bool:
    """Tell whether a negation reaches the verb: only small words may lie between."""
    place = at - 1
    while place >= 0 and at - place <= REACH:
        if negators.matches(words, place):
            return True
        if not between.matches(words, place):
            return False
        place -= 1
    return False
