"""Everything that leaves but metrics: exporters that make one attempt, and who calls them, in memory or out of the journal."""

from __future__ import annotations

from otel_voice_processor.forward.building import destinations, exporter_of, fan_out
from otel_voice_processor.forward.dead_letters import DeadLetters, Letter
from otel_voice_processor.forward.destination import Destination
from otel_voice_processor.forward.exporter import Exporter
from otel_voice_processor.forward.fan_out import FanOut
from otel_voice_processor.forward.grpc_exporter import GrpcExporter
from otel_voice_processor.forward.http_exporter import HttpExporter
from otel_voice_processor.forward.parking import park
from otel_voice_processor.forward.queue import Queue
from otel_voice_processor.forward.retry import Retrying
from otel_voice_processor.model import Entry

__all__ = [
    "DeadLetters",
    "Destination",
    "Entry",
    "Exporter",
    "FanOut",
    "GrpcExporter",
    "HttpExporter",
    "Letter",
    "Queue",
    "Retrying",
    "destinations",
    "exporter_of",
    "fan_out",
    "park",
]
