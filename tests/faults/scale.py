"""Faults at a scale that no other test has: very many open calls, very many requests that wait, very large ones.

Tests run them short, `tests/full/scale.py` long.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import lmdb
from otel_voice_processor.config import Storage
from otel_voice_processor.journal import Journal
from otel_voice_processor.journal.contents import contents_of
from otel_voice_processor.journal.store import DATABASES, QUEUE
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_processor.state import Changes
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import request_of
from otel_voice_schema import events as e

from otel_voice.emit import derive_ids
from tests.faults.downstream import TRACES, Downstream
from tests.faults.otlp import Foreign, field, groups
from tests.faults.outcome import Outcome, Sent, Undisturbed
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.faults.survival import Reader, until

MIB = 1 << 20
S = 1_000_000_000
SEEDED = "call_of_template"  # as long as the ids that take its place
TOGETHER = 200  # calls in one request
CHANNELS = 4


@dataclass(frozen=True, slots=True)
class Template:
    """A call in two requests, which holds one interruption; ids of the same length take the place of its own."""

    trace_id: bytes
    head: bytes
    tail: bytes

    def of(self, call_id: str) -> tuple[bytes, bytes]:
        """Return the two requests of another call."""
        trace_id = derive_ids(call_id)[0].to_bytes(16, "big")
        head, tail = (part.replace(SEEDED.encode(), call_id.encode()).replace(self.trace_id, trace_id) for part in (self.head, self.tail))
        return head, tail


def templates(several: int) -> list[Template]:
    """Return so many calls, each cut after the first decision about an interruption, with what is told shortly before and after it."""
    found = []
    for script in simulate(20_261_128, several * 2):
        events = events_of(script, start_ns=time.time_ns() - 900 * S, call_id=SEEDED)
        decided = next((at for at, event in enumerate(events) if event.name == e.DECISION_MADE), None)
        if decided is not None:
            head, tail = [events[0], *events[max(1, decided - 6) : decided + 1]], [*events[decided + 1 : decided + 5], events[-1]]
            found.append(Template(events[0].trace_id, request_of(head), request_of(tail)))
    return found[:several]


def calls(made: list[Template], first: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the heads of some calls as one request, and their tails as another, until there were `count` calls."""
    for start in range(first, first + count, TOGETHER):
        numbers = range(start, min(start + TOGETHER, first + count))
        parts = [made[number % len(made)].of(f"call_{number:011d}") for number in numbers]
        yield b"".join(head for head, _ in parts), b"".join(tail for _, tail in parts)


@dataclass(slots=True)
class Memory:
    """The most that a process held, in MiB: resident without what is mapped from files."""

    anonymous: int = 0
    resident: int = 0

    async def watch(self, processor: Processor) -> None:
        """Look ten times a second until cancelled; a process that is gone says nothing."""
        while True:
            self.look(processor)
            await asyncio.sleep(0.1)

    def look(self, processor: Processor) -> None:
        """Look once."""
        try:
            text = Path(f"/proc/{processor.process.pid}/status").read_text(encoding="ascii") if processor.process else ""
        except OSError:
            return
        sizes = {
            name: int(value.split()[0]) >> 10 for name, _, value in (line.partition(":") for line in text.splitlines()) if "kB" in value
        }
        self.anonymous, self.resident = max(self.anonymous, sizes.get("RssAnon", 0)), max(self.resident, sizes.get("VmRSS", 0))


@dataclass(slots=True)
class Seen:
    """What a run saw: figures in words, and what was wrong."""

    lines: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)

    def say(self, name: str, words: str) -> None:
        self.lines.append(f"{name:<22}{words}")

    def check(self, holds: bool, words: str) -> None:
        if not holds:
            self.problems.append(words)


@asynccontextmanager
async def watched(processor: Processor) -> AsyncIterator[Memory]:
    """Start a processor and watch its memory, also when it is started again; kill it at the end."""
    memory = Memory()
    await asyncio.to_thread(processor.start)
    task = asyncio.create_task(memory.watch(processor))
    try:
        yield memory
    finally:
        task.cancel()
        processor.kill()


HalfWay = tuple[int, Callable[[], Coroutine[Any, Any, float]], list[float]]


