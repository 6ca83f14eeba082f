"""What counted wins over what judging anew would say; and both say the same where nothing came between them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from otel_voice_processor.accounts import HERE, PROCESSOR, Account, account_of
from otel_voice_processor.cli import main
from otel_voice_processor.files import Document, documents, events
from otel_voice_processor.model import CallRecord
from otel_voice_processor.recordings import Recordings

from tests.processor.conftest import Timeline, no_rule
from tests.processor.recorded import settled, told

SUMMARIES = {"voice.interruption.call", "voice.interruption.episode"}


def account(*lines: str) -> Account:
    held = Recordings()
    for line in lines:
        for document in documents(io.BytesIO(line.encode())):
            assert isinstance(document, Document)
            for each in events(document):
                assert [] == list(held.add(each.record))
    (recording,) = held.rest()
    return account_of(recording, no_rule, policy_version="p")


def call() -> Timeline:
    """A murmur that stops the agent, and a correction that it misses."""
    timeline = Timeline("call_1").started().speaks("r1", 1.0, 3.0, "interrupted").says("uh-huh", 2.6, 2.9, told=2.8)
    timeline.speaks("r2", 4.0, 9.0).says("no, I said Friday", 5.0, 6.0, told=5.5)
    return timeline.speaks("r3", 10.0, 12.0).ends(13.0, outcome="failed")


def test_a_call_comes_back_as_it_was_judged() -> None:
    """Summaries beside events give the record that the processor had."""
    record = call().record()
    found = account(told(call().events), settled(record))

    assert (PROCESSOR, True, (), frozenset(), frozenset()) == (
        found.judged_by,
        found.settled,
        found.differences,
        found.uncounted,
        found.unseen,
    )
    for ep, again in zip(record.episodes, found.record.episodes, strict=True):
        for name in ("span_id", "verdict", "reason", "compliance", "intent", "net_audio", "findings", "attempts", "silence_ms", "repeated"):
            assert getattr(ep, name) == getattr(again, name), name
    for name in ("workflow", "task_outcome", "escalated", "ended_by", "interrupted", "observable", "policy_version", "start_ns", "end_ns"):
        assert getattr(record, name) == getattr(found.record, name), name


@pytest.mark.parametrize(
    "change",
    [
        lambda record: replace(record, task_outcome="completed", escalated=True, ended_by="agent", interrupted="handled"),
        lambda record: replace(record, workflow="support", runtime="other", runtime_version="9", policy_version="p9", agent_name="x"),
        lambda record: replace(record, escalation_asked=True, judge_version="1999-01-01", observable=("speech",)),
    ],
)
def test_the_facts_of_the_calls_summary_win(change: Callable[[CallRecord], CallRecord]) -> None:
    """Each of them, over what its events would say."""
    counted = change(call().record())
    found = account(told(call().events), settled(counted)).record

    for name in ("workflow", "runtime", "runtime_version", "policy_version", "agent_name", "task_outcome", "escalated", "ended_by"):
        assert getattr(counted, name) == getattr(found, name), name
    for name in ("interrupted", "escalation_asked", "judge_version", "observable"):
        assert getattr(counted, name) == getattr(found, name), name


def test_an_episode_that_only_one_of_both_knows_is_a_difference() -> None:
    """One that did not count is not shown, one that counted is; both are told."""
    record = call().record()
    first, second = record.episodes
    found = account(told(call().events), settled(replace(record, episodes=(first,))))
    unseen = account(told(Timeline("call_1").started().ends(13.0).events), settled(record))

    assert [first.span_id] == [ep.span_id for ep in found.record.episodes]
    assert [(second.span_id, None, "missed_interruption")] == [(each.span_id, each.counted, each.here) for each in found.differences]
    assert {first.span_id, second.span_id} == unseen.unseen
    assert ["false_interruption", "missed_interruption"] == [ep.verdict for ep in unseen.record.episodes]


def test_the_calls_summary_knows_verdicts_whose_own_span_was_lost() -> None:
    """A sampler that dropped an episode's span does not change what counted."""
    record = call().record()
    first, second = record.episodes
    counted = replace(record, episodes=(first, replace(second, verdict="undetermined")))
    tree = json.loads(settled(counted))
    spans = tree["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans[:] = [span for span in spans if span["spanId"] != second.span_id.hex()]
    found = account(told(call().events), json.dumps(tree))

    assert ["false_interruption", "undetermined"] == [ep.verdict for ep in found.record.episodes]
    assert [("undetermined", "missed_interruption")] == [(each.counted, each.here) for each in found.differences]


def test_later_evidence_that_moved_an_onset_is_no_difference() -> None:
    """The episode is found by its response and its time, and keeps the id that counted."""
    record = call().record()
    first, *rest = record.episodes
    moved = replace(first, span_id=b"earlier!", start_ns=first.start_ns - 100_000_000)
    found = account(told(call().events), settled(replace(record, episodes=(moved, *rest))))

    assert (b"earlier!", ()) == (found.record.episodes[0].span_id, found.differences)
    assert "uh-huh" == found.record.episodes[0].stretch.text


def test_without_summaries_a_call_is_judged_here() -> None:
    """And it is said so."""
    found = account(told(call().events))

    assert (HERE, False) == (found.judged_by, found.settled)
    assert [(ep.span_id, ep.verdict) for ep in call().record().episodes] == [(ep.span_id, ep.verdict) for ep in found.record.episodes]


def _parted(path: Path, summaries: bool) -> str:
    """Return a copy of a file that has only the processor's summaries, or only the other spans."""
    out = path.with_name(f"{summaries}.jsonl")
    with path.open(encoding="utf-8") as lines, out.open("w", encoding="utf-8") as written:
        for line in lines:
            tree = json.loads(line)
            for group in tree["resourceSpans"]:
                for scoped in group["scopeSpans"]:
                    scoped["spans"] = [span for span in scoped["spans"] if (span["name"] in SUMMARIES) == summaries]
            written.write(json.dumps(tree) + "\n")
    return str(out)


def test_events_summaries_and_both_give_one_scorecard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every rate can be had from the exported spans alone, and judging anew what the processor judged comes to the same."""
    path = tmp_path / "calls.jsonl"
    assert 0 == main(["demo", "--calls", "20", "--file", str(path)])
    capsys.readouterr()
    reports: list[dict[str, Any]] = []
    for name in (str(path), _parted(path, True), _parted(path, False)):
        assert 0 == main(["report", name, "--json"])
        reports.append(json.loads(capsys.readouterr().out))
    both, summaries, told_only = reports

    assert (0, 0, both["calls"]) == (both["differing"], both["judged_here"], told_only["judged_here"])
    for other in (summaries, told_only):
        assert both["calls"] == other["calls"]
        assert both["interrupted"] == other["interrupted"]
        assert both["workflows"] == other["workflows"]
        for rate, again in zip(both["rates"], other["rates"], strict=True):
            assert [rate[key] for key in ("name", "numerator", "denominator", "value")] == [
                again[key] for key in ("name", "numerator", "denominator", "value")
            ]
