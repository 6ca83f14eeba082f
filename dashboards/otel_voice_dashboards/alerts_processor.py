"""Alerts about the processor itself: what it refuses, keeps back or loses, and whether it still counts. None of them wakes anybody."""

from __future__ import annotations

from typing import Final

from otel_voice_schema import metrics as m

from otel_voice_dashboards import health
from otel_voice_dashboards import queries as q
from otel_voice_dashboards import rules as r
from otel_voice_dashboards.alerts import OVERVIEW, WARNING, Alert
from otel_voice_dashboards.slo import Targets

BOARD: Final = "otel-voice-processor"
INSTANCE: Final = ("job", "instance")
EXPORTER: Final = (*INSTANCE, "exporter")
WHO: Final = "{instance} of {job}"


def about_processor(targets: Targets) -> tuple[Alert, ...]:
    """Return the alerts about processors, by instance where there is one."""
    return (
        *_arriving(targets),
        *_in_time(targets),
        *_kept(targets),
        *_leaving(targets),
        *_counting(targets),
    )


def _alert(
    name: str,
    heading: str,
    expr: str,
    hold: str,
    summary: str,
    description: str,
    *,
    panel: tuple[str, str],
    by: tuple[str, ...] = INSTANCE,
) -> Alert:
    return Alert(
        name=f"OtelVoice{name}",
        expr=expr,
        hold=hold,
        severity=WARNING,
        heading=heading,
        summary=summary,
        description=description,
        by=by,
        panel=panel,
    )


def _grown(name: str, window: str, by: tuple[str, ...], **matchers: str) -> str:
    return f"sum by ({', '.join(by)}) (increase({health.everywhere(name, **matchers)}[{window}]))"


def _arriving(targets: Targets) -> tuple[Alert, ...]:
    settled, unstarted = (_grown(f"otel_voice_processor_{name}_calls", "1h", ("job",)) for name in ("settled", "unstarted"))
    return (
        _alert(
            "ProcessorRefuses",
            "The processor refuses requests",
            f"{_grown('otel_voice_receiver_refused_requests', '5m', INSTANCE)} > 0",
            "15m",  # ten minutes and the window: a refusal that ends is sent again, and no reason to tell anybody
            f"{WHO} refuses requests",
            f"For ten minutes {WHO} has asked senders to come back, {{value}} times in 5m; what they cannot keep is lost with them.",
            panel=(BOARD, "Requests refused"),
        ),
        _alert(
            "CallsUnstarted",
            "Calls without their head",
            f"{unstarted}\n/ {settled}\n> {targets.unstarted_share:g}\nand {unstarted} >= {targets.unstarted_calls}",
            "15m",
            "{share} of the calls at {job} have no call_started",
            "Over 1h, {share} of the calls that settled at {job} had no call_started: two processors share calls, or heads were lost.",
            by=("job",),
            panel=(BOARD, "Calls settled"),
        ),
    )


def _in_time(targets: Targets) -> tuple[Alert, ...]:
    late = _grown("otel_voice_processor_events", "1h", INSTANCE, outcome="late")
    every = _grown("otel_voice_processor_events", "1h", INSTANCE, outcome="late|joined")
    jumps, stood = (_grown(f"otel_voice_processor_{name}", "1h", INSTANCE) for name in ("clock_jumps", "standstills"))
    implausible = _grown("otel_voice_processor_events", "1h", INSTANCE, outcome="implausible_time")
    return (
        _alert(
            "ClockJumped",
            "Clock and lag",
            f"{jumps} > 0\nor {stood} > 0\nor {implausible} > 0",
            "0s",
            f"Time is not what it seems at {WHO}",
            f"In 1h, {WHO} saw its clock set, stood still for seconds, or got events of an implausible time ({{value}} times).",
            panel=(BOARD, "What disturbed it"),
        ),
        _alert(
            "EventsLate",
            "Clock and lag",
            f"{late}\n/ {every}\n> {targets.late_share:g}\nand {late} >= {targets.late_events}",
            "15m",
            f"{{share}} of the events come too late at {WHO}",
            f"Over 1h, {{share}} of the events at {WHO} came after their call had settled and are in no verdict.",
            panel=(BOARD, "Events, by what became of them"),
        ),
    )


def _kept(targets: Targets) -> tuple[Alert, ...]:
    waiting, room = (
        f"max by ({', '.join(INSTANCE)}) ({health.everywhere(f'otel_voice_journal_{name}')})" for name in ("bytes", "capacity_bytes")
    )
    # a journal of a newer or older version is set aside, too, and is no fault of the disk
    harm = {"failed_commits": {}, "set_aside": {"reason": "corrupt|unsaved"}, "damaged_rows": {}}
    broken = "\nor ".join(_grown(f"otel_voice_journal_{name}", "1h", INSTANCE, **which) + " > 0" for name, which in harm.items())
    return (
        _alert(
            "JournalBroken",
            "The journal's disk",
            broken,
            "0s",
            f"The disk under the journal of {WHO} fails",
            f"In 1h, the disk refused a commit of {WHO}, or gave back something else than was written ({{value}} times).",
            panel=(BOARD, "What disturbed it"),
        ),
        _alert(
            "JournalFilling",
            "The journal fills",
            f"{waiting}\n/ ({room} > 0)\n> {targets.journal_share:g}",
            "10m",
            f"The journal of {WHO} is {{share}} full",
            f"What waits for destinations fills {{share}} of the journal of {WHO}; when it is full, senders are refused.",
            panel=(BOARD, "Journal full"),
        ),
    )


