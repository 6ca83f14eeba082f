"""Walk over a journal, or save what can be read of it, in a process of its own: a damaged tree may kill whoever reads it.

Run: `python -m otel_voice_processor.journal.verify FOLDER` (exit 0: whole, 3: damaged, else: not known),
or with `FOLDER NEW DATABASE` to copy one database.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import lmdb

from otel_voice_processor.errors import FileUnusable
from otel_voice_processor.journal.store import DATA, DATABASES, INDEX, META, QUEUE, read_index, sealed, unsealed

ROOM: Final = 64 << 20  # of addresses, beside twice what is copied
AT_ONCE: Final = 64 << 20  # bytes copied in one transaction
PATIENCE_S: Final = 120.0
SLOWEST: Final = 4 << 20  # bytes a second; a larger journal is given more time
WHOLE, DAMAGED, UNTOLD = 0, 3, 4  # exit codes; that of an interpreter that failed, 1, says nothing of the journal
FAULTS: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}
)  # by what is read; others by somebody
NOT_DAMAGE: Final = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Untold(Exception):
    """Nothing can be said of a journal, for a reason that lies elsewhere: no right to read it, no room, somebody who stopped the reader."""


def problem_of(folder: Path, *, beside: bool = False) -> str | None:
    """Return what is wrong with the tree of a journal, None where nothing is or there is none. Asks a process of its own.

    `beside`: a processor may be writing to it. Raises `FileUnusable` where that cannot be told: a sound journal must not pass for damaged.
    """
    data = folder / DATA
    if not data.exists():
        return None
    if data.stat().st_size == 0:
        return "its file is empty"
    try:
        done = _run(_patience_s(data), str(folder), *(["beside"] if beside else []))
    except subprocess.TimeoutExpired as late:
        return f"it could not be read within {late.timeout:g} s"
    if done.returncode == WHOLE:
        return None
    if -done.returncode in FAULTS:
        return f"reading it killed the reader by signal {-done.returncode}"
    if done.returncode == DAMAGED:
        return done.stdout.strip() or "it cannot be read"
    raise FileUnusable(f"whether the journal is whole cannot be told: {_why(done)}")


def save(old: Path, new: Path) -> list[str]:
    """Copy what can be read of a damaged journal into a new one; return the databases of which something was lost.

    Raises `FileUnusable` where that fails for a reason that lies elsewhere, so that more could be saved another time.
    """
    lost = []
    for name in map(bytes.decode, DATABASES):
        try:
            done = _run(_patience_s(old / DATA), str(old), str(new), name)
        except subprocess.TimeoutExpired:
            lost.append(name)
            continue
        if done.returncode == DAMAGED or -done.returncode in FAULTS:
            lost.append(name)
        elif done.returncode != WHOLE:
            raise FileUnusable(f"what can be read of the damaged journal cannot be saved: {_why(done)}")
    return lost


def mark(folder: Path, key: bytes, value: bytes) -> None:
    """Put a value beside the state of a journal that nobody has open."""
    with lmdb.open(str(folder), max_dbs=len(DATABASES), mode=0o600, map_size=_map_size(folder)) as env:
        meta = env.open_db(META)
        with env.begin(write=True) as writer:
            writer.put(key, sealed(key, value), db=meta)


def _patience_s(data: Path) -> float:
    return PATIENCE_S + data.stat().st_size // SLOWEST


def _why(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"the reader was stopped by signal {-done.returncode}"
    return done.stdout.strip() or (done.stderr.strip().splitlines() or ["the reader failed"])[-1]


def _run(patience_s: float, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this module; in a session of its own, since Ctrl-C is for the processor, which stops once it knows what it has."""
    command = [sys.executable, "-m", "otel_voice_processor.journal.verify", *arguments]
    return subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=patience_s, check=False, start_new_session=True
    )


