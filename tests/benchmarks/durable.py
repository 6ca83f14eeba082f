"""What a durable acknowledgement costs: the processor with a journal, the same in memory, and the collector's persistent queue.

Run: `python tests/benchmarks/durable.py [--seconds 60] [--rounds 5] [--voice 10] [--same]`. Real processes of `otel-voice serve`, and a
collector with `file_storage` and `fsync: true` where `tests/peers/install.py` has built one. Requests of 512 spans, uncompressed, each of
them different, sixteen in flight; a sink process takes what they send on. Servers are pinned to one core, client and sink to the others.
Variants take turns; a round ends when everything acknowledged has reached the sink, so that a backlog is nobody's advantage. `per CPU
second` counts a server's own CPU time and is the steadier of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import grpc.aio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from otel_voice_processor.config import Receiver as Settings  # noqa: E402
from otel_voice_processor.receiver import Receiver  # noqa: E402
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call  # noqa: E402
from otel_voice_processor.testing import free_port  # noqa: E402

from tests.benchmarks.pipeline import SPANS, _run, request_of  # noqa: E402
from tests.peers.install import found  # noqa: E402

FOREIGN = b"http.request.header.0"  # once in each span of somebody else's
PATIENCE_S = 60.0
PINNED = ["taskset", "-c", "0"] if shutil.which("taskset") else []  # servers share one core, client and sink have the others
IN_FLIGHT = 16
VARYING = re.compile(rb"(-0{8}|\.0{6})")  # in an event's id, and in a call's
ROUNDS_OF_A_CALL = 20  # requests that tell of the same calls
SERVE = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
processors: {{voice_interruption: {{settle_after: 2s, expire_after: 4s}}}}
exporters: {{otlp_grpc: {{endpoint: "127.0.0.1:{sink}", tls: {{insecure: true}}, compression: none}}}}
extensions: {{health_check: {{endpoint: none}}, file_storage: {{directory: "{directory}"}}}}
"""
COLLECTOR = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}", max_recv_msg_size_mib: 64}}}}}}}}
exporters:
  otlp_grpc:
    endpoint: "127.0.0.1:{sink}"
    tls: {{insecure: true}}
    compression: none
    sending_queue: {{enabled: true, storage: file_storage, queue_size: 100000, num_consumers: 4}}
extensions: {{file_storage: {{directory: "{directory}", create_directory: true, fsync: true}}}}
service:
  extensions: [file_storage]
  telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}}}
