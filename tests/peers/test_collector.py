"""A real OpenTelemetry Collector in front of the processor and one behind it, with 20,000 spans, ours mixed in."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.config import Config, Judging, Receiver, Tls, TraceExporter
from otel_voice_processor.model import CallRecord
from otel_voice_processor.rpc import TRACE_EXPORT
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import emit, simulate
from otel_voice_processor.testing import Sink, free_port

from tests.peers.servers import collector
from tests.peers.spans import foreign
from tests.processor.test_walk import fields, spans_of

pytestmark = pytest.mark.peers
SPANS, PER_REQUEST, CALLS = 20_000, 500, 60
OURS = b"voice.interruption."


def traffic(chance: random.Random) -> Iterator[ExportTraceServiceRequest]:
    """Yield requests: calls from start to end, other spans between them."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    start_ns = time.time_ns() - 600 * 10**9
    for script in simulate(11, CALLS):
        emit(script, provider, start_ns=start_ns)
    encoded = encode_spans(memory.get_finished_spans()).resource_spans[0]
    voices = [(scoped.scope, span) for scoped in encoded.scope_spans for span in scoped.spans]
    every, turn = SPANS / len(voices), 0
    for first in range(0, SPANS, PER_REQUEST):
        group, voice = ResourceSpans(resource=encoded.resource), ScopeSpans(scope=voices[0][0])
        other = group.scope_spans.add()
        other.scope.name = "web"
        for number in range(first, first + PER_REQUEST):
            if turn < len(voices) and number >= turn * every:
                voice.spans.append(voices[turn][1])
                turn += 1
            else:
                other.spans.append(foreign(chance))
        group.scope_spans.append(voice)
        yield ExportTraceServiceRequest(resource_spans=[group])


def meanings(requests: list[bytes]) -> dict[bytes, tuple[str, Span]]:
    """Return each span by its id, with its scope: what OTLP says, whatever the bytes."""
    found: dict[bytes, tuple[str, Span]] = {}
    for body in requests:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next((each.value.string_value for each in group.resource.attributes if each.key == "service.name"), "")
            for scoped in group.scope_spans:
                found.update({span.span_id: (f"{service}/{scoped.scope.name}", span) for span in scoped.spans})
    return found


def untouched(bodies: list[bytes]) -> Counter[bytes]:
    """Return the bytes of each span that is not ours, field 5 of a span being its name."""
    return Counter(raw for raw in spans_of(bodies) if not any(name.startswith(OURS) for name in fields(raw, 5)))


async def arrived(sink: Sink, requests: int) -> None:
    """Wait until so many requests have come out at the end."""
    async with asyncio.timeout(120):
        while len(sink.requests) < requests:  # noqa: ASYNC110 - a collector does not tell
            await asyncio.sleep(0.1)


def hop(port: int, onward: str) -> str:
    """Return the config of a collector that only passes on."""
    return f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}", max_recv_msg_size_mib: 64}}}}}}}}
exporters: {{otlp_grpc: {{endpoint: "{onward}", tls: {{insecure: true}}, compression: none, sending_queue: {{queue_size: 1000}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  extensions: [health_check]
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}, logs: {{receivers: [otlp], exporters: [otlp_grpc]}}}}
"""


async def test_twenty_thousand_spans_between_two_collectors(tmp_path: Path) -> None:
    """Equal in meaning from end to end, byte-equal between the processor's input and its output; every call gets its verdicts."""
    records: list[CallRecord] = []
    front, behind = free_port(), free_port()
    taken: list[bytes] = []
    given: list[bytes] = []
    async with Sink() as sink:
        with collector(tmp_path / "behind", hop(behind, sink.endpoint)):
            traces = (TraceExporter(endpoint=f"127.0.0.1:{behind}", tls=Tls(insecure=True)),)
            config = Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=traces, judging=Judging(settle_after=600.0))
            service = Service(config, on_call=records.append)
            process = service._pipeline.process

            async def tapped(body: bytes, signal: str) -> Any:
                done = await process(body, signal)
                taken.append(body)
                given.append(done.body)
                return done

            service._pipeline.process = tapped  # type: ignore[method-assign]
            await service.start()
            with collector(tmp_path / "front", hop(front, f"127.0.0.1:{service.port}")):
                sent = [request.SerializeToString() for request in traffic(random.Random(5))]
                async with grpc.aio.insecure_channel(f"127.0.0.1:{front}") as channel:
                    export = channel.unary_unary(TRACE_EXPORT, None, None)
                    for body in sent:
                        await export(body, timeout=30)
                await arrived(sink, len(sent))
            await service.stop()
            await arrived(sink, len(sent) + 1)  # the summaries
    before, after = meanings(sent), meanings(sink.requests[: len(sent)])

    assert SPANS == len(before) == len(after)
    assert untouched(taken) == untouched(given)
    assert SPANS * 0.8 < untouched(taken).total() < SPANS
    for span_id, (scope, span) in before.items():
        scope_after, span_after = after[span_id]
        assert scope == scope_after
        if span.name.startswith(OURS.decode()):
            kept = {each.key: each.value for each in span_after.attributes}
            assert all(kept[each.key] == each.value for each in span.attributes)
            assert len(kept) > len(span.attributes)
            del span.attributes[:], span_after.attributes[:]
        assert span == span_after
    assert CALLS == len(records)
    assert CALLS / 2 < sum(len(record.episodes) for record in records)
