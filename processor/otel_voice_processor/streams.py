"""Streams of bytes to read files from: anything that has `read`, gzip unpacked as far as it goes, lines read ahead."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import Any, Final, Protocol, TypeAlias

Buffered: TypeAlias = "io.BufferedReader[Any]"
CHUNK: Final = 1 << 16


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Return so many bytes or fewer, none at the end."""
        ...


class Unpacked:
    """A gzip stream, of several members too; what comes before a damage is handed over, `damage` says what it was."""

    def __init__(self, stream: Buffered) -> None:
        self._stream, self._member = stream, zlib.decompressobj(31)
        self._data = b""
        self.damage = ""

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return what has been unpacked, some of it at least where there is any."""
        out = b""
        while not out and not self.damage:
            if self._member.eof:
                self._data = self._member.unused_data
                if not (self._data or self._stream.peek(1)):
                    return b""
                self._member = zlib.decompressobj(31)
            self._data = self._data or self._stream.read1(CHUNK)
            if not self._data:
                self.damage = "it ends in the middle"
                break
            before = self._member.copy()
            try:
                out = self._member.decompress(self._data, size)
                self._data = self._member.unconsumed_tail
            except zlib.error as error:
                self.damage = str(error)[:100].lower()
                out = self._rest(before)
        return out

    def _rest(self, member: Any) -> bytes:
        """Return what a chunk gives until its damage, byte by byte: the failing call itself gives nothing."""
        out = b""
        with contextlib.suppress(zlib.error):
            for byte in self._data:
                out += member.decompress(bytes((byte,)))
        return out


class Raw(io.RawIOBase):
    """Any binary stream as a raw one, so that every kind can be peeked into."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._over = b""  # more than was asked for

    def readable(self) -> bool:
        """Say that it can be read, as io asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer and return with how many bytes; what is over is kept for the next."""
        data = self._over or self._stream.read(len(buffer))
        taken, self._over = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


class Before:
    """Lines of some bytes that were read ahead, then of the stream behind them."""

    def __init__(self, ahead: bytes, stream: Buffered) -> None:
        self._ahead, self._stream = io.BytesIO(ahead), stream

    def readline(self, size: int) -> bytes:
        """Return the next line."""
        line = self._ahead.readline(size)
        return line if line.endswith(b"\n") else line + self._stream.readline(size - len(line))
