"""Traces and logs to a file, one OTLP JSON request a line, as the collector's file exporter writes them and its receiver reads them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import stat
from pathlib import Path

from otel_voice_processor.errors import Retryable
from otel_voice_processor.model import TRACES
from otel_voice_processor.otlp_json import decode_request_json

LOG = logging.getLogger(__name__)
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # a named pipe without a reader must not hang us


class FileExporter:
    """Appends to `path`, a regular file that only its owner reads; each line is written whole, in a thread, one at a time."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._turn = asyncio.Lock()
        self._known: tuple[int, int] | None = None  # the file whose mode was seen to

    async def send(self, body: bytes, signal: str = TRACES) -> None:
        """Append one request; raise `Undecodable` where it is no OTLP, `Retryable` where the file cannot be written."""
        async with self._turn:
            await asyncio.to_thread(self._append, body, signal)

    def _append(self, body: bytes, signal: str) -> None:
        if not body:
            return
        line = decode_request_json(body, signal).encode() + b"\n"
        try:
            handle = os.open(self._path, _FLAGS, 0o600)
            try:
                found = os.fstat(handle)
                if not stat.S_ISREG(found.st_mode):
                    raise Retryable(f"`{self._path}` is no regular file: traces are not written to it")
                self._tighten(handle, found)
                start = found.st_size
                if os.write(handle, line) != len(line):
                    os.ftruncate(handle, start)  # no half lines: what follows must stay readable
                    raise Retryable(f"`{self._path}` took only part of a line: is the disk full?")
            finally:
                os.close(handle)
        except OSError as error:
            if error.errno in {errno.EISDIR, errno.ENXIO}:  # ENXIO: a named pipe that nobody reads
                raise Retryable(f"`{self._path}` is no regular file: traces are not written to it") from None
            raise Retryable(f"`{self._path}` cannot be written: {error.strerror or error}") from None

    def _tighten(self, handle: int, found: os.stat_result) -> None:
        """Take a file that others may read from them, once: what an operator changes afterwards stays."""
        if (found.st_dev, found.st_ino) == self._known:
            return
        self._known = (found.st_dev, found.st_ino)
        if not found.st_mode & 0o077:
            return
        try:
            os.fchmod(handle, 0o600)
            LOG.warning("`%s` was open to others: its mode is 0600 now", self._path)
        except OSError:  # not ours, or a file system without modes
            LOG.warning("`%s` is open to others, and its mode cannot be changed", self._path)

    async def close(self) -> None:
        """Nothing stays open between lines."""
