"""A journal that cannot be used is set aside whole, what can be read of it is saved, and the start goes on.

What is saved is complete before it takes the journal's place, and holds what there is to tell of it: whatever kills us, either is there.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from otel_voice_processor.errors import FileUnusable
from otel_voice_processor.journal.store import Damaged, Store
from otel_voice_processor.journal.verify import mark, problem_of, save
from otel_voice_processor.paths import sync

LOG = logging.getLogger(__name__)
FOLDER: Final = "set_aside"
SAVING, SAVED = "journal.saving", "journal.saved"  # what can be read, while it is copied, and once it is complete
TOLD: Final = b"set_aside"  # key beside the state: what is to be counted with the first commit
KEPT: Final = 3  # journals set aside, the newest; a failing disk must not fill itself with them
Event = tuple[str, str]  # counter and reason


def open_or_set_aside(store: Store, directory: Path, now_ns: int) -> list[Event]:
    """Open the journal of a directory; where that cannot be, set it aside, save what can be read, and open a new one.

    Return what is to be counted of that. Raises `FileUnusable` or `OSError` where the journal stays as it is.
    """
    if (directory / SAVED).exists():  # we were killed between two steps
        _put_in_place(directory, now_ns)
    shutil.rmtree(directory / SAVING, ignore_errors=True)
    problem = problem_of(directory / "journal")
    if problem is not None:
        return set_aside(store, directory, now_ns, Damaged("corrupt", problem))
    try:
        store.open()
    except Damaged as damaged:
        return set_aside(store, directory, now_ns, damaged)
    return []


def events_of(told: bytes | None) -> list[Event]:
    """Return what a saved journal tells of itself."""
    return [(str(name), str(reason)) for name, reason in json.loads(told)] if told is not None else []


def set_aside(store: Store, directory: Path, now_ns: int, damaged: Damaged) -> list[Event]:
    """Move the journal away, save what can be read of it where it is damaged, and open what that gives; also at run time.

    Return what is to be counted, beside what a saved journal tells of itself.
    """

    def act() -> bool:
        LOG.error("the journal in `%s` cannot be used and is set aside: %s", directory / "journal", damaged)
        if damaged.reason == "corrupt":
            _save(directory)
            _put_in_place(directory, now_ns)
            return True
        into = _moved(directory, now_ns, damaged.reason)
        LOG.error("what waits in it is delivered by a processor of that version that is started on `%s`", into)
        return False

    try:
        tells = store.replace(act)
    except Damaged as again:  # what was saved does not do either
        LOG.error("what was saved cannot be used: %s", again)
        store.replace(lambda: shutil.rmtree(directory / "journal"))
        return [("otel_voice_journal_set_aside", damaged.reason), ("otel_voice_journal_set_aside", "unsaved")]
    return [] if tells else [("otel_voice_journal_set_aside", damaged.reason)]


def _save(directory: Path) -> None:
    """Save what can be read beside the journal, and what is lost with it."""
    into = directory / SAVING
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(mode=0o700)
    lost = save(directory / "journal", into)
    LOG.error("of the damaged journal %s", f"something is lost of {', '.join(lost)}" if lost else "everything could be saved")
    events = [("otel_voice_journal_set_aside", "corrupt"), *(("otel_voice_journal_lost_databases", name) for name in lost)]
    mark(into, TOLD, json.dumps(events).encode())
    os.rename(into, directory / SAVED)
    sync(directory)


def _put_in_place(directory: Path, now_ns: int) -> None:
    """Move the damaged journal away, unless that is done, and what was saved of it to its place."""
    if (directory / "journal").exists():
        _moved(directory, now_ns, "corrupt")
    os.rename(directory / SAVED, directory / "journal")
    sync(directory)


def _moved(directory: Path, now_ns: int, reason: str) -> Path:
    """Move a journal away and return into what; a folder of its own, so that a processor can be started on it."""
    folder, into = directory / "journal", directory / FOLDER
    stamp = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    target = into / f"{stamp}-{reason}"
    try:
        into.mkdir(mode=0o700, exist_ok=True)
        target.mkdir(mode=0o700)
        os.rename(folder, target / "journal")
        sync(target)
        sync(into)
    except OSError as error:
        raise FileUnusable(f"`{folder}` is damaged and cannot be moved away: {error.strerror or error}") from None
    LOG.error("it is kept as `%s`", target / "journal")
    for old in sorted(into.iterdir())[:-KEPT]:
        LOG.error("`%s` is removed: no more than %d journals that were set aside are kept", old, KEPT)
        shutil.rmtree(old, ignore_errors=True)
    return target
