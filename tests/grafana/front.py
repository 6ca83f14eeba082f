"""Installs Grafana's packages from npm as they are locked, and asks them what a board would show."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
OLDEST = (20, 19)


def run(*command: str, told: str | None = None) -> str:
    """Run a command in this folder; return what it printed, raise with its words where it fails."""
    done = subprocess.run(command, cwd=HERE, input=told, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise AssertionError(f"`{' '.join(command)}` failed:\n{done.stdout[-5000:]}{done.stderr[-5000:]}")
    return done.stdout


def installed() -> Path:
    """Return this folder with Grafana's packages in it and bundled; skip where there is no Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed: https://nodejs.org")
    version = run("node", "--version").strip()
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        pytest.skip(f"Node is {version}, and the packages need {'.'.join(map(str, OLDEST))} or newer")
    lock, mark = HERE / "package-lock.json", HERE / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not mark.exists() or wanted != mark.read_text(encoding="utf-8"):
        run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
        mark.write_text(wanted, encoding="utf-8")
    run("npm", "run", "build")
    return HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What Grafana makes of a board: what its choosers offer, what each panel says by its id, the events of its annotations."""

    offered: dict[str, list[str]]
    panels: dict[str, dict[str, Any]]
    annotations: list[dict[str, Any]]

    def refused(self) -> list[str]:
        """Return what Prometheus said of the queries that it would not take."""
        asked = [each for panel in self.panels.values() for each in panel.get("asked", [])]
        asked += [each["asked"] for each in self.annotations if each.get("asked")]
        return [f"{each['problem']}: {each['expr'][:300]}" for each in asked if each.get("problem")]

    def titled(self, title: str) -> dict[str, Any]:
        """Return the one panel of that title."""
        (found,) = [panel for panel in self.panels.values() if panel["title"] == title]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A board, and what somebody chose at its top; nothing chosen leaves what it begins with."""

    board: dict[str, Any]
    chosen: dict[str, str | list[str]] = field(default_factory=dict)


def shown(looked: Sequence[Looked], url: str, *, end_s: float, hours: int = 1) -> list[Shown]:
    """Return what Grafana shows of boards over the hours before a time, out of the Prometheus at `url`."""
    times = {"from_ms": int((end_s - hours * 3600) * 1000), "to_ms": int(end_s * 1000)}
    questions = [{"board": each.board, "chosen": each.chosen, "url": url} | times for each in looked]
    return [Shown(**answer) for answer in json.loads(run("node", "run.cjs", told=json.dumps(questions)))]
