"""PromQL over the registry's metrics: what a board divides, not what the processor divided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m
from otel_voice_schema.metrics import METRICS, Metric

DETERMINED: Final = "correct|false_interruption|missed_interruption"
KNOWN_OUTCOMES: Final = "completed|failed|abandoned"
INTERRUPTED: Final = "handled|mishandled"
STEP_WINDOW: Final = "$__rate_interval"  # longer than a step: what is counted in it would stand in several bars
OF_CALLS: Final = frozenset({m.CALLS, m.ESCALATIONS, m.INTERRUPTION_SILENCE_TIMEOUTS})  # a call has no message type, whatever is chosen
DOCTOR: Final = "otel_voice_doctor"  # the workflow of `otel-voice doctor`'s own calls


def prometheus_name(metric: Metric) -> str:
    """Return the name that Prometheus's OTLP receiver gives a metric by its default translation strategy."""
    base = metric.name.replace(".", "_")
    suffix = {"s": "_seconds"}.get(metric.unit, "")
    return base + suffix + ("_total" if metric.instrument == "counter" else "")


def label(key: str) -> str:
    """Return the label that Prometheus makes of an attribute key."""
    return key.replace(".", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which part of the traffic is counted, and over which window; regular expressions on labels, where a metric has them."""

    window: str = "1h"
    workflow: str = ".*"
    message_type: str = ".*"
    policy_version: str = ".*"
    runtime: str = ".*"
    without: str = ""  # workflows that do not count, where a metric tells them

    def matchers(self, metric: Metric) -> dict[str, str]:
        """Return the matchers that this metric's series can answer."""
        given = {
            a.VOICE_WORKFLOW: self.workflow,
            a.VOICE_AGENT_MESSAGE_TYPE: self.message_type,
            a.VOICE_AGENT_POLICY_VERSION: self.policy_version,
            a.VOICE_RUNTIME_NAME: self.runtime,
        }
        if metric.name in OF_CALLS:
            del given[a.VOICE_AGENT_MESSAGE_TYPE]
        return {label(key): value for key, value in given.items() if key in metric.labels and (value != ".*" or key == a.VOICE_WORKFLOW)}


def selector(name: str, scope: Scope, suffix: str = "", **matchers: str) -> str:
    """Return a metric's series in the scope; matchers are label="regex", and must be labels that the metric carries."""
    metric = METRICS[name]
    unknown = set(matchers) - {label(use) for use in metric.labels}
    if unknown:
        raise ValueError(f"`{name}` has no label {', '.join(f'`{item}`' for item in sorted(unknown))}")
    parts = [f'{key}=~"{value}"' for key, value in (scope.matchers(metric) | matchers).items()]
    if scope.without and a.VOICE_WORKFLOW in metric.labels:
        parts = [f'{label(a.VOICE_WORKFLOW)}!~"{scope.without}"', *(part for part in parts if not part.endswith('=~".*"'))]
    return f"{prometheus_name(metric)}{suffix}{{{','.join(parts)}}}"


def grown(series: str, window: str) -> str:
    """Return by how much series grew over a window; per step of a board, each event once."""
    return f"increase({series}[{window}])" if window != STEP_WINDOW else f"rate({series}[{window}]) * $__interval_ms / 1000"


def count(name: str, scope: Scope, by: Sequence[str] = (), **matchers: str) -> str:
    """Return the events of a counter over the window, by some attributes or in all."""
    grouped = f" by ({', '.join(label(key) for key in by)}) " if by else ""
    return f"sum{grouped}({grown(selector(name, scope, **matchers), scope.window)})"


def share(numerator: str, denominator: str) -> str:
    """Return a ratio that is 0 where only the denominator was counted, and nothing where neither was."""
    return f"(({numerator}) or (({denominator}) * 0)) / (({denominator}) > 0)"


def part_of(numerator: str, denominator: str) -> str:
    """Return a count that is 0 where only the denominator, which has the same labels, was counted; to be recorded and divided later."""
    return f"{numerator}\nor {denominator} * 0"


def total(recorded: str, by: Sequence[str]) -> str:
    """Return a recorded count, summed by some attributes: sums are divided, ratios are never averaged."""
    return f"sum by ({', '.join(label(key) for key in by)}) ({recorded})"


def quantile(name: str, share_of: float, scope: Scope) -> str:
    """Return the value of a histogram that this share of its events stayed below."""
    return f"histogram_quantile({share_of:g}, {filled(name, scope)})"


def filled(name: str, scope: Scope) -> str:
    """Return how many events of a histogram stayed below each of its edges."""
    return f"sum by (le) ({grown(selector(name, scope, '_bucket'), scope.window)})"


def episodes(scope: Scope, by: Sequence[str] = (), **matchers: str) -> str:
    """Return how many episodes settled."""
    return count(m.INTERRUPTION_EPISODES, scope, by, **matchers)


def calls(scope: Scope, by: Sequence[str] = (), **matchers: str) -> str:
    """Return how many calls with an interruption settled."""
    return count(m.CALLS, scope, by, **({label(a.VOICE_CALL_INTERRUPTED): INTERRUPTED} | matchers))


def perhaps(scope: Scope, unknown: str) -> str:
    """Return the calls that a rate leaves out: interrupted with this fact `unknown`, or perhaps interrupted and nobody knows."""
    known, unsure = ({label(a.VOICE_CALL_INTERRUPTED): value} for value in (INTERRUPTED, "unknown"))
    parts = (selector(m.CALLS, scope, **known, **{unknown: "unknown"}), selector(m.CALLS, scope, **unsure))
    return f"sum({' or '.join(f'increase({part}[{scope.window}])' for part in parts)})"


VERDICT, NET, INTENT = (label(key) for key in (a.VOICE_INTERRUPTION_VERDICT, a.VOICE_INTERRUPTION_NET_AUDIO, a.VOICE_INTERRUPTION_INTENT))
RESUME, OUTCOME, ESCALATED = (label(key) for key in (a.VOICE_INTERRUPTION_RESUME, a.VOICE_CALL_TASK_OUTCOME, a.VOICE_CALL_ESCALATED))


def meant(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the determined episodes in which the caller meant to interrupt."""
    return episodes(scope, by, **{VERDICT: DETERMINED, INTENT: "yes"})


def stopped(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the determined episodes whose audio stopped."""
    return episodes(scope, by, **{VERDICT: DETERMINED, NET: "stopped"})


def false_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the false interruption rate."""
    return share(episodes(scope, by, **{VERDICT: "false_interruption", NET: "stopped"}), stopped(scope, by))


def missed_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the missed interruption rate."""
    return share(episodes(scope, by, **{VERDICT: "missed_interruption"}), meant(scope, by))


def resumes(scope: Scope) -> str:
    """Return the resumes of which it is known how they went."""
    return count(m.INTERRUPTION_RESUMES, scope, **{RESUME: "clean|restarted|lost"})


def resume_rate(scope: Scope) -> str:
    """Return the resume success rate."""
    return share(count(m.INTERRUPTION_RESUMES, scope, **{RESUME: "clean"}), resumes(scope))


def repeat_rate(scope: Scope) -> str:
    """Return the repeated user speech rate."""
    return share(count(m.INTERRUPTION_REPEATS, scope), meant(scope))


def silence_p95(scope: Scope) -> str:
    """Return the silence after an interruption that 95 in 100 stayed below, in seconds."""
    return quantile(m.INTERRUPTION_SILENCE_DURATION, 0.95, scope)


def completion_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return task completion after an interruption."""
    return share(calls(scope, by, **{OUTCOME: "completed"}), calls(scope, by, **{OUTCOME: KNOWN_OUTCOMES}))


def escalation_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return escalation after an interruption."""
    return share(calls(scope, by, **{ESCALATED: "true"}), calls(scope, by, **{ESCALATED: "true|false"}))


def followed_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return how often the agent did what its policy asked, of the times that this is known; early is not followed."""
    name = label(a.VOICE_INTERRUPTION_COMPLIANCE)
    followed, known = (count(m.INTERRUPTION_COMPLIANCE, scope, by, **{name: each}) for each in ("followed", "followed|early|deviated"))
    return share(followed, known)


RATES: Final[dict[str, Callable[[Scope], str]]] = {
    "False interruption rate": false_rate,
    "Missed interruption rate": missed_rate,
    "Resume success rate": resume_rate,
    "Repeated user speech rate": repeat_rate,
    "Silence after interruption, 95th percentile in seconds": silence_p95,
    "Task completion after interruption": completion_rate,
    "Escalation after interruption": escalation_rate,
}
