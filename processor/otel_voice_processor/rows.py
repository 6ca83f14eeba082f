"""State as rows of bytes: what is to be written and deleted since it was asked for last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import msgpack

Read = Callable[[str], Iterable[tuple[bytes, bytes]]]  # a database's name to its keys and values, in any order
Damaged = Callable[[str, bytes], None]  # told database and key of a row that means nothing


class Unreadable(ValueError):
    """Bytes that do not mean what they should: damaged, or what they refer to is."""


class Rows:
    """Rows to write and keys to delete; of what is said of one key the last holds."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, bytes], bytes | None] = {}

    def put(self, database: str, key: bytes, value: bytes) -> None:
        """Write a row."""
        self._last[database, key] = value

    def delete(self, database: str, key: bytes) -> None:
        """Delete a row, which need not be there."""
        self._last[database, key] = None

    def update(self, later: Rows) -> None:
        """Take what was said later."""
        self._last |= later._last

    def puts(self) -> list[tuple[str, bytes, bytes]]:
        """Return what is to be written: database, key, value."""
        return [(database, key, value) for (database, key), value in self._last.items() if value is not None]

    def deletes(self) -> list[tuple[str, bytes]]:
        """Return what is to be deleted: database, key."""
        return [at for at, value in self._last.items() if value is None]


def key_of(name: str | bytes) -> bytes:
    """Return the key of something that has a name of any length, 16 bytes."""
    return blake2b(name.encode("utf-8", "replace") if isinstance(name, str) else name, digest_size=16).digest()


def packed_row(*values: object) -> bytes:
    """Return values as a row; raise `ValueError`, `TypeError` or `OverflowError` where they cannot be one."""
    return msgpack.packb(values) or b""


def unpacked_row(data: bytes) -> Any:
    """Return what a row holds, lists as tuples; raise `Unreadable`."""
    try:
        return msgpack.unpackb(data, use_list=False, strict_map_key=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(f"no row: {error}") from None


def each_row(rows: Iterable[tuple[bytes, bytes]], database: str, damaged: Damaged) -> Iterator[tuple[bytes, Any]]:
    """Yield keys and what their rows hold; `damaged` is told of those that hold nothing readable."""
    for key, value in rows:
        try:
            yield key, unpacked_row(value)
        except Unreadable:
            damaged(database, key)
