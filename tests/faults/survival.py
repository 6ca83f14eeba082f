"""A load, a processor that is killed again and again under it, and what came of it held against a run that nobody disturbed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.faults.downstream import LOGS, METRICS, TRACES, Delivered, Downstream
from tests.faults.load import Load
from tests.faults.outcome import Outcome, Sent, Undisturbed
from tests.faults.processor import Processor
from tests.faults.pushes import Pushes
from tests.faults.sending import LOGS_EXPORT, Sdk, Sender

LANES = 6  # calls under way at once


@dataclass(slots=True)
class Plan:
    """How often to kill, and when: seconds of uptime drawn from `uptimes`. `between` is done while the processor is dead."""

    seed: int = 20_261_128
    kills: int = 10
    scripts: int = 60  # told again and again, each time as another call
    uptimes: tuple[float, float] = (0.0, 1.6)
    pause_s: float = 0.12  # of a sender between two large requests
    patience_s: float = 45.0  # for what has to come when all is over
    sdk: bool = True
    polite: float = 0.0  # the share of ends that are asked for by SIGTERM
    between: Callable[[random.Random], Any] = lambda _: None
    after: Callable[[], Any] = lambda: None  # when there are no more kills to come


async def survive(processor: Processor, downstream: Downstream, plan: Plan, others: Mapping[str, Downstream] | None = None) -> Outcome:
    """Send a load, kill as planned, wait until everything has arrived and every call has settled; return what came of it.

    `others` are destinations that get everything as well.
    """
    load, rng, begun = Load(plan.seed, plan.scripts), random.Random(plan.seed), time.monotonic()
    in_flight = stops = 0
    await asyncio.to_thread(processor.start)
    async with sending(processor.port, load, plan) as (sender, sdk):
        for _ in range(plan.kills):
            await asyncio.sleep(rng.uniform(*plan.uptimes))
            if rng.random() < plan.polite:
                stops += 1
                assert 0 == await asyncio.to_thread(processor.stop), processor.said()[-3000:]
            else:
                await under_way(sender)
                in_flight += sender.in_flight > 0
                await asyncio.to_thread(processor.kill)
            await asyncio.to_thread(plan.between, rng)
            await asyncio.to_thread(processor.start)
    plan.after()
    sent = Sent()
    sent.add(sender.acked + (sdk.acked if sdk else []))
    delivered, pushes = await settled(downstream, sent, within_s=plan.patience_s)
    elsewhere = {name: (await settled(other, sent, within_s=5.0, counted=False))[0] for name, other in (others or {}).items()}
    return Outcome(
        sent=sent,
        delivered=delivered,
        pushes=pushes,
        elsewhere=elsewhere,
        kills=plan.kills - stops,
        stops=stops,
        kills_in_flight=in_flight,
        starts=processor.starts,
        refusals=sender.codes,
        log=processor.said(),
        seconds=time.monotonic() - begun,
    )


@asynccontextmanager
async def sending(port: int, load: Load, plan: Plan) -> AsyncIterator[tuple[Sender, Sdk | None]]:
    """Send until the block ends, and then what is left of the calls that were under way."""
    numbers = count()
    sdk = Sdk(port, load.scripts[:4]) if plan.sdk else None

    async def calls(sender: Sender) -> None:
        while not sender.stopping:
            for body in load.call(next(numbers)):
                await sender.send(body)
                await asyncio.sleep(0 if sender.stopping else plan.pause_s * random.uniform(0.2, 1.5))

    if sdk is not None:
        sdk.start()
    async with Sender(port) as sender, asyncio.TaskGroup() as group:
        group.create_task(sender.lane(load.large(), pause_s=plan.pause_s))
        group.create_task(sender.lane(load.large(), pause_s=plan.pause_s))
        group.create_task(sender.lane(load.small(), pause_s=plan.pause_s / 4))
        group.create_task(sender.lane(load.logs(), pause_s=plan.pause_s, method=LOGS_EXPORT))
        for _ in range(LANES):
            group.create_task(calls(sender))
        yield sender, sdk
        sender.stopping = True
    if sdk is not None:
        await asyncio.to_thread(sdk.stop)


async def under_way(sender: Sender) -> None:
    """Wait a little for a moment at which a request is under way, in most cases: that is when a kill may cost one."""
    for _ in range(random.choice([0, 300, 300])):
        if sender.in_flight:
            return
        await asyncio.sleep(0.001)


async def settled(downstream: Downstream, sent: Sent, *, within_s: float, counted: bool = True) -> tuple[Delivered, Pushes]:
    """Wait until all that was sent has arrived, each call has its record and, where `counted`, is in the metrics, or until time is up."""
    end, reader = time.monotonic() + within_s, Reader(downstream)
    while time.monotonic() < end:
        await asyncio.sleep(0.3)
        there = reader.has(sent)
        if there and reader.delivered.calls() >= sent.calls and (not counted or reader.pushes.total("voice.calls") >= sent.calls):
            await asyncio.sleep(1.5)  # whatever comes after that comes too often
            reader.go_on()
            break
    return reader.delivered, reader.pushes


async def until(seen: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait until something holds, asked ten times a second; fail with `what` where it does not in time."""
    end = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.1)


class Reader:
    """Follows the record of a downstream."""

    def __init__(self, downstream: Downstream) -> None:
        self.delivered, self.pushes = Delivered(), Pushes()
        self._downstream, self._follow = downstream, downstream.follow()

    def asked(self) -> int:
        """Return how many requests it was asked to take."""
        return int(self._downstream.tell()["attempts"])

    def has_all(self, foreign: set[bytes]) -> bool:
        """Take in what came since, and tell whether all these spans are there."""
        self.go_on()
        return foreign <= self.delivered.spans.keys()

    def has(self, sent: Sent) -> bool:
        """Take in what came since, and tell whether all of what was sent is there."""
        self.go_on()
        return sent.foreign <= self.delivered.spans.keys() and sent.ours <= self.delivered.ids.keys()

    def go_on(self) -> None:
        """Take in what came since."""
        for kind, taken, body in self._follow():
            if taken and kind == METRICS:
                self.pushes.add(body)
            elif taken and kind in {TRACES, LOGS}:
                self.delivered.add(body, logs=kind == LOGS)


async def undisturbed(folder: Path, bodies: list[bytes]) -> Undisturbed:
    """Send requests to a processor of its own, in memory, which is asked to stop when it has them all; `folder` must exist."""
    with Downstream(folder) as downstream:
        processor = Processor(folder, downstream.endpoint, downstream.http_endpoint)
        await asyncio.to_thread(processor.start)
        try:
            async with Sender(processor.port) as sender:
                for body in bodies:
                    await sender.send(body)
            assert 0 == await asyncio.to_thread(processor.stop), processor.said()[-3000:]
        finally:
            processor.kill()
        reader = Reader(downstream)
        reader.go_on()
    one = {key: told_as[0] for key, told_as in reader.delivered.summaries.items()}
    return Undisturbed(summaries=one, totals=reader.pushes.totals())
