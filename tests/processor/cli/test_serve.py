"""`serve` and `check` as a user runs them: real processes, exit codes, signals."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_voice_processor.journal.store import Commit, Store
from otel_voice_processor.model import TRACES, Entry
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.simulate import EIGHT, emit
from otel_voice_processor.testing import Sink, free_port
from otel_voice_processor.wire import build_request, encode_span

COMMAND = [sys.executable, "-c", "import sys; from otel_voice_processor.cli import main; sys.exit(main())"]


def config(folder: Path, port: int, *, more: str = "") -> Path:
    path = folder / "otel-voice.yaml"
    text = f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n"
    path.write_text(text + f"exporters: {{file: {{path: '{folder / 'out.jsonl'}'}}}}\n" + more, encoding="utf-8")
    return path


def foreign(name: str) -> bytes:
    span = encode_span(name=name, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"", start_ns=1, end_ns=2, attributes={})
    return build_request({"service.name": "a"}, "s", "1", "", [span])


@contextmanager
def serving(*arguments: str, port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*COMMAND, "serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_serve_shows_calls_and_drains_on_sigterm(tmp_path: Path) -> None:
    """In memory, a call sent by the stock SDK is on the screen and in the file when SIGTERM has drained the processor; exit 0."""
    port = free_port()
    with serving("--in-memory", "--show", "--config", str(config(tmp_path, port)), port=port) as process:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)))
        emit(EIGHT[0], provider, start_ns=time.time_ns() - 60 * 10**9, call_id="call_shown")
        provider.force_flush()
        provider.shutdown()
        process.send_signal(signal.SIGTERM)
        shown, told = process.communicate(timeout=20)

    assert 0 == process.returncode, told
    assert "call_shown" in shown
    assert "Correct." in shown
    assert "voice.interruption.call" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_who_sends_nothing_of_ours_is_answered_where_nothing_goes_on(tmp_path: Path) -> None:
    """With a journal and without any exporter, as the README's first command runs it: each sender gets its OK."""
    port = free_port()
    file = tmp_path / "config.yaml"
    file.write_text(f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n", encoding="utf-8")
    body = foreign("GET /")
    with serving("--show", "--config", str(file), port=port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(TRACE_EXPORT, None, None)
        for _ in range(3):
            assert b"" == export(body, timeout=5)


def test_health_is_served(tmp_path: Path) -> None:
    """gRPC health says SERVING on the same port."""
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    port = free_port()
    with serving("--config", str(config(tmp_path, port)), port=port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)

    assert health_pb2.HealthCheckResponse.SERVING == answer.status


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """Another process has the port: one line, exit 1."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        path = config(tmp_path, holder.getsockname()[1])
        done = subprocess.run([*COMMAND, "serve", "--config", str(path)], capture_output=True, text=True, timeout=20, check=False)

    assert 1 == done.returncode
    assert "Traceback" not in done.stderr
    assert "cannot listen on" in done.stderr


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("command", ["serve", "check"])
def test_every_mistake_is_told_before_the_port_opens(tmp_path: Path, command: str, named: bool) -> None:
    """A typo in the config and one in the policy: a line each with file, line and nearest name, exit 2."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: mine\nextends: default\ndefaults:\n  grase_ms: 300\n", encoding="utf-8")
    more = f"processors:\n  voice_interruption:\n    polcy: x\n    policy: '{policy}'\n"
    path = config(tmp_path, free_port(), more=more)
    options = ["--config", str(path), *(["--policy", str(policy)] if named else [])]
    done = subprocess.run([*COMMAND, command, *options], capture_output=True, text=True, timeout=20, check=False)

    assert 2 == done.returncode
    assert "otel-voice.yaml:5:5: unknown key `polcy` at processors.voice_interruption: did you mean `policy`?" in done.stderr
    assert "policy.yaml:4:3: " in done.stderr
    assert "did you mean `grace_ms`?" in done.stderr


def test_the_default_conforms() -> None:
    """`check` without a file says so and exits 0."""
    done = subprocess.run([*COMMAND, "check"], capture_output=True, text=True, timeout=20, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    assert "conform" in done.stdout


def send_calls(port: int, count: int) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=20_000))  # the helpers are faster than the SDK's default holds
    for number in range(count):
        emit(EIGHT[0], provider, start_ns=time.time_ns() - 60 * 10**9, call_id=f"call_{number:04d}")
    provider.force_flush()
    provider.shutdown()


