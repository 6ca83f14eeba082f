"""One request through the pipeline: what is marked, counted and said, and that nothing of it stops the others."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_voice_processor.model import Attributes, Value
from otel_voice_processor.pipeline import RULED, YIELD_EVERY, Pipeline
from otel_voice_processor.summary import ruling_attributes
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.wire import build_request, encode_attributes, encode_span
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.record import Record
from otel_voice_schema.validate import faults, unjudged

from otel_voice.policy import CANDIDATE_ATTRIBUTES, Candidate, decide_plainly, load_default
from tests import generated

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


@settings(max_examples=150, deadline=None)
@given(seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=8))
def test_what_is_written_is_what_the_plain_interpreter_rules(seeds: list[int]) -> None:
    """Field by field and in its order, of any events, also where the same ruling was written before."""
    records = [record for record in map(any_record, seeds) if judged(record)]
    body = request(*map(encoded, records))
    came = spans_of(body)

    for _ in range(2):
        for record, before, after in zip(records, came, spans_of(asyncio.run(KEEPING_TEXT.process(body)).body), strict=True):
            facts = {pair.key: pair.value for pair in after.attributes[len(before.attributes) :]}
            facts.pop("voice.policy.required_content", None)
            appended = Span.FromString(encode_attributes(plainly(record))).attributes

            assert [(pair.key, pair.value) for pair in appended] == list(facts.items())


KEEPING_TEXT = Pipeline(load_default(), Counters(), keep_text=True)


def any_record(seed: int) -> Record:
    """Return an event that conforms, with the registry's attributes alone."""
    record = generated.record(random.Random(seed), by_sender=True)
    return replace(record, attributes={key: value for key, value in record.attributes.items() if key in ATTRIBUTES})


def judged(record: Record) -> bool:
    """Tell whether an event can be judged."""
    return not unjudged(faults(record.attributes, start_ns=record.start_ns, time_ns=record.time_ns))


def encoded(record: Record) -> bytes:
    """Return a generated event as a span."""
    return encode_span(
        name=record.name,
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        parent_span_id=b"",
        start_ns=record.start_ns,
        end_ns=record.time_ns,
        attributes=cast(Attributes, record.attributes),
    )


def spans_of(body: bytes) -> list[Span]:
    """Return a request's spans."""
    return [
        span for group in ExportTraceServiceRequest.FromString(body).resource_spans for each in group.scope_spans for span in each.spans
    ]


def plainly(record: Record) -> dict[str, Value]:
    """Return what has to be written on an event, by the interpreter that nothing is compiled for, asked with every field."""
    facts = dict(record.attributes)
    version: dict[str, Value] = {a.VOICE_POLICY_VERSION: load_default().version}
    said = {a.VOICE_CALLER_INPUT_TYPE, a.VOICE_CALLER_INPUT_CLASS, a.VOICE_CALLER_TRANSCRIPT_STATUS, a.VOICE_CALLER_TRANSCRIPT_TEXT}
    if record.name == e.SILENCE_TIMEOUT:
        facts[a.VOICE_CALLER_INPUT_TYPE] = "silence"
    elif record.name not in RULED or said.isdisjoint(facts):
        return version
    facts.setdefault(a.VOICE_CALLER_INPUT_TYPE, "speech")
    if record.name == e.USER_SPEECH_STOPPED and a.VOICE_CALLER_SILENCE_DURATION_MS in facts:
        facts.setdefault(a.VOICE_SILENCE_ELAPSED_MS, facts[a.VOICE_CALLER_SILENCE_DURATION_MS])
    fields = {name: facts[key] for name, key in CANDIDATE_ATTRIBUTES.items() if key in facts}
    return ruling_attributes(decide_plainly(load_default(), Candidate(**fields)), "arrival")  # type: ignore[arg-type]


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
