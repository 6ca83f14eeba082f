"""OTLP gRPC out, traces and logs: a request is sent when downstream has it. Retries are bounded, so the sender is answered and not held."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_voice_processor.config import Retry, Tls, TraceExporter
from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.rpc import LOGS_EXPORT, TRACE_EXPORT, RawCall, Refused, dial, raw_call, sorted_out
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MAX_ELAPSED_S: Final = 30.0  # where `max_elapsed_time` or `timeout` is 0, which the collector reads as forever
MAX_TOLD: Final = 100  # refusals remembered as logged
MAX_WAITING_BYTES: Final = 256 << 20
EXPORTS: Final = {TRACES: TRACE_EXPORT, LOGS: LOGS_EXPORT}


class Exporter(Protocol):
    """Somewhere traces and logs go: `send` returns once they are there, or raises `Retryable` or `Permanent`."""

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send one serialised request; return a warning for the sender where there is one."""

    async def close(self) -> None:
        """Let go of what is open; safe twice."""


class GrpcExporter:
    """One OTLP gRPC destination, in the collector's `otlp_grpc` vocabulary. `sleep` and `chance` are handed in by tests."""

    def __init__(
        self,
        endpoint: str,
        *,
        headers: Mapping[str, str] | None = None,
        compression: str = "none",
        timeout_s: float = 5.0,
        tls: Tls | None = None,
        insecure: bool = False,
        retry: Retry | None = None,
        signals: Collection[str] = (TRACES, LOGS),
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = endpoint
        self._headers = tuple((key.lower(), value) for key, value in (headers or {}).items())
        self._compression = compression
        self._timeout_s = timeout_s or MAX_ELAPSED_S
        self._tls = tls or Tls(insecure=insecure)
        self._retry = retry or Retry()
        self._signals = frozenset(signals)
        self._max_waiting = max_waiting_bytes
        self._sleep = sleep
        self._chance = chance
        self._waiting = 0
        self._channel: grpc.aio.Channel | None = None
        self._calls: dict[str, RawCall] = {}

    @classmethod
    def of(cls, config: TraceExporter) -> GrpcExporter:
        """Return the exporter that a config section describes."""
        return cls(
            config.endpoint,
            headers=config.headers,
            compression=config.compression,
            timeout_s=config.timeout,
            tls=config.tls,
            retry=config.retry_on_failure,
            signals=config.signals,
        )

    def takes(self, signal: str) -> bool:
        """Tell whether a signal goes here."""
        return signal in self._signals

    async def send(self, body: bytes, signal: str = TRACES) -> None:
        """Send, trying again while that is allowed; raise `Retryable` when time or memory is up, `Permanent` when refused."""
        if self._waiting and self._waiting + len(body) > self._max_waiting:
            raise Retryable(f"more than {self._max_waiting >> 20} MiB wait for `{self._endpoint}`")
        self._waiting += len(body)
        try:
            await self._persist(body, signal)
        finally:
            self._waiting -= len(body)

    async def _persist(self, body: bytes, signal: str) -> None:
        retry = self._retry
        give_up = time.monotonic() + (min(retry.max_elapsed_time or MAX_ELAPSED_S, MAX_ELAPSED_S) if retry.enabled else 0.0)
        interval = retry.initial_interval
        timeout_s = self._timeout_s
        while True:
            try:
                return await self._once(body, signal, timeout_s)
            except Retryable as error:
                spread = 1 + retry.randomization_factor * (2 * self._chance() - 1)
                pause = max(min(interval, retry.max_interval) * spread, error.delay_s or 0.0)
                left = give_up - time.monotonic() - pause
                if left <= 0:
                    raise
                await self._sleep(pause)
                timeout_s = min(self._timeout_s, max(left, 0.1))
                interval = min(interval * max(retry.multiplier, 1.0), retry.max_interval)

    async def _once(self, body: bytes, signal: str, timeout_s: float) -> None:
        if self._channel is None:
            self._channel = dial(self._endpoint, self._tls, self._compression)
            self._calls = {name: raw_call(self._channel, method) for name, method in EXPORTS.items()}
        try:
            answer = await self._calls[signal](body, timeout=timeout_s, metadata=self._headers)
        except grpc.aio.AioRpcError as error:
            if signal == LOGS and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                words = f"`{self._endpoint}` takes no logs: `signals: [traces]` in its exporter says so, and the events in them are judged"
                raise Refused(words, error.code()) from None
            raise sorted_out(error, self._endpoint) from None
        if answer:
            _note_partial(answer, self._endpoint)

    async def close(self) -> None:
        """Close the channel; safe before the first `send` and twice."""
        channel, self._channel, self._calls = self._channel, None, {}
        if channel is not None:
            await channel.close(None)


def _note_partial(answer: bytes, endpoint: str) -> None:
    """Log what downstream took only in part; OTLP forbids sending that again."""
    try:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return
    if partial.rejected_spans or partial.error_message:
        LOG.warning("`%s` rejected %d records: %s", endpoint, partial.rejected_spans, partial.error_message)


class FanOut:
    """Every destination gets every request; it is sent when one has it and none may still take it. With none, all is taken."""

    def __init__(self, exporters: Sequence[Exporter], counters: Counters | None = None) -> None:
        self._exporters = tuple(exporters)
        self._counters = counters or Counters()
        self._told: set[str] = set()

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send to all at once that take the signal; return what those say who refuse for good what another took.

        A failure that may pass outranks a refusal: a duplicate is better than a loss.
        """
        asked = [one for one in self._exporters if not isinstance(one, GrpcExporter) or one.takes(signal)]
        if not asked and self._exporters:
            self._counters.add("otel_voice_exporter_unasked_requests", signal=signal)
        if len(asked) == 1:
            return await asked[0].send(body, signal)
        outcomes = await asyncio.gather(*(one.send(body, signal) for one in asked), return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        refusals = [error for error in errors if isinstance(error, Permanent)]
        retryable = [error for error in errors if isinstance(error, Retryable)]
        if len(errors) > len(refusals):
            raise next(iter(retryable), None) or next(error for error in errors if not isinstance(error, Permanent))
        if refusals and len(refusals) == len(outcomes):
            raise refusals[0]
        for refusal in refusals:
            self._note_refusal(refusal)
        return "; ".join(str(outcome) for outcome in outcomes if outcome) or None

    def _note_refusal(self, refusal: Permanent) -> None:
        reason = refusal.code.name.lower() if isinstance(refusal, Refused) else "invalid_argument"
        self._counters.add("otel_voice_exporter_send_failed_requests", reason=reason)
        if str(refusal) not in self._told:  # one that refuses everything must not fill the log
            self._told = {*self._told, str(refusal)} if len(self._told) < MAX_TOLD else {str(refusal)}
            LOG.error("refused for good by one destination, taken by another: %s", refusal)

    async def close(self) -> None:
        """Close every destination."""
        await asyncio.gather(*(one.close() for one in self._exporters))
