"""Vapi: fields of an assistant, of overrides for a squad's member, and the say message. Times in seconds."""

from __future__ import annotations

from typing import Any, Final

from otel_voice.policy.model import Rule

from .model import Knob, Native, Provider, Reader, Reading, Told
from .readings import MISSING, SWITCH, action, in_seconds, keys, number, silence, switch, time

_STOP: Final = "stopSpeakingPlan"
_START: Final = "startSpeakingPlan"
_MOST_SPEECH_MS: Final = 500
_MOST_WORDS: Final = 10
_MOST_WAIT_MS: Final = 5000
_HOOK_MS: Final = (2000, 1_000_000)
_PASSES: Final = Native(why="{title} never stops for words like yeah or okay (acknowledgementPhrases)")


def _voice(rule: Rule) -> Reading:
    """Speech is measured only where words are not counted."""
    if rule.min_words:
        return None
    return time("min_speech_ms", in_seconds, most=_MOST_SPEECH_MS)(rule)


def _words(rule: Rule) -> Reading:
    """No words asked for is said, since the speech is measured only then."""
    return number("min_words", most=_MOST_WORDS)(rule) or Told(value=0)


def _hook(timeout: float, times: int) -> list[dict[str, Any]]:
    options = {"timeoutSeconds": timeout, "triggerMaxCount": times, "triggerResetMode": "onUserSpeech"}
    return [{"on": "customer.speech.timeout", "do": [], "options": options}]


_SILENCE: Final = silence(
    in_seconds,
    off=[],
    repeats=True,
    least=_HOOK_MS[0],
    most=_HOOK_MS[1],
    note="`do`, what the assistant then says, is yours, and so are hooks for other things: merge them in",
    write=_hook,
)


def _both(setting: str, read: Reader, path: str, default: Any = None) -> Knob:
    return Knob(setting=setting, read=read, call=f"assistant.{path}", message=f"assistantOverrides.{path}", default=default)


PROVIDER: Final = Provider(
    name="vapi",
    title="Vapi",
    goes={
        "assistant": "fields of the assistant, for the whole call",
        "assistantOverrides": "overrides for a member of a squad that speaks messages of this type only",
        "say": "the say message that has the assistant say a message of this type; what the model says by itself can always be cut",
    },
    fixed=(("say.type", "say"),),
    knobs=(
        Knob(setting="interrupted_by", also=SWITCH, read=switch(), call="assistant.firstMessageInterruptionsEnabled", only=("greeting",)),
        Knob(setting="interrupted_by", also=SWITCH, read=switch(), message="say.interruptionsEnabled"),
        _both("min_words", _words, f"{_STOP}.numWords"),
        _both("min_speech_ms", _voice, f"{_STOP}.voiceSeconds", 0.2),
        _both("patience_ms", time("patience_ms", in_seconds, most=_MOST_WAIT_MS), f"{_START}.waitSeconds", 0.4),
        _both("silence", _SILENCE, "hooks"),
        _both("actions.dtmf", keys(True, False, note="the model reads keys as text"), "keypadInputPlan.enabled"),
        Knob(
            setting="actions.backchannel",
            read=action("backchannel", keeps=_PASSES, stops=MISSING),
        ),
    ),
    app={
        "min_speech_ms": "{title} counts words or measures speech, not both, and here it counts words",
        "actions.backchannel": "{title} never stops for words like yeah or okay: stop it yourself, or empty acknowledgementPhrases",
    },
)
