"""Spans a second through a gRPC hop: raw byte proxy, the pipeline, and the same judgement on official protobuf classes.

Run: `python tests/benchmarks/pipeline.py [--seconds 30] [--voice 10]`. Requests of 512 spans with 15 attributes, uncompressed, sent to a
server process that forwards them to a sink process and answers after the sink did. Variants take turns, so that noise meets all alike;
ratios are what to compare between machines. `per CPU second` counts the server's own CPU time and is the steadier of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from otel_voice_processor.config import Receiver as Settings
from otel_voice_processor.forward import GrpcExporter
from otel_voice_processor.model import Attributes, Value
from otel_voice_processor.receiver import Receiver
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.wire import MARKER, Found, Scan, build_request, codec, encode_attributes, encode_span, scan
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

Process = Callable[[bytes], bytes]
SPANS = 512
IN_FLIGHT = 4


class OfficialScan:
    """What `Scan` does, on official classes at their best: ours only into a dict, enrichment merged in pre-serialised."""

    def __init__(self, body: bytes) -> None:
        self._request = ExportTraceServiceRequest.FromString(body)
        self._spans: list[Any] = []
        self.found: list[Found] = []
        for group in self._request.resource_spans:
            for scoped in group.scope_spans:
                for span in scoped.spans:
                    if span.name.startswith(e.PREFIX):
                        self.found.append(self._one(span, group.resource))

    def _one(self, span: Any, resource: Any) -> Found:
        self._spans.append(span)
        emitter = next((pair.value.string_value for pair in resource.attributes if pair.key == "service.name"), "")
        return Found(
            name=span.name,
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_span_id=span.parent_span_id,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            attributes={pair.key: _read(pair) for pair in span.attributes},
            emitter=emitter,
            index=len(self.found),
        )

    def extend(self, found: Found, attributes: Attributes) -> None:
        """Merge encoded attributes into the span."""
        self._spans[found.index].MergeFromString(encode_attributes(attributes))

    def redact(self, found: Found, changes: dict[str, Value | None]) -> None:
        """Drop the keys and append their new values."""
        span = self._spans[found.index]
        kept = [pair for pair in span.attributes if pair.key not in changes]
        del span.attributes[:]
        span.attributes.extend(kept)
        self.extend(found, {key: value for key, value in changes.items() if value is not None})

    def body(self) -> bytes:
        """Serialise the request."""
        return self._request.SerializeToString()


def _read(pair: KeyValue) -> Value:
    kind = pair.value.WhichOneof("value")
    if kind == "array_value":
        return tuple(item.string_value for item in pair.value.array_value.values)
    return getattr(pair.value, kind) if kind else ""  # type: ignore[no-any-return]


def processes() -> tuple[Process, Process]:
    """Return (ours, official): the package's pipeline where it is there, else six fixed attributes, over both kinds of scan."""
    try:
        from otel_voice_processor.pipeline import Pipeline
        from otel_voice_processor.telemetry import Counters

        from otel_voice.policy import load_default
    except ImportError:
        fixed: Attributes = {f"voice.policy.{key}": "continue_agent_audio" for key in "abcdef"}

        def judge(request: Scan | OfficialScan) -> None:
            for found in request.found:
                request.extend(found, fixed)
    else:
        pipeline = Pipeline(load_default(), Counters())

        def judge(request: Scan | OfficialScan) -> None:
            for found in request.found:
                pipeline._one(request, found, pipeline._policy, [], [])  # type: ignore[arg-type]

    def ours(body: bytes) -> bytes:
        if MARKER not in body:
            return body
        request = scan(body)
        judge(request)
        return request.body()

    def official(body: bytes) -> bytes:
        request = OfficialScan(body)
        judge(request)
        return request.body()

    return ours, official


