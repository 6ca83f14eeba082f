"""Say what kind of input a caller's input is, from whatever is known of it: pure, so that agent and processor agree.

It is causal: asked again as evidence grows, it says what the evidence so far supports, less surely where more may follow. Missing
evidence lowers the confidence; with none the class is unknown. The judge reads by the package's own lexicons, which no policy can change.
"""

from __future__ import annotations

from typing import Final

from otel_voice_schema.attributes import InputClass, InputType, SpeechState, TranscriptStatus

from .echo import MANY_WORDS, insists, is_echo, reads_back, said_of
from .lexicon import PACKAGED, Lexicon, Lexicons
from .model import Candidate, Classification, known
from .reading import Reading, label_kind, read

JUDGE_VERSION: Final = "2026-11-28"
JUDGE_FLOOR: Final = 0.55
EXPERIMENTAL_CAP: Final = 0.65  # a lexicon that nobody has calibrated
NO_LEXICON_CAP: Final = 0.5  # below every floor: the words cannot be read
STEP_MS: Final = 150  # durations are read in steps: no detector is finer
CLICK_STEPS: Final = 1  # shorter is no word
LONG_NOISE_STEPS: Final = 10
MOST_STEPS: Final = 60
QUIET_DB: Final = -45.0
PARTIAL_FACTOR: Final = 0.85
EDGE_MS: Final = 1000  # near a response's start or end an `okay` is more often a turn than in its middle
PER_WORD_STEPS, MARGIN_STEPS = 3, 6  # speech much longer than its words had more in it than was recognised
_TYPES: Final = frozenset(InputType)
_CLASSES: Final = frozenset(InputClass)
_WORDS: Final = {
    "escalation": (InputClass.ESCALATION, 0.93, "escalation_phrase"),
    "not_escalation": (InputClass.CORRECTION, 0.8, "escalation_declined"),
    "cancel": (InputClass.CORRECTION, 0.9, "cancel_phrase"),
    "cue": (InputClass.CORRECTION, 0.92, "correction_cue"),
    "more": (InputClass.CORRECTION, 0.88, "words_after_backchannel"),
    "listening": (InputClass.BACKCHANNEL, 0.85, "backchannel_words"),
    "answer": (InputClass.BACKCHANNEL, 0.85, "backchannel_words"),
    "filler": (InputClass.BACKCHANNEL, 0.6, "filler_only"),
    "unheard": (InputClass.UNKNOWN, 0.3, "words_not_heard"),
    "aside": (InputClass.UNKNOWN, 0.45, "talk_to_others"),
}


def classify(candidate: Candidate, lexicons: Lexicons = PACKAGED) -> Classification:
    """Return class, confidence and reason of an input; never raises, whatever the candidate holds."""
    kind = _kind(candidate)
    if kind == InputType.DTMF:
        return _of(InputClass.DTMF, 1.0 if candidate.dtmf_class else 0.9, "key_pressed")
    if kind == InputType.SILENCE:
        measured = known(candidate.silence_ms) is not None
        return _of(InputClass.SILENCE, 1.0 if measured else 0.7, "caller_silent" if measured else "silence_not_measured")
    if kind == InputType.COMMAND:
        return _command(candidate)
    lexicon = lexicons.for_tag(candidate.language if isinstance(candidate.language, str) else None)
    reading = read(candidate.text, lexicon) if candidate.text and isinstance(candidate.text, str) else None
    if reading is not None and reading.kind != "blank":
        return _spoken(candidate, reading, lexicon)
    return _unread(candidate, noise_seen=reading is not None and reading.noise)


def words_in(candidate: Candidate, lexicons: Lexicons) -> float | None:
    """Return how many words were heard: as told, else as counted in the text."""
    told = known(candidate.word_count)
    if told is not None or not isinstance(candidate.text, str):
        return told
    return read(candidate.text, lexicons.for_tag(candidate.language if isinstance(candidate.language, str) else None)).words


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
    return label_kind(candidate.intent_label) if candidate.intent_label and isinstance(candidate.intent_label, str) else None


def _spoken(candidate: Candidate, reading: Reading, lexicon: Lexicon | None) -> Classification:
    """Class of words that were recognised."""
    input_class, confidence, reason = _by_words(candidate, reading, lexicon)
    if _label(candidate) == "escalation" and (reading.kind in {"cue", "more", "words", "cancel"} or reading.so_far == "person"):
        input_class, confidence, reason = InputClass.ESCALATION, 0.8, "escalation_intent"
    heard = hundredths(candidate.transcript_confidence)
    if heard is not None:
        confidence *= 0.5 + 0.005 * heard
    if candidate.transcript_status == TranscriptStatus.PARTIAL:
        confidence *= PARTIAL_FACTOR
    elif candidate.transcript_status == TranscriptStatus.EMPTY:
        confidence *= 0.8
    if lexicon is None or lexicon.experimental:
        confidence = min(confidence, NO_LEXICON_CAP if lexicon is None else EXPERIMENTAL_CAP)
        reason += "; experimental language"
    return _of(input_class, confidence, reason)


