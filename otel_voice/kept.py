"""Input that waits until the agent may take it: bounded, and keys make room before words, words before a wish for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otel_voice_schema.attributes import InputClass, InputType

from otel_voice.decision import Input
from otel_voice.emit import failed
from otel_voice.policy import Ruling

MOST_KEPT: Final = 32


class Kept:
    """What one guard keeps, oldest first, by the number of its stretch."""

    def __init__(self) -> None:
        self._inputs: dict[int, Input] = {}
        self._worth: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._inputs)

    def __contains__(self, number: int) -> bool:
        return number in self._inputs

    def __iter__(self) -> Iterator[tuple[int, Input]]:
        return iter(tuple(self._inputs.items()))

    def keep(self, number: int, said: Input, ruling: Ruling) -> None:
        """Keep one; where too many wait, the oldest of least worth is dropped, which may be this one."""
        self._inputs[number] = said
        self._worth[number] = 0 if said.kind == InputType.DTMF else 2 if ruling.input_class is InputClass.ESCALATION else 1
        if len(self._inputs) > MOST_KEPT:
            self.drop(min(self._inputs, key=lambda each: (self._worth[each], each)))
            failed("guard.kept", ValueError(f"more than {MOST_KEPT} inputs wait for a response to end, the oldest is dropped"))

    def drop(self, number: int) -> bool:
        """Keep one no longer; tell whether it was kept."""
        self._worth.pop(number, None)
        return self._inputs.pop(number, None) is not None

    def hand_out(self) -> tuple[Input, ...]:
        """Return all of them, and keep none."""
        kept = tuple(self._inputs.values())
        self._inputs.clear()
        self._worth.clear()
        return kept