"""


class Bodies:
    """Requests that differ in every event: calls go on for a while, then others begin. Or, `same`, one request again and again."""

    def __init__(self, voice_percent: int, *, same: bool = False) -> None:
        self._same = same
        self._template = request_of(voice_percent)
        self._parts = VARYING.split(self._template)  # what varies stands at the odd places
        self._is_event = [part.startswith(b"-") for part in self._parts[1::2]]
        self.foreign = self._template.count(FOREIGN)  # in each request
        self.number = 0

    def next(self) -> bytes:
        """Return the next. It costs little, since client and sink share a core."""
        if self._same:
            return self._template
        self.number += 1
        event, call = b"-%08d" % self.number, b".%06d" % (self.number // ROUNDS_OF_A_CALL)
        self._parts[1::2] = [event if is_event else call for is_event in self._is_event]
        return b"".join(self._parts)


def sink(told: Connection, port: int = 0) -> None:
    """Take everything, and tell how many spans that are foreign came whenever asked, until the parent hangs up."""
    got = 0

    async def main() -> None:
        async def consume(body: bytes, signal: str) -> bytes:
            nonlocal got
            got += body.count(FOREIGN)
            return b""

        receiver = Receiver(consume, Settings(endpoint=f"127.0.0.1:{port}", max_recv_msg_size_mib=64))
        await receiver.start()
        told.send(receiver.port)
        with contextlib.suppress(EOFError, OSError):
            while await asyncio.to_thread(told.poll, None):
                told.recv()
                told.send(got)
        await receiver.stop(0)

    _run(main())


@dataclass
class Server:
    """A running variant and what it reached, round by round."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def cpu_s(self) -> float:
        """Return the CPU seconds the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(name: str, command: list[str], config: str, folder: Path, sink: int) -> Iterator[Server]:
    """Run a variant until the block ends; its config goes before the command's last argument."""
    port = free_port()
    directory = "none" if name == "in memory" else str(folder / "kept")
    file = folder / "config.yaml"
    file.write_text(config.format(port=port, sink=sink, directory=directory))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*PINNED, *command, str(file)], stdout=log, stderr=log, env=os.environ | {"GOMAXPROCS": "1"})
    try:
        for _ in range(200):
            if process.poll() is not None:
                raise RuntimeError(f"{name} did not start: {(folder / 'log').read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield Server(name, process, port)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


class Round:
    """Keeps some requests in flight, then waits until all of them are at the sink."""

    def __init__(self, bodies: Bodies, pipe: Connection) -> None:
        self._bodies, self._pipe = bodies, pipe

    def _at_sink(self) -> int:
        self._pipe.send(None)
        return int(self._pipe.recv())

    async def run(self, server: Server, seconds: float) -> None:
        """Note spans per second, and per CPU second of the server, from the first request to the last delivery."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            call = raw_call(channel, TRACE_EXPORT)
            await call(self._bodies.next())
            await asyncio.sleep(0.2)
            before, sent = self._at_sink(), 0
            began, cpu = time.monotonic(), server.cpu_s()

            async def sender() -> None:
                nonlocal sent
                while time.monotonic() < began + seconds:
                    await call(self._bodies.next())
                    sent += self._bodies.foreign

            await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
            while self._at_sink() - before < sent:
                if time.monotonic() > began + seconds + PATIENCE_S:
                    raise RuntimeError(f"{server.name}: {self._at_sink() - before} of {sent} spans arrived")
                await asyncio.sleep(0.01)
        requests = sent / self._bodies.foreign
        server.wall.append(requests * SPANS / (time.monotonic() - began))
        server.cpu.append(requests * SPANS / max(server.cpu_s() - cpu, 0.01))


def report(servers: list[Server]) -> str:
    """Return absolute figures and the ratios that matter, as text."""
    wall = {server.name: statistics.median(server.wall) for server in servers}
    cpu = {server.name: statistics.median(server.cpu) for server in servers}
    lines = [f"{'variant':32} {'spans/s':>10} {'per CPU second':>16}"]
    lines += [f"{name:32} {wall[name]:10,.0f} {cpu[name]:16,.0f}" for name in wall]
    for other in (name for name in wall if name != "durable"):
        lines.append(f"durable against {other}: {wall['durable'] / wall[other]:.2f} x by wall, {cpu['durable'] / cpu[other]:.2f} x by CPU")
    return "\n".join(lines)


def main() -> None:
    """Start the servers, take turns, print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=60.0, help="measuring time over all variants")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--voice", type=int, default=10, help="per cent of spans that are ours")
    options.add_argument("--same", action="store_true", help="one request again and again: its events are duplicates, and judged once")
    chosen = options.parse_args()
    bodies = Bodies(chosen.voice, same=chosen.same)
    if PINNED and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {0})
    serve = [str(Path(sys.executable).with_name("otel-voice")), "serve", "--config"]
    variants = [("durable", serve, SERVE), ("in memory", serve, SERVE)]
    otelcol = found("otelcol")
    if otelcol is not None:
        variants.append(("collector, persistent queue", [str(otelcol), "--config"], COLLECTOR))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    taking = context.Process(target=sink, args=(theirs,), daemon=True)
    taking.start()
    port = ours.recv()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = []
        for number, (name, command, config) in enumerate(variants):
            folder = work / str(number)
            folder.mkdir()
            servers.append(stack.enter_context(running(name, command, config, folder, port)))
        rounds = Round(bodies, ours)
        for number in range(chosen.rounds):
            for server in servers[number % len(servers) :] + servers[: number % len(servers)]:
                asyncio.run(rounds.run(server, chosen.seconds / chosen.rounds / len(servers)))
    size, events = len(bodies.next()) // 1024, "one request repeated" if chosen.same else "each event new"
    print(f"512 spans a request, {size} KiB, {chosen.voice} % ours, {events}, uncompressed, {IN_FLIGHT} in flight, all delivered")
    print(report(servers))
    ours.close()
    taking.terminate()
    taking.join()


if __name__ == "__main__":
    main()
