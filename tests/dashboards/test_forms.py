"""The forms that boards leave in, and how two boards are held against each other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from otel_voice_dashboards.compare import differences, fingerprint
from otel_voice_dashboards.forms import importable
from otel_voice_dashboards.shipped import Board, boards, panels, sources

BOARDS = {board.uid: board for board in boards()}


def imported(board: dict[str, Any], chosen: dict[str, str]) -> Any:
    """Do what Grafana's import does: put what was chosen for each input in place of `${NAME}`, everywhere, and drop the inputs."""
    text = json.dumps({key: value for key, value in board.items() if key != "__inputs"})
    for each in board["__inputs"]:
        text = text.replace(f"${{{each['name']}}}", chosen[each["name"]])
    return json.loads(text)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_import_asks_for_each_data_source_once(board: Board) -> None:
    """What is chosen is where the board's variables begin; panels go on asking the variables, so it can be changed later."""
    form = json.loads(importable(board.model))
    names = [each["name"] for each in form["__inputs"]]
    made = imported(form, {name: f"uid-of-{name}" for name in names})

    assert len(names) == len(set(names)) == len(sources(board.model)) >= 1
    assert [f"uid-of-{name}" for name in names] == [each["current"]["value"] for each in sources(made)]
    assert "${DS_" not in json.dumps(made)
    assert [each.get("targets") for each in panels(board.model)] == [each.get("targets") for each in panels(made)]
    assert board.model == {key: value for key, value in made.items() if key not in {"__requires", "__elements", "id"}} | {
        "templating": board.model["templating"]
    }


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_what_is_required_is_what_is_used(board: Board) -> None:
    """Grafana from 9.4 on, or 10.2 where spans are listed, each kind of data source and each kind of panel."""
    form = json.loads(importable(board.model))
    required = {(each["type"], each["id"]) for each in form["__requires"]}

    assert {("grafana", "grafana")} | {("datasource", each["query"]) for each in sources(board.model)} | {
        ("panel", each["type"]) for each in panels(board.model)
    } == required
    assert all(each["pluginId"] and each["pluginName"] for each in form["__inputs"])
    (grafana,) = (each["version"] for each in form["__requires"] if each["type"] == "grafana")
    assert grafana == ("10.2.0" if "Tempo" in board.needs else "9.4.0")


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_provisioned_board_asks_for_nothing(board: Board) -> None:
    """Nobody would answer: no inputs, and a data source variable without a value, for which Grafana takes its default."""
    assert "__inputs" not in board.model
    assert "${DS_" not in json.dumps(board.model)
    for each in sources(board.model):
        assert not each.get("current")


def test_a_fingerprint_is_of_the_content() -> None:
    """Neither id nor version nor the order of keys, all else."""
    model = next(iter(BOARDS.values())).model
    turned = dict(reversed(list(model.items()))) | {"id": 7, "version": 9}

    assert fingerprint(model) == fingerprint(turned)
    assert fingerprint(model) != fingerprint(model | {"refresh": "5m"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "x"}, ["title"]),
        ({"refresh": None}, ["refresh"]),
        ({"time": {"from": "now-1h", "to": "now"}}, ["time"]),
        ({"id": 5, "version": 6, "schemaVersion": 43, "weekStart": "", "iteration": 1}, []),
        ({"annotations": {"list": [{"builtIn": 1}]}}, ["annotations"]),
        ({"annotations": {"list": [{"name": "mine"}]}}, ["annotations"]),
        ({"tags": ["otel-voice", "mine"]}, ["tags"]),
        ({"templating": {"list": []}}, None),
        ({"panels": "none"}, ["all of it: it is not in the classic form any more"]),
        ({"panels": [None, 3, {"id": None}]}, None),
    ],
)
def test_what_differs_is_named(change: dict[str, Any], said: list[str] | None) -> None:
    """By key; what only Grafana's has is the server's; no shape of it is an error."""
    model = BOARDS["otel-voice-overview"].model
    found = differences(model, copy.deepcopy(model) | change)

    assert found == said if said is not None else found


def test_the_mark_that_grafana_adds_itself_is_no_difference() -> None:
    """It stands before ours."""
    model = BOARDS["otel-voice-overview"].model
    theirs = copy.deepcopy(model)
    theirs["annotations"]["list"].insert(0, {"builtIn": 1, "name": "Annotations & Alerts"})

    assert [] == differences(model, theirs)


def test_many_names_are_cut() -> None:
    """Six, and how many more."""
    model = BOARDS["otel-voice-overview"].model
    (said,) = differences(model, copy.deepcopy(model) | {"panels": []})

    assert said.startswith("new panels `")
    assert said.endswith(f" and {len(list(panels(model, rows=True))) - 6} more")
