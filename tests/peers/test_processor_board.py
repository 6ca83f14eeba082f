"""The board of the processor itself, asked of a real Prometheus: each panel shows what the processor counted and what waits in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from otel_voice_dashboards import RENDERED
from otel_voice_processor.config import Config, Judging, MetricsExporter, Receiver, Retry, Storage, Tls, TraceExporter
from otel_voice_processor.rpc import TRACE_EXPORT
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_processor.testing import Sink, free_port, request_of
from otel_voice_processor.wire import build_request, encode_span

from tests.peers.asked import filled, variables
from tests.peers.servers import Prometheus, prometheus

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]
BOARD = json.loads((RENDERED / "otel-voice-processor.json").read_text(encoding="utf-8"))
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in BOARD["panels"]}
TEXT = Path(__file__).read_text(encoding="utf-8")
Rows = list[tuple[str, str, str]]
INTERVAL_S = 0.4
CALLS = 20
HOUR_S = 3600  # what a rate over that window is divided by
HOUR = {"__range": "1h", "__interval_ms": "3540000"}  # which holds everything, with the minute that bars look back for a push


@dataclass(frozen=True)
class Watched:
    """A Prometheus that a processor told of itself, and the processor, quiet by now."""

    prom: Prometheus
    service: Service
    at_s: float

    def counted(self, *names: str, **labels: str) -> int:
        """Return what the processor counted itself."""
        given = set(labels.items())
        return sum(count for (name, known), count in self.service.counters.snapshot().items() if name in names and given <= set(known))

    async def shown(self, title: str, target: int = 0, **filters: str) -> dict[str, float]:
        """Return what a panel's query gives, by the labels it is split by."""
        expr = filled(PANELS[title]["targets"][target]["expr"], {key: [value] for key, value in filters.items()}, HOUR)
        found = await asyncio.to_thread(self.prom.ask, "query", query=expr, time=f"{self.at_s:.3f}")
        return {",".join(each["metric"].values()): float(each["value"][1]) for each in found["result"]}


def odd() -> bytes:
    """Return a request with an event that cannot be judged, and one of a name that nobody knows."""
    shared = {"trace_id": b"t" * 16, "parent_span_id": b"", "start_ns": 10**18, "end_ns": 10**18}
    nameless = encode_span(name="voice.interruption.user.transcript", span_id=b"1" * 8, attributes={"voice.turn.id": "t"}, **shared)
    unknown = encode_span(name="voice.interruption.nonsense", span_id=b"2" * 8, attributes={"voice.call.id": "c"}, **shared)
    return build_request({"service.name": "odd"}, "s", "1", "", [nameless, unknown])


