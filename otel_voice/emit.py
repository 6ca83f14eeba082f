"""The only place that touches OpenTelemetry: one event becomes one span or log event, one call one trace."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracerProvider,
    ProxyTracerProvider,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    TracerProvider,
)
from otel_voice_schema.events import SCHEMA_URL
from otel_voice_schema.record import LOG, SPAN

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider

SCOPE: Final = "otel-voice"
_LOG_PROXY: Final = "ProxyLoggerProvider"  # which the API does not export
Value = str | bool | int | float | Sequence[str]
P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")
logger = logging.getLogger("otel_voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedEvent:
    """One event as it left the helper, for tests."""

    name: str
    attributes: Mapping[str, Value]
    start_ns: int
    time_ns: int
    trace_id: int


class _State:
    """What is one per process: who listens, whether failures raise, what was said already."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.listeners: list[Callable[[CapturedEvent], None]] = []
        self.strict = 0
        self.failures = 0
        self.told: set[str] = set()
        self.provider: TracerProvider | None = None
        self.logger_provider: LoggerProvider | None = None
        self.carrier = SPAN

    def once(self, key: str) -> bool:
        """Return whether `key` is new."""
        with self.lock:
            new = key not in self.told
            self.told.add(key)
            return new


STATE: Final = _State()


def failures() -> int:
    """Return how many failures were kept from the agent since the process began."""
    return STATE.failures


def failed(where: str, error: Exception) -> None:
    """Count a failure and log its kind once; raise it where strict."""
    if STATE.strict:
        raise error
    with STATE.lock:
        STATE.failures += 1
    if STATE.once(f"{where}:{type(error).__name__}"):
        _log("otel-voice: `%s` failed, the agent goes on without this event: %s", where, error, exc_info=error)


def _log(message: str, *arguments: object, exc_info: Exception | None = None) -> None:
    """Warn, whatever the application's handlers do."""
    with contextlib.suppress(Exception):
        logger.warning(message, *arguments, exc_info=exc_info)


def left_out(where: str, error: Exception) -> None:
    """Count a value that does not leave and log it once, the event going on without it; raise where strict."""
    if STATE.strict:
        raise error
    with STATE.lock:
        STATE.failures += 1
    if STATE.once(f"{where}:value"):
        _log("otel-voice: a value is left out, the event goes on without it: %s", error)


