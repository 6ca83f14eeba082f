"""Traces to a file, one OTLP JSON request a line, as the collector's file exporter writes them and its receiver reads them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from otel_voice_processor.errors import Retryable
from otel_voice_processor.wire import decode_request_json


class FileExporter:
    """Appends to `path`, readable by its owner only; each line is written whole, in its own thread, one at a time."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._turn = asyncio.Lock()

    async def send(self, body: bytes) -> None:
        """Append one request; raise `Undecodable` where it is no OTLP, `Retryable` where the file cannot be written."""
        async with self._turn:
            await asyncio.to_thread(self._append, body)

    def _append(self, body: bytes) -> None:
        if not body:
            return
        line = decode_request_json(body).encode() + b"\n"
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                start = os.fstat(handle).st_size
                if os.write(handle, line) != len(line):
                    os.ftruncate(handle, start)  # no half lines: what follows must stay readable
                    raise Retryable(f"`{self._path}` took only part of a line: is the disk full?")
            finally:
                os.close(handle)
        except OSError as error:
            raise Retryable(f"`{self._path}` cannot be written: {error.strerror or error}") from None

    async def close(self) -> None:
        """Nothing stays open between lines."""
