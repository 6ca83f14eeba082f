"""Somewhere traces and logs go, as everybody who sends sees it."""

from __future__ import annotations

from typing import Protocol

from otel_voice_processor.model import TRACES


class Exporter(Protocol):
    """`send` is one attempt: it returns once the request is there, or raises `Retryable` or `Permanent`."""

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send one serialised request; return a warning for the sender where there is one."""

    async def close(self) -> None:
        """Let go of what is open; safe twice."""


def takes(exporter: Exporter, signal: str) -> bool:
    """Tell whether a signal goes there: all do, unless the exporter's `signals` say otherwise."""
    signals = getattr(exporter, "signals", None)
    return signals is None or signal in signals
