"""An agent in TypeScript, on OpenTelemetry's own SDK and the generated constants, is judged as the scripted agent in Python is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.config import Config, Judging, Receiver, Tls, TraceExporter
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT, emit
from otel_voice_processor.testing import Sink, free_port
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.problems import Problem
from otel_voice_schema.validate import check

from otel_voice.emit import derive_ids
from tests.npm import Npm
from tests.peers.servers import collector
from tests.peers.test_collector import hop

pytestmark = pytest.mark.peers
AGENT = Npm(Path(__file__).parent / "node")
NODE_CALLS = {f"node_{script.name.lower().replace(' ', '_')}": script.call_id for script in EIGHT}
TRUTH = {name: [each.verdict for each in script.truth.interruptions] for name, script in zip(NODE_CALLS, EIGHT, strict=True)}


@pytest.fixture(scope="module")
def agent() -> Path:
    """The agent, installed as locked and compiled, its slips refused by the compiler."""
    return AGENT.built()


@dataclass(frozen=True)
class Arrived:
    """One span of ours as it came out of the processor."""

    span: Span
    attributes: dict[str, Any]
    schema_url: str

    @property
    def call_id(self) -> str:
        """Return the call it belongs to."""
        return str(self.attributes[a.VOICE_CALL_ID])

    def problems(self) -> list[Problem]:
        """Return what does not conform; what the processor set is its own to set."""
        start_ns, time_ns = self.span.start_time_unix_nano, self.span.end_time_unix_nano
        return check(self.span.name, self.attributes, start_ns=start_ns, time_ns=time_ns, schema_url=self.schema_url, sent=False)


@dataclass(frozen=True)
class Judged:
    """What came out behind the processor, and each call's record, with how many spans each agent had sent."""

    arrived: list[Arrived]
    records: dict[str, CallRecord]
    from_python: int
    from_node: int


def plain(value: AnyValue) -> Any:
    """Return an attribute's value as Python has it."""
    kind = value.WhichOneof("value")
    return [plain(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, str(kind))


def read(requests: list[bytes]) -> Iterator[Arrived]:
    """Yield every span of the requests."""
    for body in requests:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scoped in group.scope_spans:
                for span in scoped.spans:
                    yield Arrived(span, {each.key: plain(each.value) for each in span.attributes}, scoped.schema_url)


def scripted(endpoint: str) -> int:
    """Send the eight cases from Python; return how many spans they were."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True)))
    for script in EIGHT:
        emit(script, provider, start_ns=time.time_ns() - 120 * 10**9, keep_text=True)
    provider.shutdown()
    return len(memory.get_finished_spans())


async def judged(agent: Path, work: Path) -> Judged:
    """Send the cases from both agents through one collector to one processor, and settle them."""
    records: dict[str, CallRecord] = {}
    front = free_port()
    async with Sink() as sink:
        config = Config(
            receiver=Receiver(endpoint="127.0.0.1:0"),
            traces=(TraceExporter(endpoint=sink.endpoint, tls=Tls(insecure=True)),),
            judging=Judging(settle_after=600.0),  # `stop` settles: no call is judged by half its spans
            status=None,
        )
        service = Service(config, on_call=lambda record: records.__setitem__(record.call_id, record))
        await service.start()
        try:
            with collector(work, hop(front, f"127.0.0.1:{service.port}")):
                from_python = await asyncio.to_thread(scripted, f"127.0.0.1:{front}")
                from_node = int(await asyncio.to_thread(AGENT.run, "node", agent, f"127.0.0.1:{front}"))
                async with asyncio.timeout(30):
                    while sink.span_count() < from_python + from_node:  # noqa: ASYNC110 - a collector does not tell
                        await asyncio.sleep(0.05)
                await service.stop()  # while the collector still waits for its answer: a request that is called off is not joined
        finally:
            await service.stop()
        return Judged(list(read(sink.requests)), records, from_python, from_node)


def verdicts(record: CallRecord) -> dict[str, Any]:
    """Return what a call is judged by: its episodes, what each input was taken for, and what was no episode."""
    return {
        "episodes": len(record.episodes),
        "verdict": [episode.verdict for episode in record.episodes],
        "net audio": [episode.net_audio for episode in record.episodes],
        "class": [episode.input_class for episode in record.episodes],
        "ruling": [episode.ruling and episode.ruling.action for episode in record.episodes],
        "compliance": [episode.compliance for episode in record.episodes],
        "inputs": [stretch.input_class for stretch in record.stretches],
        "timeouts": list(record.silence_timeouts),
        "outcome": (record.task_outcome, record.escalated, record.escalation_asked),
    }


def shown(found: dict[str, Any]) -> str:
    """Return a row's cell."""
    told = [", ".join(found[key]) or "-" for key in ("verdict", "net audio", "class", "inputs")]
    return f"{found['episodes']}: {'; '.join(told)}"


async def test_the_eight_cases_from_node(agent: Path, tmp_path: Path, case_table: list[tuple[str, str, str]]) -> None:
    """Every span conforms and lies in its call's trace; each case comes to the same as from Python."""
    found = await judged(agent, tmp_path)
    ours = [each for each in found.arrived if each.call_id in NODE_CALLS]
    sent = [each for each in ours if each.span.name not in {e.EPISODE, e.CALL}]
    python = {name: verdicts(found.records[script]) for name, script in NODE_CALLS.items()}
    node = {name: verdicts(found.records[name]) for name in NODE_CALLS}
    case_table += [(name.removeprefix("node_").replace("_", " "), shown(python[name]), shown(node[name])) for name in NODE_CALLS]

    assert found.from_node == len(sent)
    assert [] == [problem for each in sent for problem in each.problems()]
    assert [] == [problem for each in ours for problem in each.problems() if problem.severity == "error"]
    for each in sent:
        trace_id, root_id = derive_ids(each.call_id)
        assert trace_id == int.from_bytes(each.span.trace_id, "big")
        assert root_id == int.from_bytes(each.span.parent_span_id, "big")
    assert python == node
    assert TRUTH == {name: each["verdict"] for name, each in node.items()}
