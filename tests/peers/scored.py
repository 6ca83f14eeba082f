"""Calls whose truth is known, through a real processor into a real Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import grpc
import grpc.aio
from otel_voice_processor.config import Config, File, Judging, MetricsExporter, Receiver, Tls
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.rpc import TRACE_EXPORT
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import Script, events_of
from otel_voice_processor.testing import request_of
from otel_voice_schema import attributes as a

PER_REQUEST = 10
INTERVAL_S = 0.4
FAILED = "otel_voice_exporter_send_failed_metric_points"


@dataclass
class Scored:
    """A processor that pushes every `INTERVAL_S`; `records` are the calls as they settled."""

    service: Service
    records: dict[str, CallRecord] = field(default_factory=dict)

    async def take(self, scripts: Sequence[Script], versions: Mapping[str, str] | None = None) -> list[CallRecord]:
        """Send calls over real gRPC, a few in each request, wait until each has settled and been pushed; return their records.

        `versions` names other versions of the agent's policy, by call.
        """
        start_ns = time.time_ns() - 600 * 10**9  # calls last minutes
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.service.port}") as channel:
            export = channel.unary_unary(TRACE_EXPORT, None, None)
            for at in range(0, len(scripts), PER_REQUEST):
                told = (events_of(script, start_ns=start_ns, keep_text=True) for script in scripts[at : at + PER_REQUEST])
                events = (released(event, versions or {}) for event in chain.from_iterable(told))
                await export(request_of(events), timeout=30)
        names = [script.call_id for script in scripts]
        async with asyncio.timeout(90):
            while not set(names) <= self.records.keys():  # noqa: ASYNC110 - the service tells by call-back only
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.5 * INTERVAL_S)  # two pushes
        return [self.records[name] for name in names]


def released(event: VoiceEvent, versions: Mapping[str, str]) -> VoiceEvent:
    """Return an event as an agent with another version of its policy tells it."""
    version, key = versions.get(event.call_id), a.VOICE_AGENT_POLICY_VERSION
    return event if version is None or key not in event.attributes else replace(event, attributes={**event.attributes, key: version})


@asynccontextmanager
async def scored(endpoint: str, spans: Path | None = None) -> AsyncIterator[Scored]:
    """Run a processor whose scorecard goes to `endpoint`, and whose spans go to a file."""
    records: dict[str, CallRecord] = {}
    config = Config(
        receiver=Receiver(endpoint="127.0.0.1:0"),
        metrics=MetricsExporter(endpoint=endpoint, interval=INTERVAL_S, tls=Tls(insecure=True)),
        file=File(path=str(spans)) if spans else None,
        judging=Judging(settle_after=0.5, expire_after=3.0),  # some calls drop
    )
    service = Service(config, on_call=lambda record: records.__setitem__(record.call_id, record))
    await service.start()
    try:
        yield Scored(service, records)
    finally:
        await service.stop(1.0)
