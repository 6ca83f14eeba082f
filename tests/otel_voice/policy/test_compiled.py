"""The fast path against the plain interpreter: the same rulings, byte for byte."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_voice.policy import Candidate, Policy, decide, decide_plainly, load_default, load_policy

STRICT = """
version: strict
extends: default
names: {offer: disclosure, billing_summary: support_answer, pay.support_answer: other}
lexicons: {en: {answers: [roger that], cues: [mayday]}}
defaults: {min_words: 2, sustained_ms: 600, min_vad_confidence: 0.6, confidence_floors: {backchannel: 0.8, correction: 0.7}}
message_types:
  greeting: {until: {position_ms: 1500}, protected_allows: [dtmf], grace_ms: 2500}
  tool_wait: {until: {fraction: 0.5}, interrupted_by: [dtmf, escalation], min_words: 0, sustained_ms: 0, held: continue_agent_audio}
  billing_summary:
    actions: {backchannel: acknowledge_and_continue, unknown: pause_agent_audio, sustained: stop_agent_audio_and_accept_user_turn}
  pay.support_answer: {actions: {noise: pause_agent_audio}}
  entity_capture: {patience_ms: 3000, actions: {escalation: buffer_input_and_continue}}
workflows:
  pay:
    support_answer: {interrupted_by: [dtmf]}
    other: {min_speech_ms: 1000, cancellable: true}
"""
TEXTS = [
    *(None, "", "  ", "yeah", "uh-huh", "okay", "yes", "um", "no", "no, Friday", "no no no", "yeah but I need it", "hu", "ye", "huh?"),
    *("I need a human", "I don't need an agent", "human resources", "[cough]", "[inaudible]", "roger that", "mayday", "never mind"),
    *("your appointment is on Thursday", "honey I'm on the phone", "four one five", "thank you very much", "nein danke", "y- yeah"),
    *("wait " * 40, "call 911", "cancel that", "\u00e9", "はい", "\U0001f642", "\x00", "no, that's fine", "sorry, go ahead"),
    *("okay that", "no wor", "um that", "the agent", "sir", "okay sir", "hahaha", "okay Thursday", "Thursday", "uh-uh", "yes I", "no sir"),
]
VALUES: dict[str, list[Any]] = {
    "input_type": ["speech", "speech", "speech", "speech", None, "dtmf", "command", "silence", "hum"],
    "text": TEXTS,
    "transcript_status": [None, "partial", "final", "empty", "unavailable"],
    "word_count": [None, None, 0, 1, 2, 3, 9, 10**400],
    "speech_duration_ms": [None, 0, 80, 149, 150, 199, 200, 420, 599, 600, 900, 1200, 1500, 4000, 99999],
    "vad_confidence": [None, None, 0.1, 0.3, 0.59, 0.6, 0.95],
    "transcript_confidence": [None, None, 0.2, 0.444, 0.7, 0.93, 1.0],
    "audio_energy_db": [None, None, -60.0, -45.0, -20.0],
    "is_backchannel": [None, None, True, False],
    "dtmf_class": [None, None, None, None, "digit"],
    "dtmf_expected": [None, "listed", "none", "any"],
    "intent_label": [None, None, None, "human_transfer", "reschedule", "ack", "noise", "fallback"],
    "language": [None, None, "en-US", "en-GB", "es-MX", "ja", "pl"],
    "agent_state": [None, "speaking", "speaking", "speaking", "paused", "listening", "thinking", "idle"],
    "agent_text": [
        None,
        None,
        "your appointment is on Thursday at nine",
        "No, that is not possible.",
        "Shall I go ahead?",
        "Thursday or Friday.",
    ],
    "question_pending": [None, True, False],
    "position_ms": [None, 0, 399, 400, 999, 1499, 1500, 2500, 3000, 9000],
    "response_duration_ms": [None, 0, 3000, 6000],
    "message_type": [
        *(None, "greeting", "menu_prompt", "entity_capture", "disclosure", "support_answer", "tool_wait", "escalation_handoff", "other"),
        *("offer", "billing_summary", "unheard_of", "pay.support_answer"),
    ],
    "workflow": [None, None, "pay", "billing"],
    "input_class": [None, None, None, "correction", "escalation", "noise", "unknown", "silence", "dtmf", "nonsense"],
    "class_confidence": [None, 0.4, 0.9, 1.0],
    "silence_ms": [None, None, None, 0, 1200, 2999, 3000, 7000, 50000],
}


@lru_cache(maxsize=1)  # no fixture: Hypothesis would print both policies whole with each failure
def policies() -> tuple[Policy, Policy]:
    """The default policy, and one that sets everything."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "strict.yaml"
        file.write_text(STRICT, encoding="utf-8")
        return load_default(), load_policy(file)


