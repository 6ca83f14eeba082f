"""`otel-voice serve` as a process that can be killed at any moment and started again on what it left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from otel_voice_processor.testing import free_port

COMMAND = [sys.executable, "-c", "import sys; from otel_voice_processor.cli import main; sys.exit(main())", "serve"]
READY_S = 30.0


def merged(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with another's keys put over it, section by section."""
    out = dict(one)
    for key, value in other.items():
        out[key] = merged(out.get(key) or {}, value) if isinstance(value, Mapping) else value
    return out


@dataclass(slots=True)
class Processor:
    """One processor on a port that stays, with its config and log in `folder` and its journal in `directory`.

    `more` goes over the config, `environment` over the process's own.
    """

    folder: Path
    downstream: str
    metrics: str | None = None
    directory: Path | None = None  # None: in memory
    exporters: Mapping[str, Any] | None = None  # instead of the one to `downstream`
    more: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    starts: list[float] = field(default_factory=list)  # how long each took until its port answered, in seconds
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "processor.log"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def config(self) -> Path:
        """Write the config and return where."""
        one = {"otlp_grpc": {"endpoint": self.downstream, "tls": {"insecure": True}}}
        exporters = dict(one if self.exporters is None else self.exporters)
        if self.metrics:
            exporters["metrics"] = {"endpoint": self.metrics, "interval": "1s", "tls": {"insecure": True}}
        extensions: dict[str, Any] = {"health_check": {"endpoint": "none"}}
        if self.directory is not None:
            extensions["file_storage"] = {"directory": str(self.directory)}
        made = {
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "processors": {"voice_interruption": {"settle_after": "3s", "expire_after": "8s"}},
            "exporters": exporters,
            "extensions": extensions,
        }
        path = self.folder / "otel-voice.yaml"
        path.write_text(yaml.safe_dump(merged(made, self.more)), encoding="utf-8")
        return path

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and do not wait for it."""
        arguments = [*COMMAND, "--config", str(self.config()), *([] if self.directory else ["--in-memory"])]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, env={**os.environ, **self.environment})
        return self.process

    def start(self) -> None:
        """Start it and wait until its port answers."""
        begun, process = time.monotonic(), self.launch()
        while time.monotonic() - begun < READY_S:
            assert process.poll() is None, f"exit {process.returncode}: {self.said()[-3000:]}"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    self.starts.append(time.monotonic() - begun)
                    return
            time.sleep(0.02)
        raise AssertionError(f"no port after {READY_S} s: {self.said()[-3000:]}")

    def refused(self, within_s: float = READY_S) -> tuple[int, str]:
        """Start it where it cannot start; return its exit code and what it said."""
        before = len(self.said())
        code = self.launch().wait(within_s)
        return code, self.said()[before:]

    def kill(self) -> None:
        """End it as a power supply would, but for the page cache; safe twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def stop(self, within_s: float = 30.0) -> int:
        """Ask it to stop and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)
