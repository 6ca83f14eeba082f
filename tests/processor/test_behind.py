"""Which calls stand behind a figure."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_processor.behind import NAMES, Naming
from otel_voice_processor.model import CallRecord

from tests.processor.conftest import Timeline


def interrupted(call_id: str, *, stop: float | None, said: str = "no, Friday") -> CallRecord:
    """The caller speaks at 2 s; the agent stops at `stop`, or plays to its end at 8 s."""
    call = Timeline(call_id).started().speaks("r1", 1.0, stop or 8.0, "completed" if stop is None else "interrupted")
    return call.says(said, 2.0, 2.8, told=2.3).speaks("r2", (stop or 8.0) + 1.0, (stop or 8.0) + 2.0).ends(20.0).record()


def test_a_call_stands_behind_each_rate_it_counts_in() -> None:
    """A miss is in numerator and denominator of its rate, a right stop in the denominator, what is undetermined in neither."""
    right, missed = interrupted("right", stop=2.4), interrupted("missed", stop=None)
    (ep,) = right.episodes
    unsure = replace(right, call_id="unsure", episodes=(replace(ep, verdict="undetermined", intent="unknown"),))
    naming = Naming()
    for record in (right, missed, unsure):
        naming.count(record)
    behind = naming.behind("missed_interruption")

    assert (("missed",), ("right", "missed"), ("unsure",)) == (behind.numerator.ids, behind.denominator.ids, behind.undetermined.ids)
    assert ("right",) == naming.behind("false_interruption").denominator.ids


def test_never_answered_stands_beside_the_silences() -> None:
    """A call whose caller never heard an answer is named."""
    right = interrupted("right", stop=2.4)
    (ep,) = right.episodes
    naming = Naming()
    naming.count(replace(right, call_id="dead", episodes=(replace(ep, silence_ms=None, answered=False),)))
    naming.count(right)
    behind = naming.behind("silence_after")

    assert (("right",), ("dead",)) == (behind.denominator.ids, behind.undetermined.ids)


def test_many_calls_are_counted_and_the_first_are_named() -> None:
    """No figure's list grows without a bound; a rate nobody counts in has none."""
    naming = Naming(most=3)
    missed = interrupted("missed", stop=None)
    for number in range(10):
        naming.count(replace(missed, call_id=f"call_{number}"))
    numerator = naming.behind("missed_interruption").numerator

    assert (10, ("call_0", "call_1", "call_2")) == (numerator.count, numerator.ids)
    assert (0, ()) == (naming.behind("resume_success").numerator.count, naming.behind("resume_success").numerator.ids)
    assert 7 == len(NAMES)
