"""HTTP for probes and the doctor: no content, to loopback alone, and never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from otel_voice_processor import status
from otel_voice_processor.arrivals import Arrivals
from otel_voice_processor.config import Config, Receiver
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.service import Service
from otel_voice_processor.status import SERVING, StatusServer
from otel_voice_processor.testing import free_port


def event(call_id: str, name: str = "call_started", trace: int = 1) -> VoiceEvent:
    return VoiceEvent(
        name=f"voice.interruption.{name}",
        call_id=call_id,
        time_ns=10**9,
        start_ns=10**9,
        trace_id=bytes([trace]) * 16,
        span_id=b"s" * 8,
        attributes={"voice.caller.transcript.text": "s3cret"},
    )


def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_calls_are_told_by_counts_alone() -> None:
    """Names, numbers and traces; nothing that anybody said."""
    arrivals = Arrivals()
    for trace in (1, 2, 2):
        arrivals.add(event("a", trace=trace), 3 * 10**9, "joined")
    told = arrivals.told("a")

    assert told == {
        "call_id": "a",
        "state": "open",
        "events": {"call_started": 3},
        "outcomes": {"joined": 3},
        "refused": {},
        "traces": 2,
        "newest_lag_ms": 2000,
    }
    assert arrivals.told("b") is None


def test_what_could_not_be_judged_is_told_with_its_problem() -> None:
    """Of each event how many, and what was wrong with the newest; without a call id it is nobody's."""
    arrivals = Arrivals()
    for problem in ("first", "second"):
        arrivals.refuse("a", "voice.interruption.recovered", problem)
    arrivals.refuse("", "voice.interruption.recovered", "no id")
    told = arrivals.told("a")

    assert told is not None
    assert {"recovered": {"count": 2, "problem": "second"}} == told["refused"]
    assert arrivals.told("") is None


def test_only_the_newest_calls_are_held() -> None:
    """The oldest is forgotten, whatever its state."""
    arrivals = Arrivals(most=2)
    for name in "abc":
        arrivals.add(event(name), 0, "joined")

    assert [None, "b", "c"] == [(arrivals.told(name) or {}).get("call_id") for name in "abc"]


async def test_it_answers_probes_and_questions() -> None:
    """`/`, a call, a call that never was, another path; a slow client holds up nobody."""
    server = StatusServer("127.0.0.1:0", {"a b/c": {"x": 1}}.get)
    await server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.send(b"GET / HT")
        answers = [await asyncio.to_thread(get, server.port, path) for path in ("/", "/calls/a%20b%2Fc", "/calls/z", "/x")]
        await server.stop()
        await server.stop()

    assert [200, 200, 404, 404] == [status for status, _ in answers]
    assert (SERVING, {"x": 1}) == (answers[0][1], answers[1][1])


async def test_a_port_that_is_taken_does_not_stop_the_processor(caplog: pytest.LogCaptureFixture) -> None:
    """Traces do not depend on it: one warning, and it goes on."""
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), status=f"127.0.0.1:{port}"))
        with caplog.at_level(logging.WARNING):
            await service.start()
        await service.stop()

    assert service.port
    assert f"cannot listen on `127.0.0.1:{port}`" in caplog.text


async def test_it_tells_how_it_is() -> None:
    """What else there is to tell stands beside the words that probes know, even while the loop is busy."""
    server = StatusServer("127.0.0.1:0", {}.get, lambda: {"policy": {"version": "p1"}})
    await server.start()
    asking = asyncio.create_task(asyncio.to_thread(get, server.port, "/"))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the loop is busy

    assert (200, SERVING | {"policy": {"version": "p1"}}) == await asking
    await server.stop()


async def test_who_asks_in_vain_holds_up_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many connections that never ask, or a letter now and then: the oldest go, none stays for long, and a probe is answered."""
    monkeypatch.setattr(status, "PATIENCE_S", 0.5)
    server = StatusServer("127.0.0.1:0", {}.get)
    threads = threading.active_count()
    await server.start()
    with contextlib.ExitStack() as lines:
        slow = [lines.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(300)]
        assert (200, SERVING) == await asyncio.to_thread(get, server.port, "/")
        assert status.MOST_OPEN + 40 > threading.active_count() - threads
        given_up = time.monotonic() + 5
        while threading.active_count() > threads + 10:
            assert time.monotonic() < given_up, "they are kept for ever"
            for line in slow:
                with contextlib.suppress(OSError):
                    line.send(b"G")
            await asyncio.sleep(0.05)
        assert (200, SERVING) == await asyncio.to_thread(get, server.port, "/")
    await server.stop()
