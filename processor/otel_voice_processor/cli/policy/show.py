"""`otel-voice policy show`: what applies to a message, and the line each value comes from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from otel_voice_schema.attributes import MESSAGE_TYPES

from otel_voice.policy import Candidate, Policy, Rule
from otel_voice.policy.interpret import rule_for
from otel_voice.policy.model import Until
from otel_voice.printable import printable

from .files import NotRead, add_policy, policy_of, unknown_names

LISTS = {"actions", "confidence_floors"}
Told = tuple[str, object, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_policy(parser)
    parser.add_argument("--workflow", metavar="NAME")
    parser.add_argument("--type", metavar="MESSAGE", help="a message type, or a name of yours; without it every type")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Print the effective rule of one message, or of all."""
    try:
        policy = policy_of(options.policy)
    except NotRead:
        return 2
    for problem in unknown_names(policy, options.workflow, options.type):
        print(printable(problem), file=sys.stderr)
    names = [options.type] if options.type else [*MESSAGE_TYPES, *sorted(policy.names)]
    shown = []
    for name in names:
        rule, _ = rule_for(policy, Candidate(message_type=name, workflow=options.workflow))
        shown.append((name, rule, list(effective(policy, rule, options.workflow))))
    if options.format == "json":
        print(
            json.dumps({name: {key: {"value": value, "from": origin} for key, value, origin in told} for name, _, told in shown}, indent=2)
        )
        return 0
    print("\n".join(printable(line) for line in _lines(policy, options.workflow, shown)))
    return 0


def _lines(policy: Policy, workflow: str | None, shown: Sequence[tuple[str, Rule, list[Told]]]) -> Iterator[str]:
    yield f"policy {policy.version}"
    for name, rule, told in shown:
        yield ""
        yield f"{name}{f' in {workflow}' if workflow else ''}  (rule {rule.name})"
        width = max(len(key) for key, _, _ in told)
        values = max(min(60, len(_words(value))) for _, value, _ in told)
        for key, value, origin in told:
            yield f"  {key:<{width}}  {_words(value):<{values}}  {origin}"
        others = sorted({each for each, kind in policy.rules if each is not None and kind in {name, policy.names.get(name)}})
        if workflow is None and others:
            yield f"  ruled otherwise in {', '.join(f'workflow {each}' for each in others)}: `--workflow` shows how"


def effective(policy: Policy, rule: Rule, workflow: str | None) -> Iterator[Told]:
    """Yield (setting, value, where it comes from) of a rule; maps are told entry by entry."""
    own = workflow is not None and rule.name.startswith(f"{workflow}.")
    place = workflow if own else None
    kind = rule.name.removeprefix(f"{workflow}.") if own else rule.name
    for each in fields(rule):
        if each.name == "name":
            continue
        value = getattr(rule, each.name)
        origin = policy.origins.get((place, kind, each.name), "built in")
        if each.name in LISTS and isinstance(value, Mapping):
            for entry, held in value.items():
                yield f"{each.name}.{entry}", held, policy.origins.get((place, kind, f"{each.name}.{entry}"), origin)
        else:
            yield each.name, _plain(value), origin


def _plain(value: object) -> object:
    """Return a value as it would be written in a policy file."""
    if isinstance(value, frozenset):
        return sorted(value) or "none"
    if isinstance(value, Until):
        return "end" if value.end else {"position_ms": value.position_ms} if value.position_ms is not None else {"fraction": value.fraction}
    if isinstance(value, tuple):
        return [{"after_ms": each.after_ms, "action": each.action} if hasattr(each, "after_ms") else each for each in value]
    return "none" if value is None else value


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {held}" for key, held in value.items())
    if isinstance(value, list):
        return (
            ", ".join(f"{each['action']} after {each['after_ms']} ms" if isinstance(each, dict) else str(each) for each in value) or "none"
        )
    return str(value).lower() if isinstance(value, bool) else str(value)
