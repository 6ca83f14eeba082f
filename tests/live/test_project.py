"""What the LiveKit project and its job ask of us: whose provider, what may leave, and when the job ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("livekit.agents", reason="needs the extra: pip install -e '.[dev,livekit]'")

from livekit.agents import Agent, AgentSession, telemetry
from livekit.agents.testing import fake_job_context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_voice import VoiceCall
from otel_voice.integrations import livekit
from tests.live.fakes import Detector, Line, Model, Player, Recogniser, Voice, until

pytestmark = pytest.mark.livekit
NEVER_MS = 3_600_000  # until a flush asks for it


@pytest.fixture
def sent() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(memory, schedule_delay_millis=NEVER_MS))
    yield provider, memory
    provider.shutdown()


async def talking(**start: Any) -> tuple[AgentSession[None], Line, Player]:
    line, player = Line(), Player()
    session: AgentSession[None] = AgentSession(
        stt=Recogniser(line), vad=Detector(), llm=Model({}), tts=Voice(), turn_handling={"turn_detection": "vad"}, aec_warmup_duration=None
    )
    session.input.audio, session.output.audio = line, player
    await session.start(Agent(instructions="none"), **start)
    return session, line, player


def ours(spans: tuple[ReadableSpan, ...]) -> list[ReadableSpan]:
    return [span for span in spans if span.name.startswith("voice.interruption.")]


async def test_spans_go_to_livekits_own_provider(
    sent: tuple[TracerProvider, InMemorySpanExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`telemetry.set_tracer_provider` sets LiveKit's alone; ours go there too, and close sends what was held back."""
    provider, memory = sent
    before = telemetry.tracer._tracer_provider
    telemetry.set_tracer_provider(provider)
    try:
        session, _, _ = await asyncio.create_task(talking())
        livekit.instrument(session, call_id="call_1")
        await session.aclose()
        await until(lambda: ours(memory.get_finished_spans()))
    finally:
        telemetry.set_tracer_provider(before)

    names = [span.name for span in ours(memory.get_finished_spans())]
    assert ["voice.interruption.call_started", "voice.interruption.call_ended"] == names


@pytest.mark.parametrize("redacted", [False, True])
async def test_where_the_project_redacts_no_text_leaves(sent: tuple[TracerProvider, InMemorySpanExporter], redacted: bool) -> None:
    """Opting in to text is the agent's; LiveKit's redaction is the project's, and stronger."""
    provider, memory = sent
    session, line, player = await asyncio.create_task(talking(record={"redaction": redacted, "audio": False, "traces": False}))
    livekit.instrument(session, call_id="call_1", tracer_provider=provider, keep_text=True)
    session.say("x" * 48)
    await until(lambda: player.segments)
    await line.say("zebra", 0.5)
    await until(lambda: player.segments[0].interrupted is not None)
    await session.aclose()
    player.close()
    provider.force_flush()
    told = str([dict(span.attributes or {}) for span in ours(memory.get_finished_spans())])

    assert ("zebra" in told) is not redacted
    assert "voice.caller.transcript.length" in told


async def test_livekit_waits_for_our_flush_when_a_job_ends(sent: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """A session that nobody closed: the job's end is the call's, and what was held back is sent before the process goes."""
    provider, memory = sent
    with fake_job_context() as job:
        session, _, player = await asyncio.create_task(talking(record=False))
        livekit.instrument(session, call_id="call_1", tracer_provider=provider)
        assert not memory.get_finished_spans()
        for callback in job._shutdown_callbacks:
            await callback("done")

    assert "voice.interruption.call_ended" == memory.get_finished_spans()[-1].name
    await session.aclose()
    player.close()


async def test_instrumented_twice_and_closed_twice(sent: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    """Two listeners on one session tell two calls; neither disturbs the session, and each ends once."""
    provider, memory = sent
    session, _, player = await asyncio.create_task(talking())
    calls = [VoiceCall(f"call_{number}", tracer_provider=provider) for number in range(2)]
    listeners = [livekit.instrument(session, call=call) for call in calls]
    await session.aclose()
    await session.aclose()
    for listener in [*listeners, *listeners]:
        listener.uninstrument()
    provider.force_flush()
    player.close()

    names = [span.name for span in memory.get_finished_spans()]
    assert 2 == names.count("voice.interruption.call_ended")
