"""The doctor, through real gRPC and HTTP: it believes only what the processor tells, and names what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from otel_voice_processor.cli import main
from otel_voice_processor.config import Config, Judging, Receiver
from otel_voice_processor.rpc import TRACE_EXPORT
from otel_voice_processor.service import Service
from otel_voice_processor.testing import free_port

PROVIDER = TracerProvider()  # an agent's own, which sends nowhere
NOTHING = trace.NoOpTracerProvider()


class Failing:
    """A provider that cannot give a tracer."""

    def get_tracer(self, *_: object, **__: object) -> None:
        raise RuntimeError("boom")


FAILING = Failing()


def leaving() -> None:
    """As a module that is the agent's main program may."""
    raise SystemExit(3)


@asynccontextmanager
async def processor(**judging: float) -> AsyncIterator[Service]:
    config = Config(
        receiver=Receiver(endpoint="127.0.0.1:0"),
        judging=Judging(**({"settle_after": 0.3} | judging)),  # type: ignore[arg-type]
        status="127.0.0.1:0",
    )
    service = Service(config)
    await service.start()
    try:
        yield service
    finally:
        await service.stop(0.5)


@asynccontextmanager
async def between(service: Service, change: Callable[[Span], Span | None]) -> AsyncIterator[str]:
    """Something between the agent and the processor that changes spans, or loses them."""

    async def export(body: bytes, _: object) -> bytes:
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            for scoped in group.scope_spans:
                kept = [after for span in scoped.spans if (after := change(span)) is not None]
                del scoped.spans[:]
                scoped.spans.extend(kept)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{service.port}") as channel:
            return bytes(await channel.unary_unary(TRACE_EXPORT, None, None)(request.SerializeToString()))

    server = grpc.aio.server()
    name, _, method = TRACE_EXPORT[1:].rpartition("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(export)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def doctor(service: Service | None, *arguments: str) -> int:
    url = f"http://127.0.0.1:{service.status_port}" if service else f"http://127.0.0.1:{free_port()}"
    return await asyncio.to_thread(main, ["doctor", "--processor", url, "--wait", "2", *arguments])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_voice_processor.cli.doctor.ARRIVES_S", 1.0)
    monkeypatch.setattr("otel_voice_processor.service.TICK_S", 0.1)


async def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """The call went, came, and settled as it was made."""
    async with processor() as service:
        code = await doctor(service, "--endpoint", f"127.0.0.1:{service.port}")
    told = capsys.readouterr().out

    assert 0 == code, told
    assert ["ok", "ok", "ok", "Everything"] == [line.split()[0] for line in told.splitlines()]
    assert "one interruption, correct" in told


def skewed(span: Span) -> Span:
    span.start_time_unix_nano += 60 * 10**9
    span.end_time_unix_nano += 60 * 10**9
    return span


def torn(span: Span) -> Span:
    span.trace_id = span.trace_id if "agent" in span.name else bytes(15) + b"\1"
    return span


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda span: None if span.name.endswith("agent.speech_stopped") else span, "no `agent.speech_stopped`"),
        (lambda span: None if span.name.endswith("user.transcript") else span, "no `user.transcript`"),
        (lambda span: None if span.name.endswith("call_ended") else span, "no `call_ended`"),
        (lambda span: None if span.name.endswith("candidate_detected") else span, "spans arrived; lost: candidate_detected"),
        (torn, "the call came in 2 traces: in pieces"),
        (skewed, "clock skew: the newest event is"),
        (lambda _: None, "the processor never got it"),
    ],
)
async def test_what_is_cut_on_the_way_is_named(
    change: Callable[[Span], Span | None], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Something in between loses, tears or shifts spans: the doctor tells from what the processor has, not from what it sent."""
    async with processor() as service, between(service, change) as endpoint:
        code = await doctor(service, "--endpoint", endpoint)
    told = capsys.readouterr().out

    assert 1 == code
    assert wanted in told


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--endpoint", "127.0.0.1:1"], "the call could not be delivered: Failed to export traces to 127.0.0.1:1"),
        (["--provider", "absent.module:x"], "`absent.module:x` cannot be had: ModuleNotFoundError"),
        (["--provider", "tests.processor.cli.test_doctor:NOTHING"], "is no tracer provider that sends anything, but NoOpTracerProvider"),
        (["--provider", "tests.processor.cli.test_doctor:PROVIDER"], "the processor never got it"),
        (["--provider", "tests.processor.cli.test_doctor:FAILING"], "the provider failed on 20 of 20 events"),
        (["--provider", "tests.processor.cli.test_doctor:leaving"], "cannot be had: SystemExit: 3"),
        (["--provider", "nocolon"], "`nocolon` cannot be had"),
        (["--call", "nobody/knows it"], "the call `nobody/knows it` never came in"),
        (["--collector", "/absent.yaml", "--call", "x"], "`/absent.yaml` cannot be read: No such file"),
    ],
)
async def test_what_is_wrong_at_the_agent_is_named(arguments: list[str], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody there, no provider, one that sends nowhere, a call that never was."""
    async with processor() as service:
        code = await doctor(service, *arguments)
    told = capsys.readouterr().out

    assert 1 == code
    assert wanted in told
    assert "Traceback" not in told


@pytest.mark.parametrize(("share", "kept"), [("0.0", "lets 0 of"), ("1.0", "ok     a test call")])
async def test_a_sampler_that_cuts_is_named(
    share: str, kept: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK's sampler is chosen by the environment that the agent runs in."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    async with processor() as service:
        await doctor(service, "--endpoint", f"127.0.0.1:{service.port}")

    assert kept in capsys.readouterr().out


async def test_a_processor_that_dies_meanwhile_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The call arrived, and nobody can tell any more whether it settled."""
    async with processor(settle_after=60.0) as service:
        asking = asyncio.create_task(doctor(service, "--endpoint", f"127.0.0.1:{service.port}"))
        while service._arrivals.told(next(iter(service._arrivals._calls), "")) is None:  # noqa: ASYNC110 - the doctor runs in a thread
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        await service._status.stop()  # type: ignore[union-attr]
        code = await asking
    told = capsys.readouterr().out

    assert 1 == code
    assert 1 == told.count("no processor answers")


@pytest.mark.parametrize("wait", ["nan", "-1", "inf", "soon"])
def test_a_wait_that_is_no_time_is_refused(wait: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, one line."""
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--wait", wait])

    assert 2 == caught.value.code
    assert "--wait" in capsys.readouterr().err


async def test_without_a_processor_nothing_is_believed(capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what to start."""
    assert 1 == await doctor(None)
    assert "no processor answers at http://127.0.0.1:" in capsys.readouterr().out


@pytest.mark.parametrize("body", [b'{"status":"Server available"}', b"[]", b"hello", b""])
async def test_something_else_on_the_port_is_no_processor(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A collector's health check answers there, too, and to every path."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    code = await asyncio.to_thread(main, ["doctor", "--processor", url])
    server.close()

    assert 1 == code
    assert f"at {url}" in capsys.readouterr().out


async def test_a_call_of_the_agent_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    """`--call` sends nothing and says what the call lacks."""
    async with processor() as service, between(service, lambda span: None if span.name.endswith("call_ended") else span) as endpoint:
        await doctor(service, "--endpoint", endpoint)
        call_id = next(iter(service._arrivals._calls))
        capsys.readouterr()
        code = await doctor(service, "--call", call_id)
    told = capsys.readouterr().out

    assert 1 == code
    assert "no `call_ended`" in told
    assert "sent" not in told


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        ("exporters: {otlp/voice: {endpoint: x, compression: zstd}, otlp_grpc: {compression: snappy}, otlp: {}, debug: }", 2),
        ("exporters: {otlp: {compression: gzip}, otlp_http: {compression: zstd}}", 0),
        ("[]", 0),
        ("a: [", 1),
    ],
)
async def test_a_collectors_compression_is_read(config: str, problems: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exporters of OTLP gRPC whose compression grpcio does not know are named."""
    path = tmp_path / "collector.yaml"
    path.write_text(config)
    async with processor() as service:
        await doctor(service, "--endpoint", f"127.0.0.1:{service.port}", "--collector", str(path))

    assert problems == capsys.readouterr().out.count("collector.yaml`")
