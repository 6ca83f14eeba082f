"""The candidate and the registry say the same."""

from __future__ import annotations

from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otel_voice_schema.attributes import ATTRIBUTES, Action
from otel_voice_schema.events import EVENTS

from otel_voice.policy import CANDIDATE_ATTRIBUTES, Candidate, candidate_from_attributes, effect_of

SAMPLES = {"string": "final", "int": 7, "double": 0.5, "boolean": True}


def test_every_field_is_a_registry_attribute() -> None:
    """Agent and processor decide on the same evidence: no field without attribute, no attribute twice."""
    assert {each.name for each in fields(Candidate)} == set(CANDIDATE_ATTRIBUTES)
    assert set(CANDIDATE_ATTRIBUTES.values()) <= set(ATTRIBUTES)
    assert len(CANDIDATE_ATTRIBUTES) == len(set(CANDIDATE_ATTRIBUTES.values()))


NO_EVIDENCE = {  # of what a candidate's event may tell: who and where, pointers, what is derived from the text, what another ruling was
    *("voice.agent.response.id", "voice.caller.stretch.id", "voice.agent.policy.version", "voice.agent.speech.interruptible"),
    *(f"voice.caller.transcript.{name}" for name in ("inferred", "length", "redaction", "ref", "unfinished", "word_hashes")),
    *("voice.caller.dtmf.digit", "voice.detector.mode", "voice.detector.threshold"),
}


def test_every_evidence_of_an_event_reaches_the_candidate() -> None:
    """And the reverse: what `candidate_detected` or `silence.timeout` tells of agent and caller is a field, or no evidence."""
    told: set[str] = set()
    for name in ("candidate_detected", "silence.timeout"):
        event = EVENTS[f"voice.interruption.{name}"]
        told |= event.facts | set(event.conditional) | event.optional
    sides = ("voice.caller.", "voice.agent.", "voice.detector.", "voice.silence.elapsed_ms", "voice.workflow")

    assert {key for key in told if key.startswith(sides)} == set(CANDIDATE_ATTRIBUTES.values()) | NO_EVIDENCE


def test_every_attribute_reaches_its_field() -> None:
    """A candidate read from attributes holds each of them."""
    attributes = {key: SAMPLES[ATTRIBUTES[key].type] for key in CANDIDATE_ATTRIBUTES.values()}
    candidate = candidate_from_attributes(attributes)

    assert attributes == {key: getattr(candidate, name) for name, key in CANDIDATE_ATTRIBUTES.items()}


@pytest.mark.parametrize("value", [None, [], {}, b"x", object()])
def test_a_wrong_type_counts_as_absent(value: object) -> None:
    """What no registry type allows is no evidence."""
    assert Candidate() == candidate_from_attributes(dict.fromkeys(CANDIDATE_ATTRIBUTES.values(), value))


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.just(("x",)))


@given(attributes=st.dictionaries(st.sampled_from([*CANDIDATE_ATTRIBUTES.values(), "voice.call.id", "mine"]), VALUES))
def test_reading_attribute_by_attribute_finds_what_asking_for_each_field_does(attributes: dict[str, object]) -> None:
    """Whatever else is told, in whatever order: a field is what its attribute holds, where that has the registry's type."""
    python: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "double": (int, float), "boolean": (bool,)}
    expected = {
        name: attributes.get(key) if type(attributes.get(key)) in python[ATTRIBUTES[key].type] else None
        for name, key in CANDIDATE_ATTRIBUTES.items()
    }

    assert expected == asdict(candidate_from_attributes(attributes))


def test_a_boolean_is_no_number() -> None:
    """`True` is not the position 1."""
    assert candidate_from_attributes({CANDIDATE_ATTRIBUTES["position_ms"]: True}).position_ms is None


def test_every_action_has_an_effect() -> None:
    """Stop, keep or pause, and nothing else; an unknown action keeps."""
    assert {"stop", "keep", "pause"} == {effect_of(action) for action in Action}
    assert effect_of("dance") == "keep"
