"""OTLP bytes to our events and back; the only module that knows field numbers. What is not ours is never decoded.

The messages below carry OTLP's field numbers but declare resources, scopes and spans as opaque bytes, so that they leave as they
came, unknown fields included. Only items that hold our prefix are parsed, with attributes as a map: a `KeyValue` has its layout.
A request of logs has the same three levels by the same numbers as one of traces; only its items differ.
"""

from __future__ import annotations

from otel_voice_processor.wire.encode import MAX_WARNING_BYTES, build_request, encode_attributes, encode_span, partial_success
from otel_voice_processor.wire.scan import MARKER, Found, Scan, holds_ours, scan

__all__ = [
    "MARKER",
    "MAX_WARNING_BYTES",
    "Found",
    "Scan",
    "build_request",
    "encode_attributes",
    "encode_span",
    "holds_ours",
    "partial_success",
    "scan",
]
