"""The seven metrics as panels, each with what it was a week before and the counts it rests on; what is in no rate stands beside."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.charts import rate_panel
from otel_voice_dashboards.choices import A_WEEK_BEFORE, OVER_RANGE
from otel_voice_dashboards.house import GREY, About, Place, bad_above, good_above, thresholds

_PROTECTED: Final = q.label(a.VOICE_INTERRUPTION_PROTECTED)


def scorecard() -> list[Builder[Panel]]:
    """Return the panels in two rows of four: mistakes and recovery, then what came of it."""
    return [_false(), _missed(), _resumed(), _repeated(), _silence(), _completed(), _escalated(), _person()]


def _beside(*counts: tuple[str, str]) -> list[tuple[str, str]]:
    return [(name, q.none_yet(counted, OVER_RANGE)) for name, counted in counts]


def _undetermined() -> tuple[str, str]:
    return "undetermined", q.episodes(OVER_RANGE, **{q.VERDICT: "undetermined"})


def _false() -> Builder[Panel]:
    paused = q.episodes(OVER_RANGE, **{q.VERDICT: "false_interruption", q.NET: "paused_resumed"})
    return rate_panel(
        About(
            id=1,
            title="False interruption rate",
            says="Of the times the agent fell silent for good: how often the caller had not meant it (a backchannel, a noise). Pauses "
            "that resumed are counted beside. High: raise the detector's thresholds, or let the policy keep talking through backchannels.",
            place=Place(x=0, y=0, w=6, h=8),
        ),
        value=q.false_rate(OVER_RANGE),
        week_before=q.false_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=bad_above(0.1, 0.25),
        beside=_beside(("stops judged", q.stopped(OVER_RANGE)), ("paused only", paused), _undetermined()),
    )


def _missed() -> Builder[Panel]:
    protected = q.episodes(OVER_RANGE, **{q.VERDICT: "missed_interruption", _PROTECTED: "true"})
    return rate_panel(
        About(
            id=2,
            title="Missed interruption rate",
            says="Of the times the caller meant to interrupt: how often the agent was not silent within 1.5 s, or talked on over the "
            "caller. Protected: the policy kept the content; counted all the same. High: look at reaction times, then at message types.",
            place=Place(x=6, y=0, w=6, h=8),
        ),
        value=q.missed_rate(OVER_RANGE),
        week_before=q.missed_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=bad_above(0.1, 0.25),
        beside=_beside(("meant", q.meant(OVER_RANGE)), ("protected misses", protected), _undetermined()),
    )


def _resumed() -> Builder[Panel]:
    unsure = q.count(m.INTERRUPTION_RESUMES, OVER_RANGE, **{q.RESUME: "unknown|not_supported"})
    return rate_panel(
        About(
            id=3,
            title="Resume success rate",
            says="Of the resumes after a false stop: how many went on within 0.5 s of where they stopped, not from the start or not at "
            "all. Low: the agent loses its place, so false stops cost the caller more; resume from the playback position.",
            place=Place(x=12, y=0, w=6, h=8),
        ),
        value=q.resume_rate(OVER_RANGE),
        week_before=q.resume_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=good_above(0.5, 0.8),
        beside=_beside(("resumes judged", q.resumes(OVER_RANGE)), ("undetermined", unsure)),
    )


def _repeated() -> Builder[Panel]:
    return rate_panel(
        About(
            id=4,
            title="Repeated user speech rate",
            says="Of the times the caller meant to interrupt: how often they had to say it again within their next two turns. High while "
            "misses are low: the agent stops, and then does not use what it heard.",
            place=Place(x=18, y=0, w=6, h=8),
        ),
        value=q.repeat_rate(OVER_RANGE),
        week_before=q.repeat_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=bad_above(0.1, 0.25),
        beside=_beside(("meant", q.meant(OVER_RANGE)), _undetermined()),
    )


def _silence() -> Builder[Panel]:
    never = q.count(m.INTERRUPTION_UNANSWERED, OVER_RANGE)
    return rate_panel(
        About(
            id=5,
            title="Silence after interruption, p95",
            says="From when both were silent to the agent's next words; 95 in 100 were answered sooner. Never answered is counted "
            "beside. Above two seconds callers begin again: look for slow tools, or a turn that got lost.",
            place=Place(x=0, y=8, w=6, h=8),
        ),
        value=q.silence_p95(OVER_RANGE),
        week_before=q.silence_p95(A_WEEK_BEFORE),
        unit="s",
        colours=bad_above(2, 4),
        beside=_beside(("answered", q.answered(OVER_RANGE)), ("never answered", never)),
    )


def _completed() -> Builder[Panel]:
    known = q.calls(OVER_RANGE, **{q.OUTCOME: q.KNOWN_OUTCOMES})
    return rate_panel(
        About(
            id=6,
            title="Task completion after interruption",
            says="Of the calls with an interruption and a known outcome: how many completed their task. An association, not a cause. "
            "Low, or lower than a week before: compare policy versions on the release board, then listen to its calls.",
            place=Place(x=6, y=8, w=6, h=8),
        ),
        value=q.completion_rate(OVER_RANGE),
        week_before=q.completion_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=good_above(0.5, 0.8),
        beside=_beside(("calls of known outcome", known), ("undetermined", q.perhaps(OVER_RANGE, q.OUTCOME))),
    )


def _escalated() -> Builder[Panel]:
    known = q.calls(OVER_RANGE, **{q.ESCALATED: "true|false"})
    return rate_panel(
        About(
            id=7,
            title="Escalation after interruption",
            says="Of the calls with an interruption: how many were handed to a person, which may be right. An association, not a cause. "
            "What matters is beside: whether those who asked for a person got one.",
            place=Place(x=12, y=8, w=6, h=8),
        ),
        value=q.escalation_rate(OVER_RANGE),
        week_before=q.escalation_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=thresholds((None, GREY)),
        beside=_beside(("calls known", known), ("undetermined", q.perhaps(OVER_RANGE, q.ESCALATED))),
    )


def _person() -> Builder[Panel]:
    unasked = q.count(m.ESCALATIONS, OVER_RANGE, **{q.ASKED: "false", q.ESCALATED: "true"})
    return rate_panel(
        About(
            id=17,
            title="Escalation correctness",
            says="Of the callers who asked for a person, in any turn: how many got one. Beside: how many were handed over without having "
            "asked, which may be right. Low: the agent hears the request and goes on, or the transfer fails; read these calls first.",
            place=Place(x=18, y=8, w=6, h=8),
            nothing="nobody asked for a person",
        ),
        value=q.person_rate(OVER_RANGE),
        week_before=q.person_rate(A_WEEK_BEFORE),
        unit="percentunit",
        colours=good_above(0.9, 0.95),
        beside=_beside(
            ("asked", q.asked(OVER_RANGE, **{q.ESCALATED: "true|false"})),
            ("undetermined", q.asked(OVER_RANGE, **{q.ESCALATED: "unknown"})),
            ("handed over unasked", unasked),
        ),
    )
