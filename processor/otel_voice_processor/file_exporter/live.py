"""The file that requests are appended to: whole or not at all, by one process, rotated away before it grows too large or too old."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from otel_voice_processor.claims import Claim
from otel_voice_processor.config import File
from otel_voice_processor.errors import FileUnusable, Retryable
from otel_voice_processor.file_exporter.packing import like
from otel_voice_processor.file_exporter.rotated import free_name
from otel_voice_processor.file_exporter.tails import CUT, mend_frames, mend_lines
from otel_voice_processor.file_exporter.tidying import Note

LOG = logging.getLogger(__name__)
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # a named pipe without a reader must not hang us


class LiveFile:
    """Appends to a regular file that only its owner reads. For one thread at a time.

    The file is opened anew for every request: who renames it, as logrotate does, needs to tell nobody.
    """

    def __init__(self, config: File, note: Note, clock: Callable[[], int]) -> None:
        self._config, self._note, self._clock = config, note, clock
        self.path = Path(os.path.realpath(config.path))  # a link stays a link when what it points to is rotated
        self.rotated: deque[Path] = deque()  # those not yet seen onto the disk
        self._claim = Claim(self.path)
        self._known: tuple[int, int] | None = None  # the file that was looked into
        self._size = 0
        self._begun_ns = 0
        self._emptied = config.append
        self._told: str | None = None

    def begin(self) -> None:
        """Claim the file and mend its end; raise as `append` does."""
        self.append(b"")

    def append(self, request: bytes) -> None:
        """Append a request; raise `FileUnusable` where the file is another's, `Retryable` where it cannot be written."""
        try:
            while not self._appended(request):
                pass
        except FileUnusable as error:
            raise FileUnusable(f"`{self._config.path}` is not written: {error}") from None
        except OSError as error:
            if error.errno in {errno.EISDIR, errno.ENXIO}:  # ENXIO: a named pipe that nobody reads
                raise Retryable(self._no_file()) from None
            raise Retryable(f"`{self._config.path}` cannot be written: {error.strerror or error}") from None

    def release(self) -> None:
        """Let another process have the file; safe twice."""
        self._claim.release()
        self._known = None

    def _appended(self, request: bytes) -> bool:
        """Append, or rotate the file first and say that it is still to be done."""
        handle = self._open()
        try:
            reason = self._reason_to_rotate(len(request))
            if reason is not None and self._rotate(handle, reason):
                return False
            self._write(handle, request)
        finally:
            os.close(handle)
        return True

    def _open(self) -> int:
        """Return the file, ours and mended."""
        if self._known is None:
            self._prepare()
        handle = os.open(self.path, _FLAGS, 0o600)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise Retryable(self._no_file())
            if (found.st_dev, found.st_ino) != self._known or found.st_size < self._size:
                self._meet(handle, found)
            else:
                self._size = found.st_size
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _prepare(self) -> None:
        """Make the folder where that is wished for, and claim the file before anything is done to it."""
        if self._config.create_directory:
            for folder in (*reversed(self.path.parent.parents), self.path.parent):
                if not folder.is_dir():
                    folder.mkdir(0o700, exist_ok=True)
        if self.path.exists() and not self.path.is_file():
            raise Retryable(self._no_file())
        self._claim.take()

    def _meet(self, handle: int, found: os.stat_result) -> None:
        """Look into a file that is new to us: take it from the eyes of others, mend its end, find out how old it is."""
        self._known = None
        self._claim.take()
        self._tighten(handle, found)
        if not self._emptied:
            os.ftruncate(handle, 0)
            self._emptied = True
        size = os.fstat(handle).st_size
        mended = (mend_frames if self._config.format == "proto" else mend_lines)(handle, size) if size else None
        if mended is not None:
            self._note("otel_voice_exporter_file_mended_files", how=mended.how)
            done = f"a torn request of {mended.size} bytes was cut off" if mended.how == CUT else "its last line was ended"
            LOG.warning("`%s` ended in the middle: %s", self._config.path, done)
        now = self._clock()
        begun = self._claim.begun(found.st_ino) if size else now
        self._known_as(handle, min(now, found.st_mtime_ns if begun is None else begun))

    def _known_as(self, handle: int, begun_ns: int) -> None:
        found = os.fstat(handle)
        self._claim.remember(found.st_ino, begun_ns)
        self._known, self._size, self._begun_ns = (found.st_dev, found.st_ino), found.st_size, begun_ns

    def _tighten(self, handle: int, found: os.stat_result) -> None:
        """Take a file that others may read from them, once: what an operator changes afterwards stays."""
        if not found.st_mode & 0o077:
            return
        try:
            os.fchmod(handle, 0o600)
            LOG.warning("`%s` was open to others: its mode is 0600 now", self._config.path)
        except OSError:  # not ours, or a file system without modes
            LOG.warning("`%s` is open to others, and its mode cannot be changed", self._config.path)

    def _reason_to_rotate(self, more: int) -> str | None:
        rotation = self._config.rotation
        if rotation is None or not self._size:
            return None
        if self._size + more > rotation.max_bytes:
            return "size"
        return "age" if rotation.max_age and self._clock() - self._begun_ns >= rotation.max_age * 1e9 else None

    def _rotate(self, handle: int, reason: str) -> bool:
        """Rename the file and begin another of its mode; where that is refused, the old one grows on, which loses nothing."""
        found, now = os.fstat(handle), self._clock()
        target = free_name(self.path, now, localtime=bool(self._config.rotation and self._config.rotation.localtime))
        try:
            os.rename(self.path, target)
        except OSError as error:
            self._note("otel_voice_exporter_file_failures", step="rotate")
            if self._told != str(error):
                self._told = str(error)
                LOG.warning("`%s` is not rotated and grows on: %s", self._config.path, error.strerror or error)
            return False
        self._known, self._told = None, None
        self.rotated.append(target)
        self._note("otel_voice_exporter_file_rotated_files", reason=reason)
        fresh = os.open(self.path, _FLAGS | os.O_EXCL, 0o600)
        try:
            like(fresh, found)
            self._known_as(fresh, now)
        finally:
            os.close(fresh)
        return True

    def _write(self, handle: int, request: bytes) -> None:
        if not request:
            return
        if not self._size:
            self._known_as(handle, self._clock())  # a file is as old as what is in it
        try:
            written = os.write(handle, request)
        except OSError:
            self._known = None  # nobody knows how far it came: the next one looks at the end
            raise
        if written != len(request):
            self._known = None
            os.ftruncate(handle, self._size)  # no half lines: what follows must stay readable
            raise Retryable(f"`{self._config.path}` took only part of a line: is the disk full?")
        self._size += written

    def _no_file(self) -> str:
        return f"`{self._config.path}` is no regular file: traces are not written to it"
