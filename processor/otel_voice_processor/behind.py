"""Which calls stand behind each figure of a report: a rate's numerator, its denominator, and what it could not count. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from otel_voice_processor.model import CallRecord
from otel_voice_processor.rates import rates

MOST: Final = 200  # calls that are named behind a figure
NAMES: Final = tuple(rate.name for rate in rates([]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How many calls stand behind a figure, and the ids of the first of them."""

    count: int = 0
    ids: tuple[str, ...] = ()


NONE: Final = Calls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The calls behind one rate: with at least one that counts in the numerator, in the denominator, or that is undetermined."""

    numerator: Calls = NONE
    denominator: Calls = NONE
    undetermined: Calls = NONE


class Naming:
    """Names calls behind figures, of each figure at most `most`, in the order they come in."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._counts: dict[Hashable, int] = {}
        self._ids: dict[Hashable, list[str]] = {}

    def add(self, key: Hashable, call_id: str) -> None:
        """Put a call behind a figure; each call comes once."""
        self._counts[key] = self._counts.get(key, 0) + 1
        ids = self._ids.setdefault(key, [])
        if len(ids) < self._most:
            ids.append(call_id)

    def count(self, record: CallRecord) -> None:
        """Put a call behind each rate that it counts in: as it would count alone."""
        for rate in rates([record]):
            for part in ("numerator", "denominator", "undetermined"):
                if getattr(rate, part):
                    self.add((rate.name, part), record.call_id)

    def calls(self, key: Hashable) -> Calls:
        """Return the calls behind a figure."""
        return Calls(count=self._counts.get(key, 0), ids=tuple(self._ids.get(key, ())))

    def behind(self, rate: str) -> Behind:
        """Return the calls behind a rate."""
        return Behind(
            numerator=self.calls((rate, "numerator")),
            denominator=self.calls((rate, "denominator")),
            undetermined=self.calls((rate, "undetermined")),
        )
