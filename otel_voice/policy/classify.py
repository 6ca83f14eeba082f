"""Say what kind of input a caller's input is, from whatever is known of it: pure, so that agent and processor agree.

A class depends on no policy file. Missing evidence lowers the confidence; with none the class is unknown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from otel_voice_schema.attributes import InputClass, InputType, TranscriptStatus

from .model import Candidate, Classification, known
from .reading import Reading, label_kind, language_of, read

JUDGE_VERSION: Final = "2026-11-25"
JUDGE_FLOOR: Final = 0.55
EXPERIMENTAL_CAP: Final = 0.5
CLICK_MS: Final = 150
LONG_NOISE_MS: Final = 1500
QUIET_DB: Final = -45.0
MANY_WORDS: Final = 4
PARTIAL_FACTOR: Final = 0.85
_TYPES: Final = frozenset(InputType)
_CLASSES: Final = frozenset(InputClass)
_READ_CLASS: Final = {
    "escalation": (InputClass.ESCALATION, 0.93, "escalation_phrase"),
    "not_escalation": (InputClass.CORRECTION, 0.8, "escalation_declined"),
    "cue": (InputClass.CORRECTION, 0.92, "correction_cue"),
    "more": (InputClass.CORRECTION, 0.88, "words_after_backchannel"),
    "listening": (InputClass.BACKCHANNEL, 0.85, "backchannel_words"),
    "answer": (InputClass.BACKCHANNEL, 0.85, "backchannel_words"),
    "filler": (InputClass.BACKCHANNEL, 0.6, "filler_only"),
    "unheard": (InputClass.UNKNOWN, 0.3, "words_not_heard"),
}


def classify(candidate: Candidate) -> Classification:
    """Return class, confidence and reason of an input; never raises, whatever the candidate holds."""
    kind = _kind(candidate)
    if kind == InputType.DTMF:
        return _of(InputClass.DTMF, 1.0 if candidate.dtmf_class else 0.9, "key_pressed")
    if kind == InputType.SILENCE:
        measured = known(candidate.silence_ms) is not None
        return _of(InputClass.SILENCE, 1.0 if measured else 0.7, "caller_silent" if measured else "silence_not_measured")
    if kind == InputType.COMMAND:
        return _command(candidate)
    reading = read(candidate.text, candidate.language) if candidate.text else None
    if reading is not None and reading.kind != "blank":
        return _spoken(candidate, reading)
    return _unread(candidate, noise_seen=reading is not None and reading.noise)


def _of(input_class: InputClass, confidence: float, reason: str) -> Classification:
    return Classification(input_class=input_class, confidence=round(max(0.0, min(1.0, confidence)), 4), reason=reason)


def _kind(candidate: Candidate) -> str:
    """Tell the input type, inferred where no emitter said it."""
    if candidate.input_type is not None and candidate.input_type in _TYPES:
        return candidate.input_type
    if candidate.dtmf_class is not None:
        return InputType.DTMF
    spoken = (candidate.text, candidate.transcript_status, candidate.word_count, candidate.speech_duration_ms, candidate.input_class)
    if known(candidate.silence_ms) is not None and all(each is None for each in spoken):
        return InputType.SILENCE
    return InputType.SPEECH


def _command(candidate: Candidate) -> Classification:
    """A command is meant: by its intent label it asks for a person or takes the turn."""
    if _label(candidate) == "escalation":
        return _of(InputClass.ESCALATION, 0.95, "escalation_intent")
    if candidate.input_class == InputClass.ESCALATION:
        return _of(InputClass.ESCALATION, _given_confidence(candidate), "class_given")
    return _of(InputClass.CORRECTION, 0.95 if candidate.intent_label else 0.7, "command_given")


def _label(candidate: Candidate) -> str | None:
    return label_kind(candidate.intent_label) if candidate.intent_label else None


def _spoken(candidate: Candidate, reading: Reading) -> Classification:
    """Class of words that were recognised."""
    judged = _by_words(candidate, reading)
    if _label(candidate) == "escalation" and reading.kind in ("cue", "more", "words"):
        judged = _of(InputClass.ESCALATION, 0.8, "escalation_intent")
    confidence = judged.confidence
    heard = known(candidate.transcript_confidence)
    if heard is not None:
        confidence *= 0.5 + 0.5 * min(1.0, heard)
    if candidate.transcript_status == TranscriptStatus.PARTIAL:
        confidence *= PARTIAL_FACTOR
    elif candidate.transcript_status == TranscriptStatus.EMPTY:
        confidence *= 0.8
    judged = _of(judged.input_class, confidence, judged.reason)
    if language_of(candidate.language) is None:
        return replace(judged, confidence=min(judged.confidence, EXPERIMENTAL_CAP), reason=f"{judged.reason}; experimental language")
    return judged


def _by_words(candidate: Candidate, reading: Reading) -> Classification:
    if reading.kind == "foreign":
        return _foreign(candidate, reading)
    if reading.kind == "words":
        return _plain_words(candidate, reading)
    if reading.kind == "answer" and candidate.question_pending is True:
        return _of(InputClass.CORRECTION, 0.88, "question_answered")
    input_class, confidence, reason = _READ_CLASS[reading.kind]
    if input_class is InputClass.BACKCHANNEL:
        confidence += 0.08 if candidate.is_backchannel is True else -0.08 if candidate.is_backchannel is False else 0.0
        confidence -= 0.1 if reading.words > MANY_WORDS else 0.0
    return _of(input_class, confidence, reason)


def _plain_words(candidate: Candidate, reading: Reading) -> Classification:
    """Words that carry no cue: the more of them, the surer it is that the caller means to speak."""
    if reading.words == 1 and candidate.transcript_status == TranscriptStatus.PARTIAL and reading.unfinished:
        return _of(InputClass.UNKNOWN, 0.4, "unfinished_word")
    confidence = 0.85 if reading.words >= 3 else 0.78 if reading.words == 2 else 0.68
    if candidate.is_backchannel is True:
        confidence -= 0.1
    return _of(InputClass.CORRECTION, confidence, "meaningful_words")


def _foreign(candidate: Candidate, reading: Reading) -> Classification:
    """Words in a language that has no lexicon: their number, and what others say, is all there is."""
    if candidate.input_class in _CLASSES:
        return _of(InputClass(candidate.input_class), _given_confidence(candidate), "class_given")
    if candidate.is_backchannel is True:
        return _of(InputClass.BACKCHANNEL, 0.5, "detector_says_backchannel")
    if reading.words >= 3:
        return _of(InputClass.CORRECTION, 0.5, "several_words")
    return _of(InputClass.UNKNOWN, 0.3, "few_words")


def _given_confidence(candidate: Candidate) -> float:
    given = known(candidate.class_confidence)
    return 0.5 if given is None else min(1.0, given)


def _unread(candidate: Candidate, *, noise_seen: bool) -> Classification:
    """Class of an input without text: by the class that was sent along, its label, or by sound alone."""
    if candidate.input_class in _CLASSES and candidate.input_class != InputClass.UNKNOWN and not noise_seen:
        return _of(InputClass(candidate.input_class), _given_confidence(candidate), "class_given")
    label = _label(candidate)
    if label == "escalation":
        return _of(InputClass.ESCALATION, 0.8, "escalation_intent")
    if label == "unknown":
        return _of(InputClass.UNKNOWN, 0.4, "label_says_unknown")
    if label in ("backchannel", "noise"):
        return _of(InputClass(label), 0.7, f"label_says_{label}")
    if noise_seen:
        return _of(InputClass.NOISE, 0.9, "noise_annotation")
    if candidate.text is not None or candidate.transcript_status == TranscriptStatus.EMPTY or candidate.word_count == 0:
        return _wordless(candidate)
    if candidate.intent_label:
        return _of(InputClass.CORRECTION, 0.7, "intent_named")
    return _by_sound(candidate)


def _wordless(candidate: Candidate) -> Classification:
    """A recogniser listened and heard no words: noise, the surer the shorter and quieter it was."""
    count = known(candidate.word_count)
    if count:
        return _counted(candidate, count)
    confidence = 0.85 if candidate.transcript_status == TranscriptStatus.EMPTY else 0.75
    duration, vad, energy = known(candidate.speech_duration_ms), known(candidate.vad_confidence), candidate.audio_energy_db
    if duration is None:
        confidence -= 0.1
    elif duration <= CLICK_MS:
        confidence += 0.1
    elif duration >= LONG_NOISE_MS:
        confidence -= 0.15
    if vad is not None:
        confidence += 0.05 if vad < 0.6 else -0.05
    if isinstance(energy, int | float) and energy < QUIET_DB:
        confidence += 0.04
    return _of(InputClass.NOISE, confidence, "no_words")


def _counted(candidate: Candidate, count: float) -> Classification:
    """Only the number of words is known."""
    if candidate.is_backchannel is True:
        return _of(InputClass.BACKCHANNEL, 0.65 if count < MANY_WORDS else 0.5, "detector_says_backchannel")
    if count >= MANY_WORDS:
        return _of(InputClass.CORRECTION, 0.65, "several_words")
    return _of(InputClass.UNKNOWN, 0.4, "few_words_unseen")


def _by_sound(candidate: Candidate) -> Classification:
    """Nothing but sound: a click is noise, the detector's flag is evidence, anything else cannot be told."""
    count = known(candidate.word_count)
    if count:
        return _counted(candidate, count)
    if candidate.is_backchannel is True:
        return _of(InputClass.BACKCHANNEL, 0.6, "detector_says_backchannel")
    duration, vad = known(candidate.speech_duration_ms), known(candidate.vad_confidence)
    if duration is not None and duration <= CLICK_MS:
        return _of(InputClass.NOISE, 0.6 if vad is None or vad < 0.6 else 0.45, "too_short_for_words")
    if vad is not None and vad < 0.3:
        return _of(InputClass.NOISE, 0.5, "detector_unsure")
    return _of(InputClass.UNKNOWN, 0.2 if duration is None and vad is None else 0.3, "no_transcript")
