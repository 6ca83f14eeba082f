"""What makes the helpers pleasant: blocks for stretches of time, logs on request, calls that go on elsewhere, times as one has them."""

from __future__ import annotations

import asyncio
import enum
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from otel_voice_schema import attributes as a
from otel_voice_schema.events import EVENTS, PREFIX, SCHEMA_URL
from otel_voice_schema.validate import check

import otel_voice
from otel_voice import VoiceCall
from otel_voice.emit import STATE, CapturedEvent, derive_ids, failures
from otel_voice.testing import FakeClock, capture_events, listening

AT = 1_790_000_000_000_000_000
MS = 1_000_000


def names(events: list[CapturedEvent]) -> list[str]:
    return [event.name.removeprefix(PREFIX) for event in events]


def test_every_event_of_an_agent_has_a_helper_and_conforms() -> None:
    """One call tells them all, and not one has a problem beyond a fact that is missing."""
    with capture_events() as events, VoiceCall("c1", workflow="billing", runtime="mine", policy_version="p1", agent_name="front") as call:
        call.turn("t1")
        with call.agent_speech("r1", planned_ms=6200) as speech, call.user_speech(vad_confidence=0.9, audio_source="sip") as said:
            interruption = said.candidate(mode="vad", threshold=0.5, speech_ms=240, words=1)
            said.transcript("no, Friday", status="final", confidence=0.9)
            interruption.decided(a.Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN, reason="correction", confidence=0.9)
            speech.interrupted(position_ms=1840, reason="user_speech", heard_chars=35)
        interruption.recovered(position_ms=1840, turn_id="t2", task_state="preserved")
        interruption.false_positive(timeout_ms=2000, transcript_absent=True, resume_behavior="resumed")
        call.silence_timeout(elapsed_ms=5000, prompt_state="question", next_action="reprompt")
        call.end("completed")
    wrong = [problem for event in events for problem in check(event.name, event.attributes, start_ns=event.start_ns, time_ns=event.time_ns)]

    assert {name.removeprefix(PREFIX) for name, event in EVENTS.items() if not event.by_processor} == set(names(events))
    assert [] == wrong


def test_a_response_ends_with_its_block() -> None:
    """Completed; interrupted where it was cut; failed where the block raises, and the error goes on."""
    with capture_events() as events:
        call = VoiceCall("c1")
        with call.agent_speech() as first:
            first.paused(position_ms=100)
            first.resumed(position_ms=100)
        with call.agent_speech() as second:
            second.interrupted(position_ms=900)
        with pytest.raises(KeyError), call.agent_speech():
            raise KeyError("player")
        with call.agent_speech("r4") as fourth:
            fourth.stopped(position_ms=1200, at=AT)
    ends = [event for event in events if event.name.endswith("agent.speech_stopped")]

    assert ["completed", "interrupted", "failed", "completed"] == [event.attributes[a.VOICE_AGENT_PLAYBACK_END_REASON] for event in ends]
    assert (AT, 1200) == (ends[3].time_ns, ends[3].attributes[a.VOICE_AGENT_PLAYBACK_POSITION_MS])
    assert a.VOICE_AGENT_PLAYBACK_POSITION_MS in ends[0].attributes[a.VOICE_EVIDENCE_MISSING]  # type: ignore[operator]


def test_a_stretch_ends_with_its_block_and_tells_what_was_heard() -> None:
    """The last status of its transcript, and its length by the clock."""
    clock = FakeClock()
    with capture_events() as events:
        call = VoiceCall("c1", clock=clock)
        with call.user_speech() as said:
            clock.advance(ms=300)
            said.transcript("no", status="partial")
            clock.advance(ms=700)
            said.transcript("no I meant Friday", status="final")
    stopped = events[-1]

    assert ("final", 1000, "correction") == tuple(
        stopped.attributes[key] for key in (a.VOICE_CALLER_TRANSCRIPT_STATUS, a.VOICE_CALLER_SPEECH_DURATION_MS, a.VOICE_CALLER_INPUT_CLASS)
    )
    assert 1 == names(events).count("user.speech_stopped")


