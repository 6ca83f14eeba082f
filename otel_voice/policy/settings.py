"""The settings of a policy's rule, read from its YAML node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import yaml
from otel_voice_schema.attributes import Action, InputClass, InputType

from otel_voice.strict import StrictReader

from .model import SilenceStep, Until

WHO: Final = (InputType.SPEECH.value, InputType.DTMF.value, InputType.COMMAND.value, InputClass.ESCALATION.value)
CLASSES: Final = ("correction", "backchannel", "noise", "dtmf", "unlisted_key", "escalation", "unknown")
ACTIONS: Final = tuple(each.value for each in Action)
SILENCE_ACTIONS: Final = (Action.WAIT.value, Action.REPROMPT.value, Action.ESCALATE_TO_HUMAN.value)
NUMBERS: Final = ("grace_ms", "min_speech_ms", "min_words", "ask_again_ms", "patience_ms")
SETTINGS: Final = ("because", "interrupted_by", "protected_allows", *NUMBERS, "confidence_floor", "until", "held", "actions", "silence")


def read_settings(reader: StrictReader, node: yaml.Node, where: str) -> dict[str, Any]:
    """Return the settings of one rule, as far as they are given and right."""
    fields = reader.mapping(node, where, SETTINGS) or {}
    read: dict[str, Any] = {}
    for key, value in fields.items():
        place = f"{where}.{key}"
        if key in NUMBERS:
            read[key] = reader.whole(value, place)
        elif key in ("interrupted_by", "protected_allows"):
            read[key] = frozenset(_who(reader, value, place))
        elif key == "because":
            read[key] = reader.text(value, place)
        elif key == "confidence_floor":
            read[key] = reader.share(value, place)
        elif key == "held":
            read[key] = _action(reader, value, place, ACTIONS)
        elif key == "until":
            read[key] = _until(reader, value, place)
        elif key == "actions":
            read[key] = _actions(reader, value, place)
        else:
            read[key] = _silence(reader, value, place)
    return read


def _who(reader: StrictReader, node: yaml.Node, where: str) -> list[str]:
    if isinstance(node, yaml.ScalarNode) and node.value == "none":
        return []
    found = [name for each in reader.items(node, where) if (name := reader.choice(each, where, WHO)) is not None]
    for name in sorted({each for each in found if found.count(each) > 1}):
        reader.report(node, f"`{name}` at {where} is given twice")
    return found


def _action(reader: StrictReader, node: yaml.Node, where: str, allowed: Iterable[str]) -> Action | None:
    name = reader.choice(node, where, allowed)
    return Action(name) if name is not None else None


def _actions(reader: StrictReader, node: yaml.Node, where: str) -> dict[str, Action]:
    fields = reader.mapping(node, where, CLASSES) or {}
    found = {key: _action(reader, value, f"{where}.{key}", ACTIONS) for key, value in fields.items()}
    return {key: action for key, action in found.items() if action is not None}


def _until(reader: StrictReader, node: yaml.Node, where: str) -> Until | None:
    """`end`, `none`, or one of `{position_ms: ...}` and `{fraction: ...}`."""
    if isinstance(node, yaml.ScalarNode):
        return Until(end=True) if reader.choice(node, where, ("end", "none")) == "end" else None
    fields = reader.mapping(node, where, ("position_ms", "fraction")) or {}
    if len(fields) != 1:
        reader.report(node, f"{where} must be `end`, `none`, or have one of `position_ms` and `fraction`")
        return None
    if "position_ms" in fields:
        return Until(position_ms=reader.whole(fields["position_ms"], f"{where}.position_ms"))
    return Until(fraction=reader.share(fields["fraction"], f"{where}.fraction"))


def _silence(reader: StrictReader, node: yaml.Node, where: str) -> tuple[SilenceStep, ...]:
    """The ladder of silences: each step later than the one before."""
    steps: list[SilenceStep] = []
    for at, item in enumerate(reader.items(node, where)):
        place = f"{where}[{at}]"
        fields = reader.mapping(item, place, ("after_ms", "action"))
        if fields is None:
            continue
        for key in ("after_ms", "action"):
            if key not in fields:
                reader.report(item, f"key `{key}` is missing at {place}")
        after = reader.whole(fields["after_ms"], f"{place}.after_ms") if "after_ms" in fields else None
        action = _action(reader, fields["action"], f"{place}.action", SILENCE_ACTIONS) if "action" in fields else None
        if after is None or action is None:
            continue
        if steps and after <= steps[-1].after_ms:
            reader.report(item, f"{place}.after_ms must be more than the step before ({steps[-1].after_ms})")
        steps.append(SilenceStep(after_ms=after, action=action))
    return tuple(steps)
