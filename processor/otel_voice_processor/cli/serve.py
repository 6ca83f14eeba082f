"""`otel-voice serve`: the processor on localhost:4317, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine

from otel_voice_processor.cli.check import read
from otel_voice_processor.config import Config
from otel_voice_processor.errors import ConfigError, ProcessorError
from otel_voice_processor.model import CallRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="config file; every key has a default")
    parser.add_argument("--policy", metavar="FILE", help="policy file, instead of the one the config names")
    parser.add_argument("--show", action="store_true", help="print each call record as it settles")


def run(options: argparse.Namespace) -> int:
    """Serve; return 0 after SIGTERM or SIGINT, 1 where it cannot start, 2 where the config does not conform."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    config, problems = read(options.config, options.policy)
    if problems or config is None:
        print("\n".join(problems), file=sys.stderr)
        return 2
    try:
        _run(_serve(config, show=options.show))
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    except ProcessorError as error:
        print(f"otel-voice: {error}", file=sys.stderr)
        return 1
    return 0


def _run(main: Coroutine[None, None, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def _printer() -> Callable[[CallRecord], None]:
    from rich.console import Console

    from otel_voice_processor.cli.show import render_call

    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100)

    reading = True

    def show(record: CallRecord) -> None:
        nonlocal reading
        if not reading:
            return
        try:
            console.print(render_call(record, width=min(console.width, 120)))
            console.print()
        except (OSError, SystemExit):  # the reader of a pipe went away; the processor goes on
            reading = False

    return show


async def _serve(config: Config, *, show: bool) -> None:
    from otel_voice_processor.service import Service, tune_malloc

    tune_malloc()
    service = Service(config, on_call=_printer() if show else None)
    await service.start()
    print(_told(config, service.port), file=sys.stderr)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await service.stop()


def _told(config: Config, port: int) -> str:
    host = config.receiver.endpoint.rsplit(":", 1)[0]
    targets = [traces.endpoint for traces in config.traces] + ([config.file] if config.file else [])
    onward = (
        f"traces go on to {', '.join(targets)}" if targets else "traces go nowhere: set exporters.otlp_grpc or exporters.file to keep them"
    )
    scores = f"; metrics to {config.metrics.endpoint}" if config.metrics else "; no metrics endpoint is set"
    return f"otel-voice listens for OTLP gRPC on {host}:{port}; {onward}{scores}"
