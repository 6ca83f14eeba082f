"""The board "Interruptions: release": the agents' policy versions side by side, judged by one judge, and calls to listen to."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.charts import bars_by, over_window
from otel_voice_dashboards.choices import OVER_RANGE, PER_STEP, PER_WINDOW, new_versions, traffic
from otel_voice_dashboards.house import NO_SPANS, TEMPO, About, Place, board
from otel_voice_dashboards.tables import TALL, breakdown, counted, shared, spans, told_when

UID: Final = "otel-voice-release"
_VERSION: Final = (a.VOICE_AGENT_POLICY_VERSION,)
_LEGEND: Final = f"{{{{{q.label(_VERSION[0])}}}}}"
_CHOSEN: Final = {
    a.VOICE_WORKFLOW: "workflow",
    a.VOICE_AGENT_MESSAGE_TYPE: "message_type",
    a.VOICE_AGENT_POLICY_VERSION: "policy_version",
    a.VOICE_RUNTIME_NAME: "runtime",
}
_FOUND: Final = 20  # calls that a search returns
_OF_EACH: Final = 3  # interruptions of each


def release() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: release",
        "Whether a new policy of the agents is better: versions side by side, both mistakes, what callers got done, calls to review.",
        traffic(),
        asks=("prometheus", "tempo"),
    ).annotation(new_versions())
    for panel in (_side_by_side(), *_over_time(), _where(), *_to_review()):
        made = made.with_panel(panel)
    return made


def _side_by_side() -> Builder[Panel]:
    scope = OVER_RANGE
    return breakdown(
        About(
            id=1,
            title="Policy versions side by side",
            says="Rates are comparable across the agents' policy versions, since one judge and its lexicon decide what the caller meant. "
            "A version is worse where it stops or misses more, on at least thirty; with fewer, wait. Better compliance with more misses: "
            "a bad policy.",
            place=Place(x=0, y=0, w=24, h=9),
        ),
        _VERSION[0],
        [
            told_when("first seen", q.first_seen_within(scope)),
            counted("episodes", q.episodes(scope, _VERSION)),
            shared("false", q.false_rate(scope, _VERSION)),
            shared("missed", q.missed_rate(scope, _VERSION)),
            counted("undetermined", q.episodes(scope, _VERSION, **{q.VERDICT: "undetermined"})),
            shared("followed", q.followed_rate(scope, _VERSION)),
            counted("interrupted calls", q.calls(scope, _VERSION)),
            shared("completed", q.completion_rate(scope, _VERSION)),
            shared("escalated", q.escalation_rate(scope, _VERSION)),
        ],
        most="first seen",
    )


def _over_time() -> list[Builder[Panel]]:
    return [
        bars_by(
            About(
                id=2,
                title="Calls by policy version",
                says="How far a release has come: a version that appears, and one that goes.",
                place=Place(x=0, y=9, w=8, h=9),
            ),
            _VERSION[0],
            q.count(m.CALLS, PER_STEP, _VERSION),
        ),
        over_window(
            About(
                id=3,
                title="False interruption rate",
                says="By policy version, of the stops in the window before each point. A new line above the old one: the version stops "
                "for what is no interruption; roll back, then look at its calls below.",
                place=Place(x=8, y=9, w=8, h=9),
            ),
            _LEGEND,
            q.false_rate(PER_WINDOW, _VERSION),
        ),
        over_window(
            About(
                id=4,
                title="Missed interruption rate",
                says="By policy version, of the interruptions that callers meant in the window before each point. A new line above the "
                "old one: the version talks over callers; roll back, then look at its calls below.",
                place=Place(x=16, y=9, w=8, h=9),
            ),
            _LEGEND,
            q.missed_rate(PER_WINDOW, _VERSION),
        ),
    ]


def _where() -> Builder[Panel]:
    by = (a.VOICE_WORKFLOW,)
    return breakdown(
        About(
            id=5,
            title="By workflow",
            says="The same for the ten workflows with most episodes, of the versions that are chosen above. A workflow's name opens its "
            "board, which has it by message type.",
            place=Place(x=0, y=18, w=24, h=TALL),
        ),
        by[0],
        [
            counted("episodes", q.episodes(OVER_RANGE, by)),
            shared("false", q.false_rate(OVER_RANGE, by)),
            shared("missed", q.missed_rate(OVER_RANGE, by)),
            counted("undetermined", q.episodes(OVER_RANGE, by, **{q.VERDICT: "undetermined"})),
            shared("followed", q.followed_rate(OVER_RANGE, by)),
        ],
        most="episodes",
    )


def _to_review() -> list[Builder[Panel]]:
    told = (
        f"Up to {_FOUND} calls, {_OF_EACH} interruptions of each: Tempo's search is neither complete nor sorted, and counts nothing. "
        f"{TEMPO} The choice of an agent does not narrow it; `other` stands for many names, which spans tell in full, and finds none."
    )
    return [
        spans(
            About(
                id=6,
                title="Calls to review: false stops",
                says=f"Listen to some before you change anything: what did the caller say, and what stopped the agent? {told}",
                place=Place(x=0, y=30, w=12, h=10),
                nothing=NO_SPANS,
            ),
            _judged("false_interruption"),
            traces=_FOUND,
            each=_OF_EACH,
        ),
        spans(
            About(
                id=7,
                title="Calls to review: misses",
                says=f"The reason says whether the evidence or the agent was late, or it resumed over the caller. {told}",
                place=Place(x=12, y=30, w=12, h=10),
                nothing=NO_SPANS,
            ),
            _judged("missed_interruption"),
            traces=_FOUND,
            each=_OF_EACH,
        ),
    ]


def _judged(verdict: str) -> str:
    """Return the TraceQL for the episodes of a verdict in what is chosen; spans of episodes do not name the agent."""
    chosen = " && ".join(
        f"span.{key} =~ `^(?:${{{variable}:regex}})$`"  # raw, since a regular expression's backslashes are none of TraceQL's
        for key, variable in _CHOSEN.items()
    )
    shown = (a.VOICE_CALL_ID, a.VOICE_WORKFLOW, a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_CALLER_INPUT_CLASS, a.VOICE_INTERRUPTION_REASON)
    judged = f'name = "{e.EPISODE}" && span.{a.VOICE_INTERRUPTION_VERDICT} = "{verdict}"'
    return f"{{ {judged} && {chosen} }} | select({', '.join(f'span.{key}' for key in shown)})"
