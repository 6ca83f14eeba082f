"""Real servers; a table of the board's queries is printed at the end."""

from __future__ import annotations

from typing import Any

import pytest

TABLE: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def board_table() -> list[tuple[str, str, str]]:
    """Rows of query, value expected, value got."""
    return TABLE


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    if TABLE:
        terminalreporter.section("panel's query | expected | got")
        for row in TABLE:
            terminalreporter.line(" | ".join(row))
