"""Agents, a stock collector, the processor, a stock collector, a recorder: the processor is killed under load, each span accounted for.

Both collectors are as they come: a queue in memory, retries, gzip. The one in front sends again what a kill left unanswered.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

from otel_voice_processor.testing import free_port

from tests.faults.downstream import Downstream
from tests.faults.load import Load
from tests.faults.outcome import Undisturbed, differences
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.faults.survival import undisturbed, until
from tests.peers.ledger import Arrived, Sent, Varied, differing, summaries_of
from tests.peers.servers import collector
from tests.peers.taps import SUMMARY, Tap, again

LANES, OURS_OF = 6, 10  # calls under way at once; every tenth span is ours
STATE = "state"
SOON_S = 2.0  # a cursor is committed in a twentieth of a second, later on a disk that is busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to send, how often to kill; `pause_s` is a sender's between two requests."""

    spans: int = 100_000
    kills: int = 3
    pause_s: float = 0.12
    settle_after: str = "9s"  # longer than the collector in front waits before it sends again what a kill left unanswered
    patience_s: float = 120.0  # for what has to come when all is sent, and for any one request
    seed: int = 13
    forget: bool = False  # lose the journal at each kill, with requests in it: so that a test can fail


def stock(receives: int, onward: str, told: int, *, queue: str = "", processors: str = "") -> str:
    """Return the config of a collector as it comes; it tells its counters on the port `told`."""
    return f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{receives}"}}}}}}}}
processors: {{{processors}}}
exporters: {{otlp_grpc: {{endpoint: "{onward}", tls: {{insecure: true}}{queue}}}}}
service:
  telemetry: {{metrics: {{level: normal, readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {told}}}}}}}}}]}}}}
  extensions: [health_check]
  pipelines: {{traces: {{receivers: [otlp], processors: [{processors.partition(":")[0]}], exporters: [otlp_grpc]}}}}
"""


def counted(port: int) -> dict[str, int]:
    """Return what a collector counts of spans, without its labels: `receiver_accepted`, `exporter_send_failed` and so on."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found: dict[str, int] = {}
    for name, value in re.findall(r"^otelcol_(\w+?)_spans\w*\{[^}]*\} (\S+)$", text, re.MULTILINE):
        found[name] = found.get(name, 0) + round(float(value))
    return found


def _of(counts: dict[str, int], *names: str) -> int:
    return sum(counts.get(name, 0) for name in names)


