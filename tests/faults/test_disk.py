"""A disk that is full, read-only or broken under the journal: nothing is answered OK that is not on it; it goes on when the disk does."""

from __future__ import annotations

import asyncio
import errno
import random
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_processor.testing import free_port, request_of

from tests.faults.downstream import Downstream
from tests.faults.otlp import Foreign
from tests.faults.outcome import Sent
from tests.faults.processor import Processor
from tests.faults.runs import power
from tests.faults.sending import Sender
from tests.faults.survival import Reader, until

pytestmark = pytest.mark.faults
MIB, S = 1 << 20, 10**9


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """Mount a disk of so many MiB; skip where that is not allowed."""
    at = folder / "small"
    at.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "none", str(at)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.decode().strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


@asynccontextmanager
async def running(processor: Processor) -> AsyncIterator[Sender]:
    await asyncio.to_thread(processor.start)
    try:
        async with Sender(processor.port, patience_s=20.0) as sender:
            await sender.connected()
            yield sender
    finally:
        processor.kill()


def sent_by(sender: Sender) -> Sent:
    sent = Sent()
    sent.add(sender.acked)
    return sent


async def filled(sender: Sender, others: Foreign) -> int:
    """Send until it is refused five times in a row; return how many bytes were taken."""
    refused = 0
    for _ in range(2_000):
        refused = 0 if await sender.attempt(others.request(400)) is None else refused + 1
        if refused == 5:
            return sum(map(len, sender.acked))
    raise AssertionError("never full")


@pytest.mark.parametrize("room", ["made by others", "made by downstream"])
async def test_a_full_disk_pushes_back_and_goes_on_when_there_is_room(tmp_path: Path, room: str) -> None:
    """UNAVAILABLE with RetryInfo while it is full; whatever makes room, it takes requests again, and all that was taken arrives."""
    others = Foreign(11)
    with small_disk(tmp_path, 24) as disk, Downstream(tmp_path) as downstream:
        (disk / "ballast").write_bytes(bytes(8 * MIB))
        downstream.tell(mode="dead")
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=disk / "state")
        async with running(processor) as sender:
            held = await filled(sender, others)
            if room == "made by others":
                (disk / "ballast").unlink()
                for _ in range(20):
                    await sender.send(others.request(400))
            downstream.tell(mode="ok")
            reader = Reader(downstream)
            await until(lambda: reader.has(sent_by(sender)), 30, "all that was taken arrives")
            for _ in range(200):  # more than there is room for at once
                await sender.send(others.request(400))
            await until(lambda: reader.has(sent_by(sender)), 30, "more arrives")
            assert 0 == await asyncio.to_thread(processor.stop)

    assert 4 * MIB < held < 16 * MIB
    assert {"UNAVAILABLE"} == set(sender.codes)
    assert sender.codes.total() == len(sender.asked), "RetryInfo each time"
    assert 2 >= max(sender.asked)
    assert "Traceback" not in processor.said()


async def test_killed_on_a_full_disk_it_starts_there_again(tmp_path: Path) -> None:
    """The start needs no room: what was taken is there and goes on."""
    others = Foreign(12)
    with small_disk(tmp_path, 16) as disk, Downstream(tmp_path) as downstream:
        downstream.tell(mode="dead")
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=disk / "state")
        async with running(processor) as sender:
            await filled(sender, others)
            with pytest.raises(OSError, match="No space left"):
                fill_up(disk / "ballast")
            await asyncio.to_thread(processor.kill)
            await asyncio.to_thread(processor.start)
            downstream.tell(mode="ok")
            reader = Reader(downstream)
            await until(lambda: reader.has(sent_by(sender)), 30, "all that was taken arrives")
            await sender.send(others.request(10))
            await until(lambda: reader.has(sent_by(sender)), 30, "more arrives")

    assert "Traceback" not in processor.said()


def in_one_line(code: int, said: str) -> None:
    """A line that says why, and no traceback."""
    assert 1 == code, said
    assert 1 == len(said.splitlines()), said
    assert said.startswith("otel-voice: ")


def test_no_start_on_a_disk_that_is_full_or_read_only(tmp_path: Path) -> None:
    """One line that says why, and the port stays closed; no signal, although LMDB maps its lock file."""
    with small_disk(tmp_path, 1) as disk:
        processor = Processor(tmp_path, f"127.0.0.1:{free_port()}", directory=disk / "state")
        (disk / "ballast").write_bytes(bytes(MIB - 3 * 4096))
        code, said = processor.refused()
        in_one_line(code, said)
        assert "No space left" in said
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        code, said = processor.refused()
        assert 2 == code, said
        assert "cannot be written to" in said
        assert 1 == len(said.splitlines()), said


