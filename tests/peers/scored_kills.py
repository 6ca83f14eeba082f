"""Calls through a processor that is killed again and again, its scorecard in a real Prometheus: what its HTTP API says afterwards."""

from __future__ import annotations

import asyncio
import bisect
import random
import re
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otel_voice_processor.journal.store import META, Commit, Store
from otel_voice_processor.testing import Sink
from otel_voice_schema import events as e

from tests.faults.load import Load
from tests.faults.processor import Processor
from tests.faults.sending import Sender
from tests.peers.push_tap import PushTap
from tests.peers.servers import Prometheus

QUIET_S, LANES = 2.0, 4  # after which a call settles; calls under way at once
JUDGING = {"processors": {"voice_interruption": {"settle_after": f"{QUIET_S:g}s", "expire_after": "3s"}}}
COUNTED = "_(total|bucket|count|sum)"
CALLS, EPISODES = "voice_calls_total", "voice_interruption_episodes_total"
SETTLED, JOINED = "otel_voice_processor_settled_calls_total", "otel_voice_processor_events_total"
Labels = tuple[tuple[str, str], ...]
REFUSED = ("out_of_order_samples_total", "out_of_bound_samples_total", "too_old_samples_total", "exemplar_out_of_order_exemplars_total")


class Timed(list[bytes]):
    """A sink's requests; `times` is when each came, Unix seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, body: bytes) -> None:
        self.times.append(time.time())
        super().append(body)


@dataclass(slots=True)
class Story:
    """What can be known from outside: when events were sent and acknowledged, and when each summary arrived; Unix seconds."""

    bodies: list[bytes] = field(default_factory=list)  # acknowledged, with events of ours
    begun: dict[bytes, float] = field(default_factory=dict)  # trace id of a call -> when its first event was sent
    asked: list[float] = field(default_factory=list)  # an entry per event, when it was sent first
    acknowledged: list[float] = field(default_factory=list)  # and when it was answered OK
    seen: dict[tuple[str, bytes, bytes], float] = field(default_factory=dict)  # our summaries by name and ids -> when they arrived

    def bounds(self, what: str, at_s: float) -> tuple[int, int]:
        """Return how much is counted at a moment: at least, as it can be seen outside, and at most, as nothing settles sooner."""
        if what == JOINED:
            return bisect.bisect_right(sorted(self.acknowledged), at_s), bisect.bisect_right(sorted(self.asked), at_s)
        name = e.EPISODE if what == EPISODES else e.CALL
        those = [(self.begun[trace_id] + QUIET_S, seen) for (told, trace_id, _), seen in self.seen.items() if told == name]
        return sum(seen <= at_s for _, seen in those), sum(soonest <= at_s for soonest, _ in those)


def spans_of(body: bytes) -> Iterator[Any]:
    """Yield the spans of a request that are ours."""
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scoped in group.scope_spans:
            yield from (span for span in scoped.spans if span.name.startswith(e.PREFIX))


async def through(processor: Processor, sink: Sink, disturb: Callable[[], Any], *, seed: int, patience_s: float = 30.0) -> Story:
    """Send calls for as long as `disturb` takes, wait until each has settled and been pushed; return what was seen meanwhile."""
    load, numbers, story = Load(seed, 40), count(), Story()
    assert isinstance(sink.requests, Timed)

    async def calls(sender: Sender) -> None:
        while not sender.stopping:
            for body in load.call(next(numbers)):
                ours, now = list(spans_of(body)), time.time()
                await sender.send(body)
                story.bodies.append(body)
                story.asked += [now] * len(ours)
                story.acknowledged += [time.time()] * len(ours)
                for span in ours:
                    story.begun.setdefault(span.trace_id, now)
                await asyncio.sleep(random.uniform(0.02, 0.15))

    async with Sender(processor.port) as sender, asyncio.TaskGroup() as group:
        for _ in range(LANES):
            group.create_task(calls(sender))
        await disturb()
        sender.stopping = True
    read, until = 0, time.monotonic() + patience_s
    while sum(name == e.CALL for name, _, _ in story.seen) < len(story.begun) and time.monotonic() < until:
        await asyncio.sleep(0.2)
        for body, when in zip(sink.requests[read:], sink.requests.times[read:], strict=False):
            read += 1
            for span in spans_of(body):
                if span.name in {e.CALL, e.EPISODE}:
                    story.seen.setdefault((span.name, span.trace_id, span.span_id), when)
    await asyncio.sleep(2.2)  # two pushes
    return story


def forget(directory: Path, *, name_kept: bool) -> None:
    """Throw the state away, all of it or all but the name that the processor goes by."""
    name = None
    if name_kept:
        store = Store(directory / "journal", max_bytes=1 << 20)
        store.open()
        name = store.get(META, b"instance")
        store.close()
        assert name
    shutil.rmtree(directory)
    if name:
        store.open()
        store.commit(Commit(number=1, puts={(META, b"instance"): name}))
        store.close()


@dataclass(slots=True)
class Told:
    """Every sample of ours in a Prometheus, by labels, in order; and what else it says of them."""

    samples: dict[Labels, list[tuple[float, float]]]
    resets: dict[Labels, float]
    refused: dict[str, float]

    @property
    def instances(self) -> list[str]:
        """Return under which names it knows the processor."""
        return sorted({dict(labels)["instance"] for labels in self.samples})

    def totals(self, instance: str) -> dict[Labels, float]:
        """Return the newest values of the scorecard's series, without the instance's name; sums of seconds to a microsecond."""
        return {
            tuple(pair for pair in labels if pair[0] != "instance"): round(samples[-1][1], 6)
            for labels, samples in self.samples.items()
            if dict(labels)["instance"] == instance and dict(labels)["__name__"].startswith("voice_")
        }

    def over_time(self, name: str, **labels: str) -> list[tuple[float, float]]:
        """Return the sum of a metric's series at each moment that one of them has a sample."""
        wanted = {"__name__": name, **labels}.items()
        series = [samples for known, samples in self.samples.items() if wanted <= dict(known).items()]
        newest, total, sums = [0.0] * len(series), 0.0, {}
        for at_s, number, value in sorted((at_s, number, value) for number, samples in enumerate(series) for at_s, value in samples):
            total += value - newest[number]
            newest[number] = value
            sums[at_s] = total
        return list(sums.items())


