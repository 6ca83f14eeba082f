"""A language's words as data: read once from the package, extended by a policy, matched as phrases, longest first."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from .words import words_of

if TYPE_CHECKING:
    from .reading import Reading

KINDS: Final = (
    *("answers", "listening", "fillers", "vocatives", "cues", "cancels", "asides", "noise", "unheard", "asked", "holds", "noes"),
    *("insists", "choices", "denials"),
)
PERSON_KINDS: Final = (
    *("people", "anyone", "modifiers", "definite", "talk", "ask", "phrases", "negators", "between", "other_things", "declined"),
)
_KEEPING: Final = ("answers", "listening", "fillers")
LANGUAGES: Final = ("en", "en-GB", "es", "de", "fr", "pt", "it", "nl", "ja", "hi")
ENGLISH: Final = "en"
MOST_PHRASES: Final = 20_000  # that one pattern stands for
MOST_ADDED: Final = 50_000  # phrases that a policy adds
_ALTERNATIVES: Final = re.compile(r"(\([^()]*\))")


class Opening(NamedTuple):
    """How phrases with the same first word go on: lengths of the longer ones, longest first, their second words, whether one ends there."""

    sizes: tuple[int, ...]
    seconds: frozenset[str]
    alone: bool


class Phrases:
    """A set of phrases, found at a place in a list of words, the longest first.

    `anchors` holds a word of each phrase, the least common one as far as that can be told: its longest that is not among `common` words.
    Without any of them no phrase is meant.
    """

    __slots__ = ("_openings", "_phrases", "anchors")

    def __init__(self, phrases: Iterable[tuple[str, ...]], common: Container[str] = ()) -> None:
        self._phrases = dict.fromkeys(phrase for phrase in phrases if phrase)
        self._openings = openings_of(self._phrases)
        self.anchors = frozenset(max(phrase, key=lambda word: (word not in common, len(word))) for phrase in self._phrases)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._phrases)

    def matches(self, words: Sequence[str], at: int) -> int:
        """Return how many words the longest phrase at this place takes, 0 for none."""
        opening = self._openings.get(words[at]) if 0 <= at < len(words) else None
        if opening is None:
            return 0
        sizes, seconds, alone = opening
        if sizes and at + 1 < len(words) and words[at + 1] in seconds:
            for size in sizes:
                said = tuple(words[at : at + size])
                if said in self._phrases:
                    return len(said)
        return 1 if alone else 0

    def within(self, words: Sequence[str]) -> bool:
        """Tell whether any phrase occurs anywhere."""
        return not self.anchors.isdisjoint(words) and any(self.matches(words, at) for at in range(len(words)))

    def covers(self, words: Sequence[str]) -> bool:
        """Tell whether the words are phrases and nothing else."""
        at = 0
        while at < len(words):
            step = self.matches(words, at)
            if not step:
                return False
            at += step
        return bool(words)


def openings_of(phrases: Iterable[tuple[str, ...]]) -> dict[str, Opening]:
    """Return by first word how the phrases that begin with it go on: a few look-ups find the longest that is said."""
    sizes: dict[str, set[int]] = {}
    seconds: dict[str, set[str]] = {}
    for phrase in phrases:
        sizes.setdefault(phrase[0], set()).add(len(phrase))
        seconds.setdefault(phrase[0], set()).update(phrase[1:2])
    return {
        first: Opening(tuple(sorted(found - {1}, reverse=True)), frozenset(seconds[first]), 1 in found) for first, found in sizes.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lexicon:
    """The words of one language by what they do in a conversation; `readings` remembers short texts, within a bound.

    `keeps` holds the kind of each phrase that keeps the floor with the speaker, or of a vocative around them, and `openings` by first word
    how they go on; `begun` what may follow each beginning of such a phrase, `firsts` the beginnings of their first words, `cut` all that
    may stand last where such a phrase is cut off; `rare` a word of each phrase that concerns persons, emergencies or others in the room:
    without any of them, none is meant.
    """

    language: str
    experimental: bool
    split_apostrophes: bool
    spaces: bool
    verb_last: bool
    kinds: Mapping[str, Phrases]
    person: Mapping[str, Phrases]
    keeps: Mapping[tuple[str, ...], str]
    openings: Mapping[str, Opening]
    begun: Mapping[tuple[str, ...], frozenset[str]]
    firsts: frozenset[str]
    cut: frozenset[str]
    longest: int
    rare: frozenset[str]
    readings: dict[str, Reading] = field(default_factory=dict, repr=False)
    said: dict[str, Any] = field(default_factory=dict, repr=False)  # what `echo.py` read of the agents' newest texts

    def words(self, text: str) -> list[str]:
        """Return a text's words as this language compares them."""
        return words_of(text, split_apostrophes=self.split_apostrophes)


