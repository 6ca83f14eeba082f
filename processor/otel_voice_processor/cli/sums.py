"""A report in words: how often it went wrong, what stands behind each figure, and why a call is to be reviewed."""

from __future__ import annotations

from otel_voice_processor.behind import Behind, Calls
from otel_voice_processor.cli.answers import BAD, GOOD, PLAIN, UNSURE, Answer, perhaps_words
from otel_voice_processor.cli.words import iso, short
from otel_voice_processor.rates import Rate
from otel_voice_processor.reviews import Gap, Report, Workflow

SAY: dict[str, str] = {
    "intent_unknown": "nobody can tell what the caller meant",
    "playback_end_unknown": "nobody told when the agent's audio ended, so perhaps the caller only answered",
}


def report_answer(report: Report) -> Answer:
    """Return the first line: in how many calls an interruption was mishandled, and how."""
    wrong = report.interrupted["mishandled"]
    if not sum(flow.determined + flow.undetermined for flow in report.workflows):
        unsure = report.interrupted["unknown"]
        known = f"Nobody interrupted anybody in {some(report.calls - unsure, 'call')}." if report.calls > unsure else ""
        open_ = f"Whether anybody interrupted is not known in {some(unsure, 'call')}." if unsure else ""
        return Answer(line=known or open_, verdict=open_ if known else "", tone=UNSURE if unsure else PLAIN)
    false, missed = (sum(getattr(flow, each) for flow in report.workflows) for each in ("false", "missed"))
    unsure = sum(flow.undetermined for flow in report.workflows)
    line = f"In {wrong:,} of {some(report.calls, 'call')} an interruption was mishandled:"
    verdict = f"fired on noise or a backchannel {times(false)}, missed a caller who meant it {times(missed)}."
    judged = unsure - report.perhaps
    told = [verdict, *([f"{some(judged, 'interruption')} cannot be judged."] if judged > 0 else [])]
    told += [perhaps_words(report.perhaps)] if report.perhaps else []
    return Answer(line=line, verdict=" ".join(told), tone=BAD if false or missed else GOOD)


def some(count: int, noun: str) -> str:
    """Return so many of something."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def times(count: int) -> str:
    """Return how often."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def span(report: Report) -> str:
    """Return from when to when the calls are, to the minute."""
    first, last = ((iso(at) or "")[:16].replace("T", " ") for at in (report.first_ns, report.last_ns))
    if not first:
        return "at times that are not told"
    return f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"


def remarks(report: Report) -> list[str]:
    """Say what a reader must know of how the calls were judged, a line each."""
    said = []
    if report.judged_here == report.calls:
        said.append("Judged here; not counted anywhere: the data hold no summaries of the processor.")
    elif report.judged_here:
        said.append(f"{some(report.judged_here, 'call')} without summaries of the processor judged here; not counted anywhere.")
    if report.differing:
        said.append(f"{some(report.differing, 'call')} would come out differently if judged anew; what counted is shown.")
    if report.unobservable:
        said.append(f"In {some(report.unobservable, 'call')} caller input while the agent speaks cannot be seen: their zeros mean nothing.")
    if report.unjudged_events:
        said.append(f"{some(report.unjudged_events, 'event')} could not be judged: `otel-voice validate` says why.")
    return said


def gap_words(gap: Gap) -> str:
    """Say why episodes are undetermined."""
    return SAY.get(gap.reason, short(gap.reason).replace("_", " "))


def value_words(rate: Rate) -> str:
    """Return a rate's value as it is printed."""
    if rate.value is None:
        return "none"
    return f"{rate.value:.0%}" if rate.unit == "ratio" else f"{rate.value:.2f} s"


def range_words(rate: Rate) -> str:
    """Return a rate's interval as it is printed; empty where there is none."""
    if rate.low is None or rate.high is None:
        return ""
    return f"{rate.low:.0%} to {rate.high:.0%}" if rate.unit == "ratio" else f"{rate.low:.2f} to {rate.high:.2f} s"


def counted_words(rate: Rate) -> str:
    """Return what a rate was counted of."""
    return f"{rate.numerator:,}/{rate.denominator:,}" if rate.unit == "ratio" else f"{rate.denominator:,}"


PARTS = {"numerator": "In the numerator", "denominator": "In the denominator", "undetermined": "Undetermined, in neither"}
OF_SILENCE = {"denominator": "Answered", "undetermined": "Never answered"}  # every silence counts, so one list is enough


def parts_of(rate: Rate, behind: Behind) -> list[tuple[str, Calls]]:
    """Return what the calls behind a rate have in common, each with them."""
    names = PARTS if rate.unit == "ratio" else OF_SILENCE
    return [(words, getattr(behind, part)) for part, words in names.items()]


def behind_lines(report: Report, name: str) -> list[str]:
    """Return a rate and the ids of the calls behind it, an id a line."""
    rate = next(each for each in report.rates if each.name == name)
    lines = [f"{rate.title}: {value_words(rate)}, {counted_words(rate)} counted"]
    for words, calls in parts_of(rate, report.behind[name]):
        lines += ["", f"{words}, {some(calls.count, 'call')}:" if calls.count else f"{words}: none", *map(short, calls.ids)]
    return lines


def share_words(flow: Workflow) -> str:
    """Return a workflow's share of wrong with what it is at least and at most."""
    if flow.low is None or flow.high is None:
        return "none"
    return f"{flow.wrong / flow.determined:.0%} ({flow.low:.0%} to {flow.high:.0%})"
