"""A LiveKit worker with one job in a process of its own, which ends right after its last event: `python job.py PORT`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from livekit.agents import Agent, AgentServer, AgentSession, JobContext
from livekit.agents.telemetry import set_tracer_provider
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_voice.integrations import livekit
from tests.live.fakes import Detector, Line, Model, Player, Recogniser, Voice, until


class SlowExporter(OTLPSpanExporter):
    """Needs longer than the job's last moments."""

    def export(self, *arguments: Any, **more: Any) -> Any:
        time.sleep(2)
        return super().export(*arguments, **more)


server = AgentServer(num_idle_processes=0, host="127.0.0.1", port=0)


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """Set LiveKit's own provider, not the global one, and leave without a word as soon as the caller was heard."""
    provider = TracerProvider()
    held_back_ms = 3_600_000  # nothing is sent by itself: only a flush brings the spans out
    exporter = SlowExporter(endpoint=f"127.0.0.1:{os.environ['OTEL_VOICE_TEST_PORT']}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=held_back_ms))
    provider.shutdown = lambda: None  # type: ignore[method-assign]  # nor does the SDK's own hook at the exit
    set_tracer_provider(provider)
    await asyncio.create_task(_talk(ctx, None))
    await asyncio.create_task(_talk(ctx, "second"))  # LiveKit closes the first session of a job only
    ctx.shutdown("done")


async def _talk(ctx: JobContext, call_id: str | None) -> None:
    line, player = Line(), Player()
    session: AgentSession[None] = AgentSession(
        stt=Recogniser(line), vad=Detector(), llm=Model({}), tts=Voice(), turn_handling={"turn_detection": "vad"}, aec_warmup_duration=None
    )
    session.input.audio, session.output.audio = line, player
    await session.start(Agent(instructions="none"))
    livekit.instrument(session, room=ctx.room, call_id=call_id)
    session.say("x" * 80)
    await until(lambda: player.segments)
    await asyncio.sleep(1.0)
    await line.say("no, Friday", 0.9)


async def main() -> None:
    """Run the worker without a LiveKit server until its one job is over."""
    running = asyncio.create_task(server.run(devmode=True, unregistered=True))
    started = asyncio.Event()
    server.once("worker_started", started.set)
    await started.wait()
    await server.simulate_job("room", fake_job=True)
    async with asyncio.timeout(30):
        while server.active_jobs:  # noqa: ASYNC110 - LiveKit's own state
            await asyncio.sleep(0.05)
    await server.aclose()
    running.cancel()


if __name__ == "__main__":
    os.environ["OTEL_VOICE_TEST_PORT"] = sys.argv[1]
    asyncio.run(main())
