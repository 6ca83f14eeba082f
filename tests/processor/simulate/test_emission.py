"""A call as it is told: by the helpers to an SDK, and as the processor's own events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.pipeline import event_of
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, LEVELS, Impairments, Script, emit, events_of, recorded, simulate
from otel_voice_processor.wire import scan
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.emit import failures

START = 1_780_000_000_000_000_000
MS = 1_000_000
DRAWN = {a.VOICE_EVENT_ID, a.VOICE_CALLER_STRETCH_ID, a.VOICE_INTERRUPTION_ID, a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES}


def provider_of(exporter: InMemorySpanExporter, name: str) -> TracerProvider:
    provider = TracerProvider(resource=Resource({"service.instance.id": name}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def spans_of(script: Script, **how: Any) -> Sequence[ReadableSpan]:
    exporter = InMemorySpanExporter()
    emit(script, provider_of(exporter, "agent"), start_ns=START, telephony=provider_of(exporter, "telephony"), **how)
    return exporter.get_finished_spans()


def read(spans: Sequence[ReadableSpan]) -> list[VoiceEvent]:
    return [event_of(found) for span in spans for found in scan(encode_spans([span]).SerializeToString()).found]


def told(event: VoiceEvent) -> tuple[Any, ...]:
    plain = {key: value for key, value in event.attributes.items() if key not in DRAWN}
    hashes = event.attributes.get(a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES, ())
    ids = DRAWN & event.attributes.keys()
    return event.name, event.call_id, event.time_ns, event.start_ns, event.trace_id, event.emitter, plain, ids, len(hashes)  # type: ignore[arg-type]


def partners(events: Sequence[VoiceEvent]) -> list[tuple[int, ...]]:
    """Return for each event the first event with the same stretch, interruption and event id: ids as far as they matter."""
    first: dict[tuple[str, object], int] = {}
    keys = sorted(DRAWN - {a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES})
    return [tuple(first.setdefault((key, event.attributes.get(key)), at) for key in keys) for at, event in enumerate(events)]


HOW = [
    pytest.param({}, id="complete"),
    pytest.param({"keep_text": True, "runtime": "livekit", "call_id": "other"}, id="with text"),
    *(pytest.param({"impairments": each}, id=f"{name} {level}") for name, levels in LEVELS.items() for level, each in levels.items()),
    pytest.param(
        {"impairments": Impairments(noise=6, echo=4, recogniser_ms=800, skew_ms=-300, loss=0.1, late=0.5, duplicate=0.3, seed=4)}, id="all"
    ),
]


@pytest.mark.parametrize("how", HOW)
def test_both_ways_tell_the_same(how: dict[str, Any]) -> None:
    """What is emitted as spans and read by the processor is what `events_of` gives, in the same order, whatever is impaired."""
    for script in [EIGHT[0], EIGHT_FAILING[3], *simulate(3, 4)]:
        emitted, made = read(spans_of(script, **how)), events_of(script, start_ns=START, **how)

        assert [told(event) for event in emitted] == [told(event) for event in made]
        assert partners(emitted) == partners(made)


def test_nothing_that_is_told_is_refused_by_the_helpers() -> None:
    """No helper call fails, no value is left out: whatever is told conforms."""
    before = failures()
    for number, script in enumerate(simulate(6, 40)):
        levels = [each for levels in LEVELS.values() for each in levels.values()]
        events_of(script, start_ns=START, impairments=levels[number % len(levels)])

    assert before == failures()


def test_copies_of_a_call_differ_in_what_differs() -> None:
    """Another id and time give other event, trace and span ids, and nothing else; the same give the same."""
    (script,) = simulate(4, 1)
    recording = recorded(script)
    one, two = recording.events("one", START), recording.events("two", START + 5 * MS)

    assert one == recording.events("one", START)
    assert not {event.event_id for event in one} & {event.event_id for event in two}
    assert not {event.span_id for event in one} & {event.span_id for event in two}
    assert len({event.event_id for event in one}) == len({event.span_id for event in one}) == len(one)
    assert {5 * MS} == {late.time_ns - event.time_ns for event, late in zip(one, two, strict=True)}
    assert events_of(script, start_ns=START) == recorded.__wrapped__(script).events(script.call_id, START)


def test_events_are_made_fast_enough_for_load() -> None:
    """Copies come at well over the rate of any processor; the bound leaves room for a busy machine."""
    recordings = [recorded(script) for script in simulate(9, 30)]
    begun = time.perf_counter()
    made = sum(len(recording.events(f"call_{turn}", START)) for turn in range(10) for recording in recordings)

    assert made / (time.perf_counter() - begun) > 30_000


def test_a_call_is_emitted_whole() -> None:
    """An interruption that was heard leaves every event of its life, in one trace, at the times of the script."""
    spans = spans_of(EIGHT[0])
    names = Counter(span.name for span in spans)

    assert {
        e.CALL_STARTED, e.USER_SPEECH_STARTED, e.USER_SPEECH_STOPPED, e.USER_TRANSCRIPT, e.AGENT_SPEECH_STARTED, e.AGENT_SPEECH_STOPPED,
        e.AGENT_SPEECH_INTERRUPTED, e.CANDIDATE_DETECTED, e.DECISION_MADE, e.RECOVERED, e.CALL_ENDED,
    } == set(names)  # fmt: skip
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    cut = next(span for span in spans if span.name == e.AGENT_SPEECH_INTERRUPTED)
    assert cut.end_time == START + 6_740 * MS
    assert (cut.attributes or {})[a.VOICE_AGENT_PLAYBACK_POSITION_MS] == 1_340


def test_a_call_that_recovered_names_the_callers_turn() -> None:
    """`recovered` tells the new turn of the caller, not the agent's turn that answers it."""
    events = events_of(EIGHT[0], start_ns=START)
    turns = {event.name: event.attributes.get(a.VOICE_TURN_ID) for event in events}
    recovered = next(event.attributes for event in events if event.name == e.RECOVERED)

    assert "turn_0004" == recovered[a.VOICE_INTERRUPTION_RECOVERY_TURN_ID] == turns[e.USER_SPEECH_STARTED]


