"""One destination of the journal: reads from its cursor, sends, and says what is off its hands. Others never wait for it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Final

import grpc

from otel_voice_processor.config import Retry, SendingQueue
from otel_voice_processor.errors import Permanent, Retryable, TimedOut, Unsure
from otel_voice_processor.forward.batches import Group, batches, halves, joined
from otel_voice_processor.forward.cursor import Cursor
from otel_voice_processor.forward.dead_letters import DeadLetters, Letter
from otel_voice_processor.forward.exporter import Exporter, takes
from otel_voice_processor.forward.notices import Notices
from otel_voice_processor.forward.queue import Queue
from otel_voice_processor.forward.retry import JOURNAL_INTERVAL_S, Chance, Pauses, Sleep
from otel_voice_processor.model import LOGS, TRACES, Entry
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MAX_WINDOW: Final = 100_000  # entries behind one that is not taken; past it nothing more is read
SLOW: Final = 3  # attempts of a batch that time out before it is sent in halves
BESIDE: Final = 2  # times in a row that one signal is refused as unknown and the other is taken
MIN_READ: Final = 1 << 20  # bytes asked of the journal at once
SURELY_FITS: Final = 64 << 10  # bytes that no limit on a request's size refuses


class Stopping(Exception):
    """The destination stops; what it was waiting with stays in the journal."""


class GivenUp(Exception):
    """A whole group goes to the dead letters; `reason` is gave_up or not_taken."""

    def __init__(self, cause: Permanent | Retryable, reason: str) -> None:
        super().__init__(str(cause))
        self.cause, self.reason = cause, reason


class Destination:
    """`orphans` are signals that no destination takes, counted by this one. `sleep` and `chance` are handed in by tests."""

    def __init__(
        self,
        name: str,
        exporter: Exporter,
        queue: Queue,
        letters: DeadLetters,
        counters: Counters | None = None,
        *,
        sending: SendingQueue | None = None,
        retry: Retry | None = None,
        orphans: frozenset[str] = frozenset(),
        sleep: Sleep = asyncio.sleep,
        chance: Chance = random.random,
    ) -> None:
        self.name = name
        self._exporter, self._queue, self._letters = exporter, queue, letters
        self._counters = counters or Counters()
        self._sending, self._retry = sending or SendingQueue(), retry or Retry()
        self._orphans = orphans
        self._sleep, self._chance = sleep, chance
        self._notices = Notices(name)
        self._cursor = Cursor(0)
        self._slots = asyncio.Semaphore(self._sending.num_consumers)
        self._moved = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()
        self._untaken: set[str] = set()  # signals that it does not take, as it said twice
        self._fits = SURELY_FITS

    @property
    def number(self) -> int:
        """Return the oldest entry that is still on its hands."""
        return self._cursor.number

    async def start(self) -> None:
        """Go on where it was."""
        self._stopping.clear()
        self._cursor = Cursor(await self._queue.first(self.name))
        self._reading = asyncio.create_task(self._read())

    async def stop(self, grace_s: float = 10.0) -> None:
        """Finish what is under way within the grace; all else stays in the journal. Safe before `start` and twice."""
        self._stopping.set()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if self._working:
            await asyncio.wait(self._working, timeout=grace_s)
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self._exporter.close()

    async def reached(self, number: int) -> None:
        """Wait until everything below `number` is off its hands."""
        while self._cursor.number < number:
            self._moved.clear()
            await self._moved.wait()

    async def _read(self) -> None:
        number = self._cursor.number
        while True:
            await self._slots.acquire()
            free = True  # the slot is ours until a group has it
            try:
                entries = await self._next(number)
                number = entries[-1].number + 1
                self._cursor.begin(entry.number for entry in entries)
                for group in batches(entries, self._sending.batch.max_size):
                    if not takes(self._exporter, group[0].signal):
                        self._pass_over(group)
                        continue
                    if not free:
                        await self._slots.acquire()
                    free = False
                    self._launch(group)
            finally:
                if free:
                    self._slots.release()

    async def _next(self, number: int) -> list[Entry]:
        """Return what comes next, however long that takes: a journal that fails is asked again."""
        pauses = Pauses(self._retry, JOURNAL_INTERVAL_S, self._chance)
        while True:
            while self._cursor.window >= MAX_WINDOW:
                self._moved.clear()
                await self._moved.wait()
            try:
                return await self._queue.read(number, max(self._sending.batch.max_size, MIN_READ))
            except Exception:
                LOG.exception("the journal cannot be read for `%s`", self.name)
            await self._sleep(pauses.next())

    def _launch(self, group: Group) -> None:
        task = asyncio.create_task(self._deliver(group))
        self._working.add(task)
        task.add_done_callback(self._launched)

    def _launched(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._slots.release()

    async def _deliver(self, group: Group) -> None:
        """Get a group off our hands: sent, or its guilty ones alone in the dead letters."""
        groups, pauses = [group], Pauses(self._retry, JOURNAL_INTERVAL_S, self._chance)
        while groups:
            one = groups.pop()
            try:
                await self._settle(one, groups)
            except Stopping:
                return
            except Exception:  # nothing that goes wrong once may leave an entry behind
                LOG.exception("a request to `%s` could not be seen to", self.name)
                self._counters.add("otel_voice_exporter_internal_errors", exporter=self.name)
                groups.append(one)
                try:
                    await self._wait(pauses.next())
                except Stopping:
                    return

    async def _settle(self, group: Group, groups: list[Group]) -> None:
        """Send a group or bury it; one that is refused, or too slow, as a whole is put back in halves."""
        try:
            await self._persist(group)
        except (Permanent, TimedOut) as error:
            if len(group) > 1:
                first, second = halves(group)
                groups += (second, first)
                return
            await self._bury(group, error, "refused")
        except GivenUp as error:
            await self._bury(group, error.cause, error.reason)
        else:
            self._counters.add("otel_voice_exporter_sent_requests", len(group), exporter=self.name)
        self._off(group)

    async def _persist(self, group: Group) -> None:
        """Send a group, trying again while that helps.

        Raise `Permanent` where its data are refused, `TimedOut` where it had better be smaller, `GivenUp`, or `Stopping`.
        """
        body, signal, begun = joined(group), group[0].signal, time.monotonic()
        pauses, slow, beside = Pauses(self._retry, JOURNAL_INTERVAL_S, self._chance), 0, 0
        while True:
            try:
                await self._exporter.send(body, signal)
            except Permanent as error:
                failed = self._worth_waiting(error, len(body))
                beside = beside + 1 if await self._is_for_the_other(failed, signal) else 0
                if beside >= BESIDE or (beside and signal in self._untaken):
                    self._untaken.add(signal)
                    raise GivenUp(failed, "not_taken") from None
            except Retryable as error:
                failed = error
                slow += isinstance(error, TimedOut)
                if slow >= SLOW and len(group) > 1:
                    raise
            else:
                self._note_taken(signal, len(body))
                return
            self._note_failure(failed)
            pause = pauses.next(failed.delay_s if isinstance(failed, Retryable) else None)
            if isinstance(failed, Retryable) and self._is_over(time.monotonic() - begun + pause):
                raise GivenUp(failed, "gave_up")
            await self._wait(pause)

    def _worth_waiting(self, error: Permanent, size: int) -> Permanent | Retryable:
        """Return a refusal that says nothing of the data, so that it must not cost them; raise any other."""
        if not isinstance(error, Refused):
            raise error
        if error.code is grpc.StatusCode.RESOURCE_EXHAUSTED and error.told == error.code.name and size <= self._fits:
            return Retryable(str(error))  # it took larger ones: this is a limit on how much, from a server that sends no RetryInfo
        if not error.about_us:
            raise error
        return error

    async def _is_for_the_other(self, failed: Permanent | Retryable, signal: str) -> bool:
        """Tell whether somebody takes traces and no logs, or the reverse: asked with a request that is empty.

        Once proves nothing: it may have been mended between the two.
        """
        other = LOGS if signal == TRACES else TRACES
        unknown = isinstance(failed, Refused) and failed.code is grpc.StatusCode.UNIMPLEMENTED
        if not unknown or not takes(self._exporter, other):
            return False
        try:
            await self._exporter.send(b"", other)
        except Refused as error:
            return not error.about_us
        except (Retryable, Permanent):
            return False
        return True

    def _is_over(self, elapsed_s: float) -> bool:
        limit = self._retry.max_elapsed_time or 0.0
        return not self._retry.enabled or bool(limit and elapsed_s > limit)

    async def _wait(self, seconds: float) -> None:
        """Wait; raise `Stopping` as soon as the destination is told to stop."""
        if self._stopping.is_set():
            raise Stopping
        waits = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        if self._stopping.is_set():
            raise Stopping

    async def _bury(self, group: Group, error: Permanent | Retryable, reason: str) -> None:
        letter = Letter(
            number=group[0].number,
            entries=len(group),
            exporter=self.name,
            endpoint=str(getattr(self._exporter, "endpoint", "")),
            signal=group[0].signal,
            reason=reason,
            code=error.told if isinstance(error, Refused) else "",
            message=str(error),
            arrived_ns=group[0].arrived_ns,
            body=joined(group),
        )
        await self._letters.keep(letter)

    def _pass_over(self, group: Group) -> None:
        if group[0].signal in self._orphans:
            self._counters.add("otel_voice_exporter_unasked_requests", len(group), signal=group[0].signal)
        self._off(group)

    def _off(self, group: Group) -> None:
        if self._cursor.end(entry.number for entry in group):
            self._queue.done(self.name, self._cursor.number)
        self._moved.set()

    def _note_taken(self, signal: str, size: int) -> None:
        self._untaken.discard(signal)
        self._fits = max(self._fits, size)
        self._notices.working()

    def _note_failure(self, failed: Permanent | Retryable) -> None:
        timed_out = "timed_out" if isinstance(failed, TimedOut) else "unsure" if isinstance(failed, Unsure) else "away"
        reason = failed.told.lower() if isinstance(failed, Refused) else timed_out
        self._counters.add("otel_voice_exporter_send_failed_attempts", exporter=self.name, reason=reason)
        self._notices.failing(failed, to_mend=isinstance(failed, Refused))
