"""What a real collector writes and passes on, read by the command line and judged by the processor."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from otel_voice_processor.cli import main
from otel_voice_processor.config import Config, Judging, Receiver, Tls, TraceExporter
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT
from otel_voice_processor.testing import Sink, free_port

from tests.peers.servers import collector
from tests.peers.test_collector import hop
from tests.processor.test_carriers import send_logs, send_spans, voice_spans

pytestmark = pytest.mark.peers


def test_what_the_file_exporter_writes_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and protobuf, spans and logs in one file: all of it conforms, and is the same."""
    port, spans = free_port(), voice_spans()
    written = {form: tmp_path / form for form in ("json", "proto")}
    exporters = "".join(f"  file/{form}: {{path: '{path}', format: {form}, flush_interval: 100ms}}\n" for form, path in written.items())
    pipeline = "{receivers: [otlp], exporters: [file/json, file/proto]}"
    config = (
        f"receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\nexporters:\n{exporters}"
        f"service:\n  telemetry: {{metrics: {{level: none}}}}\n  extensions: [health_check]\n"
        f"  pipelines: {{traces: {pipeline}, logs: {pipeline}}}\n"
    )
    with collector(tmp_path / "work", config):
        send_spans(port, spans)
        send_logs(port, spans)
        until = time.monotonic() + 20
        while time.monotonic() < until and any(not path.exists() or path.stat().st_size < 100 * len(spans) for path in written.values()):
            time.sleep(0.1)
        time.sleep(0.5)
    envelopes = []
    for path in written.values():
        assert 0 == main(["validate", str(path)])
        assert f"{2 * len(spans):,} events: {2 * len(spans):,} conform" in capsys.readouterr().out
        assert 0 == main(["convert", str(path), "--to", "envelope"])
        envelopes.append(sorted(capsys.readouterr().out.splitlines()))

    assert 2 * len(spans) == len(envelopes[0])
    assert [json.loads(line) for line in envelopes[0]] == [json.loads(line) for line in envelopes[1]]


async def test_logs_between_two_collectors_are_judged(tmp_path: Path) -> None:
    """The eight cases as log events, a collector in front and one behind: a verdict each, every log at the end."""
    records: list[CallRecord] = []
    front, behind = free_port(), free_port()
    async with Sink() as sink:
        with collector(tmp_path / "behind", hop(behind, sink.endpoint)):
            traces = (TraceExporter(endpoint=f"127.0.0.1:{behind}", tls=Tls(insecure=True)),)
            config = Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=traces, judging=Judging(settle_after=600.0))
            service = Service(config, on_call=records.append)
            await service.start()
            with collector(tmp_path / "front", hop(front, f"127.0.0.1:{service.port}")):
                await asyncio.to_thread(send_logs, front, voice_spans())
                async with asyncio.timeout(60):
                    while len(sink.logs()) < len(voice_spans()):  # noqa: ASYNC110 - a collector does not tell
                        await asyncio.sleep(0.1)
            await service.stop()

    assert {script.call_id for script in EIGHT} == {record.call_id for record in records}
    assert len(voice_spans()) == len(sink.logs())
    assert ["correct"] == [each.verdict for each in next(r for r in records if r.call_id == EIGHT[0].call_id).episodes]
