"""Out of the journal: nothing lost, nothing held up by another, the guilty alone in the dead letters."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from otel_voice_processor.config import Batch, Retry, SendingQueue
from otel_voice_processor.errors import Permanent, Retryable, TimedOut, Undecodable
from otel_voice_processor.forward import DeadLetters, Destination, GrpcExporter, HttpExporter
from otel_voice_processor.forward import destination as module
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink, free_port

from tests.processor.forward.doubles import MemoryQueue, Sleeps, Told, until, web

Code = grpc.StatusCode
FAST = Retry(initial_interval=0.01, max_interval=0.05)


def field(text: str) -> bytes:
    """Return a request that protobuf reads, and a test finds again."""
    data = text.encode()
    return b"\x0a" + bytes([len(data)]) + data


def letters_in(folder: Path) -> list[tuple[dict[str, Any], bytes]]:
    return [(json.loads(path.read_text(encoding="utf-8")), path.with_suffix(".pb").read_bytes()) for path in sorted(folder.glob("*.json"))]


@asynccontextmanager
async def running(exporter: Any, queue: MemoryQueue, folder: Path, name: str = "one", **more: Any) -> AsyncIterator[Destination]:
    letters = DeadLetters(folder, 1 << 20, more.get("counters"))
    more.setdefault("retry", FAST)
    one = Destination(name, exporter, queue, letters, **more)
    await one.start()
    try:
        yield one
    finally:
        await one.stop(0.2)
        await letters.close()


async def test_what_waits_goes_on_joined_and_the_cursor_follows(tmp_path: Path) -> None:
    """While requests are under way the next ones gather, and leave as one; each byte arrives, in order."""
    bodies = [field(f"{number:04d}") for number in range(500)]
    queue = MemoryQueue()
    async with Sink() as sink, asyncio.timeout(10):
        sink.slow(0.01)
        sending = SendingQueue(num_consumers=1, batch=Batch(max_size=600))
        async with running(GrpcExporter(sink.endpoint, insecure=True), queue, tmp_path, sending=sending) as one:
            for body in bodies:
                queue.put(body)
            await one.reached(501)

        assert b"".join(bodies) == b"".join(sink.requests)
        assert 5 == len(sink.requests)
        assert all(len(request) <= 600 for request in sink.requests)
    assert 501 == queue.cursors["one"]


async def test_no_more_are_under_way_than_the_config_says(tmp_path: Path) -> None:
    """`num_consumers` requests at once, and all of them are used."""
    queue, exporter = MemoryQueue(), Told(lambda body, signal: asyncio.sleep(0.01))
    queue.put(*(field(str(number)) for number in range(40)))
    async with (
        asyncio.timeout(10),
        running(exporter, queue, tmp_path, sending=SendingQueue(num_consumers=3, batch=Batch(max_size=1))) as one,
    ):
        await one.reached(41)

    assert 3 == exporter.most_open
    assert 40 == len(exporter.taken)
    assert 1 == exporter.closed


async def test_only_the_contiguous_prefix_is_told(tmp_path: Path) -> None:
    """What overtook one that still waits is not off our hands: a crash now sends it twice, and loses nothing."""
    held = asyncio.Event()

    def answer(body: bytes, signal: str) -> Any:
        return held.wait() if b"first" in body else None

    queue, exporter = MemoryQueue(), Told(answer)
    queue.put(field("zero"), field("first"), field("second"), field("third"))
    async with (
        asyncio.timeout(10),
        running(exporter, queue, tmp_path, sending=SendingQueue(num_consumers=2, batch=Batch(max_size=1))) as one,
    ):
        await one.reached(2)
        await until(lambda: len(exporter.taken) >= 3)
        assert [("one", 2)] == queue.told
        held.set()
        await one.reached(5)

    assert [("one", 2), ("one", 5)] == queue.told


async def test_a_destination_goes_on_where_it_was(tmp_path: Path) -> None:
    """After a stop, from its own cursor; another one's is another."""
    queue, exporter = MemoryQueue(), Told()
    queue.put(field("a"))
    async with asyncio.timeout(10):
        async with running(exporter, queue, tmp_path) as one:
            await one.reached(2)
        queue.put(field("b"))
        async with running(exporter, queue, tmp_path) as one:
            await one.reached(3)
        other = Told()
        async with running(other, queue, tmp_path, name="two") as one:
            await one.reached(3)

    assert [field("a"), field("b")] == exporter.taken
    assert field("a") + field("b") == b"".join(other.taken)


