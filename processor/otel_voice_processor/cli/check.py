"""`otel-voice check`: what is wrong with config and policy, all at once, without starting."""

from __future__ import annotations

import argparse
import sys

from otel_voice_processor.config import Config
from otel_voice_processor.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="config file; without it the defaults are checked")
    parser.add_argument("--policy", metavar="FILE", help="policy file, instead of the one the config names")


def run(options: argparse.Namespace) -> int:
    """Print every problem, a line each; return 2 if there is one."""
    config, problems = read(options.config, options.policy)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems or config is None:
        return 2
    print(f"config and policy conform: {config.judging.policy or 'default policy'}")
    return 0


def read(path: str | None, policy: str | None = None) -> tuple[Config | None, list[str]]:
    """Return the config and every problem of it and of its policy."""
    from dataclasses import replace

    from otel_voice.policy import PolicyError, load_policy
    from otel_voice_processor.config_file import load_config

    problems: list[str] = []
    config: Config | None = None
    try:
        config = load_config(path) if path else Config()
        named = config.judging.policy
    except ConfigError as error:
        problems += error.problems
        named = error.policy
    named = policy or named
    if config is not None:
        config = replace(config, judging=replace(config.judging, policy=named))
    if named is not None:
        try:
            load_policy(named)
        except PolicyError as error:
            problems += error.problems
    return config, problems
