"""`otel-voice policy export`: a provider's settings from a policy, and what that provider cannot express."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from otel_voice.policy.providers import PROVIDERS, ExportError, export, notes, record
from otel_voice.printable import printable

from .files import NotRead, add_policy, policy_of, unknown_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_policy(parser)
    parser.add_argument("--provider", required=True, metavar="NAME", help=", ".join(PROVIDERS))
    parser.add_argument("--workflow", metavar="NAME", help="the rules of one workflow")
    parser.add_argument("--type", metavar="MESSAGE", help="one message type alone; without it a part for the call and one per type")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the settings there, and FILE.notes.json beside them")


def run(options: argparse.Namespace) -> int:
    """Print the settings on standard output and the notes on standard error; return 2 for a provider that is not known."""
    try:
        policy = policy_of(options.policy)
        for problem in unknown_names(policy, options.workflow, None):
            print(printable(problem), file=sys.stderr)
        written = export(policy, options.provider, workflow=options.workflow, message_type=options.type)
    except NotRead:
        return 2
    except ExportError as error:
        print(error, file=sys.stderr)
        return 2
    if options.output is None:
        print(written.document.rstrip("\n"))
        sys.stdout.flush()
        print(notes(written), file=sys.stderr)
        return 0
    target, beside = Path(options.output), Path(f"{options.output}.notes.json")
    try:
        target.write_text(written.document.rstrip("\n") + "\n", encoding="utf-8")
        beside.write_text(json.dumps(record(written), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"{error.filename or target} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    if written.left_out:
        print(printable(f"left out, to be exported with --workflow: {', '.join(written.left_out)}"), file=sys.stderr)
    print(f"wrote {target}, and {beside} which says where each value comes from and what is left to you")
    return 0
