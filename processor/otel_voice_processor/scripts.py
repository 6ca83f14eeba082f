"""Scripted calls: what the caller and the player did, and the truth that follows from it alone. Times are ms from the call's start."""

from __future__ import annotations

from dataclasses import dataclass

from otel_voice_schema.attributes import ActionValue, EndedByValue, NextActionValue, ResumeBehaviorValue, TaskOutcomeValue, TaskStateValue

PATIENCE_MS = 1_500  # how long a caller talks against the agent before being let down
TURN_END_MS = 700  # speech this near a response's own end is ordinary talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One stretch of the caller: `meant` if it should have been heard, `continues` if it goes on after a pause for thought."""

    onset_ms: int
    end_ms: int
    text: str = ""
    meant: bool = True
    continues: bool = False
    first_word_ms: int = 0
    partial: str = ""
    partial_ms: int = 300
    final_ms: int = 350
    confidence: float = 0.93


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key the caller pressed; `offered` are the keys the prompt names."""

    at_ms: int
    digit: str
    offered: tuple[str, ...] = ("1", "2", "3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A pause inside a response, and where in the response it went on."""

    start_ms: int
    end_ms: int
    position_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One response as the player played it; `planned_ms` is its whole length."""

    response_id: str
    start_ms: int
    end_ms: int
    message_type: str
    planned_ms: int
    cut: bool = False
    gap: Gap | None = None
    question: bool = False
    interruptible: bool = True

    def position_ms(self, at_ms: int) -> int:
        """Return how much of the response had been played at `at_ms`."""
        if self.gap is None or at_ms < self.gap.end_ms:
            return max(0, min(at_ms, self.gap.start_ms if self.gap else at_ms) - self.start_ms)
        return self.gap.position_ms + at_ms - self.gap.end_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A silence the agent noticed, and what it did next."""

    start_ms: int
    end_ms: int
    next_action: NextActionValue
    prompt_state: str = "awaiting_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chose:
    """What the agent's own detector and logic reported about the interruption; None where it reported nothing."""

    detected_ms: int
    decided_ms: int
    action: ActionValue
    reason: str
    confidence: float = 0.87
    recovered_ms: int | None = None
    recovered_position_ms: int | None = None
    task_state: TaskStateValue = "preserved"
    false_positive_ms: int | None = None
    resume_behavior: ResumeBehaviorValue = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened. `happened` is correct, missed_interruption, false_interruption, premature_endpointing or none."""

    caller_meant: bool | None
    audio: str | None
    silent_after_ms: int | None
    happened: str
    timeouts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One call as it was played; `expected` is what a tester would ask of it, in words."""

    call_id: str
    name: str
    workflow: str
    message_type: str
    expected: str
    played: tuple[Played, ...]
    said: tuple[Said, ...] = ()
    keys: tuple[Key, ...] = ()
    waited: tuple[Waited, ...] = ()
    chose: Chose | None = None
    end_ms: int
    outcome: TaskOutcomeValue = "completed"
    escalated: bool = False
    ended_by: EndedByValue = "caller"

    @property
    def truth(self) -> Truth:
        """Return what happened, from the caller's script and the player alone."""
        timeouts = len(self.waited)
        for onset, word, meant in self._inputs():
            for response in self.played:
                if response.start_ms <= onset < response.end_ms and not (not response.cut and onset > response.end_ms - TURN_END_MS):
                    return _judged(response, onset, word, meant, timeouts)
        barged = any(s.continues and r.start_ms <= s.onset_ms < r.end_ms for s in self.said for r in self.played)
        happened = "premature_endpointing" if barged else "none"
        return Truth(caller_meant=None, audio=None, silent_after_ms=None, happened=happened, timeouts=timeouts)

    def _inputs(self) -> list[tuple[int, int, bool]]:
        spoken = [(s.onset_ms, s.onset_ms + s.first_word_ms, s.meant) for s in self.said if not s.continues]
        return sorted(spoken + [(key.at_ms, key.at_ms, True) for key in self.keys])


def _judged(response: Played, onset: int, word: int, meant: bool, timeouts: int) -> Truth:
    audio, silent_at = "kept", None
    if response.cut:
        audio, silent_at = "stopped", response.end_ms
    if response.gap is not None and response.gap.start_ms >= onset:
        audio = audio if response.cut else "paused_resumed"
        silent_at = silent_at if response.cut else response.gap.start_ms
    silent_after = None if silent_at is None else silent_at - word
    if not meant:
        happened = "correct" if audio == "kept" else "false_interruption"
    else:
        quiet = silent_after if audio == "stopped" else response.end_ms - word if audio == "kept" else None
        happened = "correct" if quiet is not None and quiet <= PATIENCE_MS else "missed_interruption"
    return Truth(caller_meant=meant, audio=audio, silent_after_ms=silent_after, happened=happened, timeouts=timeouts)
