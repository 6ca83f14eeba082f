"""Downstream at its worst: nothing that was answered OK is lost, and who cannot be answered OK is asked to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.downstream import Downstream
from tests.faults.otlp import Foreign
from tests.faults.outcome import Sent
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.faults.survival import Reader, until

pytestmark = pytest.mark.faults
RETRIED = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
REFUSED = ("UNKNOWN", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "INTERNAL")
WAITED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED")  # about us, or about how much


def by_grpc(downstream: Downstream, **more: Any) -> dict[str, Any]:
    quick = {"enabled": True, "initial_interval": "100ms", "max_interval": "300ms"}
    return {"endpoint": downstream.endpoint, "tls": {"insecure": True}, "timeout": "2s", "retry_on_failure": quick, **more}


def by_http(downstream: Downstream) -> dict[str, Any]:
    return by_grpc(downstream) | {"endpoint": downstream.http_endpoint}


@asynccontextmanager
async def running(folder: Path, downstream: Downstream, **more: Any) -> AsyncIterator[tuple[Processor, Sender]]:
    """Run a processor with a journal, and a sender to it; at the end it stops by itself and has said nothing of a defect."""
    exporters = more.pop("exporters", {"otlp_grpc": by_grpc(downstream)})
    processor = Processor(folder, downstream.endpoint, downstream.http_endpoint, directory=folder / "state", exporters=exporters, more=more)
    await asyncio.to_thread(processor.start)
    try:
        async with Sender(processor.port, patience_s=20.0) as sender:
            yield processor, sender
        assert 0 == await asyncio.to_thread(processor.stop)
    finally:
        processor.kill()
    assert "Traceback" not in processor.said()


def sent_by(sender: Sender) -> Sent:
    sent = Sent()
    sent.add(sender.acked)
    return sent


async def test_dead_for_longer_than_the_queue_lasts(tmp_path: Path) -> None:
    """Full, it asks to come back within two seconds, by RetryInfo; when downstream is back all that was taken arrives, and more."""
    others = Foreign(1)
    with Downstream(tmp_path) as downstream:
        downstream.tell(mode="dead")
        async with running(tmp_path, downstream, extensions={"file_storage": {"max_megabytes": 8}}) as (_, sender):
            taken = 0
            while not sender.codes and taken < 400:
                taken += await sender.attempt(others.request(400)) is None
            for _ in range(5):
                assert await sender.attempt(others.request(400)) is not None
            held = sum(map(len, sender.acked))
            downstream.tell(mode="ok")
            reader = Reader(downstream)
            await until(lambda: reader.has(sent_by(sender)), 20, "all that was taken arrives")
            for _ in range(5):
                await sender.send(others.request(400))
            await until(lambda: reader.has(sent_by(sender)), 20, "more arrives")

    assert 4 << 20 < held <= 8 << 20
    assert {"UNAVAILABLE"} == set(sender.codes)
    assert sender.codes.total() == len(sender.asked), "RetryInfo each time"
    assert 0 < min(sender.asked) <= max(sender.asked) <= 2


@pytest.mark.parametrize(
    "how",
    [
        {"mode": "flap", "up": 0.4, "down": 0.7},
        {"mode": "slow", "seconds": 0.3},
        {"mode": "never"},
        {"mode": "junk"},
        {"mode": "hang_up"},
        {"mode": "garbage"},
    ],
    ids=lambda how: how["mode"],
)
async def test_downstream_that_misbehaves_gets_everything_in_the_end(tmp_path: Path, how: dict[str, Any]) -> None:
    """Senders never notice: each request is answered OK at once."""
    others = Foreign(2)
    with Downstream(tmp_path) as downstream:
        downstream.tell(**how)
        async with running(tmp_path, downstream) as (_, sender):
            for number in range(30):
                assert await sender.attempt(others.request(200 if number % 3 else 3), timeout_s=5.0) is None
                await asyncio.sleep(0.05)
            await asyncio.sleep(1.0)
            downstream.tell(mode="ok")
            reader = Reader(downstream)
            await until(lambda: reader.has(sent_by(sender)), 20, "all that was taken arrives")
    again = sum(times - 1 for times in reader.delivered.ids.values())

    assert 0 == again or how["mode"] != "garbage", "an answer that cannot be read is an answer all the same"


def dead_letters(folder: Path) -> Sent:
    """Return what was put aside as refused for good."""
    sent = Sent()
    sent.add([path.read_bytes() for path in (folder / "state" / "dead_letters").glob("*.pb")])
    return sent


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_each_code_is_retried_or_put_aside(tmp_path: Path, protocol: str) -> None:
    """Each refusal once, then OK: what may be sent again arrives, what may not lies among the dead letters, nothing is neither or both."""
    others, left = Foreign(3), Sent()
    retried, refused = (RETRIED, REFUSED) if protocol == "grpc" else (("429", "502", "503", "504"), ("400", "413", "422", "500", "505"))
    waited = WAITED if protocol == "grpc" else ("401", "403", "404")
    with Downstream(tmp_path) as downstream:
        exporter = {**(by_grpc(downstream) if protocol == "grpc" else by_http(downstream)), "signals": ["traces"]}
        exporters = {f"otlp_{protocol}": exporter}
        async with running(tmp_path, downstream, exporters=exporters) as (_, sender):
            reader = Reader(downstream)
            for code in (*retried, *refused, *waited):
                before = downstream.tell(mode="refuse", code=code)["attempts"]
                await sender.send(others.request(20))
                await until(lambda at=before: reader.asked() > at, 10, f"an attempt under {code}")
                if code in refused:
                    left.add(sender.acked[-1:])
                    await until(lambda: left.foreign <= dead_letters(tmp_path).foreign, 10, f"a dead letter of {code}")
                downstream.tell(mode="ok")
                await until(lambda: reader.has_all(sent_by(sender).foreign - left.foreign), 10, f"all but refused ones, after {code}")
    reader.go_on()

    assert left.foreign == dead_letters(tmp_path).foreign
    assert set() == left.foreign & reader.delivered.spans.keys()


async def test_one_bad_request_does_not_cost_the_others(tmp_path: Path) -> None:
    """Requests that go on together and are refused together for one of them: that one is put aside, the others arrive."""
    others = Foreign(4)
    with Downstream(tmp_path) as downstream:
        downstream.tell(mode="dead")
        async with running(tmp_path, downstream) as (_, sender):
            for _ in range(40):
                await sender.send(others.request(5))
            bad = sender.acked[17]
            downstream.tell(mode="poison", span=next(iter(_sent([bad]).foreign)).hex())
            reader, expected = Reader(downstream), _sent([body for body in sender.acked if body is not bad])
            await until(lambda: reader.has(expected), 20, "all but the bad one arrive")
            await until(lambda: _sent([bad]).foreign <= dead_letters(tmp_path).foreign, 10, "the bad one is put aside")

    assert _sent([bad]).foreign == dead_letters(tmp_path).foreign
    assert 0 == sum(times - 1 for times in reader.delivered.spans.values())


def _sent(bodies: list[bytes]) -> Sent:
    sent = Sent()
    sent.add(bodies)
    return sent


@pytest.mark.parametrize("how", [{"mode": "dead"}, {"mode": "never"}, {"mode": "refuse", "code": "UNAVAILABLE", "wait": 30.0}], ids=str)
async def test_one_destination_never_holds_another(tmp_path: Path, how: dict[str, Any]) -> None:
    """The second gets everything while the first gets nothing, and the first gets it when it is back, after a kill, too."""
    others = Foreign(5)
    (tmp_path / "other").mkdir()
    with Downstream(tmp_path) as first, Downstream(tmp_path / "other") as second:
        first.tell(**how)
        exporters = {"otlp_grpc": by_grpc(first), "otlp_grpc/second": by_grpc(second)}
        async with running(tmp_path, first, exporters=exporters) as (processor, sender):
            for _ in range(20):
                await sender.send(others.request(100))
            reader = Reader(second)
            await until(lambda: reader.has(sent_by(sender)), 5, "the second has everything")
            await asyncio.to_thread(processor.kill)
            first.tell(mode="ok")
            await asyncio.to_thread(processor.start)
            late = Reader(first)
            await until(lambda: late.has(sent_by(sender)), 15, "the first has everything, too")
        reader.go_on()

    assert 20 * 100 == len(sent_by(sender).foreign)
