"""Live LiveKit sessions: headless, each in a task of its own, all at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis  # noqa: F401  # its plugin would import it at the very end: compiling then, CPython 3.11 trips over a finalizer's traceback
import pytest

TABLE: list[tuple[str, str, str]] = []
GUARDED: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def table() -> list[tuple[str, str, str]]:
    """Rows of flow, what the player played, what the verdict says; printed at the end."""
    return TABLE


@pytest.fixture(scope="session")
def guarded_table() -> list[tuple[str, str, str]]:
    """Rows of flow, what was played without a guard, what with it; printed at the end."""
    return GUARDED


def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None] | None:
    """Print the tables."""
    tables = {
        "flow | what the player played | what the record says": TABLE,
        "flow | played on LiveKit's own settings | played with the guard": GUARDED,
    }
    for title, rows in tables.items():
        if rows:
            terminalreporter.section(title)
            for row in rows:
                terminalreporter.line(" | ".join(row))
    return None
