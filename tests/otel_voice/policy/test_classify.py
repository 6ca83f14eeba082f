"""The judge's classes, at their edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_voice.policy import JUDGE_FLOOR, Candidate, classify
from otel_voice.policy.classify import EXPERIMENTAL_CAP


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("yeah", "backchannel"),
        ("YEAHHH!!", "backchannel"),
        ("Uh-huh", "backchannel"),
        ("um, yeah, okay", "backchannel"),
        ("yeah but I need", "correction"),
        ("okay stop", "correction"),
        ("no", "correction"),
        ("nooooo", "correction"),
        ("Friday", "correction"),
        ("I don\u2019t need an agent", "correction"),
        ("I don't want to talk to a human", "correction"),
        ("human resources please", "correction"),
        ("my real estate agent called", "correction"),
        ("I need someone to fix my sink", "correction"),
        ("are you a human", "correction"),
        ("I have an agent already", "correction"),
        ("I don't care, get me a human", "escalation"),
        ("why can't I talk to a human", "escalation"),
        ("representative. representative!", "escalation"),
        ("get somebody on the phone", "escalation"),
        ("I want to talk to a person, not a machine", "escalation"),
        ("[inaudible]", "unknown"),
        ("[background noise]", "noise"),
        ("[noise] no, Friday", "correction"),
    ],
)
def test_words_decide(text: str, wanted: str) -> None:
    """What is said decides, whatever its case, punctuation and drawn-out letters; what follows a backchannel counts."""
    assert wanted == classify(Candidate(text=text, transcript_status="final")).input_class


def test_an_answer_to_a_question_is_a_turn() -> None:
    """`yes` is a meaningful turn when a question is pending, and a backchannel when none is."""
    assert classify(Candidate(text="yes", question_pending=True)).input_class == "correction"
    assert classify(Candidate(text="yes", question_pending=False)).input_class == "backchannel"
    assert classify(Candidate(text="hmm", question_pending=True)).input_class == "backchannel"


def test_nothing_known_is_unknown() -> None:
    """Without any evidence the class is unknown, and not sure of it."""
    judged = classify(Candidate())

    assert judged.input_class == "unknown"
    assert judged.confidence < JUDGE_FLOOR


def test_missing_certainty_lowers_confidence() -> None:
    """A partial or badly heard transcript is less sure than a final, well heard one."""
    final = classify(Candidate(text="no I meant Friday", transcript_status="final"))
    partial = classify(Candidate(text="no I meant Friday", transcript_status="partial"))
    mumbled = classify(Candidate(text="no I meant Friday", transcript_status="final", transcript_confidence=0.4))

    assert partial.confidence < final.confidence
    assert mumbled.confidence < final.confidence


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("es-MX", "no, el viernes", "correction"),
        ("de", "ja genau", "backchannel"),
        ("fr_CA", "je veux parler à quelqu'un", "escalation"),
        ("ja", "はい、なるほど", "backchannel"),
        ("hi", "मुझे इंसान से बात करनी है", "escalation"),
    ],
)
def test_other_languages_are_read_less_surely(language: str, text: str, wanted: str) -> None:
    """A lexicon nobody has calibrated says so, and is never surer than its cap."""
    judged = classify(Candidate(text=text, transcript_status="final", language=language))

    assert wanted == judged.input_class
    assert JUDGE_FLOOR < judged.confidence <= EXPERIMENTAL_CAP
    assert "experimental language" in judged.reason


@pytest.mark.parametrize("text", ["человека, пожалуйста", "tak, rozumiem", "\u0634\u0643\u0631\u0627"])
def test_a_language_without_lexicon_stays_below_the_floor(text: str) -> None:
    """Words nobody can read are counted, no more."""
    judged = classify(Candidate(text=text, transcript_status="final", language="xx"))

    assert judged.confidence <= 0.5 < JUDGE_FLOOR
    assert "experimental" in judged.reason


def test_a_given_class_is_used_only_without_text() -> None:
    """A class sent along stands where the text was redacted; where there is text, the text decides."""
    redacted = classify(Candidate(input_class="escalation", class_confidence=0.93, transcript_status="final", word_count=4))

    assert (redacted.input_class, redacted.confidence) == ("escalation", 0.93)
    assert classify(Candidate(text="mhm", input_class="escalation", class_confidence=0.9)).input_class == "backchannel"


@pytest.mark.parametrize(
    ("label", "wanted"),
    [("human_transfer", "escalation"), ("agent.request", "escalation"), ("reschedule", "correction"), (None, "correction")],
)
def test_a_command_is_ruled_by_its_label(label: str | None, wanted: str) -> None:
    """A command asks for a person or takes the turn."""
    assert wanted == classify(Candidate(input_type="command", intent_label=label)).input_class


def test_the_detectors_flag_is_evidence_not_truth() -> None:
    """Words overrule the detector's flag; without words it counts for something."""
    assert classify(Candidate(text="no, Friday", is_backchannel=True)).input_class == "correction"
    assert classify(Candidate(speech_duration_ms=400, is_backchannel=True)).input_class == "backchannel"


@given(st.text(max_size=40))
def test_a_reason_never_quotes_the_caller(text: str) -> None:
    """Reasons come from a closed set, so that no transcript leaves through them."""
    assert set(classify(Candidate(text=text)).reason) <= set("abcdefghijklmnopqrstuvwxyz_; ")
