"""The board of one workflow, asked of a real Prometheus: each panel's counts are those of SQL over the exported spans."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from otel_voice_dashboards import RENDERED
from otel_voice_processor.model import Episode
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from tests.peers.known import Known
from tests.peers.test_board import column

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="session")]
BOARD = json.loads((RENDERED / "otel-voice-workflow.json").read_text(encoding="utf-8"))
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in BOARD["panels"]}
Rows = list[tuple[str, str, str]]
SPLITS = {  # panel: what is split by what
    "What callers did": ("episode", a.VOICE_CALLER_INPUT_CLASS),
    "What the audio did": ("episode", a.VOICE_INTERRUPTION_NET_AUDIO),
    "After a false stop": ("episode", a.VOICE_INTERRUPTION_RESUME),
    "Did the agent do what policy asked": ("episode", a.VOICE_INTERRUPTION_COMPLIANCE),
}


@pytest.mark.parametrize("title", SPLITS)
async def test_bars_are_the_spans_counted_by_sql(title: str, known: Known, board_table: Rows) -> None:
    """Over a window that holds everything, each colour is as high as there are spans with that value."""
    (target,) = PANELS[title]["targets"]
    got, wanted = await known.ask(target["expr"]), known.split(*SPLITS[title])
    board_table.extend((f"{title}: {name}", str(count), f"{got.get(name, 0.0):.4g}") for name, count in sorted(wanted.items()))

    assert len(wanted) > 1
    assert wanted == pytest.approx(got, abs=1e-6)
    assert target["legendFormat"] == f"{{{{{SPLITS[title][1].replace('.', '_')}}}}}"


async def test_failure_modes_are_those_of_episodes_and_of_calls(known: Known, board_table: Rows) -> None:
    """Findings stand on episodes; premature endpointing is a response's, which the call tells."""
    (target,) = PANELS["Failure modes"]["targets"]
    wanted = known.split("episode", a.VOICE_INTERRUPTION_FINDINGS)
    premature = sum(len(record.premature_endpointings) for record in known.records)
    wanted |= {"premature_endpointing": wanted.get("premature_endpointing", 0) + premature} if premature else {}
    got = await known.ask(target["expr"])
    board_table.extend((f"Failure modes: {name}", str(count), f"{got.get(name, 0.0):.4g}") for name, count in sorted(wanted.items()))

    assert len(wanted) > 3
    assert wanted == pytest.approx(got, abs=1e-6)


async def test_silence_timeouts_are_those_of_the_calls(known: Known, board_table: Rows) -> None:
    """By what the agent did then."""
    (target,) = PANELS["Silence timeouts"]["targets"]
    wanted = Counter(action for record in known.records for action in record.silence_timeouts)
    got = await known.ask(target["expr"])
    board_table.extend((f"Silence timeouts: {name}", str(count), f"{got.get(name, 0.0):.4g}") for name, count in sorted(wanted.items()))

    assert wanted
    assert dict(wanted) == pytest.approx(got, abs=1e-6)


@pytest.mark.parametrize("title", ["Silence after interruption", "Reaction to a right interruption"])
async def test_each_row_of_a_heatmap_is_what_lies_between_its_edges(title: str, known: Known, board_table: Rows) -> None:
    """Buckets hold what stayed at or below their edge, the last one all."""
    silence = title.startswith("Silence")
    metric = m.METRICS[m.INTERRUPTION_SILENCE_DURATION if silence else m.INTERRUPTION_REACTION_DURATION]
    values = [each.silence_ms if silence else each.reaction_ms for each in known.episodes]
    seconds = [value / 1000 for value in values if value is not None]
    (target,) = PANELS[title]["targets"]
    got = {float(edge): count for edge, count in (await known.ask(target["expr"])).items()}
    wanted = {edge: sum(value <= edge for value in seconds) for edge in (*metric.buckets, float("inf"))}
    board_table.extend((f"{title}: up to {edge:g} s", str(count), f"{got.get(edge, 0.0):.4g}") for edge, count in wanted.items())

    assert target["format"] == "heatmap"
    assert wanted == pytest.approx(got, abs=1e-6)


async def test_the_table_has_a_row_for_each_message_type(known: Known, board_table: Rows) -> None:
    """Counts and rates of each; a type without a miss shows 0, one without a stop to judge shows nothing."""
    groups = {
        name: [each for each in known.episodes if each.message_type == name] for name in {each.message_type for each in known.episodes}
    }
    for target in PANELS["By message type"]["targets"]:
        name, found = target["legendFormat"], await known.ask(target["expr"])
        wanted = {kind: value for kind, group in groups.items() if (value := _cell(name, group)) is not None}
        board_table.extend((f"{kind}: {name}", f"{value:.4g}", f"{found.get(kind, 0.0):.4g}") for kind, value in sorted(wanted.items()))
        assert wanted == pytest.approx({kind: found.get(kind, 0.0) for kind in wanted}, abs=1e-6), name


def _cell(name: str, group: list[Episode]) -> float | None:
    determined = [each for each in group if each.verdict != "undetermined"]
    if name == "stops judged":
        return sum(each.net_audio == "stopped" for each in determined)
    if name == "meant":
        return sum(each.intent == "yes" for each in determined)
    if name == "protected misses":
        return sum(each.verdict == "missed_interruption" and each.protected for each in group)
    return column(name, group)


async def test_of_a_workflow_that_nobody_knows_nothing_is_shown(known: Known) -> None:
    """Every query is valid and empty, not zero per cent."""
    for title, panel in PANELS.items():
        for target in panel["targets"]:
            assert {} == await known.ask(target["expr"], workflow="nobody"), title


async def test_every_panel_is_asked() -> None:
    """No panel without an expectation."""
    others = {"Failure modes", "Silence timeouts", "By message type", "Silence after interruption", "Reaction to a right interruption"}

    assert {*SPLITS, *others} == set(PANELS)
