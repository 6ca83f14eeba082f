"""`otel-voice policy`: write a policy, check it, see what it says, explain a ruling, compare two, test it, export it to a provider."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from types import ModuleType

ACTIONS = {
    "init": "write a policy to start from, with its JSON Schema beside it",
    "check": "say everything that is wrong with policy files",
    "show": "print what applies to a message, and the line each value comes from",
    "explain": "say why an input is ruled as it is, and what would have flipped it",
    "diff": "say which inputs two policies rule otherwise",
    "test": "run cases against a policy, or against what an agent really did",
    "export": "write a provider's settings from a policy",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands; only the one that was asked for is imported."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    after = sys.argv[sys.argv.index("policy") + 1 :] if "policy" in sys.argv else []
    given = next((word for word in after if word in ACTIONS), None)
    for name, brief in ACTIONS.items():
        sub = commands.add_parser(name, help=brief, description=brief)
        if given in (None, name):
            sub.set_defaults(act=_module(name).run, parser=sub)
            _module(name).add_arguments(sub)


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    return int(options.act(options))


def _module(name: str) -> ModuleType:
    return import_module(f"otel_voice_processor.cli.policy.{name}")
