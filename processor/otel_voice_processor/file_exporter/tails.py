"""The end of a file of requests after a crash: a request that was being written is cut off, so that the next one is never glued to it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Final

from otel_voice_processor.errors import FileUnusable

CUT: Final = "cut"
ENDED: Final = "ended"
SIZE: Final = 4  # bytes before each protobuf request, big endian, as the collector writes them
_CHUNK: Final = 1 << 16
_BEGINNINGS: Final = (b'{"resourceSpans":[', b'{"resourceLogs":[')
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_GROUP: Final = b"\n"  # what every OTLP request begins with: the tag of its first group


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What was done to a file's end: `cut` by so many bytes, or `ended` with the newline that was missing."""

    how: str
    size: int


def mend_lines(handle: int, size: int) -> Mended | None:
    """Mend JSON lines: cut off the beginning of a request of ours, end any other line; raise `FileUnusable` where there are none."""
    head = os.pread(handle, 2 * SIZE, 0)
    if _ZSTD in {head[:SIZE], head[SIZE:]} or (head[SIZE : SIZE + 1] == _GROUP and head[0] < ord("\t")):
        raise FileUnusable("it holds protobuf or is compressed, and JSON lines are to be written")
    begin = _last_line(handle, size)
    if begin == size:
        return None
    if _is_torn(os.pread(handle, size - begin, begin)):
        os.ftruncate(handle, begin)
        return Mended(how=CUT, size=size - begin)
    os.write(handle, b"\n")
    return Mended(how=ENDED, size=0)


def mend_frames(handle: int, size: int) -> Mended | None:
    """Mend protobuf requests, each behind its size: cut off one that is not whole; raise `FileUnusable` where there is anything else."""
    at = 0
    while at < size:
        head = os.pread(handle, SIZE + 1, at)
        if head[SIZE:] not in {b"", _GROUP} and not _is_blank(handle, at, size):
            raise FileUnusable(f"at byte {at} it holds no OTLP protobuf, and OTLP protobuf is to be written")
        end = at + SIZE + int.from_bytes(head[:SIZE], "big")
        if head[SIZE:] != _GROUP or end > size:
            os.ftruncate(handle, at)
            return Mended(how=CUT, size=size - at)
        at = end
    return None


def _last_line(handle: int, size: int) -> int:
    """Return where the line begins that no newline ends; the file's size where there is none."""
    at = size
    while at:
        begin = max(at - _CHUNK, 0)
        found = os.pread(handle, at - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def _is_torn(line: bytes) -> bool:
    """Tell whether a line is the beginning of a request of ours, or what a file system puts where nothing was written yet."""
    text = line.rstrip(b"\0")
    if text and not any(text.startswith(each) or each.startswith(text) for each in _BEGINNINGS):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _is_blank(handle: int, at: int, size: int) -> bool:
    while at < size:
        chunk = os.pread(handle, _CHUNK, at)
        if chunk.strip(b"\0"):
            return False
        at += len(chunk) or size
    return True
