"""Lengths of time on the command line: `500ms`, `30s`, `12h`, `7d`."""

from __future__ import annotations

import argparse
import re
from typing import Final

_LENGTH: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s|m|h|d|w)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def length(text: str) -> float:
    """Return the seconds of a length of time, ten years at most; raise what argparse tells the user."""
    found = _LENGTH.fullmatch(text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found is not None else 0.0
    if not 0 < seconds <= 10 * 365 * 86_400:
        raise argparse.ArgumentTypeError(f"`{text[:40]}` is no length of time such as `30s`, `12h` or `7d`")
    return seconds


_PROMETHEUS: Final = re.compile(
    r"(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?|\$\w+|\$\{\w+\}"
)  # Grafana fills in the last two


def prometheus_duration(text: str) -> str:
    """Return a range of PromQL, or the variable that Grafana puts one in place of; raise what argparse tells the user."""
    if not _PROMETHEUS.fullmatch(text) or not re.search(r"[1-9$]", text):
        raise argparse.ArgumentTypeError(f"`{text[:40]}` is no range of Prometheus such as `30m`, `6h`, `1d12h`, or `$__range` for Grafana")
    return text
