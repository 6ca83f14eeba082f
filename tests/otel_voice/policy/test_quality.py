"""How well callers are read, on sentences nobody tuned a lexicon on: `cases/spoken`, written by somebody who had not seen one.

Run as a script it prints the table of the policy's README. A sentence read wrong is no reason to change a lexicon by that sentence: then it
would be tuned on.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from otel_voice.policy import Candidate, classify
from otel_voice.policy.lexicon import LANGUAGES

SPOKEN = Path(__file__).parents[2] / "cases" / "spoken"
KEEPS = {"backchannel", "noise", "unknown"}


def read(language: str) -> Counter[tuple[str, str]]:
    """Count (what it is, how it is read) over a language's sentences."""
    lines = (SPOKEN / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t", 1) for line in lines if line.strip()]
    return Counter(
        (wanted, classify(Candidate(input_type="speech", text=text, transcript_status="final", language=language)).input_class.value)
        for wanted, text in pairs
    )


def share(found: Counter[tuple[str, str]], wanted: str) -> tuple[int, int]:
    """Return how many of a class are read as that class, and how many there are."""
    return found[(wanted, wanted)], sum(count for (each, _), count in found.items() if each == wanted)


def floor(found: Counter[tuple[str, str]]) -> tuple[int, int]:
    """Return how many leave the floor to whom it belongs, and how many there are."""
    right = sum(count for (wanted, got), count in found.items() if (got in KEEPS) == (wanted == "backchannel"))
    return right, sum(found.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_sentences_leave_the_floor_to_whom_it_belongs(language: str) -> None:
    """Nine of ten in every language, and three of four wishes for a person are heard as such."""
    found = read(language)
    right, of_all = floor(found)
    heard, asked = share(found, "escalation")

    assert right >= 0.9 * of_all
    assert heard >= 0.7 * asked
    assert of_all >= 80


if __name__ == "__main__":
    print("| language | floor right | backchannel | correction | escalation |\n|---|---|---|---|---|")
    for each in LANGUAGES:
        found = read(each)
        cells = [floor(found), *(share(found, wanted) for wanted in ("backchannel", "correction", "escalation"))]
        print(f"| {each} | {' | '.join(f'{right} of {of_all}' for right, of_all in cells)} |")
