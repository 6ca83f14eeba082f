"""The LiveKit integration, whatever the session says: nothing is raised into it, and what follows is still told."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_voice.emit import failures
from otel_voice.integrations import livekit
from otel_voice.testing import CapturedEvent, capture_events

ORIGIN = 1_786_701_600_000_000_000
FIXTURE = Path(__file__).parents[2] / "processor/otel_voice_processor/data/livekit.jsonl"
MESSAGES = [item for line in FIXTURE.read_text(encoding="utf-8").splitlines() if (item := json.loads(line))["kind"] == "message"]
SCENARIOS = sorted({message["scenario"] for message in MESSAGES})
ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "speaking", "listening", "away", "", "5"])
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(), st.integers(), max_size=2)
)


def hand(listener: livekit.LiveKitInstrumentation, message: dict[str, Any]) -> None:
    listener.handle(message["msg"]["event"], message["msg"]["payload"], message["channel"], ORIGIN + message["t_ms"] * 1_000_000)


def short(events: list[CapturedEvent]) -> list[str]:
    return [event.name.removeprefix("voice.interruption.") for event in events]


@given(st.data())
def test_recorded_messages_in_any_order_make_whole_events(data: st.DataObject) -> None:
    """Shuffled, dropped and repeated: no failure of ours at all, one end, and no span that ends before it begins."""
    recorded = [message for message in MESSAGES if message["scenario"] == data.draw(st.sampled_from(SCENARIOS))]
    chosen = data.draw(st.lists(st.sampled_from(recorded), max_size=2 * len(recorded)))
    with capture_events() as events:  # strict: a failure would raise here
        listener = livekit.instrument(None, call_id="call_1", clock=lambda: ORIGIN)
        for message in chosen:
            hand(listener, message)
    counts = Counter(short(events))

    assert 1 == counts["call_started"]
    assert (1 if any(message["msg"]["event"] == "close" for message in chosen) else 0) == counts["call_ended"]
    assert all(event.start_ns <= event.time_ns for event in events)
    assert counts["user.speech_stopped"] <= counts["user.speech_started"]
    assert counts["agent.speech_stopped"] <= counts["agent.speech_started"]
    begun = {event.attributes.get("voice.agent.response.id") for event in events if event.name.endswith("agent.speech_started")}
    stopped = [event.attributes["voice.agent.response.id"] for event in events if event.name.endswith("agent.speech_stopped")]
    assert set(stopped) <= begun


def _spoilt(draw: st.DrawFn, value: Any) -> Any:
    """Return a payload of which some parts were replaced."""
    if draw(st.integers(0, 5)) == 0:
        return draw(ODD)
    if isinstance(value, dict):
        return {key: _spoilt(draw, each) for key, each in value.items() if draw(st.integers(0, 9)) > 0}
    return value


@given(st.data())
def test_odd_payloads_raise_nothing_and_cost_nothing_that_follows(data: st.DataObject) -> None:
    """After a call full of nonsense, a sound exchange is told, and everything can be encoded."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    listener = livekit.instrument(None, call_id="call_1", tracer_provider=provider, clock=lambda: ORIGIN)
    recorded = [message for message in MESSAGES if message["scenario"] == data.draw(st.sampled_from(SCENARIOS))]
    for message in recorded:
        spoilt = copy.deepcopy(message)
        spoilt["msg"]["payload"] = _spoilt(data.draw, spoilt["msg"]["payload"])
        hand(listener, spoilt)
    memory.clear()
    later = ORIGIN + 60 * 10**9
    listener.handle("playback_finished", {"playback_position": 1.0}, "audio_output", later)
    listener.handle("agent_state_changed", {"old_state": "speaking", "new_state": "thinking"}, at_ns=later)
    listener.handle("agent_state_changed", {"old_state": "thinking", "new_state": "speaking"}, at_ns=later + 10**9)
    listener.handle("user_state_changed", {"old_state": "listening", "new_state": "speaking"}, at_ns=later + 2 * 10**9)
    listener.handle("user_input_transcribed", {"transcript": "no, Friday", "is_final": True}, at_ns=later + 3 * 10**9)
    listener.handle("playback_finished", {"playback_position": 2.5, "interrupted": True}, "audio_output", later + 4 * 10**9)
    spans = memory.get_finished_spans()
    names = [span.name.removeprefix("voice.interruption.") for span in spans]
    told = ["agent.speech_started", "user.speech_started", "candidate_detected", "user.transcript", "decision_made"]

    assert [*told, "agent.speech_interrupted", "agent.speech_stopped"] == names[-7:]
    encode_spans(spans).SerializeToString()


