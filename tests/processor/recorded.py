"""Calls in files, as agents and as the processor write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.otlp_json import request_tree
from otel_voice_processor.records import otlp_tree
from otel_voice_processor.summary import summary_request
from otel_voice_schema.events import SCHEMA_VERSION
from otel_voice_schema.record import SPAN, Record

from otel_voice.emit import derive_ids


def told(events: Iterable[VoiceEvent]) -> str:
    """Return events as an agent's exporter writes them, one request on one line."""
    records = [
        Record(
            name=event.name,
            time_ns=event.time_ns,
            start_ns=event.start_ns,
            attributes={**event.attributes, "voice.schema.version": SCHEMA_VERSION},
            trace_id=f"{derive_ids(event.call_id)[0]:032x}",
            span_id=(1 + int.from_bytes(event.span_id)).to_bytes(8, "big").hex(),
            resource={"service.name": event.emitter},
        )
        for event in events
    ]
    return json.dumps(otlp_tree(records, SPAN), ensure_ascii=False) + "\n"


def settled(record: CallRecord, *, whole: bool = True) -> str:
    """Return the summaries that the processor writes of a call."""
    return json.dumps(request_tree(summary_request(record.episodes, record, whole=whole, instance="one")), ensure_ascii=False) + "\n"


def write(path: Path, parts: Sequence[str]) -> str:
    """Write a file of calls, and return its name."""
    path.write_text("".join(parts), encoding="utf-8")
    return str(path)
