"""Whatever a downstream answers, by either protocol and on a real socket: nothing is lost, and nothing doubled without a reason."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_voice_processor.config import Batch, Retry, SendingQueue
from otel_voice_processor.errors import Retryable, TimedOut, Undecodable, Unsure
from otel_voice_processor.forward import DeadLetters, Destination, Exporter, GrpcExporter, HttpExporter
from otel_voice_processor.rpc import ABOUT_US, RETRYABLE, Refused
from otel_voice_processor.testing import Sink

from tests.processor.forward.doubles import MemoryQueue, Told, until, web

Code = grpc.StatusCode
FAST = Retry(initial_interval=0.01, max_interval=0.01)


def entry(number: int) -> bytes:
    return b"\x0a\x04" + f"{number:04d}".encode()


def numbers_in(body: bytes) -> list[int]:
    return [int(body[at + 2 : at + 6]) for at in range(0, len(body), 6)]


async def delivered(exporter: Exporter, folder: Path, put: int = 6, during: Callable[[Destination], Any] | None = None) -> MemoryQueue:
    """Send entries until all are off our hands, doing something meanwhile."""
    queue, letters = MemoryQueue(), DeadLetters(folder, 1 << 20)
    one = Destination("one", exporter, queue, letters, retry=FAST, sending=SendingQueue(num_consumers=2, batch=Batch(max_size=12)))
    await one.start()
    queue.put(*(entry(number) for number in range(put)))
    async with asyncio.timeout(20):
        if during is not None:
            await during(one)
        await one.reached(put + 1)
    await one.stop(1.0)
    await letters.close()
    return queue


def buried(folder: Path) -> list[int]:
    return [number for path in sorted(folder.glob("*.pb")) for number in numbers_in(path.read_bytes())]


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK], ids=lambda code: code.name)
@pytest.mark.parametrize("wait_s", [None, 0.01], ids=["plain", "retry_info"])
async def test_by_grpc_each_code_ends_where_it_should(code: grpc.StatusCode, wait_s: float | None, tmp_path: Path) -> None:
    """Worth a retry: delivered once it is over. About us: waited for, then delivered. Else: in the dead letters. Nothing in two places."""
    small = code is Code.RESOURCE_EXHAUSTED  # too small to be refused for its size
    waited = code in RETRYABLE or code in ABOUT_US or small
    async with Sink() as sink:
        sink.refuse(code, retry_after_s=wait_s)

        async def mend(one: Destination) -> None:
            if waited:
                await until(lambda: sink.attempts >= 6)
                sink.accept()

        await delivered(GrpcExporter(sink.endpoint, insecure=True), tmp_path, during=mend)
        arrived = sorted(number for body in sink.requests for number in numbers_in(body))

    assert (list(range(6)), []) == ((arrived, buried(tmp_path)) if waited else (sorted(buried(tmp_path)), arrived))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 501, 502, 503, 504])
async def test_by_http_each_status_ends_where_it_should(status: int, tmp_path: Path) -> None:
    """The same by HTTP."""
    waited = status in {301, 401, 403, 404, 405, 415, 429, 502, 503, 504}
    async with web() as one:
        one.answers(f"{status} Said", Retry_After="0")
        taken: list[bytes] = []

        async def mend(_: Destination) -> None:
            await until(lambda: not waited or len(one.seen) >= 6)
            if waited:
                one.choose = lambda body: taken.append(body) or "200 OK"  # type: ignore[func-returns-value]

        await delivered(HttpExporter({"traces": f"{one.url}/v1/traces"}), tmp_path, during=mend)
    arrived = sorted(number for body in taken for number in numbers_in(body))

    assert (list(range(6)), []) == ((arrived, buried(tmp_path)) if waited else (sorted(buried(tmp_path)), arrived))


async def test_one_that_flaps_gets_everything(tmp_path: Path) -> None:
    """Gone and back five times, in the middle of requests: all of it arrives."""
    sink = Sink()
    await sink.start()

    async def flap(one: Destination) -> None:
        for _ in range(5):
            await asyncio.sleep(0.05)
            await sink.stop()
            await asyncio.sleep(0.02)
            await sink.start()

    await delivered(GrpcExporter(sink.endpoint, insecure=True, timeout_s=1.0), tmp_path, put=500, during=flap)
    await sink.stop()

    assert set(range(500)) == {number for body in sink.requests for number in numbers_in(body)}
    assert [] == buried(tmp_path)


@pytest.mark.parametrize(
    "answer", [b"", b"\x00garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut"], ids=["closes", "garbage", "cut"]
)
async def test_a_web_server_that_breaks_off_gets_it_again(answer: bytes, tmp_path: Path) -> None:
    """Nobody knows whether it has it: twice is better than never."""
    async with web() as one:

        async def goes(writer: object) -> None:
            pass

        one.answer, one.then = answer, goes

        async def mend(_: Destination) -> None:
            await until(lambda: len(one.seen) >= 4)
            one.answers("200 OK")

        await delivered(HttpExporter({"traces": one.url}), tmp_path, during=mend)

    assert set(range(6)) == {number for _, _, body in one.seen for number in numbers_in(body)}
    assert [] == buried(tmp_path)


def reasons(folder: Path) -> set[str]:
    return {json.loads(path.read_text(encoding="utf-8"))["reason"] for path in folder.glob("*.json")}


ANSWERS = {
    "ok": None,
    "away": Retryable("away"),
    "busy": Retryable("busy", 0.5),
    "us": Refused("us", Code.UNAUTHENTICATED),
    "them": Refused("them", Code.INVALID_ARGUMENT),
    "torn": Undecodable("torn"),
    "defect": ZeroDivisionError("defect"),
    "taken_unsure": Unsure("answer lost"),
    "taken_slow": TimedOut("too slow"),
    "unsure": Unsure("answer lost"),
    "slow": TimedOut("too slow"),
}


@settings(max_examples=60, deadline=None)
@given(
    answers=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=60),
    bad=st.frozensets(st.integers(0, 29), max_size=4),
    count=st.integers(1, 30),
    consumers=st.integers(1, 4),
    size=st.integers(1, 60),
    stops=st.lists(st.integers(1, 15), max_size=3),
)
def test_every_entry_is_delivered_or_buried_or_waits(
    answers: list[str], bad: frozenset[int], count: int, consumers: int, size: int, stops: list[int]
) -> None:
    """Also across stops in the middle: none is lost, none stands in two places, none comes twice but for an answer that was lost."""
    with TemporaryDirectory() as folder:
        asyncio.run(_any(answers, bad, count, SendingQueue(num_consumers=consumers, batch=Batch(max_size=size)), stops, Path(folder)))


async def _any(answers: list[str], bad: frozenset[int], count: int, sending: SendingQueue, stops: list[int], folder: Path) -> None:
    left, taken, doubtful = iter(answers), Counter[int](), set[int]()

    def answer(body: bytes, signal: str) -> Any:
        told = next(left, "ok")
        if told in {"ok", "taken_unsure", "taken_slow"}:
            if bad & set(numbers_in(body)):
                return ANSWERS["them"]
            taken.update(numbers_in(body))
        if told.startswith("taken"):
            doubtful.update(numbers_in(body))
        return ANSWERS[told]

    queue, letters = MemoryQueue(), DeadLetters(folder, 1 << 20)
    queue.put(*(entry(number) for number in range(count)))
    for patience in [*stops, None]:
        one = Destination("one", Told(answer), queue, letters, sending=sending, retry=FAST, sleep=lambda _: asyncio.sleep(0))
        await one.start()
        if patience is None:
            async with asyncio.timeout(20):
                await one.reached(count + 1)
        else:
            for _ in range(patience):
                await asyncio.sleep(0)
        told = queue.cursors.get("one", 0)
        assert all(taken[number] or number in buried(folder) for number in range(min(told - 1, count)))
        before = set(range(max(told - 1, 0), count)) if patience is not None else set()
        await one.stop(5.0)
        doubtful |= before & {number for number in before if number >= queue.cursors.get("one", 0) - 1}  # a cursor tells of no gap
    await letters.close()
    dead = Counter(buried(folder))

    assert count + 1 == queue.cursors["one"]
    for number in range(count):
        assert taken[number] or dead[number]
        if number not in doubtful:
            assert 1 == taken[number] + dead[number], (number, taken, dead)
    assert {"refused"} >= reasons(folder)