@pytest.mark.parametrize("guilty", [[0], [7], [15], [3, 4], [0, 15], list(range(16)), [5, 6, 9, 12]])
async def test_a_batch_that_is_refused_is_taken_apart_until_the_guilty_are_alone(guilty: list[int], tmp_path: Path) -> None:
    """One bad sender never costs another's data: each other entry arrives byte for byte, the bad ones are kept."""
    bodies = [field(f"{'bad' if number in guilty else 'good'} {number}") for number in range(16)]
    counters, queue = Counters(), MemoryQueue()
    exporter = Told(lambda body, signal: Refused("bad span", Code.INVALID_ARGUMENT) if b"bad" in body else None)
    queue.put(*bodies)
    async with asyncio.timeout(10), running(exporter, queue, tmp_path, counters=counters) as one:
        await one.reached(17)
    good = [body for number, body in enumerate(bodies) if number not in guilty]

    assert b"".join(good) == b"".join(exporter.taken)
    assert [bodies[number] for number in guilty] == [body for _, body in letters_in(tmp_path)]
    assert all(story["code"] == "INVALID_ARGUMENT" and story["entries"] == 1 for story, _ in letters_in(tmp_path))
    assert len(guilty) == counters.get("otel_voice_exporter_dead_letters", exporter="one", reason="refused")
    assert len(good) == counters.get("otel_voice_exporter_sent_requests", exporter="one")
    assert len(exporter.sent) <= 1 + 2 * 4 * len(guilty)


async def test_bytes_that_are_torn_cost_nobody_else(tmp_path: Path) -> None:
    """They are sent alone, since joined they would swallow what follows, and downstream says what it thinks of them."""
    queue, torn = MemoryQueue(), b"\x0a\x7fab"
    queue.put(field("a"), torn, field("b"))

    exporter = Told(lambda body, signal: Undecodable("torn") if body == torn else None)
    async with asyncio.timeout(10), running(exporter, queue, tmp_path) as one:
        await one.reached(4)

    assert field("a") + field("b") == b"".join(exporter.taken)
    assert [torn] == [body for _, body in letters_in(tmp_path)]


