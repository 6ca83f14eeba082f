"""Test doubles for users and for ourselves: a real OTLP server that keeps what it gets and can be told to refuse."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Final

import grpc
import grpc.aio
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.rpc import LOGS_EXPORT, METRICS_EXPORT, TRACE_EXPORT, retry_trailers
from otel_voice_processor.wire import build_request, encode_span

PORTS: Final = range(15_000, 32_000)  # below those that systems give to clients


def free_port() -> int:
    """Return a TCP port of localhost that nobody listens on now, and that no system gives to a client before it is used."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def request_of(events: Iterable[VoiceEvent], *, service: str = "agent") -> bytes:
    """Return the OTLP request that a service would send its events in."""
    spans = [
        encode_span(
            name=event.name,
            trace_id=event.trace_id,
            span_id=event.span_id,
            parent_span_id=b"",
            start_ns=event.start_ns,
            end_ns=event.time_ns,
            attributes=event.attributes,
        )
        for event in events
    ]
    return build_request({"service.name": service}, "otel-voice-testing", "0", "", spans)


class Sink:
    """Takes OTLP over gRPC on a real socket. `requests`, `log_requests` and `metric_requests` hold the bytes as they came.

    With `certificate`, a key and its chain in PEM, it speaks TLS.
    """

    def __init__(self, port: int = 0, *, certificate: tuple[bytes, bytes] | None = None) -> None:
        self.port = port
        self._certificate = certificate
        self.requests: list[bytes] = []
        self.log_requests: list[bytes] = []
        self.metric_requests: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.attempts = 0
        self._refusal: tuple[grpc.StatusCode, float | None] | None = None
        self._refusals_left: int | None = None
        self._answer = b""
        self._delay_s = 0.0
        self._server: grpc.aio.Server | None = None

    @property
    def endpoint(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on localhost, on the port given or a free one."""
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
        taken = ((TRACE_EXPORT, self.requests), (LOGS_EXPORT, self.log_requests), (METRICS_EXPORT, self.metric_requests))
        for path, kept in taken:
            service, _, method = path[1:].rpartition("/")
            handlers = {method: grpc.unary_unary_rpc_method_handler(self._taking(kept))}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        if self._certificate is None:
            self.port = server.add_insecure_port(self.endpoint)
        else:
            self.port = server.add_secure_port(self.endpoint, grpc.ssl_server_credentials([self._certificate]))
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Stop listening; safe before `start` and twice."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(None)

    async def __aenter__(self) -> Sink:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def refuse(self, code: grpc.StatusCode, *, retry_after_s: float | None = None, times: int | None = None) -> None:
        """Answer with `code` from now on, or so many `times`, with RetryInfo where a wait is given."""
        self._refusal, self._refusals_left = (code, retry_after_s), times

    def accept(self, answer: bytes = b"") -> None:
        """Take everything again, answering with these bytes."""
        self._refusal, self._answer = None, answer

    def slow(self, seconds: float) -> None:
        """Wait so long before each answer from now on."""
        self._delay_s = seconds

    def spans(self) -> list[Span]:
        """Return every span taken, in order."""
        requests = (ExportTraceServiceRequest.FromString(body) for body in self.requests)
        return [span for request in requests for group in request.resource_spans for scoped in group.scope_spans for span in scoped.spans]

    def span_count(self) -> int:
        """Return how many spans were taken."""
        return len(self.spans())

    def logs(self) -> list[LogRecord]:
        """Return every log record taken, in order."""
        requests = (ExportLogsServiceRequest.FromString(body) for body in self.log_requests)
        return [log for request in requests for group in request.resource_logs for scoped in group.scope_logs for log in scoped.log_records]

    def metrics(self) -> list[Metric]:
        """Return every metric taken, in order."""
        requests = (ExportMetricsServiceRequest.FromString(body) for body in self.metric_requests)
        return [
            one for request in requests for group in request.resource_metrics for scoped in group.scope_metrics for one in scoped.metrics
        ]

    def _taking(self, kept: list[bytes]):  # type: ignore[no-untyped-def]  # grpc's handler types cannot say raw bytes
        async def export(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            self.attempts += 1
            self.headers = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
            await asyncio.sleep(self._delay_s)
            if self._refusal is not None and self._refusals_left != 0:
                code, wait = self._refusal
                if self._refusals_left is not None:
                    self._refusals_left -= 1
                await context.abort(code, "told to refuse", retry_trailers(code, "told to refuse", wait) if wait is not None else ())
            kept.append(body)
            return self._answer

        return export
