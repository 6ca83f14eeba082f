"""A table of what was asked, what was expected and what was got, and whether that is the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.peers.truth import Labels, Value, labelled

NEAR: Final = 1e-10  # of floats, of their size or of 1
Rows = dict[Labels, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `wrong` is empty where what was got is what was expected."""

    query: str
    asked: str
    expected: str
    got: str
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"{self.query} | {self.asked} | {self.expected} | {self.got}"
        return "\n".join((told, *(f"  DIFFERS: {each}" for each in self.wrong)))


@dataclass(slots=True)
class Table:
    """The lines so far."""

    rows: list[Row] = field(default_factory=list)

    def add(self, query: str, how: str, expected: Mapping[Labels, Value], got: Rows) -> None:
        """Hold what was got against what was expected."""
        wrong = tuple(differences(expected, got))
        self.rows.append(Row(query=query, asked=how, expected=_shown(expected), got=_shown(got), wrong=wrong))

    def missing(self, query: str, what: str) -> None:
        """Say that nobody expects a query, or that there is no query for an expectation."""
        self.rows.append(Row(query=query, asked="", expected="", got="", wrong=(what,)))

    @property
    def wrong(self) -> list[Row]:
        """Return the lines that differ."""
        return [row for row in self.rows if row.wrong]


def differences(expected: Mapping[Labels, Value], got: Rows) -> Iterator[str]:
    """Yield in words where something is missing, nobody's, or not between its bounds."""
    for labels in expected.keys() | got.keys():
        value, found = expected.get(labels), got.get(labels)
        name = _named(labels)
        if value is None:
            if found:  # a series of which nothing was counted in this time is 0
                yield f"{name} is {found:.6g}, and should not be there"
        elif found is None:
            if not value.missing:
                yield f"{name} is missing, should be {_between(value)}"
        elif not value.low - _near(value) <= found <= value.high + _near(value):
            yield f"{name} is {found:.6g}, should be {_between(value)}"


def _named(labels: Labels) -> str:
    return ",".join(value for _, value in sorted(labels)) or "it"


def _near(value: Value) -> float:
    return NEAR * max(1.0, abs(value.high))


def _between(value: Value) -> str:
    return f"{value.low:.4g}" if value.high - value.low <= _near(value) else f"{value.low:.4g}..{value.high:.4g}"


def _shown(rows: Mapping[Labels, Value] | Rows) -> str:
    told = [
        (f"{_named(labels)} " if labels else "") + (_between(value) if isinstance(value, Value) else f"{value:.4g}")
        for labels, value in sorted(rows.items(), key=lambda item: sorted(item[0]))
    ]
    return "; ".join(told[:4]) + (f"; {len(told) - 4} more" if len(told) > 4 else "") or "nothing"


def rows_of(result: list[dict[str, Any]]) -> Rows:
    """Return a vector by labels."""
    return {labels_of(each["metric"]): float(each["value"][1]) for each in result}


def is_nothing(expr: str, value: float) -> bool:
    """Tell whether a query's value is no number that nobody sees: a quantile of nothing. A ratio of nothing would be seen."""
    return math.isnan(value) and "histogram_quantile" in expr


def labels_of(metric: Mapping[str, Any]) -> Labels:
    """Return the labels of a series, or the attributes of a span."""
    return frozenset((name, labelled(value)) for name, value in metric.items())
