"""Policies named on the command line."""

from __future__ import annotations

import argparse
import sys

from otel_voice.policy import Policy, PolicyError, load_default, load_policy


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
            print(problem, file=sys.stderr)
        raise NotRead from None


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Declare the option that names the policy."""
    parser.add_argument("--policy", metavar="FILE", help="policy file; without it the default policy")


def message_of(policy: Policy, workflow: str | None, name: str) -> str | None:
    """Return what is wrong with a message's name or workflow as far as it can be told, nothing where both are known."""
    workflows = sorted({each for each, _ in policy.rules if each is not None})
    if workflow is not None and workflow not in workflows:
        return f"workflow `{workflow}` has no rule of its own here: {', '.join(workflows) or 'no workflow has'}; what holds for all applies"
    names = sorted({each for _, each in policy.rules} | set(policy.names))
    return None if name in names else f"message `{name}` is not named in this policy and is ruled as `other`: named are {', '.join(names)}"
