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

_SNAKE: Final = {"traceId": "trace_id", "spanId": "span_id", "parentSpanId": "parent_span_id"}
_ID_FIELDS: Final = tuple(_SNAKE)


def decode_request_json(body: bytes, signal: str = TRACES) -> str:
    """Return a request as one line of OTLP JSON: hex ids, integer enums, 64-bit integers as strings."""
    return json.dumps(request_tree(body, signal), ensure_ascii=False, separators=(",", ":"))


def check_request(body: bytes, signal: str = TRACES) -> None:
    """Raise `Undecodable` where a request is none."""
    _message(body, signal)


def request_tree(body: bytes, signal: str = TRACES) -> dict[str, Any]:
    """Return a request as the tree of OTLP JSON; raise `Undecodable` where it is none."""
    tree: dict[str, Any] = json_format.MessageToDict(_message(body, signal), use_integers_for_enums=True)
    for item in _items(tree):
        for owner in (item, *item.get("links", ())):
            for key in _ID_FIELDS:
                if key in owner:
                    owner[key] = base64.b64decode(owner[key]).hex()
    return tree


def _message(body: bytes, signal: str) -> Any:
    try:
        return (ExportLogsServiceRequest if signal == LOGS else ExportTraceServiceRequest).FromString(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not an OTLP {signal} request: {error}") from None


def encode_requests(tree: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the requests that a tree of OTLP JSON is, each with its signal; raise `Undecodable` where it is none. Changes the tree."""
    kinds: tuple[tuple[str, str, Any], ...] = (
        (TRACES, "resourceSpans", ExportTraceServiceRequest),
        (LOGS, "resourceLogs", ExportLogsServiceRequest),
    )
    if not any(member in tree for _, member, _ in kinds):
        raise Undecodable("neither traces nor logs: nothing else can be written")
    for item in _items(tree):
        for owner in (item, *_mappings(item.get("links"))):
            _encode_ids(owner)
    for signal, member, kind in kinds:
        if member not in tree:
            continue
        try:
            message = json_format.ParseDict({member: tree[member]}, kind(), ignore_unknown_fields=True)
            body = bytes(message.SerializeToString())
        except (json_format.ParseError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise Undecodable(f"not an OTLP {signal} request: {str(error)[:300]}") from None
        yield signal, body


def _encode_ids(owner: dict[str, Any]) -> None:
    for key in _ID_FIELDS:
        owner.pop(_SNAKE[key], None)  # protobuf's reader would take it for the same field, and OTLP JSON has no such
        if key in owner:
            try:
                owner[key] = base64.b64encode(bytes.fromhex(owner[key])).decode()
            except (TypeError, ValueError):
                raise Undecodable(f"`{key}` `{str(owner[key])[:64]}` is no hex") from None


def _mappings(listed: object) -> list[dict[str, Any]]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _items(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the spans and log records of a request's tree."""
    for outer, middle, inner in (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")):
        for group in _mappings(tree.get(outer)):
            for scoped in _mappings(group.get(middle)):
                yield from _mappings(scoped.get(inner))


def items(tree: Mapping[str, Any]) -> int:
    """Return how many spans and log records a request's tree holds."""
    return sum(1 for _ in _items(tree))
