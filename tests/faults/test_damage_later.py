"""Damage met at bad moments: while it runs, while it saves, of what the journal knows of itself. What is taken after that is delivered."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import damage as kinds
from tests.faults.damage import QUICK, Left, judged, quiet, started_on
from tests.faults.downstream import Downstream
from tests.faults.load import Load
from tests.faults.otlp import Foreign
from tests.faults.outcome import Sent
from tests.faults.power import Power
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.faults.survival import Reader, until

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(("later_s", "cut"), [(0.0, False), (0.4, False), (0.9, False), (0.3, True), (0.7, True), (1.2, True)])
async def test_killed_while_it_saves_it_still_says_what_is_lost(tmp_path: Path, left: Left, later_s: float, cut: bool) -> None:
    """At whatever moment of saving what can be read, by a kill or a power cut: the next start goes on with that, or tells of the loss."""
    (tmp_path / "disk").mkdir()

    def killed_once(data: Path, rng: random.Random) -> None:
        kinds.half_left(data, rng)
        at = Power(tmp_path / "state", tmp_path / "disk") if cut else None
        environment = at.environment() if at else {}
        processor = Processor(tmp_path, "127.0.0.1:1", directory=tmp_path / "state", more=QUICK, environment=environment)
        process = processor.launch()
        while process.poll() is None and not saving(tmp_path / "state"):
            time.sleep(0.01)
        time.sleep(later_s)
        processor.kill()
        if at:
            time.sleep(1.0)  # whoever reads for it may live on for a moment
            at.cut(rng)

    found = await started_on(tmp_path, left, killed_once, int(later_s * 10))

    assert [] == found.problems
    assert found.lost


def saving(state: Path) -> bool:
    """Tell whether a damaged journal is being saved."""
    return (state / "set_aside").exists() or any(each.name.startswith("journal.") for each in state.iterdir())


async def test_no_row_of_the_journals_own_is_missed_for_ever(tmp_path: Path) -> None:
    """Where the damage hits what the journal knows of itself, after everything was delivered: it starts, and delivers what comes then."""
    others, data = Foreign(35), tmp_path / "state" / "journal" / "data.mdb"
    with Downstream(tmp_path) as downstream:
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=tmp_path / "state", more=QUICK)
        await asyncio.to_thread(processor.start)
        try:
            await taken_and_delivered(processor, downstream, others, "the start")
            names = kinds.own_rows(data)
            for name in names:
                assert 0 == await asyncio.to_thread(processor.stop)
                kinds.own_row_changed(data, name)
                await asyncio.to_thread(processor.start)
                await taken_and_delivered(processor, downstream, others, f"`{name.decode()}` was damaged")
        finally:
            processor.kill()

    assert "Traceback" not in processor.said()
    assert {b"numbers", b"cursors", b"format", b"instance"} <= set(names)


async def taken_and_delivered(processor: Processor, downstream: Downstream, others: Foreign, since: str) -> None:
    """Send five requests and wait until they are delivered."""
    sent, reader = Sent(), Reader(downstream)
    async with Sender(processor.port) as sender:
        for _ in range(5):
            await sender.send(others.request(20))
    sent.add(sender.acked)
    await until(lambda: reader.has(sent), 10, f"what is sent after {since} arrives")


async def test_damaged_while_it_runs_it_goes_on_or_starts_again(tmp_path: Path, left: Left) -> None:
    """A disk that changes pages under a running processor: requests are taken again, by it or by the next; nothing is made up."""
    load, others, rng = Load(33, 1), Sent(), random.Random(5)
    shutil.copytree(left.state, tmp_path / "state")
    with Downstream(tmp_path) as downstream:
        downstream.tell(mode="dead")
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=tmp_path / "state", more=QUICK)
        await asyncio.to_thread(processor.start)
        try:
            overwritten(tmp_path / "state" / "journal" / "data.mdb", rng)
            async with Sender(processor.port, patience_s=5.0) as sender:
                since = await taken_again(processor, sender, load.large())
            downstream.tell(mode="ok")
            others.add(sender.acked)
            late, reader = Sent(), Reader(downstream)
            late.add(sender.acked[since:])
            await until(lambda: reader.has(late), 15, "what was sent last arrives")
            await quiet(reader)
            assert 0 == await asyncio.to_thread(processor.stop)
        finally:
            processor.kill()
        reader.go_on()
    found = judged(tmp_path, left, others, reader, processor.said())

    assert [] == found.problems
    assert 5 == len(sender.acked) - since


async def test_what_is_in_memory_survives_the_disk(tmp_path: Path) -> None:
    """Pages change under a running processor, then it is killed: open calls, counts and its name had been written anew."""
    load = Load(77, 7)
    slower = {"processors": {"voice_interruption": {"settle_after": "4s", "expire_after": "30s"}}}
    with Downstream(tmp_path) as downstream:
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=tmp_path / "state", more=slower)
        await asyncio.to_thread(processor.start)
        sent, reader = Sent(), Reader(downstream)
        try:
            async with Sender(processor.port) as sender:
                for body in (body for number in range(4) for body in load.call(number)):
                    await sender.send(body)
                await until(lambda: reader.has(sent) and reader.pushes.total("voice.calls") == 4, 20, "four calls settle and are told")
                calls = [list(load.call(number)) for number in range(4, 7)]
                for body in (body for call in calls for body in call[: len(call) // 2]):
                    await sender.send(body)
                overwritten(tmp_path / "state" / "journal" / "data.mdb", random.Random(5))
                await taken_again(processor, sender, load.small())
                await asyncio.to_thread(processor.kill)
                await asyncio.to_thread(processor.start)
                for body in (body for call in calls for body in call[len(call) // 2 :]):
                    await sender.send(body)
            sent.add(sender.acked)
            await until(lambda: reader.has(Sent()) and reader.pushes.total("voice.calls") == 7, 20, "all calls settle and are told")
        finally:
            processor.kill()

    assert [] == reader.pushes.problems
    assert 1 == len(reader.pushes.instances)
    assert len(sent.ours) == reader.pushes.total("otel_voice_processor_events", outcome="joined")
    assert 7 == reader.delivered.calls()


async def taken_again(processor: Processor, sender: Sender, bodies: Iterator[bytes]) -> int:
    """Send, starting the processor again where it died, until it has failed and five requests in a row are taken; return after how many."""
    failures, since = 0, 0
    async with asyncio.timeout(60):
        while not failures or len(sender.acked) < since + 5:
            assert processor.process is not None
            if processor.process.poll() is not None:
                failures += 1
                await asyncio.to_thread(processor.start)
            if await sender.attempt(next(bodies)) is not None:
                failures, since = failures + 1, len(sender.acked)
            await asyncio.sleep(0.05)
    return since


def overwritten(data: Path, rng: random.Random) -> None:
    """Write over half of the pages, in place."""
    with data.open("r+b") as file:
        pages = data.stat().st_size // 4096
        for page in rng.sample(range(2, pages), pages // 2):
            file.seek(page * 4096)
            file.write(rng.randbytes(4096))
