"""Rotated files: when, how they are called, which are compressed and which removed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from otel_voice_processor.config import File, Rotation
from otel_voice_processor.file_exporter import FileExporter
from otel_voice_processor.file_exporter.packing import pack
from otel_voice_processor.file_exporter.rotated import backups, free_name
from otel_voice_processor.telemetry import Counters

from tests.processor.file_exporter.test_exporter import name_in, request

NOON = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp() * 1e9)
DAY = 86_400 * 10**9
LARGE = "x" * 300_000


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def exporter(
    folder: Path, rotation: Rotation | None = None, counters: Counters | None = None, clock: Clock | None = None, **more: object
) -> FileExporter:
    config = File(path=str(folder / "calls.jsonl"), rotation=rotation or Rotation(max_megabytes=1), **more)  # type: ignore[arg-type]
    return FileExporter(config, counters, clock=clock or Clock(), every_s=0.05)


def lines(path: Path) -> list[str]:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return [name_in(line).rstrip("x") for line in data.decode().splitlines()]


def listed(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name != ".calls.jsonl.lock")


async def until(reached: object) -> None:
    async with asyncio.timeout(10):
        while not reached():  # type: ignore[operator]  # noqa: ASYNC110 - a thread does not tell
            await asyncio.sleep(0.01)


async def test_a_file_is_rotated_before_it_grows_too_large(tmp_path: Path) -> None:
    """Called as the collector calls it; what is in it stays as it was, in order, and the new one takes its mode."""
    counters, clock = Counters(), Clock(NOON + 173_000_000)
    one = exporter(tmp_path, counters=counters, clock=clock)
    for number in range(3):
        await one.send(request(f"n{number}{LARGE}"))
    (tmp_path / "calls.jsonl").chmod(0o640)
    for number in range(3, 7):
        await one.send(request(f"n{number}{LARGE}"))
    await one.close()

    assert ["calls-2026-11-28T12-00-00.173.jsonl", "calls-2026-11-28T12-00-00.174.jsonl", "calls.jsonl"] == listed(tmp_path)
    assert [["n0", "n1", "n2"], ["n3", "n4", "n5"], ["n6"]] == [lines(tmp_path / name) for name in listed(tmp_path)]
    assert {0o640} == {(tmp_path / name).stat().st_mode & 0o777 for name in listed(tmp_path)}
    assert all((tmp_path / name).stat().st_size <= 1 << 20 for name in listed(tmp_path))
    assert 2 == counters.get("otel_voice_exporter_file_rotated_files", reason="size")


async def test_a_request_larger_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    """The collector gives it up; here nothing is lost."""
    one = exporter(tmp_path)
    for name in ("a", "b" + "x" * 1_200_000, "c"):
        await one.send(request(name))
    await one.close()

    assert [["a"], ["b"], ["c"]] == [lines(tmp_path / name) for name in listed(tmp_path)]


async def test_a_file_is_rotated_when_it_is_old(tmp_path: Path) -> None:
    """Its age counts from its first request, also across a restart and while nobody writes; an empty one has no age."""
    counters, clock = Counters(), Clock()
    rotation = Rotation(interval=86_400.0)
    one = exporter(tmp_path, rotation, counters, clock)
    await one.start()
    clock.now += 2 * DAY
    await one.send(request("a"))
    clock.now += DAY - 1
    await one.send(request("b"))
    await one.close()
    os.utime(tmp_path / "calls.jsonl", ns=(clock.now, clock.now))
    two = exporter(tmp_path, rotation, counters, clock)
    await two.start()
    clock.now += 1
    await until(lambda: counters.get("otel_voice_exporter_file_rotated_files", reason="age"))
    await two.send(request("c"))
    await two.close()

    assert ["calls-2026-12-01T12-00-00.000.jsonl", "calls.jsonl"] == listed(tmp_path)
    assert [["a", "b"], ["c"]] == [lines(tmp_path / name) for name in listed(tmp_path)]
    assert 1 == counters.total("otel_voice_exporter_file_rotated_files")


async def test_what_is_too_old_or_too_much_is_removed(tmp_path: Path) -> None:
    """By the time in the name, compressed or not; files that are called otherwise, folders and links stay."""
    counters = Counters()
    foreign = [
        "calls-2026-11-28T12-00-00.jsonl", "calls-2026-02-31T12-00-00.000.jsonl", "calls-2020-01-01T00-00-00.000.json",
        "other-2020-01-01T00-00-00.000.jsonl", "calls-2020-01-01T00-00-00.000-size.jsonl", "calls-2020-01-01T00-00-00.000.jsonl.gz",
        "calls-2020-01-01T00-00-00.000.jsonl.zst.1", "a-calls-2020-01-01T00-00-00.000.jsonl", "calls.jsonl.1",
    ]  # fmt: skip
    (tmp_path / "calls-2020-01-02T00-00-00.000.jsonl").mkdir()
    (tmp_path / "calls-2020-01-03T00-00-00.000.jsonl").symlink_to(tmp_path / "calls.jsonl.1")
    for name in foreign:
        (tmp_path / name).write_text("not yours")
    before = listed(tmp_path)
    old = ["calls-2026-11-25T11-59-59.999.jsonl", "calls-2020-01-01T00-00-00.000.jsonl.zst"]
    many = ["calls-2026-11-26T00-00-00.000.jsonl.zst", "calls-2026-11-26T00-00-00.001.jsonl"]
    kept = ["calls-2026-11-28T00-00-00.000.jsonl", "calls-2026-11-27T00-00-00.000.jsonl.zst"]
    for name in (*old, *many, *kept):
        (tmp_path / name).write_text("ours")
    one = exporter(tmp_path, Rotation(max_days=3, max_backups=2), counters)
    await one.start()
    await one.close()

    assert sorted([*before, *kept, "calls.jsonl"]) == listed(tmp_path)
    removed = {reason: counters.get("otel_voice_exporter_file_removed_files", reason=reason) for reason in ("max_days", "max_backups")}
    assert {"max_days": 2, "max_backups": 2} == removed


async def test_nothing_is_removed_without_a_limit(tmp_path: Path) -> None:
    """0 is none."""
    for month in range(1, 12):
        (tmp_path / f"calls-2020-{month:02}-01T00-00-00.000.jsonl").write_text("x")
    before = listed(tmp_path)
    one = exporter(tmp_path, Rotation(max_days=0, max_backups=0))
    await one.start()
    await one.close()

    assert sorted([*before, "calls.jsonl"]) == listed(tmp_path)


async def test_rotated_files_are_compressed_as_a_whole(tmp_path: Path) -> None:
    """`zstd` reads them, their mode and time are those of what was written, and the file being written stays plain."""
    counters = Counters()
    one = exporter(tmp_path, counters=counters, compression="zstd")
    for number in range(7):
        await one.send(request(f"n{number}{LARGE}"))
    await until(lambda: 2 == counters.get("otel_voice_exporter_file_compressed_files"))
    await one.close()
    first, second, live = listed(tmp_path)

    assert ("calls-2026-11-28T12-00-00.000.jsonl.zst", "calls.jsonl") == (first, live)
    assert [["n0", "n1", "n2"], ["n3", "n4", "n5"], ["n6"]] == [lines(tmp_path / name) for name in (first, second, live)]
    assert 0o600 == (tmp_path / first).stat().st_mode & 0o777
    assert (tmp_path / first).stat().st_size < 100_000
    frame = zstandard.get_frame_parameters((tmp_path / first).read_bytes())
    assert frame.has_checksum


async def test_a_name_is_never_taken_twice(tmp_path: Path) -> None:
    """Nor one whose file is compressed by now; by local time as well."""
    path = tmp_path / "calls.v1.jsonl"
    (tmp_path / "calls.v1-2026-11-28T12-00-00.000.jsonl").touch()
    (tmp_path / "calls.v1-2026-11-28T12-00-00.001.jsonl.zst").touch()

    assert tmp_path / "calls.v1-2026-11-28T12-00-00.002.jsonl" == free_name(path, NOON, localtime=False)
    assert tmp_path / "calls-2026-11-28T12-00-00.000" == free_name(tmp_path / "calls", NOON, localtime=False)


def test_local_time_is_this_host_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the name, and read back from it."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        name = free_name(tmp_path / "calls.jsonl", NOON, localtime=True)
        name.touch()
        (found,) = backups(tmp_path / "calls.jsonl", localtime=True)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert "calls-2026-11-28T07-00-00.000.jsonl" == name.name
    assert NOON == found.when.timestamp() * 1e9


async def test_what_a_crash_left_is_finished_at_the_next_start(tmp_path: Path) -> None:
    """A half compressed file goes, one that is compressed and still there goes, one that is not yet is compressed."""
    for second, name in enumerate("abc"):
        (tmp_path / f"calls-2026-11-28T11-00-0{second}.000.jsonl").write_bytes(name.encode() * 1000)
    twice, half, other = (tmp_path / f"calls-2026-11-28T11-00-0{second}.000.jsonl" for second in range(3))
    pack(twice, threading.Event())
    twice.write_bytes(b"a" * 1000)
    (tmp_path / f".{half.name}.zst.partial").write_bytes(b"\x28\xb5\x2f\xfd")
    other.with_suffix(".jsonl.zst").write_bytes(zstandard.compress(b"somebody else's"))
    counters = Counters()
    one = exporter(tmp_path, counters=counters, compression="zstd")
    await one.start()
    await until(lambda: counters.total("otel_voice_exporter_file_failures"))
    await one.close()

    assert sorted([f"{twice.name}.zst", f"{half.name}.zst", other.name, f"{other.name}.zst", "calls.jsonl"]) == listed(tmp_path)
    assert b"b" * 1000 == zstandard.ZstdDecompressor().stream_reader(half.with_suffix(".jsonl.zst").read_bytes()).read()
    assert b"c" * 1000 == other.read_bytes()
    assert counters.get("otel_voice_exporter_file_failures", step="compress")


async def test_a_rotated_file_never_changes_again(tmp_path: Path) -> None:
    """What it holds when it first bears its name is what it holds for good, compressed or not, while requests go on."""
    one = exporter(tmp_path, Rotation(max_megabytes=1, max_backups=0), compression="zstd")
    seen: dict[str, list[str]] = {}
    for number in range(40):
        await one.send(request(f"n{number}{LARGE}"))
        for path in (tmp_path / name for name in listed(tmp_path) if name.startswith("calls-")):
            try:
                found = lines(path)
            except FileNotFoundError:  # compressed since it was listed
                continue
            assert found == seen.setdefault(path.name.removesuffix(".zst"), found)
    await one.close()
    everything = [name for names in seen.values() for name in names] + lines(tmp_path / "calls.jsonl")

    assert [f"n{number}" for number in range(40)] == sorted(everything, key=lambda name: int(name[1:]))


async def test_a_folder_that_refuses_costs_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The file grows on, which is counted and told once; it is rotated when that is possible again."""
    counters, real = Counters(), os.rename

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    one = exporter(tmp_path, counters=counters)
    monkeypatch.setattr(os, "rename", refuse)
    for number in range(6):
        await one.send(request(f"n{number}{LARGE}"))
    monkeypatch.setattr(os, "rename", real)
    await one.send(request("n6"))
    await one.close()

    assert [[f"n{number}" for number in range(6)], ["n6"]] == [lines(tmp_path / name) for name in listed(tmp_path)]
    assert 3 == counters.get("otel_voice_exporter_file_failures", step="rotate")
    assert 1 == caplog.text.count("is not rotated and grows on")


def test_the_zstd_of_the_system_reads_it(tmp_path: Path) -> None:
    """Several files after one another, as `zstdcat` writes them."""
    if shutil.which("zstdcat") is None:
        pytest.skip("no zstdcat here")
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 3_000_000)
        pack(tmp_path / name, threading.Event())
    done = subprocess.run(["zstdcat", "a.zst", "b.zst"], cwd=tmp_path, capture_output=True, timeout=20, check=True)

    assert {97: 3_000_000, 98: 3_000_000} == Counter(done.stdout)
