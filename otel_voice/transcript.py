"""Text to class, length and word hashes: classified first, then redacted, before anything leaves the agent."""

from __future__ import annotations

import re
import secrets
from hashlib import blake2b
from typing import Final

from otel_voice_schema import attributes as a

from otel_voice.emit import Value

LONGEST_TEXT: Final = a.ATTRIBUTES[a.VOICE_CALLER_TRANSCRIPT_TEXT].max_length  # longer would not conform; its length is told whole
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Words that say nothing of what a repeat is about.
_COMMON_WORDS: Final = """
a an and are as at be but by can do does for from had has have he her him his how i i'm i'd if in is it it's
its just me my no not of oh okay on or our she so that the their them then there they this to uh um up us was
we well were what when which who will with would yeah yes you your
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower case."""
    return [word.casefold() for word in _WORD.findall(text)]


class Redactor:
    """Describes what a caller said without saying it; the salt is one per call and never leaves."""

    def __init__(self, *, keep_text: bool = False) -> None:
        self.keep_text = keep_text
        self._salt = secrets.token_bytes(16)

    def describe(
        self,
        text: str,
        status: str,
        *,
        question_pending: bool | None = None,
        message_type: str | None = None,
        agent_state: str | None = None,
        language: str | None = None,
        workflow: str | None = None,
        confidence: float | None = None,
    ) -> dict[str, Value]:
        """Return the attributes of a transcript: class, confidence, length, word count, hashes, and the text where opted in."""
        from otel_voice.policy import JUDGE_VERSION, Candidate, classify

        words = words_of(text)
        judged = classify(
            Candidate(
                input_type=a.InputType.SPEECH.value,
                text=text,
                transcript_status=status,
                word_count=len(words),
                question_pending=question_pending,
                message_type=message_type,
                agent_state=agent_state,
                language=language,
                workflow=workflow,
                transcript_confidence=confidence,
            )
        )
        facts: dict[str, Value] = {
            a.VOICE_CALLER_INPUT_CLASS: str(judged.input_class),
            a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE: float(judged.confidence),
            a.VOICE_JUDGE_VERSION: JUDGE_VERSION,
            a.VOICE_CALLER_TRANSCRIPT_LENGTH: len(text),
            a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT: len(words),
        }
        hashes = self.hashes(words)
        if hashes:
            facts[a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES] = hashes
        if text:
            redaction = a.Redaction.OPTED_IN if self.keep_text else a.Redaction.REDACTED
            facts[a.VOICE_CALLER_TRANSCRIPT_REDACTION] = redaction.value
        if text and self.keep_text:
            facts[a.VOICE_CALLER_TRANSCRIPT_TEXT] = text[:LONGEST_TEXT]
        return facts

    def hashes(self, words: list[str]) -> tuple[str, ...]:
        """Return the salted hashes of the content words, each once, so that repeats within a call can be seen."""
        content = dict.fromkeys(word for word in words if word not in _COMMON)
        return tuple(blake2b(word.encode(), digest_size=6, key=self._salt).hexdigest() for word in content)
