"""The boards leave the package as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from otel_voice_dashboards import RENDERED
from otel_voice_processor.cli import main


def test_the_boards_are_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into a folder that is made, each a dashboard, again without harm."""
    for _ in range(2):
        assert 0 == main(["dashboards", "--to", str(tmp_path / "new/folder")])
    said = capsys.readouterr().out

    assert {path.name for path in RENDERED.glob("*.json")} == {path.name for path in (tmp_path / "new/folder").iterdir()}
    for board in (tmp_path / "new/folder").iterdir():
        assert json.loads(board.read_text(encoding="utf-8"))["title"].startswith("Interruptions: ")
        assert board.read_bytes() == (RENDERED / board.name).read_bytes()
        assert str(board) in said


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and the name."""
    (tmp_path / "file").write_text("")

    assert 1 == main(["dashboards", "--to", str(tmp_path / "file")])
    assert 1 == len(capsys.readouterr().err.splitlines())
