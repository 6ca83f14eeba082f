"""The same outage with a collector in the way and with the processor: how much was answered OK, and how much of that arrived.

The collector has the batch processor and a queue in memory that is full soon. It batches before it queues, so that nobody is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from otel_voice_processor.testing import free_port

from tests.faults.downstream import Downstream
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.peers.chain import counted, stock
from tests.peers.ledger import Arrived, Sent, Varied
from tests.peers.servers import collector

REQUESTS, SPANS, PAUSE_S = 200, 512, 0.004


@dataclass(frozen=True, slots=True)
class Row:
    """What came of an outage: spans that were answered OK, and those of them that arrived."""

    name: str
    acknowledged: int
    arrived: int

    def cells(self) -> tuple[str, str, str, str]:
        """Return the row of a table: who, answered OK, arrived, lost."""
        lost = self.acknowledged - self.arrived
        return self.name, f"{self.acknowledged:,}", f"{self.arrived:,}", f"{lost:,} ({lost / max(1, self.acknowledged):.0%})"


async def behind_a_collector(folder: Path) -> Row:
    """A stock collector, but for `processors: [batch]` and `sending_queue: {queue_size: 5}`."""
    port, told = free_port(), free_port()
    with Downstream(folder) as downstream:
        downstream.tell(mode="dead")
        config = stock(port, downstream.endpoint, told, queue=", sending_queue: {queue_size: 5}", processors="batch: {}")
        with collector(folder / "collector", config):

            def over() -> bool:
                found = counted(told)
                gone = sum(found.get(f"exporter_{name}", 0) for name in ("sent", "send_failed", "enqueue_failed"))
                return gone >= found.get("receiver_accepted", 0) > 0

            return await _through(port, downstream, "a collector with batch and a queue of 5", over)


async def behind_the_processor(folder: Path) -> Row:
    """The processor with its journal."""
    with Downstream(folder) as downstream:
        downstream.tell(mode="dead")
        processor = Processor(folder, downstream.endpoint, directory=folder / "state")
        await asyncio.to_thread(processor.start)
        try:
            return await _through(processor.port, downstream, "the processor", lambda: False)
        finally:
            processor.kill()


async def _through(port: int, downstream: Downstream, name: str, over: Callable[[], bool]) -> Row:
    """Send while downstream is away, have it come back, and count what arrives, until all has or `over` says that no more will."""
    sent, arrived, others, follow = Sent(), Arrived(), Varied(7), downstream.follow()
    async with Sender(port) as sender:
        for _ in range(REQUESTS):
            size = sent.add(body := others.request(SPANS))
            if await sender.attempt(body) is None:
                sent.acknowledged += size
            await asyncio.sleep(PAUSE_S)
    downstream.tell(mode="ok")
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s and len(arrived.copies) < sent.acknowledged:
        quiet = over()
        await asyncio.sleep(0.3)
        before = len(arrived.copies)
        arrived.add(follow(), sent)
        if quiet and before == len(arrived.copies):
            break
    assert [] == arrived.changed
    return Row(name, sent.acknowledged, len(arrived.copies))
