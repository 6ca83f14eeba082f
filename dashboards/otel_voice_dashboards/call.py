"""The board "Interruptions: call": one call by its id, out of Tempo: its interruptions as judged, the call's record, every event."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard, text
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from grafana_foundation_sdk.models.text import TextMode
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_dashboards.house import NO_SPANS, TEMPO, About, Place, board
from otel_voice_dashboards.tables import spans

UID: Final = "otel-voice-call"
_THIS_CALL: Final = f"span.{a.VOICE_CALL_ID} = `${{call_id:raw}}`"  # backticks: neither quotes nor backslashes of an id mean anything
_HELP: Final = f"""Put a call's id into the field above, and choose a range that holds the call: Tempo finds nothing outside it. {TEMPO}
A trace id in a table opens the whole trace, with every event and the agent's own spans.

`otel-voice explain CALL_ID --tempo URL` says the same in words, with a picture of who spoke when.

No interruption listed, though there was one? It settles some seconds after it ended.
What came late is found once Tempo has written its block.
`otel-voice doctor --call CALL_ID` says what a call lacks."""


def call() -> dashboard.Dashboard:
    """Return the board."""
    made = board(
        UID,
        "Interruptions: call",
        "One call by its id: did the caller mean to interrupt, what did the agent do, was it right, did it recover.",
        [dashboard.TextBoxVariable("call_id").label("Call id").default_value("")],
        asks=("tempo",),
    )
    for panel in (_interruptions(), _record(), _events(), _help()):
        made = made.with_panel(panel)
    return made


def _of(name: str, *shown: str) -> str:
    """Return the TraceQL for this call's spans of a name, with these attributes as columns."""
    return f'{{ name = "{name}" && {_THIS_CALL} }} | select({", ".join(f"span.{key}" for key in shown)})'


def _interruptions() -> Builder[Panel]:
    return spans(
        About(
            id=1,
            title="Its interruptions",
            says="One row for each: did the caller mean it (intent), what was heard happen (net audio), was it right (verdict and "
            "reason), did the agent do what policy asked (compliance), did it recover. Up to 50 of one call; Tempo's search sorts "
            "nothing.",
            place=Place(x=0, y=0, w=24, h=9),
            nothing=NO_SPANS,
        ),
        _of(
            e.EPISODE,
            a.VOICE_INTERRUPTION_VERDICT,
            a.VOICE_INTERRUPTION_REASON,
            a.VOICE_INTERRUPTION_INTENT,
            a.VOICE_INTERRUPTION_NET_AUDIO,
            a.VOICE_CALLER_INPUT_CLASS,
            a.VOICE_AGENT_MESSAGE_TYPE,
            a.VOICE_INTERRUPTION_REACTION_MS,
            a.VOICE_INTERRUPTION_COMPLIANCE,
            a.VOICE_POLICY_RULE,
            a.VOICE_INTERRUPTION_RECOVERY_TURN_ID,
            a.VOICE_EVIDENCE_MISSING,
        ),
        traces=5,
        each=50,
    )


def _record() -> Builder[Panel]:
    return spans(
        About(
            id=2,
            title="The call",
            says="The call's own record: who ran it by which policy, how it ended, whether its task was completed and a person was asked "
            "for. More than one row: the call was judged in parts, by two processors or after its time.",
            place=Place(x=0, y=9, w=24, h=6),
            nothing=NO_SPANS,
        ),
        _of(
            e.CALL,
            a.VOICE_WORKFLOW,
            a.VOICE_RUNTIME_NAME,
            a.VOICE_AGENT_POLICY_VERSION,
            a.VOICE_JUDGE_VERSION,
            a.VOICE_CALL_INTERRUPTED,
            a.VOICE_CALL_TASK_OUTCOME,
            a.VOICE_CALL_ESCALATION_ASKED,
            a.VOICE_CALL_ESCALATED,
            a.VOICE_CALL_ENDED_BY,
            a.VOICE_EVIDENCE_MISSING,
        ),
        traces=5,
        each=5,
    )


def _events() -> Builder[Panel]:
    return spans(
        About(
            id=3,
            title="Every event",
            says="What the runtime told, as spans, with the policy's ruling where there was something to rule on. Up to 100 of one call, "
            "in no order: sort by start. Text is shown only where the processor was told to keep it; pointers to audio are on each span.",
            place=Place(x=0, y=15, w=24, h=14),
            nothing=NO_SPANS,
        ),
        f'{{ name =~ "voice[.]interruption[.].*" && {_THIS_CALL} }} | select('
        + ", ".join(
            f"span.{key}"
            for key in (
                a.VOICE_TURN_ID,
                a.VOICE_AGENT_RESPONSE_ID,
                a.VOICE_CALLER_INPUT_CLASS,
                a.VOICE_POLICY_ACTION,
                a.VOICE_POLICY_RULE,
                a.VOICE_POLICY_CONFIDENCE,
                a.VOICE_AGENT_PLAYBACK_POSITION_MS,
            )
        )
        + ")",
        traces=5,
        each=100,
    )


def _help() -> Builder[Panel]:
    return (
        text.Panel()
        .id(4)
        .title("How to read this")
        .description("Where the rest of a call's story is, and what to do where nothing is found.")
        .grid_pos(Place(x=0, y=29, w=24, h=6).grid())
        .mode(TextMode.MARKDOWN)
        .content(_HELP)
    )
