"""Live LiveKit sessions: headless, each in a task of its own, all at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis  # noqa: F401  # its plugin would import it at the very end: compiling then, CPython 3.11 trips over a finalizer's traceback
import pytest

TABLE: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def table() -> list[tuple[str, str, str]]:
    """Rows of flow, what the player played, what the verdict says; printed at the end."""
    return TABLE


def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None] | None:
    """Print the table."""
    if TABLE:
        terminalreporter.section("flow | what the player played | what the record says")
        for row in TABLE:
            terminalreporter.line(" | ".join(row))
    return None
