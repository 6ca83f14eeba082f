"""Whatever the agent hands to a helper, nothing is raised into it, and what is right arrives."""

from __future__ import annotations

import inspect
import logging
import math
import threading
import uuid
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_voice import Interruption, VoiceCall
from otel_voice.emit import STATE, failures
from otel_voice.testing import capture_events

CALL_METHODS = sorted(name for name in vars(VoiceCall) if hasattr(getattr(VoiceCall, name), "__wrapped__") and name != "message")
INTERRUPTION_METHODS = ("decided", "recovered", "false_positive")


class Hostile:
    """Fails at whatever is done with it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # pytest and hypothesis look at these
            raise AttributeError(name)
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62)
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "", "uh-huh", "final", "speech", "menu_prompt", "response_1", 1_790_000_000_000_000_000])
    | st.lists(st.integers() | st.text(), max_size=3)
    | st.dictionaries(st.text(), st.integers() | st.text(), max_size=2)
    | st.builds(object)
    | st.builds(Hostile)
)


def odd_arguments(draw: st.DrawFn, method: Any) -> dict[str, Any]:
    names = [name for name, each in inspect.signature(method).parameters.items() if name != "self" and each.kind != each.VAR_KEYWORD]
    return {name: draw(ODD) for name in names if draw(st.booleans())}


def memory_provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider, memory


def sent(spans: tuple[ReadableSpan, ...]) -> list[Any]:
    """Return the spans as OTLP carries them; raises where one cannot be carried."""
    encoded = encode_spans(spans)
    again = type(encoded).FromString(encoded.SerializeToString())
    return [span for resource in again.resource_spans for scope in resource.scope_spans for span in scope.spans]


@given(st.data())
def test_no_argument_raises_or_spoils_a_batch(data: st.DataObject) -> None:
    """Odd values in any order to any method: nothing is raised, all that is sent can be encoded, and right events still arrive."""
    provider, memory = memory_provider()
    made = odd_arguments(data.draw, VoiceCall.__init__) | {"tracer_provider": provider}
    call = VoiceCall(made.pop("call_id", "call_1"), **made)
    interruption = call.candidate()
    for _ in range(data.draw(st.integers(0, 8))):
        on, methods = data.draw(st.sampled_from([(call, CALL_METHODS), (interruption, INTERRUPTION_METHODS)]))
        method = getattr(on, data.draw(st.sampled_from(methods)))
        made = method(**odd_arguments(data.draw, method))
        if hasattr(made, "__enter__"):
            with made:
                pass
    with call.message(data.draw(ODD)):
        call.agent_speech_started("last")
    VoiceCall("call_2", tracer_provider=provider, clock=data.draw(ODD)).end()
    names = [span.name for span in sent(memory.get_finished_spans())]

    assert isinstance(interruption, Interruption)
    assert ["voice.interruption.call_started", "voice.interruption.call_ended"] == names[-2:]
    assert not call.call_id or not call._emitter._kept or "voice.interruption.agent.speech_started" in names


@pytest.mark.parametrize("call_id", [None, "", "  ", 5.5, True, b"x", "\ud800", [], Hostile()])
def test_a_call_without_an_id_sends_nothing_and_says_so(
    call_id: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent goes on; the log says what to mend, once."""
    monkeypatch.setattr(STATE, "told", set())
    provider, memory = memory_provider()
    before = failures()
    with caplog.at_level(logging.WARNING, "otel_voice"):
        call = VoiceCall(call_id, tracer_provider=provider)
        call.end()

    assert not memory.get_finished_spans()
    assert 3 == failures() - before
    assert "no event of this call is sent" in caplog.records[0].message
    with capture_events(), pytest.raises(ValueError, match="no event of this call is sent"):
        VoiceCall(call_id)


@given(ODD)
def test_an_odd_provider_raises_nothing(provider: Any) -> None:
    """Its events go nowhere."""
    call = VoiceCall("call_1", tracer_provider=provider)
    call.end()
    call.flush()


