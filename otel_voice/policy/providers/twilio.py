"""Twilio ConversationRelay: attributes of `<ConversationRelay>`, and fields of text messages. Times in milliseconds."""

from __future__ import annotations

from typing import Final

from otel_voice.policy.model import Rule

from .model import Knob, Provider, Reading, Told
from .readings import BOTH, DTMF, SPEECH, SWITCH, action, cut, held, keys, milliseconds, shortfall, time

_RELAY: Final = "ConversationRelay"
_MODES: Final = {(True, True): "any", (True, False): "speech", (False, True): "dtmf", (False, False): "none"}


def _mode(rule: Rule) -> Reading:
    """Who may cut in, in the four words of the noun."""
    speech, key = cut(rule, SPEECH), cut(rule, DTMF)
    short = shortfall(rule, kinds=BOTH)
    return Told(value=_MODES[speech.may, key.may], setting=(speech if not speech.may else key).setting, short=short)


def _text(rule: Rule) -> Reading:
    """Who may cut in, in the one switch that a text message has."""
    speech, key = cut(rule, SPEECH), cut(rule, DTMF)
    short = dict(shortfall(rule, kinds=BOTH))
    if speech.may is not key.may:
        name = "actions.dtmf" if "dtmf" in rule.actions else "interrupted_by"
        short[name] = "{title} switches a text message for speech and keys alike, here as for speech: see to the keys yourself"
    return Told(value=speech.may, setting=speech.setting, short=short)


def _preempted(rule: Rule) -> Reading:
    """Protected content must not be cut by the agent's own next words either."""
    return Told(value=False) if rule.until is not None else None


PROVIDER: Final = Provider(
    name="twilio",
    title="Twilio ConversationRelay",
    goes={
        _RELAY: "attributes of the <ConversationRelay> noun, for the whole call; Twilio drops misspelt ones without a word",
        "text": "fields of each text message of this type that the application sends; `token` and `last` are its own",
    },
    fixed=(("text.type", "text"),),
    knobs=(
        Knob(setting="interrupted_by", also=SWITCH, read=_mode, call=f"{_RELAY}.interruptible"),
        Knob(setting="interrupted_by", also=SWITCH, read=_mode, call=f"{_RELAY}.welcomeGreetingInterruptible", only=("greeting",)),
        Knob(setting="interrupted_by", also=SWITCH, read=_text, message="text.interruptible"),
        Knob(setting="until", read=_preempted, message="text.preemptible"),
        Knob(
            setting="held",
            read=held(keeps="any", drops="none", note="what is said or keyed during a message reaches the application only so"),
            call=f"{_RELAY}.reportInputDuringAgentSpeech",
        ),
        Knob(
            setting="actions.backchannel",
            read=action("backchannel", keeps=True, stops=False, note="what is filtered is not reported either"),
            call=f"{_RELAY}.ignoreBackchannel",
        ),
        Knob(setting="patience_ms", read=time("patience_ms", milliseconds, least=600, most=5000), call=f"{_RELAY}.speechTimeout"),
        Knob(setting="actions.dtmf", read=keys(True, note="keys are reported; what they lead to is yours"), call=f"{_RELAY}.dtmfDetection"),
    ),
    app={
        "min_speech_ms": "{title} has interruptSensitivity (low, medium, high) without times: choose it by trial",
        "min_words": "{title} has interruptSensitivity (low, medium, high) without words: choose it by trial",
        "min_vad_confidence": "{title} has interruptSensitivity (low, medium, high) without a scale: choose it by trial",
    },
)
