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
FAILED = "otel_voice_exporter_send_failed_attempts_total"

CASES: dict[str, tuple[list[tuple[str, str, dict[str, str]]], dict[str, str]]] = {
    "ProcessorRefuses": ([("otel_voice_receiver_refused_requests_total", STEADY, {})], ONE),
    "JournalBroken": ([("otel_voice_journal_failed_commits_total", ONCE, {})], ONE),
    "JournalFilling": (
        [("otel_voice_journal_bytes", "8e8x240", {}), ("otel_voice_journal_capacity_bytes", "1e9x240", {})],
        ONE,
    ),
    "ExporterAway": (
        [
            (FAILED, STEADY, {"exporter": "tempo", "reason": "away"}),
            ("otel_voice_exporter_sent_requests_total", "9x240", {"exporter": "tempo"}),
            ("otel_voice_exporter_sent_requests_total", STEADY, {"exporter": "collector"}),
            ("otel_voice_exporter_queue_size", "3x240", {"exporter": "tempo"}),
        ],
        TEMPO,
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

ALSO: dict[str, tuple[str, list[tuple[str, str, dict[str, str]]], dict[str, str]]] = {
    "a token that is not taken": (
        "ExporterAway",
        [(FAILED, STEADY, {"exporter": "tempo", "reason": "unauthenticated"})],
        TEMPO,
    ),
    "dead letters that the disk refused": (
        "RequestsLost",
        [("otel_voice_exporter_lost_dead_letters_total", ONCE, {"exporter": "tempo"})],
        TEMPO,
    ),
    "dead letters that went to make room": ("RequestsLost", [("otel_voice_exporter_removed_dead_letters_total", ONCE, {})], ONE),
    "requests that the config names no destination of": (
        "DeadLetters",  # nobody has lost them
        [
            ("otel_voice_exporter_dead_letters_total", ONCE, {"exporter": "tempo", "reason": "abandoned"}),
            ("otel_voice_exporter_abandoned_requests_total", ONCE, {"exporter": "tempo"}),
        ],
        TEMPO | {"reason": "abandoned"},
    ),
    "a corrupt journal": ("JournalBroken", [("otel_voice_journal_set_aside_total", ONCE, {"reason": "corrupt"})], ONE),
    "a journal that could not be saved": ("JournalBroken", [("otel_voice_journal_set_aside_total", ONCE, {"reason": "unsaved"})], ONE),
    "damaged rows": ("JournalBroken", [("otel_voice_journal_damaged_rows_total", ONCE, {"database": "queue"})], ONE),
}

WELL = {
    "a destination that is away, and nothing is sent to it": [
        (FAILED, "7x240", {"exporter": "tempo", "reason": "away"}),
        ("otel_voice_exporter_sent_requests_total", "9x240", {"exporter": "tempo"}),
        ("otel_voice_exporter_queue_size", "0x240", {"exporter": "tempo"}),
    ],
    "attempts that fail beside others that do not": [
        (FAILED, STEADY, {"exporter": "tempo", "reason": "timed_out"}),
        ("otel_voice_exporter_sent_requests_total", STEADY, {"exporter": "tempo"}),
    ],
    "a later version's journal": [("otel_voice_journal_set_aside_total", ONCE, {"reason": "newer"})],
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


PASSING = {
    "one request refused": [("otel_voice_receiver_refused_requests_total", ONCE, {})],
    "eight minutes of refusals": [("otel_voice_receiver_refused_requests_total", counter([(0.0, HOUR), (9.0, 8), (0.0, 3 * HOUR)]), {})],
    "a destination that is away for twenty minutes": [
        (FAILED, counter([(0.0, HOUR), (2.0, 20), (0.0, 2 * HOUR + 40)]), {"exporter": "tempo", "reason": "away"}),
        ("otel_voice_exporter_sent_requests_total", counter([(0.0, HOUR + 20), (1.0, 2), (0.0, 2 * HOUR)]), {"exporter": "tempo"}),
    ],
    "a destination that is asked for ten minutes, and no more": [
        (FAILED, counter([(0.0, HOUR), (2.0, 10), (0.0, 2 * HOUR + 50)]), {"exporter": "tempo", "reason": "away"}),
    ],
    "a destination that takes something now and then": [
        (FAILED, counter([(2.0, 4 * HOUR)]), {"exporter": "tempo", "reason": "timed_out"}),
        ("otel_voice_exporter_sent_requests_total", counter([(0.0, 19), (1.0, 1)] * 12), {"exporter": "tempo"}),
    ],
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


@pytest.mark.parametrize("what", ALSO)
def test_each_knows_all_that_it_tells_of(what: str, tmp_path: Path) -> None:
    """Every way in which it comes to be, told once, and by no other alert."""
    name, series, labels = ALSO[what]
    night = Night()
    for metric, values, more in series:
        night.push(metric, values, **more)
    night.fires(AT, (f"OtelVoice{name}", labels))
    night.check(tmp_path)


@pytest.mark.parametrize("what", PASSING)
def test_what_passes_tells_nobody(what: str, tmp_path: Path) -> None:
    """An alert may wait, and comes to nothing."""
    night = Night(every="1m", only="otel-voice-processor")
    for metric, values, more in PASSING[what]:
        night.push(metric, values, **more)
    night.expect(f'count by (alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{4 * HOUR}m]))', 4 * HOUR)
    night.expect(f"count(count_over_time(ALERTS[{4 * HOUR}m])) > bool 0", 4 * HOUR, ({}, 1))  # it did wait
    night.check(tmp_path)


def test_refusals_of_ten_minutes_are_told(tmp_path: Path) -> None:
    """A quarter of an hour after they began, until five minutes after the last."""
    night = Night(every="1m", only="otel-voice-processor")
    night.push("otel_voice_receiver_refused_requests_total", counter([(0.0, HOUR), (2.0, 15), (0.0, HOUR)]))
    night.fires(HOUR + 14)
    night.fires(HOUR + 17, ("OtelVoiceProcessorRefuses", ONE))
    night.fires(HOUR + 21)
    night.check(tmp_path)


def test_a_destination_that_is_away_all_night_is_told(tmp_path: Path) -> None:
    """On a line so quiet that a handful of requests wait; after half an hour, by its name, until it takes something."""
    night = Night(every="1m", only="otel-voice-processor")
    gone, back = 2 * HOUR, 10 * HOUR
    tries = [(0.0, gone), (2.0, back - gone), (0.0, HOUR)]
    night.push(FAILED, counter(tries), exporter="tempo", reason="away")
    night.push("otel_voice_exporter_sent_requests_total", counter([(0.1, gone), (0.0, back - gone), (3.0, HOUR)]), exporter="tempo")
    night.push("otel_voice_exporter_sent_requests_total", counter([(0.1, 11 * HOUR)]), exporter="collector")
    night.push("otel_voice_exporter_queue_size", counter([(0.0, gone), (0.1, back - gone), (0.0, HOUR)]), exporter="tempo")
    away = ("OtelVoiceExporterAway", TEMPO)
    night.fires(gone + 25)
    night.fires(gone + 40, away)
    night.fires(back - 1, away)
    night.fires(back + 5)
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
