"""What the processor counts about itself: names, labels and meaning, for boards, alerts and the README's table.

Names end as the collector's do. Over OTLP they are `otel_voice_...`; Prometheus adds `_total` to counters. They belong to no version of
the schema: nothing of a call is told by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One number: `instrument` is counter or gauge, `labels` are on each of its points; `brief` says what is counted, as Markdown."""

    name: str
    instrument: str
    labels: tuple[str, ...]
    brief: str


def _counter(name: str, brief: str, *labels: str) -> Health:
    return Health(name=name, instrument="counter", labels=labels, brief=brief)


def _gauge(name: str, brief: str, *labels: str) -> Health:
    return Health(name=name, instrument="gauge", labels=labels, brief=brief)


HEALTH: Final[dict[str, Health]] = {
    each.name: each
    for each in (
        _counter("otel_voice_receiver_accepted_requests", "requests answered OK"),
        _counter("otel_voice_receiver_accepted_bytes", "their bytes, uncompressed"),
        _counter("otel_voice_receiver_refused_requests", "asked to come back"),
        _counter("otel_voice_receiver_memory_refused_requests", "of them, those refused unread for want of memory"),
        _counter("otel_voice_receiver_unfinished_requests", "of them, those cut off while they came in: timeout, memory", "reason"),
        _counter("otel_voice_receiver_failed_requests", "refused for good", "reason"),
        _counter("otel_voice_receiver_internal_errors", "a defect of the processor met a request; the sender is asked to come back"),
        _counter(
            "otel_voice_processor_judged_events",
            "of ours that are judged, by what carried them: span, log, `span_event`; also in requests that are refused then",
            "carrier",
        ),
        _counter("otel_voice_processor_unjudged_events", "of ours that cannot be judged: marked, passed on"),
        _counter("otel_voice_processor_unknown_events", "names under our prefix that are none of ours, passed on as they came"),
        _counter("otel_voice_processor_already_ruled_events", "judged by a processor before this one, passed on as they came"),
        _counter(
            "otel_voice_processor_newer_version_events",
            "of a later schema than the processor's, passed on as they came: upgrade the processor",
        ),
        _counter(
            "otel_voice_processor_unreadable_records",
            "of ours, or with an event of ours, that do not decode; passed on without what the caller said",
        ),
        _counter("otel_voice_processor_policy_failures", "events whose policy failed; judged without a ruling"),
        _counter("otel_voice_processor_policy_reloads", "times that the policy was read again: loaded, refused", "outcome"),
        _counter("otel_voice_processor_clock_jumps", "times that the clock was set: forward, back", "direction"),
        _counter("otel_voice_processor_standstills", "times that the processor stood still for more than 5 s"),
        _counter(
            "otel_voice_processor_memory_collections", "times that Python's garbage was collected for want of memory, every 10 s at most"
        ),
        _counter(
            "otel_voice_processor_events",
            "joined, duplicate, late (its call has settled), `implausible_time` (before 2000, or more than a day ahead of the processor's "
            "clock), `unreadable` (values that OTLP cannot carry), `too_many_calls` and `too_many_events` (a bound was reached)",
            "outcome",
        ),
        _counter("otel_voice_processor_settled_calls", "told, or expired because nothing came any more", "ended"),
        _counter(
            "otel_voice_processor_unstarted_calls",
            "settled calls without `call_started`: their head was lost, or two processors share a call",
        ),
        _counter(
            "otel_voice_processor_damaged_rows",
            "rows of the saved state that meant nothing at a start; the rest of it is restored",
            "database",
        ),
        _counter(
            "otel_voice_processor_damaged_events",
            "events of open calls, and what had settled of them, that could not be read any more; the calls are judged without",
        ),
        _counter("otel_voice_processor_tick_failures", "times that settling failed"),
        _counter("otel_voice_processor_settle_failures", "calls that could not be written"),
        _gauge("otel_voice_journal_bytes", "what waits for destinations"),
        _gauge("otel_voice_journal_capacity_bytes", "how much may wait"),
        _counter("otel_voice_journal_refused_requests", "requests refused because the journal is full"),
        _counter("otel_voice_journal_failed_commits", "commits that the disk refused, whose senders are asked to come back"),
        _counter("otel_voice_journal_damaged_rows", "values whose checksum did not fit; left out", "database"),
        _counter("otel_voice_journal_set_aside", "journals that could not be used: corrupt, newer, older, unsaved", "reason"),
        _counter("otel_voice_journal_lost_databases", "of them, the databases of which something was lost, by name", "reason"),
        _gauge("otel_voice_exporter_queue_size", "requests that wait", "exporter"),
        _counter("otel_voice_exporter_sent_requests", "requests that a destination took", "exporter"),
        _counter(
            "otel_voice_exporter_send_failed_attempts",
            "attempts that failed and are tried again: away, unsure, `timed_out`, or the code that says it is us",
            "exporter",
            "reason",
        ),
        _counter("otel_voice_exporter_send_failed_requests", "requests that one destination refused for good and another took", "reason"),
        _counter("otel_voice_exporter_rejected_spans", "spans that a destination took a request without", "exporter"),
        _counter("otel_voice_exporter_rejected_log_records", "log records that a destination took a request without", "exporter"),
        _counter("otel_voice_exporter_dead_letters", "requests that a destination will not get", "exporter", "reason"),
        _counter("otel_voice_exporter_lost_dead_letters", "of them, those that the disk refused", "exporter"),
        _counter("otel_voice_exporter_removed_dead_letters", "letters that went to make room"),
        _counter("otel_voice_exporter_abandoned_requests", "requests given up since the config no longer names their exporter", "exporter"),
        _counter("otel_voice_exporter_expired_requests", "requests given up since they were older than `max_age`", "exporter"),
        _counter("otel_voice_exporter_send_failed_summaries", "our own summaries that downstream refused"),
        _counter("otel_voice_exporter_enqueue_failed_summaries", "our own summaries that had to be given up"),
        _counter("otel_voice_exporter_internal_errors", "defects that met a request on its way out; it is tried again", "exporter"),
        _counter("otel_voice_exporter_unasked_requests", "requests of a signal that no exporter takes", "signal"),
        _counter("otel_voice_exporter_file_rotated_files", "files rotated: size, age", "reason"),
        _counter("otel_voice_exporter_file_compressed_files", "rotated files compressed"),
        _counter("otel_voice_exporter_file_removed_files", "rotated files removed: `max_days`, `max_backups`", "reason"),
        _counter(
            "otel_voice_exporter_file_mended_files",
            "files whose end a crash had torn: cut (a request that nobody was answered for), ended (only the newline was missing)",
            "how",
        ),
        _counter(
            "otel_voice_exporter_file_failures",
            "times that the disk refused: rotate, compress, remove; tried again, no request is lost",
            "step",
        ),
        _counter("otel_voice_exporter_send_failed_metric_points", "metric points not taken; the next push tells the rest"),
    )
}
