"""The whole processor in one process, over real sockets: what is answered, what arrives, what is counted."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_voice_processor import calls, delivery, judging, pipeline, service
from otel_voice_processor.config import Config, File, Judging, MetricsExporter, Receiver, Retry, Tls, TraceExporter
from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call, retry_delay
from otel_voice_processor.service import Service
from otel_voice_processor.testing import Sink, free_port, request_of
from otel_voice_processor.wire import build_request, encode_span
from otel_voice_schema import metrics as m

S = 1_000_000_000
PLAIN = Tls(insecure=True)
NO_RETRY = Retry(enabled=False)
EPISODE, CALL = "voice.interruption.episode", "voice.interruption.call"
LOST = "otel_voice_exporter_enqueue_failed_summaries"


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = 1_790_000_000 * S

    def __call__(self) -> int:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += round(seconds * S)


class Kept:
    """An exporter that keeps what it is sent, or raises `error`; while `gate` is closed it waits."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.error: Exception | None = None
        self.refuses: Callable[[bytes], bool] = lambda body: False
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = 0

    async def send(self, body: bytes, signal: str = "traces") -> None:
        self.entered += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if self.refuses(body):
            raise Permanent("told to refuse")
        self.bodies.append(body)

    async def close(self) -> None:
        pass

    def named(self, name: str) -> list[Span]:
        return [span for span in spans_in(self.bodies) if span.name == name]


def spans_in(bodies: list[bytes]) -> list[Span]:
    requests = (ExportTraceServiceRequest.FromString(body) for body in bodies)
    return [span for request in requests for group in request.resource_spans for scoped in group.scope_spans for span in scoped.spans]


def facts(span: Span) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in span.attributes}


def call_ids(spans: list[Span]) -> list[str]:
    return sorted(facts(span)["voice.call.id"] for span in spans)


def foreign(name: str) -> bytes:
    span = encode_span(name=name, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"", start_ns=1, end_ns=2, attributes={})
    return build_request({"service.name": "a"}, "s", "1", "", [span])


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        await asyncio.sleep(0.01)


async def export(port: int, body: bytes) -> ExportTraceServiceResponse:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        return ExportTraceServiceResponse.FromString(await raw_call(channel, TRACE_EXPORT)(body, timeout=5))


async def refused(port: int, body: bytes) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await export(port, body)
    return caught.value


def asked_wait(error: grpc.aio.AioRpcError) -> float | None:
    return retry_delay((str(key), value) for key, value in error.trailing_metadata() or ())


def configured(*endpoints: str, file: Path | None = None, timeout: float = 5.0, metrics: MetricsExporter | None = None) -> Config:
    return Config(
        receiver=Receiver(endpoint="127.0.0.1:0"),
        traces=tuple(TraceExporter(endpoint=one, tls=PLAIN, timeout=timeout, retry_on_failure=NO_RETRY) for one in endpoints),
        file=File(path=str(file)) if file else None,
        metrics=metrics,
        judging=Judging(settle_after=1.0),
    )


@asynccontextmanager
async def running(config: Config, **more: Any) -> AsyncIterator[Service]:
    one = Service(config, **more)
    await one.start()
    try:
        yield one
    finally:
        await one.stop(1.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "TICK_S", 0.01)


@pytest.fixture
def missed(timeline: Any) -> Callable[[str], bytes]:
    """A call of that id with one missed interruption."""

    def request(call_id: str) -> bytes:
        return request_of(timeline(call_id).started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).ends(12.0).events)

    return request


