"""The judge's classes, at their edges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_voice.policy import JUDGE_FLOOR, Candidate, classify
from otel_voice.policy.classify import EXPERIMENTAL_CAP
from otel_voice.policy.echo import between_listening
from otel_voice.policy.lexicon import PACKAGED, Lexicons


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


APPOINTMENT = "Your appointment is on Tuesday the fourteenth at three."


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("en", "okay that", "backchannel"),
        ("en", "okay that ma", "backchannel"),
        ("en", "okay good to", "backchannel"),
        ("en", "no wor", "unknown"),
        ("en", "what a", "unknown"),
        ("ja", "そうなん", "backchannel"),
        ("ja", "わかりま", "unknown"),
        ("de", "ja ich", "backchannel"),
        ("en", "no", "correction"),
        ("en", "no I", "correction"),
        ("en", "what", "correction"),
        ("en", "yeah no", "correction"),
        ("en", "okay that is wrong", "correction"),
        ("en", "I need", "correction"),
        ("de", "nein", "correction"),
    ],
)
def test_the_beginning_of_a_listeners_phrase_may_still_become_one(language: str, text: str, wanted: str) -> None:
    """What came before it decides for now; a word that takes the floor is not waited with, nor what is final."""
    judged = classify(Candidate(text=text, transcript_status="partial", language=language))

    assert wanted == judged.input_class
    assert classify(Candidate(text=text, transcript_status="final", language=language)).input_class == "correction"


def test_a_beginning_after_a_yes_answers_what_was_asked() -> None:
    """The `yes` was said already."""
    assert classify(Candidate(text="yes that", transcript_status="partial", question_pending=True)).reason == "question_answered"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("en", text) for text in ("hahaha", "ahahaha yeah", "hehehehe", "ha ha ha", "oh hihi")),
        *(("es", text) for text in ("jaja", "jajajaja sí", "jejeje")),
        *(("pt", text) for text in ("kkkkkk", "rsrsrs", "hahaha")),
        *(("ja", text) for text in ("ははは", "あはは", "ふふふ", "ハハハハ", "そうですか笑")),
        *(("hi", text) for text in ("हाहाहा", "हा हा हा", "हेहेहे")),
    ],
)
def test_laughter_of_any_length_keeps_the_floor(language: str, text: str) -> None:
    """It is a listener's signal in every script, and no lexicon has to list its lengths."""
    assert classify(Candidate(text=text, transcript_status="final", language=language)).input_class == "backchannel"


@pytest.mark.parametrize("text", ["mama", "hahaha but no", "jojo", "kk but", "ha Friday"])
def test_not_all_that_repeats_is_laughter(text: str) -> None:
    """Names repeat their syllables too, and what follows laughter decides."""
    assert classify(Candidate(text=text, transcript_status="final")).input_class == "correction"


@pytest.mark.parametrize(
    "text", ["Tuesday", "okay Tuesday", "Tuesday the fourteenth, okay", "so, Tuesday then", "right, the fourteenth at three"]
)
def test_saying_back_what_was_told_is_a_listeners_signal(text: str) -> None:
    """An `okay` may stand before or after it."""
    judged = classify(Candidate(text=text, transcript_status="final", agent_text=APPOINTMENT))

    assert (judged.input_class, judged.reason) == ("backchannel", "read_back")
    assert classify(Candidate(text=text, transcript_status="final", agent_text="We close at five.")).input_class == "correction"


@pytest.mark.parametrize("text", ["Wednesday", "Tuesday?", "no, Tuesday", "not Tuesday", "okay Tuesday but", "Tuesday please", "okay, the"])
def test_what_only_sounds_like_saying_back_is_a_turn(text: str) -> None:
    """A question, a denial, another word: the caller means something by it."""
    assert classify(Candidate(text=text, transcript_status="final", agent_text=APPOINTMENT)).input_class == "correction"


