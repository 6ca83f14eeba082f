"""Every query of the boards, run against a real Prometheus: the value is the one that is known from the calls themselves."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import duckdb
import pytest
from otel_voice_dashboards import RENDERED
from otel_voice_processor.model import Episode
from otel_voice_processor.rates import rates
from otel_voice_schema import metrics as m

from tests.peers.known import Known

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="session")]
BOARD = json.loads((RENDERED / "otel-voice-overview.json").read_text(encoding="utf-8"))
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in BOARD["panels"]}
Rows = list[tuple[str, str, str]]


def expected(known: Known) -> dict[str, list[float | None]]:
    """Return what the stats must show, target by target: rates from the calls' records, false stops and misses from their truth."""
    by_name = {rate.name: rate for rate in rates(known.records)}
    episodes, records = known.episodes, known.records
    happened = [each.verdict for script in known.scripts for each in script.truth.interruptions]
    unsure = sum(each.verdict == "undetermined" for each in episodes)

    def of(name: str) -> list[float | None]:
        return [by_name[name].value, by_name[name].denominator]

    paused = sum(each.verdict == "false_interruption" and each.net_audio == "paused_resumed" for each in episodes)
    protected = sum(each.verdict == "missed_interruption" and each.protected for each in episodes)
    missed = happened.count("missed_interruption")
    assert missed == by_name["missed_interruption"].numerator, "the simulator's truth"
    assert happened.count("false_interruption") == by_name["false_interruption"].numerator + paused, "the simulator's truth"
    return {
        "False interruption rate": [*of("false_interruption"), paused, unsure],
        "Missed interruption rate": [*of("missed_interruption"), protected, unsure],
        "Resume success rate": [*of("resume_success"), by_name["resume_success"].undetermined],
        "Repeated user speech rate": [*of("repeated_speech"), unsure],
        "Task completion after interruption": [*of("task_completion"), by_name["task_completion"].undetermined],
        "Escalation after interruption": [*of("escalation"), by_name["escalation"].undetermined],
        "Undetermined": [unsure / len(episodes), len(episodes)],
        "Calls": [
            len(records),
            sum(record.observable == () for record in records),
            sum(len(record.silence_timeouts) for record in records),
            sum(len(record.turn_overlaps) for record in records),
        ],
    }


async def test_every_stat_shows_what_is_known(known: Known, board_table: Rows) -> None:
    """Exactly, at the newest sample: there Prometheus extrapolates nothing."""
    for title, values in expected(known).items():
        targets = PANELS[title]["targets"]
        assert len(values) == len(targets)
        for target, value in zip(targets, values, strict=True):
            found = await known.ask(target["expr"])
            got = next(iter(found.values()), 0.0)
            board_table.append((f"{title}: {target['legendFormat']}", f"{value:.4g}", f"{got:.4g}"))
            assert got == pytest.approx(value, abs=1e-6), (title, target["legendFormat"])


async def test_sql_over_the_exported_spans_says_what_the_board_says(known: Known, board_table: Rows) -> None:
    """Every rate twice: counted anew from `episode` and `call` spans in the file, and by the board's PromQL over the metrics."""
    connection = duckdb.connect()
    connection.execute("SET VARIABLE spans = ?", [str(known.spans)])
    sql = files("otel_voice_processor").joinpath("data/rates.sql").read_text(encoding="utf-8")
    counted = {rate: value for rate, _, _, value, _ in connection.execute(sql).fetchall()}
    titles = ("False interruption rate", "Missed interruption rate", "Resume success rate", "Repeated user speech rate")
    names = ("false_interruption", "missed_interruption", "resume_success", "repeated_speech", "task_completion", "escalation")
    for title, name in zip((*titles, "Task completion after interruption", "Escalation after interruption"), names, strict=True):
        shown = next(iter((await known.ask(PANELS[title]["targets"][0]["expr"])).values()))
        board_table.append((f"{title}: SQL over the spans", f"{counted[name]:.4g}", f"{shown:.4g}"))
        assert shown == pytest.approx(counted[name], rel=1e-6)
    silences, how_many = (m.INTERRUPTION_SILENCE_DURATION.replace(".", "_") + f"_seconds_{part}" for part in ("sum", "count"))
    mean = next(iter((await known.ask(f"sum({silences}) / sum({how_many})")).values()))

    assert mean * 1000 == pytest.approx(counted["silence_after"], rel=1e-6)


