"""LiveKit Agents: turns a session's own events into ours; imports nothing of LiveKit, so recorded events replay."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection
from typing import Any

from opentelemetry.trace import TracerProvider

from otel_voice.call import VoiceCall
from otel_voice.emit import STATE
from otel_voice.integrations.livekit.acting import Callbacks, OnDecision, OnKey
from otel_voice.integrations.livekit.asked import Asked, to_human
from otel_voice.integrations.livekit.guard import LiveKitGuard
from otel_voice.integrations.livekit.listening import AUDIO, ROOM, SESSION, LiveKitInstrumentation
from otel_voice.integrations.livekit.readings import read
from otel_voice.integrations.livekit.runtime import installed_version, own_provider
from otel_voice.policy import Policy

__all__ = ["AUDIO", "ROOM", "SESSION", "LiveKitGuard", "LiveKitInstrumentation", "guard", "instrument", "to_human"]


def instrument(
    session: Any,
    *,
    call: VoiceCall | None = None,
    call_id: str | None = None,
    workflow: str | None = None,
    message_type: Callable[[str | None], str | None] | None = None,
    policy_version: str | None = None,
    tracer_provider: TracerProvider | None = None,
    room: Any = None,
    is_handoff: Callable[[str], bool] = to_human,
    expected_digits: Callable[[], Collection[str] | None] | None = None,
    keep_text: bool = False,
    clock: Callable[[], int] = time.time_ns,
) -> LiveKitInstrumentation:
    """Tell the session's interruptions from now on; `session` None replays. The call id is the room's name where none is given.

    `message_type` gets a speech's id and returns its message type, `is_handoff` an agent's id, `expected_digits` returns the keys on
    offer; where one of them raises, the event goes on without its answer. Spans go to `tracer_provider`, to that of `otel_voice.configure`,
    to LiveKit's own, or to the global one: the first that is set. Text stays where LiveKit's project redacts, whatever `keep_text` says.
    """
    if call is None:
        call = VoiceCall(
            call_id or read(room, "name") or f"call_{uuid.uuid4().hex}",
            workflow=workflow,
            runtime="livekit",
            runtime_version=installed_version(),
            policy_version=policy_version,
            tracer_provider=tracer_provider or STATE.provider or own_provider(),
            keep_text=keep_text,
            observable=("speech", "dtmf") if room is not None or session is None else ("speech",),
            clock=clock,
        )
    asked = Asked(message_type=message_type, is_handoff=is_handoff, expected_digits=expected_digits)
    return LiveKitInstrumentation(session, call, asked, room=room, clock=clock)


def guard(
    listener: LiveKitInstrumentation,
    *,
    policy: Policy | None = None,
    on_escalation: OnDecision | None = None,
    on_key: OnKey | None = None,
    on_reprompt: OnDecision | None = None,
    on_cancel: OnDecision | None = None,
) -> LiveKitGuard:
    """Rule the interruptions of an instrumented session by a policy, the default where none is given, instead of LiveKit's thresholds.

    The session needs `turn_handling={"interruption": {"mode": "vad", "discard_audio_if_uninterruptible": False}}`; where it cannot be
    guarded that is told, and LiveKit's own settings rule. `on_escalation` hands the call to a person and answers instead of the model;
    it is called once, and again only after it has raised. `on_key` gets a key that the policy routes. `on_reprompt` asks the caller again;
    where it is given, the policy's silences are counted too. `on_cancel` is told that the caller called off what runs behind a message.
    Each of them may be a coroutine function.
    """
    told = Callbacks(on_escalation=on_escalation, on_key=on_key, on_reprompt=on_reprompt, on_cancel=on_cancel)
    return LiveKitGuard(listener, policy=policy, callbacks=told)
