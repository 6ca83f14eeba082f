"""Traces and logs to a file, one OTLP JSON request a line, as the collector's file exporter writes them and its receiver reads them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from otel_voice_processor.config import File
from otel_voice_processor.errors import FileUnusable, Retryable
from otel_voice_processor.file_exporter.live import LiveFile
from otel_voice_processor.file_exporter.tails import SIZE
from otel_voice_processor.file_exporter.tidying import Tidier
from otel_voice_processor.model import TRACES
from otel_voice_processor.otlp_json import check_request, decode_request_json
from otel_voice_processor.paths import sync
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
EVERY_S: Final = 60.0  # how often a file that nobody writes to is looked at
PATIENCE_S: Final = 5.0  # for a file that is being compressed when the processor stops; past it the next start does it
T = TypeVar("T")


class FileExporter:
    """Appends each request whole, in one thread of its own; rotated files are tidied up in another. `start` is not needed for `send`."""

    def __init__(
        self,
        file: File | str | Path,
        counters: Counters | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
        every_s: float = EVERY_S,
    ) -> None:
        config = file if isinstance(file, File) else File(path=str(file))
        self._proto = config.format == "proto"
        self._counters = counters or Counters()
        self._clock, self._every_s = clock, every_s
        self._counted: deque[tuple[str, dict[str, str]]] = deque()
        self._file = LiveFile(config, self._note, clock)
        compress = config.compression == "zstd"
        self._tidier = Tidier(self._file.path, config.rotation, self._note, compress=compress) if config.rotation else None
        self._writer: ThreadPoolExecutor | None = None
        self._watching: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claim the file, mend and tidy what the last process left; raise `FileUnusable` where the file is another's."""
        try:
            await self._write(self._file.begin)
        except FileUnusable:
            await self.close()
            raise
        except Retryable as error:  # the folder may come back
            LOG.warning("%s", error)
        else:
            self._tidy_up()
        if self._tidier is not None and self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def send(self, body: bytes, signal: str = TRACES) -> None:
        """Append one request; raise `Undecodable` where it is no OTLP, `Retryable` where the file cannot be written."""
        await self._write(lambda: self._append(body, signal))
        if self._file.rotated:
            self._tidy_up()

    async def close(self) -> None:
        """Let go of the file, compressing given up unless it is nearly done; safe before `start` and twice."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        if self._tidying is not None and self._tidier is not None:
            await asyncio.wait([self._tidying], timeout=PATIENCE_S)
            self._tidier.stop.set()
            await asyncio.wait([self._tidying])
            self._tidier.stop.clear()
        if self._writer is not None:
            await self._write(self._file.release)
            self._writer.shutdown(wait=False)
            self._writer = None

    def _append(self, body: bytes, signal: str) -> None:
        if not body:
            return
        if self._proto:
            check_request(body, signal)
            self._file.append(len(body).to_bytes(SIZE, "big") + body)
        else:
            self._file.append(decode_request_json(body, signal).encode() + b"\n")

    async def _write(self, act: Callable[[], T]) -> T:
        """Run in the one thread that writes, in the order asked for: a caller who gives up never leaves two at it."""
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="otel-voice-file")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, act)
        finally:
            self._count()

    async def _watch(self) -> None:
        """Rotate and remove by age where no request comes to do it."""
        while True:
            await asyncio.sleep(self._every_s)
            with contextlib.suppress(Retryable):  # told to whoever sends next
                await self._write(self._file.begin)
                self._tidy_up()

    def _tidy_up(self) -> None:
        if self._tidier is not None and (self._tidying is None or self._tidying.done()):
            self._tidying = asyncio.create_task(self._tidy(self._tidier))

    async def _tidy(self, tidier: Tidier) -> None:
        try:
            while not tidier.stop.is_set():
                await asyncio.to_thread(self._sync_rotated)
                await asyncio.to_thread(tidier.tidy, self._clock())
                if not self._file.rotated:
                    break
        except Exception:  # nothing that goes wrong here may cost a request
            LOG.exception("rotated files could not be tidied up")
        self._count()

    def _sync_rotated(self) -> None:
        while self._file.rotated:
            with contextlib.suppress(OSError):
                sync(self._file.rotated[0])
                sync(self._file.path.parent)
            self._file.rotated.popleft()

    def _note(self, name: str, /, **labels: str) -> None:
        self._counted.append((name, labels))  # from any thread; counters are the loop's

    def _count(self) -> None:
        while self._counted:
            name, labels = self._counted.popleft()
            self._counters.add(name, **labels)
