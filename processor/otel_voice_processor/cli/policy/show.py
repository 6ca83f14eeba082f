"""`otel-voice policy show`: what applies to a message, and the line each value comes from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields

from otel_voice_schema.attributes import MESSAGE_TYPES

from otel_voice.policy import Candidate, Policy, Rule
from otel_voice.policy.interpret import rule_for
from otel_voice.policy.model import Until

from .files import NotRead, add_policy, message_of, policy_of

LISTS = {"actions", "confidence_floors"}


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
    if options.type is None and options.workflow is not None and (problem := message_of(policy, options.workflow, "other")):
        print(problem, file=sys.stderr)
    names = [options.type] if options.type else [*MESSAGE_TYPES, *sorted(policy.names)]
    shown = []
    for name in names:
        problem = message_of(policy, options.workflow, name) if options.type else None
        if problem:
            print(problem, file=sys.stderr)
        rule, _ = rule_for(policy, Candidate(message_type=name, workflow=options.workflow))
        shown.append((name, rule, list(effective(policy, rule, options.workflow))))
    if options.format == "json":
        print(
            json.dumps({name: {key: {"value": value, "from": origin} for key, value, origin in told} for name, _, told in shown}, indent=2)
        )
        return 0
    print(f"policy {policy.version}")
    for name, rule, told in shown:
        print(f"\n{name}{f' in {options.workflow}' if options.workflow else ''}  (rule {rule.name})")
        width = max(len(key) for key, _, _ in told)
        values = max(min(60, len(_words(value))) for _, value, _ in told)
        for key, value, origin in told:
            print(f"  {key:<{width}}  {_words(value):<{values}}  {origin}")
    return 0


def effective(policy: Policy, rule: Rule, workflow: str | None) -> Iterator[tuple[str, object, str]]:
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
