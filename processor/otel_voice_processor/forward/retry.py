"""When to try again, in the collector's `retry_on_failure` vocabulary, and an exporter that does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from otel_voice_processor.config import Retry
from otel_voice_processor.errors import Retryable
from otel_voice_processor.forward.exporter import Exporter
from otel_voice_processor.model import TRACES

MAX_ELAPSED_S: Final = 30.0  # in memory, where `max_elapsed_time` is 0: the sender waits
MEMORY_INTERVAL_S: Final = 2.0
MEMORY_ELAPSED_S: Final = 5.0
JOURNAL_INTERVAL_S: Final = 30.0
MAX_ASKED_S: Final = 600.0  # of a wait that downstream asks for: a wrong date must not hold everything up for good
MAX_WAITING_BYTES: Final = 256 << 20
Sleep = Callable[[float], Awaitable[None]]
Chance = Callable[[], float]


class Pauses:
    """The waits between the attempts of one request: each longer than the one before, within bounds, spread by chance."""

    def __init__(self, retry: Retry, max_interval_s: float, chance: Chance = random.random) -> None:
        self._retry, self._chance = retry, chance
        self._most = max_interval_s if retry.max_interval is None else retry.max_interval
        self._next = retry.initial_interval

    def next(self, asked_s: float | None = None) -> float:
        """Return the seconds to wait now: ours, or those that downstream asks for, whichever is longer."""
        spread = 1 + self._retry.randomization_factor * (2 * self._chance() - 1)
        pause = max(min(self._next, self._most) * spread, min(asked_s or 0.0, MAX_ASKED_S))
        self._next = min(self._next * max(self._retry.multiplier, 1.0), self._most)
        return pause


class Retrying:
    """Tries again for as long as a sender may be held; `sleep` and `chance` are handed in by tests."""

    def __init__(
        self,
        exporter: Exporter,
        retry: Retry | None = None,
        *,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        sleep: Sleep = asyncio.sleep,
        chance: Chance = random.random,
    ) -> None:
        self._exporter = exporter
        self._retry = retry or Retry()
        self._max_waiting = max_waiting_bytes
        self._sleep, self._chance = sleep, chance
        self._waiting = 0

    @property
    def signals(self) -> frozenset[str] | None:
        """Return which signals go there, None for all."""
        found: frozenset[str] | None = getattr(self._exporter, "signals", None)
        return found

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send, trying again while that is allowed; raise `Retryable` when time or memory is up, `Permanent` when refused."""
        if self._waiting and self._waiting + len(body) > self._max_waiting:
            raise Retryable(f"more than {self._max_waiting >> 20} MiB wait for `{getattr(self._exporter, 'endpoint', 'downstream')}`")
        self._waiting += len(body)
        try:
            return await self._persist(body, signal)
        finally:
            self._waiting -= len(body)

    async def close(self) -> None:
        """Close the exporter."""
        await self._exporter.close()

    async def _persist(self, body: bytes, signal: str) -> str | None:
        given = MEMORY_ELAPSED_S if self._retry.max_elapsed_time is None else self._retry.max_elapsed_time
        give_up = time.monotonic() + (min(given or MAX_ELAPSED_S, MAX_ELAPSED_S) if self._retry.enabled else 0.0)
        pauses = Pauses(self._retry, MEMORY_INTERVAL_S, self._chance)
        left: float | None = None  # the first attempt has the exporter's own limit
        failed: Retryable | None = None
        while True:
            try:
                async with asyncio.timeout(left):
                    return await self._exporter.send(body, signal)
            except Retryable as error:
                failed = error
            except TimeoutError:
                if failed is None:
                    raise
                raise failed from None
            pause = pauses.next(failed.delay_s)
            left = give_up - time.monotonic() - pause
            if left <= 0:
                raise failed
            await self._sleep(pause)
            left = max(left, 0.1)
