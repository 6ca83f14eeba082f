"""OTLP bytes to our events and back; the only module that knows field numbers. What is not ours is never decoded.

The slim messages carry OTLP's field numbers but declare resources, scopes and spans as opaque bytes, so that they leave as they
came, unknown fields included. Only items that hold our prefix are parsed, with attributes as a map: a `KeyValue` has its layout.
A request of logs has the same three levels by the same numbers as one of traces; only its items differ. A native codec, built where a
C compiler is there, does the same for traces several times faster; what it does not know it leaves to the slim messages.
"""

from __future__ import annotations

from collections.abc import Callable

from otel_voice_processor.model import TRACES
from otel_voice_processor.wire.encode import MAX_WARNING_BYTES, Ready, build_request, encode_attributes, encode_span, partial_success
from otel_voice_processor.wire.found import Found
from otel_voice_processor.wire.native import NATIVE, native_scan
from otel_voice_processor.wire.scan import MARKER, Scan
from otel_voice_processor.wire.slim import SlimScan

__all__ = [
    "MARKER",
    "MAX_WARNING_BYTES",
    "Found",
    "Ready",
    "Scan",
    "build_request",
    "codec",
    "encode_attributes",
    "encode_span",
    "partial_success",
    "scan",
]


def codec() -> str:
    """Return which codec reads plain requests of traces: `native` or `slim`."""
    return "slim" if NATIVE is None else "native"


def scan(body: bytes, signal: str = TRACES, *, aliases: bool = False, hidden: Callable[[str], bool] | None = None) -> Scan:
    """Find the events of ours in a request; raise `Undecodable` where it holds our prefix and is no OTLP request.

    With `aliases` the runbook's plain names are looked for, too; `hidden` tells which keys `redact` takes out. What holds no event of
    ours is not decoded.
    """
    found = native_scan(body, hidden) if signal == TRACES and not aliases else None
    return found if found is not None else SlimScan(body, signal, aliases=aliases, hidden=hidden)
