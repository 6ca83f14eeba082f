from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from otel_voice_processor.errors import Retryable, Undecodable
from otel_voice_processor.export_file import FileExporter
from otel_voice_processor.wire import build_request, encode_span


def request(name: str) -> bytes:
    span = encode_span(name=name, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"", start_ns=1, end_ns=2, attributes={})
    return build_request({"service.name": "a"}, "s", "1", "", [span])


def name_in(line: str) -> str:
    return str(json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"])


async def test_each_request_is_a_line_that_only_the_owner_reads(tmp_path: Path) -> None:
    """Lines are whole and in order of sending, even when sent at once; the file's mode is 0600."""
    path = tmp_path / "traces.jsonl"
    exporter = FileExporter(path)
    await asyncio.gather(*(exporter.send(request(f"n{number}")) for number in range(20)))
    await exporter.send(b"")
    await exporter.close()

    assert [f"n{number}" for number in range(20)] == [name_in(line) for line in path.read_text().splitlines()]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_existing_file_is_appended_to(tmp_path: Path) -> None:
    """A restart loses nothing that was written."""
    path = tmp_path / "traces.jsonl"
    await FileExporter(path).send(request("one"))
    await FileExporter(str(path)).send(request("two"))

    assert [name_in(line) for line in path.read_text().splitlines()] == ["one", "two"]


async def test_what_cannot_be_written_is_retryable_and_what_is_no_otlp_is_not(tmp_path: Path) -> None:
    """A missing folder may come back; bad bytes never become a line."""
    with pytest.raises(Retryable, match="cannot be written: No such file or directory"):
        await FileExporter(tmp_path / "absent" / "traces.jsonl").send(request("x"))
    with pytest.raises(Undecodable):
        await FileExporter(tmp_path / "traces.jsonl").send(b"\xff")

    assert not (tmp_path / "traces.jsonl").exists()
