"""Two lanes against one time axis, agent above caller: the picture of what overlapped what."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from otel_voice_processor.cli.words import MS, S, clock, quoted, seconds, short, silent_ns
from otel_voice_processor.model import CallRecord, Episode, Response, Ruling, Stretch

LABEL = 12  # columns left of the lanes
MARGIN = 32  # columns right of them at least, for what the lane shows
WIDE = 100  # columns from which there is more than that
BEFORE_NS, AFTER_NS, MOST_NS = 2 * S, 800 * MS, 12 * S
MOST_MARKS = 12  # below the lanes of a whole call
STEPS_NS = (500 * MS, S, 2 * S, 5 * S, 10 * S, 30 * S, 60 * S, 300 * S)
AGENT, CALLER, WORDLESS, UNSURE, KEY = "█", "▓", "░", "░", "●"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of time drawn, in `columns`; second 0 of the axis is `origin_ns`."""

    origin_ns: int
    start_ns: int
    end_ns: int
    columns: int

    def column(self, at_ns: int) -> int:
        """Return the column of a moment, which may lie outside."""
        return (at_ns - self.start_ns) * self.columns // max(1, self.end_ns - self.start_ns)

    def second(self, at_ns: int) -> str:
        """Return a moment as the axis counts it."""
        return seconds(at_ns - self.origin_ns)


@dataclass(slots=True)
class _Lane:
    cells: list[str]

    def fill(self, window: Window, start_ns: int, end_ns: int, glyph: str) -> None:
        first, last = window.column(start_ns), max(window.column(start_ns) + 1, window.column(end_ns))
        for index in range(max(0, first), min(len(self.cells), last)):
            self.cells[index] = glyph
        if first < 0 < last:
            self.cells[0] = "…"

    def text(self) -> str:
        return "".join(self.cells)


def margin_of(width: int) -> int:
    """Return the columns right of the lanes: what a wide window has to spare goes to words and lanes alike."""
    return MARGIN + max(0, width - WIDE) * 2 // 3


def window_of(record: CallRecord, episode: Episode | None, width: int) -> Window:
    """Return what to draw: the episode with some air around it, or the whole call."""
    columns = max(20, width - LABEL - margin_of(width))
    if episode is None:
        return Window(origin_ns=record.start_ns, start_ns=record.start_ns, end_ns=max(record.end_ns, record.start_ns + S), columns=columns)
    origin, onset = episode.response.start_ns, episode.stretches[0].onset_ns
    start = max(origin, onset - BEFORE_NS)
    ends = [stretch.end_ns or stretch.onset_ns for stretch in episode.stretches]
    end = max(*ends, silent_ns(episode) or onset, onset)
    following = [r.start_ns for r in record.responses if r.start_ns > onset]
    ended = episode.response.end_ns
    for moment in (ended, min(following, default=None)):
        if moment is not None and end < moment <= start + MOST_NS - AFTER_NS:
            end = moment
    return Window(origin_ns=origin, start_ns=start, end_ns=min(end + AFTER_NS, max(start + MOST_NS, onset + S)), columns=columns)


def picture(record: CallRecord, episode: Episode | None, *, width: int) -> list[Text]:
    """Return the axis, the two lanes and the markers as lines."""
    window = window_of(record, episode, width)
    responses = record.responses or ((episode.response,) if episode is not None else ())  # none where only the summary is there
    agent, caller = _agent(responses, window), _caller(record.stretches or (episode.stretches if episode is not None else ()), window)
    zero = "into this message" if episode is not None else "into the call"
    lines = [Text(f"{' ' * LABEL}{_axis(window):<{window.columns + 1}} {zero}", style="dim")]
    room = margin_of(width) - 2
    lines.append(_line("agent", agent, _agent_label(record, episode), "cyan", room))
    lines.append(_line("caller", caller, _caller_label(record, episode), "magenta", room))
    if episode is not None:
        lines += _markers(episode, window, width)
    else:
        barged = [response.start_ns for response in record.premature_endpointings]
        lines += [_marker(window.column(at), f"barged in at {clock(at - record.start_ns)}", width) for at in barged[:MOST_MARKS]]
    return lines