async def send_all(port: int, bodies: Iterable[bytes], lanes: int, *, half_way: HalfWay | None = None, keep: bool = True) -> list[bytes]:
    """Send requests by so many lanes over a few channels, each until it is answered OK; return them, unless they are not to be kept.

    `half_way` is after how many what is done beside it, and where what that returns goes.
    """
    coming, sent, acting = iter(bodies), 0, list[asyncio.Task[float]]()
    async with AsyncExitStack() as stack:
        senders = [await stack.enter_async_context(Sender(port)) for _ in range(min(CHANNELS, lanes))]

        async def lane(sender: Sender) -> None:
            nonlocal sent
            for body in coming:
                await sender.send(body)
                sent += 1
                if not keep:
                    sender.acked.clear()
                if half_way is not None and sent == half_way[0]:
                    acting.append(asyncio.create_task(half_way[1]()))

        await asyncio.gather(*(lane(senders[number % len(senders)]) for number in range(lanes)))
        if half_way is not None:
            half_way[2].extend(await asyncio.gather(*acting))
    return [body for sender in senders for body in sender.acked]


async def kill_and_start(processor: Processor) -> float:
    """End it by SIGKILL and start it again; return how many seconds it took until a request is answered OK."""
    await asyncio.to_thread(processor.kill)
    begun = time.monotonic()
    await asyncio.to_thread(processor.start)
    async with Sender(processor.port) as sender:
        await sender.send(b"")  # a request of nothing; its port is open before its journal is read
    return time.monotonic() - begun