def test_a_call_ends_with_its_block_and_invents_nothing() -> None:
    """Told how it ended inside, it is not told again; else nobody knows, save a hand-off that was marked."""
    with capture_events() as events:
        with VoiceCall("c1") as call:
            call.end("failed", ended_by="agent")
        with VoiceCall("c2") as call:
            call.mark_escalated()
    first, second = (event.attributes for event in events if event.name.endswith("call_ended"))

    assert "failed" == first[a.VOICE_CALL_TASK_OUTCOME]
    assert second[a.VOICE_CALL_ESCALATED] is True
    assert {a.VOICE_CALL_TASK_OUTCOME, a.VOICE_CALL_ENDED_BY} <= set(second[a.VOICE_EVIDENCE_MISSING])  # type: ignore[arg-type]


def test_a_turn_is_carried_and_restored() -> None:
    """Inside the block its id, after it the one before."""
    with capture_events() as events:
        call = VoiceCall("c1")
        call.turn("t1")
        with call.in_turn("t2"):
            call.user_speech_started()
        call.user_speech_started()

    assert [None, "t2", "t1"] == [event.attributes.get(a.VOICE_TURN_ID) for event in events]


@pytest.mark.parametrize(
    ("at", "ns"),
    [
        (AT, AT),
        (datetime(2026, 5, 20, 15, 42, 18, 231_456, UTC), 1_779_291_738_231_456_000),
        (datetime(2026, 5, 20, 17, 42, 18, tzinfo=timezone(timedelta(hours=2))), 1_779_291_738_000_000_000),
    ],
)
def test_a_time_is_nanoseconds_or_a_datetime(at: Any, ns: int) -> None:
    """Every helper takes both."""
    with capture_events() as events:
        call = VoiceCall("c1", at=at)
        call.event("voice.interruption.recovered", {}, at=at, start=at)

    assert [(ns, ns)] * 2 == [(event.start_ns, event.time_ns) for event in events]


@pytest.mark.parametrize("at", [datetime(2026, 5, 20), 1.5, True, -1, "now"])
def test_what_is_no_moment_is_told(at: Any) -> None:
    """A datetime without a zone, a float of seconds: now instead, counted, and raised in tests."""
    with capture_events(), pytest.raises(ValueError, match=r"zone|nanoseconds"):
        VoiceCall("c1", at=at)
    before, provider = failures(), TracerProvider()
    VoiceCall("c1", at=at, tracer_provider=provider)

    assert before + 1 == failures()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda call: call.user_speech_started(vad_confidence=87.0),
        lambda call: call.user_speech_started(vad_confidence=float("nan")),
        lambda call: call.agent_speech_started(planned_ms=-1),
        lambda call: call.agent_speech_started(planned_ms=1.5),
        lambda call: call.silence_timeout(elapsed_ms=10**12),
        lambda call: call.user_transcript(text="no", status="FINAL"),
    ],
)
def test_a_value_that_would_not_be_judged_does_not_leave(spoil: Callable[[VoiceCall], Any]) -> None:
    """It is left out and listed as missing, so that the rest of the event is judged; in tests it raises."""
    with capture_events(), pytest.raises(ValueError, match="`voice"):
        spoil(VoiceCall("c1"))


