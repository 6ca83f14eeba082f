"""The board "Interruptions: workflow": one of them by message type: what callers did, what the audio did, how fast, what failed."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.charts import bars_by, heat, over_window
from otel_voice_dashboards.choices import OVER_RANGE, PER_STEP, PER_WINDOW, new_versions, traffic
from otel_voice_dashboards.house import About, Place, board
from otel_voice_dashboards.tables import breakdown, counted, shared

UID: Final = "otel-voice-workflow"
_PROTECTED: Final = q.label(a.VOICE_INTERRUPTION_PROTECTED)


def workflow() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: workflow",
        "One workflow at a time: rates by message type, what callers did, what the audio did, how fast it was, what failed.",
        traffic(),
    ).annotation(new_versions())
    for panel in (_by_type(), *_rates(), *_inputs(), *_times(), *_failures(), *_judged()):
        made = made.with_panel(panel)
    return made


def _by_type() -> Builder[Panel]:
    kind, scope = (a.VOICE_AGENT_MESSAGE_TYPE,), OVER_RANGE
    protected = q.episodes(scope, kind, **{q.VERDICT: "missed_interruption", _PROTECTED: "true"})
    return breakdown(
        About(
            id=1,
            title="By message type",
            says="Policy is set per message type, so this is where to change it. False: of the stops. Missed: of those the caller meant; "
            "protected ones are counted there too, and beside. A rate on fewer than thirty says little: look at the column left of it.",
            place=Place(x=0, y=0, w=24, h=9),
        ),
        kind[0],
        [
            counted("episodes", q.episodes(scope, kind)),
            counted("stops judged", q.stopped(scope, kind)),
            shared("false", q.false_rate(scope, kind)),
            counted("meant", q.meant(scope, kind)),
            shared("missed", q.missed_rate(scope, kind)),
            counted("protected misses", protected),
            counted("undetermined", q.episodes(scope, kind, **{q.VERDICT: "undetermined"})),
        ],
    )


def _rates() -> list[Builder[Panel]]:
    kind, legend = (a.VOICE_AGENT_MESSAGE_TYPE,), f"{{{{{q.label(a.VOICE_AGENT_MESSAGE_TYPE)}}}}}"
    window = (
        "By message type; each point counts the window before it, which is chosen at the top. A line that breaks off: none to divide by."
    )
    return [
        over_window(
            About(
                id=10,
                title="False interruption rate over time",
                says=f"Of the stops, those the caller had not meant. {window}",
                place=Place(x=0, y=9, w=12, h=9),
            ),
            legend,
            q.false_rate(PER_WINDOW, kind),
        ),
        over_window(
            About(
                id=11,
                title="Missed interruption rate over time",
                says=f"Of the interruptions that callers meant, those that were missed. {window}",
                place=Place(x=12, y=9, w=12, h=9),
            ),
            legend,
            q.missed_rate(PER_WINDOW, kind),
        ),
    ]


def _inputs() -> list[Builder[Panel]]:
    return [
        bars_by(
            About(
                id=2,
                title="What callers did",
                says="Settled interruptions by the class of the input. Mostly backchannels and noise: tune for false stops. Mostly "
                "corrections: the content itself may be wrong. Many `unknown`: the recogniser gives too little to tell.",
                place=Place(x=0, y=18, w=12, h=9),
            ),
            a.VOICE_CALLER_INPUT_CLASS,
            q.episodes(PER_STEP, (a.VOICE_CALLER_INPUT_CLASS,)),
        ),
        bars_by(
            About(
                id=3,
                title="What the audio did",
                says="Settled interruptions by what the caller heard happen. Many that paused and resumed: the detector is too quick, "
                "and the caller hears the agent stutter. `unknown`: the runtime does not tell when playback ends.",
                place=Place(x=12, y=18, w=12, h=9),
            ),
            a.VOICE_INTERRUPTION_NET_AUDIO,
            q.episodes(PER_STEP, (a.VOICE_INTERRUPTION_NET_AUDIO,)),
        ),
    ]


def _times() -> list[Builder[Panel]]:
    return [
        heat(
            About(
                id=4,
                title="Reaction to a right interruption",
                says="From the caller's first meaningful word to the agent's silence, for right stops; past 1.5 s it would be a miss. A "
                "band that climbs: the recogniser or the playback buffer got slower.",
                place=Place(x=0, y=27, w=12, h=9),
            ),
            q.filled(m.INTERRUPTION_REACTION_DURATION, PER_STEP),
        ),
        heat(
            About(
                id=5,
                title="Silence after interruption",
                says="From when both were silent to the agent's next words. Above two seconds callers say it again; a second band far up "
                "is often a tool call or a lost turn.",
                place=Place(x=12, y=27, w=12, h=9),
            ),
            q.filled(m.INTERRUPTION_SILENCE_DURATION, PER_STEP),
        ),
    ]


def _failures() -> list[Builder[Panel]]:
    return [
        bars_by(
            About(
                id=6,
                title="Failure modes",
                says="Findings by name, several may be of one interruption: false barge-in, missed correction, premature endpointing, "
                "backchannel confusion, lost recovery, required content cut, a decision that was not played, no evidence.",
                place=Place(x=0, y=36, w=12, h=9),
            ),
            a.VOICE_INTERRUPTION_FINDINGS,
            q.count(m.INTERRUPTION_FINDINGS, PER_STEP, (a.VOICE_INTERRUPTION_FINDINGS,)),
        ),
        bars_by(
            About(
                id=7,
                title="Silence timeouts",
                says="Silences that timed out, by what the agent did then; they are no interruptions. Many reprompts: the caller did not "
                "know that it was their turn, or was still looking for a number.",
                place=Place(x=12, y=36, w=12, h=9),
            ),
            a.VOICE_SILENCE_NEXT_ACTION,
            q.count(m.INTERRUPTION_SILENCE_TIMEOUTS, PER_STEP, (a.VOICE_SILENCE_NEXT_ACTION,)),
        ),
    ]


def _judged() -> list[Builder[Panel]]:
    return [
        bars_by(
            About(
                id=8,
                title="After a false stop",
                says="Responses taken up again: clean is within 0.5 s of where they stopped. Restarted and lost ones cost the caller "
                "most. `not_supported`: the runtime cannot resume.",
                place=Place(x=0, y=45, w=12, h=9),
            ),
            a.VOICE_INTERRUPTION_RESUME,
            q.count(m.INTERRUPTION_RESUMES, PER_STEP, (a.VOICE_INTERRUPTION_RESUME,)),
        ),
        bars_by(
            About(
                id=9,
                title="Did the agent do what policy asked",
                says="Compliance, which is not the verdict: an agent may follow a bad policy. Deviations: the agent's own turn taking "
                "decides, not the policy. Early: it did what policy asked for in the end, before the evidence was there.",
                place=Place(x=12, y=45, w=12, h=9),
            ),
            a.VOICE_INTERRUPTION_COMPLIANCE,
            q.count(m.INTERRUPTION_COMPLIANCE, PER_STEP, (a.VOICE_INTERRUPTION_COMPLIANCE,)),
        ),
    ]
