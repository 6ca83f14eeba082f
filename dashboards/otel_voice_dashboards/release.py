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
from otel_voice_dashboards.house import OVER_RANGE, PER_STEP, PER_WINDOW, Place, bars_by, board, breakdown, lines, spans, traffic, window

UID: Final = "otel-voice-release"
_VERSION: Final = (a.VOICE_AGENT_POLICY_VERSION,)
_LEGEND: Final = f"{{{{{q.label(_VERSION[0])}}}}}"
_FOUND: Final = 20  # calls that a search returns
_OF_EACH: Final = 3  # interruptions of each


def release() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: release",
        "Whether a new policy of the agents is better: versions side by side, both mistakes, what callers got done, calls to review.",
        [*traffic(), window()],
        asks=("prometheus", "tempo"),
    )
    for panel in (_side_by_side(), *_over_time(), _where(), *_to_review()):
        made = made.with_panel(panel)
    return made


def _side_by_side() -> Builder[Panel]:
    scope = OVER_RANGE
    return breakdown(
        1,
        "Policy versions side by side",
        "Rates are comparable across the agents' policy versions, since one judge and its lexicon decide what the caller meant. A version "
        "is worse where it stops or misses more, on at least thirty; with fewer, wait. Better compliance with more misses: a bad policy.",
        Place(x=0, y=0, w=24, h=9),
        _VERSION[0],
        [
            ("episodes", "none", q.episodes(scope, _VERSION)),
            ("false", "percentunit", q.false_rate(scope, _VERSION)),
            ("missed", "percentunit", q.missed_rate(scope, _VERSION)),
            ("undetermined", "none", q.episodes(scope, _VERSION, **{q.VERDICT: "undetermined"})),
            ("followed", "percentunit", q.followed_rate(scope, _VERSION)),
            ("interrupted calls", "none", q.calls(scope, _VERSION)),
            ("completed", "percentunit", q.completion_rate(scope, _VERSION)),
            ("escalated", "percentunit", q.escalation_rate(scope, _VERSION)),
        ],
    )


def _over_time() -> list[Builder[Panel]]:
    return [
        bars_by(
            2,
            "Calls by policy version",
            "How far a release has come: a version that appears, and one that goes.",
            Place(x=0, y=9, w=8, h=9),
            _VERSION[0],
            q.count(m.CALLS, PER_STEP, _VERSION),
        ),
        lines(
            3,
            "False interruption rate",
            "By policy version, of the stops in the window before each point. A new line above the old one: the version stops for what is "
            "no interruption; roll back, then look at its calls below.",
            Place(x=8, y=9, w=8, h=9),
            "percentunit",
            [(_LEGEND, q.false_rate(PER_WINDOW, _VERSION))],
        ),
        lines(
            4,
            "Missed interruption rate",
            "By policy version, of the interruptions that callers meant in the window before each point. A new line above the old one: the "
            "version talks over callers; roll back, then look at its calls below.",
            Place(x=16, y=9, w=8, h=9),
            "percentunit",
            [(_LEGEND, q.missed_rate(PER_WINDOW, _VERSION))],
        ),
    ]


def _where() -> Builder[Panel]:
    by = (a.VOICE_WORKFLOW,)
    return breakdown(
        5,
        "Where it happens",
        "The same by workflow, for the versions that are chosen above. The board of a workflow has it by message type.",
        Place(x=0, y=18, w=24, h=9),
        by[0],
        [
            ("episodes", "none", q.episodes(OVER_RANGE, by)),
            ("false", "percentunit", q.false_rate(OVER_RANGE, by)),
            ("missed", "percentunit", q.missed_rate(OVER_RANGE, by)),
            ("undetermined", "none", q.episodes(OVER_RANGE, by, **{q.VERDICT: "undetermined"})),
            ("followed", "percentunit", q.followed_rate(OVER_RANGE, by)),
        ],
    )


def _to_review() -> list[Builder[Panel]]:
    told = f"Up to {_FOUND} calls, {_OF_EACH} interruptions of each: Tempo's search is neither complete nor sorted, and counts nothing."
    return [
        spans(
            6,
            "Calls to review: false stops",
            f"Listen to some before you change anything: what did the caller say, and what stopped the agent? {told}",
            Place(x=0, y=27, w=12, h=10),
            _judged("false_interruption"),
            traces=_FOUND,
            each=_OF_EACH,
        ),
        spans(
            7,
            "Calls to review: misses",
            f"The reason says whether the evidence or the agent was late, or it resumed over the caller. {told}",
            Place(x=12, y=27, w=12, h=10),
            _judged("missed_interruption"),
            traces=_FOUND,
            each=_OF_EACH,
        ),
    ]


def _judged(verdict: str) -> str:
    """Return the TraceQL for the episodes of a verdict in the chosen workflows and versions."""
    chosen = " && ".join(
        f"span.{key} =~ `^(?:${{{variable}:regex}})$`"  # raw, since a regular expression's backslashes are none of TraceQL's
        for key, variable in ((a.VOICE_WORKFLOW, "workflow"), (a.VOICE_AGENT_POLICY_VERSION, "policy_version"))
    )
    shown = (a.VOICE_CALL_ID, a.VOICE_WORKFLOW, a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_CALLER_INPUT_CLASS, a.VOICE_INTERRUPTION_REASON)
    judged = f'name = "{e.EPISODE}" && span.{a.VOICE_INTERRUPTION_VERDICT} = "{verdict}"'
    return f"{{ {judged} && {chosen} }} | select({', '.join(f'span.{key}' for key in shown)})"
