"""The page that says how calls are judged says what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from otel_voice_processor.cli import main

from tests.processor.test_livekit_verdicts import REVIEWED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "processor/JUDGING.md").read_text(encoding="utf-8")
MS = 1_000_000


def rows(first: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this head."""
    table = PAGE.partition(f"| {first} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_constant_is_as_the_page_says() -> None:
    """Each limit with its value and unit; none of judgement's is left out."""
    told = {row[0].strip("`"): row[1] for row in rows("in the code")}
    for name, value in told.items():
        module, _, constant = name.rpartition(".")
        found = getattr(import_module(module if module.startswith("otel_voice.") else f"otel_voice_processor.{module}"), constant)
        number = float(value.removesuffix(" ms").replace(",", ""))
        assert number == (found / MS if constant.endswith("_NS") else found), name
    for module in ("verdicts", "stretches", "pairing", "aftermath", "responses", "evidence", "settling"):
        source = (ROOT / f"processor/otel_voice_processor/{module}.py").read_text(encoding="utf-8")
        constants = set(re.findall(r"^([A-Z_]+_(?:NS|MS)) =", source, re.MULTILINE)) - {"SKEW_NS", "FOLD_BEHIND_NS"}
        assert constants <= {name.rpartition(".")[2] for name in told}, module


def test_every_recording_is_on_the_page() -> None:
    """With the verdict, the audio and the reason of the review."""
    expected = [[f"`{name}`", ", ".join(verdicts) or "none", ", ".join(audio) or "none", why] for name, verdicts, audio, why in REVIEWED]

    assert expected == rows("recording")


def test_the_rates_can_be_counted_by_the_lines_of_the_page(tmp_path: Path) -> None:
    """As they stand there, in a folder with recorded calls: seven rates."""
    lines = PAGE.partition("## Count them yourself")[2].partition("```\n")[2].partition("```")[0]
    assert 0 == main(["demo", "--file", str(tmp_path / "calls.jsonl"), "--calls", "20"])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", lines], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert 7 == len(done.stdout.splitlines())
    assert done.stdout.startswith("('false_interruption', ")


def test_the_errors_are_those_that_were_measured() -> None:
    """The table is what `tests/full/judgement_errors.py` wrote."""
    measured = (ROOT / "tests/full/judgement_errors.txt").read_text(encoding="utf-8")

    assert measured in PAGE
