"""Calls whose truth is known, in a real Prometheus and in a file of spans: what boards are held against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
import pytest_asyncio
from otel_voice_processor.model import CallRecord, Episode
from otel_voice_processor.simulate import EIGHT_FAILING, Script, simulate

from tests.peers.scored import scored
from tests.peers.servers import Prometheus, prometheus

HOUR = {"$__range": "1h", "$__rate_interval": "1h", "$__interval_ms": "3600000"}  # which holds everything
ALL = {"$workflow": ".*", "$message_type": ".*", "$policy_version": ".*", "$runtime": ".*"} | HOUR
CALLS = 600


@dataclass(frozen=True)
class Known:
    """A Prometheus that was fed, the calls' records, their truth, and the time of the newest sample."""

    prom: Prometheus
    records: list[CallRecord]
    scripts: list[Script]
    at_s: float
    spans: Path

    @property
    def episodes(self) -> list[Episode]:
        """Return every episode."""
        return [episode for record in self.records for episode in record.episodes]

    async def ask(self, expr: str, **filters: str) -> dict[str, float]:
        """Return the values of a panel's query by their labels, the board's variables filled in."""
        for name, value in (ALL | {f"${key}": value for key, value in filters.items()}).items():
            expr = expr.replace(name, value)
        found = await asyncio.to_thread(self.prom.ask, "query", query=expr, time=f"{self.at_s:.3f}")
        return {",".join(each["metric"].values()): float(each["value"][1]) for each in found["result"]}

    def split(self, what: str, key: str) -> dict[str, int]:
        """Return how many exported `episode` or `call` spans there are for each value of an attribute, told by SQL over the file.

        A list counts once for each of its values.
        """
        connection = duckdb.connect()
        connection.execute("SET VARIABLE spans = ?", [str(self.spans)])
        connection.execute(files("otel_voice_processor").joinpath("data/rates.sql").read_text(encoding="utf-8"))
        asked = """
            SELECT value, count(*) FROM (
                SELECT unnest(coalesce(nullif(list_of(told, $key, 'stringValue'), []), [text_of(told, $key)])) AS value
                FROM summaries WHERE name = $name
            ) WHERE value IS NOT NULL GROUP BY value"""
        found = connection.execute(asked, {"key": key, "name": f"voice.interruption.{what}"}).fetchall()
        return {str(value): int(count) for value, count in found}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def known(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Known]:
    """Six hundred simulated calls of two versions of the agent's policy, and a workflow in which one single thing happened."""
    spans = tmp_path_factory.mktemp("spans") / "calls.jsonl"
    with prometheus(tmp_path_factory.mktemp("prometheus")) as prom:
        async with scored(prom.endpoint, spans) as one:
            single = Script(
                **{**{each: getattr(EIGHT_FAILING[0], each) for each in EIGHT_FAILING[0].__dataclass_fields__}, "workflow": "rare"}
            )
            scripts, records = [*simulate(3, CALLS), single], []
            versions = {script.call_id: "2026-06-01" for script in scripts[::3]}
            for at in range(0, len(scripts), CALLS // 2):  # its counters grow twice
                records += await one.take(scripts[at : at + CALLS // 2], versions)
        yield Known(prom, records, scripts, await asyncio.to_thread(prom.newest_s), spans)