class TestSettling:
    """What settles is judged once, written once, and held up by nobody."""

    async def test_a_settle_judges_an_open_call_once(self, timeline: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many episodes settle at once, their call is joined once for all of them."""
        joined: list[str] = []
        real = calls.settle
        monkeypatch.setattr(calls, "settle", lambda due, *rest: joined.append(due.call_id) or real(due, *rest))
        long, kept = timeline("long").started(), Kept()
        for number in range(60):
            at = 20.0 * number
            long.speaks(f"r{number}", at + 1.0, at + 9.0).says("no the wrong date", at + 3.0, at + 4.0)
        async with running(configured(), clock=clock, exporter=kept) as one:
            await export(one.port, request_of(long.events))
            clock.pass_s(2)
            await until(lambda: len(kept.named(EPISODE)) >= 59)
            early = len(joined)
            await asyncio.sleep(0.05)

            assert early == len(joined) == 1
        assert ["long", "long"] == joined
        assert 60 == len(kept.named(EPISODE))
        assert 60 == len({span.span_id for span in kept.named(EPISODE)})

    async def test_a_stop_in_the_middle_of_counting_counts_all_of_it(self, timeline: Any, clock: Clock) -> None:
        """The call has left the book: its episodes are counted to the last and its spans queued, though the task is cancelled."""
        long = timeline("long").started()
        for number in range(60):
            at = 20.0 * number
            long.speaks(f"r{number}", at + 1.0, at + 9.0).says("no the wrong date", at + 3.0, at + 4.0)
        one = Service(configured(), clock=clock)
        book, parts = one._state.book, one._judging
        for event in long.ends(1_300.0).events:
            assert book.add(event, clock()) == "joined"
        (due,) = book.everything(clock())
        assert due is not None
        joined = parts._joined(due)
        parts._joined = lambda _: joined  # type: ignore[method-assign]  # in the loop, so that it is counting that is cancelled
        task = asyncio.create_task(parts._one(replace(due, events=due.events[:1])))
        book._open["long"].events = book._open["long"].events[:1]
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        clock.pass_s(1)
        points = [point for point in one.scorecard.points(clock()) if point.metric.name == "voice.interruption.episodes"]

        assert task.cancelled()
        assert 60 == sum(point.value for point in points)
        assert 1 == len(one._delivery._pending)  # type: ignore[attr-defined]

    async def test_a_policy_that_fails_on_one_call_costs_only_its_ruling(
        self, missed: Callable[[str], bytes], clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Verdicts stand without a ruling, for that call as for the others."""
        real, kept = pipeline.decide, Kept()
        failing = False

        def decide(*given: Any) -> Any:
            if failing:
                raise ZeroDivisionError
            return real(*given)

        monkeypatch.setattr(pipeline, "decide", decide)
        async with running(configured(), clock=clock, exporter=kept) as one:
            failing = True
            await export(one.port, missed("bad"))
            clock.pass_s(2)
            await until(lambda: kept.named(CALL))
            failing = False
            await export(one.port, missed("good"))
            clock.pass_s(2)
            await until(lambda: len(kept.named(CALL)) == 2)

        assert ["bad", "good"] == call_ids(kept.named(EPISODE))
        assert one.counters.get("otel_voice_processor_policy_failures")

    async def test_a_call_that_cannot_be_written_costs_no_other(
        self, missed: Callable[[str], bytes], clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is counted and logged; those before and after it are written."""
        real, kept = judging.summary_request, Kept()

        def write(episodes: Any, record: Any, **more: Any) -> bytes:
            if record.call_id == "b":
                raise ZeroDivisionError
            return real(episodes, record, **more)

        monkeypatch.setattr(judging, "summary_request", write)
        async with running(configured(), clock=clock, exporter=kept) as one:
            for name in "abc":
                await export(one.port, missed(name))
            clock.pass_s(2)
            await until(lambda: len(kept.named(CALL)) == 2)

        assert ["a", "c"] == call_ids(kept.named(CALL))
        assert 1 == one.counters.get("otel_voice_processor_settle_failures")

    async def test_the_root_span_says_of_its_call_what_its_episodes_say(self, timeline: Any, clock: Clock) -> None:
        """An episode that settled as missed stays so when a stop is told later, and `call.interrupted` agrees with it."""
        call = timeline("c").started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).event("silence.timeout", 30.0)
        late = timeline("c").started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).cut("r1", 3.4).ends(40.0)
        kept = Kept()
        async with running(configured(), clock=clock, exporter=kept) as one:
            await export(one.port, request_of(call.events))
            clock.pass_s(2)
            await until(lambda: kept.named(EPISODE))
            await export(one.port, request_of(late.events))
            clock.pass_s(2)
            await until(lambda: kept.named(CALL))
        (episode,), (root,) = kept.named(EPISODE), kept.named(CALL)

        assert "handled" == late.record().interrupted  # what the call would be without its history
        assert "missed_interruption" == facts(episode)["voice.interruption.verdict"]
        assert "mishandled" == facts(root)["voice.call.interrupted"]
        assert [episode.span_id.hex()] == [item.string_value for item in facts(root)["voice.call.episode.ids"].values]


class TestSummaries:
    """Our own spans wait while downstream is away, within a bound, and nothing is lost unsaid."""

    async def test_what_downstream_does_not_take_before_the_end_is_counted_and_logged(
        self, missed: Callable[[str], bytes], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nobody takes the summaries when the processor stops: they are given up, with their number."""
        async with Sink() as sink:
            async with running(configured(sink.endpoint)) as one:
                for name in "abc":
                    await export(one.port, missed(name))
                sink.refuse(grpc.StatusCode.UNAVAILABLE)
            await one.stop()

        assert 3 == one.counters.get(LOST)
        assert "3 summaries are given up: downstream does not take them" in caplog.text

    async def test_a_stop_in_the_middle_of_sending_loses_none(self, missed: Callable[[str], bytes], clock: Clock) -> None:
        """The tick that is cancelled while it sends puts back what it held, and the stop sends it."""
        kept = Kept()
        one = Service(configured(), clock=clock, exporter=kept)
        await one.start()
        for name in "abc":
            await export(one.port, missed(name))
        kept.gate.clear()
        before = kept.entered
        clock.pass_s(2)
        await until(lambda: kept.entered > before)
        stopping = asyncio.create_task(one.stop(1.0))
        await until(lambda: kept.entered > before + 1)
        kept.gate.set()
        await stopping

        assert ["a", "b", "c"] == call_ids(kept.named(CALL))
        assert 0 == one.counters.get(LOST)

    async def test_past_the_bound_the_oldest_go_and_are_counted(
        self, missed: Callable[[str], bytes], clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A downstream that is long away costs the oldest summaries, not the memory."""
        monkeypatch.setattr(delivery, "MAX_PENDING", 3)
        kept = Kept()
        async with running(configured(), clock=clock, exporter=kept) as one:
            for name in "abcde":
                await export(one.port, missed(name))
            kept.error = Retryable("away")
            clock.pass_s(2)
            await until(lambda: one.counters.get(LOST) == 2)
            kept.error = None
            await until(lambda: len(kept.named(CALL)) == 3)

        assert ["c", "d", "e"] == call_ids(kept.named(CALL))
        assert 2 == one.counters.get(LOST)

    async def test_more_than_may_wait_settle_at_once_and_none_is_lost(
        self, missed: Callable[[str], bytes], clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While downstream takes them, summaries are sent as calls settle: the bound is for a downstream that does not."""
        monkeypatch.setattr(delivery, "MAX_PENDING", 3)
        monkeypatch.setattr(delivery, "BATCH", 2)
        kept = Kept()
        async with running(configured(), clock=clock, exporter=kept) as one:
            for name in "abcdefgh":
                await export(one.port, missed(name))
            clock.pass_s(2)
            await until(lambda: len(kept.named(CALL)) == 8)

        assert list("abcdefgh") == call_ids(kept.named(CALL))
        assert 0 == one.counters.get(LOST)

    async def test_one_summary_refused_for_good_costs_no_other(self, missed: Callable[[str], bytes], clock: Clock) -> None:
        """What was refused together goes again one by one."""
        kept = Kept()
        async with running(configured(), clock=clock, exporter=kept) as one:
            for name in "abcde":
                await export(one.port, missed(name))
            kept.refuses = lambda body: any(span.name == CALL and facts(span)["voice.call.id"] == "b" for span in spans_in([body]))
            clock.pass_s(2)
            await until(lambda: len(kept.named(CALL)) == 4)

        assert ["a", "c", "d", "e"] == call_ids(kept.named(CALL))
        assert 1 == one.counters.get("otel_voice_exporter_send_failed_summaries")

    async def test_a_failure_that_nobody_foresaw_keeps_them(self, missed: Callable[[str], bytes], clock: Clock) -> None:
        """An exporter that raises something of its own is tried again at the next tick."""
        kept = Kept()
        async with running(configured(), clock=clock, exporter=kept) as one:
            await export(one.port, missed("a"))
            kept.error = OSError("odd")
            before = kept.entered
            clock.pass_s(2)
            await until(lambda: kept.entered > before + 1)
            kept.error = None
            await until(lambda: kept.named(CALL))

        assert ["a"] == call_ids(kept.named(CALL))


class TestDownstream:
    """What a sender is answered, whatever downstream does."""

    async def test_a_refusal_by_one_of_two_is_a_warning(self, missed: Callable[[str], bytes], caplog: pytest.LogCaptureFixture) -> None:
        """The other has it: OK with the refusal named, counted, logged once; its events are joined."""
        async with Sink() as good, Sink() as bad, running(configured(bad.endpoint, good.endpoint)) as one:
            bad.refuse(grpc.StatusCode.INVALID_ARGUMENT)
            answers = [await export(one.port, missed(name)) for name in "ab"]
            taken = good.span_count()
            joined = one.counters.get("otel_voice_processor_events", outcome="joined")

            assert 2 == one.counters.get("otel_voice_exporter_send_failed_requests", reason="invalid_argument")
            assert 2 == one.counters.get("otel_voice_receiver_accepted_requests")
            assert f"`{bad.endpoint}` answered INVALID_ARGUMENT: told to refuse" == answers[0].partial_success.error_message
            assert 0 == answers[0].partial_success.rejected_spans
            assert 14 == taken == joined
            assert 1 == caplog.text.count("refused for good by one destination")

    async def test_what_all_refuse_for_good_is_refused_for_good(self, missed: Callable[[str], bytes]) -> None:
        """The sender is told the code, and nothing is joined."""
        async with Sink() as first, Sink() as second, running(configured(first.endpoint, second.endpoint)) as one:
            first.refuse(grpc.StatusCode.PERMISSION_DENIED)
            second.refuse(grpc.StatusCode.INVALID_ARGUMENT)

            assert grpc.StatusCode.PERMISSION_DENIED == (await refused(one.port, missed("a"))).code()
            assert 0 == one.counters.total("otel_voice_processor_events")

    async def test_what_one_may_still_take_is_asked_for_again(self, missed: Callable[[str], bytes]) -> None:
        """A destination that is away outranks one that refuses and one that has it."""
        async with Sink() as good, Sink() as bad, Sink() as away:
            bad.refuse(grpc.StatusCode.INVALID_ARGUMENT)
            away.refuse(grpc.StatusCode.UNAVAILABLE)
            async with running(configured(bad.endpoint, good.endpoint, away.endpoint)) as one:
                error = await refused(one.port, missed("a"))

        assert grpc.StatusCode.UNAVAILABLE == error.code()
        assert 1.0 == asked_wait(error)
        assert 0 == one.counters.total("otel_voice_processor_events")

    async def test_a_downstream_that_knows_no_traces_is_told_to_the_sender(self, missed: Callable[[str], bytes]) -> None:
        """UNIMPLEMENTED is for good: the endpoint is wrong, and the answer names it."""
        async with Sink() as sink, running(configured(sink.endpoint)) as one:
            sink.refuse(grpc.StatusCode.UNIMPLEMENTED)
            error = await refused(one.port, missed("a"))
            sink.accept()

        assert grpc.StatusCode.UNIMPLEMENTED == error.code()
        assert f"`{sink.endpoint}`" in (error.details() or "")
        assert 1 == one.counters.get("otel_voice_receiver_failed_requests", reason="unimplemented")

    async def test_a_slow_downstream_is_not_waited_for(self, missed: Callable[[str], bytes]) -> None:
        """Past `timeout` the sender is asked to come back, and once downstream is quick again it succeeds."""
        async with Sink() as sink, running(configured(sink.endpoint, timeout=0.1)) as one:
            sink.slow(3.0)
            began = time.monotonic()
            error = await refused(one.port, missed("a"))
            took = time.monotonic() - began
            sink.slow(0.0)
            await export(one.port, missed("a"))

        assert grpc.StatusCode.UNAVAILABLE == error.code()
        assert 1.0 == asked_wait(error)
        assert took < 2.0

    async def test_a_flapping_downstream_loses_nothing_that_was_answered_ok(self) -> None:
        """It refuses, takes, refuses, goes away and comes back; all that was answered OK is there, and nothing else."""
        sink = Sink(free_port())
        await sink.start()
        ok: list[str] = []
        asked: list[tuple[grpc.StatusCode, bool]] = []
        async with running(configured(sink.endpoint, timeout=1.0)) as one:

            async def ten(name: str) -> None:
                for number in range(10):
                    try:
                        await export(one.port, foreign(f"{name}{number}"))
                        ok.append(f"{name}{number}")
                    except grpc.aio.AioRpcError as error:
                        asked.append((error.code(), asked_wait(error) is not None))

            for code in (grpc.StatusCode.UNAVAILABLE, None, grpc.StatusCode.ABORTED, None):
                if code is None:
                    sink.accept()
                else:
                    sink.refuse(code)
                await ten(str(code))
            taken = [span.name for span in sink.spans()]
            await sink.stop()
            await ten("away")
            sink = Sink(sink.port)
            await sink.start()
            give_up = time.monotonic() + 4
            while len(ok) == 20 and time.monotonic() < give_up:
                await ten("back")
                await asyncio.sleep(0.05)
            taken += [span.name for span in sink.spans()]
        await sink.stop()

        assert len(ok) > 20
        assert ok == taken
        assert len(asked) >= 30
        assert {(grpc.StatusCode.UNAVAILABLE, True)} == set(asked)

    async def test_a_file_that_cannot_be_written_asks_the_sender_to_come_back(self, tmp_path: Path, missed: Callable[[str], bytes]) -> None:
        """UNAVAILABLE with a wait and the file's name; once it can be written, the same request succeeds."""
        path = tmp_path / "absent" / "traces.jsonl"
        async with running(configured(file=path)) as one:
            error = await refused(one.port, missed("a"))
            path.parent.mkdir()
            await export(one.port, missed("a"))

        assert grpc.StatusCode.UNAVAILABLE == error.code()
        assert 1.0 == asked_wait(error)
        assert str(path) in (error.details() or "")
        assert 2 == len(path.read_text(encoding="utf-8").splitlines())

    async def test_two_hundred_connections_at_once(self) -> None:
        """Each sends twenty requests, none fails, every span arrives."""
        connections, each = 200, 20
        async with Sink() as sink, running(configured(sink.endpoint)) as one:

            async def client(number: int) -> None:
                options = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
                async with grpc.aio.insecure_channel(f"127.0.0.1:{one.port}", options=options) as channel:
                    send = raw_call(channel, TRACE_EXPORT)
                    for turn in range(each):
                        assert b"" == await send(foreign(f"{number}.{turn}"), timeout=60)

            await asyncio.gather(*(client(number) for number in range(connections)))
            arrived = {span.name for span in sink.spans()}

        assert {f"{number}.{turn}" for number in range(connections) for turn in range(each)} == arrived
        assert connections * each == one.counters.get("otel_voice_receiver_accepted_requests")


class Odd:
    """A metrics endpoint of `mood`: it answers 200, 503 or 404, resets, talks nonsense, drips, or says nothing at all."""

    def __init__(self) -> None:
        self.mood = "200"
        self.taken: list[bytes] = []
        self.seen: list[bytes] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(size)
            self.seen.append(body)
            if self.mood == "200":
                self.taken.append(body)
            await self._say(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter) -> None:
        if self.mood.isdigit():
            writer.write(f"HTTP/1.1 {self.mood} so\r\ncontent-length: 3\r\n\r\nso\n".encode())
        elif self.mood == "reset":
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.mood == "nonsense":
            writer.write(b"220 mail.example ESMTP\r\n\r\n")
        elif self.mood == "silent":
            await asyncio.sleep(1.0)
        elif self.mood in {"drip", "drip_body"}:
            writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " if self.mood == "drip" else b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            for _ in range(50):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)


def values(body: bytes, name: str) -> list[tuple[int, int]]:
    """Return time and value of each point of a counter."""
    (group,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    found = [metric for scoped in group.scope_metrics for metric in scoped.metrics if metric.name == name]
    return [(point.time_unix_nano, point.as_int) for metric in found for point in metric.sum.data_points]


@asynccontextmanager
async def odd() -> AsyncIterator[tuple[Odd, MetricsExporter]]:
    one = Odd()
    server = await asyncio.start_server(one.answer, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one, MetricsExporter(endpoint=f"http://127.0.0.1:{one.port}", interval=0.02, timeout=0.1)
    finally:
        server.close()


class TestMetrics:
    """The scorecard finds its way out whenever there is one, and never stands in the traces' way."""

    @pytest.mark.parametrize("mood", ["404", "503", "reset", "nonsense", "silent", "drip", "drip_body"])
    async def test_an_odd_endpoint_is_survived(self, mood: str, caplog: pytest.LogCaptureFixture) -> None:
        """Pushes fail and are counted, traces are answered at once, and when the endpoint is mended the next push is taken."""
        async with odd() as (endpoint, metrics), running(configured(metrics=metrics)) as one:
            endpoint.mood = mood
            slowest = 0.0
            while len(endpoint.seen) < 3:
                began = time.monotonic()
                await export(one.port, foreign("x"))
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.005)
            failed = one.counters.get("otel_voice_exporter_send_failed_metric_points")
            endpoint.mood = "200"
            await until(lambda: endpoint.taken)

        assert failed > 0
        assert slowest < 0.5
        assert "metrics were not taken" in caplog.text

    @pytest.mark.parametrize("mood", ["silent", "drip", "drip_body"])
    async def test_an_endpoint_that_never_ends_its_answer_does_not_hold_up_the_stop(self, mood: str) -> None:
        """Its thread is woken when time is up, so that the process can exit."""
        async with odd() as (endpoint, metrics):
            endpoint.mood = mood
            one = Service(configured(metrics=metrics))
            await one.start()
            await export(one.port, foreign("x"))
            await until(lambda: endpoint.seen)
            began = time.monotonic()
            await one.stop(1.0)
            await asyncio.get_running_loop().shutdown_default_executor()
            took = time.monotonic() - began

        assert took < 0.7

    async def test_an_endpoint_that_is_away_is_found_when_it_comes_back(self) -> None:
        """The same by gRPC: nobody there, a refusal, then a push that is taken."""
        sink = Sink(free_port())
        metrics = MetricsExporter(endpoint=sink.endpoint, protocol="grpc", interval=0.02, timeout=0.5, tls=PLAIN)
        async with running(configured(metrics=metrics)) as one:
            await export(one.port, foreign("x"))
            await until(lambda: one.counters.get("otel_voice_exporter_send_failed_metric_points"))
            sink.refuse(grpc.StatusCode.INVALID_ARGUMENT, times=1)
            await sink.start()
            await until(lambda: sink.metric_requests)
        await sink.stop()

        assert sink.attempts >= 2

    async def test_a_new_series_begins_with_zero_also_after_a_push_that_failed(self, missed: Callable[[str], bytes], clock: Clock) -> None:
        """The first push that is taken shows 0 and then the value, otherwise `increase()` never sees the episode."""

        def moved(condition: object) -> object:
            clock.pass_s(0.01)
            return condition

        async with odd() as (endpoint, metrics), running(configured(metrics=metrics), clock=clock) as one:
            endpoint.mood = "503"
            await export(one.port, missed("a"))
            clock.pass_s(2)
            await until(lambda: moved(any(values(body, m.INTERRUPTION_EPISODES) for body in endpoint.seen)))
            endpoint.mood = "200"
            await until(lambda: moved(endpoint.taken))

        assert [0, 1] == [value for _, value in values(endpoint.taken[0], m.INTERRUPTION_EPISODES)]
        assert sorted(values(endpoint.taken[0], m.CALLS)) == values(endpoint.taken[0], m.CALLS)

    async def test_no_second_zero_where_the_first_may_have_arrived(self, missed: Callable[[str], bytes], clock: Clock) -> None:
        """A push whose answer was lost may be stored: it is sent again as it was, and what comes after begins with no second zero."""

        def moved(condition: object) -> object:
            clock.pass_s(0.01)
            return condition

        async with odd() as (endpoint, metrics), running(configured(metrics=metrics), clock=clock) as one:
            endpoint.mood = "silent"
            await export(one.port, missed("a"))
            clock.pass_s(2)
            await until(lambda: moved(any(values(body, m.INTERRUPTION_EPISODES) for body in endpoint.seen)))
            endpoint.mood = "200"
            await until(lambda: moved(any(values(body, m.INTERRUPTION_EPISODES) for body in endpoint.taken)))
            await until(lambda: moved(len([body for body in endpoint.taken if values(body, m.INTERRUPTION_EPISODES)]) > 1))
        first = next(body for body in endpoint.seen if values(body, m.INTERRUPTION_EPISODES))
        again, then = [body for body in endpoint.taken if values(body, m.INTERRUPTION_EPISODES)][:2]

        assert [0, 1] == [value for _, value in values(first, m.INTERRUPTION_EPISODES)]
        assert first == again
        assert [1] == [value for _, value in values(then, m.INTERRUPTION_EPISODES)]
        assert values(then, m.INTERRUPTION_EPISODES)[0] > values(first, m.INTERRUPTION_EPISODES)[1]
