"""`otel-voice`: one file per subcommand, each with `add_arguments` and `run`, which returns the exit code."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from types import ModuleType

COMMANDS = {
    "demo": "show the product on made-up and recorded calls, offline, in seconds",
    "serve": "start the processor",
    "check": "say what is wrong with config and policy, start nothing",
    "doctor": "send a test call, ask the processor what came of it, name what is wrong",
    "validate": "say whether recorded events conform to the schema",
    "convert": "write events as OTLP JSON, OTLP protobuf or envelopes",
    "schema": "list, show, compare and write the schema's versions",
    "dashboards": "write the shipped Grafana boards as JSON",
    "queries": "print the PromQL of the seven rates",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; exit codes: 0 done, 1 failed, 2 the user's input does not conform."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC's core logs by itself, our errors say in one line
    parser = argparse.ArgumentParser(prog="otel-voice", description="Tells whether a voice agent handled interruptions well.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    given = next((word for word in (sys.argv[1:] if arguments is None else arguments) if word in COMMANDS), None)
    for name, brief in COMMANDS.items():
        sub = commands.add_parser(name, help=brief, description=brief)
        if name == given:  # the others are not imported: `check` starts without a server's weight
            sub.set_defaults(run=_module(name).run)
            _module(name).add_arguments(sub)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _module(name: str) -> ModuleType:
    return import_module(f"otel_voice_processor.cli.{name}")
