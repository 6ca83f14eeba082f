"""What a page shows of a report, in the words and bounds that fit a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from otel_voice_processor.behind import Behind, Calls
from otel_voice_processor.cli.answers import Answer
from otel_voice_processor.cli.sums import (
    counted_words,
    gap_words,
    parts_of,
    range_words,
    remarks,
    report_answer,
    share_words,
    some,
    span,
    value_words,
)
from otel_voice_processor.cli.views import CallView, call_view
from otel_voice_processor.cli.words import short
from otel_voice_processor.rates import TOO_FEW, Rate
from otel_voice_processor.reviews import RANKED, WHY, Gap, Report, Review, Workflow

MOST_FLOWS: Final = 50
MOST_GAPS: Final = 20
EPISODES: Final = 5  # drawn of each call
EVENTS: Final = 200

Interval = tuple[float, float, float]  # left, width and the value's own place, in percent


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsView:
    """Calls behind a figure: what they have in common, each with the place of its record on the page, if it has one."""

    words: str
    calls: tuple[tuple[str, str], ...]
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateView:
    """One row of the scorecard."""

    title: str
    note: str
    value: str
    range: str
    bar: Interval | None
    counted: str
    undetermined: str
    few: bool
    behind: tuple[CallsView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowView:
    """One workflow."""

    name: str
    calls: str
    wrong: str
    share: str
    bar: Interval | None
    fired: str
    missed: str
    undetermined: str
    few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GapView:
    """Why some is undetermined."""

    words: str
    missing: tuple[str, ...]
    count: str
    behind: CallsView


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """One call to review, with its record."""

    why: str
    also: str
    workflow: str
    shown: CallView


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """All of it."""

    answer: Answer
    calls: str
    span: str
    notes: tuple[str, ...]
    too_few: int
    ranked: int
    rates: tuple[RateView, ...]
    flows: tuple[FlowView, ...]
    flows_left_out: str
    gaps: tuple[GapView, ...]
    reviews: tuple[ReviewView, ...]
    reviews_caption: str
    footer: str


def report_view(report: Report, notes: Sequence[str] = ()) -> ReportView:
    """Return what a page shows of a report; `notes` are of how its files were read."""
    left = len(report.workflows) - MOST_FLOWS
    places = {review.account.record.call_id: f"review-{number}" for number, review in enumerate(report.reviews, 1)}
    caption = f"{len(report.reviews)} of {report.to_review:,}, gravest first."
    return ReportView(
        answer=report_answer(report),
        calls=some(report.calls, "call"),
        span=span(report),
        notes=(*remarks(report), *notes),
        too_few=TOO_FEW,
        ranked=RANKED,
        rates=tuple(_rate(each, report.behind[each.name], places) for each in report.rates),
        flows=tuple(map(_flow, report.workflows[:MOST_FLOWS])),
        flows_left_out=f"{left:,} more are not shown." if left > 0 else "",
        gaps=tuple(_gap(each, places) for each in report.gaps[:MOST_GAPS]),
        reviews=tuple(map(_review, report.reviews)),
        reviews_caption=caption if report.reviews else "Nothing: no interruption was mishandled or undetermined.",
        footer=f"{span(report)}.",
    )


def _calls(words: str, calls: Calls, places: Mapping[str, str]) -> CallsView:
    left = calls.count - len(calls.ids)
    return CallsView(
        words=f"{words}, {some(calls.count, 'call')}",
        calls=tuple((short(each, 60), places.get(each, "")) for each in calls.ids),
        more=f"and {left:,} more: `--calls` names all" if left else "",
    )


def _gap(gap: Gap, places: Mapping[str, str]) -> GapView:
    behind = _calls("These interruptions", gap.calls, places)
    return GapView(words=gap_words(gap), missing=tuple(map(short, gap.missing)), count=f"{gap.episodes:,}", behind=behind)


def _rate(rate: Rate, behind: Behind, places: Mapping[str, str]) -> RateView:
    share = rate.unit == "ratio"
    return RateView(
        title=rate.title,
        note=rate.note,
        value=value_words(rate),
        range=range_words(rate),
        bar=_interval(rate.low, rate.high, rate.value) if share else None,
        counted=counted_words(rate),
        undetermined=f"{rate.undetermined:,}",
        few=rate.denominator < TOO_FEW,
        behind=tuple(_calls(words, calls, places) for words, calls in parts_of(rate, behind) if calls.count),
    )


def _flow(flow: Workflow) -> FlowView:
    return FlowView(
        name=short(flow.name, 60),
        calls=f"{flow.calls:,}",
        wrong=f"{flow.wrong:,}/{flow.determined:,}",
        share=share_words(flow),
        bar=_interval(flow.low, flow.high, flow.wrong / flow.determined if flow.determined else None),
        fired=f"{flow.false:,}/{flow.stopped:,}",
        missed=f"{flow.missed:,}/{flow.meant:,}",
        undetermined=f"{flow.undetermined:,}",
        few=flow.too_few,
    )


def _interval(low: float | None, high: float | None, value: float | None) -> Interval | None:
    if low is None or high is None or value is None:
        return None
    return round(100 * low, 1), round(100 * (high - low), 1), round(100 * value, 1)


def _review(review: Review) -> ReviewView:
    record = review.account.record
    view = call_view(review.account, most=EPISODES, events=EVENTS)
    also = "; ".join(WHY[name] for name in review.also)
    return ReviewView(why=WHY[review.why], also=also, workflow=short(record.workflow, 60), shown=view)
