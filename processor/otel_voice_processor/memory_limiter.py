"""The collector's `memory_limiter`: where memory runs short senders are asked to come back, before the system ends the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from otel_voice_processor import config as settings
from otel_voice_processor import memory
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MIB: Final = 1 << 20
COLLECT_EVERY_S: Final = 10.0  # Python's collector stops everything else while it runs
LONG_S: Final = 2.0
EASED: Final = 0.95  # of the soft limit: below it requests are taken again, so that it does not go to and fro


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """In bytes: past `soft` requests are refused and those cut off that are long in coming, past `hard` all that are not there yet."""

    soft: int
    hard: int


def limits_of(config: settings.MemoryLimiter, total: int | None) -> Limits | None:
    """Return the limits, where `total` bytes are there; None where it is off, or nobody knows the total it is to be a share of."""
    if not config.check_interval or (not config.limit_mib and total is None):
        return None
    share = (total or 0) // 100
    hard = config.limit_mib * MIB or config.limit_percentage * share
    spike = config.spike_limit_mib * MIB or config.spike_limit_percentage * share or hard // 5
    return Limits(soft=max(hard - spike, 1), hard=hard)


class MemoryLimiter:
    """Looks at the memory held now and then. `held`, `trim` and `now` are handed in by tests."""

    def __init__(
        self,
        limits: Limits,
        interval_s: float,
        counters: Counters,
        *,
        held: Callable[[], int | None] = memory.held,
        trim: Callable[[], None] = memory.trim,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._interval_s = interval_s
        self._counters = counters
        self._held = held
        self._trim = trim
        self._now = now
        self._collected = -COLLECT_EVERY_S
        self._used = 0
        self._task: asyncio.Task[None] | None = None
        self.refusing = False

    @classmethod
    def of(cls, config: settings.MemoryLimiter, counters: Counters) -> MemoryLimiter | None:
        """Return the limiter that a config section describes; None where it is off, or memory cannot be measured here."""
        limits = limits_of(config, memory.total())
        return cls(limits, config.check_interval, counters) if limits is not None and memory.held() is not None else None

    def start(self, cut: Callable[[float], None]) -> None:
        """Look from now on, in a task of the running loop; `cut` is told how many seconds a request may have been coming in."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watching(cut))

    async def stop(self) -> None:
        """Look no more, refuse no more. Safe before `start` and twice."""
        task, self._task = self._task, None
        self.refusing = False
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def told(self) -> dict[str, Any]:
        """Return how it stands, as JSON has it."""
        limits = self._limits
        mib = {"used_mib": self._used // MIB, "soft_limit_mib": limits.soft // MIB, "limit_mib": limits.hard // MIB}
        return {**mib, "refusing": self.refusing}

    async def _watching(self, cut: Callable[[float], None]) -> None:
        while True:
            try:
                await self.look(cut)
            except Exception:  # nothing that goes wrong once may stop it for good
                LOG.exception("memory could not be looked at")
            await asyncio.sleep(self._interval_s)

    async def look(self, cut: Callable[[float], None]) -> None:
        """Measure, give back what is free where that is needed, and say whether requests are refused from now on."""
        used = self._measured()
        bound = self._limits.soft * EASED if self.refusing else self._limits.soft
        if used > bound:
            used = await self._given_back()
            if used > bound:
                cut(0.0 if used > self._limits.hard else LONG_S)
        self._decide(used, refusing=used > bound)

    def _measured(self) -> int:
        self._used = self._held() or 0
        return self._used

    async def _given_back(self) -> int:
        """Give back what is free, and return what is held after that."""
        if self._now() - self._collected >= COLLECT_EVERY_S:
            self._collected = self._now()
            self._counters.add("otel_voice_processor_memory_collections")
            gc.collect()
        await asyncio.to_thread(self._trim)  # it takes its time, where there is much
        return self._measured()

    def _decide(self, used: int, *, refusing: bool) -> None:
        if refusing == self.refusing:
            return
        self.refusing = refusing
        how = f"{used // MIB} MiB of memory are in use, the soft limit is {self._limits.soft // MIB} MiB"
        if refusing:
            LOG.error("%s: senders are asked to come back until there is less", how)
        else:
            LOG.info("%s: requests are taken again", how)
