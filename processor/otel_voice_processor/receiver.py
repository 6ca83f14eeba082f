"""OTLP gRPC in: raw bytes to one consumer, its errors to status codes a sender understands, memory bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NoReturn

import grpc
import grpc.aio

from otel_voice_processor import config as settings
from otel_voice_processor.errors import Permanent, ProcessorError, Retryable
from otel_voice_processor.health import Health
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.rpc import LOGS_EXPORT, TRACE_EXPORT, Refused, retry_trailers
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MAX_DELAY_S: Final = 1.0  # a longer wait outlives the Python exporter's deadline, and it drops the batch
MIB: Final = 1 << 20
Consume = Callable[[bytes, str], Awaitable[bytes]]
EXPORTS: Final = ((TRACE_EXPORT, TRACES), (LOGS_EXPORT, LOGS))


class PortTaken(ProcessorError):
    """The endpoint cannot be listened on, most often because another process does."""


class Receiver:
    """The server. `consume` takes a serialised request and its signal, and returns a serialised response once it is safe downstream."""

    def __init__(self, consume: Consume, config: settings.Receiver | None = None, counters: Counters | None = None) -> None:
        self._consume = consume
        self._config = config or settings.Receiver()
        self._counters = counters or Counters()
        self._in_flight = 0
        self._working: set[asyncio.Future[bytes]] = set()
        self._server: grpc.aio.Server | None = None
        self._health: Health | None = None
        self.port = 0

    async def start(self) -> None:
        """Open the port; raise `PortTaken` where that fails."""
        limit = self._config.max_recv_msg_size_mib * MIB
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0)])
        for path, signal in EXPORTS:
            service, _, method = path[1:].rpartition("/")
            handlers = {method: grpc.unary_unary_rpc_method_handler(self._exporting(signal))}  # no serialisers: bytes as they are
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
        await server.start()
        await health.serving(True)
        self._server, self._health, self.port = server, health, port

    async def stop(self, grace_s: float = 10.0) -> None:
        """Say not serving, take nothing new, let what is in flight finish. Safe before `start` and twice."""
        server, health, self._server, self._health = self._server, self._health, None, None
        if health is not None:
            await health.serving(False)
        if server is not None:
            await server.stop(grace_s)
        if self._working:
            await asyncio.wait(set(self._working), timeout=grace_s)

    def _exporting(self, signal: str) -> Callable[[bytes, grpc.aio.ServicerContext[bytes, bytes]], Awaitable[bytes]]:
        async def export(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            return await self._export(body, context, signal)

        return export

    async def _export(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes], signal: str) -> bytes:
        size = len(body)
        if self._in_flight and self._in_flight + size > self._config.max_in_flight_mib * MIB:
            return await self._refuse(context, Retryable(f"more than {self._config.max_in_flight_mib} MiB in flight", MAX_DELAY_S))
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

    async def _refuse(self, context: grpc.aio.ServicerContext[bytes, bytes], error: ProcessorError) -> NoReturn:
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
