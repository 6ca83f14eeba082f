"""Power cuts in Python: builds `power.c`, says how to run a process under it, and replaces a folder by what a cut would leave of it."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("power.c")
SECTOR, PAGE = 512, 4096
Tree = dict[str, str | None]  # path to the id of a file's copies, None for a folder


@cache
def library() -> Path:
    """Return the built library; skip where it cannot be."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no Linux, or no C compiler (cc): the power layer cannot be built")
    built = Path(tempfile.mkdtemp(prefix="otel-voice-power-")) / "power.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-o", str(built), str(SOURCE), "-ldl", "-lpthread"], check=True
    )
    return built


def id_of(path: Path) -> str:
    """Return the name of a file's copies; skip where the file system keeps no birth times."""
    name = ctypes.create_string_buffer(64)
    told = ctypes.CDLL(str(library())).power_id(-100, os.fsencode(path), name, ctypes.c_size_t(64))  # -100: AT_FDCWD
    if told == -2:
        pytest.skip(f"the file system of {path} keeps no birth times, by which the power layer knows files")
    return name.value.decode()


@dataclass(slots=True)
class Cut:
    """What a cut did: bytes that were never synced and stayed all the same, bytes that went, names that went."""

    kept_bytes: int = 0
    lost_bytes: int = 0
    lost_names: int = 0


@dataclass(slots=True)
class Power:
    """A folder whose files lose, when the power goes, what was not synced. `disk` holds the copies; both must exist."""

    folder: Path
    disk: Path
    linger_us: int = 0
    faults: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder, self.disk = self.folder.resolve(), self.disk.resolve()
        self.faults = self.disk / "faults"
        self._baseline()

    def environment(self, *, kill_at: int = 0) -> dict[str, str]:
        """Return what a process needs in its environment to be under the layer."""
        return {
            "LD_PRELOAD": str(library()),
            "POWER_FOLDER": str(self.folder),
            "POWER_DISK": str(self.disk),
            "POWER_FAULTS": str(self.faults),
            "POWER_LINGER_US": str(self.linger_us),
            "POWER_KILL_AT": str(kill_at),
        }

    def fail(self, what: str, number: int | None) -> None:
        """Let every `write`, `sync`, `meta`, `meta_sync` or `short` write fail with an errno from now on, or no more."""
        path = self.faults / what
        if number is None:
            path.unlink(missing_ok=True)
        else:
            path.with_suffix(".new").write_text(str(number))
            path.with_suffix(".new").rename(path)

    def after_a_kill(self) -> None:
        """Take over what a killed process did and could no longer tell: its last name, its last write, its writes to mapped memory."""
        known, real = self._replayed(self._log()), self._real()
        for path in sorted(known.keys() - real.keys(), reverse=True):
            self._name("U", path)
        for path, found in sorted(real.items()):
            if found is None and path not in known:
                self._name("D", path)
            elif found is not None and known.get(path) != found:
                self._name("C", found, path)
            if found is not None:
                (self.disk / f"d_{found}").touch()
                cache = self.disk / f"c_{found}"
                data = Path(path).read_bytes()
                if not cache.exists() or cache.read_bytes() != data:
                    cache.write_bytes(data)

    def cut(self, rng: random.Random, *, keep: float | None = None) -> Cut:
        """Replace the folder's files by what the disk holds, plus a random part of what was not synced; nobody may use them now.

        `keep` is the share of unsynced pages that stay, None: anything from none to all, in sectors or in pages.
        """
        self.after_a_kill()
        done, log = Cut(), self._log()
        synced = max((at for at, line in enumerate(log, 1) if line[0] == "S"), default=0)
        tree = self._replayed(log[: rng.randint(synced, len(log))])
        gone = self._real().keys() - tree.keys()
        done.lost_names, done.lost_bytes = len(gone), sum(os.path.getsize(path) for path in gone if os.path.isfile(path))
        share = rng.choice((0.0, 1.0, rng.random())) if keep is None else keep
        contents = {path: self._left(name, rng, share, done) for path, name in tree.items() if name is not None}
        modes = {path: os.stat(path).st_mode & 0o777 for path in tree if os.path.exists(path)}
        for child in self.folder.iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        for path in sorted(tree):
            if path not in contents:
                Path(path).mkdir(mode=modes.get(path, 0o700), exist_ok=True)
        for path, data in contents.items():
            Path(path).write_bytes(data)
            os.chmod(path, modes.get(path, 0o600))
        self._baseline()
        return done

    def _left(self, name: str, rng: random.Random, share: float, done: Cut) -> bytes:
        disk, cache = self.disk / f"d_{name}", self.disk / f"c_{name}"
        old = bytearray(disk.read_bytes() if disk.exists() else b"")
        new = cache.read_bytes() if cache.exists() else b""
        step = rng.choice((SECTOR, PAGE))
        end = len(old)
        for at in range(0, len(new), step):
            piece = new[at : at + step]
            if piece == bytes(old[at : at + step]):
                continue
            if rng.random() >= share:
                done.lost_bytes += len(piece)
                continue
            done.kept_bytes += len(piece)
            end = max(end, at + len(piece))
            old.extend(bytes(max(0, end - len(old))))
            old[at : at + len(piece)] = piece
        if len(new) < len(old) and rng.random() < share:  # cut short and not synced
            del old[len(new) :]
        return bytes(old)

    def _baseline(self) -> None:
        """Begin anew: all that is in the folder is on the disk."""
        for child in self.disk.iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        self.faults.mkdir()
        for path, name in sorted(self._real().items()):
            if name is None:
                self._name("D", path)
            else:
                self._name("C", name, path)
                for kind in "cd":
                    shutil.copyfile(path, self.disk / f"{kind}_{name}")
        self._name("S")

    def _real(self) -> Tree:
        found: Tree = {}
        for at, folders, files in os.walk(self.folder):
            found |= {os.path.join(at, each): None for each in folders}
            found |= {path: id_of(Path(path)) for each in files if os.path.isfile(path := os.path.join(at, each))}
        return found

    def _name(self, *line: str) -> None:
        with (self.disk / "names").open("a", encoding="utf-8") as log:
            log.write("\t".join(line) + "\n")

    def _log(self) -> list[list[str]]:
        text = (self.disk / "names").read_text(encoding="utf-8")
        return [line.split("\t") for line in text.splitlines()]

    @staticmethod
    def _replayed(log: list[list[str]]) -> Tree:
        tree: Tree = {}
        for kind, *rest in log:
            if kind == "C":
                tree[rest[1]] = rest[0]
            elif kind == "D":
                tree[rest[0]] = None
            elif kind == "U":
                tree.pop(rest[0], None)
            elif kind == "M":
                source, target = rest
                for path in list(_below(tree, target)):
                    del tree[path]
                for path in list(_below(tree, source)):
                    tree[target + path[len(source) :]] = tree.pop(path)
        return tree


def _below(tree: Tree, path: str) -> Iterator[str]:
    return (each for each in tree if each == path or each.startswith(path + "/"))
