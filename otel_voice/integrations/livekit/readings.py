"""Reads LiveKit's objects, or recorded mappings of the same shape, without trusting them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from otel_voice.emit import failed


def read(source: Any, *path: str) -> Any:
    """Return a value by attribute or key at each step, or None where a step is missing."""
    for step in path:
        try:
            source = source.get(step) if isinstance(source, Mapping) else getattr(source, step, None)
        except Exception as error:  # a property that raises, as those of a closed session may
            failed(f"livekit.{step}", error)
            return None
    return source


def text(source: Any, *path: str) -> str | None:
    """Return a value that is text, an enum's value included."""
    value = read(source, *path)
    value = getattr(value, "value", value)
    return value if isinstance(value, str) else None


def number(source: Any, *path: str) -> float | None:
    """Return a value that is a finite number."""
    value = read(source, *path)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) else None


def when(payload: Any, now_ns: int) -> int:
    """Return when an event was created, by LiveKit's clock of seconds; now where it does not say."""
    seconds = number(payload, "created_at")
    return round(seconds * 1_000_000) * 1_000 if seconds is not None and 0 <= seconds < 2**33 else now_ns


def option(session: Any, name: str) -> Any:
    """Return an interruption option of the session, wherever its version keeps it."""
    options = read(session, "options")
    for path in (("interruption", name), ("turn_handling", "interruption", name), (name,)):
        value = read(options, *path)
        if value is not None:
            return value
    return None
