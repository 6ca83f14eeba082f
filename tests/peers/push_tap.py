"""Stands between the processor and a Prometheus: passes pushes on, and holds or swallows one where it is told to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp
from aiohttp import web
from otel_voice_processor.testing import free_port

HOLD_PUSH, HOLD_ANSWER, SWALLOW = "the push does not arrive", "it arrives and the answer does not", "the connection breaks after it"


@dataclass(slots=True)
class PushTap:
    """`meet(mode)` has the next push meet with that; `met` is set once it has."""

    target: str
    port: int = field(default_factory=free_port)
    pushes: list[bytes] = field(default_factory=list)  # as they came
    answers: list[tuple[bytes, int, str]] = field(default_factory=list)  # to those that Prometheus got: its status and words
    met: asyncio.Event = field(default_factory=asyncio.Event)
    _mode: str = ""
    _runner: web.AppRunner | None = None
    _client: aiohttp.ClientSession | None = None

    @property
    def endpoint(self) -> str:
        """Return what goes into `exporters.metrics.endpoint`."""
        return f"http://127.0.0.1:{self.port}/api/v1/otlp"

    async def __aenter__(self) -> PushTap:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/{path:.*}", self._take)
        self._client, self._runner = aiohttp.ClientSession(), web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._runner is not None
        assert self._client is not None
        await self._runner.cleanup()
        await self._client.close()

    def meet(self, mode: str) -> None:
        """Do this to the next push, and to no other."""
        self._mode = mode
        self.met.clear()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body, mode, self._mode = await request.read(), self._mode, ""
        self.pushes.append(body)
        if mode == HOLD_PUSH:
            await self._hold()
        assert self._client is not None
        headers = {"content-type": request.headers["content-type"]}
        async with self._client.post(f"{self.target}{request.path}", data=body, headers=headers) as answer:
            told = await answer.read()
            self.answers.append((body, answer.status, told.decode("utf-8", "replace")))
        if mode == HOLD_ANSWER:
            await self._hold()
        if mode == SWALLOW and request.transport is not None:
            self.met.set()
            request.transport.abort()
        return web.Response(status=answer.status, body=told, content_type=answer.content_type)

    def refused(self) -> tuple[list[str], int]:
        """Return what Prometheus said to pushes that it had not taken before; and how many samples it named of those that it had.

        Of a push that comes again, zeros that begin a series are older than the values behind them, which it knows: out of order.
        """
        taken: set[bytes] = set()
        wrong, named = [], 0
        for body, status, told in self.answers:
            if status == 200:
                taken.add(body)
            elif body in taken:
                named += told.count("out of order sample")
            else:
                wrong.append(told)
        return wrong, named

    async def _hold(self) -> None:
        """Wait until the other side is gone: the handler is called off then."""
        self.met.set()
        await asyncio.sleep(3600)