def _by_words(candidate: Candidate, reading: Reading, lexicon: Lexicon | None) -> tuple[InputClass, float, str]:
    if lexicon is None:
        return _foreign(candidate, reading)
    if (reading.kind == "answer" or (reading.kind == "listening" and reading.only_no)) and _answers(candidate):
        return InputClass.CORRECTION, 0.88, "question_answered"
    if reading.kind == "listening" and candidate.question_pending is True and candidate.agent_state == SpeechState.LISTENING:
        return InputClass.CORRECTION, 0.75, "question_answered"  # `works for me`: nobody speaks to whom it could be a sign of listening
    said = said_of(candidate.agent_text, lexicon) if isinstance(candidate.agent_text, str) and candidate.agent_text else None
    if said is not None and reading.kind not in {"escalation", "cancel"}:
        words = lexicon.words(candidate.text or "")
        if is_echo(words, said, lexicon, question_pending=candidate.question_pending is True):
            return InputClass.NOISE, 0.75, "echo_of_agent"
        if reading.kind in {"words", "more"} and not _answers(candidate) and reads_back(words, candidate.text or "", said, lexicon):
            return InputClass.BACKCHANNEL, 0.7, "read_back"
    if reading.so_far and candidate.transcript_status == TranscriptStatus.PARTIAL:
        return _unfinished(candidate, reading)
    if reading.kind == "words":
        return _plain_words(candidate, reading)
    if said is not None and said.denies and candidate.question_pending is not True:
        if reading.kind in {"answer", "listening"} and insists(lexicon.words(candidate.text or ""), lexicon):
            return InputClass.CORRECTION, 0.8, "contradicts_denial"
        if reading.kind == "cue" and reading.only_no:
            return InputClass.BACKCHANNEL, 0.6, "agrees_with_denial"
    input_class, confidence, reason = _WORDS[reading.kind]
    if input_class is InputClass.BACKCHANNEL:
        confidence += _leaning(candidate, reading)
    return input_class, confidence, reason


def _answers(candidate: Candidate) -> bool:
    """Tell whether a `yes` answers: a question is pending, or nothing plays and nobody said that none is."""
    if candidate.question_pending is None:
        return candidate.agent_state == SpeechState.LISTENING
    return candidate.question_pending is True


def _leaning(candidate: Candidate, reading: Reading) -> float:
    """How much surer, or less sure, a backchannel is by what else is known than its words."""
    lean = 0.08 if candidate.is_backchannel is True else -0.08 if candidate.is_backchannel is False else 0.0
    if reading.words > MANY_WORDS:
        lean -= 0.1
    steps = steps_of(candidate.speech_duration_ms)
    if steps is not None and steps >= MARGIN_STEPS + PER_WORD_STEPS * reading.words:
        lean -= 0.1
    return lean - 0.05 if at_edge(known(candidate.position_ms), known(candidate.response_duration_ms)) else lean


def steps_of(duration_ms: object) -> int | None:
    """Return a duration in whole steps of `STEP_MS`, nothing where it is not known."""
    spoken = known(duration_ms)
    return None if spoken is None else min(MOST_STEPS, int(spoken // STEP_MS))


def at_edge(position_ms: float | None, length_ms: float | None) -> bool:
    """Tell whether playback is near its start or its end."""
    return position_ms is not None and (position_ms < EDGE_MS or (length_ms is not None and position_ms > length_ms - EDGE_MS))


def hundredths(share: object) -> int | None:
    """Return a confidence in whole hundredths, at most 100, nothing where it is not known: no recogniser is surer of its sureness."""
    heard = known(share)
    return None if heard is None else int(min(1.0, heard) * 100 + 0.5)


def _unfinished(candidate: Candidate, reading: Reading) -> tuple[InputClass, float, str]:
    """Words whose end may still become something else: what came before it decides for now."""
    if reading.so_far == "person":
        return InputClass.CORRECTION, 0.8, "person_mentioned"
    if reading.so_far == "answer" and _answers(candidate):
        return InputClass.CORRECTION, 0.88, "question_answered"
    if reading.so_far in {"answer", "listening"}:
        return InputClass.BACKCHANNEL, 0.75 + _leaning(candidate, reading), "unfinished_phrase"
    return InputClass.UNKNOWN, 0.4, "unfinished_word"


def _plain_words(candidate: Candidate, reading: Reading) -> tuple[InputClass, float, str]:
    """Words that carry no cue: the more of them, the surer it is that the caller means to speak."""
    confidence = 0.85 if reading.rest >= 3 else 0.78 if reading.rest == 2 else 0.68
    if candidate.is_backchannel is True:
        confidence -= 0.1
    return InputClass.CORRECTION, confidence, "meaningful_words"


def _foreign(candidate: Candidate, reading: Reading) -> tuple[InputClass, float, str]:
    """Words in a language that has no lexicon: their number, and what others say, is all there is."""
    if candidate.input_class in _CLASSES:
        return InputClass(candidate.input_class), _given_confidence(candidate), "class_given"
    if candidate.is_backchannel is True:
        return InputClass.BACKCHANNEL, 0.5, "detector_says_backchannel"
    if reading.words >= 3:
        return InputClass.CORRECTION, 0.5, "several_words"
    return InputClass.UNKNOWN, 0.3, "few_words"


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
    if label in {"backchannel", "noise"}:
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
    steps, vad, energy = steps_of(candidate.speech_duration_ms), known(candidate.vad_confidence), candidate.audio_energy_db
    if steps is None:
        confidence -= 0.1
    elif steps < CLICK_STEPS:
        confidence += 0.1
    elif steps >= LONG_NOISE_STEPS:
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
    steps, vad = steps_of(candidate.speech_duration_ms), known(candidate.vad_confidence)
    if steps is not None and steps < CLICK_STEPS:
        return _of(InputClass.NOISE, 0.6 if vad is None or vad < 0.6 else 0.45, "too_short_for_words")
    if vad is not None and vad < 0.3:
        return _of(InputClass.NOISE, 0.5, "detector_unsure")
    return _of(InputClass.UNKNOWN, 0.2 if steps is None and vad is None else 0.3, "no_transcript")
