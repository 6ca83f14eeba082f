"""`otel-voice queries`: the PromQL of the seven rates, to paste into Grafana; or SQL that counts them anew from exported spans."""

from __future__ import annotations

import argparse
from importlib.resources import files

from otel_voice_dashboards.queries import DOCTOR, RATES, Scope

from otel_voice_processor.cli.lengths import prometheus_duration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--window", type=prometheus_duration, default="1h", help="range to count over, at least an hour with metrics pushed every minute"
    )
    parser.add_argument("--workflow", default=".*", help="regular expression on voice_workflow")
    parser.add_argument("--sql", action="store_true", help="SQL for DuckDB instead, over files of exported spans")


def run(options: argparse.Namespace) -> int:
    """Print a title and a query for each rate, or the SQL."""
    if options.sql:
        print(files("otel_voice_processor").joinpath("data/rates.sql").read_text(encoding="utf-8"), end="")
        return 0
    scope = Scope(window=options.window, workflow=options.workflow, without=DOCTOR)
    for rate, query in RATES.items():
        print(f"# {rate}\n{query(scope)}\n")
    return 0
