"""`otel-voice queries`: the PromQL of the seven rates, to paste into Grafana."""

from __future__ import annotations

import argparse

from otel_voice_dashboards.queries import RATES, Scope


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--window", default="1h", help="range to count over, at least an hour with metrics pushed every minute")
    parser.add_argument("--workflow", default=".*", help="regular expression on voice_workflow")


def run(options: argparse.Namespace) -> int:
    """Print a title and a query for each rate."""
    scope = Scope(window=options.window, workflow=options.workflow)
    for rate, query in RATES.items():
        print(f"# {rate}\n{query(scope)}\n")
    return 0
