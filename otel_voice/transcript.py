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


# Words that no phrase ends on, by language: who stops there has not finished. Japanese has no such words, but endings.
_UNFINISHED: Final = {
    "en": "and but so because the a an to my is for of or um uh it's with at on in from your our that's i'm if when",
    "de": "und aber weil oder der die das ein eine mein meine ist zu für von mit bei auf im in am äh ähm dass wenn",
    "es": "y e o pero porque el la los las un una mi su es de del para con en a por que si este eh",
    "fr": "et ou mais parce le la les un une mon ma mes est de du des pour avec en à au que si euh c'est",
    "pt": "e ou mas porque o a os as um uma meu minha é de do da para com em no na que se ãh",
    "it": "e o ma perché il lo la i gli le un una mio mia è di del della per con in a che se ehm",
    "nl": "en of maar want omdat de het een mijn is van voor met op in bij naar dat als eh uh",
    "hi": "और लेकिन क्योंकि या का की के को में से पर कि तो मेरा मेरी मेरे",
}
_ENDINGS: Final = {word: frozenset(words.split()) for word, words in _UNFINISHED.items()}


def ends_unfinished(text: str, language: str | None = None) -> bool:
    """Tell whether a text ends as no phrase ends; `language` is a BCP 47 tag, English where it is not known."""
    if text.rstrip()[-1:] in {".", "!", "?"}:
        return False  # the recogniser heard it end
    words = words_of(text)
    return bool(words) and words[-1] in _ENDINGS.get((language or "en").split("-")[0].lower(), frozenset())


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower case."""
    return [word.casefold() for word in _WORD.findall(text)]


def content_words(text: str) -> tuple[str, ...]:
    """Return the words that say what a text is about, lower case, each once."""
    return tuple(dict.fromkeys(word for word in words_of(text) if word not in _COMMON))


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
        hashes = self.hashes(text)
        if hashes:
            facts[a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES] = hashes
        if status != "empty" and ends_unfinished(text, language):
            facts[a.VOICE_CALLER_TRANSCRIPT_UNFINISHED] = True
        if text:
            redaction = a.Redaction.OPTED_IN if self.keep_text else a.Redaction.REDACTED
            facts[a.VOICE_CALLER_TRANSCRIPT_REDACTION] = redaction.value
        if text and self.keep_text:
            facts[a.VOICE_CALLER_TRANSCRIPT_TEXT] = text[:LONGEST_TEXT]
        return facts

    def hashes(self, text: str) -> tuple[str, ...]:
        """Return the salted hashes of the content words, each once, so that repeats within a call can be seen."""
        return tuple(blake2b(word.encode(), digest_size=6, key=self._salt).hexdigest() for word in content_words(text))