@pytest.mark.parametrize("agent_text", ["Does Tuesday suit you?", "We have Tuesday or Wednesday.", "Say Tuesday to book it."])
def test_what_was_offered_and_is_said_back_is_an_answer(agent_text: str) -> None:
    """Where the agent asks or offers a choice, its own word is an answer; also where only the caller's side knows of a question."""
    assert classify(Candidate(text="okay Tuesday", transcript_status="final", agent_text=agent_text)).input_class == "correction"
    assert classify(Candidate(text="Tuesday", agent_text=APPOINTMENT, question_pending=True)).input_class == "correction"


def test_a_few_words_of_an_offer_choose_and_are_no_echo() -> None:
    """Two words of a menu are an option; a longer stretch is the agent's own voice."""
    menu = "For new orders or lost parcels say so, the first or the second."

    assert classify(Candidate(text="lost parcels", agent_text=menu)).input_class == "correction"
    assert classify(Candidate(text="for new orders or lost parcels", agent_text=menu)).input_class == "noise"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("okay sir", "backchannel"),
        ("sir, okay", "backchannel"),
        ("sir", "correction"),
        ("uh, sir?", "correction"),
        ("okay sir but", "correction"),
        ("no, that's fine, sir", "backchannel"),
        ("an agent, sir", "escalation"),
    ],
)
def test_an_address_changes_nothing_and_alone_is_a_summons(text: str, wanted: str) -> None:
    """`okay sir` listens, `sir?` wants something."""
    assert wanted == classify(Candidate(text=text, transcript_status="final")).input_class


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("have you", "backchannel"),
        ("have you got it", "correction"),
        ("yeah, have you got it", "correction"),
    ],
)
def test_a_longer_cue_outdoes_the_listener_s_word_it_begins_with(text: str, wanted: str) -> None:
    """`have you` asks back, `have you got it` asks."""
    assert wanted == classify(Candidate(text=text, transcript_status="final")).input_class


def test_a_person_who_is_addressed_is_not_asked_for() -> None:
    """Where a language addresses by an office, an acknowledgement before it tells the two apart."""
    lexicons = Lexicons({"en": {"vocatives": ["chief"], "escalation": {"people": ["chief"]}}})

    assert classify(Candidate(text="all right chief"), lexicons).input_class == "backchannel"
    assert classify(Candidate(text="chief"), lexicons).input_class == "escalation"
    assert classify(Candidate(text="okay the chief please"), lexicons).input_class == "escalation"


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        ("the agent", "correction"),
        ("yeah, the agent", "correction"),
        ("the human agent", "correction"),
        ("an agent", "escalation"),
        ("the agent please", "escalation"),
        ("get me the agent", "escalation"),
        ("agent", "escalation"),
    ],
)
def test_the_agent_may_be_the_one_of_a_story(text: str, partial: str) -> None:
    """`the agent` may go on as `the agent told me`: nobody is called before more is heard."""
    assert partial == classify(Candidate(text=text, transcript_status="partial")).input_class
    assert classify(Candidate(text=text, transcript_status="final")).input_class == "escalation"


@given(st.text(max_size=40))
def test_a_reason_never_quotes_the_caller(text: str) -> None:
    """Reasons come from a closed set, so that no transcript leaves through them."""
    assert set(classify(Candidate(text=text)).reason) <= set("abcdefghijklmnopqrstuvwxyz_; ")


@pytest.mark.parametrize(
    ("text", "language"), [("車" + "え" * 1900 + "車", "ja"), ("Tuesday " + "k " * 900 + "Tuesday", "en"), ("k " * 900 + "Monday", "en")]
)
def test_what_stands_between_a_listener_s_words_is_found_in_one_pass(text: str, language: str) -> None:
    """However many of them there are; what is left is what was said."""
    lexicon = PACKAGED.get(language)
    words = lexicon.words(text[:2000])
    asked: list[int] = []
    counted = _Counted(words, asked)

    assert between_listening(counted, lexicon)
    assert len(asked) < 40 * len(words)


class _Counted(list[str]):
    """Words that note each look at one of them."""

    def __init__(self, words: list[str], asked: list[int]) -> None:
        super().__init__(words)
        self.asked = asked

    def __getitem__(self, at: Any) -> Any:
        self.asked.append(1)
        return super().__getitem__(at)
