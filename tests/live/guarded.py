"""Sessions that a guard may steer, what happens on their lines, and what a caller heard of it: told from samples alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession
from opentelemetry.sdk.trace import TracerProvider

from otel_voice import VoiceCall
from otel_voice.decision import Decision
from otel_voice.integrations import livekit
from tests.live.fakes import Detector, Line, Model, Player, Recogniser, Segment, Voice, until

EIGHT_S, FIVE_S, THREE_S = 128, 80, 48  # characters, at 16 a second
ANSWERS = {
    "no, Friday": "Okay, moving it to Friday.",
    "wait": "Yes, what is it?",
    "yes": "It is booked for you.",
    "but I need it Friday": "Friday it is.",
    "yeah but I need it Friday": "Friday it is.",
}
HANDOVER = "I am connecting you to a colleague."
OTHERWISE = "All right."


class Scene:
    """One session, guarded or not, with its line, player and room."""

    def __init__(self, flow: Flow, *, guarded: bool) -> None:
        self.flow, self.guarded = flow, guarded
        self.line, self.player = Line(), Player(pausable=flow.pausable)
        self.stt = Recogniser(self.line)
        self.stt.interim_s = flow.interim_s
        self.room: Any = rtc.EventEmitter()
        self.room.name = f"{flow.name}{' guarded' if guarded else ''}"
        interruption = {"mode": "vad", "discard_audio_if_uninterruptible": False} if guarded or flow.heard else {"mode": "vad"}
        told: Any = {"turn_detection": "vad", "interruption": interruption}
        self.session: AgentSession[None] = AgentSession(
            stt=self.stt, vad=Detector(), llm=Model(ANSWERS), tts=Voice(), turn_handling=told, aec_warmup_duration=None
        )
        self.session.input.audio, self.session.output.audio = self.line, self.player
        self.onsets: list[float] = []
        self.escalated: list[float] = []
        self.keys: list[str] = []
        self.offered: Any = ["1", "2"]
        self.listener: livekit.LiveKitInstrumentation
        self.guard: livekit.LiveKitGuard | None = None

    async def start(self, provider: TracerProvider | None, *, agent: Agent | None = None, **options: Any) -> None:
        if agent is None:
            await self.session.start(Agent(instructions="none"))
        call = VoiceCall(self.room.name, runtime="livekit", observable=("speech", "dtmf"), tracer_provider=provider)
        self.listener = livekit.instrument(self.session, call=call, room=self.room, expected_digits=lambda: self.offered)
        if self.guarded:
            callbacks = {"on_escalation": self.hand_over, "on_key": self.keys.append} | options
            self.guard = livekit.guard(self.listener, **callbacks)
            assert self.guard.active
        if agent is not None:
            await self.session.start(agent)

    async def hand_over(self, decision: Decision) -> None:
        self.escalated.append(time.time())
        with self.listener.call.message("escalation_handoff"):
            self.session.say(HANDOVER)

    def says(self, length: int, message_type: str, **more: Any) -> Any:
        with self.listener.call.message(message_type):
            return self.session.say("x" * length, **more)

    async def hears(self, text: str, seconds: float, *, at_s: float) -> None:
        """Have the caller speak at a position of the reply that plays first."""
        await until(lambda: self.player.segments)
        await asyncio.sleep(max(0.0, self.player.segments[0].sounded[0][0] + at_s - time.time()))
        self.onsets.append(await self.line.say(text, seconds))

    def presses(self, digit: str) -> None:
        self.room.emit("sip_dtmf_received", SimpleNamespace(code=0, digit=digit, participant=None))

    async def sounds(self, number: int = 1, *, for_s: float = 0.5) -> None:
        """Wait until so many responses have begun, and the last of them has played for a while."""
        await until(lambda: len(self.player.segments) >= number, 15.0)
        await asyncio.sleep(max(0.0, self.player.segments[number - 1].sounded[0][0] + for_s - time.time()))

    def history(self, role: str = "user") -> list[str]:
        return [item.text_content for item in self.session.history.items if getattr(item, "role", "") == role and item.text_content]

    async def quiet(self, seconds: float = 1.2) -> None:
        """Wait until nothing has played for a while."""
        calm = time.monotonic()
        while time.monotonic() - calm < seconds:
            await asyncio.sleep(0.02)
            if self.player._playing is not None or self.session.agent_state in {"speaking", "thinking"}:
                calm = time.monotonic()


Act = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What happens on the line."""

    name: str
    act: Act
    pausable: bool = True
    interim_s: float | None = 0.1  # of speech, then the recogniser has its first words
    heard: bool = False  # without a guard, too, the recogniser hears what is said over speech that may not be interrupted


async def uh_huh(scene: Scene) -> None:
    scene.says(EIGHT_S, "support_answer")
    await scene.hears("uh-huh", 0.25, at_s=1.5)


async def friday(scene: Scene) -> None:
    scene.says(FIVE_S, "support_answer")
    await scene.hears("no, Friday", 0.9, at_s=1.5)


async def noise(scene: Scene) -> None:
    scene.says(FIVE_S, "support_answer")
    await scene.hears("", 0.7, at_s=1.5)


async def long_noise(scene: Scene) -> None:
    scene.says(EIGHT_S, "support_answer")
    await scene.hears("", 2.0, at_s=1.5)


