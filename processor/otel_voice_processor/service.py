"""The composition root: builds every part from the config, starts them in order and stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from otel_voice.emit import derive_ids
from otel_voice.policy import Policy, PolicyError, load_default, load_policy
from otel_voice_processor import config as settings
from otel_voice_processor.arrivals import Arrivals
from otel_voice_processor.calls import Bounds, CallBook
from otel_voice_processor.clock import Onward, WatchedClock
from otel_voice_processor.config import Config
from otel_voice_processor.delivery import Delivery, Direct, Durable
from otel_voice_processor.errors import ConfigError
from otel_voice_processor.export_metrics import MetricsExporter
from otel_voice_processor.file_exporter import FileExporter
from otel_voice_processor.forward import DeadLetters, Exporter, destinations, fan_out
from otel_voice_processor.journal import Damaged, Journal
from otel_voice_processor.judging import Judging
from otel_voice_processor.memory_limiter import MemoryLimiter
from otel_voice_processor.metrics_push import MetricsPush
from otel_voice_processor.model import CallRecord
from otel_voice_processor.paths import journal_directory
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.policy_in_force import PolicyInForce
from otel_voice_processor.receiver import Receiver
from otel_voice_processor.redact import without_text
from otel_voice_processor.rpc import check_tls
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import Point
from otel_voice_processor.state import FORMAT, OtherFormat, State
from otel_voice_processor.status import StatusServer
from otel_voice_processor.summary import resource_attributes
from otel_voice_processor.telemetry import Counters, OwnPoints
from otel_voice_processor.wire import codec, partial_success

LOG = logging.getLogger("otel_voice_processor")
S = 1_000_000_000
TICK_S = 1.0
STOOD_S = 5.0  # a tick that comes so late was held up by more than work


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

    `clock` is the wall clock, `steady` one that nobody sets. `exporter` replaces the configured ones; with it, and with `directory: none`,
    nothing is kept on disk.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] | None = None,
        on_call: Callable[[CallRecord], None] | None = None,
        exporter: Exporter | None = None,
    ) -> None:
        self._config = config
        self._steady = steady or (time.monotonic_ns if clock is time.time_ns else clock)
        self._clock = WatchedClock(clock, self._steady, self._jumped)  # on the loop only: what it does about a jump is for one thread
        directory = journal_directory(config) if exporter is None else None
        judging = config.judging
        policy = policy_of(config)
        started_ns = clock()
        self.counters = Counters()
        self._pipeline = Pipeline(policy, self.counters, keep_text=judging.keep_transcript_text, accept_aliases=judging.accept_aliases)
        self.scorecard = Scorecard(started_ns, by_agent=judging.agent_name_label)
        book = CallBook(partial(self._pipeline.rule_by, policy), policy.version, root_ids, _bounds(config))
        self.policy = PolicyInForce(policy, judging.policy, self.counters, self._switch, clock)
        self._state = State(
            book=book,
            scorecard=self.scorecard,
            counters=self.counters,
            own=OwnPoints(self.counters, started_ns),
            saved=directory is not None,
        )
        self._arrivals = Arrivals()
        self._judging = Judging(self._state, self._arrivals, self._put, clock=self._clock, on_call=_private(on_call, config))
        self._file = FileExporter(config.file, self.counters, clock=clock) if config.file and exporter is None else None
        self._journal: Journal | None = None
        if directory is None:
            self._delivery: Delivery = Direct(exporter or fan_out(config, self.counters, self._file), self.counters)
        else:
            self._journal = Journal(directory, config.storage, self.counters, clock=clock, settling=self._judging.settling)
            most = config.storage.max_dead_letter_megabytes << 20
            letters = DeadLetters(directory / "dead_letters", most, self.counters, clock=clock)
            out = destinations(config, self._journal, letters, self.counters, self._file)
            self._delivery = Durable(self._journal, out, letters, most)
        self._metrics = self._metrics_push(config.metrics) if config.metrics else None
        self._limiter = MemoryLimiter.of(config.memory_limiter, self.counters)
        self._receiver = Receiver(self._consume, config.receiver, self.counters, self._limiter)
        self._status = StatusServer(config.status, self._arrivals.told, self._about) if config.status else None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def _switch(self, policy: Policy) -> None:
        """Rule by another policy: what arrives and what settles, in one step."""
        self._pipeline.switch(policy)
        self._state.book.rule_by(partial(self._pipeline.rule_by, policy), policy.version)

    def _about(self) -> dict[str, Any]:
        told: dict[str, Any] = {"policy": self.policy.told(), "codec": codec()} | (
            {"memory": self._limiter.told()} if self._limiter is not None else {}
        )
        return told | ({"journal": self._delivery.told()} if isinstance(self._delivery, Durable) else {})

    def _jumped(self, now_ns: int, by_ns: int) -> None:
        self.counters.add("otel_voice_processor_clock_jumps", direction="forward" if by_ns > 0 else "back")
        LOG.warning("the clock was set by %+.1f s: what waits for calls to fall quiet begins anew", by_ns / S)
        self._state.book.begin_anew(now_ns)
        self.scorecard.begin_anew(now_ns)

    def _stood_still(self, for_s: float) -> None:
        self.counters.add("otel_voice_processor_standstills")
        LOG.warning("the processor stood still for %.1f s: what waits for calls to fall quiet begins anew", for_s)
        self._state.book.begin_anew(self._clock())

    @property
    def port(self) -> int:
        """Return the port that OTLP comes in by."""
        return self._receiver.port

    @property
    def status_port(self) -> int:
        """Return the port that `GET /calls/{id}` is answered on, 0 where there is none."""
        return self._status.port if self._status else 0

    async def start(self) -> None:
        """Open journal, file and port and start the clocks; raise `FileUnusable`, `PortTaken` or `TlsUnusable` where that cannot be."""
        for part in self._config.traces:
            for endpoint in part.endpoints:
                check_tls(endpoint, part.tls)
        if self._config.metrics is not None:
            check_tls(self._config.metrics.endpoint, self._config.metrics.tls)
        try:
            if self._file is not None:
                await self._file.start()
            self._receiver.bind()
            await self._begin()
            await self._receiver.start()
        except BaseException:
            await self._receiver.stop(0)
            await self._delivery.stop(0)
            raise
        if self._status is not None:
            await self._status.start()
        self._stopping.clear()
        self._tasks = [asyncio.create_task(self._ticking())]
        if self._metrics is not None:
            self._tasks.append(asyncio.create_task(self._pushing(self._config.metrics.interval if self._config.metrics else 60.0)))

    async def _begin(self) -> None:
        """Go on where the last process stood, as the same instance, or begin anew."""
        instance = str(uuid.uuid4())
        if self._journal is not None and isinstance(self._delivery, Durable):
            await self._journal.open(self._delivery.names)
            saved = self._journal.meta(b"instance")
            instance = saved.decode() if saved else instance
            self._journal.set_meta(b"instance", instance.encode())
            await self._restore(self._journal)
            waiting = ", ".join(f"{self._journal.backlog(name)} requests for `{name}`" for name in self._delivery.names)
            LOG.info("goes on as instance %s with %d open calls; there wait %s", instance, len(self._state.book), waiting or "no requests")
            self._journal.start(self._state, self._state.number)
            await self._delivery.start()
            self._state.own.gauges = self._delivery.gauges
        self._judging.instance = instance
        if self._metrics is not None:
            self._metrics.resource = resource_attributes(instance)
            self._metrics.in_doubt = self._journal.meta(b"push") if self._journal is not None else None

    async def _restore(self, journal: Journal) -> None:
        try:
            self._state.restore(journal.rows, journal.log(), self._clock())
        except OtherFormat as error:
            later = isinstance(error.found, int) and error.found > FORMAT
            await journal.set_aside(Damaged("newer" if later else "older", str(error)))
            self._state.restore(journal.rows, journal.log(), self._clock())

    async def stop(self, grace_s: float = 10.0) -> None:
        """Stop receiving, deliver, close; in memory open calls are settled, in a journal they wait. Safe before `start` and twice."""
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
        if self._journal is None:
            await self.settle_all()
        if self._metrics is not None:
            await self._metrics.push()
        self._note_open_calls()
        await self._delivery.stop(grace_s)
        if len(self._state.book):
            LOG.info("%d open calls go on when the processor is started again", len(self._state.book))
        counts = (f"{name}{dict(labels) or ''} {value}" for (name, labels), value in sorted(self.counters.snapshot().items()))
        LOG.info("counted: %s", ", ".join(counts) or "nothing")
        if self._metrics is not None:
            await self._metrics.close()

    async def settle_all(self) -> None:
        """Settle every open call as if all time had passed."""
        await self._judging.settle(self._state.book.everything(self._clock()), self._delivery.relieve)
        await self._delivery.flush()

    async def _consume(self, body: bytes, signal: str) -> bytes:
        """Take one request: answered OK only after it cannot be lost."""
        processed = await self._pipeline.process(body, signal)
        refusal = await self._delivery.accept(processed.body, signal, lambda: self._judging.join(processed.events))
        for refused in processed.refused:
            self._arrivals.refuse(*refused)
        return partial_success("; ".join(warning for warning in (refusal, processed.warning) if warning))

    def _put(self, summary: bytes) -> None:
        self._delivery.put(summary)

    async def _ticking(self) -> None:
        now = asyncio.get_running_loop().time
        asleep = now()
        while await self._goes_on(TICK_S):
            if now() - asleep - TICK_S > STOOD_S:  # stopped, paused, starved: what came meanwhile has not been read yet
                self._stood_still(now() - asleep)
            try:
                await self._judging.settle(self._state.book.due(self._clock()), self._delivery.relieve)
                self._note_open_calls()
                await self._delivery.flush()
            except Exception:  # nothing that goes wrong once may stop the clock for good
                LOG.exception("a tick failed")
                self.counters.add("otel_voice_processor_tick_failures")
            asleep = now()

    def _note_open_calls(self) -> None:
        """Keep their number, for who looks into the journal."""
        if self._journal is not None:
            self._journal.set_meta(b"open_calls", str(len(self._state.book)).encode())

    async def _pushing(self, interval_s: float) -> None:
        while self._metrics is not None and await self._goes_on(interval_s):
            await self._metrics.push()

    async def _goes_on(self, seconds: float) -> bool:
        """Wait, and tell whether the service still runs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return not self._stopping.is_set()

    def _metrics_push(self, config: settings.MetricsExporter) -> MetricsPush:
        own, scorecard = self._state.own, self.scorecard

        onward: list[Onward] = []

        def points() -> list[Point]:
            if not onward:  # when what was told by the last process is known
                onward.append(Onward(max(scorecard.exported_ns, own.exported_ns), self._steady()))
            moment = onward[0].now(self._clock(), self._steady())
            if moment.after_ns is not None:
                scorecard.rewind(moment.after_ns)
                own.rewind(moment.after_ns)
            now = moment.now_ns
            return [*scorecard.points(now), *own.points(now)]

        def not_taken() -> None:
            scorecard.not_taken()
            own.not_taken()
            onward[0].not_taken()

        def remember(body: bytes | None) -> None:
            if self._journal is not None:
                self._journal.set_meta(b"push", body)

        return MetricsPush(
            MetricsExporter.of(config), self.counters, points=points, not_taken=not_taken, safe=self._delivery.safe, remember=remember
        )


def _bounds(config: Config) -> Bounds:
    judging = config.judging
    return Bounds(
        settle_after_ns=int(judging.settle_after * S),
        expire_after_ns=int(judging.expire_after * S),
        forget_after_ns=int(judging.forget_after * S),
        max_calls=judging.max_calls,
        max_events=judging.max_events_per_call,
    )


def _private(on_call: Callable[[CallRecord], None] | None, config: Config) -> Callable[[CallRecord], None] | None:
    """Return who is told of calls, without text unless the config keeps it."""
    if on_call is None or config.judging.keep_transcript_text:
        return on_call
    return lambda record: on_call(without_text(record))
