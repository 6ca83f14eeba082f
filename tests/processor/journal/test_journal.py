"""The journal: what is acknowledged is there after a kill, each destination at its own pace, bounded, and never half a commit."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lmdb
import pytest
from otel_voice_processor.config import Storage
from otel_voice_processor.errors import FileUnusable, Retryable
from otel_voice_processor.forward import DeadLetters, park
from otel_voice_processor.journal import Journal
from otel_voice_processor.journal.aside import TOLD
from otel_voice_processor.journal.contents import contents_of
from otel_voice_processor.journal.store import Commit, Store
from otel_voice_processor.journal.verify import mark, problem_of
from otel_voice_processor.model import TRACES, Entry
from otel_voice_processor.rpc import Refused
from otel_voice_processor.state import Changes
from otel_voice_processor.telemetry import Counters

MIB = 1 << 20


@dataclass
class Kept:
    """A state of counters: each name's absolute value, and what was added in a log."""

    puts: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    log: bytes = b""
    numbers: list[int] = field(default_factory=list)
    saved_all: bool = False

    def changes(self, number: int, now_ns: int) -> Changes:
        self.numbers.append(number)
        changes = Changes(log=self.log, puts=self.puts, deletes=[], keep_log_from=0)
        self.puts, self.log = [], b""
        return changes

    def save_all(self) -> None:
        self.saved_all = True


class Running:
    """A journal that is open; `kill` leaves it as a killed process does, on disk as it is."""

    def __init__(self, directory: Path, destinations: tuple[str, ...] = ("one",), **config: object) -> None:
        self.counters, self.kept = Counters(), Kept()
        self.journal = Journal(directory, Storage(**config), self.counters)  # type: ignore[arg-type]
        self._destinations = destinations

    async def __aenter__(self) -> Running:
        await self.journal.open(self._destinations)
        self.journal.start(self.kept)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.journal.stop()