def test_every_field_is_varied() -> None:
    """The generator below leaves out nothing that a policy may look at."""
    assert [each.name for each in fields(Candidate)] == [name for name in (each.name for each in fields(Candidate)) if name in VALUES]


def test_a_hundred_thousand_candidates_are_ruled_alike() -> None:
    """Nothing depends on what was asked before: neither class nor ruling that is remembered ever stands for another."""
    chance = random.Random(20261125)  # the same candidates each time
    for at in range(100_000):
        policy = policies()[at % 2]
        candidate = Candidate(**{name: chance.choice(values) for name, values in VALUES.items()})
        assert decide_plainly(policy, candidate) == decide(policy, candidate), candidate


def test_figures_just_beside_each_other_are_ruled_alike() -> None:
    """One candidate at every position, duration and silence around every threshold."""
    base = Candidate(input_type="speech", text="no", transcript_status="partial", agent_state="speaking", message_type="greeting")
    for policy in policies():
        for position in (*range(395, 405), *range(995, 1005), *range(1495, 1505), *range(2495, 2505)):
            for spoken in (None, *range(145, 205), *range(595, 605), *range(1195, 1205)):
                for text in ("no", None):
                    candidate = replace(base, position_ms=position, speech_duration_ms=spoken, text=text)
                    assert decide_plainly(policy, candidate) == decide(policy, candidate), candidate


class Sulky:
    """Cannot be compared, looked up or asked anything."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError


WORDS = st.sampled_from(["speech", "speaking", "paused"]) | st.text(max_size=30)
ODD = st.sampled_from([[], ["speech"], {}, b"speech", Sulky(), 10**400])
JUNK = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | WORDS | ODD
BASES = (
    Candidate(text="no, Friday"),
    Candidate(input_type="speech", text="yeah", is_backchannel=True),
    Candidate(input_type="speech"),
)


@settings(max_examples=1500)
@given(junk=st.dictionaries(st.sampled_from(sorted(VALUES)), JUNK))
def test_hostile_values_are_ruled_alike(junk: dict[str, Any]) -> None:
    """NaN, negative, huge, of the wrong type: no exception, and one ruling."""
    for base in BASES:
        candidate = replace(base, **junk)
        for policy in policies():
            decide(policy, base)  # so that something is remembered
            assert decide_plainly(policy, candidate) == decide(policy, candidate)


@given(text=st.text(max_size=60), status=st.sampled_from(["partial", "final", None]))
def test_any_text_is_ruled_alike(text: str, status: str | None) -> None:
    """Whatever a recogniser writes."""
    for policy in policies():
        for _ in range(2):
            candidate = Candidate(input_type="speech", text=text, transcript_status=status, agent_state="speaking", position_ms=3000)
            assert decide_plainly(policy, candidate) == decide(policy, candidate)


def test_memory_does_not_grow_with_what_senders_vary() -> None:
    """Lengths of responses, long texts, names: what is remembered is bounded."""
    policy = policies()[0]
    disclosed = Candidate(input_type="speech", text="no stop", agent_state="speaking", message_type="disclosure", position_ms=10)
    tracemalloc.start()
    for at in range(20_000):
        assert at + 11 == decide(policy, replace(disclosed, response_duration_ms=at + 11)).wait_until_ms
    for at in range(40):
        decide(policy, replace(disclosed, text=f"{at} " * 50_000))
        decide(policy, replace(disclosed, agent_text=f"{at} " * 50_000))
        decide(policy, replace(disclosed, text=None, intent_label=f"{at} " * 50_000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 2_000_000


def test_names_of_any_length_cost_no_memory() -> None:
    """Message types and workflows come from senders."""
    policy = policies()[0]
    asked = Candidate(input_type="speech", text="no", agent_state="speaking")
    tracemalloc.start()
    for at in range(40):
        decide(policy, replace(asked, message_type=f"{at} " * 50_000, workflow=f"{at} " * 50_000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 2_000_000
