"""What `validate` and `convert` read from: files or standard input, with a progress bar on a terminal."""

from __future__ import annotations

import argparse
import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO

from otel_voice_processor.files import Broken, Document, documents

READS = (
    "OTLP JSON lines as the collector's file exporter writes them, OTLP protobuf, envelope JSON or JSON lines; gzip and zstd, too; "
    "`-` is stdin"
)


def add_files(parser: argparse.ArgumentParser) -> None:
    """Declare the files."""
    parser.add_argument("files", nargs="+", metavar="FILE", help=READS)


def read(names: list[str]) -> Iterator[tuple[str, Document | Broken]]:
    """Yield every document of every file with the file's name; what cannot be opened is `Broken`, too."""
    for name in names:
        shown = "standard input" if name == "-" else name
        try:
            with _opened(name) as stream, _progress(name, stream) as seen:
                for item in documents(seen):
                    yield shown, item
        except OSError as error:
            yield shown, Broken(code="unreadable", where="", message=f"cannot be read: {(error.strerror or str(error)).lower()}")


def _opened(name: str) -> Any:
    if name == "-":
        if sys.stdin is None:  # a process begun with it closed
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return nullcontext(sys.stdin.buffer)
    return open(name, "rb")  # a context manager, entered by the caller


@contextmanager
def _progress(name: str, stream: BinaryIO) -> Iterator[Any]:
    """Draw how far reading is, where somebody looks and it takes a while."""
    if not sys.stderr.isatty():
        yield stream
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    found = os.fstat(stream.fileno()) if name != "-" else None
    total = found.st_size if found is not None and stat.S_ISREG(found.st_mode) else None
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Counted(stream, bar, bar.add_task(os.path.basename(name), total=total))


class _Counted:
    """A stream that tells a progress bar what was read of it."""

    def __init__(self, stream: BinaryIO, bar: Any, task: Any) -> None:
        self._stream, self._bar, self._task = stream, bar, task

    def read(self, size: int = -1) -> bytes:
        """Read as the stream does."""
        data = self._stream.read(size)
        self._bar.advance(self._task, len(data))
        return data


def place(name: str, where: str) -> str:
    """Return where a message is about, as editors and compilers write it."""
    return f"{name}: {where}" if where else name
