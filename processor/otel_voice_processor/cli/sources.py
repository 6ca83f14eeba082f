"""Where `explain` and `report` read calls from: files, folders, standard input. What is broken is told and counted, reading goes on."""

from __future__ import annotations

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


def files_of(names: Sequence[str]) -> list[str]:
    """Return the files that names stand for, oldest first in a folder; raise `NoFiles` where a folder holds none.

    Without names it is `calls.jsonl` with what was rotated away beside it, as the file exporter leaves them.
    """
    found: list[str] = []
    for name in names:
        path = Path(name)
        if name == "-" or not path.is_dir():
            found.append(name)
            continue
        inside = sorted((each for each in path.iterdir() if each.is_file() and _RECORDED.search(each.name)), key=_age)
        if not inside:
            raise NoFiles(
                f"`{name}` holds no recorded calls: no file in it ends in .jsonl, .json or .pb, as it is or with .gz or .zst behind"
            )
        found += map(str, inside)
    if names:
        return list(dict.fromkeys(found))
    rotated = sorted((each for each in Path().glob("calls-*.jsonl*") if _RECORDED.search(each.name)), key=_age)
    found = [str(each) for each in (*rotated, Path(DEFAULT)) if each.is_file()]
    if not found:
        raise NoFiles(f"no `{DEFAULT}` here: name the files")
    return found


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
