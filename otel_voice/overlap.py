"""The response that plays and the caller's stretch of speech over it, as a guard follows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from otel_voice_schema.attributes import Action, SpeechState, TranscriptStatus

from otel_voice.decision import Do
from otel_voice.interruption import Interruption
from otel_voice.policy import Ruling
from otel_voice.transcript import words_of

MS: Final = 1_000_000
LONGEST_TEXT: Final = 2_000  # characters of a stretch; of a longer one the newest are kept


@dataclass(slots=True, kw_only=True)
class Playback:
    """The response whose audio plays, is paused, or was told to stop."""

    response_id: str | None
    message_type: str | None
    start_ns: int
    mark_ns: int
    mark_ms: int = 0  # the position at `mark_ns`
    text: str | None = None
    planned_ms: int | None = None
    question_pending: bool | None = None
    interruptible: bool = True
    answers: list[str] = field(default_factory=list)  # the caller's words before it
    paused_ns: int | None = None
    over: bool = False

    def position_ms(self, now: int) -> int:
        """Return how much was played by now."""
        return self.mark_ms + max(0, ((self.paused_ns or now) - self.mark_ns) // MS)

    def mark(self, now: int, position_ms: int | None) -> None:
        """Take the position that the runtime tells."""
        self.mark_ms = self.position_ms(now) if position_ms is None else position_ms
        self.mark_ns = now

    def pause(self, now: int, position_ms: int | None = None) -> None:
        """Stand still."""
        if self.paused_ns is None:
            self.mark(now, position_ms)
            self.paused_ns = now

    def resume(self, now: int, position_ms: int | None = None) -> None:
        """Go on."""
        if self.paused_ns is not None:
            self.mark(now, position_ms)
            self.paused_ns = None

    def may_answer(self, heard: Heard) -> bool:
        """Tell whether this may be the answer to what was heard: begun before it, and no new words since."""
        before = heard.start_ns is None or heard.start_ns < self.start_ns
        return before and (heard.text is not None or heard.end_ns is not None) and words_of(heard.text or "") == self.answers

    @property
    def audio(self) -> str:
        """What the player does."""
        return "stop" if self.over else "pause" if self.paused_ns is not None else "play"

    @property
    def state(self) -> str:
        """What the agent is doing."""
        if self.over:
            return SpeechState.LISTENING.value
        return SpeechState.PAUSED.value if self.paused_ns is not None else SpeechState.SPEAKING.value


@dataclass(slots=True, kw_only=True)
class Heard:
    """One stretch of the caller's speech: what is known of it so far, and what was decided on it."""

    number: int
    stretch_id: str | None
    start_ns: int | None  # None: words came, and no detector said when they began
    end_ns: int | None = None
    spoken_ms: int | None = None
    vad_confidence: float | None = None
    confidence: float | None = None
    status: TranscriptStatus | None = None
    said: str = ""
    partial: str = ""
    interruption: Interruption | None = None
    ruling: Ruling | None = None
    told: Action | None = None  # by the last decision that was emitted
    do: Do = Do.KEEP
    paused_enough: bool = False
    unanswered: bool = False  # held back by a response that ended before the caller did

    @property
    def text(self) -> str | None:
        """All its words so far."""
        return " ".join(each for each in (self.said, self.partial) if each)[-LONGEST_TEXT:] or None

    @property
    def complete(self) -> bool:
        """Whether the caller is silent and nothing more is expected of the recogniser."""
        return self.end_ns is not None and self.status in (TranscriptStatus.FINAL, TranscriptStatus.EMPTY)

    def duration_ms(self, now: int) -> int | None:
        """Return how long the caller spoke, up to now where they still do."""
        if self.start_ns is None or (self.spoken_ms is not None and self.end_ns is not None):
            return self.spoken_ms
        return max(0, ((self.end_ns or now) - self.start_ns) // MS)

    def add(self, words: str, status: TranscriptStatus, confidence: float | None) -> None:
        """Take what the recogniser tells: a partial replaces the one before, a final is a further piece."""
        words = words.strip()
        if status is TranscriptStatus.FINAL and words:
            self.said, self.partial = f"{self.said} {words}".strip()[-LONGEST_TEXT:], ""
        else:
            self.partial = words
        self.confidence = confidence
        if words or status is not TranscriptStatus.PARTIAL:
            self.status = TranscriptStatus.FINAL if status is TranscriptStatus.EMPTY and self.text else status

    def meet(self) -> None:
        """Go on into another response, on which nothing was decided yet."""
        self.interruption, self.told, self.do, self.paused_enough = None, None, Do.KEEP, False

    def give_up(self) -> None:
        """Expect no more of the recogniser: what it said so far is all."""
        self.add(self.partial, TranscriptStatus.FINAL if self.text else TranscriptStatus.EMPTY, self.confidence)
