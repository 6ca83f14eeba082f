"""The LiveKit integration on a live, duck-typed session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from otel_voice import VoiceCall
from otel_voice.integrations import livekit
from otel_voice.testing import capture_events


class Emitting:
    """An event emitter as LiveKit's."""

    def __init__(self, **attributes: Any) -> None:
        self.listeners: list[tuple[str, Callable[..., None]]] = []
        self.__dict__.update(attributes)

    def on(self, name: str, callback: Callable[..., None]) -> None:
        self.listeners.append((name, callback))

    def off(self, name: str, callback: Callable[..., None]) -> None:
        self.listeners.remove((name, callback))

    def emit(self, name: str, **payload: Any) -> None:
        for listened, callback in list(self.listeners):
            if listened == name:
                callback(SimpleNamespace(**payload))


def session() -> Any:
    options = SimpleNamespace(interruption={"min_duration": 0.5, "false_interruption_timeout": 2.0})
    return Emitting(output=SimpleNamespace(audio=None), options=options, stt=object())


def test_uninstrument_leaves_nothing() -> None:
    """Every listener is taken off, on audio found late too."""
    with capture_events():
        live = session()
        listener = livekit.instrument(live, call_id="call_1")
        live.output.audio = Emitting()
        live.emit("agent_state_changed", old_state="idle", new_state="listening", created_at=time.time())
        assert live.output.audio.listeners
        listener.uninstrument()

    assert not [*live.listeners, *live.output.audio.listeners]


def test_message_type_threshold_and_id_are_told() -> None:
    """A response begun inside the block has its type; the candidate its threshold from the session's options."""
    with capture_events() as events:
        live = session()
        live.output.audio = Emitting()
        listener = livekit.instrument(live, call_id="call_1")
        with listener.call.message("disclosure"):
            live.emit("speech_created", speech_handle=SimpleNamespace(id="speech_1", allow_interruptions=False))
        live.emit("agent_state_changed", old_state="thinking", new_state="speaking", created_at=time.time())
        live.emit("user_state_changed", old_state="listening", new_state="speaking", created_at=time.time())
    candidate = next(event.attributes for event in events if event.name.endswith("candidate_detected"))

    assert candidate["voice.agent.message.type"] == "disclosure"
    assert candidate["voice.agent.response.id"] == "speech_1"
    assert candidate["voice.agent.speech.interruptible"] is False
    assert candidate["voice.detector.threshold"] == 0.5


async def test_no_words_is_inferred_on_a_running_loop() -> None:
    """Without a further event, the timer tells it."""
    with capture_events() as events:
        live = session()
        livekit.instrument(live, call_id="call_1")
        live.emit("user_state_changed", old_state="listening", new_state="speaking", created_at=time.time() - 3.0)
        live.emit("user_state_changed", old_state="speaking", new_state="listening", created_at=time.time() - 2.49)
        await asyncio.sleep(0.1)

    assert events[-1].attributes["voice.caller.transcript.inferred"] is True


def test_an_outcome_told_before_the_close_stays() -> None:
    """The call ends once."""
    with capture_events() as events:
        live = session()
        listener = livekit.instrument(live, call=VoiceCall("call_1"))
        listener.call.end(outcome="completed")
        live.emit("close", reason="error", created_at=time.time())

    assert [e.attributes["voice.call.task_outcome"] for e in events if e.name.endswith("call_ended")] == ["completed"]


def test_an_odd_payload_never_raises() -> None:
    """Outside of tests a failure stays here."""
    listener = livekit.instrument(None, call_id="call_1")
    for name in livekit.SESSION:
        listener.handle(name, None, at_ns=1)
        listener.handle(name, {"created_at": "x", "item": 5, "new_state": {}}, at_ns=1)
