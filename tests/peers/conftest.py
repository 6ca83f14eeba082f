"""Real servers; tables of the board's queries, of the cases from Node and of outages are printed at the end."""

from __future__ import annotations

from typing import Any

import pytest

TABLE: list[tuple[str, ...]] = []
CASES: list[tuple[str, str, str]] = []
OUTAGES: list[tuple[str, ...]] = []


@pytest.fixture(scope="session")
def board_table() -> list[tuple[str, ...]]:
    """Rows of query, how it was asked, value expected, value got."""
    return TABLE


@pytest.fixture(scope="session")
def case_table() -> list[tuple[str, str, str]]:
    """Rows of case, what came of it from Python, what from Node."""
    return CASES


@pytest.fixture(scope="session")
def outage_table() -> list[tuple[str, ...]]:
    """Rows of what was in the way, spans answered OK, arrived, lost."""
    return OUTAGES


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables."""
    titles = (
        "panel's query | asked | expected | got",
        "case | from Python | from Node",
        "downstream away, in front of it | answered OK | arrived | lost",
    )
    for title, rows in zip(titles, (TABLE, CASES, OUTAGES), strict=True):
        if rows:
            terminalreporter.section(title)
        for row in rows:
            terminalreporter.line(" | ".join(row))
