"""The shipped boards: rendered from the code, laid out without gaps in meaning, and only of parts that Grafana 9.4 and later draw alike."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from otel_voice_dashboards import RENDERED
from otel_voice_dashboards.queries import prometheus_name
from otel_voice_dashboards.render import BOARDS, main, render
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.events import EVENTS
from otel_voice_schema.health import HEALTH
from otel_voice_schema.metrics import METRICS

PANEL_TYPES = {"stat", "timeseries", "table", "heatmap", "text"}
TRANSFORMATIONS = {"merge", "organize", "sortBy", "limit"}  # of Grafana 9.4
NAMES = {prometheus_name(metric): metric for metric in METRICS.values()}


def load(uid: str) -> dict[str, Any]:
    return json.loads((RENDERED / f"{uid}.json").read_text(encoding="utf-8"))


def test_the_rendered_files_are_the_codes() -> None:
    """`--check` finds nothing stale, and there is no file without a board."""
    assert 0 == main(["--check"])
    assert set(BOARDS) == {path.stem for path in RENDERED.glob("*.json")}


def test_rendering_without_the_sdk_says_what_to_install(tmp_path: Path) -> None:
    """One line and exit code 2: a plain install has no use for it."""
    (tmp_path / "grafana_foundation_sdk.py").write_text("raise ModuleNotFoundError('none here')", encoding="utf-8")
    script = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('otel_voice_dashboards.render', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)

    assert 2 == done.returncode
    assert done.stderr.splitlines() == [
        "the boards are made with grafana-foundation-sdk, which is in the extra `dev`: pip install -e '.[dev]'"
    ]


def test_rendering_twice_gives_the_same() -> None:
    """So that a diff shows what changed and nothing else."""
    for uid in BOARDS:
        assert render(uid) == render(uid)


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_are_named_described_and_apart(uid: str) -> None:
    """Ids are unique (links and alerts point at them), no two panels overlap, each says what it counts."""
    panels = load(uid)["panels"]

    assert len(panels) == len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels})
    for panel in panels:
        assert panel["type"] in PANEL_TYPES
        assert len(panel["description"]) > 30
        assert {each["id"] for each in panel.get("transformations", [])} <= TRANSFORMATIONS
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_say_what_they_count_in_and_that_there_is_nothing(uid: str) -> None:
    """Each number has a unit, no panel is left blank, and a table is sorted by a column that it has before its rows are cut."""
    for panel in load(uid)["panels"]:
        if panel["type"] == "text":
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert re.search(r"^(no|nothing|nobody) \w+", defaults["noValue"])
        if panel["type"] == "table":  # which would put that into each cell that is empty
            (cells,) = (each for each in panel["fieldConfig"]["overrides"] if each["matcher"] == {"id": "byRegexp", "options": ".*"})
            assert [{"id": "noValue", "value": "-"}] == cells["properties"]
        assert panel["id"] > 0
        if panel["type"] in {"stat", "timeseries"}:
            assert defaults["unit"]
        done = [each["id"] for each in panel.get("transformations", [])]
        assert done in ([], ["merge", "organize"], ["merge", "organize", "sortBy", "limit"])
        for each in panel.get("transformations", []):
            if each["id"] == "sortBy":
                (by,) = each["options"]["sort"]
                assert by["field"] in {target["legendFormat"] for target in panel["targets"]}


@pytest.mark.parametrize("uid", BOARDS)
def test_links_lead_to_boards_and_take_what_was_chosen_along(uid: str) -> None:
    """A cell's link opens a board of ours, fills in variables that it has, with ones that this board has, and keeps the time."""
    own = {each["name"] for each in load(uid)["templating"]["list"]}
    for panel in load(uid)["panels"]:
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            for link in (link for each in override["properties"] if each["id"] == "links" for link in each["value"]):
                path, _, query = link["url"].partition("?")
                target = path.removeprefix("/d/")
                assert target in BOARDS
                filled = set(re.findall(r"var-(\w+)=", query)) | set(re.findall(r"\$\{(\w+):queryparam\}", query))
                assert filled <= {each["name"] for each in load(target)["templating"]["list"]}
                assert "${__value.raw}" not in query  # which Grafana puts in as it is, `&` and all
                assert set(re.findall(r"\$\{(\w+)", query)) <= own | {"__value", "__url_time_range"}
                assert "${__url_time_range}" in query


@pytest.mark.parametrize("uid", BOARDS)
def test_what_is_chosen_stands_in_raw_strings(uid: str) -> None:
    """A value may hold quotes and backslashes: Grafana escapes it for a regular expression, and nothing for the string around it."""
    chosen = {each["name"] for each in load(uid)["templating"]["list"] if each["type"] == "query"}
    for panel in load(uid)["panels"]:
        for target in panel.get("targets", []):
            asked = target.get("expr") or target["query"]
            for name, form in re.findall(r"\$\{?(\w+)(:\w+)?", asked):
                if name in chosen:
                    assert ":regex" == form
            assert asked.count("`") % 2 == 0
            assert not any(name in asked for name in re.findall(r'"[^"`]*\$\{(\w+):regex[^"`]*"', asked))


