"""A real `otel-voice serve` to hurt, a well-behaved sender beside it, and HTTP/2 written by hand for those that are not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from otel_voice_processor.rpc import TRACE_EXPORT, raw_call
from otel_voice_processor.testing import free_port
from otel_voice_processor.wire import build_request, encode_span

COMMAND = [sys.executable, "-c", "import sys; from otel_voice_processor.cli import main; sys.exit(main())"]
MIB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")  # and empty settings
ACK = bytes.fromhex("000000040100000000")  # of the server's settings: after it 4 MiB may be sent at once, before it 64 KiB
OK = b"grpc-status\x010"


class Processor:
    """A process of its own; `stderr` is a file, so that it never waits for us to read."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        address: str = "",
        within: str = "",
        grpc: str = "",
        processors: str = "",
        exporters: str = "",
        storage: str = "",
    ) -> None:
        """Write its config: where it listens, what it is reached by, within which network namespace, and parts of the config."""
        self.host, self.port, self.status = address or host, free_port(), free_port()
        self._command = [*(["ip", "netns", "exec", within] if within else []), *COMMAND]
        self.config, self.log, self.out = folder / "otel-voice.yaml", folder / "log.txt", folder / "out.jsonl"
        kept = storage or str(folder / "journal")
        lines = [
            f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{host}:{self.port}'{', ' if grpc else ''}{grpc}}}}}}}}}",
            f"exporters: {{{exporters or f'file: {{path: {self.out}}}'}}}",
            f"extensions: {{health_check: {{endpoint: '127.0.0.1:{self.status}'}}, file_storage: {{directory: '{kept}'}}}}",
            *([f"processors: {{{processors}}}"] if processors else []),
        ]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None
        self.asked_to_stop = False

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, before: Callable[[], None] | None = None) -> None:
        """Start; `before` runs in the child, as limits are set there."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self._command, "serve", "--config", str(self.config)], stdout=subprocess.DEVNULL, stderr=log, preexec_fn=before
            )
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return
            assert self.process.poll() is None, self.told()
            time.sleep(0.025)
        raise AssertionError(self.told())

    def stop(self) -> int:
        """Ask it to stop as an operator does, and return its exit code; one that does not is killed, and that fails."""
        assert self.process is not None
        self.asked_to_stop = True
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()

    def told(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def about(self) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/", timeout=5) as answer:
            return json.load(answer)

    def files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self, name: str = "RssAnon") -> int:
        """Return MiB; `VmHWM` is the most that was ever resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) >> 10


@contextlib.contextmanager
def running(processor: Processor, before: Callable[[], None] | None = None) -> Iterator[Processor]:
    """Run it; it has to be alive at the end, to stop cleanly, and to have met no fault of its own."""
    processor.start(before)
    try:
        yield processor
        assert processor.process is not None
        assert processor.asked_to_stop or processor.process.poll() is None, processor.told()
        assert processor.asked_to_stop or 0 == processor.stop(), processor.told()
        assert "Traceback" not in processor.told(), processor.told()
    finally:
        assert processor.process is not None
        processor.process.kill()
        processor.process.wait()


def span(name: str, size: int = 0) -> bytes:
    """Return a request of one span of somebody else's."""
    facts = {"padding": "x" * size} if size else {}
    one = encode_span(name=name, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"", start_ns=1, end_ns=2, attributes=facts)
    return build_request({"service.name": "a"}, "s", "1", "", [one])


class WellBehaved:
    """A sender that sends one request after the other, and notes what it is answered and how long that took."""

    def __init__(self, processor: Processor) -> None:
        self.answered: list[str] = []
        self.refused: list[grpc.aio.AioRpcError] = []
        self.slowest = 0.0
        self._processor = processor

    async def send(self, stopping: asyncio.Event) -> None:
        async with grpc.aio.insecure_channel(f"{self._processor.host}:{self._processor.port}") as channel:
            call, number = raw_call(channel, TRACE_EXPORT), 0
            while not stopping.is_set():
                began, name = time.monotonic(), f"well-behaved {number}"
                try:
                    await call(span(name), timeout=5)
                    self.answered.append(name)
                except grpc.aio.AioRpcError as error:
                    self.refused.append(error)
                self.slowest = max(self.slowest, time.monotonic() - began)
                number += 1
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def unharmed(processor: Processor, *, refusals: bool = False) -> AsyncIterator[WellBehaved]:
    """Send well-behaved requests meanwhile: all are answered OK in time and reach the file, whatever others do."""
    sender, stopping = WellBehaved(processor), asyncio.Event()
    task = asyncio.create_task(sender.send(stopping))
    try:
        await until(lambda: sender.answered, "nothing is answered at all")
        yield sender
        before = len(sender.answered)
        await until(lambda: len(sender.answered) > before + 5, "nothing is answered any more")
    finally:
        stopping.set()
        await task
    await until(lambda: f'"{sender.answered[-1]}"' in processor.out.read_text(encoding="utf-8"), "what was answered OK is not there")
    kept = processor.out.read_text(encoding="utf-8")
    assert [] == [name for name in sender.answered if f'"{name}"' not in kept]
    if not refusals:
        assert [] == [error.details() for error in sender.refused]
        assert 5 > sender.slowest


async def until(holds: Callable[[], Any], words: str, patience_s: float = 60.0) -> None:
    """Wait until something holds."""
    given_up = time.monotonic() + patience_s
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < given_up, words
        await asyncio.sleep(0.05)


def heard(line: socket.socket, word: bytes) -> bool:
    """Tell whether something is said on a line before it is closed, or within its time."""
    got = bytearray()
    with contextlib.suppress(ConnectionError, TimeoutError):
        while word not in got and (part := line.recv(65_536)):
            got += part
    return word in got


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(stream: int, *, packed: bool = False) -> bytes:
    """Return the headers of an export; `packed` says that its message may be gzip."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    block = b"\x83\x86\x04" + text(TRACE_EXPORT) + b"\x01" + text("localhost")
    block += b"\x0f\x10" + text("application/grpc") + b"\x00" + text("te") + text("trailers")
    block += b"\x00" + text("grpc-encoding") + text("gzip") if packed else b""
    return frame(1, 4, stream, block)


def data(stream: int, body: bytes, *, ends: bool = True, packed: bool = False) -> bytes:
    """Return a whole message in frames of 16 KiB; without `ends` the stream stays open."""
    message = bytes([packed]) + struct.pack(">I", len(body)) + body
    parts = [message[at : at + 16_384] for at in range(0, len(message), 16_384)]
    return b"".join(frame(0, int(ends and at == len(parts) - 1), stream, part) for at, part in enumerate(parts))