async def send(port: int) -> None:
    """Send calls, one of them twice, odd events, and what is no OTLP."""
    bodies = [request_of(events_of(script, start_ns=10**9 * 1_790_000_000, keep_text=True)) for script in simulate(5, CALLS)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(TRACE_EXPORT, None, None)
        for body in (*bodies, bodies[0], odd()):
            await export(body, timeout=30)
        with pytest.raises(grpc.aio.AioRpcError):
            await export(b"\x0a\x7fvoice.interruption.", timeout=30)


async def quiet(service: Service) -> None:
    """Wait until every call has settled and nothing is counted any more."""
    before: object = None
    async with asyncio.timeout(60):
        while len(service._state.book) or before != (before := service.counters.snapshot()):  # noqa: ASYNC110 - counters call nobody
            await asyncio.sleep(3 * INTERVAL_S)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """A processor with a journal and three destinations: one takes all, one is away, one refuses for good."""
    plain, slowly = Tls(insecure=True), Retry(initial_interval=60.0)
    with prometheus(tmp_path_factory.mktemp("prometheus")) as prom:
        async with Sink() as well, Sink() as picky:
            picky.refuse(grpc.StatusCode.INVALID_ARGUMENT)
            ends = {"well": well.endpoint, "picky": picky.endpoint, "away": f"127.0.0.1:{free_port()}"}
            service = Service(
                Config(
                    receiver=Receiver(endpoint=f"127.0.0.1:{free_port()}"),
                    traces=tuple(TraceExporter(endpoint=end, name=name, tls=plain, retry_on_failure=slowly) for name, end in ends.items()),
                    metrics=MetricsExporter(endpoint=prom.endpoint, interval=INTERVAL_S, tls=plain),
                    judging=Judging(settle_after=0.3, expire_after=1.0),
                    storage=Storage(directory=str(tmp_path_factory.mktemp("journal"))),
                    status=None,
                )
            )
            await service.start()
            try:
                await asyncio.sleep(3 * INTERVAL_S)  # a push before anything happened
                await send(service.port)
                await quiet(service)
                yield Watched(prom, service, await asyncio.to_thread(prom.newest_s, "otel_voice_receiver_accepted_requests_total"))
            finally:
                await service.stop(0.2)


def stats(watched: Watched) -> dict[str, list[float]]:
    """Return what the stats must show, target by target."""
    taken, refused = (watched.counted(f"otel_voice_receiver_{each}_requests") for each in ("accepted", "refused"))
    judged, unjudged = (watched.counted(f"otel_voice_processor_{each}_events") for each in ("judged", "unjudged"))
    journal = watched.service._about()["journal"]
    return {
        "Requests refused": [refused / (taken + refused), taken, refused, 0, watched.counted("otel_voice_receiver_failed_requests")],
        "Journal full": [journal["bytes"] / journal["capacity_bytes"], sum(journal["waiting"].values()), 0, 0],
        "Requests given up": [watched.counted("otel_voice_exporter_dead_letters"), 0, 0, 0],
        "Events not judged": [unjudged / (judged + unjudged), judged, unjudged, 0, 0],
    }


async def test_every_stat_shows_what_the_processor_knows(watched: Watched, board_table: Rows) -> None:
    """Shares, what they are made of, and zeros where nothing happened."""
    assert watched.counted("otel_voice_receiver_failed_requests") == 1
    assert watched.counted("otel_voice_processor_unjudged_events") == 1
    for title, values in stats(watched).items():
        assert len(values) == len(PANELS[title]["targets"])
        for number, value in enumerate(values):
            (got,) = (await watched.shown(title, number)).values()
            board_table.append((f"{title}: {PANELS[title]['targets'][number]['legendFormat']}", f"{value:.4g}", f"{got:.4g}"))
            assert got == pytest.approx(value, abs=1e-6), (title, number)


async def test_lines_are_rates_and_amounts_by_destination(watched: Watched, board_table: Rows) -> None:
    """What came in a second, what waits for whom now, who took how much, who is away."""
    journal = watched.service._about()["journal"]
    waiting = journal["waiting"]
    sent = {name: watched.counted("otel_voice_exporter_sent_requests", exporter=name) for name in ("well",)}
    expected: dict[tuple[str, int], dict[str, float]] = {
        ("Requests a second", 0): {"": watched.counted("otel_voice_receiver_accepted_requests") / HOUR_S},
        ("Requests a second", 1): {},
        ("Requests a second", 2): {"": 1 / HOUR_S},
        ("Bytes a second", 0): {"": watched.counted("otel_voice_receiver_accepted_bytes") / HOUR_S},
        ("Requests that wait, by destination", 0): waiting,
        ("Journal", 0): {"": journal["bytes"]},
        ("Journal", 1): {"": journal["capacity_bytes"]},
        ("Requests delivered a second, by destination", 0): {name: count / HOUR_S for name, count in sent.items()},
    }
    assert waiting["away"] > CALLS
    assert waiting["well"] == waiting["picky"] == 0
    for (title, number), values in expected.items():
        got = await watched.shown(title, number)
        board_table += [(f"{title}: {name}", f"{value:.4g}", f"{got.get(name, 0.0):.4g}") for name, value in values.items()]
        assert got == pytest.approx(values, rel=0.02), title  # a rate's window ends a few ms beside
    (failed,) = await watched.shown("Attempts that failed, a second")
    assert set(failed.split(",")) == {"away"}


async def test_bars_are_what_was_counted(watched: Watched, board_table: Rows) -> None:
    """Events and calls by what became of them, and nothing that disturbed."""
    events = {kind: watched.counted("otel_voice_processor_events", outcome=kind) for kind in ("joined", "duplicate", "late")}
    calls = {kind: watched.counted("otel_voice_processor_settled_calls", ended=kind) for kind in ("told", "expired")}
    expected = {
        "Events, by what became of them": [*events.values(), 0],
        "Calls settled": [*calls.values(), watched.counted("otel_voice_processor_unstarted_calls")],
        "What disturbed it": [0] * 7,
    }
    assert events["joined"] > 100
    assert events["duplicate"] + events["late"] > 0
    assert calls["told"] > 0
    for title, values in expected.items():
        assert len(values) == len(PANELS[title]["targets"])
        for number, value in enumerate(values):
            got = sum((await watched.shown(title, number)).values())
            board_table.append((f"{title}: {PANELS[title]['targets'][number]['legendFormat']}", str(value), f"{got:.4g}"))
            assert got == pytest.approx(value * 59 / 60, abs=1e-6), (title, number)  # all new in this bar: as if spread over it and a push


async def test_of_an_instance_that_is_not_there_nothing_is_shown(watched: Watched) -> None:
    """No zero that looks like health."""
    for title, panel in PANELS.items():
        for number in range(len(panel["targets"])):
            assert {} == await watched.shown(title, number, instance="nobody"), title


async def test_variables_offer_the_processors_that_are_there(watched: Watched) -> None:
    """By service and instance."""
    offered = list(variables("otel-voice-processor"))
    assert ["job", "instance"] == [each.name for each in offered]
    for each in offered:
        assert await asyncio.to_thread(watched.prom.ask, f"label/{each.label}/values", **{"match[]": filled(each.series, {}, {})})


async def test_no_panel_is_left_out() -> None:
    """Each has an expectation in this file."""
    assert all(f'"{title}"' in TEXT for title in PANELS)
