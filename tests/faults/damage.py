"""Journals damaged in every way between two starts, and what a processor makes of them."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lmdb
import msgpack
from otel_voice_processor.journal.store import META, sealed

from tests.faults.downstream import Downstream
from tests.faults.load import Load
from tests.faults.outcome import PREFIX, Sent
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.faults.survival import Reader, until

PAGE = 4096
QUICK = {"processors": {"voice_interruption": {"settle_after": "1s", "expire_after": "2s"}}}
Damage = Callable[[Path, random.Random], None]


def empty(data: Path, _: random.Random) -> None:
    data.write_bytes(b"")


def garbage(data: Path, rng: random.Random) -> None:
    data.write_bytes(rng.randbytes(data.stat().st_size))


def a_text(data: Path, _: random.Random) -> None:
    data.write_text("this is no journal\n")


def one_page_left(data: Path, _: random.Random) -> None:
    data.write_bytes(data.read_bytes()[:PAGE])


def half_left(data: Path, _: random.Random) -> None:
    data.write_bytes(data.read_bytes()[: data.stat().st_size // PAGE // 2 * PAGE])


def end_torn(data: Path, _: random.Random) -> None:
    data.write_bytes(data.read_bytes()[:-100])


def last_page_half_written(data: Path, rng: random.Random) -> None:
    data.write_bytes(data.read_bytes()[: -PAGE // 2] + rng.randbytes(PAGE // 2))


def head_wiped(data: Path, _: random.Random) -> None:
    data.write_bytes(bytes(2 * PAGE) + data.read_bytes()[2 * PAGE :])


def newest_head_wiped(data: Path, _: random.Random) -> None:
    """Wipe one of LMDB's two heads: the other is of the commit before."""
    body = bytearray(data.read_bytes())
    newest = max((0, 1), key=lambda page: int.from_bytes(body[page * PAGE + 144 : page * PAGE + 152], "little"))
    body[newest * PAGE : (newest + 1) * PAGE] = bytes(PAGE)
    data.write_bytes(body)


