from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from otel_voice_processor.config import File
from otel_voice_processor.errors import FileUnusable, Retryable, Undecodable
from otel_voice_processor.file_exporter import FileExporter
from otel_voice_processor.files import Broken, Document, documents
from otel_voice_processor.telemetry import Counters
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
    for given, name in ((path, "one"), (str(path), "two")):
        exporter = FileExporter(given)
        await exporter.send(request(name))
        await exporter.close()

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


async def sent(config: File, *names: str) -> Counters:
    """Send by one exporter from start to close, and return what it counted."""
    counters = Counters()
    exporter = FileExporter(config, counters)
    await exporter.start()
    for name in names:
        await exporter.send(request(name))
    await exporter.close()
    return counters


def names_of(path: Path) -> list[str]:
    """Read a file as the command line does: every span's name, and what is broken."""
    with path.open("rb") as stream:
        found: list[Document | Broken] = list(documents(stream))
    return [
        each.message if isinstance(each, Broken) else each.tree["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] for each in found
    ]


@pytest.mark.parametrize("form", ["json", "proto"])
async def test_a_torn_request_is_cut_off_wherever_it_was_torn(tmp_path: Path, form: str, caplog: pytest.LogCaptureFixture) -> None:
    """After each byte of it: the next start takes it away, counts and logs it, and what follows is a request of its own."""
    path = tmp_path / "calls"
    config = File(path=str(path), format=form)
    await sent(config, "one", "two")
    whole = path.read_bytes()
    first = len(whole) // 2
    for end in range(first + 1, len(whole) - (form == "json")):
        path.write_bytes(whole[:end])
        counters = await sent(config, "three")

        assert ["one", "three"] == names_of(path), end
        assert 1 == counters.get("otel_voice_exporter_file_mended_files", how="cut")
    assert f"`{path}` ended in the middle: a torn request of 1 bytes was cut off" in caplog.text


async def test_a_line_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    """It is a whole request: it gets its newline."""
    path = tmp_path / "calls.jsonl"
    config = File(path=str(path))
    await sent(config, "one")
    path.write_bytes(path.read_bytes()[:-1])
    counters = await sent(config, "two")

    assert ["one", "two"] == names_of(path)
    assert 1 == counters.get("otel_voice_exporter_file_mended_files", how="ended")


@pytest.mark.parametrize("text", [b"notes of mine", b'{"name": "not ours', b"x" * 200_000, b"a\n\n  b"])
async def test_what_is_not_ours_is_ended_and_never_cut(tmp_path: Path, text: bytes) -> None:
    """A path given by mistake costs its owner nothing."""
    path = tmp_path / "notes"
    path.write_bytes(text)
    await sent(File(path=str(path)), "one")

    assert path.read_bytes().startswith(text + b"\n" + b'{"resourceSpans"')


async def test_what_a_power_cut_leaves_blank_is_cut_off(tmp_path: Path) -> None:
    """A file system may have grown the file before it had the bytes."""
    for form in ("json", "proto"):
        path = tmp_path / form
        config = File(path=str(path), format=form)
        await sent(config, "one")
        path.write_bytes(path.read_bytes() + b"\0" * 70_000)
        counters = await sent(config, "two")

        assert ["one", "two"] == names_of(path)
        assert 1 == counters.get("otel_voice_exporter_file_mended_files", how="cut")


@pytest.mark.parametrize(
    ("form", "held", "words"),
    [
        ("json", b"\x00\x00\x00\x05\n\x03abc", "it holds protobuf or is compressed, and JSON lines are to be written"),
        ("json", b"\x28\xb5\x2f\xfd....", "it holds protobuf or is compressed"),
        ("json", b"\x00\x00\x00\x40\x28\xb5\x2f\xfd", "it holds protobuf or is compressed"),
        ("proto", b'{"resourceSpans":[]}\n', "at byte 0 it holds no OTLP protobuf"),
    ],
)
async def test_a_file_of_another_form_is_left_alone(tmp_path: Path, form: str, held: bytes, words: str) -> None:
    """Two forms in one file could be read by nobody: it is said at start and to each sender, and nothing is written."""
    path = tmp_path / "calls"
    path.write_bytes(held)
    exporter = FileExporter(File(path=str(path), format=form))
    with pytest.raises(FileUnusable, match=words):
        await exporter.start()
    with pytest.raises(Retryable, match=words):
        await exporter.send(request("x"))
    await exporter.close()

    assert held == path.read_bytes()


async def test_bad_bytes_never_become_a_request_of_either_form(tmp_path: Path) -> None:
    """Protobuf is looked into, too."""
    path = tmp_path / "calls"
    exporter = FileExporter(File(path=str(path), format="proto"))
    with pytest.raises(Undecodable):
        await exporter.send(b"\xff")
    await exporter.close()

    assert not path.exists()


async def test_a_file_begins_anew_where_nothing_is_to_be_appended(tmp_path: Path) -> None:
    """Once for each start, as the collector's does without `append`."""
    config = File(path=str(tmp_path / "calls.jsonl"), append=False)
    await sent(config, "one", "two")
    await sent(config, "three", "four")

    assert ["three", "four"] == names_of(tmp_path / "calls.jsonl")


async def test_a_folder_is_made_where_that_is_wished_for(tmp_path: Path) -> None:
    """With all that are above it, for their owner alone; again when it was taken away."""
    path = tmp_path / "a" / "b" / "calls.jsonl"
    exporter = FileExporter(File(path=str(path), create_directory=True))
    await exporter.send(request("one"))
    modes = {each.stat().st_mode & 0o777 for each in (path.parent, path.parent.parent)}
    await exporter.close()

    assert {0o700} == modes
    assert ["one"] == names_of(path)


async def test_two_exporters_do_not_write_to_one_file(tmp_path: Path) -> None:
    """The second is told at start and at each request, by a link too; it writes once the first has let go."""
    path, link = tmp_path / "calls.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(path)
    first, second = FileExporter(path), FileExporter(link)
    await first.send(request("one"))
    with pytest.raises(FileUnusable, match=rf"another processor \(process {os.getpid()}\) writes to it: give each a `path` of its own"):
        await second.start()
    with pytest.raises(Retryable, match="another processor"):
        await second.send(request("two"))
    await first.close()
    await second.send(request("three"))
    await second.close()

    assert ["one", "three"] == names_of(path)
    assert link.is_symlink()


async def test_who_renames_or_empties_the_file_needs_to_tell_nobody(tmp_path: Path) -> None:
    """As logrotate does, by `create` and by `copytruncate`: the next request goes to the path, in a file of mode 0600."""
    path, moved = tmp_path / "calls.jsonl", tmp_path / "calls.jsonl.1"
    exporter = FileExporter(path)
    await exporter.send(request("one"))
    path.rename(moved)
    await exporter.send(request("two"))
    os.truncate(path, 0)
    await exporter.send(request("three"))
    path.rename(tmp_path / "calls.jsonl.2")
    path.touch(0o644)
    await exporter.send(request("four"))
    await exporter.close()

    assert (["one"], ["three"], ["four"]) == (names_of(moved), names_of(tmp_path / "calls.jsonl.2"), names_of(path))
    assert 0o600 == path.stat().st_mode & 0o777


async def test_a_request_that_is_given_up_never_mixes_with_the_next(tmp_path: Path) -> None:
    """Its sender may go away while it is written: lines stay whole and one after another."""
    exporter = FileExporter(tmp_path / "calls.jsonl")
    tasks = [asyncio.create_task(exporter.send(request(f"n{number}" + "x" * 20_000))) for number in range(20)]
    await asyncio.sleep(0.001)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await exporter.close()
    found = [name.rstrip("x") for name in names_of(tmp_path / "calls.jsonl")]

    assert {f"n{number}" for number in range(1, 20, 2)} <= set(found)
    assert sorted(found, key=lambda name: int(name[1:])) == found
