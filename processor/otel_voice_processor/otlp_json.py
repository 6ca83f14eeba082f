"""OTLP requests as OTLP JSON and back: hex ids, integer enums, 64-bit integers as texts, which protobuf's own JSON has otherwise."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_voice_processor.errors import Undecodable
from otel_voice_processor.model import LOGS, TRACES

_ID_FIELDS: Final = ("traceId", "spanId", "parentSpanId")


def decode_request_json(body: bytes, signal: str = TRACES) -> str:
    """Return a request as one line of OTLP JSON: hex ids, integer enums, 64-bit integers as strings."""
    return json.dumps(request_tree(body, signal), ensure_ascii=False, separators=(",", ":"))


def request_tree(body: bytes, signal: str = TRACES) -> dict[str, Any]:
    """Return a request as the tree of OTLP JSON; raise `Undecodable` where it is none."""
    kind = ExportLogsServiceRequest if signal == LOGS else ExportTraceServiceRequest
    try:
        tree: dict[str, Any] = json_format.MessageToDict(kind.FromString(body), use_integers_for_enums=True)
    except (DecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not an OTLP {signal} request: {error}") from None
    for item in _items(tree):
        for owner in (item, *item.get("links", ())):
            for key in _ID_FIELDS:
                if key in owner:
                    owner[key] = base64.b64decode(owner[key]).hex()
    return tree


def encode_request(tree: dict[str, Any]) -> tuple[str, bytes]:
    """Return the signal and the bytes of a request that is the tree of OTLP JSON; raise `Undecodable` where it is none. Changes it."""
    signal = LOGS if "resourceLogs" in tree else TRACES
    for item in _items(tree):
        for owner in (item, *item.get("links", ())):
            for key in _ID_FIELDS:
                if key in owner:
                    try:
                        owner[key] = base64.b64encode(bytes.fromhex(owner[key])).decode()
                    except (TypeError, ValueError):
                        raise Undecodable(f"`{key}` `{str(owner[key])[:64]}` is no hex") from None
    kind = ExportLogsServiceRequest if signal == LOGS else ExportTraceServiceRequest
    try:
        message: Any = json_format.ParseDict(tree, kind(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise Undecodable(f"not an OTLP {signal} request: {str(error)[:300]}") from None
    return signal, message.SerializeToString()


def _items(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the spans and log records of a request's tree."""
    for outer, middle, inner in (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")):
        for group in tree.get(outer, ()):
            for scoped in group.get(middle, ()):
                yield from scoped.get(inner, ())
