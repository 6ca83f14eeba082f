"""Grafana's own packages make of our boards what they were drawn for, in front of a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from otel_voice_dashboards import shipped

from tests.grafana.front import GRAFANA, HERE, Looked, Shown, shown
from tests.grafana.series import DOCTOR, END_S, MANY, ODD, SEEN, stocked, workflows
from tests.peers.servers import Prometheus

pytestmark = pytest.mark.peers
BOARDS = {board.uid: board.model for board in shipped.boards()}
OVER_CALLS = ("otel-voice-overview", "otel-voice-workflow", "otel-voice-release")  # boards with the filters on traffic
TABLES = [(uid, panel) for uid, board in BOARDS.items() for panel in shipped.panels(board) if panel.get("transformations")]
TITLES = [f"{uid}: {panel['title']}" for uid, panel in TABLES]
PER_HOUR = {each.name: 60 * each.stops for each in workflows()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that holds workflows of odd names and of many."""
    with stocked(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture(scope="module")
def front() -> Path:
    """Grafana's packages, installed and bundled."""
    return GRAFANA.built()


@pytest.fixture(scope="module")
def begun(front: Path, server: Prometheus) -> dict[str, Shown]:
    """Every board as it begins."""
    return dict(zip(BOARDS, shown([Looked(board=board) for board in BOARDS.values()], server.url, end_s=END_S), strict=True))


@pytest.fixture(scope="module")
def nothing(front: Path, server: Prometheus) -> dict[str, Shown]:
    """Every board over an hour in which there was nothing."""
    looked = [Looked(board=board) for board in BOARDS.values()]
    return dict(zip(BOARDS, shown(looked, server.url, end_s=END_S - 86_400 * 30), strict=True))


def only(uid: str, *titles: str) -> dict[str, Any]:
    """A board with only some of its panels, and no annotations."""
    kept = [panel for panel in shipped.panels(BOARDS[uid]) if panel["title"] in titles]
    assert len(kept) == len(titles)
    return BOARDS[uid] | {"panels": kept, "annotations": {"list": []}}


@pytest.mark.parametrize("uid", BOARDS)
def test_prometheus_takes_every_query(uid: str, begun: dict[str, Shown]) -> None:
    """As Grafana writes them, marks and variables filled in."""
    assert [] == begun[uid].refused()


def test_choosers_offer_every_workflow_but_the_doctors(begun: dict[str, Shown]) -> None:
    """Whatever signs are in a name."""
    for uid in OVER_CALLS:
        assert set(ODD) | set(MANY) == set(begun[uid].offered["workflow"])
        assert ["2026-06-08"] == begun[uid].offered["policy_version"]
    assert DOCTOR not in begun["otel-voice-overview"].offered["workflow"]


def test_what_is_chosen_is_what_is_counted(front: Path, server: Prometheus) -> None:
    """One workflow or several, whatever signs are in the name: each counts for itself and for no other."""
    board = only("otel-voice-release", "By workflow")
    chosen: list[list[str]] = [*([name] for name in ODD), list(ODD[:5]), list(ODD[5:])]
    got = shown([Looked(board=board, chosen={"workflow": names}) for names in chosen], server.url, end_s=END_S)

    for names, each in zip(chosen, got, strict=True):
        assert [] == each.refused()
        assert {name: PER_HOUR[name] for name in names} == {row[0]: row[1] for row in each.titled("By workflow")["values"]}


def test_choosing_none_counts_none(front: Path, server: Prometheus) -> None:
    """An empty choice is no error, and stats say that there is nothing."""
    board = only("otel-voice-overview", "False interruption rate", "Where the agent stops for nothing")
    (got,) = shown([Looked(board=board, chosen={"workflow": []})], server.url, end_s=END_S)

    assert [] == got.refused()
    assert [] == got.titled("Where the agent stops for nothing")["rows"]
    ((_, said),) = got.titled("False interruption rate")["cells"]
    assert BOARDS["otel-voice-overview"]["panels"][0]["fieldConfig"]["defaults"]["noValue"] == said


@pytest.mark.parametrize(("uid", "panel"), TABLES, ids=TITLES)
def test_tables_have_the_columns_that_they_name(uid: str, panel: dict[str, Any], begun: dict[str, Shown]) -> None:
    """Each query is a column under its own name, behind what the rows are; no time, no `Value #A`."""
    said = begun[uid].titled(panel["title"])
    named = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"] if override["matcher"]["id"] == "byName"]

    assert len(panel["targets"]) + 1 == len(said["columns"])
    assert set(named) <= set(said["columns"])
    assert not [name for name in said["columns"] if name.startswith(("Value", "Time", "voice_"))]
    assert said["rows"]


@pytest.mark.parametrize(("uid", "panel"), TABLES, ids=TITLES)
def test_tables_are_sorted_and_cut_as_they_say(uid: str, panel: dict[str, Any], begun: dict[str, Shown]) -> None:
    """The highest first, rows without a number last, and no more than so many."""
    said, steps = begun[uid].titled(panel["title"]), {each["id"]: each["options"] for each in panel["transformations"]}
    if "sortBy" in steps:
        at = said["columns"].index(steps["sortBy"]["sort"][0]["field"])
        column = [row[at] for row in said["values"]]
        told = [value for value in column if value is not None]
        assert [*sorted(told, reverse=True), *[None] * (len(column) - len(told))] == column
    if "limit" in steps:
        assert steps["limit"]["limitField"] >= len(said["rows"])


def test_the_longest_lines_of_two_hundred_lead(begun: dict[str, Shown]) -> None:
    """Of 213 workflows the ten with most episodes stand in the table, not the first ten that came."""
    rows = begun["otel-voice-release"].titled("By workflow")["rows"]

    assert list(reversed(MANY[-10:])) == [row[0] for row in rows]


@pytest.mark.parametrize(("uid", "panel"), TABLES, ids=TITLES)
def test_a_cell_without_a_number_says_little(uid: str, panel: dict[str, Any], begun: dict[str, Shown]) -> None:
    """What stands for no value stands in every such cell: a sentence would fill the table."""
    said = begun[uid].titled(panel["title"])
    cells = {
        text
        for row, values in zip(said["rows"], said["values"], strict=True)
        for text, value in zip(row, values, strict=True)
        if value is None
    }

    assert [] == [text for text in cells if len(text) > 3]


def test_stats_say_that_there_was_nothing(nothing: dict[str, Shown]) -> None:
    """A stat none of whose queries has a value says its own words for it, and not `No data`."""
    for uid, board in BOARDS.items():
        for panel in shipped.panels(board):
            if panel["type"] == "stat":
                cells = nothing[uid].titled(panel["title"])["cells"]
                assert cells
                assert all(text for _, text in cells)
                assert "No data" not in {text for _, text in cells}


def test_a_new_policy_version_is_marked_once_when_it_was_seen(begun: dict[str, Shown]) -> None:
    """At that second, however many steps say so; an older one lies out of sight, by its own time."""
    marked = {version: seconds * 1000 for version, seconds in SEEN.items()}
    boards = [uid for uid in BOARDS if begun[uid].annotations]

    assert boards
    for uid in boards:
        (mark,) = begun[uid].annotations
        assert marked == {event["title"].split()[-1]: event["time"] for event in mark["events"]}
        assert len(marked) == len(mark["events"])
        assert all(event["time"] == event["timeEnd"] for event in mark["events"])


def test_traceql_gets_the_chosen_as_a_regular_expression(front: Path, server: Prometheus) -> None:
    """Escaped once, since TraceQL takes what stands between backticks as it is."""
    looked = Looked(board=BOARDS["otel-voice-release"], chosen={"workflow": ["a.b", 'a"b']})
    (got,) = shown([looked], server.url, end_s=END_S)
    (asked,) = got.titled("Calls to review: misses")["traceql"]

    assert r'(a\.b|a"b)' in asked
    assert "${" not in asked


def test_links_of_tables_lead_to_what_was_clicked(front: Path, server: Prometheus) -> None:
    """With the row's name and the time in them; Grafana 13 itself spoils names with `&`, `#`, `+` or `%`."""
    board = only("otel-voice-overview", "Where the agent stops for nothing")
    (got,) = shown([Looked(board=board, chosen={"workflow": ["Überweisung ✓"]})], server.url, end_s=END_S)
    ((link,), *_) = got.titled("Where the agent stops for nothing")["links"]

    assert "/d/otel-voice-workflow?var-workflow=Überweisung ✓&" in link
    assert "from=" in link
    assert "${" not in link


def test_boards_are_of_grafanas_own_types(front: Path) -> None:
    """Of the newest schema, panels' own options included; the compiler refuses a key or a value that it does not know."""
    folder = HERE / "boards"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.ts"):
        stale.unlink()
    for uid, board in BOARDS.items():
        text = f"import type {{ Board }} from '../board';\n\nexport const board: Board = {json.dumps(board, indent=2)};\n"
        (folder / f"{uid}.ts").write_text(text, encoding="utf-8")

    GRAFANA.run("npx", "tsc", "--project", "boards.tsconfig.json")


def test_the_compiler_refuses_what_a_board_may_not_have(front: Path) -> None:
    """A slip in a panel's type, in a variable's key or in an option's value does not pass: `refused.ts` expects an error of each."""
    GRAFANA.run("npx", "tsc", "--project", "tsconfig.json")
