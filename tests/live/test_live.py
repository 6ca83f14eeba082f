"""Live LiveKit sessions through the real processor: each verdict against the samples that the player really played."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("livekit.agents", reason="needs the extra: pip install -e '.[dev,livekit]'")

import pytest_asyncio
from livekit import rtc
from livekit.agents import Agent, AgentSession
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_voice_processor.config import Config, Receiver
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service

from otel_voice.integrations import livekit
from tests.live.fakes import Detector, Line, Model, Player, Recogniser, Segment, Voice, until

pytestmark = pytest.mark.livekit
EIGHT_S = "x" * 128  # at 16 characters a second
FIVE_S = "x" * 80


class Scene:
    """One session that talks: its line, its player, its room."""

    def __init__(self, flow: Flow) -> None:
        self.line, self.player = Line(), Player(pausable=flow.pausable)
        self.room: Any = rtc.EventEmitter()
        self.room.name = flow.name
        told = {"turn_detection": "vad", "interruption": flow.interruption}
        self.session: AgentSession[None] = AgentSession(
            stt=Recogniser(self.line),
            vad=Detector(),
            llm=Model({"no, Friday": "Okay, moving it to Friday."}),
            tts=Voice(),
            turn_handling=told,  # type: ignore[arg-type]
            **({"aec_warmup_duration": None} | flow.session),
        )
        self.session.input.audio, self.session.output.audio = self.line, self.player
        self.onset = 0.0

    async def hears(self, text: str, seconds: float, after_s: float = 1.5) -> None:
        """Have the caller speak some time into the reply that plays."""
        await until(lambda: self.player.segments)
        await asyncio.sleep(after_s)
        self.onset = await self.line.say(text, seconds)

    async def quiet(self, seconds: float = 1.0) -> None:
        """Wait until nothing has played for a while."""
        calm = time.monotonic()
        while time.monotonic() - calm < seconds:
            await asyncio.sleep(0.02)
            if self.player._playing is not None or self.session.agent_state in {"speaking", "thinking"}:
                calm = time.monotonic()


Act = Callable[[Scene, livekit.LiveKitInstrumentation], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What happens, and what the record must say of it."""

    name: str
    act: Act
    verdicts: tuple[str, ...]
    audio: tuple[str, ...]
    pausable: bool = True
    interruption: dict[str, Any] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)


