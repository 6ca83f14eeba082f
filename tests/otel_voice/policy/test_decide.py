"""Rulings, rule by rule."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_voice import policy as package
from otel_voice.policy import Candidate, Policy, Ruling, decide, load_default, load_policy

STOP = "stop_agent_audio_and_accept_user_turn"
BUFFER = "buffer_input_and_continue"
CORRECTION = Candidate(
    input_type="speech",
    text="no, Friday",
    transcript_status="final",
    word_count=2,
    speech_duration_ms=600,
    agent_state="speaking",
    message_type="support_answer",
    position_ms=3000,
)
HUMAN = replace(CORRECTION, text="I need a human", word_count=4)
KEY = Candidate(
    input_type="dtmf", dtmf_class="digit", dtmf_expected="listed", agent_state="speaking", message_type="menu_prompt", position_ms=900
)


def ruled(candidate: Candidate = CORRECTION, **changes: Any) -> Ruling:
    return decide(load_default(), replace(candidate, **changes))


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Policy]:
    def make(text: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(f'version: "test"\nextends: default\n{text}', encoding="utf-8")
        return load_policy(file)

    return make


def test_a_ruling_says_why() -> None:
    """Rule, reason, confidence, version and the trail of what was tried come with every ruling."""
    ruling = ruled()

    assert (ruling.action, ruling.effect, ruling.input_class) == (STOP, "stop", "correction")
    assert (ruling.rule, ruling.reason) == ("support_answer.correction", "correction_cue")
    assert load_default().version == ruling.policy_version
    assert ruling.trail[0].startswith("classified: correction 0.92")
    assert f"support_answer.correction: {STOP}" == ruling.trail[-1]


def test_grace_holds_speech_and_keys_but_no_wish_for_a_person() -> None:
    """A greeting has a grace period: what comes inside it is kept, and asked again at its end."""
    early = ruled(message_type="greeting", position_ms=100)

    assert (early.action, early.rule, early.wait_until_ms) == (BUFFER, "greeting.grace", 400)
    assert ruled(message_type="greeting", position_ms=400).action == STOP
    assert ruled(KEY, message_type="greeting", position_ms=100).action == BUFFER
    assert ruled(HUMAN, message_type="greeting", position_ms=100).action == "escalate_to_human"


def test_a_disclosure_plays_to_its_end() -> None:
    """Required content is protected until it was heard, also from a wish for a person, in so many words."""
    inside = ruled(message_type="disclosure", position_ms=3000, response_duration_ms=9000)
    human = ruled(HUMAN, message_type="disclosure", position_ms=3000, response_duration_ms=9000)

    assert (inside.action, inside.protected, inside.rule, inside.wait_until_ms) == (BUFFER, True, "disclosure.protected", 9000)
    assert (human.action, human.reason, human.wait_until_ms) == (BUFFER, "policy_holds_escalation", 9000)
    assert ruled(HUMAN, message_type="disclosure", position_ms=9000, response_duration_ms=9000).action == "escalate_to_human"
    assert ruled(message_type="disclosure", position_ms=9000, response_duration_ms=9000).action == STOP


def test_what_cannot_be_known_was_not_heard() -> None:
    """Without a position or a length a disclosure stays protected, less surely without a position."""
    ruling = ruled(message_type="disclosure", position_ms=None)

    assert ruling.protected
    assert ruling.confidence < 1.0
    assert ruled(message_type="disclosure", position_ms=3000).protected


def test_after_a_disclosure_the_answer_counts() -> None:
    """Nothing is protected while the agent listens."""
    ruling = ruled(message_type="disclosure", agent_state="listening", text="yes", question_pending=True)

    assert (ruling.action, ruling.protected) == (STOP, False)


def test_escalation_outranks_who_may_interrupt(policy: Callable[[str], Policy]) -> None:
    """Unless another action is named for it, a wish for a person stops even what nobody may interrupt."""
    closed = policy("message_types:\n  support_answer: {interrupted_by: none, until: end}\n")
    shut = policy("message_types:\n  support_answer: {actions: {escalation: buffer_input_and_continue}}\n")

    assert decide(closed, HUMAN).action == "escalate_to_human"
    assert decide(closed, CORRECTION).action == BUFFER
    assert decide(shut, HUMAN).action == BUFFER


def test_keys_only(policy: Callable[[str], Policy]) -> None:
    """A message may be open to keys and closed to speech, while protected too."""
    keys = policy(
        "message_types:\n  disclosure: {interrupted_by: [dtmf], protected_allows: [dtmf]}\n  menu_prompt: {interrupted_by: [dtmf]}\n"
    )

    assert decide(keys, replace(CORRECTION, message_type="menu_prompt")).rule == "menu_prompt.interrupted_by"
    assert decide(keys, replace(KEY, message_type="disclosure")).action == "route_dtmf"
    assert decide(keys, replace(CORRECTION, message_type="disclosure")).action == BUFFER


def test_until_a_position_or_a_fraction(policy: Callable[[str], Policy]) -> None:
    """Protection ends where the policy says."""
    parts = policy("message_types:\n  other: {until: {fraction: 0.5}}\n  tool_wait: {until: {position_ms: 2000}}\n")
    half = replace(CORRECTION, message_type="other", response_duration_ms=8000)
    placed = replace(CORRECTION, message_type="tool_wait")

    assert [decide(parts, replace(half, position_ms=at)).protected for at in (3999, 4000)] == [True, False]
    assert [decide(parts, replace(placed, position_ms=at)).protected for at in (1999, 2000)] == [True, False]


def test_a_workflow_overrides_the_type(policy: Callable[[str], Policy]) -> None:
    """A workflow's own rule comes first, keeps what it does not say, and names itself."""
    own = policy("workflows:\n  payment:\n    support_answer: {interrupted_by: [dtmf]}\n")
    ruling = decide(own, replace(CORRECTION, workflow="payment"))

    assert (ruling.rule, ruling.action) == ("payment.support_answer.interrupted_by", BUFFER)
    assert decide(own, replace(CORRECTION, workflow="billing")).action == STOP


