"""The board "Interruptions: overview": the seven metrics with what they rest on, then where it goes wrong, then whether to trust it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.house import (
    COLOURS,
    GREY,
    OVER_RANGE,
    PER_STEP,
    Place,
    bad_above,
    bars,
    board,
    breakdown,
    good_above,
    lines,
    rate_panel,
    thresholds,
    traffic,
)

UID = "otel-voice-overview"
_PROTECTED = q.label(a.VOICE_INTERRUPTION_PROTECTED)
_OBSERVABLE = q.label(a.VOICE_CALL_OBSERVABLE)


def overview() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: overview",
        "Whether the voice agent handled interruptions well: false stops and misses apart, what could not be determined beside each.",
        traffic(),
    )
    for panel in (*_mistakes(), *_recovery(), *_afterwards(), *_over_time(), *_split(), *_durations(), *_trust()):
        made = made.with_panel(panel)
    return made


def _undetermined() -> str:
    return q.episodes(OVER_RANGE, **{q.VERDICT: "undetermined"})


def _mistakes() -> list[Builder[Panel]]:
    scope, undetermined = OVER_RANGE, _undetermined()
    paused = q.episodes(scope, **{q.VERDICT: "false_interruption", q.NET: "paused_resumed"})
    protected = q.episodes(scope, **{q.VERDICT: "missed_interruption", _PROTECTED: "true"})
    return [
        rate_panel(
            1,
            "False interruption rate",
            "Of the times the agent fell silent for good: how often the caller had not meant it (a backchannel, a noise). Pauses that "
            "resumed are counted beside. High: raise the detector's thresholds, or let the policy keep talking through backchannels.",
            Place(x=0, y=0, w=6, h=7),
            value=q.false_rate(scope),
            unit="percentunit",
            colours=bad_above(0.1, 0.25),
            beside=[("stops judged", q.stopped(scope)), ("paused only", paused), ("undetermined", undetermined)],
        ),
        rate_panel(
            2,
            "Missed interruption rate",
            "Of the times the caller meant to interrupt: how often the agent was not silent within 1.5 s, or talked on over the caller. "
            "Protected: the policy kept the content; counted all the same. High: look at reaction times, then at message types.",
            Place(x=6, y=0, w=6, h=7),
            value=q.missed_rate(scope),
            unit="percentunit",
            colours=bad_above(0.1, 0.25),
            beside=[("meant", q.meant(scope)), ("protected misses", protected), ("undetermined", undetermined)],
        ),
    ]


def _recovery() -> list[Builder[Panel]]:
    scope, undetermined = OVER_RANGE, _undetermined()
    unsure = q.count(m.INTERRUPTION_RESUMES, scope, **{q.RESUME: "unknown|not_supported"})
    answered = f"sum(increase({q.selector(m.INTERRUPTION_SILENCE_DURATION, scope, '_count')}[{scope.window}]))"
    return [
        rate_panel(
            3,
            "Resume success rate",
            "Of the resumes after a false stop: how many went on within 0.5 s of where they stopped, not from the start or not at all.",
            Place(x=12, y=0, w=6, h=7),
            value=q.resume_rate(scope),
            unit="percentunit",
            colours=good_above(0.5, 0.8),
            beside=[("resumes judged", q.resumes(scope)), ("undetermined", unsure)],
        ),
        rate_panel(
            4,
            "Repeated user speech rate",
            "Of the times the caller meant to interrupt: how often they had to say it again within their next two turns.",
            Place(x=18, y=0, w=6, h=7),
            value=q.repeat_rate(scope),
            unit="percentunit",
            colours=bad_above(0.1, 0.25),
            beside=[("meant", q.meant(scope)), ("undetermined", undetermined)],
        ),
        rate_panel(
            5,
            "Silence after interruption, p95",
            "From when both were silent to the agent's next words; 95 in 100 were answered sooner. Never answered is counted beside.",
            Place(x=0, y=7, w=6, h=7),
            value=q.silence_p95(scope),
            unit="s",
            colours=bad_above(2, 4),
            beside=[("answered", answered), ("never answered", q.count(m.INTERRUPTION_UNANSWERED, scope))],
        ),
    ]


def _afterwards() -> list[Builder[Panel]]:
    scope, undetermined = OVER_RANGE, _undetermined()
    unknown_outcome, unknown_escalation = (q.perhaps(scope, each) for each in (q.OUTCOME, q.ESCALATED))
    return [
        rate_panel(
            6,
            "Task completion after interruption",
            "Of the calls with an interruption and a known outcome: how many completed their task. An association, not a cause.",
            Place(x=6, y=7, w=6, h=7),
            value=q.completion_rate(scope),
            unit="percentunit",
            colours=good_above(0.5, 0.8),
            beside=[("calls of known outcome", q.calls(scope, **{q.OUTCOME: q.KNOWN_OUTCOMES})), ("undetermined", unknown_outcome)],
        ),
        rate_panel(
            7,
            "Escalation after interruption",
            "Of the calls with an interruption: how many were handed to a person, which may be right. An association, not a cause.",
            Place(x=12, y=7, w=6, h=7),
            value=q.escalation_rate(scope),
            unit="percentunit",
            colours=thresholds((None, GREY)),
            beside=[("calls known", q.calls(scope, **{q.ESCALATED: "true|false"})), ("undetermined", unknown_escalation)],
        ),
        rate_panel(
            8,
            "Undetermined",
            "Of all episodes: how many could not be judged, because a fact is missing or nobody knows what the caller meant. They are in "
            "no rate. High: the traces say which fact, in `voice.evidence.missing`.",
            Place(x=18, y=7, w=6, h=7),
            value=q.share(undetermined, q.episodes(scope)),
            unit="percentunit",
            colours=bad_above(0.1, 0.3),
            beside=[("episodes", q.episodes(scope))],
        ),
    ]


def _over_time() -> list[Builder[Panel]]:
    def count(**matchers: str) -> str:
        return q.episodes(PER_STEP, **matchers)

    return [
        bars(
            9,
            "Stops the caller did not mean",
            "False interruptions over time; pauses that resumed apart from stops for good.",
            Place(x=0, y=14, w=12, h=9),
            [
                ("stopped for good", COLOURS["false"], count(**{q.VERDICT: "false_interruption", q.NET: "stopped"})),
                ("paused, resumed", COLOURS["paused"], count(**{q.VERDICT: "false_interruption", q.NET: "paused_resumed"})),
            ],
        ),
        bars(
            10,
            "Interruptions the agent missed",
            "Missed interruptions over time; those during content that the policy protects apart.",
            Place(x=12, y=14, w=12, h=9),
            [
                ("missed", COLOURS["missed"], count(**{q.VERDICT: "missed_interruption", _PROTECTED: "false"})),
                ("missed, protected", COLOURS["protected"], count(**{q.VERDICT: "missed_interruption", _PROTECTED: "true"})),
            ],
        ),
    ]


def _split() -> list[Builder[Panel]]:
    kind, version = a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_AGENT_POLICY_VERSION
    return [
        breakdown(
            11,
            "By message type",
            "Which kind of message it happens in: policy is set per message type.",
            Place(x=0, y=23, w=12, h=9),
            kind,
            _columns(kind),
        ),
        breakdown(
            12,
            "By the agent's policy version",
            "Whether a policy change helped; rates are comparable across policy versions.",
            Place(x=12, y=23, w=12, h=9),
            version,
            _columns(version),
        ),
    ]


def _durations() -> list[Builder[Panel]]:
    return [
        lines(
            13,
            "Silence after interruption",
            "How long the caller waited for an answer after both were silent.",
            Place(x=0, y=32, w=12, h=9),
            "s",
            [(f"p{round(share * 100)}", q.quantile(m.INTERRUPTION_SILENCE_DURATION, share, PER_STEP)) for share in (0.5, 0.95)],
        ),
        lines(
            14,
            "Reaction to a right interruption",
            "From the caller's first meaningful word to the agent's silence; past 1.5 s it is a miss.",
            Place(x=12, y=32, w=12, h=9),
            "s",
            [(f"p{round(share * 100)}", q.quantile(m.INTERRUPTION_REACTION_DURATION, share, PER_STEP)) for share in (0.5, 0.95)],
        ),
    ]


def _columns(by: str) -> list[tuple[str, str, str]]:
    return [
        ("episodes", "none", q.episodes(OVER_RANGE, (by,))),
        ("false", "percentunit", q.false_rate(OVER_RANGE, (by,))),
        ("missed", "percentunit", q.missed_rate(OVER_RANGE, (by,))),
        ("undetermined", "none", q.episodes(OVER_RANGE, (by,), **{q.VERDICT: "undetermined"})),
    ]


def _trust() -> list[Builder[Panel]]:
    plain = thresholds((None, GREY))
    return [
        bars(
            15,
            "All verdicts",
            "Every settled episode by verdict: what the rates are made of.",
            Place(x=0, y=41, w=12, h=9),
            [
                ("correct", COLOURS["correct"], q.episodes(PER_STEP, **{q.VERDICT: "correct"})),
                ("false", COLOURS["false"], q.episodes(PER_STEP, **{q.VERDICT: "false_interruption"})),
                ("missed", COLOURS["missed"], q.episodes(PER_STEP, **{q.VERDICT: "missed_interruption"})),
                ("undetermined", COLOURS["undetermined"], q.episodes(PER_STEP, **{q.VERDICT: "undetermined"})),
            ],
        ),
        rate_panel(
            16,
            "Calls",
            "Settled calls. Those whose runtime reports no caller input while the agent speaks cannot be seen, and prove no good manners; "
            "silence timeouts and overlaps at a turn's end are no interruptions.",
            Place(x=12, y=41, w=12, h=9),
            value=q.count(m.CALLS, OVER_RANGE),
            unit="none",
            colours=plain,
            beside=[
                ("cannot be seen", q.count(m.CALLS, OVER_RANGE, **{_OBSERVABLE: "no"})),
                ("silence timeouts", q.count(m.INTERRUPTION_SILENCE_TIMEOUTS, OVER_RANGE)),
                ("turn overlaps", q.count(m.INTERRUPTION_TURN_OVERLAPS, OVER_RANGE)),
            ],
        ),
    ]
