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
# a step and the minute from push to push: windows meet at a push, and each event lies in one, whatever scrape interval Grafana assumes
STEP_WINDOW: Final = "1m${__interval_ms}ms"
OF_CALLS: Final = frozenset({m.CALLS, m.ESCALATIONS, m.INTERRUPTION_SILENCE_TIMEOUTS})  # a call has no message type, whatever is chosen
BY_SETTING: Final = a.GEN_AI_AGENT_NAME  # `agent_name_label` of the processor puts it on every metric about calls
DOUBT: Final = 4  # about the square of 1.96: to rank by, this is close to the lower end of the 95 % interval
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
    """Which part of the traffic is counted, over which window, how long ago; regular expressions on labels, where a metric has them."""

    window: str = "1h"
    before: str = ""  # a duration: so much earlier than now
    workflow: str = ".*"
    message_type: str = ".*"
    policy_version: str = ".*"
    runtime: str = ".*"
    agent: str = ".*"
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
        told = {key: value for key, value in given.items() if key in metric.labels} | (
            {BY_SETTING: self.agent} if _may_tell_agent(metric) else {}
        )
        return {label(key): value for key, value in told.items() if value != ".*" or key == a.VOICE_WORKFLOW}

    def grown(self, series: str) -> str:
        """Return by how much series grew over the window."""
        return grown(series, self.window, self.before)


def _may_tell_agent(metric: Metric) -> bool:
    return metric.instrument != "gauge"


def selector(name: str, scope: Scope, suffix: str = "", **matchers: str) -> str:
    """Return a metric's series in the scope; matchers are label="regex", and must be labels that the metric carries."""
    metric = METRICS[name]
    unknown = set(matchers) - {label(use) for use in metric.labels}
    if unknown:
        raise ValueError(f"`{name}` has no label {', '.join(f'`{item}`' for item in sorted(unknown))}")
    parts = [f"{key}=~{quoted(value)}" for key, value in (scope.matchers(metric) | matchers).items()]
    if scope.without and a.VOICE_WORKFLOW in metric.labels:
        parts = [f'{label(a.VOICE_WORKFLOW)}!~"{scope.without}"', *(part for part in parts if not part.endswith('=~".*"'))]
    return f"{prometheus_name(metric)}{suffix}{{{','.join(parts)}}}"


def quoted(pattern: str) -> str:
    """Return a regular expression as a string of PromQL: raw where Grafana fills it in, since it escapes no double quote of a value."""
    return f"`{pattern}`" if pattern.startswith("${") else f'"{pattern}"'


def grown(series: str, window: str, before: str = "") -> str:
    """Return by how much series grew over a window; per step of a board, each event once."""
    over = f"{series}[{window}]" + (f" offset {before}" if before else "")
    return f"increase({over})" if window != STEP_WINDOW else f"rate({over}) * $__interval_ms / 1000"


def count(name: str, scope: Scope, by: Sequence[str] = (), **matchers: str) -> str:
    """Return the events of a counter over the window, by some attributes or in all."""
    grouped = f" by ({', '.join(label(key) for key in by)}) " if by else ""
    return f"sum{grouped}({scope.grown(selector(name, scope, **matchers))})"


def share(numerator: str, denominator: str, by: Sequence[str] = ()) -> str:
    """Return a ratio, of two sums by some attributes, that is 0 where only the denominator was counted, and nothing where neither was."""
    none = f"({denominator}) * 0" if by else "vector(0)"  # of a single sum there is one zero, which costs nothing
    return f"(({numerator}) or ({none})) / (({denominator}) > 0)"


def weighed(numerator: str, denominator: str) -> str:
    """Return a ratio as if `DOUBT` more cases had gone well, so that few cases weigh little; nothing where none went wrong."""
    return f"({numerator}) / (({denominator}) + {DOUBT})"


def none_yet(counted: str, scope: Scope) -> str:
    """Return a count that is 0, not missing, where it never occurred and a processor, dead by now or not, told of calls within the hour."""
    return f"{counted} or count(last_over_time({selector(m.CALLS, scope)}[1h])) * 0"


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
    return f"sum by (le) ({scope.grown(selector(name, scope, '_bucket'))})"


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
    return f"sum({' or '.join(map(scope.grown, parts))})"


VERDICT, NET, INTENT = (label(key) for key in (a.VOICE_INTERRUPTION_VERDICT, a.VOICE_INTERRUPTION_NET_AUDIO, a.VOICE_INTERRUPTION_INTENT))
RESUME, OUTCOME = label(a.VOICE_INTERRUPTION_RESUME), label(a.VOICE_CALL_TASK_OUTCOME)
VERSION: Final = label(a.VOICE_AGENT_POLICY_VERSION)
ASKED, ESCALATED = label(a.VOICE_CALL_ESCALATION_ASKED), label(a.VOICE_CALL_ESCALATED)