def test_events_are_logs_where_asked() -> None:
    """OpenTelemetry log events with the same facts, in the call's trace, and no spans."""
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    call = VoiceCall("c1", carrier="log", logger_provider=provider, at=AT)
    call.end("completed", at=AT + MS)
    started, ended = (each.log_record for each in exporter.get_finished_logs())

    assert ["voice.interruption.call_started", "voice.interruption.call_ended"] == [started.event_name, ended.event_name]
    assert derive_ids("c1") == (ended.trace_id, ended.span_id)
    assert (AT + MS, "c1", "completed") == (ended.timestamp, ended.attributes["voice.call.id"], ended.attributes["voice.call.task_outcome"])
    assert SCHEMA_URL == exporter.get_finished_logs()[0].instrumentation_scope.schema_url
    with capture_events(), pytest.raises(ValueError, match="a carrier is `span` or `log`, not `fax`"):
        VoiceCall("c1", carrier="fax")


def test_configure_sets_the_carrier(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line turns every call to logs; another carrier is refused."""
    for name in ("provider", "logger_provider", "carrier"):
        monkeypatch.setattr(STATE, name, getattr(STATE, name))
    provider = otel_voice.configure("localhost:1", carrier="log")

    assert ("log", True) == (VoiceCall("c1", start=False)._emitter.carrier, VoiceCall("c1", start=False)._emitter.heard())
    with pytest.raises(ValueError, match="not `fax`"):
        otel_voice.configure(carrier="fax")
    provider.shutdown()
    STATE.logger_provider.shutdown()  # type: ignore[union-attr]


def test_a_call_goes_on_in_another_process() -> None:
    """Its context is JSON; the trace is the same, what is carried is not told twice, and `call_started` is not emitted again."""
    told = {"workflow": "billing", "runtime": "mine", "policy_version": "p1", "language": "en", "agent_name": "front"}
    call = VoiceCall("c1", **told, observable=("speech", "dtmf"), start=False)
    script = """
import json, sys
from otel_voice import VoiceCall
from otel_voice.testing import capture_events
with capture_events() as events:
    VoiceCall.attach(**json.loads(sys.argv[1])).end()
(event,) = events
print(json.dumps([event.name, event.trace_id, dict(event.attributes)]))
"""
    done = subprocess.run([sys.executable, "-c", script, json.dumps(call.context())], capture_output=True, text=True, check=True)
    name, trace_id, facts = json.loads(done.stdout)

    assert ("voice.interruption.call_ended", derive_ids("c1")[0]) == (name, trace_id)
    keys = {"workflow": a.VOICE_WORKFLOW, "runtime": a.VOICE_RUNTIME_NAME, "policy_version": a.VOICE_AGENT_POLICY_VERSION}
    keys |= {"language": a.VOICE_CALLER_LANGUAGE, "agent_name": a.GEN_AI_AGENT_NAME}
    assert told == {name: facts[key] for name, key in keys.items()}
    assert ["speech", "dtmf"] == facts[a.VOICE_CALL_OBSERVABLE]


def test_threads_and_tasks_may_tell_at_once() -> None:
    """No event is lost, none gets another call's ids, every id is new."""
    with capture_events() as events:

        def thread(number: int) -> None:
            call = VoiceCall(f"c{number}")
            for _ in range(200):
                with call.user_speech() as said:
                    said.transcript("uh-huh", status="final")

        threads = [threading.Thread(target=thread, args=(number,)) for number in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        async def task(call: VoiceCall, kind: str) -> None:
            for _ in range(50):
                with call.message(kind):
                    await asyncio.sleep(0)
                    call.user_speech_started()

        async def tasks() -> None:
            call = VoiceCall("tasks")
            await asyncio.gather(*(task(call, kind) for kind in ("greeting", "disclosure")))

        asyncio.run(tasks())
    ids = [event.attributes[a.VOICE_EVENT_ID] for event in events]

    assert 4 * (1 + 3 * 200) + 1 + 100 == len(events) == len(set(ids))
    for event in events:
        assert derive_ids(str(event.attributes[a.VOICE_CALL_ID]))[0] == event.trace_id


def test_a_forked_process_makes_other_ids() -> None:
    """Two children of one parent do not number their events alike."""
    script = """
import os
from otel_voice.core import new_id
for _ in range(2):
    if (child := os.fork()) == 0:
        print(new_id("x"), flush=True); os._exit(0)
    os.waitpid(child, 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert 2 == len(set(done.stdout.split()))


def test_without_an_sdk_nothing_is_classified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens no text is looked at, and the first event after one does is sent."""
    looked: list[str] = []
    monkeypatch.setattr(STATE, "told", {"no-op"})
    monkeypatch.setattr(STATE, "provider", None)  # whatever a test before this one has set up
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    call = VoiceCall("c1")
    monkeypatch.setattr(call._redactor, "describe", lambda text, *_, **__: looked.append(text) or {})
    call.user_transcript(text="no", status="final")
    with capture_events() as events:
        call.user_transcript(text="yes", status="final")

    assert (["yes"], ["user.transcript"]) == (looked, names(events))


def test_a_long_text_is_cut_to_what_conforms() -> None:
    """Its length is told whole."""
    with capture_events() as events:
        VoiceCall("c1", keep_text=True).user_transcript(text="word " * 1000, status="final")

    facts = events[-1].attributes
    assert (2048, 5000) == (len(str(facts[a.VOICE_CALLER_TRANSCRIPT_TEXT])), facts[a.VOICE_CALLER_TRANSCRIPT_LENGTH])


def test_importing_is_light() -> None:
    """Neither an SDK nor YAML nor a validator is loaded until somebody needs it."""
    script = "import otel_voice, sys; print([m for m in ('opentelemetry.sdk', 'yaml', 'jsonschema', 'grpc') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "[]\n" == done.stdout
    assert time.time_ns() > AT - 10**18


async def test_a_cancelled_response_was_interrupted() -> None:
    """Cancelling the task that speaks is how many agents give the floor."""
    with capture_events() as events:
        call = VoiceCall("c1")

        async def speak() -> None:
            with call.agent_speech():
                await asyncio.sleep(60)

        task = asyncio.create_task(speak())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert "interrupted" == events[-1].attributes[a.VOICE_AGENT_PLAYBACK_END_REASON]


def test_turns_of_two_tasks_may_overlap() -> None:
    """Whoever leaves first, after both the turn is the one before."""
    with capture_events() as events:
        call = VoiceCall("c1")
        call.turn("t0")
        first, second = call.in_turn("t1"), call.in_turn("t2")
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        call.user_speech_started()
        second.__exit__(None, None, None)
        call.user_speech_started()

    assert ["t2", "t0"] == [event.attributes[a.VOICE_TURN_ID] for event in events[1:]]


def test_a_logger_provider_that_is_set_up_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was given the API's stand-in logs once there is an SDK, as it does for spans."""
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    call = VoiceCall("c1", carrier="log", logger_provider=_logs.get_logger_provider())
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: provider)
    call.end()

    assert ["voice.interruption.call_ended"] == [each.log_record.event_name for each in exporter.get_finished_logs()]


class Word(str, enum.Enum):  # noqa: UP042  # what an application has
    BILLING = "billing"


class Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record)