@pytest.mark.parametrize("uid", BOARDS)
def test_bars_and_lines_begin_at_zero(uid: str) -> None:
    """Grafana would begin stacked bars anywhere."""
    for panel in load(uid)["panels"]:
        if panel["type"] == "timeseries":
            assert 0 == panel["fieldConfig"]["defaults"]["min"]
            assert panel["options"]["legend"]["showLegend"]  # else nobody knows what is what


def asks_tempo(target: dict[str, Any], variables: set[str]) -> None:
    """Hold a TraceQL query to the registry: its events and attributes, bounds that are stated, its own data source variable."""
    keys = re.findall(r"span\.([\w.]+)", target["query"])

    assert {"type": "tempo", "uid": "${tempo}"} == target["datasource"]
    assert "tempo" in variables
    assert set(keys) <= set(ATTRIBUTES)
    assert set(re.findall(r'name = "([^"]+)"', target["query"])) <= set(EVENTS)
    assert set(re.findall(r"\$\{?(\w+)", target["query"])) <= variables
    assert 0 < target["limit"] <= 20
    assert 0 < target["spss"] <= 100


@pytest.mark.parametrize("uid", BOARDS)
def test_every_query_asks_what_the_processor_writes(uid: str) -> None:
    """Metric names and labels are the registry's, the data source is the board's variable, each target has a name of its own."""
    board = load(uid)
    variables = {each["name"] for each in board["templating"]["list"]}
    for panel in board["panels"]:
        targets = panel.get("targets", [])
        assert bool(targets) == (panel["type"] != "text")
        assert len(targets) == len({target["refId"] for target in targets})
        for target in targets:
            if target["datasource"]["type"] == "tempo":
                asks_tempo(target, variables)
                continue
            assert {"type": "prometheus", "uid": "${ds}"} == target["datasource"]
            assert "ds" in variables
            for name, matchers in re.findall(r"\b(otel_voice_\w+)\{([^}]*)\}", target["expr"]):
                health = HEALTH[name.removesuffix("_total")]
                assert name.endswith("_total") == (health.instrument == "counter")
                assert {each.split("=~")[0] for each in matchers.split(",")} <= {"job", "instance", *health.labels}
            for name, matchers in re.findall(r"\b(voice_\w+)\{([^}]*)\}", target["expr"]):
                metric = NAMES[re.sub(r"_(bucket|count|sum)$", "", name) if name not in NAMES else name]
                labels = {re.split("[=!]~", each)[0] for each in matchers.split(",")}
                assert labels <= {key.replace(".", "_") for key in metric.labels}
            assert set(re.findall(r"\$(?!__)(\w+)", target["expr"])) <= variables


@pytest.mark.parametrize("uid", BOARDS)
def test_marks_are_asked_as_grafana_9_4_asks(uid: str) -> None:
    """The query stands beside the mark, with its step; as a `target` alone an older Grafana would send none, and say nothing."""
    for mark in load(uid).get("annotations", {}).get("list", []):
        assert {"type": "prometheus", "uid": "${ds}"} == mark["datasource"]
        assert (True, "60s", True) == (mark["enable"], mark["step"], mark["useValueForTime"])
        assert "target" not in mark
        (name,) = re.findall(r"\b(voice_\w+)\{", mark["expr"])
        assert NAMES[name].instrument == "gauge"


@pytest.mark.parametrize("uid", BOARDS)
def test_the_model_of_newer_grafana_reads_it(uid: str) -> None:
    """The JSON, read by the SDK's own model and written again, loses no panel, query, variable or link."""
    board = load(uid)
    again = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(board)))

    assert board["panels"] == again["panels"]
    for variable in again["templating"]["list"]:
        if variable["type"] != "interval":  # which the SDK writes on each, and render takes off
            for key in ("auto", "auto_min", "auto_count"):
                del variable[key]
    assert board["templating"] == again["templating"]
    assert (
        board.get("annotations", {}) == {}
        or [each | {"placement": "inControlsMenu"} for each in board["annotations"]["list"]] == again["annotations"]["list"]
    )
    assert [link["title"] for link in board["links"]] == [link["title"] for link in again["links"]]


@pytest.mark.parametrize("uid", BOARDS)
def test_nothing_newer_than_grafana_9_4_is_relied_on(uid: str) -> None:
    """No key that moves links away, no v2 envelope, no colour mode that 9.4 draws as none."""
    text = (RENDERED / f"{uid}.json").read_text(encoding="utf-8")

    assert '"placement"' not in text
    assert "background_solid" not in text
    assert not {"apiVersion", "kind", "spec"} & load(uid).keys()