def pages_overwritten(count: int) -> Damage:
    def damage(data: Path, rng: random.Random) -> None:
        body = bytearray(data.read_bytes())
        for _ in range(count):
            page = rng.randrange(2, len(body) // PAGE)
            body[page * PAGE : (page + 1) * PAGE] = rng.randbytes(PAGE)
        data.write_bytes(body)

    damage.__name__ = f"{count}_pages_overwritten"
    return damage


def bits_flipped(data: Path, rng: random.Random) -> None:
    body = bytearray(data.read_bytes())
    for _ in range(200):
        body[rng.randrange(2 * PAGE, len(body))] ^= 1 << rng.randrange(8)
    data.write_bytes(body)


def pages_swapped(data: Path, rng: random.Random) -> None:
    """Swap pages, so that each is whole and in the wrong place."""
    body = bytearray(data.read_bytes())
    for _ in range(10):
        one, other = (rng.randrange(2, len(body) // PAGE) * PAGE for _ in range(2))
        body[one : one + PAGE], body[other : other + PAGE] = body[other : other + PAGE], body[one : one + PAGE]
    data.write_bytes(body)


def lock_garbage(data: Path, rng: random.Random) -> None:
    data.with_name("lock.mdb").write_bytes(rng.randbytes(8192))


def rows_changed(data: Path, rng: random.Random) -> None:
    """Change a byte of every third value of every database, by LMDB itself: its pages are sound, our checksums are not."""
    with lmdb.open(str(data.parent), max_dbs=20, map_size=1 << 30) as env:
        with env.begin() as txn:
            names = [bytes(name) for name, _ in txn.cursor()]
        for name in names:
            if name == META:
                continue
            db = env.open_db(name)
            with env.begin(db=db, write=True) as txn:
                for key, value in [*txn.cursor()][::3]:
                    at = rng.randrange(len(value))
                    txn.put(key, value[:at] + bytes([value[at] ^ 0x55]) + value[at + 1 :])


def own_rows(data: Path) -> list[bytes]:
    """Return the keys of what a journal knows of itself."""
    with lmdb.open(str(data.parent), max_dbs=20, readonly=True, lock=False) as env, env.begin(db=env.open_db(META, create=False)) as txn:
        return [bytes(key) for key, _ in txn.cursor()]


def own_row_changed(data: Path, name: bytes) -> None:
    """Change the last byte of one of them."""
    with lmdb.open(str(data.parent), max_dbs=20, map_size=1 << 30) as env:
        db = env.open_db(META)
        with env.begin(db=db, write=True) as txn:
            value = txn.get(name) or b"\0"
            txn.put(name, value[:-1] + bytes([value[-1] ^ 1]))


def marked(data: Path, key: bytes, value: bytes) -> None:
    """Say that a journal, or the state in it, is of another format."""
    with lmdb.open(str(data.parent), max_dbs=20, map_size=1 << 30) as env:
        db = env.open_db(META)
        with env.begin(db=db, write=True) as txn:
            assert txn.get(key)
            txn.put(key, sealed(key, value))


def from_the_future(data: Path, _: random.Random) -> None:
    marked(data, b"journal_format", (99).to_bytes(8, "big"))


def state_from_the_future(data: Path, _: random.Random) -> None:
    marked(data, b"format", msgpack.packb([99]) or b"")


INSIDE = (pages_overwritten(1), pages_overwritten(5), pages_overwritten(40), bits_flipped, pages_swapped, rows_changed)
NO_DOUBT = (
    empty,
    garbage,
    a_text,
    one_page_left,
    half_left,
    head_wiped,
    from_the_future,
    state_from_the_future,
)  # nobody could take these for whole
EVERY = (*NO_DOUBT, end_torn, last_page_half_written, newest_head_wiped, *INSIDE, lock_garbage)


@dataclass(frozen=True, slots=True)
class Left:
    """The journal that a killed processor left, with requests that wait and calls that are open, and what it had acknowledged."""

    state: Path
    sent: Sent


async def left_by_a_kill(folder: Path) -> Left:
    """Make one: twelve calls, of which six have settled, and requests that all wait for downstream."""
    load = Load(31, 12)
    with Downstream(folder) as downstream:
        downstream.tell(mode="dead")
        processor = Processor(folder, downstream.endpoint, directory=folder / "state", more=QUICK)
        await asyncio.to_thread(processor.start)
        async with Sender(processor.port) as sender:
            large, small = load.large(), load.small()
            for number in range(12):
                await sender.send(next(large))
                await sender.send(next(small))
                for body in load.call(number):
                    await sender.send(body)
                if number == 5:
                    await asyncio.sleep(3.0)  # these six settle
        processor.kill()
    sent = Sent()
    sent.add(sender.acked)
    return Left(folder / "state", sent)


@dataclass(slots=True)
class Found:
    """What came of a damaged journal. `lost` says whether anything acknowledged, or a call's record, did not arrive."""

    lost: bool
    problems: list[str]
    set_aside: int


async def started_on(folder: Path, left: Left, damage: Damage, seed: int) -> Found:
    """Damage a copy of a journal, start on it, send more, stop; return what was wrong: with a start that fails this raises."""
    shutil.copytree(left.state, folder / "state")
    damage(folder / "state" / "journal" / "data.mdb", random.Random(f"{damage.__name__} {seed}"))
    load, rest = Load(32, 1), Sent()
    with Downstream(folder) as downstream:
        processor = Processor(folder, downstream.endpoint, downstream.http_endpoint, directory=folder / "state", more=QUICK)
        await asyncio.to_thread(processor.start)
        reader = Reader(downstream)
        try:
            async with Sender(processor.port) as sender:
                for body in (next(load.large()), *load.call(0)):
                    await sender.send(body)
            rest.add(sender.acked)
            await until(lambda: reader.has(rest), 15, "what was sent after the damage arrives")
            await quiet(reader)
            assert 0 == await asyncio.to_thread(processor.stop)
        finally:
            processor.kill()
        reader.go_on()
    return judged(folder, left, rest, reader, processor.said())


def judged(folder: Path, left: Left, rest: Sent, reader: Reader, said: str) -> Found:
    """Hold what arrived against what was sent, and what is missing against what was counted and told."""
    arrived, problems = reader.delivered, []
    made_up = {span for span in arrived.spans if PREFIX not in span} - left.sent.foreign - rest.foreign
    lost = bool(left.sent.foreign - arrived.spans.keys() or left.sent.ours - arrived.ids.keys())
    lost |= arrived.calls() < left.sent.calls + rest.calls
    counted = sum(value[0] for value in reader.pushes.totals("otel_voice_journal_").values())
    counted += reader.pushes.total("otel_voice_processor_damaged_rows")
    problems += [f"{len(made_up)} spans that nobody sent"] if made_up else []
    problems += ["lost and not counted"] if lost and not counted else []
    problems += ["lost and not told"] if lost and " ERROR " not in said else []
    problems += ["a traceback in the log"] if "Traceback" in said else []
    aside = folder / "state" / "set_aside"
    return Found(lost, problems, len([*aside.iterdir()]) if aside.exists() else 0)


async def quiet(reader: Reader, *, for_s: float = 2.5) -> None:
    """Wait until nothing more arrives."""
    loop = asyncio.get_running_loop()
    seen, since = -1, loop.time()
    while loop.time() - since < for_s:
        await asyncio.sleep(0.2)
        reader.go_on()
        if reader.delivered.requests != seen:
            seen, since = reader.delivered.requests, loop.time()