async def open_calls(folder: Path, count: int, *, patience_s: float = 120.0) -> Seen:
    """Kill a processor that holds `count` open calls, and once more while they end; hold what comes of them against an undisturbed run."""
    seen, made, directory = Seen(), templates(20), folder / "state"
    more = {"processors": {"voice_interruption": {"settle_after": "5s", "expire_after": "20m", "max_calls": count}}}
    with Downstream(folder) as downstream:
        processor = Processor(folder, downstream.endpoint, downstream.http_endpoint, directory=directory, more=more)
        async with watched(processor) as memory:
            begun = time.monotonic()
            sent = await send_all(processor.port, (head for head, _ in calls(made, 0, count)), 4)
            seen.say("open calls", f"{count:,}, begun within {time.monotonic() - begun:.0f} s")
            ready_s = await kill_and_start(processor)
            await asyncio.sleep(7.0)  # past `settle_after`: nobody's quiet is taken for an end
            held = await asyncio.to_thread(contents_of, directory)
            seen.say("kill -9, all open", f"{ready_s:.1f} s from start to an answer, journal {held.file_bytes / MIB:.0f} MiB")
            seen.say("open after it", f"{held.open_calls:,}")
            seen.check(held.open_calls == count, f"{held.open_calls} of {count} calls are open after the kill")
            tails, took = (tail for _, tail in calls(made, 0, count)), list[float]()
            sent += await send_all(processor.port, tails, 4, half_way=(count // TOGETHER // 2, lambda: kill_and_start(processor), took))
            seen.say("kill -9, half ended", f"{took[0]:.1f} s from start to an answer")
            begun, reader = time.monotonic(), Reader(downstream)
            await until(lambda: _settled(reader, count), patience_s, f"{count} calls settle")
            seen.say("all settled", f"{time.monotonic() - begun:.0f} s after the last of them had ended")
            await asyncio.sleep(2.0)
            reader.go_on()
            assert 0 == await asyncio.to_thread(processor.stop, 60.0), processor.said()[-3000:]
    acked = Sent()
    acked.add(sent)
    outcome = Outcome(sent=acked, delivered=reader.delivered, pushes=reader.pushes, kills=2, starts=processor.starts, log=processor.said())
    (other := folder / "undisturbed").mkdir()  # nobody waits for it
    expected = await _undisturbed(other, made, count, more)
    problems = outcome.problems(expected)
    seen.say("memory, at most", f"{memory.anonymous} MiB, {memory.resident} MiB with what is mapped")
    seen.say("against undisturbed", f"{len(expected.summaries):,} records and {len(expected.totals):,} totals: {len(problems)} differences")
    seen.problems += problems
    return seen


def _settled(reader: Reader, count: int) -> bool:
    reader.go_on()
    return reader.delivered.calls() >= count and reader.pushes.total("voice.calls") >= count


async def _undisturbed(folder: Path, made: list[Template], count: int, more: dict[str, Any]) -> Undisturbed:
    """Return what the same calls come to in memory, sent one after the other."""
    with Downstream(folder) as downstream:
        processor = Processor(folder, downstream.endpoint, downstream.http_endpoint, more=more)
        async with watched(processor):
            await send_all(processor.port, (body for both in calls(made, 0, count) for body in both), 1)
            assert 0 == await asyncio.to_thread(processor.stop, 600.0), processor.said()[-3000:]
        reader = Reader(downstream)
        reader.go_on()
    one = {key: told_as[0] for key, told_as in reader.delivered.summaries.items()}
    return Undisturbed(summaries=one, totals=reader.pushes.totals())


class Nothing:
    """The state of a processor that has none."""

    def changes(self, number: int, now_ns: int) -> Changes:
        return Changes(log=b"", puts=[], deletes=[], keep_log_from=0)

    def save_all(self) -> None:
        pass


async def filled(directory: Path, bodies: Iterable[bytes]) -> list[bytes]:
    """Put requests into a journal as a processor does, but without one: a sender needs a hundred times as long."""
    journal, done, coming = Journal(directory, Storage(), Counters()), list[bytes](), iter(bodies)
    await journal.open(("otlp_grpc",))
    journal.start(Nothing())
    try:
        while some := list(islice(coming, 2_000)):
            await asyncio.gather(*map(journal.append, some))
            done += some
    finally:
        await journal.stop()
    return done


async def small_requests(
    folder: Path, there: int, more_come: int, *, lanes: int = 64, batch: int = 3_670_016, patience_s: float = 300.0
) -> Seen:
    """Have requests of one span wait for a destination that is dead: `there` when it starts, and `more_come`.

    Kill when half of those have come, when all have, and while all are delivered in requests of `batch` bytes. All arrive, in each of these
    in the order in which they came.
    """
    seen, others, directory, took = Seen(), Foreign(17), folder / "state", list[float]()
    sent, count = await filled(directory, (others.request(1) for _ in range(there))), there + more_come
    more = {"exporters": {"otlp_grpc": {"sending_queue": {"batch": {"max_size": batch}}}}}
    with Downstream(folder) as downstream:
        downstream.tell(mode="dead")
        processor = Processor(folder, downstream.endpoint, directory=directory, more=more)
        async with watched(processor) as memory:
            begun, bodies = time.monotonic(), (others.request(1) for _ in range(more_come))
            sent += await send_all(processor.port, bodies, lanes, half_way=(more_come // 2, lambda: kill_and_start(processor), took))
            rate = more_come / (time.monotonic() - begun)
            how = f"{there:,} put there by the journal's code, {more_come:,} sent, {rate:,.0f} a second"
            seen.say("requests that wait", f"{count:,} of {sum(map(len, sent)) / count:.0f} bytes; {how}")
            seen.say("kill -9, as they come", f"{took[0]:.1f} s from start to an answer")
            seen.say("memory until then", f"{memory.anonymous} MiB, {memory.resident} MiB with what is mapped")
            ready_s = await kill_and_start(processor)
            held = await asyncio.to_thread(contents_of, directory)
            seen.say("kill -9, all there", f"{ready_s:.1f} s from start to an answer, journal {held.file_bytes / MIB:.0f} MiB")
            seen.check(held.requests >= count, f"{held.requests} of {count} requests wait after the kill")
            await _drained(seen, processor, downstream, {group for body in sent for group in groups(body)}, patience_s)
            seen.say("memory, at most", f"{memory.anonymous} MiB, {memory.resident} MiB with what is mapped")
            assert 0 == await asyncio.to_thread(processor.stop), processor.said()[-3000:]
    seen.problems += [f"in the log: {line}" for line in processor.said().splitlines() if "Traceback" in line]
    return seen


def _numbers(directory: Path) -> dict[bytes, int]:
    """Return the number of each request in a journal, without those that are there twice, since their sender sent them again."""
    with (
        lmdb.open(str(directory / "journal"), readonly=True, max_dbs=len(DATABASES)) as env,
        env.begin(db=env.open_db(QUEUE, create=False)) as reader,
    ):
        rows = [(bytes(body), int.from_bytes(key, "big")) for key, body in reader.cursor()]
    once = Counter(body for body, _ in rows)
    return {body: number for body, number in rows if once[body] == 1}


async def _drained(seen: Seen, processor: Processor, downstream: Downstream, wanted: set[bytes], patience_s: float) -> None:
    """Let downstream come back, kill once while what waits is delivered, and wait until all is there; each batch in the journal's order."""
    assert processor.directory is not None
    follow, arrived = downstream.follow(), Counter[bytes]()
    numbers, unordered, batches = await asyncio.to_thread(_numbers, processor.directory), 0, 0

    def there(many: int) -> bool:
        nonlocal unordered, batches
        for kind, taken, body in follow():
            if kind == TRACES and taken:
                came = list(groups(body))
                order = [numbers[group] for group in (field(1, each) for each in came) if group in numbers]
                unordered += order != sorted(order)
                arrived.update(came)
                batches += 1
        return len(arrived) >= many

    begun = time.monotonic()
    downstream.tell(mode="ok")
    await until(lambda: there(len(wanted) // 3), patience_s, "a third arrives")
    before = len(arrived)
    ready_s = await kill_and_start(processor)
    seen.say("kill -9, being sent", f"{ready_s:.1f} s from start to an answer, with {len(wanted) - before:,} to send")
    await until(lambda: there(len(wanted)), patience_s, "all arrive")
    took, again = time.monotonic() - begun, arrived.total() - len(arrived)
    seen.say(
        "delivered", f"{len(wanted):,} in {took:.0f} s with that kill, in {batches:,} requests, each in order; {again:,} arrived again"
    )
    seen.check(wanted == arrived.keys(), "not what was sent arrived")
    seen.check(not unordered, f"{unordered} requests went on out of order")
    seen.check(len(numbers) > len(wanted) * 0.9, f"the journal holds {len(numbers)} requests once")


async def large_bodies(
    folder: Path, *, mib: int, count: int, kills: int, limit_mib: int, lanes: int = 6, patience_s: float = 120.0
) -> Seen:
    """Send requests of `mib` MiB, so many at once, and kill now and then meanwhile; all arrive whole, and memory stays below a bound."""
    seen, rng, directory = Seen(), random.Random(23), folder / "state"
    more = {"processors": {"memory_limiter": {"limit_mib": limit_mib, "check_interval": "1s"}}}
    padding = rng.randbytes(mib * MIB - 300)
    with Downstream(folder) as downstream:
        processor = Processor(folder, downstream.endpoint, directory=directory, more=more)
        async with watched(processor) as memory:
            bodies = (_large(padding, number) for number in range(count))
            wanted, arrived, follow = {_digest(_large(padding, number)) for number in range(count)}, Counter[bytes](), downstream.follow()
            sending = asyncio.create_task(send_all(processor.port, bodies, lanes, keep=False))
            took = list[float]()
            for _ in range(kills):
                await asyncio.sleep(rng.uniform(0.5, 3.0))
                took.append(await kill_and_start(processor))
            died = processor.process
            await sending

            def whole() -> bool:
                arrived.update(_digest(body) for kind, taken, body in follow() if kind == TRACES and taken and len(body) > MIB)
                return wanted <= arrived.keys()

            await until(whole, patience_s, "all arrive whole")
            seen.check(wanted == arrived.keys(), "more arrived than was sent")
            seen.check(died is processor.process and died is not None and died.poll() is None, "it died of it")
            seen.say(
                "requests",
                f"{count} of {mib} MiB, {lanes} at once, {kills} kills; all arrived whole, {arrived.total() - count} again",
            )
            seen.say("kill -9", f"{min(took):.1f} to {max(took):.1f} s from start to an answer")
            most = limit_mib + 2 * lanes * mib  # between two looks at memory each may come, and stand in a transaction as well
            seen.check(memory.anonymous <= most, f"{memory.anonymous} MiB of memory were held")
            seen.say("memory, at most", f"{memory.anonymous} MiB, the limit is {limit_mib} MiB; {memory.resident} MiB with what is mapped")
            assert 0 == await asyncio.to_thread(processor.stop), processor.said()[-3000:]
    seen.problems += [f"in the log: {line}" for line in processor.said().splitlines() if "Traceback" in line]
    return seen


def _large(padding: bytes, number: int) -> bytes:
    """Return a request of one large span that no other equals."""
    one = field(1, number.to_bytes(16, "big")) + field(2, number.to_bytes(8, "big")) + field(5, b"large") + field(1007, padding)
    return field(1, field(2, field(2, one)))


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
