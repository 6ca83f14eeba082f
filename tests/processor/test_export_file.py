from __future__ import annotations

import asyncio
import json
import os
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


async def test_an_existing_file_is_taken_from_the_eyes_of_others_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its mode becomes 0600 at the first line and that is said; what the operator changes afterwards stays."""
    path = tmp_path / "traces.jsonl"
    path.write_text("")
    path.chmod(0o644)
    exporter = FileExporter(path)
    await exporter.send(request("one"))
    first = path.stat().st_mode & 0o777
    path.chmod(0o640)
    await exporter.send(request("two"))

    assert (0o600, 0o640) == (first, path.stat().st_mode & 0o777)
    assert f"`{path}` was open to others: its mode is 0600 now" in caplog.text


async def test_a_mode_that_cannot_be_changed_is_said_and_not_in_the_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's file, or a file system without modes: written, with a warning."""

    def refuse(handle: int, mode: int) -> None:
        raise PermissionError

    path = tmp_path / "traces.jsonl"
    path.touch(0o644)
    monkeypatch.setattr(os, "fchmod", refuse)
    await FileExporter(path).send(request("one"))

    assert ["one"] == [name_in(line) for line in path.read_text().splitlines()]
    assert "its mode cannot be changed" in caplog.text


@pytest.mark.parametrize("read", [False, True])
async def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path, read: bool) -> None:
    """With a reader or without: an error that names it, at once, and nothing is written."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if read else None
    with pytest.raises(Retryable, match="is no regular file"):
        await asyncio.wait_for(FileExporter(path).send(request("one")), 2)
    if reader is not None:
        assert b"" == os.read(reader, 10)
        os.close(reader)


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder where the file should be is said, and once it is gone the file is written."""
    path = tmp_path / "traces.jsonl"
    path.mkdir()
    exporter = FileExporter(path)
    with pytest.raises(Retryable, match="is no regular file"):
        await exporter.send(request("one"))
    path.rmdir()
    await exporter.send(request("one"))

    assert 0o600 == path.stat().st_mode & 0o777


async def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun is taken back, so that the lines after it can be read."""
    path, real = tmp_path / "traces.jsonl", os.write
    exporter = FileExporter(path)
    await exporter.send(request("one"))
    monkeypatch.setattr(os, "write", lambda handle, line: real(handle, line[:20]))
    with pytest.raises(Retryable, match="is the disk full"):
        await exporter.send(request("two"))
    monkeypatch.setattr(os, "write", real)
    await exporter.send(request("three"))

    assert ["one", "three"] == [name_in(line) for line in path.read_text().splitlines()]
