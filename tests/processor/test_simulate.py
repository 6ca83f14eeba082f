from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.scripts import Gap, Played, Said, Script
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, emit, simulate
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

START = 1_780_000_000_000_000_000
MS = 1_000_000


def spans_of(script: Script, *, keep_text: bool = False) -> Sequence[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    emit(script, provider, start_ns=START, keep_text=keep_text)
    return exporter.get_finished_spans()


def played(**changes: object) -> Played:
    facts: dict[str, object] = {"response_id": "r", "start_ms": 0, "end_ms": 5_000, "message_type": "other", "planned_ms": 5_000}
    return Played(**{**facts, **changes})  # type: ignore[arg-type]


def script(*responses: Played, said: Sequence[Said] = ()) -> Script:
    return Script(call_id="c", name="n", workflow="w", message_type="other", expected="", played=responses, said=tuple(said), end_ms=9_000)


def test_there_are_eight_cases_and_a_failing_variant_of_each() -> None:
    """The eight test cases come in pairs of one name: as it should go, and as it fails."""
    assert len(EIGHT) == 8
    assert [case.name for case in EIGHT] == [case.name for case in EIGHT_FAILING]
    assert len({case.call_id for case in EIGHT + EIGHT_FAILING}) == 16


def test_the_truth_of_the_eight_cases() -> None:
    """Truth follows from caller and player: a played-on disclosure is a miss for the caller, an early answer is no interruption."""
    right = [case.truth.happened for case in EIGHT]
    wrong = [case.truth.happened for case in EIGHT_FAILING]

    assert right == ["correct", "correct", "correct", "correct", "missed_interruption", "none", "none", "correct"]
    assert wrong == [
        "missed_interruption", "false_interruption", "false_interruption", "missed_interruption", "correct", "premature_endpointing",
        "none", "missed_interruption",
    ]  # fmt: skip
    assert (EIGHT[6].truth.timeouts, EIGHT_FAILING[6].truth.timeouts) == (1, 0)


def test_truth_counts_from_the_first_word() -> None:
    """The time until the agent is silent counts from the first word, not from the breath before it."""
    case = script(played(end_ms=2_000, cut=True), said=[Said(onset_ms=1_000, end_ms=1_800, text="no", first_word_ms=300)])

    assert case.truth.silent_after_ms == 700
    assert case.truth.happened == "correct"


@pytest.mark.parametrize(
    ("response", "meant", "happened"),
    [
        (played(end_ms=2_400, cut=True), True, "correct"),
        (played(end_ms=2_600, cut=True), True, "missed_interruption"),
        (played(end_ms=2_400), True, "correct"),
        (played(), True, "missed_interruption"),
        (played(), False, "correct"),
        (played(end_ms=2_400, cut=True), False, "false_interruption"),
        (played(gap=Gap(start_ms=1_300, end_ms=2_000, position_ms=1_300)), False, "false_interruption"),
        (played(gap=Gap(start_ms=1_300, end_ms=2_000, position_ms=1_300)), True, "missed_interruption"),
        (played(end_ms=1_500), True, "none"),
        (played(end_ms=900), True, "none"),
    ],
)
def test_truth_by_what_the_player_did(response: Played, meant: bool, happened: str) -> None:
    """A caller who meant it is let down after 1.5 s; one who did not is let down by any stop; talk at a turn's end is neither."""
    assert happened == script(response, said=[Said(onset_ms=1_000, end_ms=1_400, text="no", meant=meant)]).truth.happened


def test_positions_stand_still_in_a_gap() -> None:
    """Playback does not move while paused, and goes on from where it resumed."""
    response = played(gap=Gap(start_ms=1_000, end_ms=2_000, position_ms=800))

    assert [response.position_ms(ms) for ms in (500, 1_000, 1_500, 2_000, 2_500)] == [500, 1_000, 1_000, 800, 1_300]


def test_the_same_seed_gives_the_same_calls() -> None:
    """Simulation is deterministic: one seed, one set of calls; another seed, another."""
    assert list(simulate(7, 40)) == list(simulate(7, 40))
    assert list(simulate(7, 40)) != list(simulate(8, 40))


def test_the_mix_is_realistic() -> None:
    """Every kind of call occurs, most interruptions are handled well, and some go wrong in each way."""
    found = Counter(call.truth.happened for call in simulate(1, 400))

    assert {"correct", "missed_interruption", "false_interruption", "premature_endpointing", "none"} == set(found)
    assert found["correct"] > found["missed_interruption"] + found["false_interruption"]
    assert {"appointment_rescheduling", "billing", "support"} == {call.workflow for call in simulate(1, 400)}


def test_no_call_lies_on_the_edge_of_a_verdict() -> None:
    """Truth is clear-cut: nobody falls silent within 0.2 s of the limit, so that no tolerance decides."""
    for call in simulate(3, 500):
        silent = call.truth.silent_after_ms
        assert silent is None or abs(silent - 1_500) > 200


def test_a_call_is_emitted_whole() -> None:
    """An interruption that was heard leaves every event of its life, in one trace, at the times of the script."""
    spans = spans_of(EIGHT[0])
    names = Counter(span.name for span in spans)

    assert {
        e.CALL_STARTED, e.USER_SPEECH_STARTED, e.USER_SPEECH_STOPPED, e.USER_TRANSCRIPT, e.AGENT_SPEECH_STARTED, e.AGENT_SPEECH_STOPPED,
        e.AGENT_SPEECH_INTERRUPTED, e.CANDIDATE_DETECTED, e.DECISION_MADE, e.RECOVERED, e.CALL_ENDED,
    } == set(names)  # fmt: skip
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    cut = next(span for span in spans if span.name == e.AGENT_SPEECH_INTERRUPTED)
    assert cut.end_time == START + 6_740 * MS
    assert (cut.attributes or {})[a.VOICE_AGENT_PLAYBACK_POSITION_MS] == 1_340


def test_transcripts_come_late() -> None:
    """The final transcript arrives 200 to 500 ms after the caller stopped, as recognisers do."""
    for call in simulate(5, 60):
        for said in call.said:
            assert 200 <= said.final_ms <= 500


def test_text_stays_in_unless_kept() -> None:
    """Transcript text leaves only when the caller of `emit` asks for it."""
    kept = [span.attributes or {} for span in spans_of(EIGHT[0], keep_text=True)]
    shut = [span.attributes or {} for span in spans_of(EIGHT[0])]

    assert any(facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT) == "no, Friday" for facts in kept)
    assert not any(a.VOICE_CALLER_TRANSCRIPT_TEXT in facts for facts in shut)


def test_every_case_is_emitted_without_invented_names() -> None:
    """Every span carries a name of the registry and attributes of the registry only."""
    for case in [*EIGHT, *EIGHT_FAILING, *simulate(2, 30)]:
        for span in spans_of(case):
            assert span.name in e.EVENTS
            assert set(span.attributes or {}) <= {*a.ATTRIBUTES, a.GEN_AI_AGENT_NAME}


def test_silence_is_no_interruption() -> None:
    """A silence timeout is an event of its own and opens no candidate."""
    names = {span.name for span in spans_of(EIGHT[6])}

    assert e.SILENCE_TIMEOUT in names
    assert e.CANDIDATE_DETECTED not in names
    assert e.SILENCE_TIMEOUT not in {span.name for span in spans_of(EIGHT_FAILING[6])}


def test_a_lost_answer_has_no_resume_position() -> None:
    """An agent that took a backchannel for a new intent never went back, so no resume position is reported."""
    recovered = next(span.attributes or {} for span in spans_of(EIGHT_FAILING[1]) if span.name == e.RECOVERED)

    assert a.VOICE_INTERRUPTION_RECOVERY_POSITION_MS not in recovered
    assert recovered[a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE] == "lost"