async def told(prom: Prometheus) -> Told:
    """Ask a Prometheus for everything of ours."""
    now = f"{time.time():.3f}"
    selector = f'{{__name__=~"(otel_)?voice_.+{COUNTED}"}}'
    found = await asyncio.to_thread(prom.ask, "query", query=f"{selector}[1h]", time=now)
    samples = {labels_of(each): [(float(at), float(value)) for at, value in each["values"]] for each in found["result"]}
    resets: dict[Labels, float] = {}
    for name in sorted({dict(labels)["__name__"] for labels in samples}):
        found = await asyncio.to_thread(prom.ask, "query", query=f"resets({name}[1h])", time=now)
        resets |= {labels_of(each | {"metric": {**each["metric"], "__name__": name}}): float(each["value"][1]) for each in found["result"]}
    return Told(samples=samples, resets=resets, refused=await asyncio.to_thread(refused, prom))


def labels_of(result: Any) -> Labels:
    """Return the labels of one result."""
    return tuple(sorted(result["metric"].items()))


def refused(prom: Prometheus) -> dict[str, float]:
    """Return Prometheus' own counts of samples it did not take."""
    with urllib.request.urlopen(f"{prom.url}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.findall(rf"^prometheus_tsdb_((?:{'|'.join(REFUSED)})\w*(?:\{{[^}}]*\}})?) (\S+)$", text, re.MULTILINE)
    assert len(REFUSED) <= len(found), "Prometheus counts under other names"
    return {name: float(value) for name, value in found}


def problems(found: Told, story: Story, tap: PushTap) -> list[str]:
    """Return everything that a dashboard would show wrong, in words."""
    refused_first, again = tap.refused()
    wrong = [f"{value:g} resets: {dict(labels)}" for labels, value in found.resets.items() if value]
    wrong += [f"begins with {samples[0][1]:g}: {dict(labels)}" for labels, samples in found.samples.items() if samples[0][1]]
    wrong += [f"refused: {told}" for told in refused_first]
    wrong += [f"refused: {name} {value:g}" for name, value in found.refused.items() if value > again]
    if len(found.instances) != 1:
        wrong.append(f"known under {len(found.instances)} names")
    for name, labels in ((CALLS, {}), (EPISODES, {}), (SETTLED, {}), (JOINED, {"outcome": "joined"})):
        before = 0.0
        for at_s, value in found.over_time(name, **labels):
            least, most = story.bounds(name, at_s)
            if not least <= value <= most:
                wrong.append(f"{name} is {value:g} at {at_s:.3f}, it must be {least} to {most}; before it was {before:g}")
            before = value
    return wrong
