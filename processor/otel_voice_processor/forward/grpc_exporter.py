"""OTLP gRPC out, in the collector's `otlp_grpc` vocabulary: the bytes as they are, one attempt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import grpc
import grpc.aio

from otel_voice_processor.config import Tls, TraceExporter
from otel_voice_processor.forward.partial import PartialSuccess
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.rpc import LOGS_EXPORT, TRACE_EXPORT, RawCall, Refused, dial, raw_call, sorted_out
from otel_voice_processor.telemetry import Counters

NO_LIMIT_S: Final = 30.0  # where `timeout` is 0, which the collector reads as for ever
EXPORTS: Final = {TRACES: TRACE_EXPORT, LOGS: LOGS_EXPORT}


class GrpcExporter:
    """One OTLP gRPC destination."""

    def __init__(
        self,
        endpoint: str,
        *,
        name: str = "otlp_grpc",
        headers: Mapping[str, str] | None = None,
        compression: str = "none",
        timeout_s: float = 5.0,
        tls: Tls | None = None,
        insecure: bool = False,
        signals: Collection[str] = (TRACES, LOGS),
        counters: Counters | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.signals = frozenset(signals)
        self._headers = tuple((key.lower(), value) for key, value in (headers or {}).items())
        self._compression = compression
        self._timeout_s = timeout_s or NO_LIMIT_S
        self._tls = tls or Tls(insecure=insecure)
        self._partial = PartialSuccess(name, counters or Counters())
        self._channel: grpc.aio.Channel | None = None
        self._calls: dict[str, RawCall] = {}

    @classmethod
    def of(cls, config: TraceExporter, counters: Counters | None = None) -> GrpcExporter:
        """Return the exporter that a config section describes."""
        return cls(
            config.endpoint,
            name=config.name,
            headers=config.headers,
            compression=config.compression,
            timeout_s=config.timeout,
            tls=config.tls,
            signals=config.signals,
            counters=counters,
        )

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send, once; raise `Retryable` where it may be taken later, `Refused` where it never will."""
        if self._channel is None:
            self._channel = dial(self.endpoint, self._tls, self._compression)
            self._calls = {name: raw_call(self._channel, method) for name, method in EXPORTS.items()}
        try:
            answer = await self._calls[signal](body, timeout=self._timeout_s, metadata=self._headers)
        except grpc.aio.AioRpcError as error:
            if signal == LOGS and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                words = f"`{self.endpoint}` takes no logs: `signals: [traces]` in its exporter says so, and the events in them are judged"
                raise Refused(words, error.code()) from None
            raise sorted_out(error, self.endpoint) from None
        return self._partial.note(answer, signal, self.endpoint)

    async def close(self) -> None:
        """Close the channel; safe before the first `send` and twice."""
        channel, self._channel, self._calls = self._channel, None, {}
        if channel is not None:
            await channel.close(None)
