"""A queue in memory, an exporter that is told what to do, and an HTTP server that does what no server should."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from otel_voice_processor.forward import Entry


class MemoryQueue:
    """What the journal promises, without a disk: entries in order, and a cursor for each destination."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = list(entries)
        self.cursors: dict[str, int] = {}
        self.told: list[tuple[str, int]] = []
        self.failures: list[Exception] = []
        self._grown = asyncio.Event()

    def put(self, *bodies: bytes, signal: str = "traces") -> None:
        number = self.entries[-1].number + 1 if self.entries else 1
        self.entries += [Entry(number + at, signal, 1_000, body) for at, body in enumerate(bodies)]
        self._grown.set()

    async def read(self, number: int, max_bytes: int) -> list[Entry]:
        if self.failures:
            raise self.failures.pop(0)
        while not (waiting := [entry for entry in self.entries if entry.number >= number]):
            self._grown.clear()
            await self._grown.wait()
        found, size = [waiting[0]], len(waiting[0].body)
        for entry in waiting[1:]:
            size += len(entry.body)
            if size > max_bytes:
                break
            found.append(entry)
        return found

    def done(self, destination: str, number: int) -> None:
        assert number > self.cursors.get(destination, 0), "a cursor only grows"
        self.cursors[destination] = number
        self.told.append((destination, number))

    async def first(self, destination: str) -> int:
        return self.cursors.get(destination, 0)


class Told:
    """An exporter that asks a function what becomes of each request; `sent` are the requests it was given, `taken` those it took."""

    endpoint = "told:1"

    def __init__(
        self, answer: Callable[[bytes, str], Exception | Awaitable[None] | None] | None = None, signals: Sequence[str] = ()
    ) -> None:
        self.signals = frozenset(signals or ("traces", "logs"))
        self.answer = answer or (lambda body, signal: None)
        self.sent: list[bytes] = []
        self.taken: list[bytes] = []
        self.open = self.most_open = 0
        self.closed = 0

    async def send(self, body: bytes, signal: str = "traces") -> None:
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            self.sent.append(body)
            answer = self.answer(body, signal)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                await answer
            self.taken.append(body)
        finally:
            self.open -= 1

    async def close(self) -> None:
        self.closed += 1


class Sleeps:
    """Takes the waits down and does not wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what a test brings about, ten seconds at most."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come about")


class Web:
    """An HTTP server by hand. `answer` are the bytes it answers with, `then` what it does after them, `choose` gives a status by the body.

    With `early` it answers before it has read any of that. `seen` is what it was sent.
    """

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answer = b""
        self.then: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
        self.early = False
        self.choose: Callable[[bytes], str] | None = None
        self.answers("200 OK")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, status: str, body: bytes = b"", **headers: str) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"content-length: {len(body)}",
            *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items()),
        ]
        self.answer, self.then = "\r\n".join(lines).encode() + b"\r\n\r\n" + body, None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
                body = b"" if self.early else await reader.readexactly(int(headers.get("content-length", "0")))
                self.seen.append((head[0].split(" ")[1], headers, body))
                if self.choose is not None:
                    self.answers(self.choose(body))
                writer.write(self.answer)
                await writer.drain()
                if self.then is not None:
                    await self.then(writer)
                if self.then is not None or self.early:
                    break
        writer.close()


@asynccontextmanager
async def web(context: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
    one = Web()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(one.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