@pytest.mark.parametrize(
    "error",
    [
        Refused("no token", Code.UNAUTHENTICATED),
        Refused("not yours", Code.PERMISSION_DENIED),
        Refused("what service", Code.UNIMPLEMENTED),
        Refused("no token", Code.UNAUTHENTICATED, "401"),
        Refused("no path", Code.UNIMPLEMENTED, "404"),
    ],
    ids=str,
)
async def test_who_refuses_us_and_not_the_data_is_waited_for(error: Refused, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A token that ran out must not empty the journal into the dead letters, however few attempts the config allows."""
    queue, counters = MemoryQueue(), Counters()
    exporter = Told(lambda body, signal: error)
    queue.put(*(field(str(number)) for number in range(10)))
    async with (
        asyncio.timeout(10),
        running(exporter, queue, tmp_path, counters=counters, retry=Retry(enabled=False, initial_interval=0.01)) as one,
    ):
        await until(lambda: len(exporter.sent) >= 12)
        assert 0 == one.number
        exporter.answer = lambda body, signal: None
        with caplog.at_level(logging.INFO):
            await one.reached(11)

    assert b"".join(field(str(number)) for number in range(10)) == b"".join(exporter.taken)
    assert [] == letters_in(tmp_path)
    assert 1 == caplog.text.count("`one` takes nothing as it is configured")
    assert 1 == caplog.text.count("`one` takes requests again")
    assert 0 < counters.get("otel_voice_exporter_send_failed_attempts", exporter="one", reason=error.told.lower())


async def test_a_server_without_logs_does_not_hold_up_traces(tmp_path: Path) -> None:
    """It takes traces, so it is no wrong endpoint: the logs go to the dead letters, as few files as they can."""
    queue, counters = MemoryQueue(), Counters()
    unknown = Refused("no logs here", Code.UNIMPLEMENTED)
    exporter = Told(lambda body, signal: unknown if signal == "logs" else None)
    queue.put(*(field(f"log {number}") for number in range(10)), signal="logs")
    queue.put(field("span"))
    async with asyncio.timeout(10), running(exporter, queue, tmp_path, counters=counters) as one:
        await one.reached(12)
    ((story, body),) = letters_in(tmp_path)

    assert field("span") in exporter.taken
    assert b"".join(field(f"log {number}") for number in range(10)) == body
    assert ("not_taken", "logs", 1, 10) == (story["reason"], story["signal"], story["entry"], story["entries"])
    assert 10 == counters.get("otel_voice_exporter_dead_letters", exporter="one", reason="not_taken")


async def test_a_wrong_endpoint_that_is_mended_meanwhile_costs_nothing(tmp_path: Path) -> None:
    """Traces are refused as unknown, then logs are taken: perhaps it was mended in between, so traces are tried once more."""
    queue, asked = MemoryQueue(), 0

    def answer(body: bytes, signal: str) -> Any:
        nonlocal asked
        asked += signal == "traces"
        return Refused("no such path", Code.UNIMPLEMENTED) if signal == "traces" and asked in {1, 4} else None

    exporter = Told(answer)
    queue.put(field("a"))
    async with asyncio.timeout(10), running(exporter, queue, tmp_path) as one:
        await one.reached(2)
        queue.put(field("b"))
        await one.reached(3)
        queue.put(field("c"))
        await one.reached(4)

    assert [field("a"), field("b"), field("c")] == [body for body in exporter.taken if body]
    assert [] == letters_in(tmp_path)


async def test_one_that_takes_traces_alone_costs_each_request_of_logs_one_attempt(tmp_path: Path) -> None:
    """Once that is known; when it takes them after all, they go there again."""
    queue = MemoryQueue()
    unknown = Refused("no logs here", Code.UNIMPLEMENTED)
    exporter = Told(lambda body, signal: unknown if signal == "logs" else None)
    async with asyncio.timeout(10), running(exporter, queue, tmp_path) as one:
        for number in range(3):
            queue.put(field(str(number)), signal="logs")
            await one.reached(number + 2)
        exporter.answer = lambda body, signal: None
        queue.put(field("taken"), signal="logs")
        await one.reached(5)

    assert [field("0")] * 2 + [field("1"), field("2"), field("taken")] == [body for body in exporter.sent if body]
    assert [field("0"), field("1"), field("2")] == [body for _, body in letters_in(tmp_path)]


async def test_a_limit_on_how_much_is_no_verdict_on_the_data(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED without RetryInfo is refused by size only where it is larger than what was taken before."""
    queue = MemoryQueue()
    exporter = Told()
    asked = iter([Refused("rate limit", Code.RESOURCE_EXHAUSTED)] * 5)
    exporter.answer = lambda body, signal: next(asked, None)
    large = b"\x0a\x80\x80\x08" + b"x" * 131_072
    queue.put(field("small"))
    async with asyncio.timeout(10), running(exporter, queue, tmp_path) as one:
        await one.reached(2)
        exporter.answer = lambda body, signal: Refused("message larger than max", Code.RESOURCE_EXHAUSTED) if len(body) > 99_999 else None
        queue.put(field("before"), large, field("after"))
        await one.reached(5)

    assert field("small") + field("before") + field("after") == b"".join(exporter.taken)
    assert [large] == [body for _, body in letters_in(tmp_path)]


async def test_a_batch_that_is_too_slow_as_a_whole_is_sent_in_halves(tmp_path: Path) -> None:
    """On a slow line a large batch would run into its time limit for ever."""
    queue = MemoryQueue()
    exporter = Told(lambda body, signal: TimedOut("too slow") if len(body) > 8 else None)
    queue.put(*(field(str(number)) for number in range(8)))
    async with asyncio.timeout(10), running(exporter, queue, tmp_path) as one:
        await one.reached(9)

    assert b"".join(field(str(number)) for number in range(8)) == b"".join(exporter.taken)
    assert [] == letters_in(tmp_path)


async def test_with_a_limit_a_batch_is_given_up_and_kept(tmp_path: Path) -> None:
    """`max_elapsed_time` is for ever by default; with one, what downstream never took is a dead letter, in one piece."""
    queue, counters = MemoryQueue(), Counters()
    exporter = Told(lambda body, signal: Retryable("away") if b"x" in body else None)
    queue.put(field("x"), field("y"))
    retry = Retry(initial_interval=0.01, max_interval=0.01, max_elapsed_time=0.1)
    async with asyncio.timeout(10), running(exporter, queue, tmp_path, counters=counters, retry=retry) as one:
        await one.reached(3)
    ((story, body),) = letters_in(tmp_path)

    assert field("x") + field("y") == body
    assert ("gave_up", "away", 2) == (story["reason"], story["message"], story["entries"])
    assert 2 == counters.get("otel_voice_exporter_dead_letters", exporter="one", reason="gave_up")
    assert 3 < len(exporter.sent)


async def test_the_wait_that_downstream_asks_for_is_kept(tmp_path: Path) -> None:
    """By RetryInfo and by `Retry-After`; where ours is longer, ours."""
    for asked, least in ((7.5, 7.5), (0.001, 0.01)):
        queue, sleeps = MemoryQueue(), Sleeps()
        answers = iter([Retryable("busy", asked)])
        exporter = Told(lambda body, signal, answers=answers: next(answers, None))  # type: ignore[misc]
        queue.put(field("a"))
        async with asyncio.timeout(10), running(exporter, queue, tmp_path, sleep=sleeps, chance=lambda: 0.5) as one:
            await one.reached(2)

        assert [least] == sleeps.waits


async def test_one_that_is_away_holds_up_nobody(tmp_path: Path) -> None:
    """Each destination has a cursor of its own; the one that is away gets all of it when it is back."""
    queue = MemoryQueue()
    dead = Sink(free_port())
    retry = Retry(initial_interval=0.05, max_interval=0.1)
    async with asyncio.timeout(20), Sink() as sink:
        away = running(GrpcExporter(dead.endpoint, insecure=True, timeout_s=0.5), queue, tmp_path, name="away", retry=retry)
        async with away as one, running(GrpcExporter(sink.endpoint, insecure=True), queue, tmp_path, name="there") as two:
            for number in range(20):
                queue.put(field(str(number)))
                await asyncio.sleep(0)
            await two.reached(21)
            assert 0 == one.number
            await dead.start()
            await one.reached(21)
        await dead.stop()

    assert sorted(b"".join(field(str(number)) for number in range(20))) == sorted(b"".join(dead.requests))
    assert {"away": 21, "there": 21} == queue.cursors


async def test_a_stop_leaves_to_the_journal_what_waits(tmp_path: Path) -> None:
    """What is under way has the grace to finish; what waits for another try, or never ends, is not done."""
    queue = MemoryQueue()
    never = asyncio.Event()

    def answer(body: bytes, signal: str) -> Any:
        return {b"s": asyncio.sleep(0.05), b"h": never.wait(), b"r": Retryable("away")}[body[2:3]]

    exporter = Told(answer)
    queue.put(field("soon"), field("hangs"), field("retried"))
    one = Destination(
        "one",
        exporter,
        queue,
        DeadLetters(tmp_path, 1),
        sending=SendingQueue(num_consumers=3, batch=Batch(max_size=1)),
        retry=Retry(initial_interval=60),
    )
    await one.start()
    await until(lambda: len(exporter.sent) >= 3)
    began = asyncio.get_running_loop().time()
    await one.stop(0.3)
    took = asyncio.get_running_loop().time() - began
    await one.stop(0.3)

    assert 0.2 < took < 2
    assert [field("soon")] == exporter.taken
    assert {"one": 2} == queue.cursors
    assert 0 == exporter.open


async def test_a_stop_before_start_is_fine(tmp_path: Path) -> None:
    """And so is one in the middle of reading."""
    queue = MemoryQueue()
    one = Destination("one", Told(), queue, DeadLetters(tmp_path, 1))
    await one.stop()
    await one.start()
    await asyncio.sleep(0)
    await one.stop()

    assert {} == queue.cursors


async def test_a_signal_that_is_not_taken_is_passed_over(tmp_path: Path) -> None:
    """It holds up nothing; it is counted where no destination takes it, once."""
    queue, counters = MemoryQueue(), Counters()
    exporter = Told(signals=["traces"])
    queue.put(field("log"), signal="logs")
    queue.put(field("span"))
    queue.put(field("log"), signal="logs")
    async with asyncio.timeout(10):
        async with running(exporter, queue, tmp_path, counters=counters, orphans=frozenset({"logs"})) as one:
            await one.reached(4)
        async with running(Told(signals=["traces"]), queue, tmp_path, name="two", counters=counters) as one:
            await one.reached(4)

    assert [field("span")] == exporter.taken
    assert 2 == counters.get("otel_voice_exporter_unasked_requests", signal="logs")


async def test_a_defect_costs_no_entry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever an exporter, the journal or the dead letters trip over is logged, and tried again."""
    queue, counters = MemoryQueue(), Counters()
    answers = iter([ZeroDivisionError("oops"), None])
    exporter = Told(lambda body, signal: next(answers, None))
    queue.failures = [OSError("the journal trips")]
    queue.put(field("a"))
    async with asyncio.timeout(10), running(exporter, queue, tmp_path, counters=counters) as one:
        await one.reached(2)

    assert [field("a")] == exporter.taken
    assert 1 == counters.get("otel_voice_exporter_internal_errors", exporter="one")
    assert "the journal trips" in caplog.text
    assert "oops" in caplog.text


async def test_what_is_done_behind_a_gap_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that downstream never takes lets others pass up to a bound, past which nothing more is read."""
    monkeypatch.setattr(module, "MAX_WINDOW", 10)
    queue = MemoryQueue()
    exporter = Told(lambda body, signal: Retryable("never") if b"poison" in body else None)
    queue.put(field("poison"))
    async with (
        asyncio.timeout(10),
        running(exporter, queue, tmp_path, sending=SendingQueue(num_consumers=2, batch=Batch(max_size=1))) as one,
    ):
        for number in range(50):
            queue.put(field(str(number)))
            await asyncio.sleep(0.002)
        passed = len(exporter.taken)
        exporter.answer = lambda body, signal: None
        await one.reached(52)

    assert 5 < passed < 20
    assert 51 == len(exporter.taken)


async def test_it_works_by_http_as_well(tmp_path: Path) -> None:
    """A web server that is busy, then refuses one sender's data, then is fine."""
    queue = MemoryQueue()
    async with asyncio.timeout(20), web() as one:
        one.answers("503 Busy", Retry_After="0")
        exporter = HttpExporter({"traces": f"{one.url}/v1/traces"}, compression="none")
        queue.put(field("good 1"), field("bad"), field("good 2"))

        async with running(exporter, queue, tmp_path) as destination:
            await until(lambda: len(one.seen) >= 3)
            before = len(one.seen)
            one.choose = lambda body: "400 Bad" if b"bad" in body else "200 OK"
            await destination.reached(4)
    ((story, body),) = letters_in(tmp_path)

    assert field("bad") == body
    assert ("400", exporter.endpoint) == (story["code"], story["endpoint"])
    assert [field("good 1"), field("good 2")] == [body for _, _, body in one.seen[before:] if b"bad" not in body]


async def test_a_permanent_error_that_is_no_answer_is_a_dead_letter(tmp_path: Path) -> None:
    """As from the file exporter, of what is no OTLP."""
    queue = MemoryQueue()
    queue.put(field("a"))
    async with asyncio.timeout(10), running(Told(lambda body, signal: Permanent("no")), queue, tmp_path) as one:
        await one.reached(2)

    assert [("", "no", "refused")] == [(story["code"], story["message"], story["reason"]) for story, _ in letters_in(tmp_path)]