def _line(name: str, lane: _Lane, label: str, style: str, room: int) -> Text:
    short = label if len(label) <= room else label[: room - 1] + "…"
    return Text.assemble((f"  {name:<{LABEL - 2}}", "bold"), (lane.text(), style), f"  {short}")


def _agent(responses: tuple[Response, ...], window: Window) -> _Lane:
    lane = _Lane([" "] * window.columns)
    for index, response in enumerate(responses):
        following = responses[index + 1].start_ns if index + 1 < len(responses) else window.end_ns
        known = response.end_ns is not None
        at = response.start_ns
        end = response.end_ns if response.end_ns is not None else following
        for pause, back in (p for p in response.pauses if p[0] < end):
            lane.fill(window, at, pause, AGENT)
            at = back if back is not None else end
        if at < end:
            lane.fill(window, at, end, AGENT if known else UNSURE)
    return lane


def _caller(stretches: tuple[Stretch, ...], window: Window) -> _Lane:
    lane = _Lane([" "] * window.columns)
    for stretch in stretches:
        glyph = KEY if stretch.input_type != "speech" else WORDLESS if stretch.transcript_status == "empty" else CALLER
        end = stretch.onset_ns if stretch.input_type != "speech" else stretch.end_ns or stretch.onset_ns
        lane.fill(window, stretch.onset_ns, end, glyph)
    return lane


def _agent_label(record: CallRecord, episode: Episode | None) -> str:
    if episode is None:
        return f"{len(record.responses)} response{'s' if len(record.responses) != 1 else ''}"
    known = episode.response.end_ns is not None
    name = short(episode.response.response_id)
    return f"{name} {short(episode.message_type)}" if known else f"{name}, end unknown"


def _caller_label(record: CallRecord, episode: Episode | None) -> str:
    if episode is not None:
        return quoted(episode.stretch)
    return f"{len(record.stretches)} stretch{'es' if len(record.stretches) != 1 else ''}"


def _axis(window: Window) -> str:
    span = window.end_ns - window.start_ns
    step = next((s for s in STEPS_NS if s * window.columns // span >= 8), STEPS_NS[-1])
    cells = [" "] * (window.columns + 8)
    at = window.origin_ns + -(-(window.start_ns - window.origin_ns) // step) * step
    while at < window.end_ns:
        for offset, glyph in enumerate(f"{(at - window.origin_ns) / S:.1f} s"):
            if window.column(at) + offset < len(cells):
                cells[window.column(at) + offset] = glyph
        at += step
    return "".join(cells).rstrip()


def moments(episode: Episode) -> list[tuple[int, str]]:
    """Return the moments that matter, in order of time, each with what happened."""
    stretch, silent = episode.stretch, silent_ns(episode)
    found = [(stretch.onset_ns, "onset")]
    if stretch.first_word_ns is not None and stretch.first_word_ns > stretch.onset_ns:
        found.append((stretch.first_word_ns, "first word"))
    if silent is not None:
        found.append((silent, "agent silent"))
    if episode.ruling is not None:
        found.append(_ruled(stretch, episode.ruling))
    return sorted(found)


def _ruled(stretch: Stretch, ruling: Ruling) -> tuple[int, str]:
    """Return when what the policy ruled on was known: it may not be known when."""
    end = stretch.end_ns if stretch.end_ns is not None else stretch.onset_ns
    at = stretch.evidence_ns if stretch.evidence_ns is not None else end
    if stretch.input_type != "speech":
        what = "pressed: "
    elif stretch.transcript_status == "empty":
        what = "no words: "
    else:
        what = "words known: " if stretch.evidence_ns is not None else ""
    return at, f"{what}policy says {ruling.effect}"


def _markers(episode: Episode, window: Window, width: int) -> list[Text]:
    """Return one line per moment that matters, each under its column, in order of time."""
    lines = []
    for at, text in moments(episode):
        what, colon, more = text.partition(":")
        lines.append(_marker(window.column(at), f"{what} {window.second(at)}{colon}{more}", width))
    return lines


def _marker(column: int, text: str, width: int) -> Text:
    column = max(0, min(column, width - LABEL - margin_of(width) - 1))
    line = f"{' ' * (LABEL + column)}▲ {text}"
    if len(line) > width:
        line = f"{text} ▲".rjust(LABEL + column + 1)
    return Text(line, style="dim")
