"""The composition root: builds every part from the config, starts them in order and stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from otel_voice.emit import derive_ids
from otel_voice.policy import Policy, PolicyError, load_default, load_policy
from otel_voice_processor.arrivals import Arrivals
from otel_voice_processor.calls import Bounds, CallBook
from otel_voice_processor.config import Config
from otel_voice_processor.errors import ConfigError, Permanent, Retryable, Unsure
from otel_voice_processor.export_metrics import MetricsExporter, encode_metrics
from otel_voice_processor.file_exporter import FileExporter
from otel_voice_processor.forward import Exporter, FanOut, GrpcExporter
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.receiver import Receiver
from otel_voice_processor.redact import without_text
from otel_voice_processor.rpc import check_tls
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import Point
from otel_voice_processor.settling import Due, Held, Settled
from otel_voice_processor.status import StatusServer
from otel_voice_processor.summary import resource_attributes, summary_request
from otel_voice_processor.telemetry import Counters, OwnPoints
from otel_voice_processor.wire import partial_success

LOG = logging.getLogger("otel_voice_processor")
S = 1_000_000_000
TICK_S = 1.0
BATCH = 200  # summaries in one request
COUNTED = 50  # episodes counted in one go, some 2 ms
INLINE = 200  # events that are joined between two requests, some 3 ms; a call of more is joined in a thread
MAX_PENDING = 10_000  # summaries waiting for downstream; past it the oldest go, counted


def policy_of(config: Config) -> Policy:
    """Return the policy the config names, or the default; raise `ConfigError` with every problem of the file."""
    if config.judging.policy is None:
        return load_default()
    try:
        return load_policy(config.judging.policy)
    except PolicyError as error:
        raise ConfigError(list(error.problems)) from None


def tune_malloc() -> None:
    """Keep large request buffers on the heap: glibc's default maps fresh pages for each, which costs a third of the throughput."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((-3, 32 << 20), (-1, 512 << 20), (-2, 16 << 20)):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD
            libc.mallopt(option, value)


def tune_gc() -> None:
    """Keep the collector from walking over all open calls again and again; what they are made of has no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 5, 5_000)


def root_ids(call_id: str) -> tuple[bytes, bytes]:
    """Return a call's trace id and root span id, as the helpers derive them."""
    trace_id, span_id = derive_ids(call_id)
    return trace_id.to_bytes(16, "big"), span_id.to_bytes(8, "big")