@dataclass(slots=True)
class Outcome:
    """What a run came to. `kills` holds when each kill was, `collectors` what those in front and behind counted."""

    sent: Sent
    arrived: Arrived
    into: Tap
    out: Tap
    expected: Undisturbed
    kills: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    collectors: tuple[dict[str, int], ...] = ()
    seconds: float = 0.0
    log: str = ""

    @property
    def lost(self) -> int:
        """Return how many spans were acknowledged to agents and never arrived."""
        return self.sent.missing(self.arrived.copies)

    @property
    def given_up(self) -> int:
        """Return how many spans the collectors say that they gave up, without having refused them to who sent them."""
        return sum(_of(side, "exporter_send_failed", "exporter_enqueue_failed") - _of(side, "receiver_refused") for side in self.collectors)

    def duplicates(self) -> tuple[int, int, list[str]]:
        """Return how many copies came since the collector in front sent again, how many since the processor did, and those without a cause.

        The processor may send again what it sent before a kill, where the answer did not reach its journal before that.
        """
        front, ours, wrong = 0, 0, []
        for key, before, after in again(self.out.copies):
            kill = next((each for each in self.kills if before.answered - SOON_S < each < after.asked), None)
            if key in self.into.failed or len(self.into.copies.get(key, ())) > 1:
                front += 1
            elif kill is not None and before.peer != after.peer:
                ours += 1
            else:
                wrong.append(f"{before} and {after}, kills at {self.kills}")
        return front, ours, wrong

    def problems(self) -> list[str]:
        """Return everything that is not as it has to be, in words."""
        found = self.arrived.changed[:10]
        if self.sent.acknowledged != len(self.sent):
            found.append(f"{self.sent.acknowledged} spans of {len(self.sent)} were acknowledged to agents")
        if self.lost:
            found.append(f"{self.lost} spans were acknowledged to agents and are lost, {self.given_up} of them counted")
        kept, gone = self.into.copies.keys(), {key for key in self.out.copies if key[:1] != SUMMARY}
        if kept - gone:
            found.append(f"{len(kept - gone)} spans were acknowledged by the processor and did not leave it as they came")
        if gone - kept - self.into.failed:
            found.append(f"{len(gone - kept - self.into.failed)} spans left the processor that never came as that")
        if sum(map(len, self.out.copies.values())) != self.arrived.spans:
            found.append(f"{self.arrived.spans} spans arrived behind the second collector, which had another number")
        wrong = self.duplicates()[2]
        if wrong:
            found.append(f"{len(wrong)} copies have no kill to explain them, as {wrong[:5]}")
        found += differing(self.arrived.summaries, summaries_of(self.expected))[:20]
        if late := self.arrived.pushes.total("otel_voice_processor_events", outcome="late"):
            found.append(f"{late:.0f} events came after their call had settled")
        found += differences("total", self.arrived.pushes.totals(), self.expected.totals) + self.arrived.pushes.problems[:10]
        return found + [f"in the log: {line}" for line in self.log.splitlines() if "Traceback" in line or " CRITICAL " in line]

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        front, mine, wrong = self.duplicates()
        records, series = len(self.arrived.summaries), len(self.expected.totals)
        ours, calls = len(self.sent.ours), self.sent.calls()
        yield f"acknowledged to agents    {self.sent.acknowledged:,} spans, {ours:,} of them ours, of {calls:,} calls"
        yield f"arrived behind both       {len(self.sent) - self.lost:,} spans, {len(self.arrived.changed):,} of them changed in meaning"
        yield f"lost                      {self.lost:,}; given up and counted by a collector: {self.given_up:,}"
        yield f"kill -9 under load        {len(self.kills)}; from start to port {min(self.starts):.2f} to {max(self.starts):.2f} s"
        left = self.out.copies.keys() & self.into.copies.keys()
        yield f"into the processor        {len(self.into.copies):,} spans acknowledged; answers but OK {dict(self.into.codes)}"
        yield f"its slowest answer        {self.into.slowest:.1f} s; not waited for by the collector in front: {self.into.left}"
        yield f"out of it                 {len(left):,} of them, foreign ones byte for byte"
        yield f"came again                {front:,} that the collector in front sent again, {mine:,} that the processor did"
        yield f"came again, unexplained   {len(wrong):,}"
        yield f"summary spans             {records:,}, by ids and meaning those of an undisturbed run"
        yield f"scorecard                 {series:,} series, their totals those of an undisturbed run"
        yield f"agents asked to come back {self.refusals or 'never'}"
        yield f"took                      {self.seconds:.0f} s"


async def run(folder: Path, plan: Plan) -> Outcome:
    """Send as planned, kill as planned, wait until all has arrived and settled, and run the same calls undisturbed."""
    begun, ports = time.monotonic(), [free_port() for _ in range(4)]
    front, behind, front_told, behind_told = ports
    with Downstream(folder) as recorder, collector(folder / "behind", stock(behind, recorder.endpoint, behind_told)):
        async with Tap(f"127.0.0.1:{behind}") as out:
            judging = {"processors": {"voice_interruption": {"settle_after": plan.settle_after, "expire_after": plan.settle_after}}}
            processor = Processor(folder, out.endpoint, recorder.http_endpoint, directory=folder / STATE, more=judging)
            await asyncio.to_thread(processor.start)
            try:
                async with Tap(f"127.0.0.1:{processor.port}") as into:
                    with collector(folder / "front", stock(front, into.endpoint, front_told)):
                        sent, arrived = Sent(), Arrived()
                        reading = asyncio.create_task(_reading(recorder, sent, arrived))
                        kills, refusals = await _under_load(front, processor, into, out, sent, plan)
                        expected = await _settled(folder, sent, arrived, plan)
                        counts = counted(front_told), counted(behind_told)
                        assert not reading.done(), reading
                        reading.cancel()
                assert 0 == await asyncio.to_thread(processor.stop), processor.said()[-3000:]
            finally:
                processor.kill()
    return Outcome(
        sent=sent,
        arrived=arrived,
        into=into,
        out=out,
        expected=expected,
        kills=kills,
        starts=processor.starts,
        refusals=refusals,
        collectors=counts,
        seconds=time.monotonic() - begun,
        log=processor.said(),
    )