async def test_silence_is_between_its_bucket_s_edges(known: Known, board_table: Rows) -> None:
    """A quantile of a histogram is as exact as its buckets: within the one that the known value lies in."""
    rate = next(each for each in rates(known.records) if each.name.startswith("silence"))
    value, answered, never = [await known.ask(target["expr"]) for target in PANELS["Silence after interruption, p95"]["targets"]]
    silences = sorted(each.silence_ms / 1000 for each in known.episodes if each.silence_ms is not None)
    got = next(iter(value.values()))
    board_table.append(("Silence after interruption, p95", f"{silences[int(0.95 * len(silences))]:.3g}", f"{got:.3g}"))

    assert len(silences) == pytest.approx(next(iter(answered.values())))
    assert sum(each.answered is False and each.silence_ms is None for each in known.episodes) == pytest.approx(sum(never.values()))
    assert rate.denominator == len(silences)
    assert silences[int(0.95 * len(silences)) - 4] * 0.6 <= got <= silences[-1]


def column(name: str, group: list[Episode]) -> float | None:
    """Return what a table's cell must show, None where there is nothing to divide by."""
    determined = [each for each in group if each.verdict != "undetermined"]
    stopped = [each for each in determined if each.net_audio == "stopped"]
    meant = [each for each in determined if each.intent == "yes"]
    if name == "episodes":
        return len(group)
    if name == "undetermined":
        return len(group) - len(determined)
    if name == "false":
        return sum(each.verdict == "false_interruption" for each in stopped) / len(stopped) if stopped else None
    return sum(each.verdict == "missed_interruption" for each in meant) / len(meant) if meant else None


@pytest.mark.parametrize("title", ["Silence after interruption", "Reaction to a right interruption"])
async def test_quantiles_over_time_are_within_their_bucket(title: str, known: Known, board_table: Rows) -> None:
    """Over a window that holds everything; the known value and the shown one lie between the same two edges."""
    metric = m.METRICS[m.INTERRUPTION_SILENCE_DURATION if title.startswith("Silence") else m.INTERRUPTION_REACTION_DURATION]
    values = [each.silence_ms if title.startswith("Silence") else each.reaction_ms for each in known.episodes]
    sorted_s = sorted(value / 1000 for value in values if value is not None)
    for target in PANELS[title]["targets"]:
        share = int(target["legendFormat"].removeprefix("p")) / 100
        wanted = sorted_s[math.ceil(share * len(sorted_s)) - 1]
        (got,) = (await known.ask(target["expr"])).values()
        board_table.append((f"{title}: {target['legendFormat']}", f"{wanted:.3g}", f"{got:.3g}"))
        edges = [0.0, *metric.buckets, math.inf]
        low = max(edge for edge in edges if edge < wanted)
        assert low <= got <= min(edge for edge in edges if edge >= wanted)


async def test_bars_add_up_and_tables_split(known: Known, board_table: Rows) -> None:
    """Over a window that holds everything, bars show the counts, and a table's rows are those of each label."""
    verdicts: dict[str, Callable[[Episode], bool]] = {
        "stopped for good": lambda each: each.verdict == "false_interruption" and each.net_audio == "stopped",
        "paused, resumed": lambda each: each.verdict == "false_interruption" and each.net_audio == "paused_resumed",
        "missed": lambda each: each.verdict == "missed_interruption" and not each.protected,
        "missed, protected": lambda each: each.verdict == "missed_interruption" and each.protected,
        "correct": lambda each: each.verdict == "correct",
        "false": lambda each: each.verdict == "false_interruption",
        "undetermined": lambda each: each.verdict == "undetermined",
    }
    for title in ("Stops the caller did not mean", "Interruptions the agent missed", "All verdicts"):
        for target in PANELS[title]["targets"]:
            wanted = sum(
                verdicts[target["legendFormat"]](each)
                or (title == "All verdicts" and target["legendFormat"] == "missed" and each.verdict == "missed_interruption")
                for each in known.episodes
            )
            got = sum((await known.ask(target["expr"])).values())
            board_table.append((f"{title}: {target['legendFormat']}", str(wanted), f"{got:.4g}"))
            assert got == pytest.approx(wanted, abs=1e-6)
    versions = {record.call_id: record.policy_version for record in known.records}
    splits: dict[str, Callable[[Episode], str]] = {
        "By message type": lambda each: each.message_type,
        "By the agent's policy version": lambda each: versions[each.call_id],
    }
    for title, of in splits.items():
        groups = {name: [each for each in known.episodes if of(each) == name] for name in {of(each) for each in known.episodes}}
        for target in PANELS[title]["targets"]:
            found = await known.ask(target["expr"])
            wanted = {name: value for name, group in groups.items() if (value := column(target["legendFormat"], group)) is not None}
            for name, value in wanted.items():
                board_table.append((f"{title}: {name}: {target['legendFormat']}", f"{value:.4g}", f"{found.get(name, 0.0):.4g}"))
            assert wanted == pytest.approx({name: found.get(name, 0.0) for name in wanted}, abs=1e-6)
            assert set(found) <= set(groups)


