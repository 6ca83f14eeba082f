"""What a journal holds, read beside the processor that writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb

from otel_voice_processor.errors import FileUnusable
from otel_voice_processor.journal.aside import FOLDER
from otel_voice_processor.journal.store import DATA, DATABASES, FORMAT, INDEX, META, read_index, unsealed
from otel_voice_processor.journal.verify import problem_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Requests and bytes that wait, how many of them for each destination, the oldest's arrival, open calls, and what was set aside."""

    requests: int
    bytes: int
    oldest_ns: int | None
    waiting: Mapping[str, int]
    open_calls: int
    file_bytes: int
    set_aside: tuple[str, ...]
    dead_letters: int


def contents_of(directory: Path) -> Contents:
    """Read a directory; raise `FileUnusable` where it holds no journal that can be read."""
    folder = directory / "journal"
    if not (folder / DATA).is_file():
        raise FileUnusable(f"`{directory}` holds no journal: `serve` prints where it keeps its own")
    problem = problem_of(folder, beside=True)
    if problem is not None:
        raise FileUnusable(f"the journal in `{directory}` is damaged ({problem}); the next start sets it aside and saves what can be read")
    try:
        env = lmdb.open(str(folder), readonly=True, max_dbs=len(DATABASES))
    except lmdb.Error as error:
        raise FileUnusable(f"the journal in `{directory}` cannot be read: {str(error).rpartition(': ')[2]}") from None
    try:
        return _read(env, directory)
    except lmdb.NotFoundError:
        raise FileUnusable(f"the journal in `{directory}` holds nothing yet: its first start was cut short") from None
    finally:
        env.close()


def _read(env: Any, directory: Path) -> Contents:
    dbs = {name: env.open_db(name, create=False) for name in DATABASES}
    with env.begin() as reader:
        version = unsealed(b"journal_format", reader.get(b"journal_format", db=dbs[META]) or b"")
        if version is not None and int.from_bytes(version, "big") != FORMAT:
            raise FileUnusable(f"the journal in `{directory}` is of format {int.from_bytes(version, 'big')}, this version reads {FORMAT}")
        rows = [(int.from_bytes(key, "big"), read_index(key, row)) for key, row in reader.cursor(db=dbs[INDEX])]
        told = [found for _, found in rows if found is not None]
        cursors: dict[str, int] = json.loads(unsealed(b"cursors", reader.get(b"cursors", db=dbs[META]) or b"") or b"{}")
        return Contents(
            requests=len(rows),
            bytes=sum(found[2] for found in told),
            oldest_ns=min((found[1] for found in told), default=None),
            waiting={name: sum(1 for number, _ in rows if number >= at) for name, at in cursors.items()},
            open_calls=int(unsealed(b"open_calls", reader.get(b"open_calls", db=dbs[META]) or b"") or 0),
            file_bytes=(directory / "journal" / DATA).stat().st_size,
            set_aside=tuple(sorted(path.name for path in directory.glob(f"{FOLDER}/*"))),
            dead_letters=sum(1 for _ in directory.glob("dead_letters/*.pb")),
        )
