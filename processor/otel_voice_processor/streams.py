"""Streams of bytes to read files from: anything that has `read`, gzip and zstd unpacked as far as they go, lines read ahead."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import Any, Final, Protocol, TypeAlias

import zstandard

Buffered: TypeAlias = "io.BufferedReader[Any]"
CHUNK: Final = 1 << 16
GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SMALL: Final = 1 << 10  # bytes of zstd unpacked at once: the decoder takes no limit, and no frame makes more than 32 MiB of so few


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Return so many bytes or fewer, none at the end."""
        ...


class Gunzipped:
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


class Unzstd:
    """A zstd stream of one frame or many; what comes before a damage is handed over, `damage` says what it was."""

    def __init__(self, stream: Buffered) -> None:
        self._stream, self._frame = stream, zstandard.ZstdDecompressor().decompressobj()
        self._data = b""
        self._fresh = True
        self.damage = ""

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return what has been unpacked, some of it at least where there is any."""
        out = b""
        while not out and not self.damage:
            if self._frame.eof:
                self._data = self._frame.unused_data + self._data
                self._frame, self._fresh = zstandard.ZstdDecompressor().decompressobj(), True
            self._data = self._data or self._stream.read1(CHUNK)
            if not self._data:
                self.damage = "" if self._fresh else "it ends in the middle"
                return b""
            piece, self._data, self._fresh = self._data[:_SMALL], self._data[_SMALL:], False
            try:
                out = self._frame.decompress(piece)
            except zstandard.ZstdError as error:
                self.damage = str(error)[:100].lower()
        return out


def unzstd(data: bytes, most: int) -> bytes:
    """Return a message that was packed by itself; raise `ValueError` where it is damaged or longer than `most` bytes."""
    stream = Unzstd(io.BufferedReader(Raw(io.BytesIO(data))))
    out = bytearray()
    while piece := stream.read():
        out += piece
        if len(out) > most:
            raise ValueError(f"longer than {most >> 20} MiB")
    if stream.damage:
        raise ValueError(stream.damage)
    return bytes(out)


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
