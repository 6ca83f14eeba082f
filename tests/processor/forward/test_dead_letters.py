"""Requests that go nowhere, as files: whole or not at all, bounded, and nobody waits for them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from otel_voice_processor.forward import DeadLetters, Letter
from otel_voice_processor.telemetry import Counters

from tests.processor.forward.doubles import web

ROOT = Path(__file__).parents[3]
NS = 1_764_342_245_123_456_789  # 2025-11-28T15:04:05.123Z


def letter(number: int = 7, body: bytes = b"body", **more: Any) -> Letter:
    facts: dict[str, Any] = {
        "number": number,
        "entries": 1,
        "exporter": "otlp_http/cloud",
        "endpoint": "http://h/v1/traces",
        "signal": "traces",
        "reason": "refused",
        "code": "400",
        "message": "`h` answered 400: no",
        "arrived_ns": NS - 1_000_000_000,
        "body": body,
    }
    return Letter(**(facts | more))


def names(folder: Path, ending: str = "") -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(ending)) if folder.exists() else []


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def modes(*paths: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in paths}


def remove(folder: Path, part: str) -> None:
    for path in list(folder.iterdir()):
        if part in path.name:
            path.unlink()


async def test_a_letter_is_the_body_and_its_story(tmp_path: Path) -> None:
    """Under the time, the entry's number and the exporter, whose `/` leads nowhere; for the owner's eyes alone."""
    folder = tmp_path / "state" / "dead_letters"
    letters = DeadLetters(folder, 1_000, clock=lambda: NS)
    await letters.keep(letter())
    await letters.keep(letter(8, exporter="../../etc", body=b""))
    await letters.close()
    await letters.close()
    stem = "2025-11-28T15-04-05.123Z-0000000007-otlp_http@cloud"

    assert 4 == len(names(folder))
    assert {f"{stem}.pb", f"{stem}.json"} < set(names(folder))
    assert b"body" == (folder / f"{stem}.pb").read_bytes()
    assert json.loads((folder / f"{stem}.json").read_text(encoding="utf-8")) == {
        "time": "2025-11-28T15:04:05.123Z",
        "arrived": "2025-11-28T15:04:04.123Z",
        "exporter": "otlp_http/cloud",
        "endpoint": "http://h/v1/traces",
        "signal": "traces",
        "reason": "refused",
        "code": "400",
        "message": "`h` answered 400: no",
        "entry": 7,
        "entries": 1,
        "bytes": 4,
    }
    assert {0o600} == modes(*(folder / name for name in names(folder)))
    assert {0o700} == modes(folder)


async def test_past_the_bound_the_oldest_go_counted(tmp_path: Path) -> None:
    """Both files of each; also those that an earlier process left."""
    counters, size, numbers = Counters(), 100_000, iter(range(40))
    for _ in range(2):
        letters = DeadLetters(tmp_path, 10 * size, counters, clock=lambda: NS)
        for _ in range(20):
            await letters.keep(letter(next(numbers), bytes(size)))
        await letters.close()
    bodies = names(tmp_path, ".pb")

    assert size_of(tmp_path) <= 10 * size
    assert 8 <= len(bodies) <= 9
    assert "-0000000039-" in bodies[-1]
    assert 40 - len(bodies) == counters.get("otel_voice_exporter_removed_dead_letters")
    assert [name.removesuffix(".pb") for name in bodies] == [name.removesuffix(".json") for name in names(tmp_path, ".json")]


async def test_one_that_was_taken_away_makes_room(tmp_path: Path) -> None:
    """Somebody sent it again and removed it: nothing else has to go."""
    counters = Counters()
    letters = DeadLetters(tmp_path, 10_000, counters, clock=lambda: NS)
    for number in range(3):
        await letters.keep(letter(number, bytes(2_500)))
    remove(tmp_path, "-0000000001-")
    await letters.keep(letter(3, bytes(2_500)))
    await letters.close()

    assert 3 == len(names(tmp_path, ".pb"))
    assert 0 == counters.get("otel_voice_exporter_removed_dead_letters")


async def test_one_that_is_larger_than_all_may_be_is_lost_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a bound of 0 that is every one."""
    counters = Counters()
    letters = DeadLetters(tmp_path, 0, counters)
    await letters.keep(letter(entries=3))
    await letters.keep(letter(entries=3))
    await letters.close()

    assert [] == names(tmp_path)
    assert 6 == counters.get("otel_voice_exporter_lost_dead_letters", exporter="otlp_http/cloud")
    assert 6 == counters.get("otel_voice_exporter_dead_letters", exporter="otlp_http/cloud", reason="refused")
    assert 1 == caplog.text.count("dead letters cannot be written")
    assert 1 == caplog.text.count("`otlp_http/cloud` will not get 4 bytes of traces: `h` answered 400: no")


@pytest.mark.parametrize("step", ["open", "fsync", "rename", "second_rename", "mkdir"])
async def test_a_disk_that_refuses_costs_the_letter_and_nothing_else(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted; nothing half written is left; the next one is written as ever."""
    full, counters, renames = [True], Counters(), []

    def refuse(*given: Any, **more: Any) -> Any:
        renames.append(given)
        if full[0] and (step != "second_rename" or len(renames) == 2):
            raise OSError(28, "No space left on device")
        return real(*given, **more)

    owner, name = {"rename": (Path, "rename"), "second_rename": (Path, "rename"), "mkdir": (Path, "mkdir")}.get(step, (os, step))
    real = getattr(owner, name)
    monkeypatch.setattr(owner, name, refuse)
    folder = tmp_path / "letters"
    letters = DeadLetters(folder, 10_000, counters)
    await letters.keep(letter(1))
    full[0] = False
    left = names(folder)
    await letters.keep(letter(2))
    await letters.close()

    assert [] == left
    assert 1 == counters.get("otel_voice_exporter_lost_dead_letters", exporter="otlp_http/cloud")
    assert 2 == len(names(folder))


async def test_what_a_crash_left_half_written_is_tidied_up(tmp_path: Path) -> None:
    """A story without its body is none: the entry is still in the journal, and is refused again."""
    for name in (".a.pb.partial", "b.json", "c.json", "c.pb", "notes.txt"):
        (tmp_path / name).write_bytes(b"{}")
    letters = DeadLetters(tmp_path, 10_000, clock=lambda: NS)
    await letters.keep(letter())
    await letters.close()

    assert {"c.json", "c.pb", "notes.txt"} == {name for name in names(tmp_path) if not name.startswith("2025")}


async def test_a_letter_is_sent_again_by_the_line_in_the_readme(tmp_path: Path) -> None:
    """The documented `curl`, as it stands, to another server."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    text = (ROOT / "processor/README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^(curl .*)$", text, re.MULTILINE)
    letters = DeadLetters(tmp_path, 10_000, clock=lambda: NS)
    await letters.keep(letter(body=b"\x0a\x00\xff\n"))
    await letters.close()
    async with web() as one:
        command = line.replace("http://localhost:4318", one.url)
        assert command != line
        script = f"cd {tmp_path} && LETTER=$(ls *.pb) && {command}"
        process = await asyncio.create_subprocess_shell(script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        _, said = await asyncio.wait_for(process.communicate(), 20)

    assert 0 == process.returncode, said
    assert [("/v1/traces", "application/x-protobuf", b"\x0a\x00\xff\n")] == [
        (path, headers["content-type"], body) for path, headers, body in one.seen
    ]