def test_transcripts_come_late() -> None:
    """Words are known some time after they were said, as with real recognisers."""
    for script in simulate(5, 60):
        for said in script.said:
            assert said.final_ms >= 200
            assert not said.partial or said.partial_ms - said.first_word_ms >= 200


def test_text_stays_in_unless_kept() -> None:
    """Transcript text leaves only when the caller of `emit` asks for it; else its class, length and word hashes."""
    kept = [span.attributes or {} for span in spans_of(EIGHT[0], keep_text=True)]
    shut = [span.attributes or {} for span in spans_of(EIGHT[0])]

    assert any(facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT) == "no, Friday" for facts in kept)
    assert not any(a.VOICE_CALLER_TRANSCRIPT_TEXT in facts for facts in shut)
    assert any(a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES in facts and a.VOICE_CALLER_INPUT_CLASS in facts for facts in shut)


def test_every_case_is_emitted_without_invented_names() -> None:
    """Every span carries a name of the registry and attributes of the registry only."""
    for case in [*EIGHT, *EIGHT_FAILING, *simulate(2, 30)]:
        for span in spans_of(case):
            assert span.name in e.EVENTS
            assert set(span.attributes or {}) <= {*a.ATTRIBUTES, a.GEN_AI_AGENT_NAME}


def test_silence_is_no_interruption() -> None:
    """A silence timeout is an event of its own and opens no candidate."""
    names = {span.name for span in spans_of(EIGHT[6])}

    assert e.SILENCE_TIMEOUT in names
    assert e.CANDIDATE_DETECTED not in names
    assert e.SILENCE_TIMEOUT not in {span.name for span in spans_of(EIGHT_FAILING[6])}


def test_a_lost_answer_has_no_resume_position() -> None:
    """An agent that took a backchannel for a new intent never went back, so no resume position is reported."""
    recovered = next(span.attributes or {} for span in spans_of(EIGHT_FAILING[1]) if span.name == e.RECOVERED)

    assert a.VOICE_INTERRUPTION_RECOVERY_POSITION_MS not in recovered
    assert recovered[a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE] == "lost"


def test_a_call_whose_line_went_has_no_end() -> None:
    """No runtime tells the end of a call that dropped, nor of the words it dropped in."""
    dropped = next(script for script in simulate(1, 200) if script.played[-1].dropped)
    events = events_of(dropped, start_ns=START)
    last = dropped.played[-1].response_id

    assert e.CALL_ENDED not in {event.name for event in events}
    assert {e.AGENT_SPEECH_STARTED} == {event.name for event in events if event.attributes.get(a.VOICE_AGENT_RESPONSE_ID) == last}
