"""What the rules record, asked of a real Prometheus that a real processor pushed to: the counts are those of the calls."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from otel_voice_dashboards.rule_files import alert_groups
from otel_voice_dashboards.rules import groups
from otel_voice_dashboards.slo import Targets
from otel_voice_processor.model import CallRecord
from otel_voice_processor.simulate import simulate

from tests.peers.scored import scored
from tests.peers.servers import Prometheus, prometheus

pytestmark = pytest.mark.peers
KNOWN = {"completed", "failed", "abandoned"}
RAW = ("5m", "30m", "1h", "6h", "1d", "3d")  # all of them hold all that was counted
Counts = Counter[tuple[str, ...]]


def expected(records: list[CallRecord]) -> dict[str, Counts]:
    """Return what each count must be by workflow and version, or by runtime, told from the calls' records."""
    found: dict[str, Counts] = {}

    def add(name: str, key: tuple[str, ...], *, bad: bool, of: str) -> None:
        found.setdefault(of, Counter())[key] += 1
        found.setdefault(name, Counter())[key] += bad

    for record in records:
        call = (record.policy_version, record.workflow)
        if record.interrupted in {"handled", "mishandled"} and record.task_outcome in KNOWN:
            done = record.task_outcome == "completed"
            add("voice_interrupted_calls_incomplete", call, bad=not done, of="voice_interrupted_calls_known")
        if record.escalation_asked and record.escalated is not None:
            add("voice_escalations_not_happened", call, bad=not record.escalated, of="voice_escalations_asked")
        add("voice_calls_unseen", (record.runtime,), bad=record.observable == (), of="voice_calls_settled")
        for each in record.episodes:
            key = (record.policy_version, each.workflow)
            add("voice_interruption_undetermined", key, bad=each.verdict == "undetermined", of="voice_interruption_settled")
            if each.verdict != "undetermined" and each.net_audio == "stopped":
                add("voice_interruption_false", key, bad=each.verdict == "false_interruption", of="voice_interruption_stopped")
            if each.verdict != "undetermined" and each.intent == "yes":
                add("voice_interruption_missed", key, bad=each.verdict == "missed_interruption", of="voice_interruption_meant")
    return found


async def _asked(prom: Prometheus, expr: str, at_s: float) -> dict[tuple[str, ...], float]:
    found: Any = await asyncio.to_thread(prom.ask, "query", query=expr, time=f"{at_s:.3f}")
    return {tuple(value for _, value in sorted(each["metric"].items())): float(each["value"][1]) for each in found["result"]}


async def test_every_recorded_count_is_that_of_the_calls(tmp_path: Path) -> None:
    """By workflow and version, with a 0 where there was no mistake; and every alert's query is one that Prometheus answers."""
    with prometheus(tmp_path) as prom:
        async with scored(prom.endpoint) as one:
            scripts, records = list(simulate(7, 200)), []
            for at in (0, 100):  # counters grow twice
                records += await one.take(scripts[at : at + 100])
        at_s = await asyncio.to_thread(prom.newest_s)
        wanted = expected(records)
        raw = [rule for group in groups(Targets()) for rule in group.rules if "_total" in rule.expr]

        assert {rule.name.split(":")[1] for rule in raw} == set(wanted)
        assert any(0 in counts.values() for counts in wanted.values())
        by_name = {rule.name: rule.expr for rule in raw}
        for rule in raw:
            _, name, window = rule.name.split(":")
            assert window.removeprefix("increase") in RAW
            expr = re.sub(r"workflow_version:\S+|runtime:\S+", lambda found: f"({by_name[found[0]]})", rule.expr)  # nothing is recorded yet
            assert dict(wanted[name]) == pytest.approx(await _asked(prom, expr, at_s), abs=1e-6), rule.name
        fired = {
            alert.name
            for group in alert_groups(Targets()).values()
            for alert in group
            if await _asked(prom, alert.expr, time.time())  # and Prometheus takes each
        }

        assert {"OtelVoiceRecordingRulesMissing"} == fired