async def disclosure(scene: Scene) -> None:
    scene.says(FIVE_S, "disclosure", allow_interruptions=scene.guarded)
    await scene.hears("", 0.7, at_s=0.8)
    await scene.hears("wait", 0.4, at_s=2.2)


async def disclosure_late(scene: Scene) -> None:
    scene.says(THREE_S, "disclosure", allow_interruptions=scene.guarded)
    await scene.hears("wait", 0.4, at_s=2.5)


async def disclosure_over(scene: Scene) -> None:
    scene.says(FIVE_S, "disclosure", allow_interruptions=scene.guarded)
    await scene.hears("wait", 0.4, at_s=0.8)
    await scene.hears("no, Friday", 0.9, at_s=4.5)


async def disclosure_human(scene: Scene) -> None:
    scene.says(THREE_S, "disclosure", allow_interruptions=scene.guarded)
    await scene.hears("I need a human", 0.8, at_s=0.8)


async def human(scene: Scene) -> None:
    scene.says(FIVE_S, "support_answer")
    await scene.hears("I need a human", 0.9, at_s=1.5)


async def greeting(scene: Scene) -> None:
    scene.says(FIVE_S, "greeting")
    await scene.hears("no, Friday", 0.9, at_s=0.05)


async def yeah_but(scene: Scene) -> None:
    scene.says(EIGHT_S, "support_answer")
    await scene.hears("yeah", 0.3, at_s=1.5)
    await scene.hears("but I need it Friday", 1.0, at_s=3.2)


async def no_partials(scene: Scene) -> None:
    scene.says(EIGHT_S, "support_answer")
    await scene.hears("no, Friday", 1.8, at_s=1.5)


async def said_before(scene: Scene) -> None:
    scene.says(8, "greeting")
    await until(lambda: scene.player.segments and scene.player.segments[0].interrupted is not None)
    scene.onsets.append(await scene.line.say("no, Friday", 0.6))
    await asyncio.sleep(0.35)
    scene.says(FIVE_S, "support_answer")


async def key(scene: Scene) -> None:
    scene.says(FIVE_S, "menu_prompt")
    await until(lambda: scene.player.segments)
    await asyncio.sleep(1.5)
    scene.onsets.append(time.time())
    scene.presses("2")


async def key_held(scene: Scene) -> None:
    scene.says(THREE_S, "disclosure", allow_interruptions=scene.guarded)
    await until(lambda: scene.player.segments)
    await asyncio.sleep(1.0)
    for digit in ("2", "9"):
        scene.presses(digit)


async def question(scene: Scene) -> None:
    asked = "x" * (FIVE_S - 1) + "?"
    if scene.guard is not None:
        scene.guard.say(asked, message_type="support_answer")
    else:
        scene.session.say(asked)
    await scene.hears("yes", 0.4, at_s=1.5)


async def closed(scene: Scene) -> None:
    if scene.guard is not None:
        scene.guard.close()
    await uh_huh(scene)


FLOWS = [
    Flow(name="uh-huh", act=uh_huh),
    Flow(name="no, Friday", act=friday),
    Flow(name="no, Friday (player cannot pause)", act=friday, pausable=False),
    Flow(name="no, Friday (words after 0.4 s)", act=friday, interim_s=0.4),
    Flow(name="a noise of 0.7 s", act=noise),
    Flow(name="a noise of 2 s", act=long_noise),
    Flow(name="disclosure: cough, then wait", act=disclosure, heard=True),
    Flow(name="disclosure: wait at its end", act=disclosure_late, heard=True),
    Flow(name="disclosure: wait, then on beyond its end", act=disclosure_over, heard=True),
    Flow(name="disclosure: I need a human", act=disclosure_human, heard=True),
    Flow(name="I need a human", act=human),
    Flow(name="no, Friday within 400 ms of a greeting", act=greeting),
    Flow(name="yeah, then but I need it Friday", act=yeah_but),
    Flow(name="a turn without partial words", act=no_partials, interim_s=None),
    Flow(name="no, Friday, then a response of the agent's own", act=said_before),
    Flow(name="key 2 in a menu", act=key),
    Flow(name="keys 2 and 9 over a disclosure", act=key_held),
    Flow(name="yes to a question", act=question),
    Flow(name="the guard was closed", act=closed),
]


def gaps(segment: Segment) -> list[float]:
    """Return how long a response stood still, each time that a caller would notice."""
    parts = segment.sounded
    return [gap for one, other in pairwise(parts) if (gap := other[0] - one[1]) >= 0.2]


def whole(segment: Segment, characters: int) -> bool:
    """Tell whether every sample of a response sounded, without a gap."""
    return segment.interrupted is False and abs(segment.seconds - characters / 16) < 0.05 and not gaps(segment)


def reaction(scene: Scene) -> float:
    """Return how long the first response sounded on after the caller began, until it stood still or ended."""
    first = scene.player.segments[0]
    silent = next((one[1] for one, other in pairwise(first.sounded) if other[0] - one[1] >= 0.2), first.sounded[-1][1])
    return silent - max((onset for onset in scene.onsets if onset < silent), default=silent)


def answers(scene: Scene) -> list[str]:
    """Return what was played whole after the first response; `?` for a part."""
    known = {len(text): text for text in (*ANSWERS.values(), HANDOVER, OTHERWISE)}
    return [next((text for length, text in known.items() if whole(each, length)), "?") for each in scene.player.segments[1:]]
