"""Which calls are reviewed first, and which workflow is worst."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from otel_voice_processor.accounts import HERE, Account
from otel_voice_processor.model import CallRecord
from otel_voice_processor.reviews import RANKED, WHY, Reporting, Workflow, reasons, worst_first

from tests.processor.conftest import Timeline


def interrupted(call_id: str = "call_1", *, said: str = "no, Friday", stop: float | None = None, **ended: Any) -> CallRecord:
    """The caller speaks at 2 s; the agent stops at `stop`, or plays to its end at 8 s, and speaks again a second later."""
    call = Timeline(call_id).started().speaks("r1", 1.0, stop or 8.0, "completed" if stop is None else "interrupted")
    call.says(said, 2.0, 2.8, told=2.3)
    return call.speaks("r2", (stop or 8.0) + 1.0, (stop or 8.0) + 2.0).ends(20.0, **ended).record()


def changed(record: CallRecord, **changes: Any) -> CallRecord:
    return replace(record, episodes=tuple(replace(ep, **changes) for ep in record.episodes))


def account(record: CallRecord) -> Account:
    return Account(record=record, events=(), judged_by=HERE, settled=False)


def with_audio(record: CallRecord) -> CallRecord:
    (ep,) = record.episodes
    heard = replace(ep.stretches[0], attributes={"voice.evidence.audio_ref": "s3://a"})
    return replace(record, episodes=(replace(ep, stretches=(heard,)),))


MISSED = interrupted()
RIGHT = interrupted(stop=2.4)
UNDETERMINED = changed(RIGHT, verdict="undetermined", intent="unknown")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (interrupted(outcome="failed"), "task_failed"),
        (interrupted(escalated=True), "task_failed"),
        (replace(interrupted(escalated=True), escalation_asked=True), "mishandled"),
        (changed(MISSED, repeated=True), "said_again"),
        (changed(MISSED, attempts=2), "said_again"),
        (changed(RIGHT, findings=("required_content_cut",)), "required_content_cut"),
        (changed(RIGHT, silence_ms=3_000), "dead_air"),
        (changed(RIGHT, answered=False), "dead_air"),
        (MISSED, "mishandled"),
        (interrupted(said="uh-huh", stop=2.4), "mishandled"),
        (changed(MISSED, protected=True), "lesser"),
        (changed(RIGHT, verdict="false_interruption", net_audio="paused_resumed"), "lesser"),
        (with_audio(UNDETERMINED), "undetermined_with_audio"),
        (UNDETERMINED, "undetermined"),
        (RIGHT, None),
        (interrupted(stop=2.4, outcome="failed"), None),
    ],
)
def test_the_gravest_reason_counts(record: CallRecord, expected: str | None) -> None:
    """A call is reviewed for what its caller felt worst; one that went right is not, whatever became of its task."""
    assert expected == next(iter(reasons(record)), None)


def test_a_call_is_here_for_more_than_its_gravest_reason() -> None:
    """What cannot be told is not hidden behind a lesser mistake; that it was mishandled is said once."""
    lesser = changed(MISSED, protected=True)
    both = replace(lesser, episodes=(*lesser.episodes, *with_audio(UNDETERMINED).episodes, *UNDETERMINED.episodes))
    found = []
    for record in (both, changed(MISSED, repeated=True, answered=False, net_audio="stopped")):
        reporting = Reporting()
        reporting.add(account(record))
        found += [(review.why, review.also) for review in reporting.report().reviews]

    assert [("lesser", ("undetermined_with_audio",)), ("said_again", ("dead_air",))] == found


def test_reviews_are_ordered_by_reason_and_then_by_how_much_went_wrong() -> None:
    """Whatever order the calls come in; no more than asked for are kept, all are counted."""
    records = [
        replace(UNDETERMINED, call_id="e"),
        replace(MISSED, call_id="d"),
        replace(changed(MISSED, silence_ms=900), call_id="c"),
        replace(MISSED, call_id="b", episodes=MISSED.episodes * 2),
        replace(interrupted(outcome="failed"), call_id="a"),
        replace(RIGHT, call_id="f"),
    ]
    for order in (records, records[::-1]):
        reporting = Reporting(top=4)
        for record in order:
            reporting.add(account(record))
        report = reporting.report()

        assert ["a", "b", "c", "d"] == [review.account.record.call_id for review in report.reviews]
        assert (5, 6) == (report.to_review, report.calls)


def flow(name: str, wrong: int, determined: int) -> Workflow:
    reporting = Reporting()
    for number in range(determined):
        record = MISSED if number < wrong else RIGHT
        reporting.add(account(replace(changed(record, workflow=name), workflow=name)))
    (found,) = reporting.report().workflows
    return found


def test_one_of_one_does_not_top_the_list() -> None:
    """Workflows stand by what their share is at least; those with too few counted behind the others, by the same."""
    flows = [
        flow("once", 1, 1),
        flow("half", 20, 40),
        flow("all_of_few", RANKED - 1, RANKED - 1),
        flow("rare", 1, 40),
        flow("never", 0, 40),
    ]

    assert ["half", "rare", "never", "all_of_few", "once"] == [each.name for each in worst_first(flows)]
    assert (20, 40, 40, False) == (flows[1].wrong, flows[1].determined, flows[1].meant, flows[1].too_few)
    assert flows[0].too_few


def test_what_is_undetermined_is_counted_by_what_is_missing() -> None:
    """The same reason with the same missing facts is one line."""
    reporting = Reporting()
    for missing in (("a",), ("b",), ("a",)):
        reporting.add(account(changed(UNDETERMINED, reason="intent_unknown", missing=missing)))

    assert [(("a",), 2), (("b",), 1)] == [(gap.missing, gap.episodes) for gap in reporting.report().gaps]


def test_every_reason_is_in_the_readme() -> None:
    """In the order of review, in the same words."""
    readme = (Path(__file__).parents[2] / "processor/README.md").read_text(encoding="utf-8")
    table = "\n".join(f"| `{name}` | {words} |" for name, words in WHY.items())

    assert table in readme
