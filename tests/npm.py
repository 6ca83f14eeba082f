"""Packages from npm in a folder of tests: installed as they are locked, built, run by Node; skipped with a reason where there is none."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

OLDEST: Final = (20, 19)


@dataclass(frozen=True, slots=True)
class Npm:
    """A folder with a `package.json`, its lock, and a script `build`."""

    folder: Path

    def run(self, *command: str | Path, told: str | None = None) -> str:
        """Run a command in the folder; return what it printed, raise with its words where it fails."""
        done = subprocess.run(command, cwd=self.folder, input=told, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise AssertionError(f"`{' '.join(map(str, command))}` failed:\n{done.stdout[-5000:]}{done.stderr[-5000:]}")
        return done.stdout

    def built(self) -> Path:
        """Return the folder with its packages in it, and built; skip where there is no Node, or one that is too old."""
        if shutil.which("node") is None or shutil.which("npm") is None:
            pytest.skip("Node and npm are not installed: https://nodejs.org")
        version = self.run("node", "--version").strip()
        if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
            pytest.skip(f"Node is {version}, and {'.'.join(map(str, OLDEST))} or newer is needed")
        mark = self.folder / "node_modules" / ".installed"
        wanted = hashlib.sha256((self.folder / "package-lock.json").read_bytes()).hexdigest()
        if not mark.exists() or wanted != mark.read_text(encoding="utf-8"):
            self.run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
            mark.write_text(wanted, encoding="utf-8")
        self.run("npm", "run", "build")
        return self.folder
