"""Agora Conversational AI: `properties` of a started agent, and the speak request. Times in milliseconds."""

from __future__ import annotations

from typing import Final

from .model import Knob, Provider
from .readings import SWITCH, held, milliseconds, number, silence, switch, time

_TURNS: Final = "properties.turn_detection.config"

PROVIDER: Final = Provider(
    name="agora",
    title="Agora Conversational AI",
    goes={
        "properties": "properties of the request that starts the agent, for the whole call; Agora cannot change them later",
        "speak": "fields of the speak request for messages of this type; what the model says by itself follows the call",
    },
    fixed=(
        ("properties.turn_detection.mode", "default"),
        (f"{_TURNS}.start_of_speech.mode", "vad"),
        (f"{_TURNS}.end_of_speech.mode", "vad"),
    ),
    knobs=(
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(),
            call="properties.interruption.enable",
            message="speak.interruptable",
        ),
        Knob(
            setting="held",
            read=held(keeps="append", drops="ignore", only_protected=True),
            call="properties.interruption.disabled_config.strategy",
        ),
        Knob(
            setting="min_speech_ms",
            read=time("min_speech_ms", milliseconds, least=120, most=1200),
            call=f"{_TURNS}.start_of_speech.vad_config.speaking_interrupt_duration_ms",
        ),
        Knob(
            setting="min_vad_confidence",
            read=number("min_vad_confidence", note="nearest: a threshold for loudness, and for all speech"),
            call=f"{_TURNS}.speech_threshold",
        ),
        Knob(
            setting="patience_ms",
            read=time("patience_ms", milliseconds, least=120, most=2000),
            call=f"{_TURNS}.end_of_speech.vad_config.silence_duration_ms",
        ),
        Knob(
            setting="silence",
            read=silence(milliseconds, off=0, most=60000, note="`action` and `content`, what the agent then says, are yours"),
            call="properties.parameters.silence_config.timeout_ms",
        ),
    ),
    app={
        "min_words": "{title} stops on sound, or on key words that you list (interruption.mode keywords): it does not count words",
        "actions.dtmf": "{title} hears no keys: take them from the telephony side yourself",
    },
)
