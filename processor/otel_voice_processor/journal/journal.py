"""The journal: what is acknowledged is on disk, together with the state that it made; destinations read from it at their own pace."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol, TypeVar

import grpc

from otel_voice_processor.claims import Claim
from otel_voice_processor.config import Storage
from otel_voice_processor.errors import FileUnusable, Retryable
from otel_voice_processor.journal import aside
from otel_voice_processor.journal.cursors import Cursors
from otel_voice_processor.journal.store import ENTRY_BYTES, META, TRAIL, Commit, Damaged, Full, Store
from otel_voice_processor.journal.tail import Tail
from otel_voice_processor.model import TRACES, Entry
from otel_voice_processor.rpc import Refused
from otel_voice_processor.state import Changes
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MIB: Final = 1 << 20
COMPANY_TURNS: Final = 8  # of the loop that a commit waits for others to come along: microseconds where it is idle, else a request each
COMPANY_S: Final = 0.02  # and how long at most
COMPANY_BYTES: Final = 4 << 20  # with so much it goes at once
SOON_S: Final = 0.05  # how long a cursor may wait for a commit of its own
AGAIN_S: Final = 1.0  # how long after a failed commit nothing is taken
NOTHING: Final = Changes(log=b"", puts=[], deletes=[], keep_log_from=0)
NOT_WRITTEN: Final = b"\0never"
T = TypeVar("T")


class Keeper(Protocol):
    """Who holds the state: says what a commit has to write of it. Never asked in the middle of a settling."""

    def changes(self, number: int, now_ns: int) -> Changes:
        """Return what changed since it was asked last."""
        ...

    def save_all(self) -> None:
        """Take nothing as written: the next changes are everything."""
        ...


@dataclass(slots=True)
class _Body:
    """A request for the next commit; one that is `ours` is tried until it is written, whoever has been asked to come back meanwhile."""

    signal: str
    arrived_ns: int
    body: bytes
    future: asyncio.Future[None] | None
    ours: bool


@dataclass(slots=True)
class _Waiting:
    """What goes into the next commit."""

    bodies: list[_Body] = field(default_factory=list)
    barriers: list[asyncio.Future[None]] = field(default_factory=list)
    meta: dict[tuple[bytes, bytes], bytes | None] = field(default_factory=dict)
    bytes: int = 0  # of the bodies, as they are going to count against the bound

    def add(self, bodies: Sequence[_Body]) -> None:
        """Put bodies before those that are there."""
        self.bodies[:0] = bodies
        self.bytes += sum(len(each.body) + ENTRY_BYTES for each in bodies)


class Journal:
    """Requests, cursors and state in group commits: while one is written, what comes in makes up the next.

    `state` is asked for its changes under `settling`, a lock that whoever settles holds, so that no commit holds half of a settling.
    """

    def __init__(
        self,
        directory: Path,
        config: Storage,
        counters: Counters,
        *,
        clock: Callable[[], int] = time.time_ns,
        settling: asyncio.Lock | None = None,
    ) -> None:
        self._directory, self._config, self._counters, self._clock = directory, config, counters, clock
        self._max_bytes = config.max_megabytes * MIB
        self._settling = settling or asyncio.Lock()
        self._claim = Claim(directory / "journal", "directory")
        self._store = Store(directory / "journal", max_bytes=self._max_bytes, fsync=config.fsync)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="otel-voice-journal")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="otel-voice-reader")
        self._waiting = _Waiting()
        self._kept: Commit | None = None  # what of a failed commit must not be lost: the state's changes
        self._tail = Tail()
        self._cursors = Cursors(counters)
        self._wanted, self._news = asyncio.Event(), asyncio.Event()
        self._full = False  # told, and not over
        self._soon = False  # whether a commit of cursors is on its way
        self._attempts = 0  # commits tried; each has a number of its own, since state notes in which one it was written
        self._keeper: Keeper | None = None
        self._meta: dict[tuple[bytes, bytes], bytes | None] = {}  # all that was set since the start
        self._written: dict[tuple[bytes, bytes], bytes | None] = {}  # of what is kept beside the state
        self._problem = ""  # of the last commit, until one with all that it owes has come through
        self._has_room = False  # whether a commit without requests came through after that
        self._reported: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def directory(self) -> Path:
        """Return the folder that holds it."""
        return self._directory

    @property
    def waiting_bytes(self) -> int:
        """Return the bytes held for destinations, as they count against the bound."""
        return self._store.bytes

    @property
    def is_running(self) -> bool:
        """Tell whether it commits what comes."""
        return self._task is not None

    @property
    def problem(self) -> str:
        """Return why no request is taken now, nothing where they are."""
        return self._problem or ("it is full" if self._full else "")

    @property
    def capacity_bytes(self) -> int:
        """Return the bytes that may be held for destinations."""
        return self._max_bytes

    @property
    def following(self) -> int:
        """Return the number of the next entry."""
        return self._store.next

    @property
    def uncommitted_bytes(self) -> int:
        """Return the bytes that wait for the next commit."""
        return self._waiting.bytes

    async def open(self, destinations: Sequence[str]) -> None:
        """Claim the folder, open what is there, set aside what cannot be read; raise `FileUnusable` where it cannot be used."""
        await self._in_writer(self._open)
        saved = self._store.get(META, b"cursors")
        self._store.go_on_from(commits=0, following=Cursors.highest(saved))
        self._cursors.begin(destinations, saved, first=self._store.first, following=self._store.next)
        self._count_saved()
        self._report_damage()

    def _open(self) -> None:
        folder = self._directory
        try:
            if not self._config.create_directory and not folder.is_dir():
                raise FileUnusable(f"`{folder}` is no folder, and `create_directory` is false")
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim.take()
            self._claim.remember(0, 0)
            self._counted(aside.open_or_set_aside(self._store, folder, self._clock()))
        except FileUnusable as error:
            self._claim.release()
            raise FileUnusable(f"`{folder}`: {error}") from None
        except OSError as error:
            self._claim.release()
            words = error.strerror or error
            raise FileUnusable(f"no journal can be kept in `{folder}`: {words}; `directory: none` or `--in-memory` does without") from None

    def _counted(self, events: Iterable[tuple[str, str]]) -> None:
        for name, reason in events:
            self._counters.add(name, reason=reason)

    def _count_saved(self) -> None:
        """Count what a journal that was saved from a damaged one tells of that, in the commit that lets go of it."""
        told = self._store.get(META, aside.TOLD)
        if told is not None:
            self._counted(aside.events_of(told))
            self.set_meta(aside.TOLD, None)

    def rows(self, database: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield what was saved of the state; between `open` and `start` alone."""
        return self._store.rows(database.encode())

    def log(self) -> Iterator[tuple[int, bytes]]:
        """Yield commits and their operations, oldest first; between `open` and `start` alone."""
        for key, value in self._store.rows(TRAIL):
            yield int.from_bytes(key, "big"), value

    def meta(self, key: bytes) -> bytes | None:
        """Return a value kept beside the state."""
        return self._store.get(META, key)

    def set_meta(self, key: bytes, value: bytes | None) -> None:
        """Keep a value, or forget it, from the next commit on."""
        self._meta[(META, key)] = self._waiting.meta[(META, key)] = value

    def start(self, keeper: Keeper, number: int = 0) -> None:
        """Begin to take requests; `number` is of the last commit that the keeper knows of."""
        self._keeper = keeper
        self._store.go_on_from(commits=number, following=0)
        self._report_damage()
        self._task = asyncio.create_task(self._committing())

    async def stop(self) -> None:
        """Commit what waits, and close; safe twice and before `start`."""
        self._stopping = True
        self._wanted.set()
        if self._task is not None:
            await self._task
            self._task = None
        for future in self._all_waiting():
            _fail(future, Retryable("the processor stops"))
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.shutdown(wait=True)
        self._writer.shutdown(wait=True)
        self._store.close()
        self._claim.release()

    def admit(self, size: int) -> None:
        """Raise `Retryable` where a request of so many bytes cannot be taken now, `Refused` where it never can."""
        if self._stopping:
            raise Retryable("the processor stops", AGAIN_S)
        if self._problem:  # before its events are joined: they would count, and it might never go on
            raise Retryable(self._problem, AGAIN_S)
        if size + ENTRY_BYTES > self._max_bytes:
            words = f"the request is larger than the journal may be, {self._config.max_megabytes} MiB"
            raise Refused(words, grpc.StatusCode.RESOURCE_EXHAUSTED)
        if self._store.bytes + self._waiting.bytes + size + ENTRY_BYTES > self._max_bytes:
            self._counters.add("otel_voice_journal_refused_requests")
            full = f"the journal is full: {self._config.max_megabytes} MiB wait for destinations"
            if not self._full:
                self._full = True
                waiting = ", ".join(f"{self.backlog(name)} requests for `{name}`" for name in self._cursors.names)
                LOG.error("%s; senders are asked to come back: %s", full, waiting)
            raise Full(full, AGAIN_S)
        if self._full:
            self._full = False
            LOG.warning("the journal has room again, requests are taken")

    def append(self, body: bytes, signal: str = TRACES, *, joined: bool = False) -> asyncio.Future[None]:
        """Put a request into the next commit; the future is done once it is on disk, or raises `Retryable`. `admit` comes first.

        One whose events are `joined` counts: should the disk refuse it, it is written later, whether its sender comes back or not.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(_Body(signal, self._clock(), body, future, ours=joined))
        return future

    def put(self, body: bytes, signal: str = TRACES) -> None:
        """Put a request of our own into the next commit, tried until it is written."""
        self._add(_Body(signal, self._clock(), body, None, ours=True))

    def _add(self, body: _Body) -> None:
        self._waiting.bodies.append(body)
        self._waiting.bytes += len(body.body) + ENTRY_BYTES
        self._wanted.set()

    def barrier(self) -> asyncio.Future[None]:
        """Return a future that is done once everything that happened until now is on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.barriers.append(future)
        self._wanted.set()
        return future

    def touch(self) -> None:
        """Say that the state has changed: a commit follows, whether a request comes or not."""
        self._wanted.set()

    async def read(self, number: int, max_bytes: int) -> list[Entry]:
        """Return entries from `number` on, in order, as many as `max_bytes` hold but one at least; wait until there is one."""
        while True:
            news = self._news
            if number < self._store.next:
                found = self._tail.read(number, max_bytes) or await self._in_reader(lambda: self._store.read(number, max_bytes))
                self._report_damage()
                if found:
                    return found
            await news.wait()

    def done(self, destination: str, number: int) -> None:
        """Note that everything below `number` is off a destination's hands; committed soon."""
        if self._cursors.move(destination, number) and not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_later(SOON_S, self._commit_cursors)

    def _commit_cursors(self) -> None:
        self._soon = False
        self._wanted.set()

    @property
    def gone(self) -> dict[str, tuple[int, int]]:
        """Return what waits for destinations that the config no longer names: by name from which entry up to which."""
        return self._cursors.gone

    def forget(self, destination: str) -> None:
        """Let go of what waits for a destination that the config no longer names, from the next commit on."""
        self._cursors.forget(destination)
        self._wanted.set()

    async def first(self, destination: str) -> int:
        """Return the number of the entry that a destination goes on with after a start."""
        return self._cursors.at(destination)

    def backlog(self, destination: str) -> int:
        """Return how many entries wait for a destination."""
        return self._store.next - self._cursors.at(destination)

    async def expire(self) -> None:
        """Give up entries older than `max_age`, counted by destination."""
        if self._config.max_age > 0 and self._store.first < self._store.next:
            limit = self._clock() - round(self._config.max_age * 1e9)
            young = await self._in_reader(lambda: self._store.older_than(limit))
            if self._cursors.expire(young):
                self._wanted.set()

    async def _committing(self) -> None:
        while not (self._stopping and not self._has_work()):
            await self._wanted.wait()
            await self._company()
            self._wanted.clear()
            try:
                failed = not await self._commit_once()
            except Exception:  # nothing may end this task: whoever waits for a commit would wait for ever
                LOG.exception("a commit tripped")
                failed = True
            if failed and self._stopping:
                break
            if failed:
                await asyncio.sleep(AGAIN_S)
                self._wanted.set()

    async def _company(self) -> None:
        """Let what is ready on the loop come into the same commit: on a fast disk there would else be one for each request."""
        now = asyncio.get_running_loop().time
        until = now() + COMPANY_S
        for _ in range(COMPANY_TURNS):
            if self._waiting.bytes >= COMPANY_BYTES or self._stopping or now() >= until:
                break
            await asyncio.sleep(0)

    def _has_work(self) -> bool:
        return self._wanted.is_set() or bool(self._waiting.bodies or self._waiting.barriers)

    async def _commit_once(self) -> bool:
        async with self._settling:
            waiting, self._waiting = self._waiting, _Waiting()
            bare = bool(self._problem) and not self._has_room
            try:
                commit = self._freeing() if bare else self._assembled(waiting)
            except Exception:
                LOG.exception("the state cannot be written")
                self._refuse(waiting, None, Retryable("the processor failed; its log says why"))
                return False
        if not self._problem and not _futures(waiting) and self._is_idle(commit):
            return True  # somebody who waits is told, also where there is nobody to read what came
        try:
            await self._in_writer(lambda: self._write(commit))
        except (OSError, Retryable) as error:
            self._refuse(waiting, None if bare else commit, error)
            return False
        except Damaged as damaged:
            self._refuse(waiting, None if bare else commit, Retryable("the journal is damaged: what can be read of it is being saved"))
            await self._repair(damaged)
            return False
        except Exception:
            LOG.exception("a commit failed")
            self._refuse(waiting, None if bare else commit, Retryable("the journal failed; its log says why"))
            return False
        if bare:
            self._put_back(waiting)
        else:
            self._written_again()
        self._written |= {at: value for at, value in commit.puts.items() if at[0] == META}
        self._tail.add(commit.entries, self._cursors.lowest(self._store.next))
        if self._store.first < self._cursors.lowest(self._store.next) and not self._stopping:
            self._wanted.set()  # a commit frees so many: what everybody has must not keep senders out
        news, self._news = self._news, asyncio.Event()
        news.set()
        for future in _futures(waiting):
            if not future.done():
                future.set_result(None)
        return True

    def _put_back(self, waiting: _Waiting) -> None:
        """Have what a commit that only made room left out go into the next one."""
        self._has_room = True
        self._waiting.add(waiting.bodies)
        self._waiting.barriers[:0] = waiting.barriers
        self._waiting.meta = waiting.meta | self._waiting.meta
        waiting.bodies, waiting.barriers = [], []
        self._wanted.set()

    def _written_again(self) -> None:
        if self._problem:
            LOG.warning("the journal can be written again, requests are taken")
        self._problem, self._has_room, self._kept = "", False, None

    def _freeing(self) -> Commit:
        """Return a commit that only lets go of what was delivered: a full disk may have room for no more, and then has room for the next.

        State, and the requests that made it, go together, and not with this one.
        """
        self._attempts = number = max(self._attempts, self._store.commits) + 1
        cursors = {(META, b"cursors"): self._cursors.packed()}
        return Commit(number=number, puts=cursors, keep_from=self._cursors.lowest(self._store.next))

    def _is_idle(self, commit: Commit) -> bool:
        """Tell whether a commit would only say again what is on disk: a quiet processor lets the disk rest."""
        news = (at for at, value in commit.puts.items() if at != (META, b"commit") and self._written.get(at, NOT_WRITTEN) != value)
        quiet = not commit.entries and not commit.log and commit.keep_from <= self._store.first and next(news, None) is None
        return quiet and not self._store.is_gone()

    def _write(self, commit: Commit) -> None:
        if self._store.is_gone():
            LOG.error("the journal in `%s` was deleted while it was in use: all that it holds is written anew", self._directory)
            if self._config.create_directory:
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim.take()
            self._claim.remember(0, 0)
            self._store.write_anew()
        self._store.commit(commit)

    async def set_aside(self, damaged: Damaged) -> None:
        """Begin with an empty journal, where what was found cannot be gone on with; between `open` and `start` alone."""
        await self._repair(damaged)
        self._cursors.begin(self._cursors.names, None, first=self._store.first, following=self._store.next)

    async def _repair(self, damaged: Damaged) -> None:
        """Set the journal aside and go on with what can be saved of it, and with the whole state as it is in memory."""
        try:
            self._counted(await self._in_writer(lambda: aside.set_aside(self._store, self._directory, self._clock(), damaged)))
        except (Retryable, OSError) as error:
            LOG.error("a damaged journal could not be replaced: %s", error)
        else:
            self._count_saved()
            if self._keeper is not None:
                self._keeper.save_all()
            self._waiting.meta = self._meta | self._waiting.meta
            self._written = {}
        self._tail.clear()

    def _assembled(self, waiting: _Waiting) -> Commit:
        """Return one commit of all that waits, and of what a failed one could not write of the state."""
        self._attempts = number = max(self._attempts, self._store.commits) + 1
        following = self._store.next
        entries = [
            Entry(number=following + at, signal=each.signal, arrived_ns=each.arrived_ns, body=each.body)
            for at, each in enumerate(waiting.bodies if self._cursors.names else ())  # else nobody reads them
        ]
        kept, changes = self._kept, self._keeper.changes(number, self._clock()) if self._keeper is not None else NOTHING
        puts = {} if kept is None else dict(kept.puts)
        puts |= {(database.encode(), key): value for database, key, value in changes.puts} | waiting.meta
        puts |= {(database.encode(), key): None for database, key in changes.deletes}
        puts[(META, b"cursors")] = self._cursors.packed()
        return Commit(
            number=number,
            entries=entries,
            log=({} if kept is None else dict(kept.log)) | ({number: changes.log} if changes.log else {}),
            puts=puts,
            keep_log_from=changes.keep_log_from,
            keep_from=self._cursors.lowest(following),
        )

    def _refuse(self, waiting: _Waiting, commit: Commit | None, error: Exception) -> None:
        """Ask the senders to come back, and keep what is ours for the next commit."""
        if str(error) != self._problem:
            LOG.error("nothing is taken until the journal can be written again: %s", error)
        self._counters.add("otel_voice_journal_failed_commits")
        self._problem, self._has_room = str(error), False
        self._kept = replace(commit, entries=[]) if commit is not None else self._kept  # whoever was refused sends it again
        if commit is None:
            self._waiting.meta = waiting.meta | self._waiting.meta
        for future in _futures(waiting):
            _fail(future, Retryable(self._problem, AGAIN_S))
        self._waiting.add([replace(each, future=None) for each in waiting.bodies if each.ours])

    def _report_damage(self) -> None:
        for name, count in self._store.damaged.items():
            new = count - self._reported.get(name, 0)
            if new:
                self._reported[name] = count
                self._counters.add("otel_voice_journal_damaged_rows", new, database=name)
                LOG.error("%d rows of `%s` in the journal are damaged and left out", new, name)

    def _all_waiting(self) -> list[asyncio.Future[None]]:
        waiting, self._waiting = self._waiting, _Waiting()
        return _futures(waiting)

    async def _in_writer(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, act)

    async def _in_reader(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, act)


def _futures(waiting: _Waiting) -> list[asyncio.Future[None]]:
    return [*(each.future for each in waiting.bodies if each.future is not None), *waiting.barriers]


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # a sender who has gone away asks for it no more