def test_open_names_are_mapped_or_ruled_as_other_and_said_so(policy: Callable[[str], Policy]) -> None:
    """A name the policy does not know is ruled as `other`, and the reason says it."""
    mapped = policy("names: {billing_summary: disclosure}\n")
    unmapped = ruled(message_type="billing_summary")

    assert (unmapped.rule, "not mapped, ruled as other" in unmapped.reason) == ("other.correction", True)
    assert decide(mapped, replace(CORRECTION, message_type="billing_summary")).rule == "disclosure.protected"
    assert "message type not known" in ruled(message_type=None).reason


def test_an_unlisted_key_is_answered_in_a_menu_only() -> None:
    """A key that is no option brings the menu back; elsewhere it is kept."""
    assert ruled(KEY).action == "route_dtmf"
    assert ruled(KEY, dtmf_expected="none").action == "reprompt"
    assert ruled(KEY, dtmf_expected="none", message_type="support_answer").action == BUFFER


def test_a_paused_agent_resumes_on_what_was_not_meant() -> None:
    """Backchannel during a pause means go on."""
    assert ruled(agent_state="paused", text="mhm").action == "resume_agent_audio"
    assert ruled(agent_state="paused").action == STOP


def test_too_little_speech_waits() -> None:
    """Speech below the minimum is asked again when it could have reached it."""
    ruling = ruled(speech_duration_ms=120, transcript_status="partial")

    assert (ruling.rule, ruling.wait_until_ms, ruling.effect) == ("support_answer.min_speech", 3080, "keep")


@pytest.mark.parametrize("text", ["no", "stop", "wait"])
def test_words_that_are_final_are_taken_however_short(text: str) -> None:
    """A "no" lasts 150 ms; the minimum is for speech that may yet become something."""
    ruling = ruled(text=text, speech_duration_ms=120)

    assert (ruling.effect, ruling.wait_until_ms) == ("stop", None)


def test_a_turn_is_taken_from_nobody(policy: Callable[[str], Policy]) -> None:
    """While the agent listens no floor on confidence keeps a caller's words from it."""
    number = replace(CORRECTION, text="1234567", transcript_confidence=0.4, agent_state="listening")
    strict = policy("defaults: {confidence_floor: 0.9}")

    assert STOP == decide(strict, number).action
    assert "continue_agent_audio" == decide(strict, replace(number, agent_state="speaking")).action