class Service:
    """The processor. `on_call` is told each call record as it settles, without text unless the config keeps it.

    `exporter` replaces the configured ones.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], int] = time.time_ns,
        on_call: Callable[[CallRecord], None] | None = None,
        exporter: Exporter | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._on_call = on_call
        self._instance = str(uuid.uuid4())
        self.counters = Counters()
        judging = config.judging
        policy = policy_of(config)
        self._pipeline = Pipeline(policy, self.counters, keep_text=judging.keep_transcript_text, accept_aliases=judging.accept_aliases)
        bounds = Bounds(
            settle_after_ns=int(judging.settle_after * S),
            expire_after_ns=int(judging.expire_after * S),
            forget_after_ns=int(judging.forget_after * S),
            max_calls=judging.max_calls,
            max_events=judging.max_events_per_call,
        )
        self._book = CallBook(self._pipeline.rule, policy.version, root_ids, bounds)
        started_ns = clock()
        self.scorecard = Scorecard(started_ns, by_agent=judging.agent_name_label)
        self._own = OwnPoints(self.counters, started_ns)
        self._file = FileExporter(config.file, self.counters, clock=clock) if config.file and exporter is None else None
        self._exporter = exporter or FanOut(_exporters(config, self._file), self.counters)
        self._metrics = MetricsExporter.of(config.metrics) if config.metrics else None
        self._receiver = Receiver(self._consume, config.receiver, self.counters)
        self._arrivals = Arrivals()
        self._status = StatusServer(config.status, self._arrivals.told) if config.status else None
        self._pending: deque[bytes] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    @property
    def port(self) -> int:
        """Return the port that OTLP comes in by."""
        return self._receiver.port

    @property
    def status_port(self) -> int:
        """Return the port that `GET /calls/{id}` is answered on, 0 where there is none."""
        return self._status.port if self._status else 0

    async def start(self) -> None:
        """Open file and port and start the clocks; raise `FileUnusable`, `PortTaken` or `TlsUnusable` where that cannot be."""
        for part in (*self._config.traces, self._config.metrics):
            if part is not None:
                check_tls(part.endpoint, part.tls)
        if self._file is not None:
            await self._file.start()
        try:
            await self._receiver.start()
        except BaseException:
            if self._file is not None:
                await self._file.close()  # another may have it
            raise
        if self._status is not None:
            await self._status.start()
        self._stopping.clear()
        self._tasks = [asyncio.create_task(self._ticking())]
        if self._metrics is not None:
            self._tasks.append(asyncio.create_task(self._pushing(self._config.metrics.interval if self._config.metrics else 60.0)))

    async def stop(self, grace_s: float = 10.0) -> None:
        """Stop receiving, settle what is open, flush, close. Safe before `start` and twice."""
        await self._receiver.stop(grace_s)
        if self._status is not None:
            await self._status.stop()
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)  # what is being sent now would else be sent twice
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.settle_all()
        if self._pending:
            self.counters.add("otel_voice_exporter_enqueue_failed_summaries", len(self._pending))
            LOG.error("%d summaries were not taken by downstream and are given up", len(self._pending))
            self._pending.clear()
        await self._push_metrics()
        await self._exporter.close()
        counts = (f"{name}{dict(labels) or ''} {value}" for (name, labels), value in sorted(self.counters.snapshot().items()))
        LOG.info("counted: %s", ", ".join(counts) or "nothing")
        if self._metrics is not None:
            await self._metrics.close()

    async def settle_all(self) -> None:
        """Settle every open call as if all time had passed."""
        await self._take(self._book.everything(self._clock()))

    async def _consume(self, body: bytes, signal: str) -> bytes:
        """Take one request: answered OK only after downstream has it; joined and counted after that."""
        processed = await self._pipeline.process(body, signal)
        refusal = await self._exporter.send(processed.body, signal)
        now = self._clock()
        for event in processed.events:
            self._join(event, now)
        for refused in processed.refused:
            self._arrivals.refuse(*refused)
        return partial_success("; ".join(warning for warning in (refusal, processed.warning) if warning))

    def _join(self, event: VoiceEvent, now_ns: int) -> None:
        outcome = self._book.add(event, now_ns)
        self._arrivals.add(event, now_ns, outcome)
        self.counters.add("otel_voice_processor_events", outcome=outcome)

    async def _take(self, due: Iterable[Due | None]) -> None:
        """Join what is due, count what settled, write its spans; a call that cannot be judged does not hold up the others."""
        taken, given_up = True, 0  # whether downstream took what it was asked to in this round
        try:
            for item in due:
                if item is None:
                    await asyncio.sleep(0)
                    continue
                try:
                    await self._settle(item)
                except Exception:
                    LOG.exception("a call could not be settled")
                    self.counters.add("otel_voice_processor_settle_failures")
                    self._book.give_up(item)
                if taken and len(self._pending) >= BATCH:  # thousands of calls may settle at once
                    taken = await self._drain()
                if len(self._pending) > MAX_PENDING:
                    self._pending.popleft()
                    given_up += 1
                await asyncio.sleep(0)  # requests come between two calls
        except Exception:  # the book itself tripped; what it gave until then is sent all the same
            LOG.exception("a tick failed")
            self.counters.add("otel_voice_processor_tick_failures")
        if given_up:
            self.counters.add("otel_voice_exporter_enqueue_failed_summaries", given_up)
            LOG.error("%d summaries, the oldest, are given up: no more than %d wait for downstream", given_up, MAX_PENDING)
        if taken:
            await self._drain()

    async def _settle(self, due: Due) -> None:
        """Join one call, a long one in a thread so that requests go on, and count and write what settled of it."""
        joined, written = await asyncio.to_thread(self._joined, due) if len(due.events) > INLINE else self._joined(due)
        settled = self._book.take(due, joined, self._clock())
        if settled is None:
            return
        counting = self._write(settled, written)
        try:
            for _ in counting:
                await asyncio.sleep(0)
        finally:
            for _ in counting:  # a stop in the middle leaves nothing half counted: the book knows the call no more
                pass

    def _joined(self, due: Due) -> tuple[tuple[Settled, Held], bytes]:
        """Join a call and write its spans, which changes nothing; empty where there are none."""
        joined = self._book.join(due)
        item = joined[0]
        if not (item.episodes or item.whole):
            return joined, b""
        return joined, summary_request(item.episodes, item.record, whole=item.whole, instance=self._instance)

    def _write(self, item: Settled, written: bytes) -> Iterator[None]:
        """Count what settled and queue its spans, step by step."""
        now, record = self._clock(), item.record
        if written:
            self._pending.append(written)
        for number, episode in enumerate(item.episodes, 1):
            self.scorecard.count_episode(episode, record, now)
            if number % COUNTED == 0:
                yield
        for number, episode in enumerate(item.aftermaths, 1):
            self.scorecard.count_aftermath(episode, record, now)
            if number % COUNTED == 0:
                yield
        if item.whole:
            self.scorecard.count_call(record, now)
            self._arrivals.settle(record)
            self._count_call(record)
        if item.whole and self._on_call is not None:
            self._on_call(record if self._config.judging.keep_transcript_text else without_text(record))

    def _count_call(self, record: CallRecord) -> None:
        self.counters.add("otel_voice_processor_settled_calls", ended="expired" if record.ended_by == "expired" else "told")
        if not record.started_seen:
            self.counters.add("otel_voice_processor_unstarted_calls")

    async def _drain(self) -> bool:
        """Send waiting summaries, tell whether all were taken; what downstream cannot take now waits for the next tick."""
        singly = 0  # how many go one by one, since together they were refused for good: one must not cost the others
        while self._pending:
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), 1 if singly else BATCH))]
            try:
                await self._exporter.send(b"".join(batch))  # serialised requests concatenate into one
            except Permanent as error:
                if len(batch) > 1:
                    self._pending.extendleft(reversed(batch))
                    singly = len(batch)
                    continue
                self.counters.add("otel_voice_exporter_send_failed_summaries")
                LOG.error("downstream refused a summary for good: %s", error)
            except BaseException as error:  # a stop comes as one, too
                self._pending.extendleft(reversed(batch))
                if not isinstance(error, Exception):
                    raise
                LOG.warning("summaries wait for downstream: %s", error, exc_info=not isinstance(error, Retryable))
                return False
            singly = max(singly - 1, 0)
        return True

    async def _ticking(self) -> None:
        while await self._goes_on(TICK_S):
            try:
                await self._take(self._book.due(self._clock()))
            except Exception:  # nothing that goes wrong once may stop the clock for good
                LOG.exception("a tick failed")
                self.counters.add("otel_voice_processor_tick_failures")

    async def _pushing(self, interval_s: float) -> None:
        while await self._goes_on(interval_s):
            await self._push_metrics()

    async def _goes_on(self, seconds: float) -> bool:
        """Wait, and tell whether the service still runs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return not self._stopping.is_set()

    async def _push_metrics(self) -> None:
        if self._metrics is None:
            return
        now = self._clock()
        points: list[Point] = [*self.scorecard.points(now), *self._own.points(now)]
        if not points:
            return
        try:
            await self._metrics.send(encode_metrics(resource_attributes(self._instance), points))
        except Exception as error:  # whatever the endpoint is: traces never wait for metrics; cumulative points tell the rest next time
            self.counters.add("otel_voice_exporter_send_failed_metric_points", len(points))
            if not isinstance(error, Unsure):  # a second zero after a value that did arrive would count it twice
                self.scorecard.not_taken()
                self._own.not_taken()
            LOG.warning("metrics were not taken: %s", error)


def _exporters(config: Config, file: FileExporter | None) -> list[Exporter]:
    return [*(GrpcExporter.of(traces) for traces in config.traces), *([file] if file is not None else [])]
