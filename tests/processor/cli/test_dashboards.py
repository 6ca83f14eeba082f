"""The boards leave the package for import by hand and for provisioning, and are written only where they differ."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from otel_voice_dashboards import RENDERED, shipped
from otel_voice_dashboards.shipped import boards
from otel_voice_processor.cli import main

ALERTS = """# made by a test
apiVersion: 1
groups:
- name: otel-voice
  rules:
  - uid: one
    data:
    - refId: A
      datasourceUid: PROMETHEUS_UID
      model:
        datasource:
          type: prometheus
          uid: PROMETHEUS_UID
        expr: voice_calls_total{x="PROMETHEUS_UID"}
    - refId: C
      datasourceUid: __expr__
"""


def test_each_board_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it answers, what it needs, and how many panels it has."""
    assert 0 == main(["dashboards", "list"])
    out = capsys.readouterr().out

    assert {path.stem for path in RENDERED.glob("*.json")} == {board.uid for board in boards()}
    for board in boards():
        assert f"{board.uid}  {board.title}  ({board.panels} panels, needs {' and '.join(board.needs)})" in out
        assert board.answers in out


def test_what_is_written_is_for_import_and_for_provisioning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Provisioned boards are as rendered; the provider points at them, absolutely."""
    assert 0 == main(["dashboards", "write", str(tmp_path / "new/$folder")])
    root = tmp_path / "new/$folder"
    (provider,) = yaml.safe_load((root / "provisioning/dashboards/otel-voice.yaml").read_text(encoding="utf-8"))["providers"]

    assert provider["options"]["path"].replace("$$", "$") == str(root / "boards")
    assert "otel-voice" == provider["folder"]
    said = capsys.readouterr().out.splitlines()
    for board in boards():
        assert (root / f"boards/{board.uid}.json").read_bytes() == (RENDERED / f"{board.uid}.json").read_bytes()
        assert f"{root}/import/{board.uid}.json: new" in said


def test_only_what_differs_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is the same is not touched, one that differs is told; no file is left half written beside it."""
    main(["dashboards", "write", str(tmp_path)])
    uid = boards()[0].uid
    same, other = tmp_path / f"boards/{uid}.json", tmp_path / f"import/{uid}.json"
    other.write_text("{}", encoding="utf-8")
    os.utime(same, (1, 1))
    capsys.readouterr()

    assert 0 == main(["dashboards", "write", str(tmp_path)])
    out = capsys.readouterr().out.splitlines()
    assert f"{same}: same" in out
    assert f"{other}: changed" in out
    assert 1 == same.stat().st_mtime
    assert uid == json.loads(other.read_text(encoding="utf-8"))["uid"]
    assert [] == list(tmp_path.rglob(".*"))


def test_a_mounted_folder_is_named_as_grafana_sees_it(tmp_path: Path) -> None:
    """`--seen-as` and `--folder` go into the provider."""
    main(["dashboards", "write", str(tmp_path), "--seen-as", "/otel-voice/", "--folder", "Voice"])
    (provider,) = yaml.safe_load((tmp_path / "provisioning/dashboards/otel-voice.yaml").read_text(encoding="utf-8"))["providers"]

    assert ("/otel-voice/boards", "Voice") == (provider["options"]["path"], provider["folder"])


def test_a_board_that_ships_no_more_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is left where it is: it may be somebody's own."""
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards/older.json").write_text("{}", encoding="utf-8")

    assert 0 == main(["dashboards", "write", str(tmp_path)])
    said = capsys.readouterr().err.splitlines()
    assert f"{tmp_path}/boards/older.json is no board of this version: without it Grafana drops the board" in said
    assert (tmp_path / "boards/older.json").exists()


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "otel-voice.rules.yaml").write_text("groups: []\n", encoding="utf-8")
    (folder / "otel-voice.grafana-alerts.yaml").write_text(ALERTS, encoding="utf-8")
    monkeypatch.setattr(shipped, "RULES", folder)


@pytest.mark.usefixtures("rules")
def test_rules_are_written_and_their_data_source_filled_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the data source stands, and nowhere else; without one Grafana's rules are not written, and that is said."""
    main(["dashboards", "write", str(tmp_path / "a")])
    assert "--datasource" in capsys.readouterr().err
    assert not (tmp_path / "a/provisioning/alerting").exists()

    assert 0 == main(["dashboards", "write", str(tmp_path / "b"), "--datasource", "my-prom_1"])
    assert "groups: []\n" == (tmp_path / "b/prometheus/otel-voice.rules.yaml").read_text(encoding="utf-8")
    written = (tmp_path / "b/provisioning/alerting/otel-voice.grafana-alerts.yaml").read_text(encoding="utf-8")
    assert ALERTS.replace("Uid: PROMETHEUS_UID", 'Uid: "my-prom_1"').replace("uid: PROMETHEUS_UID", 'uid: "my-prom_1"') == written


@pytest.mark.usefixtures("rules")
def test_alerts_of_an_earlier_run_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stay as they are, so that somebody has to know."""
    main(["dashboards", "write", str(tmp_path)])
    assert "earlier" not in capsys.readouterr().err
    main(["dashboards", "write", str(tmp_path), "--datasource", "one"])
    main(["dashboards", "write", str(tmp_path)])

    assert "otel-voice.grafana-alerts.yaml stays as an earlier run wrote it" in capsys.readouterr().err


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("uid", ["null", "on", "1234", "0x1f", "1e5", "-"])
def test_a_uid_that_yaml_reads_as_something_else_stays_one(uid: str, tmp_path: Path) -> None:
    """A Grafana would be told of no data source, or of a number."""
    assert 0 == main(["dashboards", "write", str(tmp_path), "--datasource", uid])
    written = yaml.safe_load((tmp_path / "provisioning/alerting/otel-voice.grafana-alerts.yaml").read_text(encoding="utf-8"))
    asked = {item["datasourceUid"] for group in written["groups"] for rule in group["rules"] for item in rule["data"]}

    assert asked == {uid, "__expr__"}


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("uid", ["My Prometheus", "__expr__", ""])
def test_a_data_source_that_cannot_be_is_told(uid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and nothing is written; what Grafana computes itself is no data source."""
    assert 2 == main(["dashboards", "write", str(tmp_path / "c"), "--datasource", uid])
    assert f"`{uid}` is no uid of a data source" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and the name."""
    (tmp_path / "file").write_text("")

    assert 1 == main(["dashboards", "write", str(tmp_path / "file")])
    assert 1 == len(capsys.readouterr().err.splitlines())


@pytest.mark.parametrize(
    ("arguments", "told"), [([""], "DIR is empty"), (["there", "--seen-as", "etc/otel-voice"], "`etc/otel-voice` is no absolute path")]
)
def test_a_place_that_nobody_means_is_one_line(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)

    assert 2 == main(["dashboards", "write", *arguments])
    assert told in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


def test_queries_leave_out_what_boards_leave_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The doctor's own calls; a range may be a variable of Grafana's."""
    assert 0 == main(["queries", "--window", "$__range"])
    told = capsys.readouterr().out

    assert told.count("[$__range]") >= 7
    assert all('voice_workflow!~"otel_voice_doctor"' in line for line in told.splitlines() if line and not line.startswith("#"))


@pytest.mark.parametrize("window", ["abc", "0", "", "1h]", "0s", "1m1h"])
def test_a_window_that_is_none_is_told(window: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, before a query is printed that no Prometheus takes."""
    with pytest.raises(SystemExit, match="2"):
        main(["queries", "--window", window])

    assert f"`{window}` is no range of Prometheus" in capsys.readouterr().err
