"""Senders as they are in the field: every request again until it is answered OK, and what was answered OK is written down."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from otel_voice_processor.simulate import Script, emit

LOGS_EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CODE = grpc.StatusCode
RETRIED = {
    CODE.CANCELLED,
    CODE.DEADLINE_EXCEEDED,
    CODE.RESOURCE_EXHAUSTED,
    CODE.ABORTED,
    CODE.OUT_OF_RANGE,
    CODE.UNAVAILABLE,
    CODE.DATA_LOSS,
}
OPTIONS = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]


class Given(AssertionError):
    """A request was refused for good, or not taken within the time a sender may need."""


@dataclass(slots=True)
class Sender:
    """Sends over one channel, as the Python exporter does; `acked` holds the requests answered OK, `codes` every other answer."""

    port: int
    patience_s: float = 60.0
    acked: list[bytes] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    asked: list[float] = field(default_factory=list)  # what RetryInfo asked for, in seconds
    in_flight: int = 0
    stopping: bool = False
    _channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Sender:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=OPTIONS)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._channel is not None
        await self._channel.close(None)

    async def connected(self) -> None:
        """Wait until the connection stands: a machine that is busy may need longer than gRPC tries at once."""
        assert self._channel is not None
        async with asyncio.timeout(self.patience_s):
            await self._channel.channel_ready()

    async def lane(self, bodies: Iterable[bytes], *, pause_s: float = 0.0, method: str = EXPORT) -> None:
        """Send requests one after the other until there are no more, or the sender stops."""
        for body in bodies:
            await self.send(body, method)
            if self.stopping:
                return
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))

    async def send(self, body: bytes, method: str = EXPORT) -> None:
        """Send one request until it is answered OK; raise `Given` where that never comes."""
        until = time.monotonic() + self.patience_s
        for attempt in range(10_000):
            wait = await self.attempt(body, method=method)
            if wait is None:
                return
            if time.monotonic() + wait > until:
                raise Given(f"not taken within {self.patience_s} s: {dict(self.codes)}")
            await asyncio.sleep(wait or min(1.0, 0.05 * 2**attempt) * random.uniform(0.8, 1.2))

    async def attempt(self, body: bytes, *, timeout_s: float = 10.0, method: str = EXPORT) -> float | None:
        """Send once; return None where it was answered OK, else how long RetryInfo asks to wait, 0 where it does not say."""
        assert self._channel is not None
        self.in_flight += 1
        try:
            await self._channel.unary_unary(method, None, None)(body, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            self.codes[error.code().name] += 1
            if error.code() not in RETRIED:
                raise Given(f"{error.code().name}: {error.details()}") from None
            wait = asked_for(error)
            if wait is not None:
                self.asked.append(wait)
            return wait or 0.0
        finally:
            self.in_flight -= 1
        self.acked.append(body)
        return None


def asked_for(error: grpc.aio.AioRpcError) -> float | None:
    """Return the wait that the trailer asks for by which the Python exporter goes."""
    trailers: Any = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == "google.rpc.retryinfo-bin":
            try:
                return RetryInfo.FromString(value).retry_delay.ToNanoseconds() / 1e9
            except DecodeError:
                return None
    return None


class Recorded(SpanExporter):
    """The stock exporter, which gives a batch up after its time: then it is exported again, as an application with patience would."""

    def __init__(self, port: int) -> None:
        self._stock = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)
        self.acked: list[bytes] = []
        self.given_up = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for _ in range(20):
            if self._stock.export(spans) is SpanExportResult.SUCCESS:
                self.acked.append(encode_spans(spans).SerializeToString())
                return SpanExportResult.SUCCESS
            self.given_up += 1
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._stock.shutdown()


class Sdk(threading.Thread):
    """A real SDK in a thread of its own: numbered spans of an application, and now and then a call by the helpers."""

    def __init__(self, port: int, scripts: Sequence[Script]) -> None:
        super().__init__(name="sdk", daemon=True)
        self.exporter, self._scripts, self._told = Recorded(port), scripts, threading.Event()
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self.exporter, max_queue_size=50_000, schedule_delay_millis=200))

    @property
    def acked(self) -> list[bytes]:
        return self.exporter.acked

    def run(self) -> None:
        tracer, scripts, number = self._provider.get_tracer("application"), iter(self._scripts), 0
        while not self._told.wait(0.05):
            for _ in range(10):
                with tracer.start_as_current_span(f"work {number}"):
                    number += 1
            script = next(scripts, None) if number % 100 == 0 else None
            if script is not None:
                emit(script, self._provider, start_ns=time.time_ns() - 900 * 10**9, call_id=f"sdk_{script.call_id}")
        self._provider.force_flush(60_000)
        self._provider.shutdown()

    def stop(self) -> None:
        self._told.set()
        self.join(90)
        assert not self.is_alive()
