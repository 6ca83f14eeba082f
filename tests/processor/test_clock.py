"""A wall clock that is set: noticed against the steady one, and times of exports that only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otel_voice_processor.clock import MS, Jumps, Moment, Onward, WatchedClock

S = 1_000_000_000
NOW = 1_800_000_000 * S
HOUR = 3_600 * S


@pytest.mark.parametrize("by_s", [3_600, -3_600, 6, -6, 10**8])
def test_a_jump_is_seen_once(by_s: int) -> None:
    """Forward or back, by how much; and then no more."""
    jumps = Jumps(NOW, 50 * S)

    assert 0 == jumps.seen(NOW + S, 51 * S)
    assert by_s * S == jumps.seen(NOW + 2 * S + by_s * S, 52 * S)
    assert 0 == jumps.seen(NOW + 3 * S + by_s * S, 53 * S)


def test_neither_drift_nor_time_that_passes_is_a_jump() -> None:
    """A clock that gains a second a minute is off by an hour in the end and was never set; nor is a day in which nobody asked a jump."""
    jumps = Jumps(NOW, 0)
    for minute in range(1, 3_601):
        assert 0 == jumps.seen(NOW + minute * 61 * S, minute * 60 * S)
    assert 0 == jumps.seen(NOW + 3_600 * 61 * S + 24 * HOUR, 3_600 * 60 * S + 24 * HOUR)


def test_a_system_that_slept_has_jumped() -> None:
    """The steady clock stands still meanwhile: nothing was quiet in that time, for nobody listened."""
    assert HOUR == Jumps(NOW, 7 * S).seen(NOW + HOUR, 7 * S)


def test_who_must_know_of_a_jump_knows_it_before_the_time_is_told() -> None:
    """Otherwise somebody would reckon with the new time and the old waits."""
    wall, steady, told = [NOW], [0], list[tuple[int, int]]()
    clock = WatchedClock(lambda: wall[0], lambda: steady[0], lambda now, by: told.append((now, by)))

    assert (NOW, []) == (clock(), told)
    wall[0] += HOUR
    assert (NOW + HOUR, [(NOW + HOUR, HOUR)]) == (clock(), told)


def test_with_a_clock_that_runs_exports_have_its_time() -> None:
    """Nothing is added and nothing held back."""
    onward = Onward(NOW, 0)

    assert [NOW + S, NOW + 60 * S] == [onward.now(NOW + S, S).now_ns, onward.now(NOW + 60 * S, 60 * S).now_ns]


def test_after_a_step_back_exports_go_on_slowly_until_the_clock_has_caught_up() -> None:
    """No push is left out, no time told twice, and after twice as long it is the clock's again."""
    onward = Onward(NOW, 0)
    assert Moment(now_ns=NOW + 60 * S, after_ns=None) == onward.now(NOW + 60 * S, 60 * S)
    back = [(onward.now(NOW + (60 * n - 600) * S, 60 * n * S).now_ns - NOW) // S for n in range(2, 23)]

    assert [90, 120, 150] == back[:3]
    assert [660, 720] == back[-2:]  # at the last step the clock has caught up


def test_a_clock_far_ahead_whose_points_nobody_took_leaves_no_trace() -> None:
    """Set right, it is followed at once: what was refused is in nobody's store."""
    onward = Onward(NOW, 0)
    onward.now(NOW + 60 * S, 60 * S)
    for n in range(2, 5):
        assert Moment(now_ns=NOW + HOUR + 60 * n * S, after_ns=None) == onward.now(NOW + HOUR + 60 * n * S, 60 * n * S)
        onward.not_taken()

    assert Moment(now_ns=NOW + 300 * S, after_ns=NOW + 60 * S) == onward.now(NOW + 300 * S, 300 * S)
    assert Moment(now_ns=NOW + 360 * S, after_ns=None) == onward.now(NOW + 360 * S, 360 * S)


def test_a_backend_that_refuses_one_time_is_asked_with_the_other() -> None:
    """Nobody knows whose clock is right: after a restart in a time long before what was told last, too."""
    onward = Onward(NOW + HOUR, 0)
    asked = []
    for n in range(1, 6):
        moment = onward.now(NOW + 60 * n * S, 60 * n * S)
        asked.append(((moment.now_ns - NOW) // S, ((moment.after_ns or 0) - NOW) // S))
        onward.not_taken()

    assert [(3_630, 3_600), (120, 119), (3_690, 3_600), (240, 239), (3_750, 3_600)] == asked
    onward = Onward(NOW + HOUR, 0)
    onward.now(NOW + 60 * S, 60 * S)
    onward.not_taken()
    onward.now(NOW + 120 * S, 120 * S)
    assert Moment(now_ns=NOW + 180 * S, after_ns=None) == onward.now(NOW + 180 * S, 180 * S)


@given(st.lists(st.tuples(st.integers(1, 10**12), st.integers(-(10**14), 10**14), st.booleans()), max_size=40))
def test_times_that_are_taken_only_grow(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever the wall clock does: by a millisecond at least, which is what stores can tell apart."""
    steady, taken, onward = 0, NOW, Onward(NOW, 0)
    for passed, wall, up in steps:
        steady += passed
        moment = onward.now(NOW + wall, steady)
        if moment.after_ns is not None:
            assert moment.after_ns < moment.now_ns
        if up and moment.now_ns >= taken + MS:  # the store is there, and has nothing later
            assert (moment.after_ns or taken) >= taken
            taken = moment.now_ns
        else:
            onward.not_taken()
    first, second = onward.now(NOW - 10**15, steady), None
    if first.now_ns <= taken:
        onward.not_taken()
        second = onward.now(NOW - 10**15, steady)

    assert taken + MS <= (second or first).now_ns
