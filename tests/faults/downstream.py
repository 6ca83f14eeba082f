"""Where the processor's traces and metrics go: a process that outlives it, writes down all it takes, and misbehaves when told to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from otel_voice_processor.testing import free_port

from tests.faults.downstream_main import HEAD
from tests.faults.otlp import groups, spans, told

ROOT = Path(__file__).parents[2]
TRACES, LOGS, METRICS = 0, 1, 2
EPISODE, CALL = "voice.interruption.episode", "voice.interruption.call"


class Downstream:
    """The process, from `with` to its end. `tell(mode="refuse", code="UNAVAILABLE", wait=0.5)` changes how it answers.

    Modes: ok, slow (`seconds`), refuse (`code`, `wait`), poison (`span`, in hex, is refused for good), never, garbage (its answer), dead,
    flap (`up`, `down`), junk, hang_up.
    """

    def __init__(self, folder: Path) -> None:
        self.record, self.grpc_port, self.http_port = folder / "downstream.bin", free_port(), free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def __enter__(self) -> Downstream:
        arguments = [sys.executable, "-m", "tests.faults.downstream_main", str(self.record), str(self.grpc_port), str(self.http_port)]
        self._process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert "ready\n" == self._process.stdout.readline()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def tell(self, **how: Any) -> dict[str, Any]:
        """Say how to behave from now on, with nothing just ask; return what it knows of itself."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(how), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def follow(self) -> Callable[[], Iterator[tuple[int, bool, bytes]]]:
        """Return what yields, each time it is called, what came since: kind, whether it was answered OK, and the bytes."""
        at = 0

        def since() -> Iterator[tuple[int, bool, bytes]]:
            nonlocal at
            with self.record.open("rb") as file:
                file.seek(at)
                while len(head := file.read(HEAD.size)) == HEAD.size:
                    kind, taken, _, size = HEAD.unpack(head)
                    body = file.read(size)
                    if len(body) < size:
                        return  # being written
                    at = file.tell()
                    yield kind, bool(taken), body

        return since


@dataclass(slots=True)
class Delivered:
    """What arrived. `spans` counts raw spans and log records, `groups` raw ResourceSpans and ResourceLogs; `summaries` holds ours by ids.

    `ids` counts trace and span ids; a log record, which has none of its own, is its own id.
    """

    spans: Counter[bytes] = field(default_factory=Counter)
    groups: Counter[bytes] = field(default_factory=Counter)
    ids: Counter[tuple[bytes, bytes, str]] = field(default_factory=Counter)
    summaries: dict[tuple[bytes, bytes, str], list[bytes]] = field(default_factory=dict)
    requests: int = 0

    def add(self, body: bytes, *, logs: bool = False) -> None:
        """Take in one request."""
        self.requests += 1
        for group in groups(body):
            self.groups[group] += 1
            for span in spans(group):
                self.spans[span] += 1
                self.ids[key := (span, b"", "log") if logs else told(span)] += 1
                if key[2] in {EPISODE, CALL}:
                    self.summaries.setdefault(key, []).append(span)

    def calls(self) -> int:
        """Return how many calls have their root span."""
        return sum(name == CALL for _, _, name in self.summaries)
