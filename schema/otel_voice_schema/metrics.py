"""Metrics the processor writes about calls. Generated from registry/ by `python -m otel_voice_schema.generate`; do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INTERRUPTION_EPISODES: Final = "voice.interruption.episodes"
INTERRUPTION_COMPLIANCE: Final = "voice.interruption.compliance"
INTERRUPTION_RESUMES: Final = "voice.interruption.resumes"
INTERRUPTION_REPEATS: Final = "voice.interruption.repeats"
INTERRUPTION_FINDINGS: Final = "voice.interruption.findings"
INTERRUPTION_TURN_OVERLAPS: Final = "voice.interruption.turn_overlaps"
INTERRUPTION_SILENCE_DURATION: Final = "voice.interruption.silence.duration"
INTERRUPTION_UNANSWERED: Final = "voice.interruption.unanswered"
INTERRUPTION_REACTION_DURATION: Final = "voice.interruption.reaction.duration"
INTERRUPTION_SILENCE_TIMEOUTS: Final = "voice.interruption.silence_timeouts"
CALLS: Final = "voice.calls"
ESCALATIONS: Final = "voice.escalations"
AGENT_POLICY_FIRST_SEEN_TIMESTAMP: Final = "voice.agent.policy.first_seen.timestamp"
INTERRUPTION_SCORECARD_RATIO: Final = "voice.interruption.scorecard.ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: `instrument` is counter, histogram or gauge, `labels` the attribute keys on its data points, buckets in its unit."""

    name: str
    instrument: str
    unit: str
    brief: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]


METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric(
            name="voice.interruption.episodes",
            instrument="counter",
            unit="{episode}",
            brief="Settled interruptions.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.interruption.verdict", "voice.interruption.net_audio", "voice.interruption.intent", "voice.caller.input.class", "voice.interruption.protected", "voice.call.observable",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.compliance",
            instrument="counter",
            unit="{episode}",
            brief="Settled interruptions by compliance with the policy.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.interruption.compliance", "voice.policy.action",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.resumes",
            instrument="counter",
            unit="{resume}",
            brief="Responses taken up again after a false interruption.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.interruption.resume",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.repeats",
            instrument="counter",
            unit="{episode}",
            brief="Episodes whose content the caller said again.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.findings",
            instrument="counter",
            unit="{finding}",
            brief="Named failure modes found.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.interruption.findings",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.turn_overlaps",
            instrument="counter",
            unit="{overlap}",
            brief="Ordinary overlaps at the end of a response; no interruptions.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.silence.duration",
            instrument="histogram",
            unit="s",
            brief="Dead air from both sides silent to the agent's next speech.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name",),
            buckets=(0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 20,),
        ),
        Metric(
            name="voice.interruption.unanswered",
            instrument="counter",
            unit="{episode}",
            brief="Interruptions after which the agent never spoke again.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.call.ended_by",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.reaction.duration",
            instrument="histogram",
            unit="s",
            brief="First meaningful word to silence, for right stops.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name",),
            buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.25, 1.5, 2,),
        ),
        Metric(
            name="voice.interruption.silence_timeouts",
            instrument="counter",
            unit="{timeout}",
            brief="Silences that timed out; no interruptions.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.silence.next_action",),
            buckets=(),
        ),
        Metric(
            name="voice.calls",
            instrument="counter",
            unit="{call}",
            brief="Settled calls.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.call.interrupted", "voice.call.task_outcome", "voice.call.escalated", "voice.call.ended_by", "voice.call.observable",),
            buckets=(),
        ),
        Metric(
            name="voice.escalations",
            instrument="counter",
            unit="{escalation}",
            brief="Calls in which a person was asked for, or took over.",
            labels=("voice.workflow", "voice.agent.message.type", "voice.agent.policy.version", "voice.runtime.name", "voice.call.escalation_asked", "voice.call.escalated",),
            buckets=(),
        ),
        Metric(
            name="voice.agent.policy.first_seen.timestamp",
            instrument="gauge",
            unit="s",
            brief="Unix time at which the first call of this version of the agents' policy began, of the calls that this instance counted; may become earlier. Take the minimum over instances.",
            labels=("voice.workflow", "voice.agent.policy.version",),
            buckets=(),
        ),
        Metric(
            name="voice.interruption.scorecard.ratio",
            instrument="gauge",
            unit="1",
            brief="Six of the seven rates over this instance's newest calls, for eyes without PromQL; the silence is a histogram. Do not average it over instances.",
            labels=("voice.scorecard.rate", "voice.scorecard.window", "voice.workflow",),
            buckets=(),
        ),
    )
}
