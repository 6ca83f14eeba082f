"""Events joined to calls as they come, and calls settled, counted and written as time passes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from otel_voice_processor.arrivals import Arrivals
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.settling import Due, Held, Settled
from otel_voice_processor.state import State
from otel_voice_processor.summary import summary_request

LOG = logging.getLogger(__name__)
COUNTED = 50  # episodes counted in one go, some 2 ms
INLINE = 200  # events that are joined between two requests, some 3 ms; a call of more is joined in a thread


class Judging:
    """Works on a state. `put` is told each summary request, `on_call` each call that is over.

    `settling` is held from the moment a call is taken from the book until it is counted and put: who commits waits for it.
    """

    def __init__(
        self,
        state: State,
        arrivals: Arrivals,
        put: Callable[[bytes], None],
        *,
        clock: Callable[[], int],
        on_call: Callable[[CallRecord], None] | None = None,
    ) -> None:
        self._state, self._arrivals, self._put = state, arrivals, put
        self._clock, self._on_call = clock, on_call
        self.settling = asyncio.Lock()
        self.instance = ""

    def join(self, events: Iterable[VoiceEvent]) -> bool:
        """Add events to their calls, all at one moment; return whether any of them counts from now on."""
        now, outcomes = self._clock(), Counter[str]()
        for event in events:
            outcome = self._state.join(event, now)
            self._arrivals.add(event, now, outcome)
            outcomes[outcome] += 1
        for outcome, count in outcomes.items():
            self._state.counters.add("otel_voice_processor_events", count, outcome=outcome)
        return "joined" in outcomes

    async def settle(self, due: Iterable[Due | None], relieve: Callable[[], object]) -> None:
        """Join what is due, count what settled, write its spans; a call that cannot be judged does not hold up the others.

        `relieve` is awaited after each call.
        """
        try:
            for item in due:
                if item is not None:
                    await self._one(item)
                    await relieve()  # type: ignore[misc]
                await asyncio.sleep(0)  # requests come between two calls
        except Exception:  # the book itself tripped; what it gave until then is written all the same
            LOG.exception("a tick failed")
            self._state.counters.add("otel_voice_processor_tick_failures")

    async def _one(self, due: Due) -> None:
        try:
            joined, written = await asyncio.to_thread(self._joined, due) if len(due.events) > INLINE else self._joined(due)
            async with self.settling:
                await self._take(due, joined, written)
        except Exception:
            LOG.exception("a call could not be settled")
            self._state.counters.add("otel_voice_processor_settle_failures")
            self._state.book.give_up(due)

    async def _take(self, due: Due, joined: tuple[Settled, Held], written: bytes) -> None:
        settled = self._state.book.take(due, joined, self._clock())
        if settled is None:
            return
        counting = self._write(settled, written)
        try:
            for _ in counting:
                await asyncio.sleep(0)
        finally:
            for _ in counting:  # a stop in the middle leaves nothing half counted: the book knows the call no more
                pass

    def _joined(self, due: Due) -> tuple[tuple[Settled, Held], bytes]:
        """Join a call and write its spans, which changes nothing; empty where there are none."""
        joined = self._state.book.join(due)
        item = joined[0]
        if not (item.episodes or item.whole):
            return joined, b""
        return joined, summary_request(item.episodes, item.record, whole=item.whole, instance=self.instance)

    def _write(self, item: Settled, written: bytes) -> Iterator[None]:
        """Count what settled and put its spans, step by step."""
        now, record, scorecard = self._clock(), item.record, self._state.scorecard
        if written:
            self._put(written)
        for number, episode in enumerate(item.episodes, 1):
            scorecard.count_episode(episode, record, now)
            if number % COUNTED == 0:
                yield
        for number, episode in enumerate(item.aftermaths, 1):
            scorecard.count_aftermath(episode, record, now)
            if number % COUNTED == 0:
                yield
        if item.whole:
            scorecard.count_call(record, now)
            self._arrivals.settle(record)
            self._count_call(record)
            if self._on_call is not None:
                self._on_call(record)

    def _count_call(self, record: CallRecord) -> None:
        counters = self._state.counters
        counters.add("otel_voice_processor_settled_calls", ended="expired" if record.ended_by == "expired" else "told")
        if not record.started_seen:
            counters.add("otel_voice_processor_unstarted_calls")
