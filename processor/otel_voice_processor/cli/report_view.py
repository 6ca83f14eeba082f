"""What a page shows of a report, in the words and bounds that fit a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_voice_processor.cli.answers import Answer
from otel_voice_processor.cli.sums import (
    counted_words,
    gap_words,
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
from otel_voice_processor.reviews import RANKED, WHY, Report, Review, Workflow

MOST_FLOWS: Final = 50
MOST_GAPS: Final = 20
EPISODES: Final = 5  # drawn of each call
EVENTS: Final = 200

Interval = tuple[float, float, float]  # left, width and the value's own place, in percent


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
    gaps: tuple[tuple[str, tuple[str, ...], str], ...]
    reviews: tuple[ReviewView, ...]
    reviews_caption: str
    footer: str


def report_view(report: Report, notes: Sequence[str] = ()) -> ReportView:
    """Return what a page shows of a report; `notes` are of how its files were read."""
    left = len(report.workflows) - MOST_FLOWS
    caption = f"{len(report.reviews)} of {report.to_review:,}, gravest first. Open one for its record."
    return ReportView(
        answer=report_answer(report),
        calls=some(report.calls, "call"),
        span=span(report),
        notes=(*remarks(report), *notes),
        too_few=TOO_FEW,
        ranked=RANKED,
        rates=tuple(map(_rate, report.rates)),
        flows=tuple(map(_flow, report.workflows[:MOST_FLOWS])),
        flows_left_out=f"{left:,} more are not shown." if left > 0 else "",
        gaps=tuple((gap_words(gap), tuple(map(short, gap.missing)), f"{gap.episodes:,}") for gap in report.gaps[:MOST_GAPS]),
        reviews=tuple(map(_review, report.reviews)),
        reviews_caption=caption if report.reviews else "Nothing: no interruption was mishandled or undetermined.",
        footer=f"{span(report)}.",
    )


def _rate(rate: Rate) -> RateView:
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
