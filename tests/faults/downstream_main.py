"""The process behind `Downstream`: OTLP over gRPC and HTTP, told on standard input how to behave, everything written down in a file.

Each record is written before its request is answered: kind, whether it is answered OK, length, bytes.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

HEAD = struct.Struct(">BBdI")  # kind, answered OK, when, length
KINDS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": 0,
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": 1,
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": 2,
    "/v1/traces": 0,
    "/v1/logs": 1,
    "/v1/metrics": 2,
}


class Told:
    """How to behave now: `mode` is ok, refuse, poison, never, garbage or slow; metrics have a mode of their own."""

    def __init__(self, record: BinaryIO) -> None:
        self._record, self._lock = record, threading.Lock()
        self.now: dict[str, Any] = {"mode": "ok"}
        self.metrics: dict[str, Any] = {"mode": "ok"}
        self.attempts = 0  # to hand over traces or logs

    def of(self, kind: int) -> dict[str, Any]:
        return self.metrics if kind == 2 else self.now

    def keep(self, kind: int, taken: bool, body: bytes) -> None:
        with self._lock:
            self.attempts += kind != 2
            self._record.write(HEAD.pack(kind, taken, time.time(), len(body)) + body)
            self._record.flush()


def trailers(code: grpc.StatusCode, wait: float | None) -> tuple[tuple[str, bytes], ...]:
    if wait is None:
        return ()
    info = RetryInfo(retry_delay=Duration(nanos=round(wait * 1e9) % 10**9, seconds=int(wait)))
    packed = AnyMessage()
    packed.Pack(info)
    status = Status(code=code.value[0], message="told to refuse", details=[packed])
    return (("grpc-status-details-bin", status.SerializeToString()),)


class ByGrpc(grpc.GenericRpcHandler):
    """Takes the three signals as raw bytes."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        kind = KINDS.get(handler_call_details.method)
        return None if kind is None else grpc.unary_unary_rpc_method_handler(partial(self._take, kind))

    async def _take(self, kind: int, body: bytes, context: Any) -> bytes:
        how = self._told.of(kind)
        if how["mode"] == "never":
            self._told.keep(kind, False, body)
            await asyncio.sleep(3600)
        if how["mode"] == "slow":
            await asyncio.sleep(how["seconds"])
        if how["mode"] == "poison" and bytes.fromhex(how["span"]) in body:
            self._told.keep(kind, False, body)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "one of these spans is not to my taste")
        if how["mode"] == "refuse":
            self._told.keep(kind, False, body)
            code = grpc.StatusCode[how["code"]]
            await context.abort(code, "told to refuse", trailers(code, how.get("wait")))
        self._told.keep(kind, True, body)
        return b"\xff\xff\xff" if how["mode"] == "garbage" else b""


def by_http(told: Told, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            kind = KINDS.get(self.path, 2)
            how = told.of(kind)
            if how["mode"] == "never":
                time.sleep(3600)
            if how["mode"] == "slow":
                time.sleep(how["seconds"])
            status = int(how["code"]) if how["mode"] == "refuse" else 200
            told.keep(kind, status == 200, body)
            answer = b"\xff\xff\xff" if how["mode"] == "garbage" else b""
            self.send_response(status)
            if how.get("wait") is not None:
                self.send_header("retry-after", str(how["wait"]))
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads, allow_reuse_address = True, True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: that senders are killed in the middle of a request is what this is for."""

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Doors:
    """Opens and closes the gRPC port, so that downstream can be away, flap, or be something that speaks no gRPC."""

    def __init__(self, told: Told, port: int) -> None:
        self._told, self._port = told, port
        self._server: grpc.aio.Server | None = None
        self._plain: asyncio.Server | None = None
        self._flapping: asyncio.Task[None] | None = None

    async def set(self, how: dict[str, Any]) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
            self._flapping = None
        if how["mode"] == "flap":
            self._told.now = {"mode": "ok"}
            self._flapping = asyncio.create_task(self._flap(how["up"], how["down"]))
        elif how["mode"] in {"junk", "hang_up"}:
            await self._close()
            self._plain = await asyncio.start_server(lambda reader, writer: _rude(reader, writer, how["mode"]), "127.0.0.1", self._port)
        else:
            self._told.now = how
            await (self._close() if how["mode"] == "dead" else self._open())

    async def _open(self) -> None:
        await self._close(plain_only=True)
        if self._server is None:
            options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
            server = grpc.aio.server(options=options)
            server.add_generic_rpc_handlers((ByGrpc(self._told),))
            for _ in range(100):
                try:
                    assert server.add_insecure_port(f"127.0.0.1:{self._port}")
                    break
                except RuntimeError:  # the one before is not quite gone
                    await asyncio.sleep(0.05)
            await server.start()
            self._server = server

    async def _close(self, *, plain_only: bool = False) -> None:
        plain, self._plain = self._plain, None
        if plain is not None:
            plain.close()
        if self._server is not None and not plain_only:
            server, self._server = self._server, None
            await server.stop(None)  # at once: what is in flight is cut off

    async def _flap(self, up: float, down: float) -> None:
        while True:
            await self._open()
            await asyncio.sleep(up)
            await self._close()
            await asyncio.sleep(down)


async def _rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mode: str) -> None:
    """Answer with what is no HTTP/2, or hang up in the middle of a request."""
    try:
        if mode == "junk":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi\x00\xff" * 10)
            await writer.drain()
        await asyncio.wait_for(reader.readexactly(2000 if mode == "hang_up" else 10), 5)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        pass
    writer.transport.abort()


async def main(told: Told, grpc_port: int, http_port: int) -> None:
    doors = Doors(told, grpc_port)
    await doors.set({"mode": "ok"})
    by_http(told, http_port)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        how = json.loads(line)
        if how.pop("what", "") == "metrics":
            told.metrics = how
        elif how:
            await doors.set(how)
        print(json.dumps({"attempts": told.attempts}), flush=True)


if __name__ == "__main__":
    with Path(sys.argv[1]).open("ab") as file:
        asyncio.run(main(Told(file), int(sys.argv[2]), int(sys.argv[3])))
