"""Ten thousand generated events, there and back: span, OTLP bytes, processor, file, envelope, span."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from otel_voice_processor.config import Config, File, Judging, Receiver
from otel_voice_processor.files import Document, documents, events
from otel_voice_processor.otlp_json import encode_requests
from otel_voice_processor.records import otlp_tree, with_ids, without_made_ids
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.service import Service
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.envelope import from_envelope, to_envelope
from otel_voice_schema.record import LOG, SPAN, Record

from tests import generated
from tests.generated import exact

COUNT = 10_000
BATCH = 500


def _body(tree: dict[str, Any]) -> bytes:
    ((_, body),) = encode_requests(tree)
    return body


def said(record: Record) -> Any:
    """What an event says, without what the processor adds to it."""
    facts = {key: value for key, value in record.attributes.items() if key not in ATTRIBUTES or not ATTRIBUTES[key].by_processor}
    return exact(Record(**{name: getattr(record, name) for name in Record.__slots__} | {"attributes": facts}))


def read(data: bytes) -> Iterator[Record]:
    for document in documents(io.BytesIO(data)):
        assert isinstance(document, Document), document
        yield from (each.record for each in events(document))


async def through_the_processor(bodies: list[bytes], path: Path) -> None:
    """Send requests by gRPC to a processor that writes a file."""
    config = Config(
        receiver=Receiver(endpoint="127.0.0.1:0"), file=File(path=str(path)), judging=Judging(keep_transcript_text=True), status=None
    )
    service = Service(config)
    await service.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.port}") as channel:
        for body in bodies:
            await raw_call(channel, TRACE_EXPORT)(body, timeout=30)
    await service._receiver.stop(1.0)  # its own summaries are not asked for here
    for task in service._tasks:
        task.cancel()
    await asyncio.gather(*service._tasks, return_exceptions=True)


@pytest.mark.slow
async def test_ten_thousand_events_survive_the_whole_way(tmp_path: Path) -> None:
    """Unchanged in what they say: names, times, ids, resource, every fact and every extra, with their types."""
    rng = random.Random(20261125)
    sent = [with_ids(generated.record(rng, by_sender=True)) for _ in range(COUNT)]
    bodies = [_body(otlp_tree(sent[at : at + BATCH], SPAN)) for at in range(0, COUNT, BATCH)]
    await through_the_processor(bodies, tmp_path / "calls.jsonl")
    by_id = {record.span_id: record for record in sent}
    lines = [json.dumps(to_envelope(record)) for record in read((tmp_path / "calls.jsonl").read_bytes())]
    back = [from_envelope(json.loads(line)) for line in lines]
    again = list(read(b"".join(_body(otlp_tree(back[at : at + BATCH], SPAN)) for at in range(0, len(back), BATCH))))

    assert COUNT == len(back) == len(again)
    for record in again:
        assert said(by_id[record.span_id]) == said(record)


@pytest.mark.parametrize("carrier", [SPAN, LOG])
def test_made_ids_are_taken_back(carrier: str) -> None:
    """An envelope without ids becomes a span, which needs some, and comes back as it was."""
    rng = random.Random(7)
    for _ in range(300):
        record = from_envelope(to_envelope(generated.record(rng)))
        if record.span_id and not record.trace_id:
            continue  # it keeps the trace that it was given: that of its call
        (back,) = read(_body(otlp_tree([record], carrier)))

        if carrier == LOG:  # tells neither a parent nor, but by the event's own facts, a start
            back = Record(**{name: getattr(back, name) for name in Record.__slots__} | {"start_ns": record.start_ns, "parent_span_id": ""})
            assert exact(record.attributes) == exact(back.attributes)
        else:
            assert to_envelope(record) == to_envelope(without_made_ids(back))
