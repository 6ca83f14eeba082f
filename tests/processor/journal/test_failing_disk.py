"""A disk that refuses commits: what counts goes on, what went to disk all the same is known, and nobody is taken before it works again."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import lmdb
import pytest
from otel_voice_processor.errors import Retryable
from otel_voice_processor.journal.store import Commit

from tests.processor.journal.test_journal import Running, bodies_of

pytestmark = pytest.mark.usefixtures("soon")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_voice_processor.journal.journal.AGAIN_S", 0.05)


class Disk:
    """Stands before LMDB's transaction. `refuses` commits of more than so many bytes; `late`: tells so after it has them."""

    def __init__(self, running: Running) -> None:
        self.refuses: int | None = None
        self.late = False
        self.commits: list[Commit] = []
        store: Any = running.journal._store
        self._write, store._write = store._write, self.write

    def write(self, commit: Commit) -> Any:
        done = self._write(commit) if self.late or not self._is_too_much(commit) else None
        if self._is_too_much(commit):
            raise lmdb.DiskError("No space left on device")
        self.commits.append(commit)
        return done

    def _is_too_much(self, commit: Commit) -> bool:
        return self.refuses is not None and sum(len(entry.body) for entry in commit.entries) >= self.refuses


async def refused(running: Running, body: bytes, *, joined: bool = False) -> None:
    with pytest.raises(Retryable, match="No space left"):
        await running.journal.append(body, joined=joined)


async def written(running: Running) -> None:
    """Wait until everything until now is on disk, however often that fails."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(Retryable):
                return await running.journal.barrier()


async def test_a_commit_that_went_to_disk_although_it_failed_costs_no_other(tmp_path: Path) -> None:
    """Its numbers are taken: what comes next goes behind it, also after a restart, and what it held comes once more at most."""
    async with Running(tmp_path) as running:
        disk = Disk(running)
        await running.journal.append(b"before")
        disk.refuses, disk.late = 0, True
        running.kept.puts, running.kept.log = [("series", b"k", b"1")], b"one"
        await refused(running, b"there all the same")
        disk.refuses = None
        running.kept.log = b"two"
        await written(running)
        await running.journal.append(b"after")
        await running.journal.append(b"and after that")
        expected = [b"before", b"there all the same", b"after", b"and after that"]
        assert expected == await bodies_of(running)
        assert 0 == running.counters.get("otel_voice_journal_set_aside", reason="corrupt")
    async with Running(tmp_path) as again:
        assert expected == await bodies_of(again)
        assert [b"one", b"two"] == [log for _, log in again.journal.log()]
        assert again.journal.waiting_bytes == sum(len(body) + 100 for body in expected)


async def test_a_request_that_counts_goes_on_although_its_sender_was_refused(tmp_path: Path) -> None:
    """Whether it comes back or not; one of which nothing was joined is its sender's."""
    async with Running(tmp_path) as running:
        disk = Disk(running)
        disk.refuses = 0
        await asyncio.gather(refused(running, b"counts", joined=True), refused(running, b"does not"))
        disk.refuses = None
        await running.journal.barrier()
        assert [b"counts"] == await bodies_of(running)


async def test_nobody_is_taken_until_what_counts_is_written(tmp_path: Path) -> None:
    """Not after a time, nor as soon as the disk takes a little: else each second more would count that does not go on."""
    async with Running(tmp_path) as running:
        disk = Disk(running)
        disk.refuses = 5
        running.kept.puts = [("series", b"k", b"1")]
        await refused(running, b"counts", joined=True)
        await asyncio.sleep(0.4)
        with pytest.raises(Retryable, match="No space left"):
            running.journal.admit(1)
        assert [] == [commit for commit in disk.commits if (b"series", b"k") in commit.puts], "state goes with what made it"
        assert 2 <= len(disk.commits), "room is made again and again"
        disk.refuses = None
        await running.journal.barrier()
        running.journal.admit(1)
        assert [b"counts"] == await bodies_of(running)


async def test_a_full_disk_is_freed_of_what_was_delivered_before_anything_is_written(tmp_path: Path) -> None:
    """One that takes no more than that goes on, too."""
    async with Running(tmp_path) as running:
        disk = Disk(running)
        for number in range(4):
            await running.journal.append(b"%d" % number)
        disk.refuses = 1
        await refused(running, b"counts", joined=True)
        running.journal.done("one", 3)
        await asyncio.sleep(0.3)
        assert 3 == running.journal._store.first
        disk.refuses = None
        await running.journal.barrier()
        assert [b"3", b"counts"] == await bodies_of(running)
