"""The benchmarks run; what they measure is for people to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments", "told"),
    [
        ("policy.py", ["--rounds", "1"], "new text"),
        ("schema.py", ["--rounds", "1"], "the helper costs"),
        ("state.py", ["--open", "2000", "--calls", "20", "--long", "10"], "with a commit every 200 events"),
        ("durable.py", ["--seconds", "3", "--rounds", "1"], "durable against in memory"),
        ("pipeline.py", ["--seconds", "1", "--rounds", "1"], "ours against official"),
    ],
)
def test_a_benchmark_prints_its_ratios(script: str, arguments: list[str], told: str) -> None:
    """A short run ends by itself and says what is compared."""
    done = subprocess.run([sys.executable, FOLDER / script, *arguments], capture_output=True, text=True, timeout=120, check=False)

    assert 0 == done.returncode, done.stderr
    assert told in done.stdout