def test_callbacks_that_raise_cost_no_event() -> None:
    """The agent's own code is asked three things; where it fails, the event goes on without the answer."""

    def broken(*_: object) -> Any:
        raise LookupError("of the agent")

    def told(**callbacks: Any) -> list[str]:
        memory, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(memory))
        for scenario in ("dtmf", "escalation"):
            listener = livekit.instrument(None, call_id=scenario, tracer_provider=provider, clock=lambda: ORIGIN, **callbacks)
            for message in MESSAGES:
                if message["scenario"] == scenario:
                    hand(listener, message)
        return [span.name for span in memory.get_finished_spans()]

    before = failures()
    sound = told()

    assert before == failures()
    assert sound == told(message_type=broken, expected_digits=broken)
    assert before < failures()
    assert [name for name in sound if not name.endswith("recovered")] == [
        name for name in told(is_handoff=broken) if not name.endswith("recovered")
    ]


class Session(SimpleNamespace):
    """A session that says what it plays, as LiveKit's does."""

    current_speech: Any = None

    def on(self, name: str, callback: Any) -> None:
        self.heard = {**getattr(self, "heard", {}), name: callback}

    def off(self, name: str, callback: Any) -> None:
        del self.heard[name]

    def emit(self, event: str, **payload: Any) -> None:
        self.heard[event](SimpleNamespace(**payload))

    def play(self, handle: Any) -> None:
        self.current_speech = handle
        self.emit("agent_state_changed", old_state="listening", new_state="speaking")
        self.output.audio.emit("playback_finished", playback_position=1.0, interrupted=False)
        self.emit("agent_state_changed", old_state="speaking", new_state="listening")


def handle(name: str, *, may: bool = True, over: bool = False) -> Any:
    return SimpleNamespace(id=name, allow_interruptions=may, interrupted=over, done=lambda: over)


def test_queued_speeches_keep_their_own_id_and_message_type() -> None:
    """Three speeches are queued, the second is dropped unplayed, and one with priority overtakes the third."""
    with capture_events() as events:
        session = Session(output=SimpleNamespace(audio=Session()))
        call = livekit.instrument(session, call_id="call_1").call
        handles = {name: handle(name, may=name != "a") for name in "abcd"}
        for name, kind in (("a", "disclosure"), ("b", "menu_prompt"), ("c", "closing"), ("d", "entity_capture")):
            if kind == "closing":
                session.emit("speech_created", speech_handle=handles[name])
            else:
                with call.message(kind):
                    session.emit("speech_created", speech_handle=handles[name])
        for name in "adc":
            session.play(handles[name])
        session.play(handle("instrumented_too_late"))
    started = [event.attributes for event in events if event.name.endswith("agent.speech_started")]

    assert [("a", "disclosure"), ("d", "entity_capture"), ("c", None), ("instrumented_too_late", None)] == [
        (each["voice.agent.response.id"], each.get("voice.agent.message.type")) for each in started
    ]
    assert [False, True, True, True] == [each["voice.agent.speech.interruptible"] for each in started]


def test_a_speech_that_is_over_is_not_taken_for_the_next() -> None:
    """A runtime that does not say what it plays: the first that still may."""
    with capture_events() as events:
        session = Session(output=SimpleNamespace(audio=Session()))
        livekit.instrument(session, call_id="call_1")
        for name in "ab":
            session.emit("speech_created", speech_handle=handle(name, over=name == "a"))
        session.play(None)

    assert "b" == next(e.attributes["voice.agent.response.id"] for e in events if e.name.endswith("agent.speech_started"))


def test_closed_twice_and_told_more_after_it() -> None:
    """One end; an unknown event is nothing, what comes later is told, and taking the instrumentation off twice is fine."""
    with capture_events() as events:
        session = Session(output=SimpleNamespace(audio=Session()))
        listener = livekit.instrument(session, call_id="call_1")
        listener.handle("an_event_of_tomorrow", {"new": True})
        for _ in range(2):
            session.emit("close", reason=SimpleNamespace(value="participant_disconnected"))
        session.play(None)
        listener.uninstrument()
        listener.uninstrument()
    names = short(events)

    assert 1 == names.count("call_ended")
    assert "caller" == events[1].attributes["voice.call.ended_by"]
    assert ["agent.speech_started", "agent.speech_stopped"] == names[-2:]
    assert not session.heard


class Closed:
    """A session or room of which nothing can be read or heard."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError(name)


def test_a_session_that_cannot_be_heard_raises_nothing() -> None:
    """The agent goes on without us, and the log says why."""
    before = failures()
    listener = livekit.instrument(Closed(), room=Closed())
    listener.uninstrument()

    assert before < failures()
    assert listener.call.call_id.startswith("call_")


def test_something_else_than_a_session_is_told() -> None:
    """The object handed in has no events: strict tests raise, an agent's log says it."""
    with capture_events(), pytest.raises(AttributeError, match="'on'"):
        livekit.instrument(object(), call_id="call_1")
