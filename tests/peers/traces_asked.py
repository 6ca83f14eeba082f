"""The boards' searches in a real Tempo, held against the truth; it is fed in live time, since it searches what is new."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from otel_voice_processor.config import Config, File, Receiver, Tls, TraceExporter
from otel_voice_processor.rpc import TRACE_EXPORT
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING
from otel_voice_processor.testing import request_of

from tests.peers import asked, fed
from tests.peers.asked import Chosen, Query
from tests.peers.servers import Tempo
from tests.peers.table import Rows, Table, differences, labels_of
from tests.peers.truth import Labels, Span, Truth, statements

BOARDS: Final = ("otel-voice-release", "otel-voice-call")
ODD_ID: Final = 'an "odd" \\ id, é (.*)'
FOUND_S: Final = 30.0  # until a search knows what was sent
FILTERS: Final[Mapping[str, Chosen]] = {
    "all": {"call_id": [ODD_ID]},
    "odd signs": {"workflow": [fed.ODD], "message_type": [fed.ODD_TYPE, "disclosure"], "call_id": ["live_8"]},
    "several": {"workflow": ["billing", fed.ODD], "policy_version": [fed.NEWEST, "none"], "call_id": ["live_9"]},
    "nobody knows it": {"workflow": ["nobody"], "call_id": ["nobody"]},
}


def queries() -> Iterator[Query]:
    """Yield the boards' queries that Tempo is asked."""
    return (query for uid in BOARDS for query in asked.queries(uid) if query.kind == "tempo")


def expectations() -> dict[str, str]:
    """Return what is expected of each, by its name."""
    return statements("tempo")


async def feed(server: Tempo, folder: Path) -> fed.Feed:
    """Tell a few calls of now, in two workflows and by two versions, of which half go wrong."""
    newest, end_s = fed.PROCESSES[-1], int(time.time())
    scripts = [fed.typed(script) if number % 3 == 0 else script for number, script in enumerate((*EIGHT, *EIGHT_FAILING))]
    told = tuple(
        fed.Told(
            script=replace(script, workflow=fed.ODD if number % 2 else "billing", call_id=f"live_{number}" if number else ODD_ID),
            process=newest,
            minute=0,
            version=fed.NEWEST if number % 4 else fed.OLD,
            runtime=fed.ODD_RUNTIME,
        )
        for number, script in enumerate(scripts)
    )
    spans = folder / "live.jsonl"
    traces = (TraceExporter(endpoint=server.otlp, tls=Tls(insecure=True)),)
    service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=traces, file=File(path=str(spans)), status=None))
    await service.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.port}") as channel:
        body = request_of(chain.from_iterable(each.events(end_s) for each in told))
        await channel.unary_unary(TRACE_EXPORT, None, None)(body, timeout=30)
    await service.settle_all()
    await service.stop()
    return fed.Feed(end_s=end_s, told=told, spans=str(spans))


async def ask_tempo(server: Tempo, live: fed.Feed, truth: Truth, table: Table) -> None:
    """Ask each search by each filter; what was sent is found within seconds."""
    told = expectations()
    when = Span(begin_s=live.end_s - 3600, end_s=live.end_s)
    until = time.monotonic() + FOUND_S
    for query in queries():
        for how, chosen in FILTERS.items() if query.name in told else ():
            columns, expected = truth.columns(told[query.name]), truth.told(told[query.name], chosen, when)
            got = await asyncio.to_thread(search, server, query, chosen, columns)
            while list(differences(expected, got)) and time.monotonic() < until:
                await asyncio.sleep(0.3)
                got = await asyncio.to_thread(search, server, query, chosen, columns)
            table.add(f"{query.board.removeprefix('otel-voice-')} / {query.name}", how, expected, got)


def search(server: Tempo, query: Query, chosen: Chosen, columns: list[str]) -> Rows:
    """Return how many spans Tempo finds, as Grafana asks it, by the attributes that an expectation names."""
    now = int(time.time())
    asking = {"q": asked.filled(query.text, chosen, {}), "limit": query.target["limit"], "spss": query.target["spss"]}
    parameters = urllib.parse.urlencode(asking | {"start": now - 3600, "end": now + 60})
    with urllib.request.urlopen(f"{server.url}/api/search?{parameters}", timeout=10) as answer:
        traces = json.load(answer)["traces"]
    spans = [span for each in traces for group in each["spanSets"] for span in group["spans"]]
    return dict(Counter[Labels, float](labels_of({key: value for key, value in _facts(span).items() if key in columns}) for span in spans))


def _facts(span: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]} | {"name": span.get("name")}