async def test_one_single_event_and_a_zero_numerator(known: Known, board_table: Rows) -> None:
    """In a workflow with one miss: missed 1 of 1, no false stop to divide by, repeats 0 or 1 of 1, never an error."""
    missed = await known.ask(PANELS["Missed interruption rate"]["targets"][0]["expr"], workflow="rare")
    false = await known.ask(PANELS["False interruption rate"]["targets"][0]["expr"], workflow="rare")
    unsure = await known.ask(PANELS["Undetermined"]["targets"][0]["expr"], workflow="rare")
    board_table.append(("one miss alone: missed interruption rate", "1", f"{next(iter(missed.values())):.4g}"))
    board_table.append(("one miss alone: undetermined", "0", f"{next(iter(unsure.values())):.4g}"))

    assert [1.0] == [pytest.approx(value) for value in missed.values()]
    assert {} == false
    assert [0.0] == list(unsure.values())


async def test_a_message_type_leaves_calls_as_they_are(known: Known) -> None:
    """A call has none: panels about calls say the same, those about interruptions say less."""
    for title in ("Task completion after interruption", "Escalation after interruption", "Calls"):
        for target in PANELS[title]["targets"]:
            if "turn overlaps" not in target["legendFormat"]:
                assert await known.ask(target["expr"]) == await known.ask(target["expr"], message_type="disclosure"), title
    counted = PANELS["Undetermined"]["targets"][1]["expr"]
    (every,) = (await known.ask(counted)).values()
    (some,) = (await known.ask(counted, message_type="disclosure")).values()

    assert 0 < some < every


async def test_no_calls_at_all_is_nothing_and_no_error(known: Known) -> None:
    """Each query of the board is valid, and of a workflow that nobody knows it shows nothing, not zero per cent."""
    for title, panel in PANELS.items():
        for target in panel["targets"]:
            found = await known.ask(target["expr"], workflow="nobody")
            assert not found or "histogram_quantile" in target["expr"], title


async def test_variables_offer_what_is_there(known: Known) -> None:
    """Each filter's values are those of the calls."""
    for variable in BOARD["templating"]["list"][1:]:
        metric, name = variable["query"].removeprefix("label_values(").removesuffix(")").split(", ")
        values = await asyncio.to_thread(known.prom.ask, f"label/{name}/values", **{"match[]": metric, "start": str(time.time() - 3600)})
        assert values, variable["name"]
        if variable["name"] == "workflow":
            assert {record.workflow for record in known.records} == set(values)


async def test_in_between_two_samples_only_the_end_is_extrapolated(known: Known) -> None:
    """Half a push after the newest sample, counts are at most half a push's growth too high: under 3 % of these."""
    target = PANELS["Undetermined"]["targets"][1]
    late = replace(known, at_s=known.at_s + 0.5)
    (got,) = (await late.ask(target["expr"])).values()

    assert len(known.episodes) <= got <= len(known.episodes) * 1.2


async def test_the_panels_are_all_asked(known: Known) -> None:
    """No panel without an expectation."""
    stats = {title for title, panel in PANELS.items() if panel["type"] == "stat"}
    others = {"Stops the caller did not mean", "Interruptions the agent missed", "All verdicts", "By message type"}
    others |= {"By the agent's policy version", "Silence after interruption", "Reaction to a right interruption"}

    assert stats == {*expected(known), "Silence after interruption, p95"}
    assert stats | others == set(PANELS)
