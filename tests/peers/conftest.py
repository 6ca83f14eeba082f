"""Real servers; tables of the board's queries, of the cases from Node and of outages are printed at the end, whoever ran the tests."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TABLE: list[tuple[str, ...]] = []
CASES: list[tuple[str, str, str]] = []
OUTAGES: list[tuple[str, ...]] = []
TABLES: tuple[list[Any], ...] = (TABLE, CASES, OUTAGES)


class ByServer(LoadScopeScheduling):
    """Hands out tests one by one, and together those that share servers which take long to start and to fill."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.endswith(("test_boards.py", "test_processor_board.py", "test_tempo.py", "test_front.py")) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer | None:
    """Schedule so under `-n 2`; marks of groups are lost where pytest 9.2 meets pytest-xdist 3.8."""
    return ByServer(config, log) if config.getoption("dist") == "load" else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's tables to the process that prints."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["tables"] = list(TABLES)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's tables; one that died has none."""
    for table, rows in zip(TABLES, getattr(node, "workeroutput", {}).get("tables", ()), strict=False):
        table.extend(rows)


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
    for title, rows in zip(titles, TABLES, strict=True):
        if rows:
            terminalreporter.section(title)
        for row in rows:
            terminalreporter.line(" | ".join(row))
