"""Retell: fields of an agent, of a conversation flow's nodes, and of responses of a custom model. Times in milliseconds."""

from __future__ import annotations

from typing import Any, Final

from otel_voice_schema.attributes import Action

from otel_voice.policy.model import Rule

from .model import Knob, Provider, Reader, Reading, Told
from .readings import BOTH, DTMF, MISSING, SWITCH, cut, keys, ladder, milliseconds, silence, switch
from .wording import steps_of

_BY_TRIAL: Final = "choose it by trial"
_NEVER: Final = switch(on=MISSING, off=0, kinds=BOTH, note="0 is never")


def _key_cuts(rule: Rule) -> Reading:
    may, setting = cut(rule, DTMF)
    return Told(value=may, setting=setting)


def _reminders(rule: Rule) -> Reading:
    """How often the agent asks again; 0 switches the reminder off."""
    first, times, _ = ladder(rule, repeats=True)
    if first is not None and first.action is Action.REPROMPT:
        return Told(value=times)
    todo = f"{{title}} asks again, it does nothing else: {steps_of(rule.silence)} is yours to do"
    return Told(value=0, note="off", short={"silence": todo} if first else {})


def _both(setting: str, read: Reader, name: str, also: tuple[str, ...] = (), default: Any = None) -> Knob:
    return Knob(setting=setting, also=also, read=read, call=f"agent.{name}", message=f"node.{name}", default=default)


PROVIDER: Final = Provider(
    name="retell",
    title="Retell",
    goes={
        "agent": "fields of the agent, for the whole call",
        "node": "fields of a conversation flow's nodes that speak messages of this type only",
        "response": "fields of each response of this type that a custom model sends over its socket; its content is your own",
    },
    knobs=(
        _both("interrupted_by", _NEVER, "interruption_sensitivity", also=SWITCH, default=1),
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(on=False, off=True, kinds=BOTH, note="true forbids it"),
            message="response.no_interruption_allowed",
        ),
        _both("actions.dtmf", _key_cuts, "allow_dtmf_interruption"),
        Knob(setting="actions.dtmf", read=keys(True, False), call="agent.allow_user_dtmf"),
        _both("silence", silence(milliseconds, repeats=True), "reminder_trigger_ms"),
        _both("silence", _reminders, "reminder_max_count"),
    ),
    app={
        "min_speech_ms": f"{{title}} has interruption_sensitivity (higher is easier) without times: {_BY_TRIAL}",
        "min_words": f"{{title}} has interruption_sensitivity (higher is easier) without words: {_BY_TRIAL}",
        "min_vad_confidence": f"{{title}} has interruption_sensitivity (higher is easier) without a scale: {_BY_TRIAL}",
        "patience_ms": f"{{title}} has responsiveness (lower waits longer) without times: {_BY_TRIAL}",
    },
)