QUICK = "processors: {voice_interruption: {settle_after: 10ms}}\n"


def test_a_screen_that_is_closed_does_not_end_the_processor(tmp_path: Path) -> None:
    """`serve --show | head -1`: after the first line nobody reads; calls are judged and written on, and the exit is clean."""
    port, kept = free_port(), tmp_path / "out.jsonl"
    with serving("--show", "--config", str(config(tmp_path, port, more=QUICK)), port=port) as process:
        assert process.stdout is not None
        send_calls(port, 1)
        assert process.stdout.readline()
        process.stdout.close()
        for turn in range(2, 5):  # the first print after that meets the closed pipe, the next ones come after it
            send_calls(port, turn)
            written = time.monotonic() + 10
            while kept.read_text(encoding="utf-8").count('"voice.interruption.call"') < turn:
                assert time.monotonic() < written
                time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.stdout = None
        told = process.communicate(timeout=20)[1]

    assert 0 == process.returncode, told
    assert "Traceback" not in told
    assert "Exception" not in told


def test_a_screen_that_nobody_reads_does_not_hold_up_the_processor(tmp_path: Path) -> None:
    """`serve --show | less`, left alone: the pipe is full, requests are answered, SIGTERM is heeded, what was not shown is counted."""
    port = free_port()
    with serving("--in-memory", "--show", "--config", str(config(tmp_path, port, more=QUICK)), port=port) as process:
        assert process.stdout is not None
        send_calls(port, 150)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(20)
        assert process.stderr is not None
        told = process.stderr.read()

    assert "calls were not shown, since nobody read them" in told
    assert "Traceback" not in told
    assert 151 > (tmp_path / "out.jsonl").read_text(encoding="utf-8").count('"name":"voice.interruption.call"') > 149