def _leaving(targets: Targets) -> tuple[Alert, ...]:
    return (_away(), _queue_grows(targets), *_given_up())


def _away() -> Alert:
    failed = _grown("otel_voice_exporter_send_failed_attempts", "15m", EXPORTER)  # a destination may ask for pauses of 10 min
    sent = _grown("otel_voice_exporter_sent_requests", "5m", EXPORTER)
    return _alert(
        "ExporterAway",
        "A destination takes nothing",
        f"{failed} > 0\nunless {sent} > 0",
        "30m",
        f"{{exporter}} takes nothing from {WHO}",
        f"For half an hour {WHO} has tried, and {{exporter}} has taken nothing: {{value}} attempts failed in the last 15m.",
        by=EXPORTER,
        panel=(BOARD, "Attempts that failed, a second"),
    )


def _queue_grows(targets: Targets) -> Alert:
    queue, by = health.everywhere("otel_voice_exporter_queue_size"), ", ".join(EXPORTER)
    return _alert(
        "ExporterQueueGrows",
        "A destination does not keep up",
        f"min by ({by}) (min_over_time({queue}[15m])) > {targets.queue_requests}\nand sum by ({by}) (delta({queue}[15m])) > 0",
        "15m",
        f"{{value}} requests wait for {{exporter}} at {WHO}, and become more",
        f"{{exporter}} takes less than {WHO} gets: {{value}} requests wait at least.",
        by=EXPORTER,
        panel=(BOARD, "Requests that wait, by destination"),
    )


def _given_up() -> tuple[Alert, ...]:
    # what a config names no more becomes dead letters, told as such; which of the letters went to make room, nothing counts by exporter
    lost = (
        *(_grown(f"otel_voice_exporter_{name}", "1h", EXPORTER) for name in ("expired_requests", "lost_dead_letters")),
        _grown("otel_voice_exporter_removed_dead_letters", "1h", INSTANCE),
    )
    return (
        _alert(
            "DeadLetters",
            "Dead letters",
            f"{_grown('otel_voice_exporter_dead_letters', '1h', (*EXPORTER, 'reason'))} > 0",
            "0s",
            f"{WHO} lays aside what {{exporter}} does not get: {{reason}}",
            f"In 1h, {{value}} requests of {WHO} became dead letters, because {{exporter}} will not get them ({{reason}}).",
            by=(*EXPORTER, "reason"),
            panel=(BOARD, "Requests given up"),
        ),
        _alert(
            "RequestsLost",
            "Requests that nobody has any more",
            "\nor ".join(f"{each} > 0" for each in lost),
            "0s",
            f"{WHO} lost requests",
            f"In 1h, {{value}} requests or dead letters of {WHO} were lost: too old, refused by the disk, or gone to make room for newer "
            "letters; these alone name no exporter.",
            by=EXPORTER,
            panel=(BOARD, "Requests given up"),
        ),
    )


def _counting(targets: Targets) -> tuple[Alert, ...]:
    alive = health.everywhere(health.ALIVE)
    judged = _grown("otel_voice_processor_judged_events", "1h", ("job",))
    recorded = r.UNSEEN.recorded("1h")
    return (
        _alert(
            "ProcessorSilent",
            "No metrics at all",
            f"count by (job) (present_over_time({alive}[1d]))\nunless count by (job) (present_over_time({alive}[15m]))",
            "5m",
            "{job} sends no metrics any more",
            "{job} sent metrics within the last day and has sent none for 15m: no rate is counted, and no other alert of ours can fire.",
            by=("job",),
            panel=(BOARD, "Requests a second"),
        ),
        _alert(
            "ScorecardMissing",
            "No scorecard although calls come",
            f"{judged} > {targets.missing_events}\nunless {q.count(m.CALLS, q.Scope(window='1h'), ('job',))} > 0",
            "15m",
            "{job} judges events, and counts no call",
            "Within 1h, {job} judged {value} events and no call settled.",
            by=("job",),
            panel=(BOARD, "Calls settled"),
        ),
        _alert(
            "RecordingRulesMissing",
            "The recording rules are not loaded",
            f"{q.count(m.CALLS, q.Scope(window='1h', without=targets.doctor_workflow))} > 0\nunless on () count({recorded})",
            "10m",
            "otel-voice's recording rules are not loaded",
            "{value} calls settled within 1h, and nothing is recorded of them: alerts on rates cannot fire.",
            by=(),
            panel=(OVERVIEW, "Calls"),
        ),
    )