def test_a_general_floor_holds_no_wish_for_a_person_back(policy: Callable[[str], Policy]) -> None:
    """That takes so many words: a floor or an action of its own."""
    wish = replace(CORRECTION, text="Ich möchte mit einem Menschen sprechen", language="de")

    assert "escalate_to_human" == decide(policy("defaults: {confidence_floor: 0.9}"), wish).action
    assert "continue_agent_audio" == decide(policy("defaults: {confidence_floors: {escalation: 0.9}}"), wish).action


@pytest.mark.parametrize("text", ["that would be great", "works for me", "of course not", "I guess"])
def test_whatever_is_said_to_an_agent_that_asked_and_listens_is_a_turn(text: str) -> None:
    """Nobody speaks to whom it could be a sign of listening."""
    assert "correction" == ruled(text=text, question_pending=True, agent_state="listening").input_class
    assert "backchannel" == ruled(text="wow", question_pending=True).input_class


def test_below_the_floor_is_unknown() -> None:
    """An unsure class is ruled as unknown, and asked again."""
    ruling = ruled(transcript_confidence=0.1, transcript_status="partial")

    assert (ruling.input_class, ruling.effect, ruling.wait_until_ms) == ("unknown", "keep", 3700)
    assert "below confidence floor" in ruling.reason
    assert ruled(transcript_confidence=0.1).wait_until_ms is None  # nothing more is to come


def test_silence_climbs_a_ladder() -> None:
    """Wait, ask again, hand over; waiting says until when."""
    quiet = Candidate(input_type="silence", message_type="support_answer", agent_state="listening")
    rulings = [decide(load_default(), replace(quiet, silence_ms=elapsed)) for elapsed in (1000, 7000, 45000, None)]

    assert [each.action for each in rulings] == ["wait", "reprompt", "escalate_to_human", "wait"]
    assert [each.wait_until_ms for each in rulings] == [7000, 45000, None, None]


def test_entity_capture_is_patient() -> None:
    """A pause inside a number is no end of turn."""
    pausing = replace(CORRECTION, text="four two seven", message_type="entity_capture", agent_state="listening", silence_ms=900)

    assert (ruled(pausing).action, ruled(pausing).wait_until_ms) == ("wait", 2500)
    assert ruled(pausing, silence_ms=2600).action == STOP


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=60),
    st.sampled_from(
        ["speech", "dtmf", "command", "silence", "final", "partial", "empty", "disclosure", "speaking", "paused", "en", "fr", "noise"]
    ),
)
NAMED = {"text", "message_type", "workflow", "language", "intent_label", "input_type", "input_class"}
HOSTILE = st.fixed_dictionaries(
    {each.name: st.one_of(st.none(), st.text(max_size=60)) if each.name in NAMED else ANYTHING for each in fields(Candidate)}
)


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_a_ruling_is_always_given_and_always_the_same(values: dict[str, Any]) -> None:
    """Whatever a candidate holds, there is a ruling with a confidence of 0..1, and asking again gives it again."""
    first = decide(load_default(), Candidate(**values))

    assert 0.0 <= first.confidence <= 1.0
    assert repr(first) == repr(decide(load_default(), Candidate(**values)))


@pytest.mark.parametrize("text", ["[" * 5000, "(a" * 3000, "no " * 5000, "\u202e\u0000yes", "*" * 4000, "ﬀ" * 3000, "<noise" * 900])
def test_hostile_text_is_read_within_bounds(text: str) -> None:
    """Long and broken texts are ruled like any other."""
    assert ruled(text=text).action


@pytest.mark.parametrize(
    "module", ["model", "words", "lexicon", "people", "reading", "classify", "interpret", "compiled", "explain", "diff", "contradictions"]
)
def test_the_engine_is_pure(module: str) -> None:
    """Nothing that decides may ask the clock, chance or the machine."""
    source = (Path(package.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert set() == imported & {"time", "datetime", "random", "os", "socket", "threading", "logging", "pathlib"}


def test_protected_content_may_be_opened_for_a_wish_for_a_person(policy: Callable[[str], Policy]) -> None:
    """`protected_allows` says so, against what the default names for it."""
    wish = replace(HUMAN, message_type="disclosure", position_ms=100)

    assert BUFFER == ruled(wish).action
    assert "escalate_to_human" == decide(policy("message_types: {disclosure: {protected_allows: [escalation]}}"), wish).action