async def test_sigterm_in_the_middle_of_traffic_loses_nothing_that_was_answered_ok(tmp_path: Path) -> None:
    """Every request answered OK is downstream; the others were asked to come back or cut off; exit 0, no traceback."""
    port = free_port()
    async with Sink() as sink:
        sink.slow(0.02)
        path = tmp_path / "otel-voice.yaml"
        text = f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n"
        path.write_text(text + f"exporters: {{otlp_grpc: {{endpoint: '{sink.endpoint}', tls: {{insecure: true}}}}}}\n", encoding="utf-8")
        ok: list[str] = []

        async def client(number: int) -> None:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                send = raw_call(channel, TRACE_EXPORT)
                for turn in range(10_000):
                    try:
                        await send(foreign(f"{number}.{turn}"), timeout=5)
                    except grpc.aio.AioRpcError:
                        return
                    ok.append(f"{number}.{turn}")

        with serving("--config", str(path), port=port) as process:
            clients = [asyncio.create_task(client(number)) for number in range(20)]
            while len(ok) < 200:  # noqa: ASYNC110 - twenty clients count, none of them knows which one is the last
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(asyncio.gather(*clients), 20)
            told = (await asyncio.to_thread(process.communicate, timeout=20))[1]
        arrived = {span.name for span in sink.spans()}

    assert 0 == process.returncode, told
    assert set(ok) <= arrived
    assert len(arrived) <= len(ok) + 20
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "signals", [(signal.SIGINT,), *((signal.SIGTERM, then) for then in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))]
)
def test_signals_end_it_cleanly(tmp_path: Path, signals: tuple[signal.Signals, ...]) -> None:
    """SIGINT as SIGTERM, and a second signal at whatever moment of the way out changes nothing."""
    port = free_port()
    with serving("--config", str(config(tmp_path, port)), port=port) as process:
        process.send_signal(signals[0])
        told_again = time.monotonic() + 10
        for number in signals[1:] * 1000:
            if process.poll() is not None or time.monotonic() > told_again:
                break
            process.send_signal(number)
            time.sleep(0.002)
        told = process.communicate(timeout=20)[1]

    assert 0 == process.returncode, told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("exporters", "problem"),
    [
        ("otlp_grpc: {{endpoint: '127.0.0.1:1', tls: {{ca_file: '{folder}/absent.pem'}}}}", "absent.pem` cannot be read: No such file"),
        ("otlp_grpc: {{endpoint: '127.0.0.1:1', tls: {{ca_file: '{folder}/junk.pem'}}}}", "junk.pem` holds no certificate in PEM"),
        ("metrics: {{endpoint: 'https://127.0.0.1:1', tls: {{ca_file: '{folder}/junk.pem'}}}}", "junk.pem` holds no certificate in PEM"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_at_the_start(tmp_path: Path, exporters: str, problem: str) -> None:
    """One line that names file, line and setting, exit 2, before the port opens."""
    (tmp_path / "junk.pem").write_text("junk", encoding="utf-8")
    path = tmp_path / "otel-voice.yaml"
    receivers = f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{free_port()}'}}}}}}}}\n"
    path.write_text(f"{receivers}exporters: {{{exporters.format(folder=tmp_path)}}}\n", encoding="utf-8")
    done = subprocess.run([*COMMAND, "serve", "--config", str(path)], capture_output=True, text=True, timeout=20, check=False)

    assert 2 == done.returncode
    assert re.match(rf"{re.escape(str(path))}:2:\d+: exporters\.", done.stderr)
    assert problem in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_a_second_processor_on_the_file_is_told_so(tmp_path: Path) -> None:
    """One line with the first one's process, exit 1 before its port opens; the first goes on, and when it is gone its file is free."""
    port = free_port()
    with serving("--config", str(config(tmp_path, port)), port=port) as process:
        (tmp_path / "other").mkdir()
        other = config(tmp_path / "other", free_port())
        other.write_text(other.read_text().replace(str(tmp_path / "other" / "out.jsonl"), str(tmp_path / "out.jsonl")), encoding="utf-8")
        done = subprocess.run([*COMMAND, "serve", "--config", str(other)], capture_output=True, text=True, timeout=20, check=False)
        words = f"another processor (process {process.pid}) writes to it: give each a `path` of its own"

        assert 1 == done.returncode
        assert [f"otel-voice: `{tmp_path / 'out.jsonl'}` is not written: {words}"] == done.stderr.splitlines()
        assert process.poll() is None
    with serving("--config", str(other), port=int(other.read_text().split("127.0.0.1:")[1].split("'")[0])) as process:
        assert process.poll() is None


def test_a_second_processor_on_the_port_is_told_so(tmp_path: Path) -> None:
    """One line, exit 1, and the first goes on."""
    port = free_port()
    with serving("--config", str(config(tmp_path, port)), port=port) as process:
        (tmp_path / "other").mkdir()
        again = [*COMMAND, "serve", "--config", str(config(tmp_path / "other", port))]
        done = subprocess.run(again, capture_output=True, text=True, timeout=20, check=False)

        assert 1 == done.returncode
        assert [f"otel-voice: cannot listen on `127.0.0.1:{port}`: is another process using it?"] == done.stderr.splitlines()
        send_calls(port, 1)
        assert process.poll() is None


def test_in_memory_it_says_what_a_journal_still_holds(tmp_path: Path) -> None:
    """Somebody tries `--in-memory` while requests wait on disk: they are told that these wait for a start without it."""
    port, state = free_port(), tmp_path / "state"
    path = config(tmp_path, port, more=f"extensions: {{file_storage: {{directory: '{state}'}}, health_check: {{endpoint: none}}}}\n")
    store = Store(state / "journal", max_bytes=1 << 20)
    store.open()
    store.commit(Commit(number=1, entries=[Entry(number=0, signal=TRACES, arrived_ns=1, body=foreign("waits"))]))
    store.close()
    with serving("--in-memory", "--config", str(path), port=port) as process:
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)

    assert 0 == process.returncode, told
    assert f"1 requests wait in {state}: they are delivered by a `serve` without --in-memory" in told