async def uh_huh(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    scene.session.say(EIGHT_S)
    await scene.hears("uh-huh", 0.25)


async def friday(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    scene.session.say(FIVE_S)
    await scene.hears("no, Friday", 0.9)


async def noise(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    scene.session.say(FIVE_S)
    await scene.hears("", 0.7)


async def friday_off(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    scene.session.say(FIVE_S, allow_interruptions=False)
    await scene.hears("no, Friday", 0.9)


async def friday_disclosure(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    with listener.call.message("disclosure"):
        await friday_off(scene, listener)


async def key(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    with listener.call.message("menu_prompt"):
        scene.session.say(FIVE_S)
    await until(lambda: scene.player.segments)
    await asyncio.sleep(1.5)
    scene.onset = time.time()
    scene.room.emit("sip_dtmf_received", SimpleNamespace(code=2, digit="2", participant=None))
    await asyncio.sleep(0.1)
    await scene.session.interrupt()


async def away(scene: Scene, listener: livekit.LiveKitInstrumentation) -> None:
    scene.session.say("What date works for you?")
    await until(lambda: scene.session.user_state == "away")


FLOWS = [
    Flow(name="stock: 250 ms of uh-huh, default settings", act=uh_huh, verdicts=("false_interruption",), audio=("stopped",)),
    Flow(name="no, Friday: cut at once", act=friday, pausable=False, verdicts=("correct",), audio=("stopped",)),
    Flow(name="no, Friday: paused, confirmed late", act=friday, verdicts=("correct",), audio=("stopped",)),
    Flow(name="a noise: paused, resumed", act=noise, verdicts=("false_interruption",), audio=("paused_resumed",)),
    Flow(
        name="no, Friday: interruptions off, audio kept",
        act=friday_off,
        interruption={"discard_audio_if_uninterruptible": False},
        verdicts=("missed_interruption",),
        audio=("kept",),
    ),
    Flow(
        name="no, Friday: during a disclosure",
        act=friday_disclosure,
        interruption={"discard_audio_if_uninterruptible": False},
        verdicts=("missed_interruption",),
        audio=("kept",),
    ),
    Flow(name="no, Friday: interruptions off, not heard", act=friday_off, verdicts=("undetermined",), audio=("kept",)),
    Flow(
        name="uh-huh while echo cancellation warms up",
        act=uh_huh,
        session={"aec_warmup_duration": 3.0},
        verdicts=("undetermined",),
        audio=("kept",),
    ),
    Flow(name="key 2 in a menu", act=key, verdicts=("correct",), audio=("stopped",)),
    Flow(name="the caller went away", act=away, session={"user_away_timeout": 1.0}, verdicts=(), audio=()),
]


@dataclass(frozen=True)
class Played:
    """One flow, done: what sounded, and what the record says."""

    scene: Scene
    record: CallRecord
    listeners: int


async def _perform(flow: Flow, provider: TracerProvider) -> tuple[Scene, int]:
    scene = Scene(flow)
    await scene.session.start(Agent(instructions="none"))
    before = sum(len(each) for each in scene.session._events.values())
    listener = livekit.instrument(scene.session, room=scene.room, call_id=flow.name, tracer_provider=provider)
    await flow.act(scene, listener)
    await scene.quiet()
    await scene.session.aclose()
    listener.uninstrument()
    after = sum(len(each) for each in scene.session._events.values())
    scene.player.close()
    return scene, after - before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played() -> AsyncIterator[dict[str, Played]]:
    """All flows at the same time, through one processor over real gRPC."""
    records: dict[str, CallRecord] = {}
    service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0")), on_call=lambda record: records.__setitem__(record.call_id, record))
    await service.start()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"127.0.0.1:{service.port}", insecure=True)))
    scenes = await asyncio.gather(*(asyncio.create_task(_perform(flow, provider)) for flow in FLOWS))
    await asyncio.to_thread(provider.shutdown)
    await service.stop()
    yield {flow.name: Played(scene, records[flow.name], left) for flow, (scene, left) in zip(FLOWS, scenes, strict=True)}


def truth(segment: Segment, whole_s: float) -> str:
    """Return what the caller heard happen, from samples alone."""
    gaps = [later[0] - earlier[1] for earlier, later in zip(segment.sounded, segment.sounded[1:], strict=False)]
    if segment.seconds < whole_s - 0.05:
        return "stopped"
    return "paused_resumed" if any(gap >= 0.2 for gap in gaps) else "kept"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("flow", FLOWS, ids=[flow.name for flow in FLOWS])
async def test_the_record_says_what_the_player_played(flow: Flow, played: dict[str, Played], table: list[tuple[str, str, str]]) -> None:
    """Verdict, net audio, position and silence, against the samples."""
    done = played[flow.name]
    scene, record = done.scene, done.record
    sounded = "; ".join(
        f"{each.seconds:.2f} s in {len(each.sounded)} part{'s' if len(each.sounded) > 1 else ''}" for each in scene.player.segments
    )
    told = [f"{each.verdict}, {each.net_audio}{', protected' if each.protected else ''}" for each in record.episodes]
    table.append((flow.name, sounded, "; ".join(told) or f"{len(record.silence_timeouts)} silence timeout, no episode"))

    assert flow.verdicts == tuple(episode.verdict for episode in record.episodes), record
    assert flow.audio == tuple(episode.net_audio for episode in record.episodes)
    assert 0 == done.listeners
    assert ("disclosure" in flow.name) == any(episode.protected for episode in record.episodes)
    for episode in record.episodes:
        unheard = episode.verdict == "undetermined"
        assert unheard == ("voice.caller.transcript.status" in episode.missing), episode.missing
        assert unheard == (episode.stretch.transcript_status == "unavailable")
    for episode in record.episodes:
        first = scene.player.segments[0]
        whole_s = 8.0 if flow.act is uh_huh else 5.0
        assert truth(first, whole_s) == episode.net_audio
        assert abs(episode.start_ns / 1e9 - scene.onset) < 0.3
        if episode.verdict == "correct" and episode.reaction_ms is not None:
            silent = first.sounded[-1][1]
            assert abs(episode.reaction_ms / 1000 - (silent - scene.onset)) < 0.3
