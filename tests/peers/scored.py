"""Calls whose truth is known, through a real processor into a real Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_voice_processor.config import Config, File, Judging, MetricsExporter, Receiver, Tls
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import Script, emit

FAILED = "otel_voice_exporter_send_failed_metric_points"


@dataclass
class Scored:
    """A processor that pushes once a second; `records` are the calls as they settled."""

    service: Service
    records: dict[str, CallRecord] = field(default_factory=dict)

    async def take(self, scripts: Iterable[Script]) -> list[CallRecord]:
        """Send calls over real gRPC, wait until each has settled and been pushed; return their records."""
        provider = TracerProvider()
        exporter = OTLPSpanExporter(endpoint=f"127.0.0.1:{self.service.port}", insecure=True)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100_000))  # all calls come at once
        start_ns = time.time_ns() - 600 * 10**9  # calls last minutes
        names = [emit(script, provider, start_ns=start_ns, keep_text=True) for script in scripts]
        await asyncio.to_thread(provider.shutdown)
        async with asyncio.timeout(90):
            while not set(names) <= self.records.keys():  # noqa: ASYNC110 - the service tells by call-back only
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.5)  # two pushes
        return [self.records[name] for name in names]


@asynccontextmanager
async def scored(endpoint: str, spans: Path | None = None) -> AsyncIterator[Scored]:
    """Run a processor whose scorecard goes to `endpoint`, and whose spans go to a file."""
    records: dict[str, CallRecord] = {}
    config = Config(
        receiver=Receiver(endpoint="127.0.0.1:0"),
        metrics=MetricsExporter(endpoint=endpoint, interval=1.0, tls=Tls(insecure=True)),
        file=File(path=str(spans)) if spans else None,
        judging=Judging(settle_after=0.5, expire_after=3.0),  # some calls drop
    )
    service = Service(config, on_call=lambda record: records.__setitem__(record.call_id, record))
    await service.start()
    try:
        yield Scored(service, records)
    finally:
        await service.stop(1.0)
