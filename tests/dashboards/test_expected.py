"""Of every query of boards and rules somebody says what it must return: `tests/peers/expected`, asked of real servers in `tests/peers`."""

from __future__ import annotations

from tests.peers.boards import both_ways
from tests.peers.table import Table


def test_every_query_has_an_expectation_and_the_reverse() -> None:
    """A new panel, variable, mark, rule or alert needs its SQL; one that is gone takes it along."""
    table = Table()
    both_ways(table)

    assert [] == [str(row) for row in table.rows]
