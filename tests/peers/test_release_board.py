"""The board of a release, asked of a real Prometheus: each version's and workflow's figures are those of the calls' own records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from otel_voice_dashboards import RENDERED
from otel_voice_processor.model import CallRecord, Episode
from otel_voice_schema import attributes as a

from tests.peers.known import Known
from tests.peers.test_board import column

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="session")]
BOARD = json.loads((RENDERED / "otel-voice-release.json").read_text(encoding="utf-8"))
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in BOARD["panels"]}
Rows = list[tuple[str, str, str]]


def ratio(hits: int, of: int) -> float | None:
    return hits / of if of else None


def cell(name: str, episodes: list[Episode], records: list[CallRecord]) -> float | None:
    """Return what a column must show of a version's, or a workflow's, episodes and calls; None where there is nothing to divide by."""
    interrupted = [each for each in records if each.interrupted in {"handled", "mishandled"}]
    if name == "followed":
        known = [each.compliance for each in episodes if each.compliance != "unknown"]
        return ratio(known.count("followed"), len(known))
    if name == "interrupted calls":
        return len(interrupted)
    if name == "completed":
        outcomes = [each.task_outcome for each in interrupted if each.task_outcome != "unknown"]
        return ratio(outcomes.count("completed"), len(outcomes))
    if name == "escalated":
        told = [each.escalated for each in interrupted if each.escalated is not None]
        return ratio(sum(told), len(told))
    return column(name, episodes)


async def compared(
    known: Known, rows: Rows, title: str, of_call: Callable[[CallRecord], str], of: Callable[[CallRecord, Episode], str]
) -> None:
    """Hold a table against the records, row by row and column by column."""
    pairs = [(record, episode) for record in known.records for episode in record.episodes]
    names = {of_call(record) for record in known.records} | {of(*pair) for pair in pairs}
    assert len(names) > 1
    for target in PANELS[title]["targets"]:
        found = await known.ask(target["expr"], window="1h")
        wanted = {}
        for name in names:
            episodes = [episode for record, episode in pairs if of(record, episode) == name]
            value = cell(target["legendFormat"], episodes, [each for each in known.records if of_call(each) == name])
            if value is not None:
                wanted[name] = value
        rows.extend(
            (f"{title}: {name}: {target['legendFormat']}", f"{each:.4g}", f"{found.get(name, 0.0):.4g}") for name, each in wanted.items()
        )
        assert wanted == pytest.approx({name: found.get(name, 0.0) for name in wanted}, abs=1e-6), target["legendFormat"]
        assert set(found) <= names


async def test_versions_side_by_side_are_those_of_the_calls(known: Known, board_table: Rows) -> None:
    """Both mistakes, what is not known, compliance, task completion and escalation, for each version of the agents' policy."""
    await compared(
        known, board_table, "Policy versions side by side", lambda call: call.policy_version, lambda call, _: call.policy_version
    )


async def test_workflows_are_those_of_the_episodes(known: Known, board_table: Rows) -> None:
    """An episode counts in the workflow that its response was in."""
    await compared(known, board_table, "Where it happens", lambda call: call.workflow, lambda _, episode: episode.workflow)


async def test_calls_by_version_are_counted_by_sql(known: Known, board_table: Rows) -> None:
    """As many as there are `call` spans."""
    (target,) = PANELS["Calls by policy version"]["targets"]
    wanted, got = known.split("call", a.VOICE_AGENT_POLICY_VERSION), await known.ask(target["expr"])
    board_table.extend((f"Calls by policy version: {name}", str(count), f"{got.get(name, 0.0):.4g}") for name, count in wanted.items())

    assert Counter(record.policy_version for record in known.records) == wanted
    assert wanted == pytest.approx(got, abs=1e-6)


@pytest.mark.parametrize(("title", "name"), [("False interruption rate", "false"), ("Missed interruption rate", "missed")])
async def test_lines_are_the_table_over_time(title: str, name: str, known: Known) -> None:
    """Over a window that holds everything both say the same, and 1h is one that can be chosen."""
    (target,) = PANELS[title]["targets"]
    (cells,) = (each for each in PANELS["Policy versions side by side"]["targets"] if each["legendFormat"] == name)
    (choice,) = (each for each in BOARD["templating"]["list"] if each["name"] == "window")

    assert "1h" in choice["query"].split(",")
    assert await known.ask(target["expr"], window="1h") == pytest.approx(await known.ask(cells["expr"]))


def searched(titles: Iterable[str]) -> set[str]:
    return {title for title in titles if PANELS[title]["targets"][0]["datasource"]["type"] == "tempo"}


async def test_of_a_version_that_nobody_knows_nothing_is_shown(known: Known) -> None:
    """Every query of Prometheus is valid and empty; those of Tempo are asked in `test_tempo.py`."""
    assert {"Calls to review: false stops", "Calls to review: misses"} == searched(PANELS)
    for title in PANELS.keys() - searched(PANELS):
        for target in PANELS[title]["targets"]:
            assert {} == await known.ask(target["expr"], policy_version="nobody", window="1h"), title
