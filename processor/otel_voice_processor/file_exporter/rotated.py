"""Files that were rotated away: how they are called, and which there are. None of them ever changes."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from otel_voice_processor.file_exporter.packing import PACKED, PARTIAL

_FORM: Final = "%Y-%m-%dT%H-%M-%S.%f"
_TIME: Final = r"-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One rotated file: when it was rotated, and where it is, as it was written or compressed or, after a crash, both."""

    when: datetime
    plain: Path | None
    packed: Path | None


def free_name(path: Path, now_ns: int, *, localtime: bool) -> Path:
    """Return what a file that is rotated now is called: `calls-2026-11-28T15-04-05.000.jsonl`, as the collector's, and never taken yet."""
    when = datetime.fromtimestamp(now_ns // 1_000_000 / 1000, UTC)
    while True:
        shown = (when.astimezone() if localtime else when).strftime(_FORM)[:-3]
        name = path.with_name(f"{path.stem}-{shown}{path.suffix}")
        if not (os.path.lexists(name) or os.path.lexists(f"{name}{PACKED}")):
            return name
        when += timedelta(milliseconds=1)


def backups(path: Path, *, localtime: bool) -> list[Backup]:
    """Return what was rotated away from `path`, newest first: regular files of just our form of name. Raise `OSError` without a folder."""
    form = re.compile(re.escape(path.stem) + _TIME + re.escape(path.suffix) + f"({re.escape(PACKED)})?")
    found: dict[datetime, dict[bool, Path]] = {}
    for entry in os.scandir(path.parent):
        match = form.fullmatch(entry.name)
        if match is None or not entry.is_file(follow_symlinks=False):
            continue
        with contextlib.suppress(ValueError):  # the 31st of February
            shown = datetime.strptime(match[1], _FORM)
            when = shown.astimezone(UTC) if localtime else shown.replace(tzinfo=UTC)
            found.setdefault(when, {})[match[2] is not None] = Path(entry.path)
    return [Backup(when=when, plain=found[when].get(False), packed=found[when].get(True)) for when in sorted(found, reverse=True)]


def partials(path: Path) -> list[Path]:
    """Return what a crash left of rotated files that were being compressed: the files themselves are still there."""
    form = re.compile(r"\." + re.escape(path.stem) + _TIME + re.escape(path.suffix + PACKED + PARTIAL))
    return [Path(entry.path) for entry in os.scandir(path.parent) if form.fullmatch(entry.name)]
