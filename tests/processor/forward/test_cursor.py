from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from otel_voice_processor.forward.cursor import Cursor


def test_only_what_has_no_gap_before_it_counts() -> None:
    """Of three under way the last one done moves nothing, the first one moves past all that are."""
    cursor = Cursor(5)
    cursor.begin([5, 6, 9])

    assert [False, False, True] == [cursor.end([9]), cursor.end([6]), cursor.end([5])]
    assert 10 == cursor.number
    assert 0 == cursor.window


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.randoms())
def test_the_cursor_is_the_oldest_that_is_left(gaps: list[int], dice: object) -> None:
    """Whatever order they end in, and whatever gaps are between numbers."""
    numbers = [sum(gaps[: at + 1]) for at in range(len(gaps))]
    cursor, left = Cursor(0), set(numbers)
    cursor.begin(numbers)
    order = list(numbers)
    dice.shuffle(order)  # type: ignore[attr-defined]
    for number in order:
        cursor.end([number])
        left.discard(number)
        assert cursor.number == min(left, default=numbers[-1] + 1)
