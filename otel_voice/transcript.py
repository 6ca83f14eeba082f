"""Text to what may leave the agent: classify first, then length, words and salted hashes. The text stays."""

from __future__ import annotations

import hashlib
import re

from otel_voice_schema import attributes as a

from otel_voice.policy import JUDGE_VERSION, Candidate, classify

_WORDS = re.compile(r"[\w']+")
_COMMON = frozenset(
    (
        "a",
        "an",
        "the",
        "i",
        "you",
        "it",
        "is",
        "to",
        "of",
        "and",
        "or",
        "in",
        "on",
        "my",
        "me",
        "we",
        "uh",
        "um",
        "so",
        "no",
        "yes",
        "that",
        "for",
    )
)


def content_words(text: str) -> tuple[str, ...]:
    """Return the words that carry content, lower case, each once, in order."""
    return tuple(dict.fromkeys(word for word in _WORDS.findall(text.lower()) if word not in _COMMON))


def word_hashes(text: str, salt: bytes) -> tuple[str, ...]:
    """Return hashes of the content words; `salt` is of one call and never leaves, so there is no dictionary across calls."""
    return tuple(hashlib.blake2b(word.encode(), digest_size=6, key=salt).hexdigest() for word in content_words(text))


def transcript_facts(text: str, status: str, *, candidate: Candidate, salt: bytes, keep_text: bool) -> dict[str, object]:
    """Return what a transcript tells, classified by the judge's lexicon; the text itself only where `keep_text`."""
    judged = classify(candidate)
    facts: dict[str, object] = {
        a.VOICE_CALLER_TRANSCRIPT_STATUS: status,
        a.VOICE_CALLER_TRANSCRIPT_LENGTH: len(text),
        a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT: len(_WORDS.findall(text)),
        a.VOICE_CALLER_INPUT_CLASS: str(judged.input_class),
        a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE: float(judged.confidence),
        a.VOICE_JUDGE_VERSION: JUDGE_VERSION,
        a.VOICE_CALLER_TRANSCRIPT_REDACTION: "opted_in" if keep_text else "redacted",
    }
    if text:
        facts[a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES] = word_hashes(text, salt)
        if keep_text:
            facts[a.VOICE_CALLER_TRANSCRIPT_TEXT] = text
    return facts
