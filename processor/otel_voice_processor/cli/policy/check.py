"""`otel-voice policy check`: everything that is wrong with policy files."""

from __future__ import annotations

import argparse

from otel_voice.policy.remarks import remarks
from otel_voice.printable import printable

from .files import NotRead, policy_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", nargs="+", metavar="FILE")


def run(options: argparse.Namespace) -> int:
    """Print every problem as `file:line:column: what is wrong`, and remarks on what conforms; return 2 if there is a problem."""
    code = 0
    for path in options.files:
        try:
            policy = policy_of(path)
        except NotRead:
            code = 2
            continue
        for remark in remarks(policy, path):
            print(printable(f"{remark} (a remark)"))
        workflows = {workflow for workflow, _ in policy.rules if workflow is not None}
        own = f", {len(workflows)} workflow{'s' if len(workflows) != 1 else ''}" if workflows else ""
        print(printable(f"{path}: conforms: version {policy.version}, {len(policy.rules)} rules{own}"))
    return code
