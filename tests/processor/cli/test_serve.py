"""`serve` and `check` as a user runs them: real processes, exit codes, signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_voice_processor.simulate import EIGHT, emit
from otel_voice_processor.testing import free_port

COMMAND = [sys.executable, "-c", "import sys; from otel_voice_processor.cli import main; sys.exit(main())"]


def config(folder: Path, port: int, *, more: str = "") -> Path:
    path = folder / "otel-voice.yaml"
    text = f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n"
    path.write_text(text + f"exporters: {{file: {{path: '{folder / 'out.jsonl'}'}}}}\n" + more, encoding="utf-8")
    return path


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
    """A call sent by the stock SDK is on the screen and in the file when SIGTERM has drained the processor; exit 0."""
    port = free_port()
    with serving("--show", "--config", str(config(tmp_path, port)), port=port) as process:
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
    assert "port" in done.stderr


@pytest.mark.parametrize("command", ["serve", "check"])
def test_every_mistake_is_told_before_the_port_opens(tmp_path: Path, command: str) -> None:
    """A typo in the config and one in the policy: a line each with file, line and nearest name, exit 2."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: mine\nextends: default\ndefaults:\n  grase_ms: 300\n", encoding="utf-8")
    more = f"processors:\n  voice_interruption:\n    polcy: x\n    policy: '{policy}'\n"
    path = config(tmp_path, free_port(), more=more)
    done = subprocess.run(
        [*COMMAND, command, "--config", str(path), "--policy", str(policy)], capture_output=True, text=True, timeout=20, check=False
    )

    assert 2 == done.returncode
    assert "otel-voice.yaml:5: unknown key `polcy` at `processors.voice_interruption`: did you mean `policy`?" in done.stderr
    assert "policy.yaml:4" in done.stderr
    assert "did you mean `grace_ms`?" in done.stderr


def test_the_default_conforms() -> None:
    """`check` without a file says so and exits 0."""
    done = subprocess.run([*COMMAND, "check"], capture_output=True, text=True, timeout=20, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    assert "conform" in done.stdout