class Lexicons:
    """The lexicons that a reader goes by: the package's, or a policy's own on top of them."""

    def __init__(self, extensions: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._extensions = dict(extensions or {})
        self._found: dict[str, Lexicon] = {}
        self._by_tag: dict[str | None, Lexicon | None] = {}

    def for_tag(self, tag: str | None) -> Lexicon | None:
        """Return the lexicon for a BCP 47 tag: its own (`en-GB`), its language's (`es-MX` reads `es`), none where there is neither.

        No tag reads as English.
        """
        if tag in self._by_tag:
            return self._by_tag[tag]
        name = name_of(tag)
        found = None if name is None else self.get(name)
        if len(self._by_tag) < 256:  # tags come from senders
            self._by_tag[tag] = found
        return found

    def get(self, language: str) -> Lexicon:
        """Return the lexicon of one of `LANGUAGES`; raise `KeyError` for others."""
        found = self._found.get(language)
        if found is None:
            parents = (ENGLISH,) if language == "en-GB" else ()
            added = [self._extensions[each] for each in (*parents, language) if each in self._extensions]
            found = self._found[language] = build(language, data_of(language), added)
        return found


PACKAGED: Final = Lexicons()


def name_of(tag: str | None) -> str | None:
    """Return which of `LANGUAGES` reads a tag, none where none does."""
    parts = (tag or ENGLISH).replace("_", "-").strip().split("-")
    base = {"eng": "en", "spa": "es", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "por": "pt", "ita": "it", "nld": "nl",
            "dut": "nl", "jpn": "ja", "hin": "hi"}.get(parts[0].lower(), parts[0].lower())  # fmt: skip
    if base == ENGLISH and any(part.upper() in {"GB", "UK", "IE", "AU", "NZ", "ZA"} for part in parts[1:]):
        return "en-GB"
    return base if base in LANGUAGES else None


@lru_cache(maxsize=len(LANGUAGES))
def data_of(language: str) -> dict[str, Any]:
    """Return a packaged lexicon's data, with that of the language it extends; raise `KeyError` where there is none."""
    file = resources.files("otel_voice.policy").joinpath("lexicons", f"{language}.yaml")
    if language not in LANGUAGES or not file.is_file():
        raise KeyError(f"no lexicon for language `{language}`")
    data: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - builds text only: `yes` and `no` are words here
    return merged(data_of(data["extends"]), data) if "extends" in data else data


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lexicon's data with another's lists added to its own; a phrase that is added elsewhere leaves where it was."""
    split = base.get("apostrophes") == "split"

    def plain(phrase: str) -> tuple[str, ...]:
        return tuple(words_of(phrase, split_apostrophes=split)) or (phrase,)

    added = {plain(phrase) for kind in KINDS for pattern in more.get(kind, ()) for phrase in expanded(pattern)}
    out: dict[str, Any] = {**base, **{key: value for key, value in more.items() if isinstance(value, str)}}
    for kind in KINDS:
        kept = (phrase for pattern in base.get(kind, ()) for phrase in expanded(pattern) if plain(phrase) not in added)
        out[kind] = [*(kept if added else base.get(kind, ())), *more.get(kind, ())]
    person, own = base.get("escalation", {}), more.get("escalation", {})
    moved = {plain(phrase) for kind in KINDS if kind != "vocatives" for pattern in more.get(kind, ()) for phrase in expanded(pattern)}

    def left(kind: str) -> list[str]:
        listed = person.get(kind, ())
        if kind not in {"people", "anyone", "phrases"} or not moved:
            return list(listed)
        return [phrase for pattern in listed for phrase in expanded(pattern) if plain(phrase) not in moved]

    out["escalation"] = {kind: [*left(kind), *own.get(kind, ())] for kind in PERSON_KINDS}
    return out


def expanded(pattern: str) -> Iterator[str]:
    """Yield the phrases that a pattern stands for: `(that's|how) (nice|great)` is four."""
    return ("".join(each) for each in product(*_parts(pattern)))


def _parts(pattern: str) -> list[list[str]]:
    return [part[1:-1].split("|") if _ALTERNATIVES.fullmatch(part) else [part] for part in _ALTERNATIVES.split(pattern)]


@lru_cache(maxsize=20_000)
def phrases_of(pattern: str, split_apostrophes: bool) -> tuple[tuple[str, ...], ...]:
    """Return the phrases that a pattern stands for, in words."""
    return tuple(tuple(words_of(phrase, split_apostrophes=split_apostrophes)) for phrase in expanded(pattern))


def problem_of(pattern: str) -> str | None:
    """Return what is wrong with a pattern: brackets that do not pair or lie within others, a bar outside, too many phrases."""
    plain = _ALTERNATIVES.sub("", pattern)
    if "(" in plain or ")" in plain:
        return "its brackets do not pair, or lie within others"
    if "|" in plain:
        return "`|` stands between alternatives in brackets"
    many = prod(len(each) for each in _parts(pattern))
    return f"it stands for {many:,} phrases, more than {MOST_PHRASES:,}" if many > MOST_PHRASES else None


def _begun(kinds: Mapping[str, Phrases]) -> dict[tuple[str, ...], frozenset[str]]:
    """Return each beginning of a listener's phrase, in whole words, with the words that may come next."""
    found: dict[tuple[str, ...], set[str]] = {}
    for kind in _KEEPING:
        for phrase in kinds[kind]:
            for size in range(1, len(phrase)):
                found.setdefault(phrase[:size], set()).add(phrase[size])
    return {beginning: frozenset(words) for beginning, words in found.items()}


def _beginnings(words: Iterable[str]) -> frozenset[str]:
    """Return what words begin with and go on from."""
    return frozenset(word[:size] for word in set(words) for size in range(1, len(word)))


def _keeping(kinds: Mapping[str, Phrases]) -> dict[tuple[str, ...], str]:
    """Return answers, listening, fillers and vocatives in one table; of several kinds the first counts.

    Longer cues that begin with one of them are in it too: `uh` hesitates, `uh uh` denies.
    """
    found: dict[tuple[str, ...], str] = {}
    for kind in (*_KEEPING, "vocatives"):
        for phrase in kinds[kind]:
            found.setdefault(phrase, kind)
    for cue in kinds["cues"]:
        if any(cue[:size] in found for size in range(1, len(cue))):
            found.setdefault(cue, "cues")
    return found


def build(language: str, data: Mapping[str, Any], added: Sequence[Mapping[str, Any]] = ()) -> Lexicon:
    """Return a lexicon from its data, with a policy's own phrases on top."""
    for each in added:
        data = merged(data, each)
    split = data.get("apostrophes") == "split"

    def phrases(listed: Iterable[str], common: Container[str] = ()) -> Phrases:
        return Phrases((phrase for pattern in listed for phrase in phrases_of(pattern, split)), common)

    own = data["escalation"]
    everyday = (*(data.get(kind, ()) for kind in (*_KEEPING, "cues")), *(own.get(kind, ()) for kind in ("ask", "modifiers", "between")))
    common = {word for listed in everyday for word in (phrase[0] for phrase in phrases(listed))}
    kinds = {kind: phrases(data.get(kind, ()), common) for kind in KINDS}
    person = {kind: phrases(own.get(kind, ()), common) for kind in PERSON_KINDS}
    keeps, begun = _keeping(kinds), _begun(kinds)
    firsts = _beginnings(phrase[0] for kind in _KEEPING for phrase in kinds[kind])
    return Lexicon(
        language=language,
        experimental=data.get("experimental") == "true",
        split_apostrophes=split,
        spaces=data.get("spaces") != "false",
        verb_last=data.get("verb_last") == "true",
        kinds=kinds,
        keeps=keeps,
        openings=openings_of(keeps),
        begun=begun,
        firsts=firsts,
        cut=firsts.union((beginning[-1] for beginning in begun), _beginnings(word for following in begun.values() for word in following)),
        longest=max(map(len, begun), default=0) + 1,
        person=person,
        rare=kinds["asides"].anchors.union(*(person[kind].anchors for kind in ("phrases", "people", "anyone"))),
    )