def _opened(folder: str, **more: Any) -> Any:
    try:
        return lmdb.open(folder, max_dbs=len(DATABASES), mode=0o600, **more)
    except lmdb.Error as error:
        if _is_elsewhere(error):
            raise Untold(str(error)) from None
        raise


def _is_elsewhere(error: lmdb.Error) -> bool:
    """Tell whether LMDB failed for a reason that is not the journal's; too few addresses are one only where they are limited."""
    if isinstance(error, lmdb.MemoryError):
        return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return str(error).endswith(tuple(os.strerror(each) for each in NOT_DAMAGE))


def _map_size(folder: Path) -> int:
    """Return a size that whatever is copied fits into."""
    data = folder / DATA
    return 2 * (data.stat().st_size if data.exists() else 0) + ROOM


def _fits(env: Any, folder: Path) -> bool:
    """Tell whether the file is as long as it says: what lies behind its end kills whoever touches it."""
    pages = env.info()["last_pgno"] + 1
    return bool((folder / DATA).stat().st_size >= pages * env.stat()["psize"])


def verify(folder: str, *, beside: bool = False) -> str | None:
    """Touch every page of the trees, and every row but for bodies, which are checked when they are read; return what is wrong.

    `beside` a writer the pages that are being read must be known to it, by LMDB's lock file.
    """
    try:
        env = _opened(folder, readonly=True, lock=beside)
        if not _fits(env, Path(folder)):
            return "its file is shorter than it says"
        with env.begin() as reader:
            names = {bytes(name) for name in reader.cursor().iternext(values=False)}
        for name in names & set(DATABASES):
            db = env.open_db(name, create=False)
            with env.begin(db=db) as reader:
                count = sum(1 for _ in reader.cursor().iternext(values=name != QUEUE))
                if count != reader.stat(db)["entries"]:
                    return f"`{name.decode()}` has {count} rows and says {reader.stat(db)['entries']}"
    except (lmdb.Error, OSError) as error:
        return str(error)
    return None


def copy(old: str, new: str, database: str) -> bool:
    """Copy the sound rows of one database, as many as can be read; return whether that was all of them."""
    name, lost, size = database.encode(), list[Exception](), 0
    target = _opened(new, map_size=_map_size(Path(old)), sync=False)
    there, index = target.open_db(name), target.open_db(INDEX)
    writer = target.begin(write=True)
    for key, row in _rows(old, name, lost):
        if not _sound(name, key, row, writer.get(key, db=index)):
            lost.append(ValueError(key))
            continue
        writer.put(key, row, db=there)
        size += len(row)
        if size > AT_ONCE:
            size = 0
            writer.commit()  # what is saved stays saved, whatever comes next
            writer = target.begin(write=True)
    writer.commit()
    target.sync(True)
    target.close()
    return not lost


def _rows(folder: str, name: bytes, lost: list[Exception]) -> Iterator[tuple[bytes, bytes]]:
    """Yield rows for as long as they can be read; what stopped that goes into `lost`."""
    try:
        source = _opened(folder, readonly=True, lock=False)
        db = source.open_db(name, create=False)
        with source.begin(db=db) as reader:
            yield from reader.cursor()
    except lmdb.Error as error:
        lost.append(error)


def _sound(name: bytes, key: bytes, row: bytes, indexed: bytes | None) -> bool:
    if name == INDEX:
        return read_index(key, row) is not None
    if name == QUEUE:  # a body of which nobody knows what it is helps nobody
        return indexed is not None
    return unsealed(key, row) is not None


def main(arguments: list[str]) -> int:
    """Verify or copy; what is wrong, or why that cannot be told, goes to stdout."""
    try:
        if len(arguments) == 3:
            return WHOLE if copy(*arguments) else DAMAGED
        problem = verify(arguments[0], beside=arguments[1:] == ["beside"])
    except (Untold, lmdb.Error, OSError) as error:
        print(error)
        return UNTOLD
    if problem is not None:
        print(problem)
    return WHOLE if problem is None else DAMAGED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
