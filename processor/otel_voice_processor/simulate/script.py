"""Scripted calls: what the caller and the player did, and what the runtime knew of it. Times are ms from the call's start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from otel_voice_schema.attributes import ActionValue, EndedByValue, NextActionValue, ResumeBehaviorValue, TaskOutcomeValue, TaskStateValue

if TYPE_CHECKING:
    from otel_voice_processor.simulate.truth import Truth

Source = Literal["caller", "noise", "echo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One stretch of sound at the caller's end.

    `meant` if it should have been heard, `continues` if it goes on after a pause for thought, `repeats_ms` the onset of what it says again.
    `text` is what the recogniser makes of it, empty where it hears no words; `partial_ms` counts from the onset, `final_ms` from the end.
    """

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
    source: Source = "caller"
    repeats_ms: int | None = None
    wants_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key the caller pressed; `offered` are the keys the prompt names."""

    at_ms: int
    digit: str
    offered: tuple[str, ...] = ("1", "2", "3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the caller's other than speech and keys, such as a button of an app; `intent` is its label."""

    at_ms: int
    intent: str
    wants_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A pause inside a response, and where in the response it went on."""

    start_ms: int
    end_ms: int
    position_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One response as the player played it; `planned_ms` is its whole length.

    `cut` if the agent stopped it, `dropped` if the line went while it played. `goes_on` names the response that it goes on with after that
    was cut, and `from_ms` the position it goes on from.
    """

    response_id: str
    start_ms: int
    end_ms: int
    message_type: str
    planned_ms: int
    text: str = ""
    cut: bool = False
    dropped: bool = False
    gaps: tuple[Gap, ...] = ()
    question: bool = False
    interruptible: bool = True
    goes_on: str = ""
    from_ms: int = 0

    @property
    def heard(self) -> tuple[tuple[int, int], ...]:
        """Return the intervals in which samples of it were played."""
        starts = (self.start_ms, *(gap.end_ms for gap in self.gaps))
        ends = (*(gap.start_ms for gap in self.gaps), self.end_ms)
        return tuple(zip(starts, ends, strict=True))

    def position_ms(self, at_ms: int) -> int:
        """Return how much of the response had been played at `at_ms`."""
        start, position = self.start_ms, 0
        for gap in self.gaps:
            if at_ms < gap.end_ms:
                return max(0, position + min(at_ms, gap.start_ms) - start)
            start, position = gap.end_ms, gap.position_ms
        return max(0, position + at_ms - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A silence the agent noticed, and what it did next."""

    start_ms: int
    end_ms: int
    next_action: NextActionValue
    prompt_state: str = "awaiting_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the agent chose to do with its audio, and when."""

    at_ms: int
    action: ActionValue
    reason: str
    confidence: float = 0.87


@dataclass(frozen=True, slots=True, kw_only=True)
class Chose:
    """What the agent's own detector and logic reported of the input that began at `input_ms`; None where it reported nothing."""

    input_ms: int
    detected_ms: int
    decisions: tuple[Decision, ...]
    recovered_ms: int | None = None
    recovered_position_ms: int | None = None
    task_state: TaskStateValue = "preserved"
    false_positive_ms: int | None = None
    resume_behavior: ResumeBehaviorValue = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One call as it was played; `expected` is what a tester would ask of it, in words.

    `end_told` is False where the line went and no runtime told the end.
    """

    call_id: str
    name: str
    workflow: str
    message_type: str
    expected: str
    played: tuple[Played, ...]
    said: tuple[Said, ...] = ()
    keys: tuple[Key, ...] = ()
    commands: tuple[Command, ...] = ()
    waited: tuple[Waited, ...] = ()
    chose: tuple[Chose, ...] = ()
    end_ms: int
    outcome: TaskOutcomeValue = "completed"
    escalated: bool = False
    ended_by: EndedByValue = "caller"
    end_told: bool = True

    @property
    def presses(self) -> tuple[Key | Command, ...]:
        """Return keys and commands."""
        return (*self.keys, *self.commands)

    @property
    def asks_for_person(self) -> bool:
        """Whether the caller asks for a person, in any turn."""
        return any(each.wants_person for each in self.said) or any(each.wants_person for each in self.commands)

    @property
    def truth(self) -> Truth:
        """Return what happened, from the caller's script and the player alone."""
        from otel_voice_processor.simulate.truth import truth_of

        return truth_of(self)
