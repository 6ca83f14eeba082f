"""The board "Interruptions: processor": whether it takes, judges and delivers, for whoever is woken because of it."""

from __future__ import annotations

from functools import partial
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from otel_voice_dashboards import health as h
from otel_voice_dashboards import queries as q
from otel_voice_dashboards.charts import bars, line_over, lines, rate_panel
from otel_voice_dashboards.choices import chooser
from otel_voice_dashboards.house import BLUE, COLOURS, GREEN, GREY, ORANGE, RED, About, Place, bad_above, board

UID: Final = "otel-voice-processor"
_About = partial(About, nothing="nothing counted in this range")
GIVEN_UP: Final = ("otel_voice_exporter_dead_letters", "otel_voice_exporter_expired_requests")  # abandoned ones are dead letters
REJECTED: Final = ("otel_voice_exporter_rejected_spans", "otel_voice_exporter_rejected_log_records")
OWN: Final = ("otel_voice_exporter_send_failed_summaries", "otel_voice_exporter_enqueue_failed_summaries")
FAILURES: Final = ("otel_voice_processor_tick_failures", "otel_voice_processor_settle_failures", "otel_voice_processor_policy_failures")
DEFECTS: Final = ("otel_voice_receiver_internal_errors", "otel_voice_exporter_internal_errors")
DAMAGE: Final = ("otel_voice_journal_damaged_rows", "otel_voice_processor_damaged_rows", "otel_voice_processor_damaged_events")


def processor() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: processor",
        "Whether the processor takes, judges and delivers: what it refuses, what waits for whom, what was given up, what disturbed it.",
        [
            chooser("job", "Service", f"label_values({h.ALIVE}_total, job)"),
            chooser("instance", "Instance", f"label_values({h.ALIVE}_total{{job=~`${{job:regex}}`}}, instance)"),
        ],
    )
    for panel in (*_is_it_taking(), *_is_it_delivering(), *_taking(), *_delivering(), *_judging(), *_disturbed()):
        made = made.with_panel(panel)
    return made


def _share(of: str, others: str) -> str:
    return f"({of}) / ((({of}) + ({others})) > 0)"


def _is_it_taking() -> list[Builder[Panel]]:
    accepted, refused = h.counted(h.ALIVE), h.counted("otel_voice_receiver_refused_requests")
    full = f"max({h.series('otel_voice_journal_bytes')} / {h.series('otel_voice_journal_capacity_bytes')})"
    return [
        rate_panel(
            _About(
                id=1,
                title="Requests refused",
                says="Of the requests that came: how many were asked to come back, because the journal is full, the disk refuses or "
                "memory is short. Senders keep them for a while and then drop them. Above zero for long: look at the journal beside, "
                "then at memory.",
                place=Place(x=0, y=0, w=6, h=7),
            ),
            value=_share(refused, accepted),
            unit="percentunit",
            colours=bad_above(0.001, 0.05),
            beside=[
                ("taken", accepted),
                ("refused", refused),
                ("for want of memory", h.counted("otel_voice_receiver_memory_refused_requests")),
                ("refused for good", h.counted("otel_voice_receiver_failed_requests")),
            ],
        ),
        rate_panel(
            _About(
                id=2,
                title="Journal full",
                says="How much of the journal's bound waits for destinations, of the fullest processor. At 100 % nothing is taken any "
                "more. Rising: a destination is away or too slow; the panel of what waits says which. Nothing is shown of a processor in "
                "memory.",
                place=Place(x=6, y=0, w=6, h=7),
            ),
            value=full,
            unit="percentunit",
            colours=bad_above(0.5, 0.8),
            beside=[
                ("requests that wait", h.now("otel_voice_exporter_queue_size")),
                ("refused, it was full", h.counted("otel_voice_journal_refused_requests")),
                ("commits that failed", h.counted("otel_voice_journal_failed_commits")),
            ],
        ),
    ]


def _is_it_delivering() -> list[Builder[Panel]]:
    judged, unjudged = h.counted("otel_voice_processor_judged_events"), h.counted("otel_voice_processor_unjudged_events")
    return [
        rate_panel(
            _About(
                id=3,
                title="Requests given up",
                says="Requests that a destination never gets: it refuses them for good, or the config no longer names it: the folder "
                "`dead_letters/` beside the journal has these, each with its reason. Those that were older than `max_age` are gone.",
                place=Place(x=12, y=0, w=6, h=7),
            ),
            value=h.counted(*GIVEN_UP),
            unit="none",
            colours=bad_above(1, 100),
            beside=[
                ("spans and logs rejected in part", h.counted(*REJECTED)),
                ("own summaries lost", h.counted(*OWN)),
                ("metric points not taken", h.counted("otel_voice_exporter_send_failed_metric_points")),
            ],
        ),
        rate_panel(
            _About(
                id=4,
                title="Events not judged",
                says="Of our events: how many could not be judged, since they do not conform. They go on, marked with "
                "`voice.problem.codes`, and the log says once of each kind what is wrong. High: an agent was released with a mistake; "
                "`otel-voice validate` finds it.",
                place=Place(x=18, y=0, w=6, h=7),
            ),
            value=_share(unjudged, judged),
            unit="percentunit",
            colours=bad_above(0.01, 0.1),
            beside=[
                ("judged", judged),
                ("not judged", unjudged),
                ("of a later schema", h.counted("otel_voice_processor_newer_version_events")),
                ("unreadable", h.counted("otel_voice_processor_unreadable_records")),
            ],
        ),
    ]


