"""Policies named on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from otel_voice.policy import Policy, PolicyError, load_default, load_policy
from otel_voice.printable import printable
from otel_voice.strict import nearest


class NotRead(Exception):
    """A file cannot be used; its problems were printed."""


def policy_of(path: str | None) -> Policy:
    """Return the policy of a file, the default one for none or `default`; print its problems and raise `NotRead` where it has any."""
    if path is None or path == "default":
        return load_default()
    try:
        return load_policy(path)
    except PolicyError as error:
        for problem in error.problems:
            print(printable(problem), file=sys.stderr)
        raise NotRead from None


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Declare the option that names the policy."""
    parser.add_argument("--policy", metavar="FILE", help="policy file; without it the default policy")


def unknown_names(policy: Policy, workflow: str | None, name: str | None) -> Iterator[str]:
    """Yield what is wrong with a workflow's and a message's name, as far as it can be told."""
    workflows = sorted({each for each, _ in policy.rules if each is not None})
    if workflow is not None and workflow not in workflows:
        known = nearest(workflow, workflows) if workflows else ": no workflow has"
        yield f"workflow `{workflow}` has no rule of its own here{known}; what holds for all applies"
    names = sorted({each for _, each in policy.rules} | set(policy.names))
    if name is not None and name not in names:
        yield f"message `{name}` is not named in this policy and is ruled as `other`{nearest(name, names)}"
