"""Responses of the agent, as its speech events tell them."""

from __future__ import annotations

from typing import Any

from otel_voice_processor.evidence import in_order
from otel_voice_processor.responses import responses_of


def test_an_id_used_again_is_another_response(timeline: Any) -> None:
    """LiveKit gives one speech handle to every reply of a turn with tool calls: the time between is no response."""
    call = timeline().speaks("r1", 1.0, 2.0).speaks("r1", 8.0, 9.0)
    first, second = responses_of(in_order(call.events))

    assert (first.response_id, second.response_id.split("@")[0]) == ("r1", "r1")
    assert first.response_id != second.response_id
    assert (second.start_ns - first.end_ns) == 6_000_000_000


def test_input_between_two_uses_of_an_id_is_no_interruption(timeline: Any) -> None:
    """What the caller says while nothing plays interrupts nothing."""
    call = timeline().started().speaks("r1", 1.0, 2.0).says("no I meant Friday", 4.0, 5.0).speaks("r1", 8.0, 9.0)

    assert call.record().episodes == ()


def test_a_resume_after_the_end_goes_on(timeline: Any) -> None:
    """A start that says it resumes is the same response, whatever was told before."""
    call = timeline().speaks("r1", 1.0, 2.0).resumes("r1", 3.0, position=1000)

    assert len(responses_of(in_order(call.events))) == 1


def test_a_cut_of_a_reused_id_cuts_the_newest(timeline: Any) -> None:
    """Stops and cuts belong to the newest response of that id."""
    call = timeline().started().speaks("r1", 1.0, 2.0).speaks("r1", 8.0).says("no I meant Friday", 9.0, 10.0).cut("r1", 9.4)
    (episode,) = call.record().episodes

    assert episode.verdict == "correct"
    assert episode.response.response_id.startswith("r1@")
