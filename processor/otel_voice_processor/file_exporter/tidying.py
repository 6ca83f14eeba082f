"""What is done about rotated files: the old and the many are removed, the rest is compressed, and what a crash left is finished."""

from __future__ import annotations

import errno
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from otel_voice_processor.config import Rotation
from otel_voice_processor.file_exporter.packing import Stopped, is_same, pack
from otel_voice_processor.file_exporter.rotated import Backup, backups, partials

LOG = logging.getLogger(__name__)


class Note(Protocol):
    """Takes what is to be counted, from any thread."""

    def __call__(self, name: str, /, **labels: str) -> None:
        """Count one more."""


class Tidier:
    """Tidies up beside one file that is ours to write. For one thread at a time; `stop` may be set from any."""

    def __init__(self, path: Path, rotation: Rotation, note: Note, *, compress: bool) -> None:
        self._path, self._rotation, self._note, self._compress = path, rotation, note, compress
        self._told: set[str] = set()
        self.stop = threading.Event()

    def tidy(self, now_ns: int) -> None:
        """Bring the folder into order. What the disk refuses is logged and counted, and tried again the next time."""
        try:
            for partial in partials(self._path):
                partial.unlink(missing_ok=True)
            found = backups(self._path, localtime=self._rotation.localtime)
        except OSError as error:
            self._failed("remove", self._path.parent, error)
            return
        kept = [backup for number, backup in enumerate(found, 1) if not self._let_go(number, backup, now_ns)]
        for backup in reversed(kept) if self._compress else ():
            if self.stop.is_set() or not self._settle(backup):
                break

    def _let_go(self, number: int, backup: Backup, now_ns: int) -> bool:
        """Remove a file that is past a bound, and tell whether it was."""
        limits, oldest = self._rotation, datetime.fromtimestamp(now_ns / 1e9, UTC)
        if limits.max_days and backup.when < oldest - timedelta(days=limits.max_days):
            reason = "max_days"
        elif limits.max_backups and number > limits.max_backups:
            reason = "max_backups"
        else:
            return False
        for each in (backup.plain, backup.packed):
            try:
                if each is not None:
                    each.unlink(missing_ok=True)
            except OSError as error:
                self._failed("remove", each or self._path, error)
                return True
        self._note("otel_voice_exporter_file_removed_files", reason=reason)
        return True

    def _settle(self, backup: Backup) -> bool:
        """Compress a file, or remove it where a crash came between the two; tell whether there is room to go on."""
        if backup.plain is None:
            return True
        try:
            if backup.packed is None:
                pack(backup.plain, self.stop)
                self._note("otel_voice_exporter_file_compressed_files")
            elif is_same(backup.plain, backup.packed):
                backup.plain.unlink()
            else:
                raise FileExistsError(errno.EEXIST, f"`{backup.packed}` holds something else")
        except (Stopped, FileNotFoundError):  # an operator may take a file away at any time
            return True
        except OSError as error:
            self._failed("compress", backup.plain, error)
            return error.errno != errno.ENOSPC
        return True

    def _failed(self, step: str, path: Path, error: OSError) -> None:
        self._note("otel_voice_exporter_file_failures", step=step)
        words = f"`{path}`: could not {step} it: {error.strerror or error}"
        if words not in self._told:  # it is tried every minute
            self._told = {*self._told, words} if len(self._told) < 100 else {words}
            LOG.warning("%s", words)
