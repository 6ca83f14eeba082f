"""`otel-voice dashboards`: which boards ship, writing them for import and provisioning, pushing them into a Grafana."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otel_voice_dashboards.forms import alerts, as_json, importable, provider
from otel_voice_dashboards.shipped import GRAFANA_ALERTS, boards, rules

from otel_voice.printable import printable
from otel_voice_processor.cli import dashboards_push

FOLDER: Final = "otel-voice"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    commands.add_parser("list", help="each board: what it answers, which data sources it needs, how many panels it has")
    one = commands.add_parser("write", help="write boards, provisioning files and rules below a folder, as far as they changed")
    one.add_argument("folder", metavar="DIR")
    one.add_argument("--seen-as", metavar="PATH", help="what Grafana sees DIR as, where it is mounted or copied elsewhere")
    one.add_argument("--folder", dest="title", metavar="TITLE", default=FOLDER, help="Grafana's folder for them (default: %(default)s)")
    one.add_argument("--datasource", metavar="UID", help="uid of the Prometheus data source, which alert rules cannot ask for")
    dashboards_push.add_push(
        commands.add_parser("push", help="put the boards into a Grafana by its HTTP API, overwriting nobody's changes")
    )


def run(options: argparse.Namespace) -> int:
    """Do what was asked; return 1 where it could not be done, 2 where it was asked for wrongly."""
    return {"list": _list, "write": _write, "push": dashboards_push.push}[options.action](options)


def _list(_: argparse.Namespace) -> int:
    for board in boards():
        print(f"{board.uid}  {board.title}  ({board.panels} panels, needs {' and '.join(board.needs)})")
        print(f"    {board.answers}")
    return 0


def _write(options: argparse.Namespace) -> int:
    root = Path(options.folder)
    wrong = "DIR is empty: `.` is the current folder" if not options.folder else ""
    if options.seen_as is not None and not options.seen_as.startswith("/"):
        wrong = f"--seen-as: `{options.seen_as}` is no absolute path, and Grafana would look for it from a folder of its own"
    if wrong:
        print(printable(f"otel-voice: {wrong}"), file=sys.stderr)
        return 2
    try:
        files = dict(_files(root, options))
    except ValueError as error:
        print(printable(f"otel-voice: --datasource: {error}"), file=sys.stderr)
        return 2
    try:
        for name, text in files.items():
            print(printable(f"{root / name}: {_written(root / name, text)}"))
    except OSError as error:
        print(
            printable(f"otel-voice: `{error.filename or root}` cannot be written: {(error.strerror or str(error)).lower()}"),
            file=sys.stderr,
        )
        return 1
    for path in sorted(set(root.glob("boards/*.json")) - {root / name for name in files}):
        print(printable(f"{path} is no board of this version: without it Grafana drops the board"), file=sys.stderr)
    for path in (each for each in rules() if options.datasource is None and each.name.endswith(GRAFANA_ALERTS)):
        told = "Grafana's alert rules were not written: they cannot ask for their data source, name its uid by `--datasource`"
        there = root / "provisioning/alerting" / path.name
        stale = f"; {there} stays as an earlier run wrote it" if there.exists() else ""
        print(printable(told + stale), file=sys.stderr)
    return 0


def _files(root: Path, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield each file's name below the folder, and its text; raise `ValueError` for a data source that cannot be."""
    for board in boards():
        yield f"import/{board.uid}.json", importable(board.model)
        yield f"boards/{board.uid}.json", as_json(board.model)
    seen = options.seen_as.rstrip("/") if options.seen_as else str(root.resolve())
    yield "provisioning/dashboards/otel-voice.yaml", provider(options.title, f"{seen}/boards")
    for path in rules():
        text = path.read_text(encoding="utf-8")
        if not path.name.endswith(GRAFANA_ALERTS):
            yield f"prometheus/{path.name}", text
        elif options.datasource is not None:
            yield f"provisioning/alerting/{path.name}", alerts(text, options.datasource)


def _written(path: Path, text: str) -> str:
    """Write a file whole or not at all, if it is not the same already; return which it was."""
    there = path.exists()
    if there and path.read_bytes() == text.encode():
        return "same"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")  # a Grafana that looks meanwhile reads no such name
    try:
        made.write_text(text, encoding="utf-8", newline="\n")
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return "changed" if there else "new"
