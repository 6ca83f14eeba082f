"""Walk over a journal, or save what can be read of it, in a process of its own: a damaged tree may kill whoever reads it.

Run: `python -m otel_voice_processor.journal.verify FOLDER` (exit 0: whole, 1: damaged), or with `FOLDER NEW DATABASE` to copy one database.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import lmdb

from otel_voice_processor.journal.store import DATABASES, INDEX, QUEUE, read_index, unsealed

DATA: Final = "data.mdb"
MAP_SIZE: Final = 1 << 44  # of addresses, not of memory
AT_ONCE: Final = 64 << 20  # bytes copied in one transaction
PATIENCE_S: Final = 120.0


def problem_of(folder: Path) -> str | None:
    """Return what is wrong with the tree of a journal, None where nothing is or there is none. Asks a process of its own."""
    data = folder / DATA
    if not data.exists():
        return None
    if data.stat().st_size == 0:
        return "its file is empty"
    try:
        done = _run(str(folder))
    except subprocess.TimeoutExpired:
        return f"it could not be read within {PATIENCE_S:g} s"
    if done.returncode < 0:
        return f"reading it killed the reader by signal {-done.returncode}"
    return (done.stdout.strip() or "it cannot be read") if done.returncode else None


def save(old: Path, new: Path) -> list[str]:
    """Copy what can be read of a damaged journal into a new one; return the databases of which something was lost."""
    lost = []
    for name in map(bytes.decode, DATABASES):
        try:
            done = _run(str(old), str(new), name)
        except subprocess.TimeoutExpired:
            lost.append(name)
            continue
        if done.returncode:
            lost.append(name)
    return lost


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "otel_voice_processor.journal.verify", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)  # noqa: S603


def _opened(folder: str, **more: Any) -> Any:
    return lmdb.open(folder, max_dbs=len(DATABASES), mode=0o600, **more)


def _fits(env: Any, folder: Path) -> bool:
    """Tell whether the file is as long as it says: what lies behind its end kills whoever touches it."""
    pages = env.info()["last_pgno"] + 1
    return bool((folder / DATA).stat().st_size >= pages * env.stat()["psize"])


def verify(folder: str) -> str | None:
    """Touch every page of the trees, and every row but for bodies, which are checked when they are read; return what is wrong."""
    try:
        env = _opened(folder, readonly=True, lock=False)
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
    name, whole, size = database.encode(), True, 0
    source = _opened(old, readonly=True, lock=False, map_size=MAP_SIZE)
    target = _opened(new, map_size=MAP_SIZE, sync=False)
    there = target.open_db(name)
    index = target.open_db(INDEX)
    writer = target.begin(write=True)
    try:
        db = source.open_db(name, create=False)
        with source.begin(db=db) as reader:
            for key, row in reader.cursor():
                if not _sound(name, key, row, writer.get(key, db=index)):
                    whole = False
                    continue
                writer.put(key, row, db=there)
                size += len(row)
                if size > AT_ONCE:
                    size = 0
                    writer.commit()  # what is saved stays saved, whatever comes next
                    writer = target.begin(write=True)
    except lmdb.Error:
        whole = False
    writer.commit()
    target.sync(True)
    target.close()
    return whole


def _sound(name: bytes, key: bytes, row: bytes, indexed: bytes | None) -> bool:
    if name == INDEX:
        return read_index(key, row) is not None
    if name == QUEUE:  # a body of which nobody knows what it is helps nobody
        return indexed is not None
    return unsealed(key, row) is not None


def main(arguments: list[str]) -> int:
    """Verify or copy; what is wrong goes to stdout."""
    if len(arguments) == 3:
        return 0 if copy(*arguments) else 1
    problem = verify(arguments[0])
    if problem is not None:
        print(problem)
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
