"""Exporters and destinations as the config describes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otel_voice_processor import config as settings
from otel_voice_processor.config import Batch, Config, Retry, SendingQueue
from otel_voice_processor.forward.dead_letters import DeadLetters
from otel_voice_processor.forward.destination import Destination
from otel_voice_processor.forward.exporter import Exporter, takes
from otel_voice_processor.forward.fan_out import FanOut
from otel_voice_processor.forward.grpc_exporter import GrpcExporter
from otel_voice_processor.forward.http_exporter import HttpExporter
from otel_voice_processor.forward.queue import Queue
from otel_voice_processor.forward.retry import Retrying
from otel_voice_processor.model import LOGS, TRACES
from otel_voice_processor.telemetry import Counters

ONE_BY_ONE: Final = SendingQueue(num_consumers=1, batch=Batch(max_size=1))  # of a file: a request a line, in order
Settings = settings.TraceExporter | settings.HttpExporter


def exporter_of(config: Settings, counters: Counters) -> Exporter:
    """Return the exporter that a config section describes; each `send` of it is one attempt."""
    if isinstance(config, settings.HttpExporter):
        return HttpExporter.of(config, counters)
    return GrpcExporter.of(config, counters)


def fan_out(config: Config, counters: Counters, file: Exporter | None = None) -> FanOut:
    """Return what a request is sent to in memory: all at once, tried again for as long as a sender may wait."""
    retrying = [Retrying(exporter_of(each, counters), each.retry_on_failure) for each in config.traces]
    return FanOut([*retrying, *([file] if file is not None else [])], counters)


def destinations(
    config: Config, queue: Queue, letters: DeadLetters, counters: Counters, file: Exporter | None = None
) -> tuple[Destination, ...]:
    """Return what reads the journal's queue, each with a cursor under its key in the config; none where nothing goes anywhere."""
    named: list[tuple[str, Exporter, SendingQueue, Retry]] = [
        (each.name, exporter_of(each, counters), each.sending_queue, each.retry_on_failure) for each in config.traces
    ]
    if file is not None:
        named.append(("file", file, ONE_BY_ONE, Retry()))
    orphans = frozenset(_orphans([exporter for _, exporter, _, _ in named]))
    return tuple(
        Destination(name, exporter, queue, letters, counters, sending=sending, retry=retry, orphans=frozenset() if at else orphans)
        for at, (name, exporter, sending, retry) in enumerate(named)  # the first one counts what nobody takes
    )


def _orphans(exporters: list[Exporter]) -> Iterator[str]:
    return (signal for signal in (TRACES, LOGS) if not any(takes(each, signal) for each in exporters))