def guarded(fallback: Callable[[Any], Any]) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Keep a method's failures from the agent: it returns `fallback(self)` instead."""

    def wrap(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def safe(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                failed(method.__qualname__, error)
                return cast(R, fallback(self))

        return safe

    return wrap


def nothing(_: object) -> None:
    """Return None: the fallback of methods that return nothing."""


def derive_ids(call_id: str) -> tuple[int, int]:
    """Return the trace id and the root span id of a call: emitters that share only its id share its trace."""
    return _number(call_id, 16, b"otel-voice trace"), _number(call_id, 8, b"otel-voice span ")


def kept(call_id: str, ratio: float) -> bool:
    """Return whether a call is sampled; the same for every emitter of the call."""
    return ratio >= 1.0 or _number(call_id, 8, b"otel-voice keep ") < ratio * 2**64


def _number(call_id: str, size: int, person: bytes) -> int:
    return int.from_bytes(blake2b(call_id.encode(), digest_size=size, person=person).digest(), "big") or 1


@functools.cache
def package_version() -> str:
    """Return the installed version, or 0 where the package runs from a folder."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("otel-voice")
    except PackageNotFoundError:
        return "0"


class Emitter:
    """Turns the events of one call into spans, or log events, under its derived root; under the current span where joined."""

    def __init__(
        self,
        call_id: str,
        *,
        tracer_provider: TracerProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        carrier: str = SPAN,
        join: bool = False,
        ratio: float = 1.0,
    ) -> None:
        self._provider = tracer_provider
        self._logger_provider = logger_provider
        self.carrier = carrier
        self._kept = kept(call_id, ratio)
        self._warned = False
        self._known: object = None  # the provider that the tracer or logger at hand is of
        self._tracer: Tracer | None = None
        self._logger: Logger | None = None
        trace_id, span_id = derive_ids(call_id)
        root = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        current = trace.get_current_span().get_span_context()
        self._origin = current if current.is_valid and not join else None
        self._parent = current if current.is_valid and join else root
        self._context = trace.set_span_in_context(NonRecordingSpan(self._parent), Context())

    def heard(self) -> bool:
        """Tell whether anybody would get an event now; where nobody would, nothing need be made of it."""
        if not self._kept:
            return False
        try:
            sender = self._sender()
        except Exception:  # whoever sends the event will tell
            return True
        if sender is not None or STATE.listeners:
            return True
        self._warn()
        return False

    def _sender(self) -> Tracer | Logger | None:
        """Return the tracer or logger to send by, None where no SDK is set up."""
        if self.carrier == LOG:
            return self._log_sender()
        provider = self._provider or STATE.provider
        if provider is None or isinstance(provider, ProxyTracerProvider):
            provider = trace.get_tracer_provider()
        if provider is not self._known:
            silent = isinstance(provider, (ProxyTracerProvider, NoOpTracerProvider))
            self._known, self._tracer = provider, None if silent else provider.get_tracer(SCOPE, package_version(), SCHEMA_URL)
        return self._tracer

    def _log_sender(self) -> Logger | None:
        from opentelemetry import _logs

        provider = self._logger_provider or STATE.logger_provider
        if provider is None or type(provider).__name__ == _LOG_PROXY:
            provider = _logs.get_logger_provider()
        if provider is not self._known:
            silent = type(provider).__name__ in {_LOG_PROXY, "NoOpLoggerProvider"}
            self._known, self._logger = provider, None if silent else provider.get_logger(SCOPE, package_version(), SCHEMA_URL)
        return self._logger

    def emit(self, name: str, attributes: dict[str, Value], *, start_ns: int, time_ns: int, link: bool = False) -> None:
        """Send one event; `link` adds a link to the span that was current when the call began."""
        if not self._kept:
            return
        for listener in STATE.listeners:
            listener(
                CapturedEvent(name=name, attributes=dict(attributes), start_ns=start_ns, time_ns=time_ns, trace_id=self._parent.trace_id)
            )
        sender = self._sender()
        if sender is None:
            self._warn()
        elif self.carrier == LOG:
            self._send_log(name, attributes, time_ns)
        else:
            self._send_span(name, attributes, start_ns, time_ns, link)

    def _send_span(self, name: str, attributes: dict[str, Value], start_ns: int, time_ns: int, link: bool) -> None:
        if self._tracer is None:
            return
        links = [Link(self._origin)] if link and self._origin is not None else None
        span = self._tracer.start_span(
            name, context=self._context, kind=SpanKind.INTERNAL, attributes=attributes, links=links, start_time=start_ns
        )
        span.end(end_time=time_ns)
        if span.get_span_context().span_id == self._parent.span_id:  # a tracer that does nothing gives the parent back
            self._warn()

    def _send_log(self, name: str, attributes: dict[str, Value], time_ns: int) -> None:
        from opentelemetry._logs import SeverityNumber

        if self._logger is not None:
            self._logger.emit(
                event_name=name, timestamp=time_ns, context=self._context, severity_number=SeverityNumber.INFO, attributes=attributes
            )

    def _warn(self) -> None:
        if self._warned:
            return
        self._warned = True
        if not STATE.listeners and STATE.once("no-op"):
            kind = "logger" if self.carrier == LOG else "tracer"
            _log(
                "otel-voice: events go nowhere, no OpenTelemetry %s provider is set; call `otel_voice.configure(endpoint=...)`"
                " or set one up before the first call",
                kind,
            )

    def flush(self) -> None:
        """Send what the provider holds back; for the end of a job's process."""
        self._sender()
        provider = self._known
        flush = getattr(provider, "force_flush", None)
        if flush is not None:
            flush(5_000)


def can_log() -> bool:
    """Tell whether the installed OpenTelemetry API knows log events."""
    from inspect import signature

    from opentelemetry._logs import Logger

    return "event_name" in signature(Logger.emit).parameters
