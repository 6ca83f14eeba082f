"""Which input met which response: interruptions, and what is none, ordinary talk at a turn's end and agents that barge in. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otel_voice_processor.evidence import MEANINGFUL, MS
from otel_voice_processor.model import Response, Stretch
from otel_voice_processor.stretches import CONTINUES_NS, by_clock, end_of, unfinished
from otel_voice_processor.verdicts import CLOCK_TOLERANCE_NS, LIMIT_NS, intent_of

TAIL_NS = 700 * MS  # input this near a response's own end is ordinary talk
BARGED_NS = 1_500 * MS  # since the response's start
SKEW_NS = 2_000 * MS  # how far apart two emitters' clocks may be for their reports of one stretch to be told as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Stretches of one try, or of several against the same response."""

    response: Response
    stretches: tuple[Stretch, ...]
    until_ns: int | None


def sorted_out(
    stretches: Sequence[Stretch], responses: Sequence[Response], counted: Sequence[Response], *, lag_ns: int
) -> tuple[list[Response], list[Response], list[Met]]:
    """Sort input that met a response that counts into ordinary overlaps, premature endpointings and interruptions."""
    overlaps: list[Response] = []
    premature: list[Response] = []
    met: list[Met] = []
    first = bisect_left(responses, counted[0].start_ns, key=lambda response: response.start_ns) if counted else 0
    for index, response in enumerate(counted, first):
        earlier = responses[index - 1] if index else None
        audible_until = response.cut_ns if response.cut_ns is not None else response.end_ns
        if audible_until is None and index + 1 < len(responses):
            audible_until = responses[index + 1].start_ns
        mine: list[Stretch] = []
        for number in _around(stretches, response.start_ns, audible_until):
            stretch = by_clock(stretches[number], response.emitter)
            if stretch.onset_ns < response.start_ns:
                if end_of(stretch) > response.start_ns + CLOCK_TOLERANCE_NS and _agent_barged_in(stretch, None, response, earlier):
                    premature.append(response)
                continue
            if audible_until is not None and not _within(stretch, response, audible_until):
                continue
            before = _before(stretches, number, response.emitter)
            if before is not None and _agent_barged_in(stretch, before, response, earlier):
                premature.append(response)
            elif _ordinary(stretch, response, lag_ns):
                overlaps.append(response)
            else:
                mine.append(stretch)
        met += _grouped(response, sorted(mine, key=lambda stretch: stretch.onset_ns))
    return overlaps, list(dict.fromkeys(premature)), sorted(met, key=lambda item: item.stretches[0].onset_ns)


def _around(stretches: Sequence[Stretch], start_ns: int, until_ns: int | None) -> Iterator[int]:
    """Yield the numbers of stretches that may meet a response: the last ones before it, and those during it, by any emitter's clock."""
    first = bisect_left(stretches, start_ns - SKEW_NS, key=lambda stretch: stretch.onset_ns)
    while first > 0 and (
        first == len(stretches) or stretches[first].input_type != "speech" or stretches[first].onset_ns >= start_ns - SKEW_NS
    ):
        first -= 1
        if stretches[first].input_type == "speech":
            break
    for number in range(first, len(stretches)):
        if until_ns is not None and stretches[number].onset_ns > until_ns + SKEW_NS:
            return
        yield number


def _before(stretches: Sequence[Stretch], number: int, emitter: str) -> Stretch | None:
    """Return the stretch before this one that had ended when it began."""
    onset_ns = by_clock(stretches[number], emitter).onset_ns
    for other in reversed(stretches[max(0, number - 8) : number]):
        earlier = by_clock(other, emitter)
        if end_of(earlier) <= onset_ns:
            return earlier
    return None


def _within(stretch: Stretch, response: Response, audible_until: int) -> bool:
    """Tell whether input met a response: while it sounded, or while it was paused and the caller took the floor."""
    if stretch.onset_ns >= audible_until:  # a key and its stop may share a moment, and two clocks are given more than one
        given = CLOCK_TOLERANCE_NS if stretch.emitter != response.emitter else 0
        return response.end_reason == "interrupted" and stretch.onset_ns <= audible_until + given
    sounding = response.end_ns is None or stretch.onset_ns < response.end_ns
    return sounding or intent_of(stretch) == "yes"


def _ordinary(stretch: Stretch, response: Response, lag_ns: int) -> bool:
    """Tell talk at the end of a turn from an interruption; `lag_ns` is how late the runtime says that its responses end."""
    if response.end_ns is None or response.end_reason != "completed":
        return False
    within = min(end_of(stretch), response.end_ns) - stretch.onset_ns
    short = (
        stretch.input_type == "speech"
        and stretch.end_ns is not None
        and within < CLOCK_TOLERANCE_NS
        and stretch.emitter != response.emitter
    )
    return stretch.onset_ns > response.end_ns - TAIL_NS - lag_ns or short


def _agent_barged_in(stretch: Stretch, before: Stretch | None, response: Response, earlier: Response | None) -> bool:
    """Tell whether the caller had not finished when the agent began: the agent barged in, not the caller."""
    if stretch.input_type != "speech" or stretch.input_class not in MEANINGFUL:
        return False
    if before is None:
        return True  # still speaking
    resumed = stretch.onset_ns - end_of(before) <= CONTINUES_NS and stretch.onset_ns - response.start_ns <= BARGED_NS
    if not resumed or end_of(before) > response.start_ns or before.input_class not in MEANINGFUL:
        return False
    return "entity_capture" in {response.message_type, earlier.message_type if earlier else None} or unfinished(before)


def _grouped(response: Response, stretches: Sequence[Stretch]) -> list[Met]:
    """Group input against one response: further meaningful tries belong together, backchannels stay apart."""
    groups: list[list[Stretch]] = []
    meaningful: list[Stretch] | None = None
    for stretch in stretches:
        if intent_of(stretch) == "yes" and meaningful is not None:
            meaningful.append(stretch)
            continue
        groups.append([stretch])
        if intent_of(stretch) == "yes":
            meaningful = groups[-1]
    out = []
    for group in groups:
        later = [other.onset_ns for other in stretches if other.onset_ns > group[-1].onset_ns]
        until = None if group is meaningful else min(later, default=None)
        if meaningful is not None and group is not meaningful and 0 <= group[0].onset_ns - meaningful[0].onset_ns <= LIMIT_NS:
            until = group[0].onset_ns  # a stop so soon after a meaningful try answers that, not the murmur that follows
        out.append(Met(response=response, stretches=tuple(group), until_ns=until))
    return out
