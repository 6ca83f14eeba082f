"""The settings of a policy's rule, read from its YAML node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import yaml
from otel_voice_schema.attributes import Action, InputClass, InputType

from otel_voice.strict import StrictReader

from .model import SilenceStep, Until

WHO: Final = (InputType.SPEECH.value, InputType.DTMF.value, InputType.COMMAND.value, InputClass.ESCALATION.value)
CLASSES: Final = ("correction", "backchannel", "noise", "dtmf", "unlisted_key", "escalation", "unknown", "sustained")
JUDGED: Final = ("correction", "backchannel", "noise", "dtmf", "escalation")
ACTIONS: Final = tuple(each.value for each in Action)
SILENCE_ACTIONS: Final = (Action.WAIT.value, Action.REPROMPT.value, Action.ESCALATE_TO_HUMAN.value)
NUMBERS: Final = ("grace_ms", "min_speech_ms", "min_words", "ask_again_ms", "patience_ms", "sustained_ms")
SHARES: Final = ("confidence_floor", "min_vad_confidence")
KEYS: Final = "0123456789*#ABCD"
MOST_TIMES: Final = 20
MOST_MS: Final = 600_000  # of a limit on what a caller does; more is a slip of units
LATEST_MS: Final = 3_600_000  # within a message, or of silence
MOST_WORDS: Final = 100
SOONEST_MS: Final = 20  # to ask again: sooner is asking in a circle
SETTINGS: Final = (
    *("because", "interrupted_by", "protected_allows", *NUMBERS, *SHARES, "confidence_floors", "until", "held"),
    *("cancellable", "expected_keys", "actions", "silence"),
)


def read_settings(reader: StrictReader, node: yaml.Node, where: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings of one rule as far as they are given and right, and where each stands (`file:line`)."""
    fields = reader.mapping(node, where, SETTINGS) or {}
    read: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, value in fields.items():
        read[key] = _setting(reader, key, value, f"{where}.{key}")
        origins[key] = reader.place(value)
        if key == "actions" and isinstance(value, yaml.MappingNode):
            origins |= {f"actions.{name.value}": reader.place(name) for name, _ in value.value}
    return read, origins


def _setting(reader: StrictReader, key: str, value: yaml.Node, place: str) -> Any:
    if key in NUMBERS:
        least = SOONEST_MS if key == "ask_again_ms" else 0
        return reader.whole(value, place, least=least, most=MOST_WORDS if key == "min_words" else MOST_MS)
    if key in SHARES:
        return reader.share(value, place)
    if key in {"interrupted_by", "protected_allows"}:
        return frozenset(_who(reader, value, place))
    readers: dict[str, Callable[[yaml.Node, str], Any]] = {
        "because": reader.text,
        "held": lambda node, where: _action(reader, node, where, ACTIONS),
        "cancellable": reader.flag,
        "expected_keys": lambda node, where: _keys(reader, node, where),
        "confidence_floors": lambda node, where: _floors(reader, node, where),
        "until": lambda node, where: _until(reader, node, where),
        "actions": lambda node, where: _actions(reader, node, where),
        "silence": lambda node, where: _silence(reader, node, where),
    }
    return readers[key](value, place)


def _keys(reader: StrictReader, node: yaml.Node, where: str) -> tuple[str, ...]:
    found = tuple(name for each in reader.items(node, where) if (name := reader.choice(each, where, tuple(KEYS))) is not None)
    reader.once(node, where, found, "key ")
    return found


def _floors(reader: StrictReader, node: yaml.Node, where: str) -> Mapping[str, float]:
    fields = reader.mapping(node, where, JUDGED) or {}
    found = {key: reader.share(value, f"{where}.{key}") for key, value in fields.items()}
    return MappingProxyType({key: share for key, share in found.items() if share is not None})


def _who(reader: StrictReader, node: yaml.Node, where: str) -> list[str]:
    if isinstance(node, yaml.ScalarNode) and node.value == "none":
        return []
    found = [name for each in reader.items(node, where) if (name := reader.choice(each, where, WHO)) is not None]
    reader.once(node, where, found)
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
        if node.value not in {"end", "none"}:
            reader.wrong(node, where, "`end`, `none`, `{position_ms: 4000}` or `{fraction: 0.8}`")
        return Until(end=True) if node.value == "end" else None
    fields = reader.mapping(node, where, ("position_ms", "fraction")) or {}
    if len(fields) != 1:
        reader.report(node, f"{where} must be `end`, `none`, or have one of `position_ms` and `fraction`")
        return None
    if "position_ms" in fields:
        return Until(position_ms=reader.whole(fields["position_ms"], f"{where}.position_ms", most=LATEST_MS))
    return Until(fraction=reader.share(fields["fraction"], f"{where}.fraction"))


def _silence(reader: StrictReader, node: yaml.Node, where: str) -> tuple[SilenceStep, ...]:
    """The ladder of silences, counted out: each step later than the one before, a repeated one as often as it says."""
    steps: list[SilenceStep] = []
    for at, item in enumerate(reader.items(node, where)):
        place = f"{where}[{at}]"
        fields = reader.mapping(item, place, ("after_ms", "action", "times"))
        if fields is None:
            continue
        for key in ("after_ms", "action"):
            if key not in fields:
                reader.report(item, f"key `{key}` is missing at {place}")
        after = reader.whole(fields["after_ms"], f"{place}.after_ms", least=1, most=LATEST_MS) if "after_ms" in fields else None
        action = _action(reader, fields["action"], f"{place}.action", SILENCE_ACTIONS) if "action" in fields else None
        times = reader.whole(fields["times"], f"{place}.times", least=1, most=MOST_TIMES) if "times" in fields else 1
        if after is None or action is None or times is None:
            continue
        if steps and after <= steps[-1].after_ms:
            reader.report(item, f"{place}.after_ms must be more than the step before ({steps[-1].after_ms})")
        if steps and steps[-1].action is Action.ESCALATE_TO_HUMAN:
            reader.report(item, f"{place} can never be reached: the step before hands the call over")
        steps += [SilenceStep(after_ms=after * (again + 1), action=action) for again in range(times)]
    return tuple(steps)