async def _under_load(port: int, processor: Processor, into: Tap, out: Tap, sent: Sent, plan: Plan) -> tuple[list[float], dict[str, int]]:
    """Send everything and until all kills are over; return when that was, and what agents were answered but OK."""
    async with Sender(port, patience_s=plan.patience_s) as sender, asyncio.TaskGroup() as group:
        load, numbers, over = Load(plan.seed, 60), count(), asyncio.Event()
        load._others = Varied(plan.seed)

        async def send(body: bytes) -> None:
            size = sent.add(body)
            await sender.send(body)
            sent.acknowledged += size
            sender.acked.clear()  # a million spans are a lot to keep
            await asyncio.sleep(plan.pause_s * random.uniform(0.5, 1.5))

        async def calls() -> None:
            while not over.is_set() or len(sent.ours) < plan.spans // OURS_OF:
                for body in load.call(next(numbers)):
                    await send(body)

        async def others() -> None:
            for body in load.large():
                await send(body)
                if over.is_set() and len(sent) >= plan.spans:
                    return

        for _ in range(2):
            group.create_task(others())
        for _ in range(LANES):
            group.create_task(calls())
        kills = await _kills(processor, into, out, plan)
        over.set()
    return kills, dict(sender.codes)


async def _kills(processor: Processor, into: Tap, out: Tap, plan: Plan) -> list[float]:
    """Kill and start again, with requests in flight, and once all have come again that the kill before cost an answer.

    The collector in front waits 2.5 to 7.5 s after one failure and up to 11 s more after another: calls would settle before that.
    """
    rng, kills = random.Random(plan.seed), []
    for number in range(plan.kills):
        share = plan.spans * 0.8 * (number + rng.uniform(0.1, 0.5)) / plan.kills
        await until(lambda share=share: len(into.copies) >= share, plan.patience_s * 10, "load")  # type: ignore[misc]
        if plan.forget:
            out.shut = True
            await asyncio.sleep(0.5)
        while into.owed or not into.in_flight:  # noqa: ASYNC110 - a random moment
            await asyncio.sleep(rng.uniform(0.001, 0.01))
        kills.append(time.monotonic())
        await asyncio.to_thread(processor.kill)
        if plan.forget:
            shutil.rmtree(processor.folder / STATE)
            out.shut = False
        await asyncio.to_thread(processor.start)
    return kills


async def _settled(folder: Path, sent: Sent, arrived: Arrived, plan: Plan) -> Undisturbed:
    """Wait until all has arrived and each call has settled, or time is up; meanwhile run the same calls undisturbed."""

    def seen() -> bool:
        return len(arrived.copies) >= len(sent)

    def over() -> bool:
        return seen() and arrived.pushes.total("voice.calls") >= sent.calls() <= arrived.calls()

    other = folder / "undisturbed"
    other.mkdir()
    there = await _met(seen, plan.patience_s)
    expected = await undisturbed(other, sent.voice)
    if there:
        await _met(over, plan.patience_s)
    await asyncio.sleep(1.5)  # whatever comes after that comes too often
    return expected


async def _reading(recorder: Downstream, sent: Sent, arrived: Arrived) -> None:
    """Follow the recorder, a little at a time: the taps run in this very loop."""
    follow = recorder.follow()
    while True:
        arrived.add(islice(follow(), 20), sent)
        await asyncio.sleep(0.02)


async def _met(seen: Callable[[], bool], within_s: float) -> bool:
    """Wait until something holds; tell whether it did in time."""
    end = time.monotonic() + within_s
    while not (found := seen()) and time.monotonic() < end:  # noqa: ASYNC110 - who records does not tell
        await asyncio.sleep(0.1)
    return found
