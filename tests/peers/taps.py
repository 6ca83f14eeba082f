"""Taps between two servers: what comes by is passed on as the bytes it is, and what was answered OK is noted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from types import TracebackType
from typing import Any, NamedTuple

import grpc
import grpc.aio
from otel_voice_processor.config import Tls
from otel_voice_processor.rpc import LOGS_EXPORT, TRACE_EXPORT, dial, raw_call
from otel_voice_processor.testing import free_port
from otel_voice_schema import events as e

from tests.faults.otlp import fields, groups, spans

OURS = b"voice.interruption."
SUMMARIES = {e.EPISODE, e.CALL}
FOREIGN, EVENT, SUMMARY = b"f", b"e", b"s"  # how a key begins


def keys_of(body: bytes) -> list[bytes]:
    """Return what each span of a request is known by: a foreign one by a digest of its bytes, ours, which may be added to, of its ids."""
    keys = []
    for span in (span for group in groups(body) for span in spans(group)):
        told = dict(fields(span)) if OURS in span else {}  # 1 and 2 are a span's ids, 5 its name, in any order
        name = told.get(5, b"")
        if not name.startswith(OURS):
            keys.append(FOREIGN + blake2b(span, digest_size=8).digest())
        else:
            keys.append((SUMMARY if name.decode() in SUMMARIES else EVENT) + blake2b(told[1] + told[2], digest_size=8).digest())
    return keys


class Passed(NamedTuple):
    """When a request came and when it was answered OK, by the monotonic clock in seconds, and by which connection it came."""

    asked: float
    answered: float
    peer: str


@dataclass(slots=True)
class Tap:
    """Passes OTLP gRPC on to `target` and says what that answers: code, words and trailers. Listens on a port of its own.

    A request that comes while `target` is away waits for it, as behind a load balancer; one that was under way when it went is told so.

    `copies` holds, by a span's key, when each copy came that was acknowledged; `failed` keys of what came and was not,
    `owed` those that have not come again since.
    """

    target: str
    port: int = field(default_factory=free_port)
    copies: dict[bytes, list[Passed]] = field(default_factory=dict)
    failed: set[bytes] = field(default_factory=set)
    owed: set[bytes] = field(default_factory=set)
    in_flight: int = 0
    slowest: float = 0.0  # answer, in seconds
    left: int = 0  # how often the other side went away before its answer came
    codes: Counter[str] = field(default_factory=Counter)
    requests: int = 0  # that were answered OK
    shut: bool = False  # nothing is passed on
    _server: grpc.aio.Server | None = None
    _channel: grpc.aio.Channel | None = None
    _working: set[asyncio.Task[bytes]] = field(default_factory=set)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> Tap:
        self._channel = dial(self.target, Tls(insecure=True), "none")
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
        for path in (TRACE_EXPORT, LOGS_EXPORT):
            service, _, method = path[1:].rpartition("/")
            handlers = {method: grpc.unary_unary_rpc_method_handler(partial(self._take, raw_call(self._channel, path)))}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        assert self._server.add_insecure_port(self.endpoint) == self.port
        await self._server.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        assert self._channel is not None
        await self._server.stop(None)
        await self._channel.close(None)
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _take(self, call: Callable[..., Awaitable[bytes]], body: bytes, context: Any) -> bytes:
        """Pass a request on; who goes away before the answer does not call it off, as no wire would."""
        if self.shut:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "shut")
        keys = keys_of(body)
        working = asyncio.ensure_future(self._passed(call, body, keys, context.peer()))
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        try:
            answer = await asyncio.shield(working)
            if context.cancelled():  # it went away before this loop came to see it
                self.left += 1
                self._not_answered(keys)
            return answer
        except grpc.aio.AioRpcError as error:
            self.codes[error.code().name] += 1
            self._not_answered(keys)
            await context.abort(error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))
        except asyncio.CancelledError:
            self.left += 1
            self._not_answered(keys)
            raise
        raise AssertionError("abort returned")

    def _not_answered(self, keys: list[bytes]) -> None:
        self.failed.update(keys)
        self.owed.update(keys)

    async def _passed(self, call: Callable[..., Awaitable[bytes]], body: bytes, keys: list[bytes], peer: str) -> bytes:
        begun = time.monotonic()
        self.in_flight += 1
        try:
            answer = await call(body, timeout=30.0, wait_for_ready=True)
        finally:
            self.in_flight -= 1
        passed = Passed(begun, time.monotonic(), peer)
        self.slowest = max(self.slowest, passed.answered - begun)
        for key in keys:
            self.copies.setdefault(key, []).append(passed)
        self.owed.difference_update(keys)
        self.requests += 1
        return answer


def again(copies: dict[bytes, list[Passed]]) -> Iterable[tuple[bytes, Passed, Passed]]:
    """Yield each copy that came too often: its key, the copy before, and this one."""
    for key, passed in copies.items():
        for before, after in pairwise(sorted(passed)):
            yield key, before, after