def meant(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the determined episodes in which the caller meant to interrupt."""
    return episodes(scope, by, **{VERDICT: DETERMINED, INTENT: "yes"})


def stopped(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the determined episodes whose audio stopped."""
    return episodes(scope, by, **{VERDICT: DETERMINED, NET: "stopped"})


def false_stops(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the stops for good that the caller had not meant."""
    return episodes(scope, by, **{VERDICT: "false_interruption", NET: "stopped"})


def misses(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the missed interruptions."""
    return episodes(scope, by, **{VERDICT: "missed_interruption"})


def false_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the false interruption rate."""
    return share(false_stops(scope, by), stopped(scope, by), by)


def missed_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return the missed interruption rate."""
    return share(misses(scope, by), meant(scope, by), by)


def resumes(scope: Scope) -> str:
    """Return the resumes of which it is known how they went."""
    return count(m.INTERRUPTION_RESUMES, scope, **{RESUME: "clean|restarted|lost"})


def resume_rate(scope: Scope) -> str:
    """Return the resume success rate."""
    return share(count(m.INTERRUPTION_RESUMES, scope, **{RESUME: "clean"}), resumes(scope))


def answered(scope: Scope) -> str:
    """Return the interruptions after which the agent spoke again, as the histogram of the silence counts them."""
    return f"sum({scope.grown(selector(m.INTERRUPTION_SILENCE_DURATION, scope, '_count'))})"


def repeat_rate(scope: Scope) -> str:
    """Return the repeated user speech rate."""
    return share(count(m.INTERRUPTION_REPEATS, scope), meant(scope))


def silence_p95(scope: Scope) -> str:
    """Return the silence after an interruption that 95 in 100 stayed below, in seconds."""
    return quantile(m.INTERRUPTION_SILENCE_DURATION, 0.95, scope)


def completion_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return task completion after an interruption."""
    return share(calls(scope, by, **{OUTCOME: "completed"}), calls(scope, by, **{OUTCOME: KNOWN_OUTCOMES}), by)


def escalation_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return escalation after an interruption."""
    return share(calls(scope, by, **{ESCALATED: "true"}), calls(scope, by, **{ESCALATED: "true|false"}), by)


def asked(scope: Scope, by: Sequence[str] = (), **matchers: str) -> str:
    """Return the calls in which a person was asked for."""
    return count(m.ESCALATIONS, scope, by, **({ASKED: "true"} | matchers))


def person_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return how often a caller who asked for a person got one, of the times that this is known."""
    return share(asked(scope, by, **{ESCALATED: "true"}), asked(scope, by, **{ESCALATED: "true|false"}), by)


def first_seen(scope: Scope) -> str:
    """Return since when each version of the agents' policy is seen, in Unix seconds, by version."""
    return f"min by ({VERSION}) ({selector(m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP, scope)})"


def first_seen_within(scope: Scope) -> str:
    """Return the same, also of what was told in the window and is not any more; neither knows of runtimes and agents."""
    series = selector(m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP, scope)
    return f"min by ({VERSION}) (last_over_time({series}[{scope.window}]))"


def newest(scope: Scope, by_version: str) -> str:
    """Return what is told by version, of the version that was seen last."""
    return f"sum(({by_version}) and on ({VERSION}) topk(1, {first_seen_within(scope)}))"


def one_before(scope: Scope, by_version: str) -> str:
    """Return what is told by version, of the version before the one that was seen last."""
    seen = first_seen_within(scope)
    return f"sum(({by_version}) and on ({VERSION}) topk(1, {seen} unless topk(1, {seen})))"


def followed_rate(scope: Scope, by: Sequence[str] = ()) -> str:
    """Return how often the agent did what its policy asked, of the times that this is known; early is not followed."""
    name = label(a.VOICE_INTERRUPTION_COMPLIANCE)
    followed, known = (count(m.INTERRUPTION_COMPLIANCE, scope, by, **{name: each}) for each in ("followed", "followed|early|deviated"))
    return share(followed, known, by)


RATES: Final[dict[str, Callable[[Scope], str]]] = {
    "False interruption rate": false_rate,
    "Missed interruption rate": missed_rate,
    "Resume success rate": resume_rate,
    "Repeated user speech rate": repeat_rate,
    "Silence after interruption, 95th percentile in seconds": silence_p95,
    "Task completion after interruption": completion_rate,
    "Escalation after interruption": escalation_rate,
}
