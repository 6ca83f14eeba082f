"""Records one live session as the demo plays it again: `python -m tests.live.record >> processor/otel_voice_processor/data/livekit.jsonl`.

An eight-second reply, the caller says 250 ms of "uh-huh", every interruption setting as LiveKit ships it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from livekit.agents import Agent, AgentSession, __version__
from otel_voice_processor.cli.recorded import RECORDED_AT_S

from otel_voice.integrations.livekit import AUDIO, SESSION
from tests.live.fakes import Detector, Line, Model, Player, Recogniser, Voice, until

NAME = "stock_uh_huh"
NOTE = "Default interruption settings, output that can pause: an eight-second reply dies of 250 ms of `uh-huh`. Headless, with fake models."
ANSWER = "Your appointment is on Thursday at ten in the morning at the clinic downtown, and please bring your insurance card and a letter."
KEPT = ("id", "type", "role", "content", "interrupted", "old_agent_id", "new_agent_id")  # of an item


def plain(value: Any) -> Any:
    """Return a payload as JSON has it."""
    if hasattr(value, "allow_interruptions"):
        return {"id": value.id, "allow_interruptions": value.allow_interruptions}
    if hasattr(value, "role") or hasattr(value, "new_agent_id"):
        return {name: plain(getattr(value, name)) for name in KEPT if getattr(value, name, None) is not None}
    if hasattr(value, "model_dump"):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields if getattr(value, name) is not None}
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(getattr(value, "value", value))


async def main() -> None:
    """Run the session and print its messages."""
    line, player = Line(), Player()
    session: AgentSession[None] = AgentSession(
        stt=Recogniser(line), vad=Detector(), llm=Model({}), tts=Voice(), turn_handling={"turn_detection": "vad"}, aec_warmup_duration=None
    )
    session.input.audio, session.output.audio = line, player
    began, lines = time.time(), []

    def listener(channel: str, name: str) -> Callable[[Any], None]:
        def heard(event: Any) -> None:
            payload = plain(event)
            if "created_at" in payload:
                payload["created_at"] = round(payload["created_at"] - began + RECORDED_AT_S, 3)
            lines.append((round((time.time() - began) * 1000), channel, {"event": name, "payload": payload}))

        return heard

    for name in SESSION:
        session.on(name, listener("session", name))
    for name in AUDIO:
        player.on(name, listener("audio_output", name))
    await session.start(Agent(instructions="none"))
    session.say(ANSWER)
    await until(lambda: player.segments)
    await asyncio.sleep(1.5)
    await line.say("uh-huh", 0.25)
    await asyncio.sleep(2.5)
    await session.aclose()
    named = {"provider": "livekit", "scenario": NAME}
    head = {"kind": "scenario", **named, "source": f"livekit-agents {__version__}", "origin": "captured", "note": NOTE}
    print(json.dumps(head, separators=(",", ":")))
    for number, (t_ms, channel, message) in enumerate(lines, 1):
        told = {"kind": "message", **named, "seq": number, "t_ms": t_ms, "channel": channel, "msg": message}
        print(json.dumps(told, separators=(",", ":")))


if __name__ == "__main__":
    asyncio.run(main())