def below(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


async def filled(directory: Path, bodies: list[bytes], **config: object) -> None:
    async with Running(directory, **config) as running:  # type: ignore[arg-type]
        await asyncio.gather(*(running.journal.append(body) for body in bodies))


async def bodies_of(running: Running, number: int = 0) -> list[bytes]:
    found: list[bytes] = []
    at = max(number, running.journal._store.first)
    while at < running.journal._store.next:
        async with asyncio.timeout(5):
            entries = await running.journal.read(at, MIB)
        found += [entry.body for entry in entries]
        at = entries[-1].number + 1
    return found


async def test_what_was_acknowledged_is_read_in_order_after_a_restart(tmp_path: Path) -> None:
    bodies = [b"%d" % number * 1000 for number in range(300)]
    await filled(tmp_path, bodies)
    async with Running(tmp_path) as again:
        assert bodies == await bodies_of(again)


async def test_a_destination_goes_on_where_it_was_and_frees_what_all_have(tmp_path: Path) -> None:
    async with Running(tmp_path, ("one", "other")) as running:
        await asyncio.gather(*(running.journal.append(b"x" * 100) for _ in range(20)))
        running.journal.done("one", 15)
        running.journal.done("other", 7)
    async with Running(tmp_path, ("one", "other")) as again:
        assert (15, 7) == (await again.journal.first("one"), await again.journal.first("other"))
        assert 7 == again.journal._store.first


async def test_a_new_destination_begins_with_what_comes(tmp_path: Path) -> None:
    await filled(tmp_path, [b"a", b"b", b"c"])
    async with Running(tmp_path, ("one", "new")) as added:
        assert (0, 3) == (await added.journal.first("one"), await added.journal.first("new"))


async def test_what_waits_for_one_that_is_named_no_more_goes_to_the_dead_letters(tmp_path: Path) -> None:
    """Killed in the middle of it, the next start does it again; then it is in nobody's way."""
    await filled(tmp_path, [b"a" * 100, b"b" * 100])
    async with Running(tmp_path, ("new",)) as killed:
        assert {"one": (0, 2)} == killed.journal.gone
        await killed.journal.append(b"c")
    async with Running(tmp_path, ("new",)) as again:
        assert {"one": (0, 3)} == again.journal.gone
        letters = DeadLetters(tmp_path / "dead_letters", MIB, again.counters)
        await park(again.journal, letters, again.journal.gone, MIB)
        await letters.close()
        await again.journal.barrier()
        assert {} == again.journal.gone
        assert 2 == again.journal._store.first
        assert [b"c"] == await bodies_of(again, await again.journal.first("new"))
    assert [b"a" * 100, b"b" * 100, b"c"] == [path.read_bytes() for path in below(tmp_path, "dead_letters/*.pb")]
    assert 3 == again.counters.get("otel_voice_exporter_abandoned_requests", exporter="one")


async def test_a_full_journal_asks_to_come_back_and_takes_again_once_somebody_has_read(tmp_path: Path) -> None:
    async with Running(tmp_path, max_megabytes=1) as running:
        for _ in range(9):
            running.journal.admit(100_000)
            await running.journal.append(b"x" * 100_000)
        with pytest.raises(Retryable, match="full"):
            running.journal.admit(200_000)
        running.journal.done("one", 5)
        await running.journal.barrier()
        running.journal.admit(200_000)


async def test_what_waits_under_a_larger_bound_can_be_delivered_under_a_smaller_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is larger than the new bound would need: room to note what was delivered is added to that."""
    await filled(tmp_path, [bytes(MIB)] * 20, max_megabytes=64)
    monkeypatch.setattr("otel_voice_processor.journal.store._HEADROOM", MIB)
    async with Running(tmp_path, max_megabytes=1) as again:
        with pytest.raises(Retryable, match="full"):
            again.journal.admit(1)
        again.journal.done("one", 20)
        await again.journal.barrier()
        again.journal.admit(1)
        await again.journal.append(b"taken")
    async with Running(tmp_path, max_megabytes=1) as later:
        assert [b"taken"] == await bodies_of(later)


async def test_room_comes_back_as_soon_as_everybody_has_what_filled_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit frees a bounded number of requests; the next follows without being asked for."""
    monkeypatch.setattr("otel_voice_processor.journal.store.DROPPED_AT_ONCE", 10)
    await filled(tmp_path, [bytes(1000)] * 900, max_megabytes=1)
    async with Running(tmp_path, max_megabytes=1) as running:
        with pytest.raises(Retryable, match="full"):
            running.journal.admit(100_000)
        running.journal.done("one", 900)
        async with asyncio.timeout(10):
            while running.journal.waiting_bytes:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("what", ["state", "state/journal", "state/journal/data.mdb"])
async def test_deleted_while_it_is_in_use_it_is_written_anew(tmp_path: Path, what: str) -> None:
    """What was acknowledged before and after that is there at the next start, and a second processor is still kept off."""
    running = Running(tmp_path / "state")
    async with running:
        await running.journal.append(b"before")
        shutil.rmtree(tmp_path / what) if (tmp_path / what).is_dir() else (tmp_path / what).unlink()
        await running.journal.append(b"after")
        with pytest.raises(FileUnusable, match="another processor"):
            await Running(tmp_path / "state").journal.open(("one",))
        assert [0o600] == [path.stat().st_mode & 0o777 for path in below(tmp_path, "state/journal/data.mdb")]
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    async with Running(tmp_path / "killed") as again:
        assert [b"before", b"after"] == await bodies_of(again)


async def test_a_file_that_took_the_journals_place_is_left_alone(tmp_path: Path) -> None:
    """It may be another processor's: senders are asked to come back, for a start to sort it out."""
    await filled(tmp_path / "other", [b"another's"])
    async with Running(tmp_path / "state") as running:
        await running.journal.append(b"ours")
        (tmp_path / "state" / "journal" / "data.mdb").unlink()
        shutil.copy(tmp_path / "other" / "journal" / "data.mdb", tmp_path / "state" / "journal")
        with pytest.raises(Retryable, match="another file"):
            await running.journal.append(b"refused")
    async with Running(tmp_path / "state") as again:
        assert [b"another's"] == await bodies_of(again)


async def test_a_request_that_never_fits_is_refused_for_good(tmp_path: Path) -> None:
    async with Running(tmp_path, max_megabytes=1) as running:
        with pytest.raises(Refused, match="larger than the journal may be, 1 MiB"):
            running.journal.admit(MIB)


async def test_what_is_older_than_the_age_is_given_up_and_counted(tmp_path: Path) -> None:
    async with Running(tmp_path, max_age=3600.0) as running:
        clock = running.journal._clock
        running.journal._clock = lambda: clock() - 7200 * 10**9
        await asyncio.gather(*(running.journal.append(b"old") for _ in range(4)))
        running.journal._clock = clock
        await running.journal.append(b"young")
        await running.journal.expire()
        await running.journal.barrier()
        assert [b"young"] == await bodies_of(running)
        assert 4 == running.counters.get("otel_voice_exporter_expired_requests", exporter="one")


async def test_requests_that_come_a_turn_of_the_loop_apart_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy loop has a request ready each turn: they are written together, however fast the disk is."""
    monkeypatch.setattr("otel_voice_processor.journal.journal.COMPANY_S", 60.0)  # a machine that stalls must not part them
    async with Running(tmp_path, fsync=False) as running:
        waiting = []
        for number in range(5):
            waiting.append(running.journal.append(b"%d" % number))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert 1 == len(running.kept.numbers)
        assert [b"0", b"1", b"2", b"3", b"4"] == await bodies_of(running)


async def test_a_commit_of_much_waits_for_no_company(tmp_path: Path) -> None:
    """Past some megabytes a commit begins at once: what comes a turn later is in the next."""
    async with Running(tmp_path, fsync=False) as running:
        first = running.journal.append(bytes(5 * MIB))
        for _ in range(3):
            await asyncio.sleep(0)
        second = running.journal.append(b"small")
        await asyncio.gather(first, second)
        assert 2 == len(running.kept.numbers)


async def test_state_and_log_are_of_the_same_commit_as_the_request(tmp_path: Path) -> None:
    async with Running(tmp_path) as running:
        running.kept.puts.append(("series", b"k", b"1"))
        running.kept.log = b"first"
        await running.journal.append(b"body")
        running.journal.set_meta(b"instance", b"abc")
    async with Running(tmp_path) as again:
        assert [(b"k", b"1")] == list(again.journal.rows("series"))
        assert [b"first"] == [log for _, log in again.journal.log()]
        assert b"abc" == again.journal.meta(b"instance")


async def test_a_commit_that_fails_refuses_its_senders_and_keeps_the_state_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_voice_processor.journal.journal.AGAIN_S", 0.05)
    async with Running(tmp_path) as running:
        await running.journal.append(b"before")
        write = running.journal._store._write
        failing = True

        def broken(commit: object) -> object:
            if failing:
                raise lmdb.DiskError("No space left on device")
            return write(commit)  # type: ignore[arg-type]

        running.journal._store._write = broken  # type: ignore[method-assign,assignment]
        running.kept.puts, running.kept.log = [("series", b"k", b"1")], b"one"
        running.journal.put(b"ours")
        with pytest.raises(Retryable, match="No space left"):
            await running.journal.append(b"refused")
        with pytest.raises(Retryable, match="No space left"):
            running.journal.admit(1)
        failing = False
        running.kept.puts, running.kept.log = [("series", b"l", b"2")], b"two"
        await running.journal.barrier()
        assert [b"before", b"ours"] == await bodies_of(running)
    async with Running(tmp_path) as again:
        assert [(b"k", b"1"), (b"l", b"2")] == list(again.journal.rows("series"))
        assert [b"one", b"two"] == [log for _, log in again.journal.log()]
        assert len(set(running.kept.numbers)) == len(running.kept.numbers)


async def test_without_a_destination_whoever_waits_is_answered(tmp_path: Path) -> None:
    async with Running(tmp_path, destinations=()) as running:
        for _ in range(3):  # nothing of ours is in it: there is nothing to write
            await asyncio.wait_for(running.journal.append(b"body"), 5)
        assert 0 == running.journal.uncommitted_bytes


async def test_a_refused_request_is_not_held_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_voice_processor.journal.journal.AGAIN_S", 0.05)
    async with Running(tmp_path) as running:

        def broken(commit: object) -> object:
            raise lmdb.DiskError("No space left on device")

        write, running.journal._store._write = running.journal._store._write, broken  # type: ignore[method-assign,assignment]
        with pytest.raises(Retryable, match="No space left"):
            await running.journal.append(b"refused")
        assert running.journal._kept is not None
        assert () == tuple(running.journal._kept.entries)
        running.journal._store._write = write  # type: ignore[method-assign]
        await running.journal.barrier()
        assert [] == await bodies_of(running)


async def test_a_quiet_processor_lets_the_disk_rest(tmp_path: Path) -> None:
    async with Running(tmp_path) as running:
        await running.journal.append(b"body")
        running.journal.done("one", 1)
        await running.journal.barrier()
        commit, written = running.journal._store.commit, list[Commit]()
        running.journal._store.commit = lambda each: (written.append(each), commit(each))  # type: ignore[method-assign,assignment,return-value]
        for _ in range(20):
            running.journal.set_meta(b"open_calls", b"0")
            running.journal.touch()
            await asyncio.sleep(0.01)
        assert 1 >= len(written)
        running.kept.puts.append(("series", b"k", b"1"))
        running.journal.touch()
        await asyncio.sleep(0.2)
        assert 0 < len(written) <= 2


async def test_a_second_processor_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    async with Running(tmp_path):
        with pytest.raises(FileUnusable, match=r"another processor \(process \d+\).*`directory`"):
            await Running(tmp_path).journal.open(["one"])


def _cut(data: bytearray) -> None:
    del data[len(data) // 2 :]


def _empty(data: bytearray) -> None:
    data.clear()


def _garbage(data: bytearray) -> None:
    data[:] = b"garbage" * 5000


def _torn_last_page(data: bytearray) -> None:
    data[-4096:] = b"\xff" * 4096


@pytest.mark.parametrize("damage", [_cut, _empty, _garbage, _torn_last_page])
async def test_a_damaged_journal_is_set_aside_and_never_stops_a_start(tmp_path: Path, damage: Callable[[bytearray], None]) -> None:
    await filled(tmp_path, [b"%d" % number * 1000 for number in range(100)])
    file = tmp_path / "journal" / "data.mdb"
    data = bytearray(file.read_bytes())
    damage(data)
    file.write_bytes(data)
    async with Running(tmp_path) as again:
        read = await bodies_of(again)
        with contextlib.suppress(Retryable):  # damage that is met at the first commit is mended there
            await again.journal.append(b"goes on")
        await again.journal.append(b"goes on")
        assert set(read) <= {b"%d" % number * 1000 for number in range(100)}
        told = again.counters.total("otel_voice_journal_set_aside") + again.counters.total("otel_voice_journal_damaged_rows")
        assert told or len(read) == 100
        kept = [path.read_bytes() for path in below(tmp_path, "set_aside/*/journal/data.mdb")]
        assert kept == ([bytes(data)] if again.counters.total("otel_voice_journal_set_aside") else [])


def reader_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put something in the place of the interpreter that reads a journal."""
    file = tmp_path / "reader"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o700)
    monkeypatch.setattr("otel_voice_processor.journal.verify.sys.executable", str(file))


