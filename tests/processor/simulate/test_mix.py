"""The mix of calls, and where their timings land."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from otel_voice_processor.simulate import HARD_MIX, LEVELS, MIX, Script, simulate
from otel_voice_processor.simulate.draws import SPREADS, Draws, Spread
from otel_voice_processor.simulate.mix import SITUATIONS, TURNS

README = (Path(__file__).parents[3] / "processor/README.md").read_text(encoding="utf-8")
CLEAR_MS = 150  # no verdict hangs on less


@pytest.fixture(scope="module")
def calls() -> list[Script]:
    return list(simulate(1, 600))


def test_the_same_seed_gives_the_same_calls() -> None:
    """One seed, one set of calls, on every Python, however many are asked for and from wherever on; another seed, another."""
    first = list(simulate(7, 40))

    assert first == list(simulate(7, 40))
    assert first[10:15] == list(simulate(7, 5, first=10))
    assert first != list(simulate(8, 40))
    assert "8c1d976913638f32" == sha256(repr(first).encode()).hexdigest()[:16]


def test_every_situation_occurs(calls: list[Script]) -> None:
    """Whatever has a weight in the mix happens in some call, about as often as the weight says."""
    assert set(MIX) == set(HARD_MIX) - {"echo with words", "line goes"}
    assert set(HARD_MIX) == set(SITUATIONS)
    found = Counter(name for call in calls for name in call.name.split(", "))

    assert set(MIX) - {"nothing"} <= set(found)
    ratio = found["backchannels"] / found["noise"]
    assert MIX["backchannels"] / MIX["noise"] == pytest.approx(ratio, rel=0.25)


def test_calls_have_several_turns(calls: list[Script]) -> None:
    """Three to twelve goes of the agent beside what interruptions add; some calls have several interruptions, some none."""
    goes = [len(call.played) for call in calls if not call.escalated]
    many = Counter(min(3, len(call.truth.interruptions)) for call in calls)

    assert min(goes) >= 2
    assert 4 <= median(goes) <= 8
    assert all(many[number] > len(calls) // 12 for number in range(4))
    assert 3 <= min(TURNS) + 2 <= max(TURNS) + 2 <= 12


def test_every_fate_occurs(calls: list[Script]) -> None:
    """Each combination of what was meant and what the audio did comes up, most are handled well, and each way to go on is taken."""
    each = [one for call in calls for one in call.truth.interruptions]
    fates = Counter((one.meant, one.net_audio, one.verdict) for one in each)

    assert {
        (True, "stopped", "correct"), (True, "stopped", "missed_interruption"), (True, "kept", "missed_interruption"),
        (True, "kept", "correct"), (True, "paused_resumed", "missed_interruption"), (False, "kept", "correct"),
        (False, "stopped", "false_interruption"), (False, "paused_resumed", "false_interruption"),
    } == set(fates)  # fmt: skip
    assert {"clean", "restarted", "lost", None} == {one.resume for one in each}
    assert {1, 2, 3} <= {one.attempts for one in each}
    assert {"speech", "dtmf", "command"} == {one.input_type for one in each}
    assert sum(one.verdict == "correct" for one in each) > 2 * sum(one.verdict != "correct" for one in each)
    assert {"none", "handled", "mishandled"} == {call.truth.interrupted for call in calls}


def test_what_is_no_interruption_occurs(calls: list[Script]) -> None:
    """Overlaps at a turn's end, answers into a pause, silences, wishes for a person, calls that drop: all of it."""
    truths = [call.truth for call in calls]

    assert all(any(getattr(truth, name) for truth in truths) for name in ("turn_overlaps", "premature_endpointings", "timeouts"))
    assert {True, False} == {truth.asked_for_person for truth in truths} == {truth.escalated for truth in truths}
    assert {"caller", "agent", "transfer", "dropped"} == {truth.ended_by for truth in truths}
    assert {"completed", "failed", "abandoned", "unknown"} == {truth.task_outcome for truth in truths}
    assert all(call.end_told == (call.ended_by != "dropped") for call in calls)


def test_mishandled_calls_fail_more_often(calls: list[Script]) -> None:
    """The task suffers where callers were not heeded, as the panel that shows it needs."""

    def completed(how: str) -> float:
        known = [call.truth for call in calls if call.truth.interrupted == how and call.truth.task_outcome != "unknown"]
        return sum(truth.task_outcome == "completed" for truth in known) / len(known)

    assert completed("none") > completed("mishandled") + 0.1
    assert completed("handled") > completed("mishandled") + 0.1


def test_no_call_lies_on_the_edge_of_a_verdict(calls: list[Script]) -> None:
    """Truth is clear-cut: nobody falls silent near the limit, counted from the first meaningful word or from the breath before it."""
    for call in calls:
        for one in call.truth.interruptions:
            if one.meant and one.silent_ms is not None:
                assert abs(one.silent_ms - one.word_ms - 1_500) > CLEAR_MS
                stretch = next((said.onset_ms for said in call.said if said.onset_ms + said.first_word_ms == one.word_ms), one.word_ms)
                assert abs(one.silent_ms - stretch - 1_500) > CLEAR_MS


def test_nobody_does_two_things_at_once(calls: list[Script]) -> None:
    """Responses follow each other, stretches of the caller do, too, and nothing lies after the call's end."""
    for call in calls:
        for sides in (call.played, call.said):
            spans = [(getattr(each, "start_ms", None) or getattr(each, "onset_ms", 0), each.end_ms) for each in sides]
            assert all(start < end for start, end in spans)
            assert all(before[1] <= after[0] for before, after in pairwise(spans)), call.call_id
            assert spans[-1][1] <= call.end_ms


@pytest.mark.parametrize("what", SPREADS)
def test_timings_land_where_they_are_stated(what: str) -> None:
    """Every distribution stays in its bounds, and about its median where it has one; each says where it is from."""
    spread, draws = SPREADS[what], Draws("lands")
    drawn = [draws.ms(what) for _ in range(2_000)]

    assert spread.low <= min(drawn) <= max(drawn) <= spread.high
    middle = spread.median if spread.median is not None else (spread.low + spread.high) / 2
    assert median(drawn) == pytest.approx(middle, rel=0.08)
    assert spread.source


def test_gaps_between_turns_have_a_long_tail() -> None:
    """Callers answer after 200 ms at the median, one in twenty after more than 600 ms; agents after 1.4 s and 3.4 s."""
    draws = Draws("tails")
    callers, agents = (sorted(draws.ms(what) for _ in range(4_000)) for what in ("caller answers", "agent answers"))

    assert callers[3_800] == pytest.approx(750, rel=0.12)
    assert agents[3_800] == pytest.approx(3_400, rel=0.08)


def length_of(spread: Spread) -> str:
    even = f"{spread.low} to {spread.high}"
    return f"{even}, even" if spread.median is None else f"{even}, lognormal about {spread.median}, sigma {spread.sigma}"


def test_the_readme_says_what_is_drawn() -> None:
    """Every situation with its weight, every distribution with its source, every impairment with its levels; the example runs."""
    for name, parts in HARD_MIX.items():
        assert f"| {name} | {parts:g} | " in README
    for name, spread in SPREADS.items():
        assert f"| {name} | {length_of(spread)} | {spread.source} |" in README
    for name, levels in LEVELS.items():
        assert f"| `{name}` | {', '.join(f'`{level}`' for level in levels)} | " in README
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "simulate" in block)
    exec(compile(example, "processor/README.md", "exec"), {})
