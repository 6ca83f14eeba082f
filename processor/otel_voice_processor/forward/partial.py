"""What downstream took only in part: counted, logged once, handed up as a warning. OTLP forbids sending it again."""

from __future__ import annotations

import logging
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_voice.printable import printable
from otel_voice_processor.forward.once import Once
from otel_voice_processor.model import LOGS
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
MAX_SHOWN: Final = 500  # characters of one


class PartialSuccess:
    """Reads the answers of one exporter; `name` is its key in the config."""

    def __init__(self, name: str, counters: Counters) -> None:
        self._name, self._counters = name, counters
        self._told = Once()

    def note(self, answer: bytes, signal: str, endpoint: str) -> str | None:
        """Return what an OK says that did not take everything, None where it took all."""
        if not answer:
            return None
        try:
            rejected, message = _rejected(answer, signal)
        except DecodeError:
            words = f"`{endpoint}` answers OK with what is no OTLP response: is it an OTLP endpoint?"
            if self._told.first(words):
                LOG.warning("%s", words)
            return None
        if not rejected and not message:
            return None
        if rejected > 0:
            counter = "otel_voice_exporter_rejected_log_records" if signal == LOGS else "otel_voice_exporter_rejected_spans"
            self._counters.add(counter, rejected, exporter=self._name)
        words = printable(f"`{endpoint}` rejected {rejected} records: {message[:MAX_SHOWN] or 'it does not say why'}")
        if self._told.first(message):
            LOG.warning("%s", words)
        return words


def _rejected(answer: bytes, signal: str) -> tuple[int, str]:
    if signal == LOGS:
        logs = ExportLogsServiceResponse.FromString(answer).partial_success
        return logs.rejected_log_records, logs.error_message
    spans = ExportTraceServiceResponse.FromString(answer).partial_success
    return spans.rejected_spans, spans.error_message
