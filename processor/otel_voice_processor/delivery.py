"""What happens between a request that is enriched and its answer: kept on disk and sent on later, or sent on at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.forward import DeadLetters, Destination, Exporter, park
from otel_voice_processor.journal import Journal
from otel_voice_processor.telemetry import Counters, Gauge

LOG = logging.getLogger(__name__)
BATCH: Final = 200  # summaries in one request
MAX_PENDING: Final = 10_000  # summaries waiting for downstream; past it the oldest go, counted
MAX_WAITING_BYTES: Final = 16 << 20  # of summaries in one commit
Join = Callable[[], bool]  # whether an event was joined that counts from now on


class Delivery(Protocol):
    """Takes requests and summaries on their way."""

    async def accept(self, body: bytes, signal: str, join: Join) -> str | None:
        """Take one request and have its events joined; return a warning for its sender, raise a `ProcessorError` where it is not taken."""

    def put(self, summary: bytes) -> None:
        """Take a request of our own."""

    async def relieve(self) -> None:
        """Let what was put go on, where much of it waits."""

    async def flush(self) -> None:
        """Let everything that was put go on."""

    async def safe(self) -> bool:
        """Wait until nothing that happened can be undone by a crash; return whether that is so, and whatever counts may be told."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Deliver what waits within the grace, and close; safe twice."""


class Direct:
    """In memory: a request is acknowledged after downstream has it, and judged after that."""

    def __init__(self, exporter: Exporter, counters: Counters) -> None:
        self._exporter, self._counters = exporter, counters
        self._pending: deque[bytes] = deque()
        self._taken = True  # whether downstream took what it was asked to since the last flush

    async def accept(self, body: bytes, signal: str, join: Join) -> str | None:
        """Send on, then join."""
        warning = await self._exporter.send(body, signal)
        join()
        return warning

    def put(self, summary: bytes) -> None:
        """Have a summary wait for its turn."""
        self._pending.append(summary)

    async def relieve(self) -> None:
        """Send where a batch is together; past the bound the oldest go."""
        if self._taken and len(self._pending) >= BATCH:  # thousands of calls may settle at once
            self._taken = await self._drain()
        given_up = len(self._pending) - MAX_PENDING
        if given_up > 0:
            for _ in range(given_up):
                self._pending.popleft()
            self._give_up(given_up, f"no more than {MAX_PENDING} wait for downstream")

    async def flush(self) -> None:
        """Send what waits, unless downstream did not take it a moment ago."""
        if self._taken:
            await self._drain()
        self._taken = True

    async def safe(self) -> bool:
        """Nothing survives a crash here, so nothing has to wait."""
        return True

    async def stop(self, grace_s: float) -> None:
        """Give up what downstream does not take, and close."""
        await self._drain()
        if self._pending:
            self._give_up(len(self._pending), "downstream does not take them")
            self._pending.clear()
        await self._exporter.close()

    def _give_up(self, count: int, why: str) -> None:
        self._counters.add("otel_voice_exporter_enqueue_failed_summaries", count)
        LOG.error("%d summaries are given up: %s", count, why)

    async def _drain(self) -> bool:
        """Send waiting summaries, tell whether all were taken; what downstream cannot take now waits for the next tick."""
        singly = 0  # how many go one by one, since together they were refused for good: one must not cost the others
        while self._pending:
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), 1 if singly else BATCH))]
            try:
                await self._exporter.send(b"".join(batch))  # serialised requests concatenate into one
            except Permanent as error:
                if len(batch) > 1:
                    self._pending.extendleft(reversed(batch))
                    singly = len(batch)
                    continue
                self._counters.add("otel_voice_exporter_send_failed_summaries")
                LOG.error("downstream refused a summary for good: %s", error)
            except BaseException as error:  # a stop comes as one, too
                self._pending.extendleft(reversed(batch))
                if not isinstance(error, Exception):
                    raise
                LOG.warning("summaries wait for downstream: %s", error, exc_info=not isinstance(error, Retryable))
                return False
            singly = max(singly - 1, 0)
        return True


class Durable:
    """From a journal: a request is acknowledged once it is on disk with all that it changed, and every destination gets it from there."""

    def __init__(self, journal: Journal, destinations: Sequence[Destination], letters: DeadLetters, max_letter_bytes: int) -> None:
        self._journal, self._destinations, self._letters = journal, tuple(destinations), letters
        self._max_letter_bytes = max_letter_bytes
        self._parking: asyncio.Task[None] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the destinations' names, as their cursors are kept under."""
        return tuple(destination.name for destination in self._destinations)

    def gauges(self) -> Iterator[Gauge]:
        """Yield how much waits, for whom, and how much may."""
        yield "otel_voice_journal_bytes", (), self._journal.waiting_bytes
        yield "otel_voice_journal_capacity_bytes", (), self._journal.capacity_bytes
        for name in self.names:
            yield "otel_voice_exporter_queue_size", (("exporter", name),), self._journal.backlog(name)

    def told(self) -> dict[str, Any]:
        """Return where the journal is, what waits in it for whom, and why no request is taken, as JSON has it."""
        journal = self._journal
        waiting = {name: journal.backlog(name) for name in self.names}
        told: dict[str, Any] = {
            "directory": str(journal.directory),
            "bytes": journal.waiting_bytes,
            "capacity_bytes": journal.capacity_bytes,
        }
        return told | {"waiting": waiting} | ({"problem": journal.problem} if journal.problem else {})

    async def start(self) -> None:
        """Begin to deliver."""
        for destination in self._destinations:
            await destination.start()
        if self._journal.gone:
            self._parking = asyncio.create_task(park(self._journal, self._letters, self._journal.gone, self._max_letter_bytes))

    async def accept(self, body: bytes, signal: str, join: Join) -> str | None:
        """Join and keep in one commit; return once that is on disk."""
        self._journal.admit(len(body))
        await self._journal.append(body, signal, joined=join())
        return None

    def put(self, summary: bytes) -> None:
        """Keep a summary in the commit that holds what it tells."""
        self._journal.put(summary)

    async def relieve(self) -> None:
        """Wait for the disk where much waits for it."""
        if self._journal.uncommitted_bytes > MAX_WAITING_BYTES:
            await self.safe()

    async def flush(self) -> None:
        """Have the state committed, soon, and give up what is too old."""
        self._journal.touch()
        await self._journal.expire()

    async def safe(self) -> bool:
        """Wait for a commit of everything until now."""
        try:
            await self._journal.barrier()
        except Retryable:
            return False
        return True

    async def stop(self, grace_s: float) -> None:
        """Deliver within the grace; the rest waits in the journal for the next start."""
        if self._parking is not None:
            self._parking.cancel()  # what it has not come to waits for the next start
            await asyncio.gather(self._parking, return_exceptions=True)
        now = asyncio.get_running_loop().time
        until = now() + grace_s
        with contextlib.suppress(TimeoutError, Retryable):
            async with asyncio.timeout(grace_s):
                if self._journal.is_running:
                    await self._journal.barrier()
                await asyncio.gather(*(each.reached(self._journal.following) for each in self._destinations))
        for destination in self._destinations:
            await destination.stop(max(until - now(), 0.0))
        waiting = {each.name: self._journal.backlog(each.name) for each in self._destinations if self._journal.backlog(each.name)}
        for name, count in waiting.items():
            LOG.warning("%d requests wait for `%s` in `%s`, until the next start", count, name, self._journal.directory)
        await self._letters.close()
        await self._journal.stop()
