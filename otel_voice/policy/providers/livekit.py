"""LiveKit Agents: keyword arguments of `AgentSession`, `Agent`, `inference.VAD` and `say`. Times in seconds."""

from __future__ import annotations

from typing import Final

from otel_voice.policy.model import Rule

from .model import Knob, Provider, Reading, Told
from .readings import SWITCH, action, held, in_seconds, number, silence, switch, time

_TURNS: Final = "AgentSession.turn_handling"
_LONGEST_MS: Final = 2500  # the shorter of the two defaults of `max_delay`


def _max_delay(rule: Rule) -> Reading:
    """The longest wait must not be shorter than the shortest."""
    if rule.patience_ms <= _LONGEST_MS:
        return None
    return Told(value=in_seconds(rule.patience_ms), note="raised with min_delay, whose default it would fall short of")


PROVIDER: Final = Provider(
    name="livekit",
    title="LiveKit Agents",
    goes={
        "AgentSession": "keyword arguments of AgentSession, for the whole call",
        "VAD": "keyword arguments of inference.VAD, handed to AgentSession as `vad`",
        "say": "keyword arguments of session.say and session.generate_reply for messages of this type",
        "Agent": "keyword arguments of an Agent that speaks messages of this type only; LiveKit reads no other of its turn options there",
    },
    knobs=(
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(pauses=True),
            call=f"{_TURNS}.interruption.enabled",
            message="say.allow_interruptions",
        ),
        Knob(
            setting="actions.backchannel",
            read=action(
                "backchannel",
                keeps="adaptive",
                stops="vad",
                note="needs LiveKit's hosted model, else it is vad; beside our guard it has to be vad",
            ),
            call=f"{_TURNS}.interruption.mode",
        ),
        Knob(setting="min_speech_ms", read=time("min_speech_ms", in_seconds), call=f"{_TURNS}.interruption.min_duration"),
        Knob(setting="min_words", read=number("min_words", note="needs a transcriber"), call=f"{_TURNS}.interruption.min_words"),
        Knob(
            setting="actions.noise",
            read=action("noise", keeps=True, stops=False, pauses=True, note="plays on when no words follow, if the output can pause"),
            call=f"{_TURNS}.interruption.resume_false_interruption",
        ),
        Knob(
            setting="held",
            read=held(
                keeps=False,
                drops=True,
                lacks="{title} transcribes it and skips the answer: note it (user_input_transcribed) and answer afterwards",
            ),
            call=f"{_TURNS}.interruption.discard_audio_if_uninterruptible",
        ),
        Knob(
            setting="patience_ms",
            read=time("patience_ms", in_seconds),
            call=f"{_TURNS}.endpointing.min_delay",
            message="Agent.turn_handling.endpointing.min_delay",
            default=0.5,
        ),
        Knob(
            setting="patience_ms",
            read=_max_delay,
            call=f"{_TURNS}.endpointing.max_delay",
            message="Agent.turn_handling.endpointing.max_delay",
            default=3.0,
        ),
        Knob(
            setting="silence",
            read=silence(
                in_seconds, off=None, speaks=False, note="only tells (user_state_changed, away): what the agent then does is yours"
            ),
            call="AgentSession.user_away_timeout",
        ),
        Knob(
            setting="min_vad_confidence",
            read=number("min_vad_confidence", note="holds for all speech here, in the policy for speech nobody can read yet"),
            call="VAD.activation_threshold",
        ),
    ),
    app={
        "until": "{title} can lift a protection part way: set allow_interruptions on the speech handle yourself",
        "grace_ms": "{title} has no grace period: set allow_interruptions on the speech handle once it is over",
        "actions.dtmf": "{title} tells of keys (sip_dtmf_received) and plays on: route the key and call interrupt() yourself",
    },
)
