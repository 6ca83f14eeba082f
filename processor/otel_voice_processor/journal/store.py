"""One LMDB environment on disk: everything of a commit in one transaction, a checksum on every value. Synchronous; one thread writes."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import lmdb

from otel_voice_processor.errors import Retryable
from otel_voice_processor.model import LOGS, TRACES, Entry
from otel_voice_processor.paths import sync

LOG = logging.getLogger(__name__)
DATA: Final = "data.mdb"
COPYING: Final = "copying"  # a folder for what is written anew, until it is whole
FORMAT: Final = 1  # of the environment; what state holds has a number of its own
QUEUE: Final = b"queue"  # entry number -> body
INDEX: Final = b"index"  # entry number -> signal, arrival, size and checksum of the body
TRAIL: Final = b"log"  # commit number -> operations on the state
META: Final = b"meta"
STATE: Final = (b"calls", b"closed", b"series", b"rolling", b"counters", b"tables")
DATABASES: Final = (META, *STATE, TRAIL, INDEX, QUEUE)  # in the order in which they are worth saving
ENTRY_BYTES: Final = 100  # what an entry costs beside its body
DROPPED_AT_ONCE: Final = 2_000  # entries deleted in one commit, so that none takes long
_NUMBER: Final = struct.Struct(">Q")
_INDEX: Final = struct.Struct(">BQII")  # signal, arrival, size and checksum of the body
_TWO: Final = struct.Struct(">QQ")  # the last commit, and the next entry
_SUM: Final = struct.Struct(">I")
_SIGNALS: Final = (TRACES, LOGS)
T = TypeVar("T")
_ODD: Final = (
    lmdb.BadTxnError,
    lmdb.PanicError,
    lmdb.CursorFullError,
    lmdb.PageFullError,
    lmdb.TxnFullError,
    lmdb.ProblemError,
    lmdb.KeyExistsError,
)
_HEADROOM: Final = 1 << 30  # for state, and pages that a reader still sees


class Damaged(Exception):
    """The environment cannot be read, or is not ours to read; `reason` is a word for a counter."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Full(Retryable):
    """No more fits."""


@dataclass(slots=True, kw_only=True)
class Commit:
    """What one transaction writes; `keep_log_from` and `keep_from` are the oldest commit and the oldest entry that stay."""

    number: int
    entries: Sequence[Entry] = ()
    log: Mapping[int, bytes] = field(default_factory=dict)  # by the commit it is of: its own, and those that could not be written
    puts: Mapping[tuple[bytes, bytes], bytes | None] = field(default_factory=dict)  # by database and key; None deletes
    keep_log_from: int = 0
    keep_from: int = 0


def number_key(number: int) -> bytes:
    """Return a number as a key that sorts."""
    return _NUMBER.pack(number)


def sealed(key: bytes, value: bytes) -> bytes:
    """Return a value with a checksum of key and value before it."""
    return _SUM.pack(zlib.crc32(value, zlib.crc32(key))) + value


def unsealed(key: bytes, row: bytes) -> bytes | None:
    """Return a value without its checksum, None where that does not fit."""
    value = row[_SUM.size :]
    return value if len(row) >= _SUM.size and _SUM.unpack_from(row)[0] == zlib.crc32(value, zlib.crc32(key)) else None


def index_row(key: bytes, entry: Entry) -> bytes:
    """Return what the index holds of an entry."""
    return sealed(key, _INDEX.pack(_SIGNALS.index(entry.signal), entry.arrived_ns, len(entry.body), zlib.crc32(entry.body)))


def read_index(key: bytes, row: bytes) -> tuple[str, int, int, int] | None:
    """Return signal, arrival, size and checksum of the body, None where the row is damaged."""
    found = unsealed(key, row)
    if found is None or len(found) != _INDEX.size:
        return None
    signal, arrived_ns, size, checksum = _INDEX.unpack(found)
    return _SIGNALS[signal], arrived_ns, size, checksum


