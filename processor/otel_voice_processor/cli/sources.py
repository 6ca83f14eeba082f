"""Where `explain` and `report` read calls from: files, folders, standard input. What is broken is told and counted, reading goes on."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_voice.policy import Policy
from otel_voice.printable import printable
from otel_voice_processor.cli.inputs import place, read
from otel_voice_processor.episodes import Rule
from otel_voice_processor.file_exporter.packing import PACKED
from otel_voice_processor.file_exporter.rotated import backups
from otel_voice_processor.files import Broken, events
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.recordings import Recording, Recordings
from otel_voice_processor.records import TooDeep
from otel_voice_processor.telemetry import Counters

DEFAULT: Final = "calls.jsonl"  # where the README's config writes
TOLD: Final = 5  # broken parts that are told one by one
_RECORDED: Final = re.compile(r"\.(jsonl?|ndjson|pb|binpb|bin|proto|otlp)(\.(gz|zst))?$", re.IGNORECASE)


@dataclass(slots=True)
class Told:
    """What was wrong while reading: the first few are printed as they come, all are counted."""

    broken: int = 0
    unreadable: int = 0  # files that could not be opened

    def wrong(self, name: str, where: str, message: str) -> None:
        """Count what could not be read, and say it while it is news."""
        self.broken += 1
        self.unreadable += not where
        if self.broken <= TOLD:
            print(printable(f"{place(name, where)}: {message}"), file=sys.stderr)

    def sum_up(self) -> None:
        """Say how many there were beyond those that were told."""
        if self.broken > TOLD:
            print(f"{self.broken - TOLD:,} more parts could not be read: `otel-voice validate` names them all", file=sys.stderr)


class NoFiles(Exception):
    """There is nothing to read; the message says what was looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files to read, in order of age, and a line that says what is read beyond what was named; empty where nothing is."""

    names: list[str]
    line: str = ""


def add_only(parser: argparse.ArgumentParser) -> None:
    """Declare how a file is read without those rotated away from it."""
    parser.add_argument("--only", action="store_true", help="read just the files named, not those that were rotated away from them")


def sources_of(names: Sequence[str], *, only: bool = False) -> Sources:
    """Return the files that names stand for: a file with what was rotated away from it, a folder with all that is recorded in it.

    Without names it is `calls.jsonl`. With `only` a file is just itself. Raise `NoFiles` where a folder or this one holds none.
    """
    found: list[str] = []
    beside = 0
    for name in names or (DEFAULT,):
        path = Path(name)
        if name != "-" and path.is_dir():
            found += _inside(path)
            continue
        rotated = [] if only or name == "-" else _rotated(path)
        beside += sum(each not in found and each not in names for each in rotated)
        found += [*rotated, *([name] if not rotated or path.exists() else [])]
    if not names and not Path(found[-1]).is_file():
        raise NoFiles(f"no `{DEFAULT}` here: name the files")
    found = list(dict.fromkeys(found))
    kept = [name for name in found if f"{name}{PACKED}" not in found]  # of both, a crash came between packing and removing
    return Sources(names=kept, line=_line(names, kept, beside))


def _inside(folder: Path) -> list[str]:
    inside = sorted((each for each in folder.iterdir() if each.is_file() and _RECORDED.search(each.name)), key=_age)
    if not inside:
        raise NoFiles(
            f"`{folder}` holds no recorded calls: no file in it ends in .jsonl, .json or .pb, as it is or with .gz or .zst behind"
        )
    return list(map(str, inside))


def _rotated(path: Path) -> list[str]:
    """Return what the file exporter rotated away from a file, oldest first, each as it was compressed, else as it was written."""
    try:
        found = backups(path, localtime=False)
    except OSError:
        return []  # no such folder: reading says so
    return [str(each.packed or each.plain) for each in reversed(found)]


def _line(names: Sequence[str], kept: Sequence[str], beside: int) -> str:
    """Say what is read where it is more, or other, than what was named."""
    if names and not beside:
        return ""
    named = names[0] if len(names) == 1 else f"{len(names)} files" if names else DEFAULT
    if len(kept) == beside:
        return f"reading {beside:,} file{'' if beside == 1 else 's'} rotated away from {named}"
    theirs = f" and {beside:,} rotated file{'' if beside == 1 else 's'} beside {'it' if len(names) < 2 else 'them'}" if beside else ""
    return f"reading {named}{theirs}"


def _age(path: Path) -> tuple[int, str]:
    """Rotated files carry their time in their name and go before the one that is still written."""
    stem = path.name.split(".", 1)[0]
    return (0 if re.search(r"-\d{4}-\d\d-\d\d", path.name) else 1, f"{stem}.{path.name}")


def recordings_of(names: Sequence[str], held: Recordings, told: Told) -> Iterator[Recording]:
    """Read files into `held`, and yield the calls that it lets go; those it still holds are the caller's to ask for."""
    for name, item in read(list(names)):
        if isinstance(item, Broken):
            told.wrong(name, item.where, item.message)
            continue
        try:
            for each in events(item):
                yield from held.add(each.record)
        except TooDeep as error:
            told.wrong(name, item.where, str(error))


def rule_of(policy: Policy) -> Rule:
    """Return what asks a policy, as the processor asks it."""
    return Pipeline(policy, Counters()).rule
