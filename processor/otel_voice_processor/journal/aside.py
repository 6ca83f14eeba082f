"""A journal that cannot be used is set aside whole, what can be read of it is saved, and the start goes on."""

from __future__ import annotations

import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from otel_voice_processor.errors import FileUnusable
from otel_voice_processor.journal.store import Damaged, Store
from otel_voice_processor.journal.verify import problem_of, save

LOG = logging.getLogger(__name__)
FOLDER: Final = "set_aside"
KEPT: Final = 3  # journals set aside, the newest; a failing disk must not fill itself with them
Event = tuple[str, str]  # counter and reason


def open_or_set_aside(store: Store, directory: Path, now_ns: int) -> list[Event]:
    """Open the journal of a directory; where that cannot be, set it aside, save what can be read, and open a new one."""
    problem = problem_of(directory / "journal")
    if problem is not None:
        return set_aside(store, directory, now_ns, Damaged("corrupt", problem))
    try:
        store.open()
    except Damaged as damaged:
        return set_aside(store, directory, now_ns, damaged)
    return []


def set_aside(store: Store, directory: Path, now_ns: int, damaged: Damaged) -> list[Event]:
    """Move the journal away, save what can be read of it where it is damaged, and open what that gives; also at run time."""
    folder = directory / "journal"

    def act() -> list[str] | None:
        aside = _moved(folder, directory / FOLDER, now_ns, damaged.reason)
        LOG.error("the journal in `%s` cannot be used and is set aside as `%s`: %s", folder, aside, damaged)
        if damaged.reason != "corrupt":
            LOG.error("what waits in it is delivered by a processor of that version that is started on `%s`", aside.parent)
            return None
        folder.mkdir(mode=0o700)
        return save(aside, folder)

    events: list[Event] = [("otel_voice_journal_set_aside", damaged.reason)]
    try:
        lost = store.replace(act)
    except Damaged as again:  # what was saved does not do either
        LOG.error("what was saved cannot be used: %s", again)
        store.replace(lambda: shutil.rmtree(folder))
        return [*events, ("otel_voice_journal_set_aside", "unsaved")]
    if lost is not None:
        LOG.error("of the damaged journal %s", f"something is lost of {', '.join(lost)}" if lost else "everything could be saved")
        events += [("otel_voice_journal_lost_databases", name) for name in lost]
    return events


def _moved(folder: Path, into: Path, now_ns: int, reason: str) -> Path:
    """Move a journal away and return where it is; a folder of its own, so that a processor can be started on it."""
    stamp = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    target = into / f"{stamp}-{reason}"
    try:
        target.mkdir(parents=True, mode=0o700)
        os.rename(folder, target / "journal")
    except OSError as error:
        raise FileUnusable(f"`{folder}` is damaged and cannot be moved away: {error.strerror or error}") from None
    for old in sorted(into.iterdir())[:-KEPT]:
        LOG.error("`%s` is removed: no more than %d journals that were set aside are kept", old, KEPT)
        shutil.rmtree(old, ignore_errors=True)
    return target / "journal"
