"""`otel-voice serve`: the processor on localhost:4317, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace

from otel_voice_processor.cli.check import read
from otel_voice_processor.config import Config
from otel_voice_processor.errors import ConfigError, FileUnusable, ProcessorError
from otel_voice_processor.model import CallRecord
from otel_voice_processor.paths import journal_directory

LOG = logging.getLogger("otel_voice_processor")
MOST_WAITING = 1_000  # calls that wait to be printed
STOPPING = (signal.SIGTERM, signal.SIGINT)
AGAIN = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()  # Windows has none


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="config file; every key has a default")
    parser.add_argument("--policy", metavar="FILE", help="policy file, instead of the one the config names")
    parser.add_argument("--in-memory", action="store_true", help="keep nothing on disk: requests are acknowledged after downstream's OK")
    parser.add_argument("--show", action="store_true", help="print each call record as it settles")


def run(options: argparse.Namespace) -> int:
    """Serve; return 0 after SIGTERM or SIGINT, 1 where it cannot start, 2 where the config does not conform."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    config, problems = read(options.config, options.policy)
    if problems or config is None:
        print("\n".join(problems), file=sys.stderr)
        return 2
    if options.in_memory:
        _tell_what_waits(config)
        config = replace(config, storage=replace(config.storage, in_memory=True))
    try:
        _run(_serve(config, show=options.show))
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    except ProcessorError as error:
        print(f"otel-voice: {error}", file=sys.stderr)
        return 1
    return 0


def _tell_what_waits(config: Config) -> None:
    """Say that a journal still holds something: what is not read now is delivered by no one."""
    from otel_voice_processor.journal.contents import contents_of

    directory = journal_directory(config)
    with contextlib.suppress(FileUnusable):  # most often there is none
        found = contents_of(directory) if directory is not None else None
        if found is not None and found.requests:
            print(f"{found.requests} requests wait in {directory}: they are delivered by a `serve` without --in-memory", file=sys.stderr)


def _run(main: Coroutine[None, None, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


class Screen:
    """Prints call records in a thread of its own: a reader who is slow, or goes away, never holds up the processor."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100)
        self._waiting: queue.Queue[CallRecord | None] = queue.Queue(MOST_WAITING)
        self._unseen = 0
        self._thread = threading.Thread(target=self._printing, daemon=True)
        self._thread.start()

    def show(self, record: CallRecord) -> None:
        """Print a record soon; one too many is counted, not waited for."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._unseen += 1

    def close(self, patience_s: float = 1.0) -> None:
        """Print what waits, for as long as somebody reads it."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=patience_s)
        self._thread.join(patience_s)
        unseen = self._unseen + self._waiting.qsize() if self._thread.is_alive() else self._unseen
        if unseen:
            print(f"otel-voice: {unseen} calls were not shown, since nobody read them", file=sys.stderr)

    def _printing(self) -> None:
        from otel_voice_processor.cli.show import render_call

        while (record := self._waiting.get()) is not None:
            try:
                with self._console.capture() as text:
                    self._console.print(render_call(record, width=min(self._console.width, 120)))
                    self._console.print()
                self._write(text.get().encode(sys.stdout.encoding, "replace"))
            except OSError:  # the reader of a pipe went away
                break
            except Exception:
                LOG.exception("a call could not be shown")
        while self._waiting.get() is not None:
            pass

    def _write(self, text: bytes) -> None:
        """Past `sys.stdout`, whose lock a blocked thread would keep until the interpreter trips over it."""
        while text:
            text = text[os.write(sys.stdout.fileno(), text) :]


async def _serve(config: Config, *, show: bool) -> None:
    from otel_voice_processor.service import Service, tune_gc, tune_malloc

    tune_malloc()
    tune_gc()
    screen = Screen() if show else None
    service = Service(config, on_call=screen.show if screen else None)
    with _told_to_stop() as stop, _told_to_read_again(service.policy.read_again):  # before the port opens, or an answer might be cut off
        await service.start()
        print(_told(config, service.port), file=sys.stderr)
        await stop.wait()
        await service.stop()
        if screen is not None:
            await asyncio.to_thread(screen.close)


@contextlib.contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Give an event that a signal sets. Signals are ignored after that, to the end: a second one must not turn a clean exit into a kill.

    Not by the loop's `add_signal_handler`, which puts the killing default back before the interpreter is gone.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    before = {number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set)) for number in STOPPING}
    try:
        yield stop
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _told_to_read_again(read_again: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Read again at each SIGHUP, one after the other; many that come at once are one. Ignored after that, as `_told_to_stop` has it."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    async def reading() -> None:
        while await told.wait():
            told.clear()
            await read_again()

    before = {number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(told.set)) for number in AGAIN}
    task = loop.create_task(reading())
    try:
        yield
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise
    finally:
        task.cancel()
    for number in AGAIN:
        signal.signal(number, signal.SIG_IGN)


def _told(config: Config, port: int) -> str:
    host = config.receiver.endpoint.rsplit(":", 1)[0]
    targets = [endpoint for traces in config.traces for endpoint in traces.endpoints] + ([config.file.path] if config.file else [])
    onward = (
        f"traces go on to {', '.join(targets)}" if targets else "traces go nowhere: set exporters.otlp_grpc or exporters.file to keep them"
    )
    scores = f"; metrics to {config.metrics.endpoint}" if config.metrics else "; no metrics endpoint is set"
    directory = journal_directory(config)
    kept = f"; kept in {directory} until they are there" if directory is not None else "; nothing is kept on disk"
    return f"otel-voice listens for OTLP gRPC on {host}:{port}; {onward}{kept if targets else ''}{scores}"
