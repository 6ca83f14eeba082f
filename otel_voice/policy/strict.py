"""Strict reading of YAML nodes: kinds, closed sets, duplicates and near misses, each problem with file and line."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any, Final

import yaml
from otel_voice_schema.attributes import Action, InputClass, InputType

from .model import SilenceStep, Until

TYPE_NAMES: Final = {
    "!!map": "a mapping",
    "!!seq": "a list",
    "!!str": "text",
    "!!int": "a whole number",
    "!!float": "a number",
    "!!bool": "a boolean",
}
Fields = dict[str, yaml.Node]
WHO: Final = (InputType.SPEECH.value, InputType.DTMF.value, InputType.COMMAND.value, InputClass.ESCALATION.value)
CLASSES: Final = ("correction", "backchannel", "noise", "dtmf", "unlisted_key", "escalation", "unknown")
ACTIONS: Final = tuple(each.value for each in Action)
SILENCE_ACTIONS: Final = (Action.WAIT.value, Action.REPROMPT.value, Action.ESCALATE_TO_HUMAN.value)
NUMBERS: Final = ("grace_ms", "min_speech_ms", "min_words", "ask_again_ms", "patience_ms")
SETTINGS: Final = ("because", "interrupted_by", "protected_allows", *NUMBERS, "confidence_floor", "until", "held", "actions", "silence")


class StrictReader:
    """Reads nodes and gathers problems instead of stopping at the first."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[str] = []

    def report(self, node: yaml.Node | None, message: str) -> None:
        """Note a problem at a node's line."""
        line = node.start_mark.line + 1 if node is not None else 1
        self.problems.append(f"{self.file}:{line}: {message}")

    def wrong(self, node: yaml.Node, where: str, wanted: str) -> None:
        """Note that something else was wanted here."""
        got = TYPE_NAMES.get(node.tag.replace("tag:yaml.org,2002:", "!!"), "nothing" if node.tag.endswith(":null") else "something else")
        shown = f" `{node.value}`" if isinstance(node, yaml.ScalarNode) and node.value else ""
        self.report(node, f"{where} must be {wanted}, not {got}{shown}")

    def mapping(self, node: yaml.Node, where: str, allowed: Iterable[str] | None) -> Fields | None:
        """Return a mapping's fields; unknown and repeated keys are problems."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, where, "a mapping")
            return None
        names = None if allowed is None else tuple(allowed)
        found: Fields = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.report(key, f"a key at {where} must be text")
            elif key.value in found:
                self.report(key, f"key `{key.value}` at {where} is given twice")
            elif names is not None and key.value not in names:
                self.report(key, f"unknown key `{key.value}` at {where}{nearest(key.value, names)}")
            else:
                found[key.value] = value
        return found

    def text(self, node: yaml.Node, where: str) -> str | None:
        """Return text, or note what is there instead."""
        if isinstance(node, yaml.ScalarNode) and node.value.strip() and (node.tag.endswith(":str") or node.tag.endswith(":timestamp")):
            return str(node.value)
        self.wrong(node, where, "text")
        return None

    def choice(self, node: yaml.Node, where: str, allowed: Iterable[str]) -> str | None:
        """Return one of a closed set."""
        names = tuple(allowed)
        if isinstance(node, yaml.ScalarNode) and node.value in names:
            return str(node.value)
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str"):
            self.report(node, f"unknown value `{node.value}` at {where}{nearest(node.value, names)}")
        else:
            self.wrong(node, where, f"one of {', '.join(f'`{name}`' for name in names)}")
        return None

    def whole(self, node: yaml.Node, where: str) -> int | None:
        """Return a whole number, 0 or more."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and node.value.isascii() and node.value.isdigit():
            return int(node.value)
        self.wrong(node, where, "a whole number, 0 or more")
        return None

    def share(self, node: yaml.Node, where: str) -> float | None:
        """Return a number between 0 and 1."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
            try:
                number = float(node.value)
            except ValueError:
                number = math.nan
            if 0 <= number <= 1:
                return number
        self.wrong(node, where, "a number between 0 and 1")
        return None

    def items(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        """Return a list's items."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.wrong(node, where, "a list")
        return []


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of an error: the name that was probably meant, or those there are."""
    known = tuple(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f": did you mean `{close[0]}`?" if close else f": known are {', '.join(f'`{each}`' for each in known)}"


def read_root(reader: StrictReader, text: str) -> yaml.Node | None:
    """Return the document's node; what is no YAML is a problem at its line."""
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.problems.append(f"{reader.file}:{mark.line + 1 if mark else 1}: not readable as YAML: {error.problem or error.context}")
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reader.problems.append(
            f"{reader.file}:1: not readable as YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        )
        return None
    if node is None:
        reader.report(None, "the policy is empty")
    return node


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
