from __future__ import annotations

import logging

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otel_voice_processor.forward import GrpcExporter
from otel_voice_processor.forward.partial import PartialSuccess
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import Sink

SPANS = ExportTraceServiceResponse(partial_success={"rejected_spans": 3, "error_message": "too old"}).SerializeToString()
RECORDS = ExportLogsServiceResponse(partial_success={"rejected_log_records": 2, "error_message": "too new"}).SerializeToString()


async def test_a_partial_success_is_counted_said_once_and_not_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    """OTLP forbids a retry of what was rejected in part; the sender gets it as a warning."""
    counters = Counters()
    async with Sink() as sink:
        exporter = GrpcExporter(sink.endpoint, insecure=True, name="otlp_grpc/a", counters=counters)
        with caplog.at_level(logging.WARNING):
            sink.accept(SPANS)
            told = [await exporter.send(b"x"), await exporter.send(b"y")]
            sink.accept(RECORDS)
            told.append(await exporter.send(b"z", "logs"))
        await exporter.close()

        assert [f"`{sink.endpoint}` rejected 3 records: too old"] * 2 + [f"`{sink.endpoint}` rejected 2 records: too new"] == told
        assert 3 == sink.attempts
    assert 6 == counters.get("otel_voice_exporter_rejected_spans", exporter="otlp_grpc/a")
    assert 2 == counters.get("otel_voice_exporter_rejected_log_records", exporter="otlp_grpc/a")
    assert [1, 1] == [caplog.text.count("too old"), caplog.text.count("too new")]


def test_a_warning_that_rejects_nothing_is_said_and_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Rejected 0 with a message is OTLP's warning; an answer without either is plain success."""
    counters = Counters()
    partial = PartialSuccess("x", counters)
    warning = ExportTraceServiceResponse(partial_success={"error_message": "mind\nthe gap"}).SerializeToString()

    assert "`e` rejected 0 records: mind\\nthe gap" == partial.note(warning, "traces", "e")
    assert [None, None] == [partial.note(b"", "traces", "e"), partial.note(ExportTraceServiceResponse().SerializeToString(), "traces", "e")]
    assert {} == counters.snapshot()


def test_an_ok_that_is_no_otlp_is_asked_about_once(caplog: pytest.LogCaptureFixture) -> None:
    """A web server that says OK to everything takes nothing at all."""
    partial = PartialSuccess("x", Counters())

    assert [None, None] == [partial.note(b"<html>", "traces", "e") for _ in range(2)]
    assert 1 == caplog.text.count("`e` answers OK with what is no OTLP response: is it an OTLP endpoint?")
