"""Calls the agent's own code, in the order of what happened; where it raises, that is told and the session goes on."""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from otel_voice.emit import failed


class Calling:
    """Calls one guard's callbacks, functions or coroutine functions; calls of one callback follow each other."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()
        self._order: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def call(self, name: str, callback: Callable[[Any], Awaitable[None] | None] | None, told: Any) -> None:
        """Call one, where there is one."""
        if callback is not None:
            self.run(name, lambda: self._called(name, callback, told))

    def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run work of our own beside the session."""

        async def running() -> None:
            try:
                await work()
            except Exception as error:
                failed(f"livekit.guard.{name}", error)

        task = asyncio.ensure_future(running())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _called(self, name: str, callback: Callable[[Any], Awaitable[None] | None], told: Any) -> None:
        async with self._order[name]:
            called = callback(told)
            if inspect.isawaitable(called):
                await called
