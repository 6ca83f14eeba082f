"""Requests that a destination refused for good, kept as files so that somebody can look at them and send them again by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from otel_voice_processor.forward.once import Once
from otel_voice_processor.paths import sync
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
BODY: Final = ".pb"
STORY: Final = ".json"
PARTIAL: Final = ".partial"
ROOM: Final = 0.9  # what is left of a full folder, so that it is not looked through at each letter
MAX_NAME: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A request that goes nowhere: entry `number` and `entries` - 1 after it; `reason` is refused, gave_up or not_taken."""

    number: int
    entries: int
    exporter: str
    endpoint: str
    signal: str
    reason: str
    code: str
    message: str
    arrived_ns: int
    body: bytes


class DeadLetters:
    """A folder of letters, two files each, of mode 0600, whole or not at all; past `max_bytes` the oldest go."""

    def __init__(
        self, folder: str | Path, max_bytes: int, counters: Counters | None = None, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._counters = counters or Counters()
        self._clock = clock
        self._held: int | None = None  # bytes, None until the folder was looked through
        self._told = Once()
        self._writer: ThreadPoolExecutor | None = None

    async def keep(self, letter: Letter) -> None:
        """Write a letter; where the disk refuses it is lost and counted, since it must not hold up what others wait for."""
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="otel-voice-dead-letters")
        who = {"exporter": letter.exporter, "reason": letter.reason}
        self._counters.add("otel_voice_exporter_dead_letters", letter.entries, **who)
        words = f"`{letter.exporter}` will not get {len(letter.body)} bytes of {letter.signal}: {letter.message}"
        if self._told.first(words):
            LOG.error("%s", words)
        try:
            removed = await asyncio.get_running_loop().run_in_executor(self._writer, self._keep, letter)
        except OSError as error:
            self._counters.add("otel_voice_exporter_lost_dead_letters", letter.entries, exporter=letter.exporter)
            words = f"dead letters cannot be written to `{self._folder}`, and are lost: {error.strerror or error}"
            if self._told.first(words):
                LOG.error("%s", words)
        else:
            if removed:
                self._counters.add("otel_voice_exporter_removed_dead_letters", removed)

    async def close(self) -> None:
        """Finish what is being written; safe before `keep` and twice."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.shutdown)

    def _keep(self, letter: Letter) -> int:
        """Write both files; return how many letters had to go for it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._held is None:
            self._held = self._tidied()
        now = self._clock()
        stem = f"{_time(now, '-')}-{letter.number:010d}-{_as_name(letter.exporter)}"
        story = json.dumps(_story(letter, now), ensure_ascii=False, indent=2).encode() + b"\n"
        size = len(letter.body) + len(story)
        if size > self._max_bytes:
            raise OSError(f"one of {size} bytes is larger than all may be together, {self._max_bytes}")
        removed = self._make_room(size) if self._held + size > self._max_bytes else 0
        self._write({STORY: story, BODY: letter.body}, stem)
        self._held += size
        return removed

    def _write(self, files: dict[str, bytes], stem: str) -> None:
        """The story first: a body stands for a whole letter."""
        paths = {ending: self._folder / f"{stem}{ending}" for ending in files}
        try:
            for ending, data in files.items():
                with open(os.open(_partial(paths[ending]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            for path in paths.values():
                _partial(path).rename(path)
            sync(self._folder)
        except BaseException:
            for path in paths.values():
                for each in (_partial(path), path):
                    with contextlib.suppress(OSError):
                        each.unlink(missing_ok=True)
            raise

    def _tidied(self) -> int:
        """Remove what a crash left half written; return the bytes of the rest."""
        names = {path.name for path in self._folder.iterdir()}
        for name in names:
            lone = name.endswith(STORY) and f"{name.removesuffix(STORY)}{BODY}" not in names
            if (name.startswith(".") and name.endswith(PARTIAL)) or lone:
                (self._folder / name).unlink(missing_ok=True)
        return sum(size for _, size in self._letters())

    def _letters(self) -> Iterator[tuple[str, int]]:
        """Yield the letters that are there, oldest first, each with its bytes: somebody may have taken some away."""
        for name in sorted(path.name for path in self._folder.glob(f"*{BODY}")):
            stem = name.removesuffix(BODY)
            size = 0
            for ending in (BODY, STORY):
                with contextlib.suppress(FileNotFoundError):
                    size += (self._folder / f"{stem}{ending}").stat().st_size
            yield stem, size

    def _make_room(self, size: int) -> int:
        letters = list(self._letters())
        self._held = sum(each for _, each in letters)
        removed = 0
        if self._held + size <= self._max_bytes:
            return removed
        for stem, each in letters:
            if self._held + size <= self._max_bytes * ROOM:
                break
            for ending in (BODY, STORY):
                (self._folder / f"{stem}{ending}").unlink(missing_ok=True)
            self._held -= each
            removed += 1
        return removed


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}{PARTIAL}")


def _time(ns: int, colon: str = ":") -> str:
    return (
        datetime.fromtimestamp(ns // 1_000_000 / 1000, UTC).strftime(f"%Y-%m-%dT%H{colon}%M{colon}%S.") + f"{ns // 1_000_000 % 1000:03d}Z"
    )


def _as_name(exporter: str) -> str:
    """Return an exporter's key as part of a file's name: what is no plain character must not lead to another folder."""
    return quote(exporter, safe="").replace("%2F", "@")[:MAX_NAME]


def _story(letter: Letter, now_ns: int) -> dict[str, object]:
    return {
        "time": _time(now_ns),
        "arrived": _time(letter.arrived_ns),
        "exporter": letter.exporter,
        "endpoint": letter.endpoint,
        "signal": letter.signal,
        "reason": letter.reason,
        "code": letter.code,
        "message": letter.message,
        "entry": letter.number,
        "entries": letter.entries,
        "bytes": len(letter.body),
    }
