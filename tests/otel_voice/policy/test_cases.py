"""The eight test cases, twenty times each, against the default policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_voice.policy import Candidate, classify, decide, load_default

EIGHT = yaml.safe_load((Path(__file__).parents[2] / "cases" / "eight.yaml").read_text(encoding="utf-8"))
CASES = [
    pytest.param(case["given"], case["expect"], id=f"{name}-{at}")
    for name, group in EIGHT.items()
    for at, case in enumerate(group["cases"], start=1)
]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_there_are_eight_cases_of_twenty() -> None:
    """No paraphrase is dropped to make the others pass."""
    assert [len(group["cases"]) for group in EIGHT.values()] == [20] * 8


@pytest.mark.parametrize(("given", "expect"), CASES)
def test_a_paraphrase_is_classified_and_ruled_as_a_reviewer_would(given: dict[str, Any], expect: dict[str, Any]) -> None:
    """Class, playback effect and action are what a fair reviewer accepts."""
    candidate = Candidate(**given)
    ruling = decide(load_default(), candidate)

    assert classify(candidate).input_class in listed(expect["input_class"])
    assert expect["effect"] == ruling.effect
    assert "action" not in expect or ruling.action in listed(expect["action"])