@pytest.mark.parametrize("call_id", [7, uuid.UUID(int=7)])
def test_an_int_and_a_uuid_are_ids(call_id: Any) -> None:
    """Taken as their text."""
    with capture_events() as events:
        VoiceCall(call_id)

    assert str(call_id) == events[0].attributes["voice.call.id"]


@pytest.mark.parametrize("ratio", ["0.5", math.nan, math.inf, -0.1, 1.1, None, True, []])
def test_a_wrong_sampling_ratio_keeps_every_call(ratio: Any) -> None:
    """Rather too many than none."""
    provider, memory = memory_provider()
    VoiceCall("call_1", tracer_provider=provider, sampling_ratio=ratio)

    assert 1 == len(memory.get_finished_spans())
    with capture_events(), pytest.raises(ValueError, match="a number from 0 to 1"):
        VoiceCall("call_1", sampling_ratio=ratio)


def test_a_wrong_fact_costs_that_fact_only() -> None:
    """The event arrives with what was right, and now where its time was wrong."""
    provider, memory = memory_provider()
    call = VoiceCall("call_1", tracer_provider=provider, observable=5, workflow="billing", agent_name="\ud800")  # type: ignore[arg-type]
    call.agent_speech_stopped("response_1", position_ms="10", end_reason="completed", at=1_790_000_000.5)  # type: ignore[arg-type]
    started, stopped = sent(memory.get_finished_spans())
    facts = {each.key: each.value.string_value for each in stopped.attributes}

    assert "billing" == facts["voice.workflow"]
    assert "completed" == facts["voice.agent.playback.end_reason"]
    assert "voice.agent.playback.position_ms" not in facts
    assert 0 <= stopped.end_time_unix_nano - started.end_time_unix_nano < 60 * 10**9
    assert not {"voice.call.observable", "gen_ai.agent.name"} & {each.key for each in started.attributes}


def test_a_transcript_that_cannot_be_described_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status and time are evidence without its class."""
    provider, memory = memory_provider()
    VoiceCall("call_1", tracer_provider=provider).user_transcript(text=5, status="final")  # type: ignore[arg-type]
    facts = {each.key for each in sent(memory.get_finished_spans())[-1].attributes}

    assert "voice.caller.transcript.status" in facts
    assert "voice.caller.input.class" not in facts


def test_blocks_of_two_tasks_may_overlap() -> None:
    """The block that ends takes its own message type along, not the other's."""
    with capture_events():
        call = VoiceCall("call_1")
        first, second = call.message("disclosure"), call.message("menu_prompt")
        with first:
            second.__enter__()
        inner = call.message_type
        second.__exit__(None, None, None)

    assert ("menu_prompt", None) == (inner, call.message_type)


def test_eight_threads_share_a_call() -> None:
    """Nothing is lost, nothing told twice."""
    provider, memory = memory_provider()
    before = failures()
    call = VoiceCall("call_1", tracer_provider=provider, start=False)
    together = threading.Barrier(8)

    def speak() -> None:
        together.wait()
        for _ in range(50):
            call.start()
            with call.message("menu_prompt"):
                response = call.agent_speech_started()
            stretch = call.user_speech_started()
            call.candidate(stretch_id=stretch, text="no").decided("continue_agent_audio")
            call.user_transcript(stretch, text="no Friday", status="final")
            call.user_speech_stopped(stretch)
            call.agent_speech_stopped(response, end_reason="completed")
        call.end()

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = memory.get_finished_spans()
    counts = Counter(span.name.removeprefix("voice.interruption.") for span in spans)

    assert before == failures()
    assert (1, 1) == (counts.pop("call_started"), counts.pop("call_ended"))
    assert {400} == set(counts.values())
    assert 7 == len(counts)
    assert len(spans) == len({span.attributes["voice.event.id"] for span in spans if span.attributes})