@pytest.mark.parametrize(
    "script", ["kill -TERM $$", "kill -KILL $$", "echo 'No module named' >&2; exit 1", 'ulimit -v 50000; exec PYTHON "$@"']
)
async def test_where_reading_fails_for_another_reason_a_sound_journal_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """A service manager that stops every process of a service, too little memory: that says nothing of the journal."""
    await filled(tmp_path / "state", [bytes(2 * MIB)] * 20)
    with monkeypatch.context() as now:
        reader_that(tmp_path, now, script.replace("PYTHON", sys.executable))
        with pytest.raises(FileUnusable, match="whether the journal is whole cannot be told"):
            await Running(tmp_path / "state").journal.open(("one",))
    assert [] == below(tmp_path / "state", "set_aside/*")
    async with Running(tmp_path / "state") as again:
        assert 20 == len(await bodies_of(again))
        assert 0 == again.counters.total("otel_voice_journal_set_aside")


async def test_where_saving_fails_for_another_reason_the_damaged_journal_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while it is copied, it is copied by the next start, with nothing lost but what is damaged; that is told then."""
    await filled(tmp_path / "state", [b"%d" % number * 1000 for number in range(100)])
    file = tmp_path / "state" / "journal" / "data.mdb"
    data = bytearray(file.read_bytes())
    _cut(data)
    file.write_bytes(data)
    with monkeypatch.context() as now:
        reader_that(tmp_path, now, f'test "$5" = queue && kill -TERM $$; exec {sys.executable} "$@"')
        with pytest.raises(FileUnusable, match="stopped by signal 15"):
            await Running(tmp_path / "state").journal.open(("one",))
    assert data == file.read_bytes()
    async with Running(tmp_path / "state") as again:
        assert 1 == again.counters.get("otel_voice_journal_set_aside", reason="corrupt")
        told = again.counters.total("otel_voice_journal_lost_databases")
        assert told
    async with Running(tmp_path / "state") as later:  # told once
        assert 0 == later.counters.total("otel_voice_journal_set_aside")


async def test_what_was_saved_takes_the_journals_place_whatever_killed_us_between(tmp_path: Path) -> None:
    """Between any two steps of setting aside: what was saved is complete, or not there."""
    await filled(tmp_path / "once", [b"saved"])
    mark(tmp_path / "once" / "journal", TOLD, b'[["otel_voice_journal_set_aside", "corrupt"]]')
    for case in ("beside the damaged one", "alone"):
        if case != "alone":
            await filled(tmp_path / case, [b"damaged"])
        shutil.copytree(tmp_path / "once" / "journal", tmp_path / case / "journal.saved")
        async with Running(tmp_path / case) as again:
            assert [b"saved"] == await bodies_of(again)
            assert 1 == again.counters.get("otel_voice_journal_set_aside", reason="corrupt")
        assert (1 if case != "alone" else 0) == len(below(tmp_path / case, "set_aside/*-corrupt"))


def test_a_journal_that_is_being_written_is_looked_through_without_harm(tmp_path: Path) -> None:
    """Beside a processor its pages stay until they were read: a busy journal is not called damaged."""
    store, stop = Store(tmp_path, max_bytes=64 * MIB, fsync=False), threading.Event()
    store.open()

    def entries(count: int) -> list[Entry]:
        return [Entry(number=store.next + at, signal=TRACES, arrived_ns=1, body=bytes(200)) for at in range(count)]

    def writing() -> None:
        while not stop.is_set():
            store.commit(Commit(number=store.commits + 1, entries=entries(500), keep_from=store.next - 20_000))

    store.commit(Commit(number=1, entries=entries(20_000)))
    thread = threading.Thread(target=writing)
    thread.start()
    try:
        assert [None] * 4 == [problem_of(tmp_path, beside=True) for _ in range(4)]
    finally:
        stop.set()
        thread.join()
        store.close()


async def test_a_journal_whose_first_start_was_cut_short_is_told_in_a_line(tmp_path: Path) -> None:
    """LMDB makes its file first and our databases after that."""
    with lmdb.open(str(tmp_path / "journal"), max_dbs=1):
        pass
    with pytest.raises(FileUnusable, match="cut short"):
        contents_of(tmp_path)
    async with Running(tmp_path) as running:
        await running.journal.append(b"taken")
    assert 1 == contents_of(tmp_path).requests


async def test_a_body_that_rots_is_left_out_and_the_others_arrive(tmp_path: Path) -> None:
    bodies = [bytes([number]) * 8000 for number in range(1, 100)]
    await filled(tmp_path, bodies)
    file = tmp_path / "journal" / "data.mdb"
    data = bytearray(file.read_bytes())
    at = data.find(bodies[50])
    data[at + 4000] ^= 1
    file.write_bytes(data)
    async with Running(tmp_path) as again:
        assert bodies[:50] + bodies[51:] == await bodies_of(again)
        assert 1 == again.counters.get("otel_voice_journal_damaged_rows", database="queue")


async def test_a_journal_of_a_later_version_is_set_aside_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr("otel_voice_processor.journal.store.FORMAT", 2)
        await filled(tmp_path, [b"of the later version"])
    async with Running(tmp_path) as again:
        assert [] == await bodies_of(again)
        assert 1 == again.counters.get("otel_voice_journal_set_aside", reason="newer")
    (aside,) = below(tmp_path, "set_aside/*")
    monkeypatch.setattr("otel_voice_processor.journal.store.FORMAT", 2)
    async with Running(aside) as upgraded:
        assert [b"of the later version"] == await bodies_of(upgraded)
