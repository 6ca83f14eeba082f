"""What a policy may well mean, and what its author should know all the same: no mistakes, so nothing that stops it."""

from __future__ import annotations

from collections.abc import Iterator

from otel_voice_schema.attributes import InputClass, InputType

from .classify import EXPERIMENTAL_CAP
from .lexicon import KINDS, LANGUAGES, PACKAGED, expanded
from .model import Policy
from .reading import read

UNLISTED = frozenset({"words", "more", "foreign", "blank"})  # readings of what no list of the package holds


def remarks(policy: Policy, file: str) -> Iterator[str]:
    """Yield `file:line: what to know`, of what this file itself says."""
    yield from dict.fromkeys(_floors(policy, file))
    yield from _words(policy, file)


def _floors(policy: Policy, file: str) -> Iterator[str]:
    """Name floors that a language without calibration never reaches."""
    experimental = ", ".join(each for each in LANGUAGES if PACKAGED.get(each).experimental)
    for (workflow, name), rule in policy.rules.items():
        floor = rule.floor_of(InputClass.CORRECTION)
        if floor <= EXPERIMENTAL_CAP or InputType.SPEECH not in rule.interrupted_by:
            continue
        setting = "confidence_floors" if InputClass.CORRECTION in rule.confidence_floors else "confidence_floor"
        origin = policy.origins.get((workflow, name, setting), "")
        if origin.startswith(f"{file}:"):
            yield (
                f"{origin}: {setting} {floor:g} is above {EXPERIMENTAL_CAP:g}, the surest that words in {experimental} ever get: "
                "nothing said in them interrupts here, but a wish for a person"
            )


def _words(policy: Policy, file: str) -> Iterator[str]:
    """Name phrases that the package reads otherwise."""
    for language, lists in policy.extensions.items():
        packaged, own = PACKAGED.get(language), policy.lexicons.get(language)
        for kind in KINDS:
            for phrase in (phrase for pattern in lists.get(kind, ()) for phrase in expanded(pattern)):
                was, now = read(phrase, packaged).kind, read(phrase, own).kind
                if was != now and was not in UNLISTED:
                    yield f"{file}: lexicons.{language}.{kind}: `{phrase}` is read as {was} by the package, as {now} here"
