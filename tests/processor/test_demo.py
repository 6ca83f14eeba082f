from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest
from otel_voice_processor.cli import main
from otel_voice_processor.cli.demo import add_arguments, run
from otel_voice_processor.cli.recorded import recorded
from otel_voice_processor.testing import free_port


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_demo_judges_every_call_as_it_really_happened(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo shows one call, the eight cases, LiveKit's recordings and the scorecard, and exits 0 only if all were judged right."""
    code = run(options("--calls", "40"))
    shown = capsys.readouterr().out

    assert "WRONG" not in shown
    assert code == 0, shown
    for words in (
        "The caller meant it",
        "The eight test cases",
        "40 simulated calls: judged as it really happened in 40",
        "Recorded from LiveKit",
    ):
        assert words in shown
    for words in ("Scorecard of 40 calls", "downstream received", "otel-voice serve --show", "exporters:"):
        assert words in shown
    assert max(len(line) for line in shown.splitlines()) <= 120


def test_a_processor_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--to` and nobody listening the demo says who did not take the spans, and exits 1."""
    port = free_port()
    code = run(options("--to", f"127.0.0.1:{port}", "--calls", "1"))

    assert code == 1
    assert f"nobody took the spans at `127.0.0.1:{port}`" in capsys.readouterr().err.replace("\n", " ")


def test_a_backend_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--forward` and nobody listening the demo says that in a line, shows no table of failures, and exits 1."""
    port = free_port()
    code = run(options("--forward", f"127.0.0.1:{port}", "--calls", "1"))
    shown = capsys.readouterr()

    assert code == 1
    assert f"is `127.0.0.1:{port}` there" in shown.err
    assert "WRONG" not in shown.out


def test_the_demo_writes_a_file_to_test_policies_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real cases held against it say which moments passed and which did not; a file that cannot be written is said."""
    file = tmp_path / "calls.jsonl"

    assert 0 == run(options("--file", str(file), "--calls", "1"))
    assert 1 == main(["policy", "test", "--events", str(file)])
    assert "moments" in capsys.readouterr().out
    assert 2 == run(options("--file", str(file)))
    assert 2 == run(options("--file", str(tmp_path / "other"), "--to", "127.0.0.1:1"))
    assert 1 == run(options("--file", str(tmp_path / "no" / "x"), "--calls", "1"))
    assert "be written?" in capsys.readouterr().err


def test_the_demos_scorecard_can_be_had_from_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo says what its scorecard is of and how to ask its file; that report has the same figures."""
    monkeypatch.setenv("COLUMNS", "100")
    file = tmp_path / "calls.jsonl"
    assert 0 == run(options("--file", str(file), "--calls", "12"))
    shown = capsys.readouterr().out
    card = shown[
        shown.index("Scorecard of 12 calls") : shown.index(
            "The scorecard is of the 12 simulated calls, not the 16 scripted and 10 recorded ones."
        )
    ]
    commands = [line.strip() for line in shown.splitlines() if line.startswith("  otel-voice ") and str(file) in line]
    texts = []
    for command in commands:
        assert 0 == main(shlex.split(command)[1:])
        texts.append(capsys.readouterr().out)

    assert 3 == len(commands)
    assert "Scorecard of 38 calls" in texts[1]
    assert [line.rstrip() for line in card.strip().splitlines()] == [
        line.rstrip() for line in texts[2][texts[2].index("Scorecard of") :].splitlines()
    ][: len(card.strip().splitlines())]


def test_recordings_ship_with_the_package() -> None:
    """Ten recorded LiveKit calls come with the package, each with its messages in order."""
    scenarios = list(recorded())

    assert len(scenarios) == 10
    for scenario in scenarios:
        assert scenario.messages
        assert [item["t_ms"] for item in scenario.messages] == sorted(item["t_ms"] for item in scenario.messages)
