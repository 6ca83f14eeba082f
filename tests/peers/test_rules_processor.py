"""The alerts about processors in the real promtool, each with what it is for and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.night import DAY, HOUR, Night, counter

pytestmark = pytest.mark.peers
JOB = {"job": "otel-voice"}
ONE = JOB | {"instance": "one"}
TEMPO = ONE | {"exporter": "tempo"}
ONCE = counter([(0.0, 2 * HOUR), (1.0, 1), (0.0, 2 * HOUR)])
AT = 2 * HOUR + 20
STEADY = counter([(5.0, 4 * HOUR)])
EVENTS = "otel_voice_processor_events_total"

CASES: dict[str, tuple[list[tuple[str, str, dict[str, str]]], dict[str, str]]] = {
    "ProcessorRefuses": ([("otel_voice_receiver_refused_requests_total", STEADY, {})], ONE),
    "JournalBroken": ([("otel_voice_journal_failed_commits_total", ONCE, {})], ONE),
    "JournalFilling": (
        [("otel_voice_journal_bytes", "8e8x240", {}), ("otel_voice_journal_capacity_bytes", "1e9x240", {})],
        ONE,
    ),
    "ExporterQueueGrows": ([("otel_voice_exporter_queue_size", counter([(10.0, 4 * HOUR)]), {"exporter": "tempo"})], TEMPO),
    "DeadLetters": (
        [("otel_voice_exporter_dead_letters_total", ONCE, {"exporter": "tempo", "reason": "invalid_argument"})],
        TEMPO | {"reason": "invalid_argument"},
    ),
    "RequestsLost": ([("otel_voice_exporter_expired_requests_total", ONCE, {"exporter": "tempo"})], TEMPO),
    "CallsUnstarted": (
        [
            ("otel_voice_processor_settled_calls_total", STEADY, {"ended": "told"}),
            ("otel_voice_processor_settled_calls_total", STEADY, {"ended": "told", "instance": "two"}),
            ("otel_voice_processor_unstarted_calls_total", counter([(0.5, 4 * HOUR)]), {}),
        ],
        JOB,
    ),
    "ClockJumped": ([("otel_voice_processor_clock_jumps_total", ONCE, {"direction": "back"})], ONE),
    "EventsLate": (
        [(EVENTS, STEADY, {"outcome": "joined"}), (EVENTS, counter([(0.5, 4 * HOUR)]), {"outcome": "late"})],
        ONE,
    ),
    "ProcessorSilent": ([("otel_voice_receiver_accepted_requests_total", counter([(5.0, HOUR)]), {})], JOB),
    "ScorecardMissing": ([("otel_voice_processor_judged_events_total", STEADY, {"carrier": "span"})], JOB),
}

WELL = {
    "a journal that nobody limits": [("otel_voice_journal_bytes", "8e8x240", {}), ("otel_voice_journal_capacity_bytes", "0x240", {})],
    "a queue that is long and gets shorter": [("otel_voice_exporter_queue_size", "3000-5x240", {"exporter": "tempo"})],
    "a queue that is short": [("otel_voice_exporter_queue_size", "0+0.5x240", {"exporter": "tempo"})],
    "a clock that was set hours ago": [("otel_voice_processor_clock_jumps_total", "3x240", {"direction": "back"})],
    "one call without its head": [
        ("otel_voice_processor_settled_calls_total", STEADY, {"ended": "told"}),
        ("otel_voice_processor_unstarted_calls_total", ONCE, {}),
    ],
    "a duplicate is not late": [(EVENTS, STEADY, {"outcome": "joined"}), (EVENTS, STEADY, {"outcome": "duplicate"})],
    "a first long call": [("otel_voice_processor_judged_events_total", counter([(0.3, 4 * HOUR)]), {"carrier": "span"})],
    "a processor that has come up": [("otel_voice_receiver_accepted_requests_total", f"_x{HOUR} 0+1x180", {})],
}


@pytest.mark.parametrize("name", CASES)
def test_each_fires_for_what_it_is_for(name: str, tmp_path: Path) -> None:
    """And no other does."""
    series, labels = CASES[name]
    night = Night()
    for metric, values, more in series:
        night.push(metric, values, **more)
    night.fires(AT, (f"OtelVoice{name}", labels))
    night.check(tmp_path)


@pytest.mark.parametrize("what", WELL)
def test_what_is_well_is_silent(what: str, tmp_path: Path) -> None:
    """Series that are there, and say nothing bad."""
    night = Night()
    for metric, values, more in WELL[what]:
        night.push(metric, values, **more)
    night.silent(4 * HOUR)
    night.check(tmp_path)


def test_one_of_two_instances_that_goes_is_no_silence(tmp_path: Path) -> None:
    """Machines come and go; the job still counts. A day after the last one, nobody waits for it any more."""
    night = Night(every="10m")
    night.push("otel_voice_receiver_accepted_requests_total", counter([(5.0, HOUR)]))
    night.push("otel_voice_receiver_accepted_requests_total", counter([(5.0, 6 * HOUR)]), instance="two")
    night.fires(5 * HOUR)
    night.fires(7 * HOUR, ("OtelVoiceProcessorSilent", JOB))
    night.fires(6 * HOUR + DAY + 30)
    night.check(tmp_path)


def test_calls_that_nothing_records_are_told(tmp_path: Path) -> None:
    """Where only the doctor's test calls came there is nothing to record, and that is well; what is recorded is found."""
    night = Night()
    night.calls([(0.5, 4 * HOUR)], "completed", workflow="otel_voice_doctor")
    night.expect('{__name__=~".+:voice_.+"}', 2 * HOUR)
    night.silent(4 * HOUR)
    night.check(tmp_path)

    real = Night()
    real.calls([(0.5, 4 * HOUR)], "completed")
    real.silent(4 * HOUR)
    real.check(tmp_path)


def test_without_the_recording_rules_it_is_told(tmp_path: Path) -> None:
    """A team that loaded only the alerts would else wait for ever."""
    night = Night(only="otel-voice-processor")
    night.calls([(0.5, 4 * HOUR)], "completed")
    night.fires(2 * HOUR, ("OtelVoiceRecordingRulesMissing", {}))
    night.check(tmp_path)
