"""A report on a terminal: the answer, the scorecard, workflows worst first, what is undetermined, and what to review first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_voice_processor.cli.answers import STYLES, answer
from otel_voice_processor.cli.show import render_scorecard
from otel_voice_processor.cli.sums import gap_words, remarks, report_answer, share_words, some, span
from otel_voice_processor.cli.words import short
from otel_voice_processor.reviews import RANKED, WHY, Gap, Report, Review, Workflow

MOST_FLOWS = 10  # workflows on a terminal
MOST_GAPS = 8
INDENT = 4


def render_report(report: Report, notes: Sequence[str] = (), *, width: int = 100) -> RenderableType:
    """Return a report within `width` columns, legible without colour."""
    told = report_answer(report)
    first = Text("\n".join(textwrap.wrap(told.whole, width)))
    first.stylize(STYLES[told.tone], max(0, len(first.plain) - len(told.verdict or told.line)))
    parts: list[RenderableType] = [first, Text(), Text(f"{some(report.calls, 'call')}, {span(report)}", style="bold")]
    parts += [Text(textwrap.fill(line, width), style="yellow") for line in (*remarks(report), *notes)]
    parts += [Text(), render_scorecard(report.rates, calls=report.calls), Text(), _workflows(report.workflows)]
    if report.gaps:
        parts += [Text(), _gaps(report.gaps, width)]
    parts += [Text(), _reviews(report, width)]
    return Group(*parts)


def _workflows(workflows: Sequence[Workflow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="Workflows, worst first", title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("Workflow", overflow="fold")
    for name in ("Calls", "Wrong", "Share (95 %)", "Fired", "Missed", "Undet."):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for flow in workflows[:MOST_FLOWS]:
        fired, missed = f"{flow.false:,}/{flow.stopped:,}", f"{flow.missed:,}/{flow.meant:,}"
        wrong = f"{flow.wrong:,}/{flow.determined:,}"
        few = "too few" if flow.too_few else ""
        table.add_row(short(flow.name, 60), f"{flow.calls:,}", wrong, share_words(flow), fired, missed, f"{flow.undetermined:,}", few)
    left = len(workflows) - MOST_FLOWS
    more = f"\n{left} more workflows: `--json` and `--html` have all." if left > 0 else ""
    table.caption = f"By what the share of wrong is at least; those with fewer than {RANKED} counted stand behind the others.{more}"
    table.caption_justify = "left"
    return table


def _gaps(gaps: Sequence[Gap], width: int) -> Text:
    lines = [Text("Undetermined, and why", style="bold")]
    for gap in gaps[:MOST_GAPS]:
        missing = f": {', '.join(short(each) for each in gap.missing)}" if gap.missing else ""
        wrapped = textwrap.wrap(f"{gap.episodes:>5,}  {gap_words(gap)}{missing}", width, subsequent_indent=" " * 7)
        lines += [Text(line) for line in wrapped]
    if len(gaps) > MOST_GAPS:
        lines.append(Text(f"       {len(gaps) - MOST_GAPS} more reasons: `--json` has all."))
    return Text("\n").join(lines)


def _reviews(report: Report, width: int) -> Text:
    if not report.reviews:
        return Text("Nothing to review: no interruption was mishandled or undetermined.", style="bold green")
    lines = [Text(f"Review first ({len(report.reviews)} of {report.to_review:,}; `otel-voice explain ID` shows one)", style="bold")]
    before = ""
    for number, review in enumerate(report.reviews, 1):
        if review.why != before:
            before = review.why
            lines += [Text(line, style="dim") for line in ("", *textwrap.wrap(f"{WHY[before][0].upper()}{WHY[before][1:]}:", width))]
        lines += _review(number, review, width)
    return Text("\n").join(lines)


def _review(number: int, review: Review, width: int) -> list[Text]:
    record = review.account.record
    told = answer(record)
    head = Text.assemble(f"{number:>2}. ", (short(record.call_id), "bold"), f"   {short(record.workflow)}")
    said = textwrap.wrap(told.whole, width, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT)
    also = "; ".join(WHY[name] for name in review.also)
    more = textwrap.wrap(f"Also: {also}.", width, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT) if also else []
    return [head, *map(Text, said), *(Text(line, style="dim") for line in more)]
