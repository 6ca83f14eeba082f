"""The seven rates counted anew by SQL over exported spans alone: the processor's counters say the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
import zstandard
from otel_voice_processor.cli import main
from otel_voice_processor.model import TRACES
from otel_voice_processor.otlp_json import decode_request_json
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import Point
from otel_voice_processor.settling import Settled
from otel_voice_processor.simulate import LEVELS, events_of, simulate
from otel_voice_processor.summary import summary_request
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from tests.processor.oracle import START, book_of

S = 1_000_000_000
LOSSY = LEVELS["loss"]["5%"]


def settled_calls(calls: int) -> list[Settled]:
    """Simulated calls on evidence with holes in it, so that undetermined, unknown and absent all occur."""
    book, now = book_of(), START + 3_600 * S
    for script in simulate(2_000, calls):
        for event in events_of(script, start_ns=START, keep_text=True, impairments=LOSSY):
            book.add(event, now)
    return list(book.tick(now + 400 * S))


def total(points: Sequence[Point], name: str, **labels: str) -> int:
    """Return the sum of a counter's series with these labels, `|` between values."""
    found = 0
    for point in points:
        told = {key.rpartition(".")[2]: str(value).lower() for key, value in point.labels}
        if point.metric.name == name and all(told.get(key) in value.split("|") for key, value in labels.items()):
            found += point.value
    return found


def counters(settled: Sequence[Settled]) -> dict[str, tuple[int, int]]:
    """Return the rates as the processor's counters have them."""
    card = Scorecard(START)
    for item in settled:
        for episode in item.episodes:
            card.count_episode(episode, item.record, START + S)
        for episode in item.aftermaths:
            card.count_aftermath(episode, item.record, START + S)
        if item.whole:
            card.count_call(item.record, START + S)
    points = [point for point in card.points(START + 2 * S) if point.time_ns == START + 2 * S]
    known = "correct|false_interruption|missed_interruption"
    meant = total(points, m.INTERRUPTION_EPISODES, verdict=known, intent="yes")
    silences = [point for point in points if point.metric.name == m.INTERRUPTION_SILENCE_DURATION]
    touched = {"interrupted": "handled|mishandled"}
    return {
        "false_interruption": (
            total(points, m.INTERRUPTION_EPISODES, verdict="false_interruption", net_audio="stopped"),
            total(points, m.INTERRUPTION_EPISODES, verdict=known, net_audio="stopped"),
        ),
        "missed_interruption": (total(points, m.INTERRUPTION_EPISODES, verdict="missed_interruption"), meant),
        "resume_success": (
            total(points, m.INTERRUPTION_RESUMES, resume="clean"),
            total(points, m.INTERRUPTION_RESUMES, resume="clean|restarted|lost"),
        ),
        "repeated_speech": (total(points, m.INTERRUPTION_REPEATS), meant),
        "silence_after": (round(sum(point.total for point in silences) * 1000), sum(point.value for point in silences)),
        "task_completion": (
            total(points, m.CALLS, task_outcome="completed", **touched),
            total(points, m.CALLS, task_outcome="completed|failed|abandoned", **touched),
        ),
        "escalation": (total(points, m.CALLS, escalated="true", **touched), total(points, m.CALLS, escalated="true|false", **touched)),
    }


def test_sql_over_exported_spans_counts_what_the_processor_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2,000 simulated calls: each numerator and each denominator, also where every summary was delivered twice and a line is torn."""
    settled = settled_calls(2_000)
    bodies = [summary_request(item.episodes, item.record, whole=item.whole, instance="i") for item in settled]
    lines = [decode_request_json(body, TRACES) for body in bodies]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines) + '\n{"resourceSpans": [{"torn\n', encoding="utf-8")
    again = ("\n".join(lines[::-1]) + "\n").encode()
    (tmp_path / "calls-2026-11-28T15-04-05.000.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(again))
    assert 0 == main(["queries", "--sql"])

    connection = duckdb.connect()
    connection.execute("SET VARIABLE spans = ?", [str(tmp_path / "calls*.jsonl*")])
    found = connection.execute(capsys.readouterr().out).fetchall()

    assert counters(settled) == {rate: (numerator, denominator) for rate, numerator, denominator, *_ in found}
    assert all(0 < numerator and 20 <= denominator for _, numerator, denominator, *_ in found)
    assert a.VOICE_CALL_EPISODE_IDS == "voice.call.episode.ids"
