"""Test doubles for users and for ourselves: a real OTLP server that keeps what it gets and can be told to refuse."""

from __future__ import annotations

import socket
from types import TracebackType

import grpc
import grpc.aio
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_voice_processor.rpc import METRICS_EXPORT, TRACE_EXPORT, retry_trailers


def free_port() -> int:
    """Return a TCP port of localhost that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sink:
    """Takes OTLP traces and metrics over gRPC on a real socket. `requests` and `metric_requests` hold the bytes as they came."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.requests: list[bytes] = []
        self.metric_requests: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.attempts = 0
        self._refusal: tuple[grpc.StatusCode, float | None] | None = None
        self._refusals_left: int | None = None
        self._answer = b""
        self._server: grpc.aio.Server | None = None

    @property
    def endpoint(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on localhost, on the port given or a free one."""
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
        for path, kept in ((TRACE_EXPORT, self.requests), (METRICS_EXPORT, self.metric_requests)):
            service, _, method = path[1:].rpartition("/")
            handlers = {method: grpc.unary_unary_rpc_method_handler(self._taking(kept))}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
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

    def spans(self) -> list[Span]:
        """Return every span taken, in order."""
        requests = (ExportTraceServiceRequest.FromString(body) for body in self.requests)
        return [span for request in requests for group in request.resource_spans for scoped in group.scope_spans for span in scoped.spans]

    def span_count(self) -> int:
        """Return how many spans were taken."""
        return len(self.spans())

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
            if self._refusal is not None and self._refusals_left != 0:
                code, wait = self._refusal
                if self._refusals_left is not None:
                    self._refusals_left -= 1
                await context.abort(code, "told to refuse", retry_trailers(code, "told to refuse", wait) if wait is not None else ())
            kept.append(body)
            return self._answer

        return export
