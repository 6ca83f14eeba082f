"""Compress a file as a whole with zstd, so that a crash at any moment leaves it or what became of it, never neither."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import zstandard

from otel_voice_processor.paths import sync

PACKED: Final = ".zst"
PARTIAL: Final = ".partial"
LEVEL: Final = 3  # zstd's own default
_CHUNK: Final = 1 << 20


class Stopped(Exception):
    """Compressing was told to stop; what it had written is gone, what it read is there."""


def pack(plain: Path, stop: threading.Event) -> None:
    """Compress a file, then remove it; raise `Stopped` once `stop` is set, `OSError` where the disk says no: then nothing has changed."""
    packed = plain.with_name(plain.name + PACKED)
    partial = plain.with_name(f".{packed.name}{PARTIAL}")
    try:
        with plain.open("rb") as source, open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
            _compress(source, target, stop)
            found = os.fstat(source.fileno())
            like(target.fileno(), found)
            os.utime(target.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))
            os.fsync(target.fileno())
        os.rename(partial, packed)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(packed.parent)  # before the only other copy goes
    plain.unlink()


def is_same(plain: Path, packed: Path) -> bool:
    """Tell whether a compressed file holds just what another does; raise `OSError` where one cannot be read."""
    with plain.open("rb") as one, packed.open("rb") as other:
        unpacked = zstandard.ZstdDecompressor().stream_reader(other, read_across_frames=True)
        try:
            return all(unpacked.read(len(chunk)) == chunk for chunk in _chunks(one)) and not unpacked.read(1)
        except zstandard.ZstdError:
            return False


def like(handle: int, found: os.stat_result) -> None:
    """Give a file the mode and the group of another, as far as that is ours to give."""
    with contextlib.suppress(OSError):
        os.fchmod(handle, found.st_mode & 0o777)
        if os.fstat(handle).st_gid != found.st_gid:
            os.fchown(handle, -1, found.st_gid)


def _compress(source: IO[bytes], target: IO[bytes], stop: threading.Event) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with compressor.stream_writer(target, closefd=False) as writer:
        for chunk in _chunks(source):
            if stop.is_set():
                raise Stopped
            writer.write(chunk)
    target.flush()


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk
