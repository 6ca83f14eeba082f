"""The two lanes as a drawing that keeps its letters legible at any width: every place is a share of the width in percent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from otel_voice_processor.cli.lanes import STEPS_NS, Window, moments, window_of
from otel_voice_processor.cli.words import clock
from otel_voice_processor.model import CallRecord, Episode, Response, Stretch

BUCKETS: Final = 1_000  # of a lane's width: what is narrower is drawn as one
LEAST: Final = 0.6  # percent that a bar is wide at least
CROWDED: Final = 60  # bars of a lane, beyond which they may be thinner
THIN: Final = 0.12
APART: Final = 7.5  # percent that two markers of a row are apart at least: 22 pixels on a phone
TICKS: Final = 6
MOST_MARKS: Final = 12  # interruptions of a call that are numbered in its drawing
MINUTE_NS: Final = 60_000_000_000
LEGEND: Final = {"unsure": "Grey: its end was not told.", "wordless": "Pale: a sound without words."}
SAID: Final = {"onset": "the caller begins", "agent silent": "the agent is silent", "first word": "the first word"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One stretch of sound: where it begins and how wide it is, in percent, and what kind it is."""

    x: float
    width: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment: its number in the legend, its place in percent, the row it stands in, and what happened."""

    number: int
    x: float
    row: int
    at: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All that is drawn: both lanes, ticks of the axis as place and words, moments by time, and how many rows of them.

    `flags` are the mistakes of a call that has more interruptions than can be numbered.
    """

    agent: tuple[Bar, ...]
    caller: tuple[Bar, ...]
    flags: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    rows: int
    legend: tuple[str, ...]
    axis: str
    desc: str


def drawing(record: CallRecord, episode: Episode | None) -> Drawing:
    """Return the drawing of one interruption with some air around it, or of the whole call."""
    window = window_of(record, episode, 0)
    marks = _marks(episode, window) if episode is not None else _places(record, window)
    agent, caller = _agent(record, episode, window), _caller(record, episode, window)
    return Drawing(
        agent=agent,
        caller=caller,
        flags=_flags(record, window) if episode is None else (),
        ticks=_ticks(window),
        marks=marks,
        rows=max((mark.row for mark in marks), default=-1) + 1,
        legend=tuple(words for kind, words in LEGEND.items() if any(bar.kind == kind for bar in (*agent, *caller))),
        axis="Seconds since the agent began this message." if episode is not None else "Time of the call.",
        desc=_desc(agent, caller, marks),
    )


def whole_call(record: CallRecord) -> Drawing | None:
    """Return the drawing of the whole call; None where it would show no more than that of its only interruption, or nothing."""
    if not (record.responses or record.stretches):
        return None
    if len(record.episodes) == 1:
        window = window_of(record, record.episodes[0], 0)
        if record.end_ns - record.start_ns < 3 * (window.end_ns - window.start_ns):
            return None
    return drawing(record, None)


def _x(window: Window, at_ns: int) -> float:
    share = 100 * (at_ns - window.start_ns) / max(1, window.end_ns - window.start_ns)
    return round(min(100.0, max(0.0, share)), 2)


def _agent(record: CallRecord, episode: Episode | None, window: Window) -> tuple[Bar, ...]:
    responses = record.responses or ((episode.response,) if episode is not None else ())
    bars: list[Bar] = []
    for index, response in enumerate(responses):
        following = responses[index + 1].start_ns if index + 1 < len(responses) else window.end_ns
        end = response.end_ns if response.end_ns is not None else following
        at, kind = response.start_ns, "agent" if response.end_ns is not None else "unsure"
        for pause, back in (p for p in response.pauses if p[0] < end):
            bars += _bar(window, at, pause, kind, _spoken(response))
            at = back if back is not None else end
        bars += _bar(window, at, end, kind, _spoken(response))
    return _merged(bars)


def _spoken(response: Response) -> str:
    ended = {"completed": "to its end", "interrupted": "cut off", "failed": "failed"}.get(response.end_reason or "", "end not told")
    return f"{response.response_id[:80]}, {(response.message_type or 'message of unknown type')[:80]}, {ended}"


def _caller(record: CallRecord, episode: Episode | None, window: Window) -> tuple[Bar, ...]:
    stretches: Sequence[Stretch] = record.stretches or (episode.stretches if episode is not None else ())
    bars: list[Bar] = []
    for stretch in stretches:
        kind = "key" if stretch.input_type != "speech" else "wordless" if stretch.transcript_status == "empty" else "caller"
        end = stretch.onset_ns if kind == "key" or stretch.end_ns is None else stretch.end_ns
        bars += _bar(window, stretch.onset_ns, end, kind, f"{stretch.input_type[:40]}, {stretch.input_class[:40]}")
    return _merged(bars)


