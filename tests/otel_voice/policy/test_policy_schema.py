"""The JSON Schema of a policy file says what the loader says, so that an editor is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from otel_voice_schema.events import SCHEMA_VERSION
from otel_voice_schema.generate import PACKAGE

from otel_voice.policy import PolicyError, load_policy
from otel_voice.policy.lexicon import KINDS, LANGUAGES, PERSON_KINDS
from otel_voice.policy.load import MESSAGE_TYPES, ROOT_KEYS
from otel_voice.policy.settings import ACTIONS, CLASSES, JUDGED, KEYS, MOST_TIMES, SETTINGS, SILENCE_ACTIONS, WHO

SCHEMA: dict[str, Any] = json.loads((PACKAGE / "versions" / SCHEMA_VERSION / "policy.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
WORDS = SCHEMA["properties"]["lexicons"]["properties"]
RULE = SCHEMA["$defs"]["rule"]["properties"]


def test_every_word_is_in_both() -> None:
    """Keys, settings, classes, actions, message types: neither knows one more."""
    whom = RULE["interrupted_by"]["oneOf"][1]["items"]["enum"]

    assert set(ROOT_KEYS) == set(SCHEMA["properties"])
    assert set(SETTINGS) == set(RULE)
    assert set(CLASSES) == set(RULE["actions"]["properties"])
    assert list(WHO) == whom
    assert list(ACTIONS) == RULE["held"]["enum"]
    assert list(SILENCE_ACTIONS) == RULE["silence"]["items"]["properties"]["action"]["enum"]
    assert list(JUDGED) == list(RULE["confidence_floors"]["properties"])
    assert list(LANGUAGES) == list(WORDS)
    assert [*KINDS, "escalation"] == list(WORDS["en"]["properties"])
    assert list(PERSON_KINDS) == list(WORDS["en"]["properties"]["escalation"]["properties"])
    assert [*KEYS, *range(10)] == RULE["expected_keys"]["items"]["enum"]
    assert MOST_TIMES == RULE["silence"]["items"]["properties"]["times"]["maximum"]
    assert list(MESSAGE_TYPES) == list(SCHEMA["properties"]["message_types"]["properties"])


def test_the_default_policy_conforms() -> None:
    """What is shipped passes in an editor, too."""
    text = (Path(__file__).parents[3] / "otel_voice/policy/default.yaml").read_text(encoding="utf-8")

    assert [] == list(VALIDATOR.iter_errors(yaml.safe_load(text)))


FRACTIONS = st.floats(-2, 2).filter(lambda number: number != int(number))
WRONG = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), FRACTIONS, st.sampled_from(["", " ", "ende", "stop"]))
NESTED = WRONG | st.lists(WRONG, max_size=2) | st.dictionaries(st.sampled_from(["noise", "fraction"]), WRONG, max_size=2)
WHOLE = st.integers(0, 10_000)
SHARE = st.floats(0, 1).map(lambda number: round(number, 3))
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "because": st.sampled_from(["they ask", "x"]),
    "interrupted_by": st.just("none") | st.lists(st.sampled_from(WHO), unique=True),
    "protected_allows": st.just("none") | st.lists(st.sampled_from(WHO), unique=True),
    **dict.fromkeys(("grace_ms", "min_speech_ms", "min_words", "ask_again_ms", "patience_ms", "sustained_ms"), WHOLE),
    **dict.fromkeys(("confidence_floor", "min_vad_confidence"), SHARE),
    "confidence_floors": st.dictionaries(st.sampled_from(JUDGED), SHARE, max_size=2),
    "cancellable": st.booleans(),
    "expected_keys": st.lists(st.sampled_from([*"*#A", 1, 2, 0]), unique=True, max_size=3),
    "until": st.sampled_from(["end", "none"]) | st.fixed_dictionaries({"position_ms": WHOLE}) | st.fixed_dictionaries({"fraction": SHARE}),
    "held": st.sampled_from(ACTIONS),
    "actions": st.dictionaries(st.sampled_from(CLASSES), st.sampled_from(ACTIONS), max_size=3),
    "silence": st.lists(st.sampled_from(SILENCE_ACTIONS), max_size=3).map(
        lambda names: [{"after_ms": 5000 * at, "action": name, "times": at} for at, name in enumerate(names, 1)]
    ),
}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule, right or wrong in one place."""
    rule = {name: draw(RIGHT[name]) for name in draw(st.lists(st.sampled_from(SETTINGS), unique=True, max_size=4))}
    if draw(st.booleans()):
        rule[draw(st.sampled_from([*SETTINGS, "grace"]))] = draw(NESTED)
    return rule


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=rules(), where=st.sampled_from(["defaults", "message_types", "workflows"]), version=st.sampled_from(["v1", "", None]))
def test_the_schema_agrees_with_the_loader(tmp_path: Path, rule: dict[str, Any], where: str, version: str | None) -> None:
    """What the one refuses the other does."""
    placed = {"defaults": rule, "message_types": {"greeting": rule}, "workflows": {"pay": {"disclosure": rule}}}[where]
    tree = {"extends": "default", where: placed} | ({} if version is None else {"version": version})
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        load_policy(path)
        problems: list[str] = []
    except PolicyError as error:
        problems = error.problems

    problems = [each for each in problems if "contradiction at" not in each and "can never be reached" not in each]  # no schema says that
    problems = [each for each in problems if "must be more than the step before" not in each]
    assert VALIDATOR.is_valid(yaml.safe_load(path.read_text(encoding="utf-8"))) == (not problems), (problems, tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"version": "1"},
        {"version": "1", "message_types": {"greeting": {}}},
        {"version": "1", "extends": "mine"},
        {"version": "1", "extends": "default", "names": {"greeting": "other"}},
        {"version": "1", "extends": "default", "names": {"sale": "disclosur"}},
        {"version": "1", "extends": "default", "rules": {}},
    ],
)
def test_what_a_file_needs_is_in_both(tmp_path: Path, tree: dict[str, Any]) -> None:
    """Neither takes a policy that does not rule every message type, or that maps a type onto another."""
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")

    assert not VALIDATOR.is_valid(tree)
    with pytest.raises(PolicyError):
        load_policy(path)
