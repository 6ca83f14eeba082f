"""OpenAI Realtime: a `session.update` event, to be sent before the message it is for. Times in milliseconds."""

from __future__ import annotations

from typing import Final

from .model import Knob, Provider
from .readings import SWITCH, milliseconds, number, silence, switch, time

_TURNS: Final = "session.audio.input.turn_detection"

PROVIDER: Final = Provider(
    name="openai",
    title="OpenAI Realtime",
    goes={
        "call": "a session.update event for the whole call; server_vad, since no other turn detection takes these times",
        "message types": "a session.update event, to be sent before a message of this type; it holds until the next",
    },
    persists=True,
    fixed=(("type", "session.update"), ("session.type", "realtime"), (f"{_TURNS}.type", "server_vad")),
    knobs=(
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(),
            call=f"{_TURNS}.interrupt_response",
            message=f"{_TURNS}.interrupt_response",
        ),
        Knob(
            setting="min_vad_confidence",
            read=number("min_vad_confidence", note="nearest: a threshold for loudness, and for all speech"),
            call=f"{_TURNS}.threshold",
            message=f"{_TURNS}.threshold",
            default=0.5,
        ),
        Knob(
            setting="patience_ms",
            read=time("patience_ms", milliseconds),
            call=f"{_TURNS}.silence_duration_ms",
            message=f"{_TURNS}.silence_duration_ms",
            default=500,
        ),
        Knob(
            setting="silence",
            read=silence(milliseconds, off=None, note="the model speaks by itself; which times are taken is not published"),
            call=f"{_TURNS}.idle_timeout_ms",
            message=f"{_TURNS}.idle_timeout_ms",
        ),
    ),
    app={
        "held": "{title} hears what is said meanwhile but may fail to answer it: ask for a response after the message yourself",
        "min_speech_ms": "{title} stops once its detector hears speech: switch interrupt_response off and cancel the response yourself",
        "min_words": "{title} stops before there are words: switch interrupt_response off and cancel the response yourself",
        "actions.dtmf": "{title} tells of keys on SIP calls only, and plays on: route them yourself",
    },
)
