"""ElevenLabs Agents: `conversation_config` of an agent and of a workflow's nodes, and of tools. Times in seconds."""

from __future__ import annotations

from typing import Any, Final

from otel_voice.policy.model import Rule

from .model import Knob, Provider, Reader, Reading, Told
from .readings import SWITCH, action, always, held, in_seconds, silence, stops_itself, switch
from .wording import seconds

_LONGEST_MS: Final = 30_000


def _eager(rule: Rule) -> Reading:
    """Patience has no times here: asked for at all, it is the most patient of three words."""
    if not rule.patience_ms:
        return None
    why = "{title} has three words for its patience and no times: hold the answer back yourself where it matters"
    return Told(value="patient", note=f"nearest to {seconds(rule.patience_ms)}: no times are published", short={"patience_ms": why})


def _turn(setting: str, read: Reader, name: str, default: Any = None) -> Knob:
    path = f"conversation_config.turn.{name}"
    return Knob(setting=setting, read=read, call=path, message=f"node.{path}", default=default)


PROVIDER: Final = Provider(
    name="elevenlabs",
    title="ElevenLabs Agents",
    goes={
        "conversation_config": "the agent's conversation_config, for the whole call",
        "node": "fields of a workflow's override_agent nodes that speak messages of this type only",
        "tool_config": "fields of the tools that the agent waits for while it speaks messages of this type",
    },
    knobs=(
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(on=False, off=True, note="true forbids it"),
            call="conversation_config.agent.disable_first_message_interruptions",
            only=("greeting",),
        ),
        Knob(
            setting="interrupted_by",
            also=SWITCH,
            read=switch(on="allow", off="disable_during_tool"),
            message="tool_config.interruption_mode",
            only=("tool_wait",),
        ),
        Knob(setting="interrupted_by", read=always),
        Knob(setting="actions.correction", read=stops_itself),
        _turn(
            "actions.backchannel",
            action("backchannel", keeps=True, stops=False, note="name the languages in interruption_ignore_term_languages"),
            "merge_with_default_ignore_terms",
        ),
        _turn("held", held(keeps=True, drops=False), "transcribe_on_disabled_interruptions"),
        _turn("patience_ms", _eager, "turn_eagerness", "normal"),
        _turn("silence", silence(in_seconds, least=1000, most=_LONGEST_MS), "turn_timeout"),
    ),
    app={
        "interrupted_by": "{title} switches the first message, tools, or all (client_events without `interruption`), not this message",
        "until": "{title} can protect the first message only: say required content there, or repeat what was cut",
    },
)
