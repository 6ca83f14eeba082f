"""That a file or folder is ours alone to write: an advisory lock in a hidden file beside it, which also remembers when it was begun."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import Final

from otel_voice_processor.errors import FileUnusable

LOG = logging.getLogger(__name__)
_TAKEN: Final = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class Claim:
    """The lock of one file, held until `release` or the end of the process."""

    def __init__(self, path: Path, key: str = "path") -> None:
        self._path, self._key = path, key  # the setting that names it
        self._lock = path.with_name(f".{path.name}.lock")
        self._handle: int | None = None
        self._told = False

    def take(self) -> None:
        """Take the lock, again where its file has gone; raise `FileUnusable` where another process has it, `OSError` without a folder."""
        if self._handle is not None and self._is_there(self._handle):
            return
        self.release()
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            self._go_without(error)
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _words(handle)[:1]
            os.close(handle)
            if error.errno in _TAKEN:
                who = f" (process {holder[0]})" if holder else ""
                raise FileUnusable(f"another processor{who} writes to it: give each a `{self._key}` of its own") from None
            self._go_without(error)
            return
        self._handle = handle

    def begun(self, inode: int) -> int | None:
        """Return when a file was begun, in nanoseconds since 1970, where that was remembered."""
        words = _words(self._handle) if self._handle is not None else []
        return int(words[2]) if len(words) == 3 and words[1] == str(inode) else None

    def remember(self, inode: int, begun_ns: int) -> None:
        """Note when a file was begun, for the next process."""
        if self._handle is not None:
            with contextlib.suppress(OSError):  # a full disk is told where it matters
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, f"{os.getpid()} {inode} {begun_ns}\n".encode(), 0)

    def release(self) -> None:
        """Let go; safe twice. The hidden file stays: taking it away would let two others lock two files of one name."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _is_there(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.stat(self._lock), os.fstat(handle))
        except OSError:
            return False

    def _go_without(self, error: OSError) -> None:
        """A single file may be ours to write in a folder that is not, and not every file system has locks."""
        if error.errno not in _NO_LOCKS:
            raise error
        if not self._told:
            self._told = True
            LOG.warning("`%s` cannot be locked (%s): let no other processor write to it", self._path, error.strerror)


def _words(handle: int) -> list[str]:
    words = os.pread(handle, 100, 0).decode(errors="replace").split()
    return words if all(word.isdecimal() for word in words) else []
