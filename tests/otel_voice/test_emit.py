"""One call, one trace, whole or not at all; failures stay here."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased

from otel_voice import VoiceCall
from otel_voice.emit import STATE, derive_ids, failures
from otel_voice.testing import capture_events

CALLS = 40


def two_emitters(call_id: str, provider: TracerProvider, ratio: float = 1.0) -> None:
    call = VoiceCall(call_id, tracer_provider=provider, sampling_ratio=ratio)
    other = VoiceCall.attach(call_id, tracer_provider=provider, sampling_ratio=ratio)
    other.candidate(input_type="dtmf", dtmf_digit="1")
    call.end()


@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("current", [None, ALWAYS_ON, ALWAYS_OFF])
@pytest.mark.parametrize("sampler", [ALWAYS_ON, TraceIdRatioBased(0.5), ParentBased(TraceIdRatioBased(0.5))])
def test_no_call_arrives_in_part(sampler: Sampler, current: Sampler | None, ratio: float) -> None:
    """Whatever samples, and whatever span is current, three events of a call arrive or none."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for number in range(CALLS):
        if current is None:
            two_emitters(f"call_{number}", provider, ratio)
        else:
            with TracerProvider(sampler=current).get_tracer("agent").start_as_current_span("job"):
                two_emitters(f"call_{number}", provider, ratio)
    counts = Counter(span.context.trace_id for span in memory.get_finished_spans() if span.context)

    assert {3} == set(counts.values())


def test_a_current_span_is_linked_or_joined() -> None:
    """The trace is the call's own unless joined."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with TracerProvider().get_tracer("agent").start_as_current_span("job") as job:
        VoiceCall("call_1", tracer_provider=provider)
        VoiceCall("call_1", tracer_provider=provider, join=True)
    own, joined = memory.get_finished_spans()

    assert own.context is not None
    assert joined.context is not None
    assert own.parent is not None
    assert derive_ids("call_1") == (own.context.trace_id, own.parent.span_id)
    assert job.get_span_context() == own.links[0].context
    assert job.get_span_context().trace_id == joined.context.trace_id


def test_a_failure_is_kept_from_the_agent() -> None:
    """Wrong values are counted outside of tests, and raise in them."""
    call = VoiceCall("call_1", tracer_provider=TracerProvider())
    before = failures()
    call.candidate().decided("stop")

    assert before + 1 == failures()
    with capture_events(), pytest.raises(ValueError, match="is `stop`, not one of"):
        call.candidate().decided("stop")


def test_events_that_go_nowhere_are_told_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """One loud warning per process."""
    monkeypatch.setattr(STATE, "told", set())
    with caplog.at_level(logging.WARNING, "otel_voice"):
        VoiceCall("call_1", tracer_provider=trace.NoOpTracerProvider()).end()

    assert sum("go nowhere" in record.message for record in caplog.records) == 1


def test_the_agents_name_is_told() -> None:
    """A name of OpenTelemetry's own passes the registry's check."""
    with capture_events() as events:
        VoiceCall("c", agent_name="front_desk")

    assert "front_desk" == events[0].attributes["gen_ai.agent.name"]
