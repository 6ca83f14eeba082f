"""Every query of boards and rules, asked of a real Prometheus and a real Tempo, beside what is true: a table, and what differs.

python -m tests.peers.boards
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.peers import asked, fed, traces_asked
from tests.peers.asking import PROCESSOR, TRAFFIC, Asking, unanswerable
from tests.peers.recounted import recount
from tests.peers.rules_asked import ask_rules, names
from tests.peers.servers import prometheus, tempo
from tests.peers.table import Table
from tests.peers.truth import Truth, statements


def both_ways(table: Table) -> None:
    """Say of each query that nobody expects anything of it, and of each expectation that there is no query of that name."""
    for uid in (*TRAFFIC, PROCESSOR):
        _compared(table, uid, {query.name for query in asked.queries(uid) if query.kind != "tempo"}, set(statements(uid)))
    _compared(table, "tempo", {query.name for query in traces_asked.queries()}, set(traces_asked.expectations()))
    offered = {each.name for uid in (*TRAFFIC, PROCESSOR) for each in asked.variables(uid)}
    marks = {name for uid in TRAFFIC for name, _ in asked.annotations(uid)}
    recorded, alerts = names()
    _compared(table, "rules", recorded, set(statements("rules")))
    _compared(table, "alerts", alerts, set(statements("alerts")))
    _compared(table, "variables", offered, set(statements("variables")))
    _compared(table, "annotations", marks, set(statements("annotations")))


def _compared(table: Table, where: str, queries: set[str], told: set[str]) -> None:
    for name in sorted(queries ^ told):
        table.missing(f"{where} / {name}", "nobody says what it must return" if name in queries else "is expected, and no query")


async def asked_all(folder: Path) -> Table:
    """Feed a Prometheus, ask it everything, and one that knows nothing as well."""
    table = Table()
    both_ways(table)
    with prometheus(folder / "prometheus") as prom:
        told = await fed.feed(prom, folder)
        truth = Truth(told)
        await asyncio.to_thread(Asking(told, truth, table).everything)
        await asyncio.to_thread(ask_rules, told, truth, table)
        await asyncio.to_thread(recount, told, table)
    with tempo(folder / "tempo") as server:
        live = await traces_asked.feed(server, folder)
        await traces_asked.ask_tempo(server, live, Truth(live), table)
    with prometheus(folder / "empty") as empty:
        for query in await asyncio.to_thread(unanswerable, empty, int(time.time())):
            table.missing(query, "something is shown of nothing")
    return table


def main() -> int:
    """Print the table; return 1 where something differs, 2 where a server is not built."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            table = asyncio.run(asked_all(Path(folder)))
        except pytest.skip.Exception as error:
            print(error, file=sys.stderr)
            return 2
    print("query | asked | expected | got")
    for row in table.rows:
        print(row)
    print(f"{len(table.rows)} answers, {len(table.wrong)} of them differ")
    return 1 if table.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
