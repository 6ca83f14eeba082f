"""How `explain` and `report` hand over what they found: text, JSON, or a page in a file that only its owner reads."""

from __future__ import annotations

import argparse
import os
import stat
import sys

from rich.console import Console

from otel_voice.printable import printable

PLAIN_WIDTH = 100  # where output is piped
WIDEST = 120  # of sentences; lanes take what there is


def add_forms(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """Declare the forms, of which one is chosen; return their group."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", metavar="FILE", help="write one page that needs no network, to open, mail or print; `-` is standard output")
    return form


def console() -> Console:
    """Return standard output: as wide as its window, as `COLUMNS` says, or, piped, 100 columns."""
    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(highlight=False) if known else Console(highlight=False, width=PLAIN_WIDTH)


def write_page(path: str, page: str) -> int:
    """Write a page, 0600 since it may hold what callers said; return the exit code: 2 where it cannot be written."""
    if path == "-":
        sys.stdout.buffer.write(page.encode("utf-8", "replace"))
        return 0
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb") as out:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                os.fchmod(handle, 0o600)  # also where it was there, and open to others
            out.write(page.encode("utf-8", "replace"))
    except OSError as error:
        print(printable(f"otel-voice: `{path}` cannot be written: {(error.strerror or str(error)).lower()}"), file=sys.stderr)
        return 2
    print(printable(f"wrote {path}"), file=sys.stderr)
    return 0
