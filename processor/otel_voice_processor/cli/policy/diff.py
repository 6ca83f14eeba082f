"""`otel-voice policy diff`: which inputs two policies rule otherwise."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby

from otel_voice.policy.diff import PLAYED, Change, Range, SettingChange, WordChange, differences, setting_differences, word_differences
from otel_voice.policy.model import Ruling
from otel_voice.printable import printable

from .files import NotRead, policy_of

PAUSED = ", agent paused"
FIGURES = {
    "position_ms": ("played", "ms"),
    PLAYED: ("share of the response played", ""),
    "speech_duration_ms": ("speech so far", "ms"),
    "word_count": ("words", ""),
    "class_confidence": ("confidence", ""),
    "vad_confidence": ("detector's confidence", ""),
    "silence_ms": ("silence", "ms"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("before", metavar="A", help="a policy file, or `default`")
    parser.add_argument("after", metavar="B", help="a policy file, or `default`")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Print what changes; return 0 where nothing does, 1 where something does, 2 for a file that does not conform."""
    try:
        before, after = policy_of(options.before), policy_of(options.after)
    except NotRead:
        return 2
    changes, settings, words = differences(before, after), setting_differences(before, after), word_differences(before, after)
    if options.format == "json":
        told = {"inputs": [_json(each) for each in changes], "settings": list(map(asdict, settings)), "words": list(map(asdict, words))}
        print(json.dumps(told, indent=2))
        return 1 if changes or settings or words else 0
    if not changes and not settings and not words:
        print(printable(f"{before.version} and {after.version} rule every input alike"))
        return 0
    print("\n\n".join(printable(part, keep="\n") for part in _parts(changes, settings, words)))
    return 1


def _parts(changes: Sequence[Change], settings: Sequence[SettingChange], words: Sequence[WordChange]) -> Iterator[str]:
    """Yield what changed, a part for each message, setting and phrase."""
    for where, alike in groupby(changes, key=_where):
        found = list(alike)
        lines = [where]
        for change, also in _likewise(each for each in found if each.before.action != each.after.action):
            lines.append(f"  {change.input}{also}{_ranges(change.ranges)}")
            lines.append(f"      {_ruled(change.before)}  ->  {_ruled(change.after)}")
        for protected, said in ((True, "protected now"), (False, "no longer protected")):
            kinds = [each.input for each in found if each.before.action == each.after.action and each.after.protected == protected]
            if kinds:
                lines.append(f"  {said}, and ruled as before: {'; '.join(dict.fromkeys(kinds))}")
        yield "\n".join(lines)
    for setting in settings:
        yield f"{_where(setting)}: {setting.setting} {_value(setting.before)}  ->  {_value(setting.after)}"
    for each in words:
        yield f"{each.language}: `{each.phrase}` was read as {each.before}, now as {each.after}"


def _where(change: Change | SettingChange) -> str:
    return f"{change.message_type}{f' in {change.workflow}' if change.workflow else ''}"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else ", ".join(value) or "not told" if isinstance(value, tuple) else str(value)


def _likewise(changes: Iterable[Change]) -> list[tuple[Change, str]]:
    """Tell a change once where a paused agent does the same as a speaking one."""
    found: dict[object, tuple[Change, str]] = {}
    for each in changes:
        paused = each.input.endswith(PAUSED)
        kind = each.input.removesuffix(PAUSED)
        key = (each.workflow, each.message_type, kind, tuple(each.ranges.items()), _ruled(each.before), _ruled(each.after))
        if paused and key in found:
            found[key] = (found[key][0], " (speaking or paused)")
        else:
            found[key] = (each, "")
    return list(found.values())


def _ruled(ruling: Ruling) -> str:
    keep = "continue_agent_audio" if ruling.action == "resume_agent_audio" else str(ruling.action)
    return f"{keep}{' (protected)' if ruling.protected else ''}"


def _ranges(ranges: Mapping[str, tuple[Range, ...]]) -> str:
    told = []
    for figure, spans in ranges.items():
        name, unit = FIGURES[figure]
        told.append(f"{name} {' or '.join(_span(span, unit) for span in spans)}")
    return f": {', '.join(told)}" if told else ""


def _span(span: Range, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    if span.low < 0:
        return "not known" if span.high == 0 else f"not known or under {span.high:g}{unit}"
    if span.high is None:
        return f"{span.low:g}{unit} or more"
    return f"under {span.high:g}{unit}" if span.low == 0 else f"{span.low:g} to under {span.high:g}{unit}"


def _json(change: Change) -> dict[str, object]:
    rulings = {
        name: {"action": str(ruling.action), "effect": ruling.effect, "rule": ruling.rule, "protected": ruling.protected}
        for name, ruling in (("before", change.before), ("after", change.after))
    }
    ranges = {figure: [{"from": span.low, "below": span.high} for span in spans] for figure, spans in change.ranges.items()}
    return {"workflow": change.workflow, "message": change.message_type, "input": change.input, "ranges": ranges, **rulings}
