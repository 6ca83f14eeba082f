"""A restart with much waiting: how long until requests are taken again, and how fast what waits is delivered.

Run: `python tests/benchmarks/backlog.py [--megabytes 1024]`. A real `otel-voice serve` fills its journal while nobody listens
downstream, is killed (-9), and started again: ready is when a request is answered OK. Then a sink comes, and while the backlog drains no
request is sent; beside it stands what the same processor delivers in live traffic, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
import grpc.aio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from otel_voice_processor.rpc import TRACE_EXPORT, raw_call  # noqa: E402
from otel_voice_processor.testing import free_port  # noqa: E402

from tests.benchmarks.durable import IN_FLIGHT, SERVE, Bodies, Round, Server  # noqa: E402
from tests.benchmarks.durable import sink as run_sink  # noqa: E402

PATIENCE_S = 300.0


def start(config: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the processor."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("otel-voice")), "serve", "--config", str(config)], stdout=out, stderr=out
        )


async def fill(port: int, bodies: Bodies, size: int) -> int:
    """Send so many bytes; return how many were acknowledged."""
    sent = 0
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = raw_call(channel, TRACE_EXPORT)
        await call(bodies.next(), wait_for_ready=True)

        async def sender() -> None:
            nonlocal sent
            while sent < size:
                body = bodies.next()
                sent += len(body)
                await call(body)

        await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    return sent


async def ready(port: int, body: bytes) -> float:
    """Return the seconds until a request is answered OK."""
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE_S:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                await raw_call(channel, TRACE_EXPORT)(body, timeout=5)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.02)
            else:
                return time.monotonic() - began
    raise RuntimeError("never ready")


def got(pipe: Connection) -> int:
    """Return the foreign spans at the sink."""
    pipe.send(None)
    return int(pipe.recv())


def main() -> None:
    """Fill, kill, start, drain, print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--megabytes", type=int, default=1024)
    options.add_argument("--seconds", type=float, default=10.0, help="of live traffic, to compare with")
    chosen = options.parse_args()
    bodies, port, sink_port = Bodies(10), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config, log = Path(folder) / "config.yaml", Path(folder) / "log"
        config.write_text(SERVE.format(port=port, sink=sink_port, directory=f"{folder}/kept"))
        process = start(config, log)
        try:
            waiting = asyncio.run(fill(port, bodies, chosen.megabytes << 20))
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            process = start(config, log)
            seconds = asyncio.run(ready(port, bodies.next()))
            print(f"{waiting >> 20} MiB wait: ready {seconds:.2f} s after the start")
            ours, theirs = multiprocessing.get_context("spawn").Pipe()
            sink = multiprocessing.get_context("spawn").Process(target=run_sink, args=(theirs, sink_port), daemon=True)
            sink.start()
            ours.recv()
            total = bodies.number * bodies.foreign
            while not (first := got(ours)):
                time.sleep(0.01)
            began = time.monotonic()
            while (now := got(ours)) < total:
                if time.monotonic() > began + PATIENCE_S:
                    raise RuntimeError(f"{now} of {total} spans arrived")
                time.sleep(0.01)
            drained = (total - first) / (time.monotonic() - began)
            live = Server("live", process, port)
            asyncio.run(Round(bodies, ours).run(live, chosen.seconds))
            spans, rate = drained * 512 / bodies.foreign, waiting / (total / drained) / 2**20
            print(f"drains at {spans:,.0f} spans/s, {rate:,.0f} MiB/s; live traffic {live.wall[0]:,.0f} spans/s")
            ours.close()
            sink.terminate()
        finally:
            process.kill()
            process.wait(10)
            if os.environ.get("OTEL_VOICE_LOG"):
                print(log.read_text(errors="replace"))


if __name__ == "__main__":
    main()
