"""The board "Interruptions: workflow": one of them by message type: what callers did, what the audio did, how fast, what failed."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.house import OVER_RANGE, PER_STEP, Place, bars_by, board, breakdown, heat, traffic

UID: Final = "otel-voice-workflow"
_PROTECTED: Final = q.label(a.VOICE_INTERRUPTION_PROTECTED)


def workflow() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: workflow",
        "One workflow at a time: rates by message type, what callers did, what the audio did, how fast it was, what failed.",
        traffic(),
    )
    for panel in (_by_type(), *_inputs(), *_times(), *_failures(), *_judged()):
        made = made.with_panel(panel)
    return made


def _by_type() -> Builder[Panel]:
    kind, scope = (a.VOICE_AGENT_MESSAGE_TYPE,), OVER_RANGE
    protected = q.episodes(scope, kind, **{q.VERDICT: "missed_interruption", _PROTECTED: "true"})
    return breakdown(
        1,
        "By message type",
        "Policy is set per message type, so this is where to change it. False: of the stops. Missed: of those the caller meant; protected "
        "ones are counted there too, and beside. A rate on fewer than thirty says little: look at the column left of it.",
        Place(x=0, y=0, w=24, h=9),
        kind[0],
        [
            ("episodes", "none", q.episodes(scope, kind)),
            ("stops judged", "none", q.stopped(scope, kind)),
            ("false", "percentunit", q.false_rate(scope, kind)),
            ("meant", "none", q.meant(scope, kind)),
            ("missed", "percentunit", q.missed_rate(scope, kind)),
            ("protected misses", "none", protected),
            ("undetermined", "none", q.episodes(scope, kind, **{q.VERDICT: "undetermined"})),
        ],
    )


def _inputs() -> list[Builder[Panel]]:
    return [
        bars_by(
            2,
            "What callers did",
            "Settled interruptions by the class of the input. Mostly backchannels and noise: tune for false stops. Mostly corrections: the "
            "content itself may be wrong. Many `unknown`: the recogniser gives too little to tell.",
            Place(x=0, y=9, w=12, h=9),
            a.VOICE_CALLER_INPUT_CLASS,
            q.episodes(PER_STEP, (a.VOICE_CALLER_INPUT_CLASS,)),
        ),
        bars_by(
            3,
            "What the audio did",
            "Settled interruptions by what the caller heard happen. Many that paused and resumed: the detector is too quick, and the "
            "caller hears the agent stutter. `unknown`: the runtime does not tell when playback ends.",
            Place(x=12, y=9, w=12, h=9),
            a.VOICE_INTERRUPTION_NET_AUDIO,
            q.episodes(PER_STEP, (a.VOICE_INTERRUPTION_NET_AUDIO,)),
        ),
    ]


def _times() -> list[Builder[Panel]]:
    return [
        heat(
            4,
            "Reaction to a right interruption",
            "From the caller's first meaningful word to the agent's silence, for right stops; past 1.5 s it would be a miss. A band that "
            "climbs: the recogniser or the playback buffer got slower.",
            Place(x=0, y=18, w=12, h=9),
            q.filled(m.INTERRUPTION_REACTION_DURATION, PER_STEP),
        ),
        heat(
            5,
            "Silence after interruption",
            "From when both were silent to the agent's next words. Above two seconds callers say it again; a second band far up is often a "
            "tool call or a lost turn.",
            Place(x=12, y=18, w=12, h=9),
            q.filled(m.INTERRUPTION_SILENCE_DURATION, PER_STEP),
        ),
    ]


def _failures() -> list[Builder[Panel]]:
    return [
        bars_by(
            6,
            "Failure modes",
            "Findings by name, several may be of one interruption: false barge-in, missed correction, premature endpointing, backchannel "
            "confusion, lost recovery, required content cut, a decision that was not played, no evidence.",
            Place(x=0, y=27, w=12, h=9),
            a.VOICE_INTERRUPTION_FINDINGS,
            q.count(m.INTERRUPTION_FINDINGS, PER_STEP, (a.VOICE_INTERRUPTION_FINDINGS,)),
        ),
        bars_by(
            7,
            "Silence timeouts",
            "Silences that timed out, by what the agent did then; they are no interruptions. Many reprompts: the caller did not know that "
            "it was their turn, or was still looking for a number.",
            Place(x=12, y=27, w=12, h=9),
            a.VOICE_SILENCE_NEXT_ACTION,
            q.count(m.INTERRUPTION_SILENCE_TIMEOUTS, PER_STEP, (a.VOICE_SILENCE_NEXT_ACTION,)),
        ),
    ]


def _judged() -> list[Builder[Panel]]:
    return [
        bars_by(
            8,
            "After a false stop",
            "Responses taken up again: clean is within 0.5 s of where they stopped. Restarted and lost ones cost the caller most. "
            "`not_supported`: the runtime cannot resume.",
            Place(x=0, y=36, w=12, h=9),
            a.VOICE_INTERRUPTION_RESUME,
            q.count(m.INTERRUPTION_RESUMES, PER_STEP, (a.VOICE_INTERRUPTION_RESUME,)),
        ),
        bars_by(
            9,
            "Did the agent do what policy asked",
            "Compliance, which is not the verdict: an agent may follow a bad policy. Deviations: the agent's own turn taking decides, not "
            "the policy. Early: it did what policy asked for in the end, before the evidence was there.",
            Place(x=12, y=36, w=12, h=9),
            a.VOICE_INTERRUPTION_COMPLIANCE,
            q.count(m.INTERRUPTION_COMPLIANCE, PER_STEP, (a.VOICE_INTERRUPTION_COMPLIANCE,)),
        ),
    ]