class Store:
    """The environment in a folder. `damaged` counts values whose checksum did not fit, by database; they are as if never written."""

    def __init__(self, folder: Path, *, max_bytes: int, fsync: bool = True) -> None:
        self._folder, self._fsync = folder, fsync
        self._map_size = max_bytes + max_bytes // 4 + _HEADROOM
        self._reading = threading.Lock()
        self._env: Any = None
        self._dbs: dict[bytes, Any] = {}
        self._broken = False
        self._odd = 0  # commits in a row that failed within LMDB, not by the disk
        self._identity = (0, 0)  # of the file that is open
        self.damaged: dict[str, int] = {}
        self.bytes = 0  # of entries held, as they count against the bound
        self.first = self.next = 0  # the oldest entry held, and the number of the next
        self.commits = 0  # the number of the last commit

    def open(self) -> None:
        """Open the environment, made where there is none; raise `Damaged` or `OSError` where that cannot be."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._open()
        except lmdb.Error as error:
            self.close()
            raise _as_os_error(error, self._folder) from None
        found = self.get(META, b"journal_format")
        if found is not None and found != _NUMBER.pack(FORMAT):
            self.close()
            later = int.from_bytes(found, "big") > FORMAT
            raise Damaged("newer" if later else "older", f"it is of format {int.from_bytes(found, 'big')}, this version reads {FORMAT}")
        self._look()

    def _open(self) -> None:
        self._env = lmdb.open(
            str(self._folder),
            map_size=max(self._map_size, self._file_bytes() + _HEADROOM),  # of a larger bound once: even to delete, LMDB writes first
            max_dbs=len(DATABASES),
            max_readers=32,
            mode=0o600,
            sync=self._fsync,
            metasync=self._fsync,
        )
        self._env.reader_check()  # of a process that was killed
        file = self._file()
        self._identity = (file.st_dev, file.st_ino) if file is not None else (0, 0)
        self._dbs = {name: self._env.open_db(name) for name in DATABASES}
        self._broken = False

    def _file_bytes(self) -> int:
        file = self._file()
        return file.st_size if file is not None else 0

    def _file(self) -> os.stat_result | None:
        try:
            return os.stat(self._folder / DATA)
        except FileNotFoundError:
            return None

    def is_gone(self) -> bool:
        """Tell whether the file that is written has lost its place: no start would ever find what goes into it."""
        file = self._file()
        return not self._broken and (file is None or (file.st_dev, file.st_ino) != self._identity)

    def write_anew(self) -> None:
        """Put everything that is held into a new file in its place; raise `OSError` where that cannot be."""
        if self._file() is not None:
            raise OSError(errno.EEXIST, f"`{self._folder / DATA}` is another file than the one that was begun: start again")
        copying = self._folder / COPYING
        shutil.rmtree(copying, ignore_errors=True)
        copying.mkdir(parents=True, mode=0o700)
        try:
            self._env.copy(str(copying))
        except lmdb.Error as error:
            raise _as_os_error(error, self._folder) from None
        os.chmod(copying / DATA, 0o600)
        os.rename(copying / DATA, self._folder / DATA)
        sync(self._folder)
        shutil.rmtree(copying, ignore_errors=True)
        self._reopen()

    def _look(self) -> None:
        """Take stock of what is held. A number is never used twice, whatever was lost: what was known of them before counts, too."""
        self._sweep()
        numbers = self.get(META, b"numbers")
        commits, following = _TWO.unpack(numbers) if numbers and len(numbers) == _TWO.size else (0, 0)
        self.commits, self.next = max(self.commits, commits), max(self.next, following)
        self.bytes, first = 0, None
        for key, row in self._walk(INDEX):
            found = read_index(key, row)
            number = int.from_bytes(key, "big")
            first = number if first is None else first
            self.next = max(self.next, number + 1)
            self.bytes += ENTRY_BYTES + (found[2] if found else 0)
        self.first = self.next if first is None else first
        for key, _ in self._walk(TRAIL):
            self.commits = max(self.commits, int.from_bytes(key, "big"))

    def go_on_from(self, *, commits: int, following: int) -> None:
        """Use no number up to these, which others know of."""
        empty = self.first == self.next
        self.commits, self.next = max(self.commits, commits), max(self.next, following)
        self.first = self.next if empty else self.first

    def _sweep(self) -> None:
        """Delete rows of log and index that are damaged, whose numbers mean nothing, and entries without a body or without a row."""
        bad = [(TRAIL, key) for key, row in self._walk(TRAIL) if unsealed(key, row) is None]
        bad += [(INDEX, key) for key, row in self._walk(INDEX) if read_index(key, row) is None]
        with self._reading, self._env.begin() as reader:
            uneven = bad or reader.stat(self._dbs[INDEX])["entries"] != reader.stat(self._dbs[QUEUE])["entries"]
        if not uneven:
            return
        for database, _ in bad:
            self._note(database)
        with self._env.begin(write=True) as writer:
            for database, key in bad:
                writer.delete(key, db=self._dbs[database])
            for one, other in ((INDEX, QUEUE), (QUEUE, INDEX)):
                keys = [bytes(key) for key in writer.cursor(db=self._dbs[one]).iternext(values=False)]
                for key in keys:
                    if writer.get(key, db=self._dbs[other]) is None:
                        writer.delete(key, db=self._dbs[one])
                        if bad and (INDEX, key) not in bad:
                            self._note(QUEUE)

    def get(self, database: bytes, key: bytes) -> bytes | None:
        """Return one value, None where there is none or it is damaged."""
        with self._reading, self._env.begin(db=self._dbs[database]) as reader:
            row = reader.get(key)
        return self._checked(database, key, row) if row is not None else None

    def rows(self, database: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and values of a database in order, but for damaged ones. Not while others write."""
        for key, row in self._walk(database):
            value = self._checked(database, key, row)
            if value is not None:
                yield key, value

    def _checked(self, database: bytes, key: bytes, row: bytes) -> bytes | None:
        value = unsealed(key, row)
        if value is None:
            self._note(database)
        return value

    def _note(self, database: bytes) -> None:
        name = database.decode()
        self.damaged[name] = self.damaged.get(name, 0) + 1

    def _walk(self, database: bytes) -> Iterator[tuple[bytes, bytes]]:
        with self._reading, self._env.begin(db=self._dbs[database]) as reader:
            yield from reader.cursor()

    def read(self, number: int, max_bytes: int) -> list[Entry]:
        """Return entries from `number` on, in order: as many as `max_bytes` hold, but one at least where there is any sound one."""
        found: list[Entry] = []
        size = 0
        with self._reading, self._env.begin() as reader:
            cursor = reader.cursor(db=self._dbs[INDEX])
            more = cursor.set_range(number_key(number))
            while more and (not found or size < max_bytes):
                key, row = cursor.item()
                told = read_index(key, row)
                if told is not None and found and size + told[2] > max_bytes:
                    break
                entry = self._entry(reader, key, told)
                if entry is not None:
                    found.append(entry)
                    size += len(entry.body)
                more = cursor.next()
        return found

    def _entry(self, reader: Any, key: bytes, told: tuple[str, int, int, int] | None) -> Entry | None:
        body = reader.get(key, db=self._dbs[QUEUE])
        if told is None or body is None or len(body) != told[2] or zlib.crc32(body) != told[3]:
            self._note(QUEUE)
            return None
        return Entry(number=int.from_bytes(key, "big"), signal=told[0], arrived_ns=told[1], body=body)

    def older_than(self, arrived_ns: int) -> int:
        """Return the number of the first entry that arrived at `arrived_ns` or later, that of the next entry where none did."""
        with self._reading, self._env.begin(db=self._dbs[INDEX]) as reader:
            for key, row in reader.cursor():
                told = read_index(key, row)
                if told is not None and told[1] >= arrived_ns:
                    return int.from_bytes(key, "big")
        return self.next

    def commit(self, commit: Commit) -> None:
        """Write everything of a commit, or nothing: raise `Full` or `OSError`. On return it is on disk."""
        try:
            if self._broken:
                self._reopen()
                self._look_again()
            held, first = self._write(commit)
        except lmdb.MapFullError:
            raise Full(f"the journal in `{self._folder}` is full") from None
        except lmdb.Error as error:
            self._broken = True  # after some errors LMDB refuses everything until it is opened again
            self._odd = self._odd + 1 if isinstance(error, _ODD) else 0
            if self._odd > 1:  # opened anew, it trips once more: over pages that no tree has, which nobody walks over
                raise Damaged("corrupt", str(error)) from None
            raise _as_os_error(error, self._folder) from None
        self._odd = 0
        self.bytes, self.first, self.commits = held, first, commit.number
        if commit.entries:
            self.next = commit.entries[-1].number + 1

    def _write(self, commit: Commit) -> tuple[int, int]:
        with self._env.begin(write=True) as writer:
            queue, index = self._dbs[QUEUE], self._dbs[INDEX]
            held, first = self._drop(writer, commit.keep_from)
            for entry in commit.entries:
                key = number_key(entry.number)
                _append(writer, key, entry.body, queue)
                _append(writer, key, index_row(key, entry), index)
                held += ENTRY_BYTES + len(entry.body)
            for (database, key), value in commit.puts.items():
                if value is None:
                    writer.delete(key, db=self._dbs[database])
                else:
                    writer.put(key, sealed(key, value), db=self._dbs[database])
            for number, log in commit.log.items():
                key = number_key(number)
                writer.put(key, sealed(key, log), db=self._dbs[TRAIL], append=number == commit.number)  # others may be there after all
            self._forget(writer, commit.keep_log_from)
            following = commit.entries[-1].number + 1 if commit.entries else self.next
            meta = self._dbs[META]
            for key, value in ((b"numbers", _TWO.pack(commit.number, following)), (b"journal_format", _NUMBER.pack(FORMAT))):
                writer.put(key, sealed(key, value), db=meta)
        return held, first

    def _look_again(self) -> None:
        """Raise `OSError` where a commit that failed is there all the same: its numbers are taken, the next commit has to go on from them.

        LMDB writes last which commit counts, and where that fails, over it; where that fails, too, as when a file system turns read-only,
        the page cache has it for good.
        """
        before = self.commits
        numbers = self.get(META, b"numbers")
        if numbers and len(numbers) == _TWO.size and _TWO.unpack(numbers)[0] > before:
            self._look()
            raise OSError(f"what the journal in `{self._folder}` could not be seen to keep is there: it goes on from that")

    def _drop(self, writer: Any, keep_from: int) -> tuple[int, int]:
        """Delete entries below `keep_from`, return how many bytes are held then, and the oldest."""
        held, first = self.bytes, self.first
        if first >= keep_from:
            return held, first
        cursor = writer.cursor(db=self._dbs[INDEX])
        there = cursor.first()
        for _ in range(DROPPED_AT_ONCE):
            if not there or (first := int.from_bytes(cursor.key(), "big")) >= keep_from:
                break
            told = read_index(cursor.key(), cursor.value())
            held -= ENTRY_BYTES + (told[2] if told else 0)
            writer.delete(cursor.key(), db=self._dbs[QUEUE])
            there = _delete(cursor)
            first += 1
        return (held, first) if there else (0, max(first, min(keep_from, self.next)))

    def _forget(self, writer: Any, keep_from: int) -> None:
        cursor = writer.cursor(db=self._dbs[TRAIL])
        there = cursor.first()
        while there and int.from_bytes(cursor.key(), "big") < keep_from:
            there = _delete(cursor)

    def _reopen(self) -> None:
        with self._reading:
            self._env.close()
            self._open()

    def replace(self, act: Callable[[], T]) -> T:
        """Close, let `act` put another journal into the folder, open that; nobody reads meanwhile. Raises as `open` does."""
        with self._reading:
            if self._env is not None:
                self._env.close()
            self._broken = True  # where `act` fails, what is there is opened again
            done = act()
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._open()
            except lmdb.Error as error:
                raise _as_os_error(error, self._folder) from None
        self._look()
        return done

    def close(self) -> None:
        """Close; safe twice."""
        env, self._env = self._env, None
        if env is not None:
            with self._reading:
                env.close()


def _append(writer: Any, key: bytes, value: bytes, db: Any) -> None:
    """Put a row behind all others; raise `lmdb.KeyExistsError` where it does not belong there, of which LMDB for Python says just False."""
    if not writer.put(key, value, db=db, append=True):
        raise lmdb.KeyExistsError(f"row {int.from_bytes(key, 'big')} is not the last")


def _delete(cursor: Any) -> bool:
    """Delete where the cursor stands, and return whether it stands on another row now."""
    return bool(cursor.delete() and cursor.key())


def _as_os_error(error: lmdb.Error, folder: Path) -> Exception:
    """Return what LMDB says as an error of ours: damage, or what the operating system said."""
    if isinstance(error, (lmdb.CorruptedError, lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.PageNotFoundError)):
        return Damaged("corrupt", str(error))
    words = str(error).rpartition(": ")[2] or str(error)
    hint = " (is the disk full?)" if words == os.strerror(errno.EIO) else ""  # what LMDB makes of a write that was cut short
    return OSError(f"the journal in `{folder}` cannot be written: {words}{hint}")
