"""Pipecat: what builds the pipeline's parts, and frames to queue before messages, as Python. Times in seconds."""

from __future__ import annotations

from typing import Final

from .model import Knob, Provider
from .pipecat_code import as_python
from .readings import SWITCH, in_seconds, number, silence, switch, time

_SPEECH_NOTE: Final = "holds for all speech here, in the policy for speech nobody can read yet"

PROVIDER: Final = Provider(
    name="pipecat",
    title="Pipecat",
    goes={
        "vad_params()": "for the VAD analyzer of the call",
        "user_aggregator_params()": "for the user aggregator of the call; called once for each pipeline",
        "INTERRUPTIBLE": "to be set on each TTSSpeakFrame of a type; what a model says by itself follows the call",
        "frames_before()": "to be queued before a message of a type",
    },
    persists=True,
    python=as_python,
    knobs=(
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(),
            call="user_turn_start.enable_interruptions",
            message="TTSSpeakFrame.interruptible",
        ),
        Knob(setting="min_words", read=number("min_words", note="needs a transcriber"), call="user_turn_start.min_words"),
        Knob(
            setting="min_speech_ms",
            read=time("min_speech_ms", in_seconds),
            call="VADParams.start_secs",
            message="VADParamsUpdateFrame.start_secs",
            default=0.2,
        ),
        Knob(
            setting="min_vad_confidence",
            read=number("min_vad_confidence", note=_SPEECH_NOTE),
            call="VADParams.confidence",
            message="VADParamsUpdateFrame.confidence",
            default=0.7,
        ),
        Knob(setting="patience_ms", read=time("patience_ms", in_seconds), call="SpeechTimeoutUserTurnStopStrategy.user_speech_timeout"),
        Knob(
            setting="silence",
            read=silence(in_seconds, off=0, speaks=False, note="only tells: what the bot then does is yours, on on_user_turn_idle"),
            call="LLMUserAggregatorParams.user_idle_timeout",
            message="UserIdleTimeoutUpdateFrame.timeout",
        ),
    ),
    app={
        "until": "{title} keeps or cuts a whole TTSSpeakFrame: speak the protected part as a frame of its own",
        "actions.dtmf": "{title} tells of keys by InputDTMFFrame: route them yourself",
    },
)
