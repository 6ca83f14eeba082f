"""One request through the pipeline: what is marked, counted and said, and that nothing of it stops the others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otel_voice_processor.pipeline import YIELD_EVERY, Pipeline
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.wire import build_request, encode_span

from otel_voice.policy import load_default

BASE = 1_790_000_000_000_000_000


def span(name: str, number: int = 1, **attributes: Any) -> bytes:
    facts = {"voice.call.id": "call_1"} | {f"voice.{key.replace('__', '.')}": value for key, value in attributes.items()}
    return encode_span(
        name=f"voice.interruption.{name}",
        trace_id=b"t" * 16,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=b"",
        start_ns=BASE,
        end_ns=BASE,
        attributes=facts,
    )


def request(*spans: bytes) -> bytes:
    return build_request({"service.name": "agent"}, "scope", "1", "", spans)


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def pipeline(counters: Counters) -> Pipeline:
    return Pipeline(load_default(), counters)


async def test_a_span_that_cannot_be_read_is_counted_and_told(pipeline: Pipeline, counters: Counters) -> None:
    """Invalid UTF-8 in a span of ours: it goes on as it came, and the sender hears of it."""
    broken = span("call_started", voice="x").replace(b"call_1", b"\xff\xfe\xfd_11")
    body = request(broken, span("call_started", 2))
    processed = await pipeline.process(body)

    assert broken in processed.body
    assert len(processed.events) == 1
    assert "1 records hold our prefix and cannot be read" in processed.warning
    assert counters.snapshot()["otel_voice_processor_unreadable_records", ()] == 1


async def test_a_policy_that_fails_costs_no_span(pipeline: Pipeline, counters: Counters, monkeypatch: pytest.MonkeyPatch) -> None:
    """The span goes on without a ruling, its event is joined, the failure is counted."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("otel_voice_processor.pipeline.decide", fails)
    processed = await pipeline.process(request(span("candidate_detected", caller__input__type="dtmf", caller__dtmf__class="digit")))
    (told,) = ExportTraceServiceRequest.FromString(processed.body).resource_spans[0].scope_spans[0].spans

    assert len(processed.events) == 1
    assert "voice.policy.version" in {pair.key for pair in told.attributes}
    assert "voice.policy.action" not in {pair.key for pair in told.attributes}
    assert counters.snapshot()["otel_voice_processor_policy_failures", ()] == 1


async def test_a_large_request_lets_others_in(pipeline: Pipeline) -> None:
    """Forty times the yield's distance in one request: the loop turns at least so often meanwhile."""
    body = request(*(span("call_started", number) for number in range(1, 40 * YIELD_EVERY)))
    turns = 0
    working = asyncio.ensure_future(pipeline.process(body))
    while not working.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns >= 39
    assert len((await working).events) == 40 * YIELD_EVERY - 1


@pytest.mark.parametrize(
    ("message", "told", "proof"),
    [
        ("disclosure", {"end_reason": "completed"}, "played"),
        ("disclosure", {"end_reason": "interrupted", "position_ms": 1840}, "cut"),
        ("disclosure", {"end_reason": "failed"}, "cut"),
        ("disclosure", {}, "unknown"),
        ("support_answer", {"end_reason": "completed"}, None),
    ],
)
async def test_the_end_of_playback_proves_that_required_content_was_played(
    pipeline: Pipeline, message: str, told: dict[str, Any], proof: str | None
) -> None:
    """For what the policy protects, and for nothing else."""
    facts = {f"agent__playback__{key}": value for key, value in told.items()}
    processed = await pipeline.process(request(span("agent.speech_stopped", agent__message__type=message, **facts)))
    (seen,) = ExportTraceServiceRequest.FromString(processed.body).resource_spans[0].scope_spans[0].spans
    attributes = {pair.key: pair.value.string_value for pair in seen.attributes}

    assert attributes.get("voice.policy.required_content") == proof
