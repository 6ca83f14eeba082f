"""The board "Interruptions: overview": the seven metrics with what they rest on, then where it goes wrong, then whether to trust it."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.charts import bars, lines, over_window, rate_panel
from otel_voice_dashboards.choices import A_WEEK_BEFORE, OVER_RANGE, PER_STEP, PER_WINDOW, new_versions, traffic
from otel_voice_dashboards.house import COLOURS, GREY, About, Place, bad_above, board, thresholds
from otel_voice_dashboards.newest import against_the_one_before
from otel_voice_dashboards.scorecard import scorecard
from otel_voice_dashboards.tables import TALL, Column, breakdown, counted, shared, told_when

UID: Final = "otel-voice-overview"
_PROTECTED: Final = q.label(a.VOICE_INTERRUPTION_PROTECTED)
_OBSERVABLE: Final = q.label(a.VOICE_CALL_OBSERVABLE)
_WORKFLOW: Final = (a.VOICE_WORKFLOW,)
_RANKED: Final = (
    "Weighed: the rate as if four more had gone well, so that one mistake of one does not lead the list. A workflow's name opens its board."
)


def overview() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: overview",
        "Whether the voice agent handled interruptions well: false stops and misses apart, what could not be determined beside each.",
        traffic(),
    ).annotation(new_versions())
    for panel in (
        *scorecard(),
        *_trust(),
        *against_the_one_before(),
        *_worst(),
        *_counts(),
        *_rates(),
        *_split(),
        *_durations(),
        _verdicts(),
        _outcomes(),
    ):
        made = made.with_panel(panel)
    return made


def _trust() -> list[Builder[Panel]]:
    scope = OVER_RANGE
    undetermined = q.episodes(scope, **{q.VERDICT: "undetermined"})
    return [
        rate_panel(
            About(
                id=8,
                title="Undetermined",
                says="Of all episodes: how many could not be judged, because a fact is missing or nobody knows what the caller meant. "
                "They are in no rate. High: the traces say which fact, in `voice.evidence.missing`.",
                place=Place(x=0, y=16, w=6, h=8),
            ),
            value=q.share(undetermined, q.episodes(scope)),
            unit="percentunit",
            colours=bad_above(0.1, 0.3),
            beside=[("episodes", q.episodes(scope))],
        ),
        rate_panel(
            About(
                id=16,
                title="Calls",
                says="Settled calls. Those whose runtime reports no caller input while the agent speaks cannot be seen, and prove no "
                "good manners; silence timeouts and overlaps at a turn's end are no interruptions.",
                place=Place(x=6, y=16, w=6, h=8),
                nothing="no calls in this range",
            ),
            value=q.count(m.CALLS, scope),
            week_before=q.count(m.CALLS, A_WEEK_BEFORE),
            unit="none",
            colours=thresholds((None, GREY)),
            beside=[
                (name, q.none_yet(counted, scope))
                for name, counted in (
                    ("cannot be seen", q.count(m.CALLS, scope, **{_OBSERVABLE: "no"})),
                    ("silence timeouts", q.count(m.INTERRUPTION_SILENCE_TIMEOUTS, scope)),
                    ("turn overlaps", q.count(m.INTERRUPTION_TURN_OVERLAPS, scope)),
                )
            ],
        ),
    ]


def _worst() -> list[Builder[Panel]]:
    scope = OVER_RANGE
    false, missed = q.false_stops(scope, _WORKFLOW), q.misses(scope, _WORKFLOW)
    return [
        breakdown(
            About(
                id=19,
                title="Where the agent stops for nothing",
                says=f"Workflows by their rate of false stops, the worst first, ten at most. {_RANKED}",
                place=Place(x=0, y=24, w=12, h=TALL),
            ),
            _WORKFLOW[0],
            [
                counted("stops judged", q.stopped(scope, _WORKFLOW)),
                shared("false", q.false_rate(scope, _WORKFLOW)),
                shared("a week before", q.false_rate(A_WEEK_BEFORE, _WORKFLOW)),
                shared("weighed", q.weighed(false, q.stopped(scope, _WORKFLOW))),
            ],
            most="weighed",
        ),
        breakdown(
            About(
                id=20,
                title="Where it talks over callers",
                says=f"Workflows by their rate of missed interruptions, the worst first, ten at most. {_RANKED}",
                place=Place(x=12, y=24, w=12, h=TALL),
            ),
            _WORKFLOW[0],
            [
                counted("meant", q.meant(scope, _WORKFLOW)),
                shared("missed", q.missed_rate(scope, _WORKFLOW)),
                shared("a week before", q.missed_rate(A_WEEK_BEFORE, _WORKFLOW)),
                shared("weighed", q.weighed(missed, q.meant(scope, _WORKFLOW))),
            ],
            most="weighed",
        ),
    ]


def _counts() -> list[Builder[Panel]]:
    def count(**matchers: str) -> str:
        return q.episodes(PER_STEP, **matchers)

    return [
        bars(
            About(
                id=9,
                title="Stops the caller did not mean",
                says="False interruptions over time; pauses that resumed apart from stops for good. A step up at the mark of a new "
                "policy version: open the release board.",
                place=Place(x=0, y=36, w=12, h=9),
            ),
            [
                ("stopped for good", COLOURS["false"], count(**{q.VERDICT: "false_interruption", q.NET: "stopped"})),
                ("paused, resumed", COLOURS["paused"], count(**{q.VERDICT: "false_interruption", q.NET: "paused_resumed"})),
            ],
        ),
        bars(
            About(
                id=10,
                title="Interruptions the agent missed",
                says="Missed interruptions over time; those during content that the policy protects apart. A step up at the mark of a "
                "new policy version: open the release board.",
                place=Place(x=12, y=36, w=12, h=9),
            ),
            [
                ("missed", COLOURS["missed"], count(**{q.VERDICT: "missed_interruption", _PROTECTED: "false"})),
                ("missed, protected", COLOURS["protected"], count(**{q.VERDICT: "missed_interruption", _PROTECTED: "true"})),
            ],
        ),
    ]


def _rates() -> list[Builder[Panel]]:
    before = "Each point counts the window before it, which is chosen at the top; little traffic needs a long one."
    return [
        over_window(
            About(
                id=21,
                title="False interruption rate over time",
                says=f"Of the stops, those the caller had not meant. {before}",
                place=Place(x=0, y=45, w=12, h=9),
            ),
            "now",
            q.false_rate(PER_WINDOW),
        ),
        over_window(
            About(
                id=22,
                title="Missed interruption rate over time",
                says=f"Of the interruptions that callers meant, those that were missed. {before}",
                place=Place(x=12, y=45, w=12, h=9),
            ),
            "now",
            q.missed_rate(PER_WINDOW),
        ),
    ]


def _split() -> list[Builder[Panel]]:
    kind, version = a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_AGENT_POLICY_VERSION

    def columns(by: str) -> list[Column]:
        return [
            counted("episodes", q.episodes(OVER_RANGE, (by,))),
            shared("false", q.false_rate(OVER_RANGE, (by,))),
            shared("missed", q.missed_rate(OVER_RANGE, (by,))),
            counted("undetermined", q.episodes(OVER_RANGE, (by,), **{q.VERDICT: "undetermined"})),
        ]

    return [
        breakdown(
            About(
                id=11,
                title="By message type",
                says="Which kind of message it happens in: policy is set per message type.",
                place=Place(x=0, y=54, w=12, h=9),
            ),
            kind,
            columns(kind),
        ),
        breakdown(
            About(
                id=12,
                title="By the agent's policy version",
                says="Whether a policy change helped; rates are comparable across policy versions. The version that was seen last stands "
                "first.",
                place=Place(x=12, y=54, w=12, h=9),
            ),
            version,
            [told_when("first seen", q.first_seen_within(OVER_RANGE)), *columns(version)],
            most="first seen",
        ),
    ]


def _durations() -> list[Builder[Panel]]:
    def quantiles(metric: str) -> list[tuple[str, str]]:
        return [(f"p{round(share * 100)}", q.quantile(metric, share, PER_STEP)) for share in (0.5, 0.95)]

    return [
        lines(
            About(
                id=13,
                title="Silence after interruption",
                says="How long the caller waited for an answer after both were silent. Above two seconds callers begin again.",
                place=Place(x=0, y=63, w=12, h=9),
            ),
            "s",
            quantiles(m.INTERRUPTION_SILENCE_DURATION),
        ),
        lines(
            About(
                id=14,
                title="Reaction to a right interruption",
                says="From the caller's first meaningful word to the agent's silence; past 1.5 s it is a miss.",
                place=Place(x=12, y=63, w=12, h=9),
            ),
            "s",
            quantiles(m.INTERRUPTION_REACTION_DURATION),
        ),
    ]


def _verdicts() -> Builder[Panel]:
    names = {"correct": "correct", "false": "false_interruption", "missed": "missed_interruption", "undetermined": "undetermined"}
    return bars(
        About(
            id=15,
            title="All verdicts",
            says="Every settled episode by verdict: what the rates are made of. Mostly undetermined: no rate above means much.",
            place=Place(x=0, y=72, w=12, h=9),
        ),
        [(name, COLOURS[name], q.episodes(PER_STEP, **{q.VERDICT: verdict})) for name, verdict in names.items()],
    )


def _outcomes() -> Builder[Panel]:
    by = (a.VOICE_CALL_INTERRUPTED,)
    known = q.count(m.CALLS, OVER_RANGE, by, **{q.OUTCOME: q.KNOWN_OUTCOMES})
    escalated, told = (q.count(m.CALLS, OVER_RANGE, by, **{q.ESCALATED: each}) for each in ("true", "true|false"))
    return breakdown(
        About(
            id=24,
            title="Task completion, interrupted or not",
            says="Calls by what became of their interruptions: none, all handled, one mishandled, or nobody knows. Where calls without "
            "any fail as well, it is not the interruptions; where mishandled ones fail more than handled ones, it may be.",
            place=Place(x=12, y=72, w=12, h=9),
            nothing="no calls in this range",
        ),
        by[0],
        [
            counted("known outcome", known),
            shared("completed", q.share(q.count(m.CALLS, OVER_RANGE, by, **{q.OUTCOME: "completed"}), known, by)),
            shared("escalated", q.share(escalated, told, by)),
        ],
    )
