"""OTLP gRPC in: raw bytes to one consumer, its errors to status codes a sender understands, memory bounded whatever senders do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NoReturn

import grpc
import grpc.aio

from otel_voice_processor import config as settings
from otel_voice_processor.connections import MIB, options_of, raised_limit
from otel_voice_processor.errors import Permanent, ProcessorError, Retryable
from otel_voice_processor.health import Health
from otel_voice_processor.memory_limiter import MemoryLimiter
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.rpc import LOGS_EXPORT, TRACE_EXPORT, Refused, retry_trailers
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MAX_DELAY_S: Final = 1.0  # a longer wait outlives the Python exporter's deadline, and it drops the batch
OWN_WORD_S: Final = 0.1
Consume = Callable[[bytes, str], Awaitable[bytes]]
Context = grpc.aio.ServicerContext[bytes, bytes]
EXPORTS: Final = ((TRACE_EXPORT, TRACES), (LOGS_EXPORT, LOGS))


class PortTaken(ProcessorError):
    """The endpoint cannot be listened on, most often because another process does."""


class Receiver:
    """The server. `consume` takes a serialised request and its signal, and returns a serialised response once it is safe downstream.

    `limiter` says when requests are refused for want of memory, before any of their bytes are read; it runs while the port is open.
    """

    def __init__(
        self,
        consume: Consume,
        config: settings.Receiver | None = None,
        counters: Counters | None = None,
        limiter: MemoryLimiter | None = None,
    ) -> None:
        self._consume = consume
        self._config = config or settings.Receiver()
        self._counters = counters or Counters()
        self._limiter = limiter
        self._in_flight = 0
        self._coming: dict[asyncio.Timeout, float] = {}  # requests whose bytes are still coming in, and since when
        self._working: set[asyncio.Future[bytes]] = set()
        self._server: grpc.aio.Server | None = None
        self._health: Health | None = None
        self.port = 0

    def bind(self) -> None:
        """Take the port, and let who connects wait for `start`; raise `PortTaken` where that fails."""
        server = grpc.aio.server(options=options_of(self._config, raised_limit()))
        for path, signal in EXPORTS:
            service, _, method = path[1:].rpartition("/")
            handlers = {method: grpc.stream_unary_rpc_method_handler(self._exporting(signal))}  # no serialisers: bytes as they are
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        health = Health()
        health.attach(server)
        endpoint = self._config.endpoint.split("://", 1)[-1]
        try:
            port = server.add_insecure_port(endpoint)
        except RuntimeError:
            port = 0
        if port == 0:
            raise PortTaken(f"cannot listen on `{endpoint}`: is another process using it?")
        self._server, self._health, self.port = server, health, port

    async def start(self) -> None:
        """Answer, on the port that `bind` took or takes now; raise `PortTaken` where that fails."""
        if self._server is None:
            self.bind()
        if self._server is not None and self._health is not None:
            await self._server.start()
            await self._health.serving(True)
        if self._limiter is not None:
            self._limiter.start(self._cut_short)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Say not serving, take nothing new, let what is in flight finish. Safe before `start` and twice."""
        server, health, self._server, self._health = self._server, self._health, None, None
        if self._limiter is not None:
            await self._limiter.stop()
        if health is not None:
            await health.serving(False)
        if server is not None:
            await server.stop(grace_s)
        if self._working:
            await asyncio.wait(set(self._working), timeout=grace_s)

    def _exporting(self, signal: str) -> Callable[[object, Context], Awaitable[bytes]]:
        """Return the handler of a signal; as of a stream of one request, since that is read when we ask for it and not before."""

        async def export(_requests: object, context: Context) -> bytes:
            return await self._export(context, signal)

        return export

    async def _export(self, context: Context, signal: str) -> bytes:
        full = self._full()
        if full is not None:
            return await self._refuse(context, full)
        body = await self._body(context)
        size = len(body)
        if self._in_flight and self._in_flight + size > self._config.max_in_flight_mib * MIB:
            return await self._refuse(context, self._too_much())
        try:
            response = await self._whole(body, signal)
        except ProcessorError as caught:
            error: ProcessorError = caught
        except Exception:  # one request that trips over a fault of ours must not take the server along
            LOG.exception("a request could not be handled")
            self._counters.add("otel_voice_receiver_internal_errors")
            error = Retryable("the processor failed on this request; its log says why", MAX_DELAY_S)
        else:
            self._counters.add("otel_voice_receiver_accepted_requests")
            self._counters.add("otel_voice_receiver_accepted_bytes", size)
            return response
        return await self._refuse(context, error)

    def _full(self) -> Retryable | None:
        """Return why no request is taken now, whatever its size."""
        if self._limiter is not None and self._limiter.refusing:
            self._counters.add("otel_voice_receiver_memory_refused_requests")
            return Retryable("the processor is short of memory", MAX_DELAY_S)
        return self._too_much() if self._in_flight >= self._config.max_in_flight_mib * MIB else None

    def _too_much(self) -> Retryable:
        return Retryable(f"more than {self._config.max_in_flight_mib} MiB in flight", MAX_DELAY_S)

    async def _body(self, context: Context) -> bytes:
        """Return the request's bytes; one that does not come whole in time is refused."""
        try:
            async with asyncio.timeout(self._config.read_timeout or None) as deadline:
                self._coming[deadline] = time.monotonic()
                try:
                    body = await context.read()
                finally:
                    del self._coming[deadline]
        except TimeoutError:
            short = self._limiter is not None and self._limiter.refusing
            self._counters.add("otel_voice_receiver_unfinished_requests", reason="memory" if short else "timeout")
            await self._refuse(
                context, Retryable("the processor is short of memory" if short else "the request did not come whole in time")
            )
        if not isinstance(body, bytes):
            await asyncio.sleep(OWN_WORD_S)  # of gRPC, where the request is too large: then this ends here
            await self._refuse(context, Permanent("there is no request in it"))
        return body

    def _cut_short(self, older_s: float) -> None:
        """Let go of requests that have been coming in for longer: memory is short, and nobody knows how large they will be."""
        now, long_ago = asyncio.get_running_loop().time(), time.monotonic() - older_s
        for deadline in [each for each, since in self._coming.items() if since <= long_ago and not each.expired()]:
            deadline.reschedule(now)

    async def _whole(self, body: bytes, signal: str) -> bytes:
        """Handle a request to its end even where its sender goes away meanwhile: what downstream took is joined, too."""
        working = asyncio.ensure_future(self._consume(body, signal))
        self._working.add(working)
        self._in_flight += len(body)
        working.add_done_callback(partial(self._done, len(body)))
        return await asyncio.shield(working)

    def _done(self, size: int, working: asyncio.Future[bytes]) -> None:
        self._in_flight -= size
        self._working.discard(working)
        if not working.cancelled():
            working.exception()  # seen to where somebody still waits

    async def _refuse(self, context: Context, error: ProcessorError) -> NoReturn:
        """Answer with the code that tells the sender whether to come back, and when."""
        if isinstance(error, Permanent):
            code = error.code if isinstance(error, Refused) else grpc.StatusCode.INVALID_ARGUMENT
            self._counters.add("otel_voice_receiver_failed_requests", reason=code.name.lower())
            await context.abort(code, str(error))
        else:
            code = grpc.StatusCode.UNAVAILABLE
            asked = error.delay_s if isinstance(error, Retryable) else None
            delay = min(MAX_DELAY_S if asked is None else asked, MAX_DELAY_S)
            self._counters.add("otel_voice_receiver_refused_requests")
            await context.abort(code, str(error), retry_trailers(code, str(error), delay))
        raise AssertionError("abort returned")