def request_of(voice_percent: int, seed: int = 1, count: int = SPANS) -> bytes:
    """Return one request: four resources, voice spans scattered among others."""
    chance = random.Random(seed)
    ours = set(chance.sample(range(count), count * voice_percent // 100))
    spans = [_span(number, number in ours, chance) for number in range(count)]
    quarter = count // 4
    return b"".join(
        build_request({"service.name": "agent", "service.instance.id": str(n)}, "bench", "1", "", spans[n * quarter : (n + 1) * quarter])
        for n in range(4)
    )


def _span(number: int, ours: bool, chance: random.Random) -> bytes:
    start = 1_790_000_000_000_000_000 + number * 1_000_000
    attributes: dict[str, Value] = {f"http.request.header.{key}": f"{chance.random():.5f}" for key in range(15)}
    if ours:
        attributes = {
            a.VOICE_SCHEMA_VERSION: e.SCHEMA_VERSION,
            a.VOICE_CALL_ID: f"call_{number}.000000",  # for `durable.py` to put another number into the bytes
            a.VOICE_EVENT_ID: f"event_{number}-00000000",
            a.VOICE_AGENT_RESPONSE_ID: f"response_{number}",
            a.VOICE_WORKFLOW: "billing",
            a.VOICE_AGENT_SPEECH_STATE: "speaking",
            a.VOICE_AGENT_MESSAGE_TYPE: "support_answer",
            a.VOICE_AGENT_SPEECH_INTERRUPTIBLE: True,
            a.VOICE_AGENT_PLAYBACK_POSITION_MS: 1530,
            a.VOICE_CALLER_INPUT_TYPE: "speech",
            a.VOICE_CALLER_INPUT_CLASS: chance.choice(["correction", "backchannel", "noise"]),
            a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE: 0.9,
            a.VOICE_CALLER_SPEECH_DURATION_MS: 640,
            a.VOICE_CALLER_VAD_CONFIDENCE: 0.93,
            a.VOICE_DETECTOR_MODE: "vad",
        }
    return encode_span(
        name=e.CANDIDATE_DETECTED if ours else "POST /v1/chat",
        trace_id=chance.randbytes(16),
        span_id=chance.randbytes(8),
        parent_span_id=chance.randbytes(8),
        start_ns=start,
        end_ns=start,
        attributes=attributes,
    )


def _serve(variant: str, sink: int, told: Connection) -> None:
    """Run one server until its parent hangs up."""
    for option, value in ((-3, 32 << 20), (-1, 512 << 20), (-2, 16 << 20)):
        ctypes.CDLL(None).mallopt(option, value)
    ours, official = processes()
    process: Process | None = {"proxy": None, "ours": ours, "official": official}.get(variant)

    async def main() -> None:
        exporter = GrpcExporter(f"127.0.0.1:{sink}", insecure=True)

        async def consume(body: bytes, signal: str) -> bytes:
            if variant != "sink":
                await exporter.send(process(body) if process else body)
            return b""

        receiver = Receiver(consume, Settings(endpoint="127.0.0.1:0"))
        await receiver.start()
        told.send(receiver.port)
        await asyncio.to_thread(told.poll, None)
        await receiver.stop(0)
        await exporter.close()

    _run(main())


def _run(main: Awaitable[None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)  # type: ignore[arg-type]
    else:
        uvloop.run(main)  # type: ignore[arg-type]


@dataclass
class Server:
    """A running variant and what it reached, round by round."""

    name: str
    process: Any
    pipe: Connection
    port: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def cpu_s(self) -> float:
        """Return the CPU seconds the server has used."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _spawn(variant: str, sink: int = 0) -> Server:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(variant, sink, theirs), daemon=True)
    process.start()
    return Server(variant, process, ours, ours.recv())


async def _round(server: Server, body: bytes, seconds: float) -> None:
    """Keep some requests in flight for so long; note spans per second and per CPU second."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = raw_call(channel, TRACE_EXPORT)
        await call(body)
        done = 0
        began, cpu, until = time.monotonic(), server.cpu_s(), time.monotonic() + seconds

        async def sender() -> None:
            nonlocal done
            while time.monotonic() < until:
                await call(body)
                done += 1

        await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
        server.wall.append(done * SPANS / (time.monotonic() - began))
        server.cpu.append(done * SPANS / max(server.cpu_s() - cpu, 0.01))


async def _measure(servers: list[Server], bodies: dict[str, bytes], seconds: float, rounds: int) -> None:
    each = seconds / rounds / len(servers)
    for number in range(rounds):
        for server in servers[number % len(servers) :] + servers[: number % len(servers)]:
            await _round(server, bodies[server.name.partition(" ")[2]], each)


def report(servers: list[Server]) -> str:
    """Return absolute figures and the two ratios that matter, as text."""
    wall = {server.name: statistics.median(server.wall) for server in servers}
    cpu = {server.name: statistics.median(server.cpu) for server in servers}
    lines = [f"{'variant':16} {'spans/s':>10} {'per CPU second':>16}"]
    lines += [f"{name:16} {wall[name]:10,.0f} {cpu[name]:16,.0f}" for name in wall]
    for title, over, under in (
        ("ours against official", "ours voice", "official voice"),
        ("without our spans, against the proxy", "ours none", "proxy none"),
        ("ours against the proxy", "ours voice", "proxy voice"),
    ):
        lines.append(f"{title}: {wall[over] / wall[under]:.2f} x by wall, {cpu[over] / cpu[under]:.2f} x by CPU")
    return "\n".join(lines)


def main() -> None:
    """Start the servers, take turns, print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=30.0, help="measuring time over all variants")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--voice", type=int, default=10, help="per cent of spans that are ours")
    chosen = options.parse_args()
    bodies = {"voice": request_of(chosen.voice), "none": request_of(0)}
    ours, official = processes()
    assert ExportTraceServiceRequest.FromString(ours(bodies["voice"])) == ExportTraceServiceRequest.FromString(official(bodies["voice"]))
    sink = _spawn("sink")
    running = {variant: _spawn(variant, sink.port) for variant in ("proxy", "ours", "official")}
    pairs = (("proxy", "voice"), ("ours", "voice"), ("official", "voice"), ("proxy", "none"), ("ours", "none"))
    servers = [Server(f"{name} {kind}", running[name].process, running[name].pipe, running[name].port) for name, kind in pairs]
    asyncio.run(_measure(servers, bodies, chosen.seconds, chosen.rounds))
    size = len(bodies["voice"]) // 1024
    print(f"512 spans a request, {size} KiB, {chosen.voice} % ours, uncompressed, acknowledged after forwarding, codec {codec()}")
    print(report(servers))
    for server in (sink, *running.values()):
        server.pipe.close()
        server.process.terminate()
        server.process.join()


if __name__ == "__main__":
    main()
