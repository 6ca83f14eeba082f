"""Every query of the boards about calls, and what is true of the calls that were fed: one table, in which nothing differs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_asyncio

from tests.peers.asked import boards
from tests.peers.boards import asked_all
from tests.peers.table import Table, differences
from tests.peers.truth import Labels, Value, statements

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """All that `python -m tests.peers.boards` prints."""
    return await asked_all(tmp_path_factory.mktemp("boards"))


async def test_every_query_returns_what_is_true(table: Table, board_table: list[tuple[str, ...]]) -> None:
    """By every filter and over every range; of a Prometheus that knows nothing, nothing."""
    shown = (
        row for row in table.rows if row.asked.startswith(("all, newest", "at the end"))
    )  # `python -m tests.peers.boards` has them all
    board_table.extend((row.query, row.asked, row.expected, row.got) for row in shown)

    assert [] == [str(row) for row in table.wrong]


async def test_of_every_query_something_is_expected(table: Table) -> None:
    """By one filter at least; what never occurred in all that was fed would be proven by nothing."""
    something = {row.query for row in table.rows if row.expected not in {"nothing", "0"}}

    assert {row.query for row in table.rows} - something == set(never())


def never() -> Iterator[str]:
    """Yield the queries whose statement says that they tell nothing of what was fed; other tests see them tell something."""
    for name in ("rules", "alerts", *boards()):
        told = statements(name) if name != "otel-voice-call" else {}
        where = "rules" if name == "alerts" else name.removeprefix("otel-voice-")
        yield from (f"{where} / {query}" for query, sql in told.items() if "WHERE false" in sql or "SELECT 0 AS" in sql)


def one(low: float, high: float, *, missing: bool = False) -> dict[Labels, Value]:
    return {frozenset(): Value(low=low, high=high, missing=missing)}


@pytest.mark.parametrize(
    ("expected", "got", "said"),
    [
        (one(3, 3), 3.0, None),
        (one(3, 3), 3.001, "it is 3.001, should be 3"),
        (one(3, 3.2), 3.1, None),
        (one(3, 3.2), 2.9, "it is 2.9, should be 3..3.2"),
        (one(0, 0), None, "it is missing, should be 0"),
        (one(0, 0, missing=True), None, None),
        ({}, 0.0, None),
        ({}, 1.0, "it is 1, and should not be there"),
    ],
)
async def test_what_differs(expected: dict[Labels, Value], got: float | None, said: str | None) -> None:
    """A value beside its bounds, one that is missing, one that nobody expects."""
    assert [said] * (said is not None) == list(differences(expected, {} if got is None else {frozenset(): got}))
