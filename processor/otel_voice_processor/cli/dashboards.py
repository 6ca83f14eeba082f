"""`otel-voice dashboards`: the shipped boards as JSON, for Grafana's import or provisioning."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from otel_voice_dashboards import RENDERED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--to", metavar="FOLDER", default=".", help="where the files go, the current folder by default")


def run(options: argparse.Namespace) -> int:
    """Copy the boards; return 1 where the folder cannot be written."""
    folder = Path(options.to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for board in sorted(RENDERED.glob("*.json")):
            target = folder / board.name
            target.write_text(board.read_text(encoding="utf-8"), encoding="utf-8")
            print(f"{target}: in Grafana, Dashboards > New > Import, and choose your Prometheus")
    except OSError as error:
        print(f"otel-voice: `{error.filename or folder}` cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