def _taking() -> list[Builder[Panel]]:
    return [
        lines(
            _About(
                id=5,
                title="Requests a second",
                says="What comes in. Refused ones come back; those that fail are refused for good: no OTLP, or larger than may be.",
                place=Place(x=0, y=7, w=12, h=8),
            ),
            "reqps",
            [
                ("taken", h.per_second(h.ALIVE)),
                ("refused", h.per_second("otel_voice_receiver_refused_requests")),
                ("failed", h.per_second("otel_voice_receiver_failed_requests")),
            ],
        ),
        lines(
            _About(
                id=6,
                title="Bytes a second",
                says="What was taken, uncompressed. The journal's bound over this is how long a destination may be away.",
                place=Place(x=12, y=7, w=12, h=8),
            ),
            "Bps",
            [("taken", h.per_second("otel_voice_receiver_accepted_bytes"))],
        ),
    ]


def _delivering() -> list[Builder[Panel]]:
    return [
        lines(
            _About(
                id=7,
                title="Requests that wait, by destination",
                says="One line that rises while others lie at zero: that destination is away. All rise: this processor has not enough CPU.",
                place=Place(x=0, y=15, w=12, h=8),
            ),
            "short",
            [("{{exporter}}", h.now("otel_voice_exporter_queue_size", ("exporter",)))],
        ),
        lines(
            _About(
                id=8,
                title="Journal",
                says="Bytes that wait, and how many may. It frees itself as destinations take what waits.",
                place=Place(x=12, y=15, w=12, h=8),
            ),
            "bytes",
            [("waiting", h.now("otel_voice_journal_bytes")), ("bound", h.now("otel_voice_journal_capacity_bytes"))],
        ),
        lines(
            _About(
                id=9,
                title="Requests delivered a second, by destination",
                says="What destinations took. After an outage it is higher than what comes in, until nothing waits.",
                place=Place(x=0, y=23, w=12, h=8),
            ),
            "reqps",
            [("{{exporter}}", h.per_second("otel_voice_exporter_sent_requests", ("exporter",)))],
        ),
        lines(
            _About(
                id=10,
                title="Attempts that failed, a second",
                says="Tried again until they succeed. `away`: nobody answers; `unsure`: no answer, so it may come twice; a code such as "
                "`unauthenticated`: the destination refuses us, mend its config.",
                place=Place(x=12, y=23, w=12, h=8),
            ),
            "reqps",
            [("{{exporter}}: {{reason}}", h.per_second("otel_voice_exporter_send_failed_attempts", ("exporter", "reason")))],
        ),
    ]


def _judging() -> list[Builder[Panel]]:
    def outcome(*names: str) -> str:
        return h.grown("otel_voice_processor_events", q.STEP_WINDOW, outcome="|".join(names))

    def ended(how: str) -> str:
        return h.grown("otel_voice_processor_settled_calls", q.STEP_WINDOW, ended=how)

    return [
        bars(
            _About(
                id=11,
                title="Events, by what became of them",
                says="Late: their call had settled; raise `settle_after`, or look for a slow sender. Duplicates: a sender that repeats. "
                "Not joined: no plausible time, unreadable values, or a bound was reached.",
                place=Place(x=0, y=31, w=12, h=8),
            ),
            [
                ("joined", GREEN, outcome("joined")),
                ("duplicate", GREY, outcome("duplicate")),
                ("late", ORANGE, outcome("late")),
                ("not joined", RED, outcome("implausible_time", "unreadable", "too_many_calls", "too_many_events")),
            ],
        ),
        line_over(
            bars(
                _About(
                    id=12,
                    title="Calls settled",
                    says="Expired: no end was told, `expire_after` passed. The line, without a start, is a part of them: their head was "
                    "lost, or two processors share calls, which must be routed by trace id.",
                    place=Place(x=12, y=31, w=12, h=8),
                ),
                [
                    ("end told", GREEN, ended("told")),
                    ("expired", ORANGE, ended("expired")),
                    ("without a start", RED, h.grown("otel_voice_processor_unstarted_calls", q.STEP_WINDOW)),
                ],
            ),
            "without a start",
        ),
    ]


def _disturbed() -> list[Builder[Panel]]:
    def grown(*names: str) -> str:
        return h.counted(*names, window=q.STEP_WINDOW)

    return [
        bars(
            _About(
                id=13,
                title="What disturbed it",
                says="Nothing here is normal. Stood still: it had no CPU for more than 5 s. Damage: the disk changed what was written. A "
                "policy that was not taken: the old one rules, `GET /` says why. Defects and failures: the log has each; please report "
                "them.",
                place=Place(x=0, y=39, w=24, h=9),
            ),
            [
                ("clock set", BLUE, grown("otel_voice_processor_clock_jumps")),
                ("stood still", COLOURS["paused"], grown("otel_voice_processor_standstills")),
                ("memory collected", GREY, grown("otel_voice_processor_memory_collections")),
                ("policy not taken", ORANGE, h.grown("otel_voice_processor_policy_reloads", q.STEP_WINDOW, outcome="refused")),
                ("commits failed", COLOURS["protected"], grown("otel_voice_journal_failed_commits")),
                ("damage", RED, grown("otel_voice_journal_set_aside", *DAMAGE)),
                ("defects and failures", "dark-red", grown(*DEFECTS, *FAILURES)),
            ],
        ),
    ]