def test_what_an_application_brings_along_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """An enum of texts is its text; a number past all bounds costs itself; a handler that raises costs a line in the log."""
    monkeypatch.setattr(STATE, "told", set())
    handler = Raising()
    logging.getLogger("otel_voice").addHandler(handler)
    provider = TracerProvider()
    seen: list[CapturedEvent] = []
    with listening(seen.append):
        call = VoiceCall("c1", workflow=Word.BILLING, tracer_provider=provider)
        call.user_speech_started(vad_confidence=10**400)
    logging.getLogger("otel_voice").removeHandler(handler)

    assert ["billing"] * 2 == [event.attributes[a.VOICE_WORKFLOW] for event in seen]
    assert a.VOICE_CALLER_VAD_CONFIDENCE in seen[1].attributes[a.VOICE_EVIDENCE_MISSING]  # type: ignore[operator]


@pytest.mark.parametrize("year", [1960, 2300, 9999])
def test_a_moment_that_otlp_cannot_say_costs_no_batch(year: int) -> None:
    """Now instead, and told: a span that cannot be encoded takes all others of its batch along."""
    with capture_events(), pytest.raises(ValueError, match="no moment"):
        VoiceCall("c1", at=datetime(year, 1, 1, tzinfo=UTC))


def test_content_leaves_by_no_side_door() -> None:
    """`event` neither tells text that was not opted in, nor writes over whose call it is."""
    seen: list[CapturedEvent] = []
    with listening(seen.append):
        call = VoiceCall("c1", start=False, tracer_provider=TracerProvider())
        facts = {a.VOICE_CALLER_TRANSCRIPT_TEXT: "no", a.VOICE_CALLER_DTMF_DIGIT: "2", a.VOICE_CALL_ID: "other"}
        call.event("voice.interruption.user.transcript", facts)
        opted = VoiceCall("c2", start=False, keep_text=True, tracer_provider=TracerProvider())
        opted.event("voice.interruption.user.transcript", {a.VOICE_CALLER_TRANSCRIPT_TEXT: "no"})

    assert "c1" == seen[0].attributes[a.VOICE_CALL_ID]
    assert seen[0].attributes.keys().isdisjoint({a.VOICE_CALLER_TRANSCRIPT_TEXT, a.VOICE_CALLER_DTMF_DIGIT})
    assert "no" == seen[1].attributes[a.VOICE_CALLER_TRANSCRIPT_TEXT]


