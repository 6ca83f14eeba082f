"""The policy in force and the next one: what a failing rule costs, and which policy ruled what."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otel_voice_processor import pipeline as pipelines
from otel_voice_processor.calls import CallBook
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.policy_in_force import PolicyInForce
from otel_voice_processor.service import root_ids
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.testing import request_of

from otel_voice.policy import Policy, load_default, load_policy

RELOADS = "otel_voice_processor_policy_reloads"
S = 1_000_000_000


def of(folder: Path, version: str, more: str = "") -> Policy:
    path = folder / f"{version}.yaml"
    path.write_text(f"version: {version}\nextends: default\n{more}", encoding="utf-8")
    return load_policy(path)


def ruled(body: bytes) -> list[dict[str, str]]:
    spans = [s for g in ExportTraceServiceRequest.FromString(body).resource_spans for scoped in g.scope_spans for s in scoped.spans]
    return [{pair.key: pair.value.string_value for pair in span.attributes} for span in spans]


async def test_a_request_is_ruled_by_one_policy(tmp_path: Path, timeline: Any) -> None:
    """A switch in the middle of a large one is for the next one."""
    one = Pipeline(of(tmp_path, "first"), Counters())
    call = timeline("c").started()
    for number in range(900):
        call.says(f"no {number}", 20.0 * number, 20.0 * number + 1)
    body = request_of(call.events)
    working = asyncio.create_task(one.process(body))
    await asyncio.sleep(0)
    one.switch(of(tmp_path, "second"))
    assert not working.done()
    first, second = await working, await one.process(body)

    assert {"first"} == {facts["voice.policy.version"] for facts in ruled(first.body)}
    assert {"second"} == {facts["voice.policy.version"] for facts in ruled(second.body)}


async def test_a_rule_that_raises_costs_its_ruling_and_nothing_else(timeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event goes on, marked with the policy and without a ruling, and is joined; it is counted."""
    policy, counters = load_default(), Counters()
    one = Pipeline(policy, counters)
    call = timeline("c").started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).ends(12.0)
    whole = await one.process(request_of(call.events))

    def failing(candidate: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(pipelines, "decide", lambda policy, candidate: failing(candidate))
    processed = await one.process(request_of(call.events))
    book = CallBook(one.rule, policy.version, root_ids)

    assert len(call.events) == len(processed.events) == len(whole.events)
    assert any("voice.policy.action" in facts for facts in ruled(whole.body))
    assert not any("voice.policy.action" in facts for facts in ruled(processed.body))
    assert {policy.version} == {facts["voice.policy.version"] for facts in ruled(processed.body)}
    assert ["joined"] * len(call.events) == [book.add(event, event.time_ns) for event in processed.events]
    (settled,) = book.settle_all(call.events[-1].time_ns)
    (episode,) = settled.record.episodes
    assert ("missed_interruption", None) == (episode.verdict, episode.ruling)
    assert 2 <= counters.get("otel_voice_processor_policy_failures")


def test_a_call_settles_by_one_policy(tmp_path: Path, timeline: Any) -> None:
    """Its rule and the version it is told under are switched in one step, and a join that has begun keeps both."""
    first, second = of(tmp_path, "first"), of(tmp_path, "second")
    one = Pipeline(first, Counters())
    book = CallBook(lambda facts: one.rule_by(first, facts), "first", root_ids)
    call = timeline("c").started().speaks("r1", 1.0, 9.0).says("no the wrong date", 3.0, 4.0).ends(12.0)
    for event in call.events:
        book.add(event, event.time_ns)
    (due,) = book.everything(call.events[-1].time_ns)
    before, _ = book.join(due)
    book.rule_by(lambda facts: one.rule_by(second, facts), "second")
    after, _ = book.join(due)

    for settled, version in ((before, "first"), (after, "second")):
        (episode,) = settled.record.episodes
        assert episode.ruling is not None
        assert (version, version) == (settled.record.processor_policy_version, episode.ruling.policy_version)


async def test_the_default_is_replaced_by_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Without a file there is nothing to read again."""
    counters = Counters()
    force = PolicyInForce(load_default(), None, counters, lambda policy: None, lambda: 0)
    with caplog.at_level(logging.INFO):
        assert not await force.read_again()

    assert "no policy file is named: the default policy stays" in caplog.text
    assert 0 == counters.total(RELOADS)
    assert {"version": load_default().version, "file": None, "loaded": "1970-01-01T00:00:00+00:00"} == force.told()


async def test_rules_that_change_under_the_same_version_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They rule, and nobody can tell them apart: a warning says so. The same file once more is no news."""
    policy = of(tmp_path, "same")
    force = PolicyInForce(policy, str(tmp_path / "same.yaml"), Counters(), lambda policy: None, lambda: 0)
    assert await force.read_again()
    assert "its version has not" not in caplog.text
    of(tmp_path, "same", "defaults: {grace_ms: 300}\n")
    assert await force.read_again()

    assert "the policy's rules have changed and its version has not" in caplog.text


async def test_a_defect_of_ours_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever loading raises: the policy in force stays, counted as refused."""
    switched: list[Policy] = []
    counters = Counters()
    policy = of(tmp_path, "first")
    force = PolicyInForce(policy, str(tmp_path / "first.yaml"), counters, switched.append, lambda: 0)
    monkeypatch.setattr("otel_voice_processor.policy_in_force.load_policy", lambda path: 1 // 0)

    assert not await force.read_again()
    assert (1, []) == (counters.get(RELOADS, outcome="refused"), switched)
    assert [f"{tmp_path}/first.yaml: cannot be read: ZeroDivisionError"] == force.told()["problems"]
