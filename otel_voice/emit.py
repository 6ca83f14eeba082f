"""The only place that touches OpenTelemetry: one event, one span; one call, one trace."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer, TracerProvider
from otel_voice_schema import SCHEMA_URL

LOG = logging.getLogger("otel_voice")
SCOPE = "otel-voice"
_warned = threading.Event()


def derive_ids(call_id: str) -> tuple[int, int]:
    """Return a call's trace id (128 bit) and root span id (64 bit), derived from the call id by BLAKE2b.

    Emitters that share only the call id share the trace. Neither is ever zero, which OpenTelemetry calls invalid.
    """
    key = call_id.encode()
    trace_id = int.from_bytes(hashlib.blake2b(key, digest_size=16, person=b"otel-voice trace").digest(), "big")
    span_id = int.from_bytes(hashlib.blake2b(key, digest_size=8, person=b"otel-voice span ").digest(), "big")
    return trace_id or 1, span_id or 1


def kept(call_id: str, ratio: float) -> bool:
    """Tell whether a call is kept at a sampling ratio: whole or not at all, the same for every emitter."""
    if ratio >= 1.0:
        return True
    number = int.from_bytes(hashlib.blake2b(call_id.encode(), digest_size=8, person=b"otel-voice keep ").digest(), "big")
    return number < ratio * 2**64


class Emitter:
    """Starts and ends spans under a call's root. What is current in a callback is never used."""

    def __init__(self, call_id: str, provider: TracerProvider | None, *, join: bool = False) -> None:
        self._tracer: Tracer = trace.get_tracer(SCOPE, None, provider, SCHEMA_URL)
        current = trace.get_current_span().get_span_context()
        self.found = current if current.is_valid else None
        trace_id, span_id = derive_ids(call_id)
        if join and self.found is not None:
            self._root = self.found
        else:
            self._root = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        self._joined = self._root is self.found
        self._context = trace.set_span_in_context(NonRecordingSpan(self._root), Context())

    def emit(self, name: str, attributes: Mapping[str, object], *, start_ns: int, end_ns: int, first: bool = False) -> None:
        """Emit one event as a span; the first of a call links the span that was current when the call began."""
        links = [Link(self.found)] if first and self.found is not None and not self._joined else None
        span = self._tracer.start_span(
            name,
            context=self._context,
            kind=SpanKind.INTERNAL,
            attributes=attributes,  # type: ignore[arg-type]
            links=links,
            start_time=start_ns,
        )
        if isinstance(span, NonRecordingSpan) and span.get_span_context() == self._root:
            _warn()
        span.end(end_ns)


def _warn() -> None:
    """Say once, loudly, that nothing is recorded."""
    if not _warned.is_set():
        _warned.set()
        LOG.warning(
            "no OpenTelemetry SDK is configured: voice events go nowhere; call otel_voice.configure(endpoint=...) or set a tracer provider"
        )
