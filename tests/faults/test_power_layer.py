"""The power layer itself: what was synced stays, what was not goes, of a tiny program and of LMDB."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from tests.faults.power import Power

pytestmark = pytest.mark.faults

FILES = """
import os, sys
os.chdir(sys.argv[1])
def put(name, data, *, sync, flags=0):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    os.write(fd, data[:5000]), os.pwrite(fd, data[5000:], 5000)
    if sync:
        os.fdatasync(fd)
    os.close(fd)
big = bytes(range(256)) * 40
put("synced", big, sync=True)
put("through", big, sync=False, flags=os.O_DSYNC)
put("replaced.new", big, sync=True)
os.rename("replaced.new", "replaced")
os.mkdir("folder")
put("folder/inside", big, sync=True)
put("gone", big, sync=True)
os.unlink("gone")
put("also synced", big, sync=True)
fd = os.open("synced", os.O_RDWR)
os.pwrite(fd, b"later", 0)
os.ftruncate(os.open("through", os.O_RDWR), 10)
put("unsynced", big, sync=False)
os.rename("unsynced", "renamed")
print("done", flush=True)
os.kill(os.getpid(), 9)
"""
LMDB = """
import itertools, lmdb, sys
folder, sync = sys.argv[1], sys.argv[2] == "sync"
env = lmdb.open(folder, map_size=64 << 20, sync=sync, metasync=sync)
number = env.stat()["entries"]
while True:
    with env.begin(write=True) as txn:
        for _ in range(3):
            txn.put(number.to_bytes(8, "big"), number.to_bytes(8, "big") * (50 + number % 2000))
            number += 1
    print(number, flush=True)
"""


def power(folder: Path) -> Power:
    for name in ("files", "disk"):
        (folder / name).mkdir(parents=True)
    return Power(folder / "files", folder / "disk")


def run(script: str, at: Power, *arguments: str, kill_at: int = 0) -> subprocess.Popen[str]:
    environment = os.environ | at.environment(kill_at=kill_at)
    return subprocess.Popen([sys.executable, "-c", script, str(at.folder), *arguments], env=environment, stdout=subprocess.PIPE, text=True)


def test_what_was_synced_stays_and_what_was_not_goes(tmp_path: Path) -> None:
    """Of contents, of sizes, of names: a later sync makes earlier names durable, O_DSYNC writes through."""
    at, big = power(tmp_path), bytes(range(256)) * 40
    program = run(FILES, at)
    told = program.communicate(timeout=20)[0]
    before = {path.name: path.read_bytes() for path in at.folder.rglob("*") if path.is_file()}
    at.cut(random.Random(1), keep=0.0)
    after = {path.name: path.read_bytes() for path in at.folder.rglob("*") if path.is_file()}

    assert ("done\n", -9) == (told, program.returncode)
    assert {"synced", "through", "replaced", "inside", "also synced", "renamed"} == set(before)
    assert (b"later", 10, big) == (before["synced"][:5], len(before["through"]), before["renamed"])
    kept = {"synced", "through", "replaced", "inside", "also synced"}
    assert dict.fromkeys(kept, big) == {name: after[name] for name in kept}
    assert set(after) - kept in (set(), {"unsynced"}, {"renamed"})
    assert {b""} >= {after[name] for name in set(after) - kept}


def test_a_cut_may_keep_what_was_not_synced(tmp_path: Path) -> None:
    """All of it, none, or any part: a real disk writes back when it likes."""
    seen = set()
    for turn in range(12):
        at = power(tmp_path / str(turn))
        run(FILES, at).communicate(timeout=20)
        done = at.cut(random.Random(turn))
        seen.add("all" if not done.lost_bytes else "none" if not done.kept_bytes else "some")

    assert {"all", "none", "some"} == seen


def test_a_kill_alone_loses_nothing(tmp_path: Path) -> None:
    """The page cache outlives the process: only the cut takes what was not synced."""
    at = power(tmp_path)
    run(FILES, at).communicate(timeout=20)
    at.after_a_kill()

    assert bytes(range(256)) * 40 == (at.folder / "renamed").read_bytes()


def written(at: Power, *, sync: bool, rng: random.Random, longest: int = 400) -> int:
    """Run the LMDB writer until a random step, cut the power, and return the last number it had been told was committed."""
    writer = run(LMDB, at, "sync" if sync else "nosync", kill_at=rng.randint(5, longest))
    told = writer.communicate(timeout=30)[0].split()
    assert -9 == writer.returncode
    at.cut(rng)
    return int(told[-1]) if told else 0


def readable(folder: Path) -> int:
    """Return how many numbers the database holds from 0 on, each whole."""
    with lmdb.open(str(folder), map_size=64 << 20) as env, env.begin() as txn:
        for number, (key, value) in enumerate(txn.cursor()):
            assert number.to_bytes(8, "big") == key
            assert key * (50 + number % 2000) == value
        return int(txn.stat()["entries"])


@pytest.mark.slow
def test_lmdb_with_sync_loses_nothing(tmp_path: Path) -> None:
    """Cut at any step of any commit, again and again on the same file: every commit that was told is there, whole."""
    rng, at, committed = random.Random(20261128), power(tmp_path), 0
    for _ in range(25):
        committed = max(committed, written(at, sync=True, rng=rng))
        found = readable(at.folder)
        assert committed <= found <= committed + 3
        committed = found
        at.cut(rng)  # what reading it changed

    assert 100 < committed


@pytest.mark.slow
def test_lmdb_without_sync_loses(tmp_path: Path) -> None:
    """The layer bites: without syncing, cuts take commits that were told, or the whole database."""
    rng, lost = random.Random(7), 0
    for turn in range(12):
        at = power(tmp_path / str(turn))
        committed = written(at, sync=False, rng=rng)
        try:
            lost += readable(at.folder) < committed
        except (lmdb.Error, AssertionError):
            lost += 1

    assert 6 <= lost


def test_a_failed_sync_forgets_what_was_dirty(tmp_path: Path) -> None:
    """As Linux does: it says EIO once, the next sync says OK, and what was written before the first is not on the disk."""
    at = power(tmp_path)
    script = """
import os, sys
fd = os.open(sys.argv[1] + "/file", os.O_RDWR | os.O_CREAT)
os.write(fd, b"a" * 4096), print("written", flush=True), sys.stdin.readline()
try:
    os.fsync(fd)
except OSError as error:
    print(error.errno, flush=True), sys.stdin.readline()
os.fsync(fd), os.write(fd, b"b" * 4096), os.fsync(fd), print("synced", flush=True)
os._exit(0)
"""
    environment = os.environ | at.environment()
    arguments = [sys.executable, "-c", script, str(at.folder)]
    with subprocess.Popen(arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert "written\n" == program.stdout.readline()
        at.fail("sync", errno.EIO)
        print(file=program.stdin, flush=True)
        assert f"{errno.EIO}\n" == program.stdout.readline()
        at.fail("sync", None)
        print(file=program.stdin, flush=True)
        assert "synced\n" == program.stdout.readline()
    at.cut(random.Random(1), keep=0.0)

    assert bytes(4096) + b"b" * 4096 == (at.folder / "file").read_bytes()
