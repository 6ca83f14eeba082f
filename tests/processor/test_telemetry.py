from __future__ import annotations

from otel_voice_processor.telemetry import Counters, OwnPoints


def test_counts_are_kept_by_name_and_labels() -> None:
    """The order of labels is nothing; a total goes over all of them; a snapshot does not grow on."""
    counters = Counters()
    counters.add("spans")
    counters.add("spans", 4)
    counters.add("events", outcome="late", kind="x")
    counters.add("events", 2, kind="x", outcome="late")
    before = counters.snapshot()
    counters.add("events", outcome="taken")

    assert counters.get("spans") == 5
    assert counters.get("events", outcome="late", kind="x") == 3
    assert counters.get("events") == 0
    assert counters.total("events") == 4
    assert before == {("spans", ()): 5, ("events", (("kind", "x"), ("outcome", "late"))): 3}


def test_a_new_counter_begins_with_zero_until_it_was_taken() -> None:
    """Otherwise `increase()` never sees the first failure; timestamps of a counter only grow."""
    counters = Counters()
    own = OwnPoints(counters, 100)
    counters.add("otel_voice_a")
    first = [(point.value, point.time_ns) for point in own.points(200)]
    own.not_taken()
    again = [(point.value, point.time_ns) for point in own.points(300)]
    counters.add("otel_voice_b", 2, reason="x")
    later = [(point.metric.name, point.value, point.time_ns) for point in own.points(400)]

    assert [(0, 100), (1, 200)] == first
    assert [(0, 200), (1, 300)] == again
    assert [("otel_voice_a", 1, 400), ("otel_voice_b", 0, 300), ("otel_voice_b", 2, 400)] == later
    assert [] == list(own.points(400))
    own.rewind(350)
    assert 350 == own.exported_ns
    assert [390, 390] == [point.time_ns for point in own.points(390)]


def test_a_push_that_told_nothing_takes_nothing_back() -> None:
    """The last one was taken; while the clock stands still there is none that could fail, and no second zero follows."""
    counters = Counters()
    own = OwnPoints(counters, 100)
    counters.add("a")
    list(own.points(200))
    assert [] == list(own.points(200))
    own.not_taken()

    assert [1] == [point.value for point in own.points(300)]
