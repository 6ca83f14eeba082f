"""`otel-voice journal`: what a processor keeps on disk, read beside it while it runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from otel_voice_processor.cli.check import read
from otel_voice_processor.config import Config
from otel_voice_processor.errors import FileUnusable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("directory", nargs="?", help="the journal's directory; without it the one of --config, or of the defaults")
    parser.add_argument("--config", metavar="FILE", help="config file of the processor")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Print what is kept; return 1 where nothing can be read, 2 where the config does not conform."""
    from otel_voice_processor.journal.contents import contents_of
    from otel_voice_processor.paths import journal_directory

    config: Config | None = Config()
    if options.directory is None:
        config, problems = read(options.config)
        if problems or config is None:
            print("\n".join(problems), file=sys.stderr)
            return 2
    directory = Path(options.directory) if options.directory else journal_directory(config or Config())
    if directory is None:
        print("this config keeps no journal: `directory: none`", file=sys.stderr)
        return 1
    try:
        found = contents_of(directory)
    except FileUnusable as error:
        print(f"otel-voice: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(dataclasses.asdict(found) | {"directory": str(directory)}, indent=2))
        return 0
    age = f", the oldest for {_duration(time.time() - found.oldest_ns / 1e9)}" if found.oldest_ns is not None else ""
    print(f"{directory}: {found.requests} requests of {_size(found.bytes)} wait{age}; the file takes {_size(found.file_bytes)}")
    print(f"  {found.open_calls} calls are open, and go on when the processor does")
    for name, count in sorted(found.waiting.items()):
        print(f"  {name}: {f'{count} wait' if count else 'has everything'}")
    if found.dead_letters:
        print(f"  {found.dead_letters} requests were refused for good: {directory / 'dead_letters'}")
    for name in found.set_aside:
        print(f"  set aside: {directory / 'set_aside' / name}")
    return 0


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.1f} KiB"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
