"""How much memory there is, how much the process holds, and how to give some back. Linux alone tells the first two."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path
from typing import Final

KIB: Final = 1024
NO_LIMIT: Final = 1 << 60  # cgroup v1 writes "none" as a number near 2**63
STATUS: Final = Path("/proc/self/status")


def held() -> int | None:
    """Return the bytes of anonymous memory held: not files that are mapped, which the system takes back by itself. None where unknown."""
    return _kib(STATUS, "RssAnon:")


def total(root: Path = Path("/")) -> int | None:
    """Return the bytes that the process may use: its cgroup's limit, else the machine's memory; None where unknown."""
    machine = _kib(root / "proc/meminfo", "MemTotal:")
    limits = [limit for path in _limit_files(root) if (limit := _number(path)) is not None and limit < NO_LIMIT]
    return min([*limits, *([machine] if machine is not None else [])], default=None)


def trim() -> None:
    """Give free memory back to the system, which glibc would keep; elsewhere nothing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _limit_files(root: Path) -> list[Path]:
    """Return the files that may hold a limit: of the process's cgroup and all above it, version 2 and 1."""
    cgroups = root / "sys/fs/cgroup"
    found = [cgroups / "memory.max", cgroups / "memory/memory.limit_in_bytes"]  # in a container its own
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        base, name = (cgroups, "memory.max") if not controllers else (cgroups / "memory", "memory.limit_in_bytes")
        if controllers in {"", "memory"} and ".." not in path:
            inner = base / path.lstrip("/")
            found += [each / name for each in (inner, *inner.parents) if each.is_relative_to(base)]
    return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # `max` is none
        return None


def _kib(path: Path, name: str) -> int | None:
    try:
        with path.open(encoding="ascii", errors="replace") as lines:
            return next((int(line.split()[1]) * KIB for line in lines if line.startswith(name)), None)
    except (OSError, ValueError, IndexError):
        return None
