from __future__ import annotations

from otel_voice_processor.telemetry import Counters


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
