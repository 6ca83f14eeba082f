"""Real servers; tables of the board's queries and of the cases from Node are printed at the end."""

from __future__ import annotations

from typing import Any

import pytest

TABLE: list[tuple[str, str, str]] = []
CASES: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def board_table() -> list[tuple[str, str, str]]:
    """Rows of query, value expected, value got."""
    return TABLE


@pytest.fixture(scope="session")
def case_table() -> list[tuple[str, str, str]]:
    """Rows of case, what came of it from Python, what from Node."""
    return CASES


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables."""
    for title, rows in (("panel's query | expected | got", TABLE), ("case | from Python | from Node", CASES)):
        if rows:
            terminalreporter.section(title)
        for row in rows:
            terminalreporter.line(" | ".join(row))