def _bar(window: Window, start_ns: int, end_ns: int, kind: str, title: str) -> Iterable[Bar]:
    if end_ns < window.start_ns or start_ns > window.end_ns or end_ns < start_ns:
        return ()
    x = _x(window, start_ns)
    return (Bar(x=x, width=round(_x(window, end_ns) - x, 2), kind=kind, title=title),)


def _merged(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Return no more bars than can be seen apart: of those that begin in one place, the widest; none is too thin to be seen."""
    least = LEAST if len(bars) <= CROWDED else THIN
    bars = [replace(bar, x=min(bar.x, 100 - least), width=max(bar.width, least)) for bar in bars]
    if len(bars) <= BUCKETS:
        return tuple(bars)
    widest: dict[tuple[int, str], Bar] = {}
    for bar in bars:
        place = int(bar.x * BUCKETS / 100), bar.kind
        if place not in widest or widest[place].width < bar.width:
            widest[place] = bar
    return tuple(sorted(widest.values(), key=lambda bar: bar.x))


def _ticks(window: Window) -> tuple[tuple[float, str], ...]:
    span = window.end_ns - window.start_ns
    steps = (*STEPS_NS, 600_000_000_000, 1_800_000_000_000, 3_600_000_000_000)
    step = next((each for each in steps if span / each <= TICKS), steps[-1] * max(1, span // steps[-1] // TICKS))
    at = window.origin_ns + -(-(window.start_ns - window.origin_ns) // step) * step
    ticks: list[tuple[float, str]] = []
    while at < window.end_ns and len(ticks) <= 2 * TICKS:
        second = (at - window.origin_ns) / 1e9
        words = f"{int(second) // 60}:{int(second) % 60:02d}" if step >= MINUTE_NS / 2 else f"{second:g} s"
        if _x(window, at) <= 94:  # no room for words behind it
            ticks.append((_x(window, at), words))
        at += step
    return tuple(ticks)


def _marks(episode: Episode, window: Window) -> tuple[Mark, ...]:
    found = [(at, text) for at, text in moments(episode) if window.start_ns <= at <= window.end_ns]
    return _in_rows([(_x(window, at), window.second(at), SAID.get(text, text)) for at, text in found])


def _places(record: CallRecord, window: Window) -> tuple[Mark, ...]:
    """Number the interruptions of a call, and where the agent began too soon, as far as they fit into a few rows."""
    found = [(ep.start_ns, ep.verdict.replace("_", " ")) for ep in record.episodes]
    found += [(response.start_ns, "the agent barged in") for response in record.premature_endpointings]
    if len(found) > MOST_MARKS:
        return ()
    return _in_rows([(_x(window, at), clock(at - record.start_ns), words) for at, words in sorted(found)])


def _flags(record: CallRecord, window: Window) -> tuple[Bar, ...]:
    """Mark what went wrong, or cannot be told, in a call of many interruptions."""
    if len(record.episodes) <= MOST_MARKS:
        return ()
    kinds = {"missed_interruption": "bad", "false_interruption": "bad", "undetermined": "doubt"}
    found = [ep for ep in record.episodes if ep.verdict in kinds]
    bars = [Bar(x=_x(window, ep.start_ns), width=0.0, kind=kinds[ep.verdict], title=ep.verdict.replace("_", " ")) for ep in found]
    return _merged(bars)


def _in_rows(found: Sequence[tuple[float, str, str]]) -> tuple[Mark, ...]:
    """Return markers that do not stand on each other, on a phone either."""
    rows: list[float] = []
    marks = []
    for number, (x, at, text) in enumerate(found, 1):
        row = next((index for index, last in enumerate(rows) if x - last >= APART), len(rows))
        rows[row : row + 1] = [x]
        marks.append(Mark(number=number, x=min(97.0, max(3.0, x)), row=row, at=at, text=text))
    return tuple(marks)


def _desc(agent: Sequence[Bar], caller: Sequence[Bar], marks: Sequence[Mark]) -> str:
    """Say the drawing for those who cannot see it."""
    moments_said = "; ".join(f"{mark.at} {mark.text}" for mark in marks)
    return f"The agent's lane has {len(agent)} stretches of speech, the caller's {len(caller)} of input. {moments_said}".strip()
