"""A language's words as data: loaded once from the package, matched as phrases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import yaml

_SPLIT: Final = re.compile(r"[\s\-_]+")


class Phrases:
    """A set of phrases, found at a place in a list of words, the longest first."""

    def __init__(self, phrases: Iterable[str]) -> None:
        table: dict[str, list[tuple[str, ...]]] = {}
        for phrase in phrases:
            words = tuple(_SPLIT.split(phrase.strip().lower()))
            table.setdefault(words[0], []).append(words)
        self._table = {first: sorted(found, key=len, reverse=True) for first, found in table.items()}

    def matches(self, words: Sequence[str], at: int) -> int:
        """Return how many words the longest phrase at this place takes, 0 for none."""
        if not 0 <= at < len(words):
            return 0
        for phrase in self._table.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                return len(phrase)
        return 0

    def within(self, words: Sequence[str]) -> bool:
        """Tell whether any phrase occurs anywhere."""
        return any(self.matches(words, at) for at in range(len(words)))

    def covers(self, words: Sequence[str]) -> bool:
        """Tell whether the words are phrases and nothing else."""
        at = 0
        while at < len(words):
            step = self.matches(words, at)
            if not step:
                return False
            at += step
        return bool(words)

    def starts_with(self, beginning: str) -> bool:
        """Tell whether a phrase's first word begins so."""
        return any(first.startswith(beginning) for first in self._table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The words of one language by what they do in a conversation."""

    language: str
    calibrated: bool
    answers: Phrases
    listening: Phrases
    fillers: Phrases
    cues: Phrases
    noise: Phrases
    unheard: Phrases
    people: Phrases
    anyone: Phrases
    modifiers: Phrases
    talk: Phrases
    ask: Phrases
    emergencies: Phrases
    negators: Phrases
    between: Phrases
    other_things: Phrases
    labels: Mapping[str, frozenset[str]]


@lru_cache(maxsize=8)
def load_lexicon(language: str) -> Lexicon:
    """Return the packaged lexicon of a language; raise `KeyError` where there is none."""
    file = resources.files("otel_voice.policy").joinpath("lexicons", f"{language}.yaml")
    if not file.is_file():
        raise KeyError(f"no lexicon for language `{language}`")
    data: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - builds text only: `yes` and `no` are words here
    person = data["escalation"]
    return Lexicon(
        language=data["language"],
        calibrated=data["calibrated"] == "true",
        **{name: Phrases(data[name]) for name in ("answers", "listening", "fillers", "cues", "noise", "unheard")},
        **{name: Phrases(person[name]) for name in ("people", "anyone", "modifiers", "talk", "ask", "negators", "between", "other_things")},
        emergencies=Phrases(person["phrases"]),
        labels={kind: frozenset(words) for kind, words in data["labels"].items()},
    )