FAILS = [
    ("write", errno.ENOSPC),
    ("write", errno.EROFS),
    ("write", errno.EIO),
    ("short", errno.ENOSPC),
    ("sync", errno.EIO),
    ("meta", errno.ENOSPC),
    ("meta", errno.EIO),
    ("meta_sync", errno.EIO),
]


@pytest.mark.parametrize(("what", "number"), FAILS)
async def test_a_disk_that_fails_for_a_while(tmp_path: Path, what: str, number: int) -> None:
    """While it fails nothing is answered OK; then it goes on. A sync that failed is not made good by the next: the power may go."""
    others, at, rng = Foreign(13), power(tmp_path), random.Random(number)
    with Downstream(tmp_path) as downstream:
        downstream.tell(mode="dead")
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=at.folder, environment=at.environment())
        async with running(processor) as sender:
            for _ in range(10):
                await sender.send(others.request(50))
            at.fail(what, number)
            await asyncio.sleep(0.3)
            taken = len(sender.acked)
            for _ in range(10):
                assert await sender.attempt(others.request(50)) is not None, "taken by a disk that fails"
                await asyncio.sleep(0.1)
            assert taken == len(sender.acked)
            at.fail(what, None)
            for _ in range(10):
                await sender.send(others.request(50))
            await asyncio.to_thread(processor.kill)
            await asyncio.to_thread(at.cut, rng)
            await asyncio.to_thread(processor.start)
            downstream.tell(mode="ok")
            reader = Reader(downstream)
            await until(lambda: reader.has(sent_by(sender)), 20, "all that was taken arrives")

    assert {"UNAVAILABLE"} == set(sender.codes)
    assert sender.codes.total() == len(sender.asked), "RetryInfo each time"
    assert "Traceback" not in processor.said()


@pytest.mark.parametrize(("what", "number"), [("write", errno.ENOSPC), ("meta", errno.ENOSPC), ("meta_sync", errno.EIO)])
async def test_what_counts_goes_on_although_its_sender_gave_up(tmp_path: Path, what: str, number: int) -> None:
    """A call whose request came as the disk began to refuse is counted, so it goes on without its sender; what came later does neither."""
    at, (first, later) = power(tmp_path), (request_of(events_of(script, start_ns=time.time_ns() - 900 * S)) for script in simulate(14, 2))
    with Downstream(tmp_path) as downstream:
        processor = Processor(tmp_path, downstream.endpoint, downstream.http_endpoint, directory=at.folder, environment=at.environment())
        async with running(processor) as sender:
            at.fail(what, number)
            assert await sender.attempt(first) is not None
            for _ in range(25):
                assert await sender.attempt(later) is not None
                await asyncio.sleep(0.1)
            at.fail(what, None)
            sent, reader = Sent(), Reader(downstream)
            sent.add([first])
            await until(lambda: reader.has(sent) and reader.pushes.total("voice.calls") > 0, 30, "what counts goes on")
            await asyncio.sleep(2.5)
            reader.go_on()

    assert (1, 1) == (reader.pushes.total("voice.calls"), reader.delivered.calls())
    assert len(sent.ours) == reader.pushes.total("otel_voice_processor_events", outcome="joined")
    assert sent.ours == {ids for ids in reader.delivered.ids if not ids[2].endswith((".episode", ".call"))}
    assert "Traceback" not in processor.said()


async def test_a_second_processor_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    """One line with the first one's process, exit 1; the first goes on, and when it is killed its journal is free."""
    others = Foreign(14)
    (tmp_path / "other").mkdir()
    with Downstream(tmp_path) as downstream:
        processor = Processor(tmp_path, downstream.endpoint, directory=tmp_path / "state")
        second = Processor(tmp_path / "other", downstream.endpoint, directory=tmp_path / "state")
        async with running(processor) as sender:
            assert processor.process is not None
            pid = processor.process.pid
            code, said = await asyncio.to_thread(second.refused)
            in_one_line(code, said)
            assert f"(process {pid})" in said
            await sender.send(others.request(5))
            assert processor.process.poll() is None
            processor.kill()
            await asyncio.to_thread(second.start)
            second.kill()
