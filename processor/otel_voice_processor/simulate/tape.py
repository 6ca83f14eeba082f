"""An OpenTelemetry API that takes spans down instead of sending them, so that they can be sent late, twice, or never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer, TracerProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Taped:
    """One event as a helper handed it to OpenTelemetry; times are Unix ns."""

    name: str
    emitter: str
    attributes: Mapping[str, Any]
    start_ns: int
    time_ns: int
    context: Context | None
    links: Any
    scope: tuple[Any, ...]

    def send(self, provider: TracerProvider) -> None:
        """Send it on as it was handed over."""
        tracer = provider.get_tracer(*self.scope)
        span = tracer.start_span(
            self.name,
            context=self.context,
            kind=SpanKind.INTERNAL,
            attributes=self.attributes,
            links=self.links,
            start_time=self.start_ns,
        )
        span.end(end_time=self.time_ns)


class Tape(TracerProvider):
    """Takes down what one emitter sends; several may share a `taken`."""

    def __init__(self, taken: list[Taped], emitter: str) -> None:
        self.taken, self.emitter = taken, emitter

    def get_tracer(self, *scope: Any, **_: Any) -> Tracer:
        """Return a tracer that takes down."""
        return _Tracer(self, scope)


class _Tracer(Tracer):
    def __init__(self, tape: Tape, scope: tuple[Any, ...]) -> None:
        self._tape, self._scope = tape, scope

    def start_span(self, name: str, context: Context | None = None, *rest: Any, **facts: Any) -> Span:
        return _Span(self._tape, self._scope, name, context, facts)

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("helpers start no span that is current")


class _Span(NonRecordingSpan):
    def __init__(self, tape: Tape, scope: tuple[Any, ...], name: str, context: Context | None, facts: Mapping[str, Any]) -> None:
        super().__init__(SpanContext(1, len(tape.taken) + 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
        self._tape, self._scope, self._named, self._under, self._facts = tape, scope, name, context, facts

    def end(self, end_time: int | None = None) -> None:
        """Take it down."""
        self._tape.taken.append(
            Taped(
                name=self._named,
                emitter=self._tape.emitter,
                attributes=dict(self._facts.get("attributes") or {}),
                start_ns=self._facts["start_time"],
                time_ns=end_time or 0,
                context=self._under,
                links=self._facts.get("links"),
                scope=self._scope,
            )
        )
