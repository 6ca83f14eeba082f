"""`otel-voice`: one file per subcommand, each with `add_arguments` and `run`, which returns the exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
from importlib import import_module
from types import ModuleType

COMMANDS = {
    "demo": "show the product on made-up and recorded calls, offline, in seconds",
    "serve": "start the processor",
    "check": "say what is wrong with config and policy, start nothing",
    "journal": "say what a processor keeps on disk: what waits for whom, since when, what was set aside",
    "doctor": "send a test call, ask the processor what came of it, name what is wrong",
    "explain": "say of one recorded call whether the caller meant to interrupt, with picture and proof",
    "report": "scorecard of many recorded calls, worst workflows, the calls to review first",
    "validate": "say whether recorded events conform to the schema",
    "convert": "write events as OTLP JSON, OTLP protobuf or envelopes",
    "schema": "list, show, compare and write the schema's versions",
    "policy": "write, check, explain, test, compare and export interruption policies",
    "dashboards": "list the shipped Grafana boards, write them for import and provisioning, push them",
    "queries": "print the PromQL of the seven rates",
}


# What the extra `processor` brings: the plain install, an agent's, is without.
EXTRA = frozenset(
    {"aiohttp", "google", "grpc", "grpc_health", "jinja2", "lmdb", "msgpack", "rich", "uvloop", "zstandard"}
    | {"opentelemetry.exporter", "opentelemetry.proto", "opentelemetry.sdk"}
)


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; exit codes: 0 done, 1 failed, 2 the user's input does not conform."""
    try:
        return _main(arguments)
    except ModuleNotFoundError as error:
        if not any(error.name == each or (error.name or "").startswith(f"{each}.") for each in EXTRA):
            raise
        print(f"this needs the extra `processor` (`{error.name}` is missing): pip install 'otel-voice[processor]'", file=sys.stderr)
        return 2


def _main(arguments: list[str] | None) -> int:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC's core logs by itself, our errors say in one line
    parser = argparse.ArgumentParser(prog="otel-voice", description="Tells whether a voice agent handled interruptions well.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    given = next((word for word in (sys.argv[1:] if arguments is None else arguments) if word in COMMANDS), None)
    for name, brief in COMMANDS.items():
        sub = commands.add_parser(name, help=brief, description=brief)
        if name == given:  # the others are not imported: `check` starts without a server's weight
            sub.set_defaults(run=_module(name).run, parser=sub)
            _module(name).add_arguments(sub)
    options, more = parser.parse_known_args(arguments)
    if more:  # told by the subcommand, whose options are the ones to look at
        options.parser.error(f"unrecognized arguments: {' '.join(more)}")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of another encoding costs a letter, not the command
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _give_up_stdout()
        return 0
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EIO}:
            raise
        print(f"standard output cannot be written: {error.strerror}", file=sys.stderr)
        _give_up_stdout()
        return 2
    return code


def _give_up_stdout() -> None:
    """Let Python's own flush at the end find nobody to complain to."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _module(name: str) -> ModuleType:
    return import_module(f"otel_voice_processor.cli.{name}")