def test_a_call_id_that_is_too_long_sends_nothing() -> None:
    """Without it the events would be nobody's."""
    seen: list[CapturedEvent] = []
    with listening(seen.append):
        VoiceCall("x" * 300, tracer_provider=TracerProvider()).end()

    assert [] == seen


def test_an_event_of_an_older_response_tells_nothing_of_the_newer() -> None:
    """Its message type and whether it may be interrupted are the other's, and the agent goes on speaking."""
    with capture_events() as events:
        call = VoiceCall("c1", start=False)
        call.agent_speech_started("r1", message_type="support_answer", interruptible=True)
        call.agent_speech_started("r2", message_type="menu_prompt", interruptible=False)
        call.agent_speech_interrupted("r1", position_ms=100)
        call.user_speech_started()
    keys = (a.VOICE_AGENT_RESPONSE_ID, a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_AGENT_SPEECH_STATE)

    assert ("r1", None, "speaking") == tuple(events[2].attributes.get(key) for key in keys)
    assert ("r2", "menu_prompt", "speaking") == tuple(events[3].attributes.get(key) for key in keys)


def test_nothing_is_made_up_of_what_was_not_told() -> None:
    """A resume without a position, a key that is none, a clock that was set back, a pause that never ended."""
    clock = FakeClock()
    with capture_events() as events:
        call = VoiceCall("c1", clock=clock, start=False)
        with call.agent_speech("r1") as speech:
            speech.paused()
        call.agent_speech_started("r1", resumed=True)
        call.candidate(input_type="dtmf", dtmf_digit="12")
        with call.user_speech():
            clock.advance(ms=-500)
    stopped, resumed, key, heard = (events[at].attributes for at in (2, 3, 4, 6))

    assert "interrupted" == stopped[a.VOICE_AGENT_PLAYBACK_END_REASON]
    assert a.VOICE_AGENT_PLAYBACK_POSITION_MS not in resumed
    assert a.VOICE_CALLER_DTMF_CLASS not in key
    assert a.VOICE_CALLER_SPEECH_DURATION_MS not in heard


def test_a_provider_that_fails_costs_no_id() -> None:
    """What is told next is of the response that the agent named."""

    class Failing(TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError

    call = VoiceCall("c1", tracer_provider=Failing(), start=False)
    with call.agent_speech("r1") as speech:
        assert "r1" == speech.response_id
