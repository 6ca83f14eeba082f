"""Alerts about what callers suffer: budgets that burn, mistakes that jump with a new policy version, evidence that breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_voice_dashboards import queries as q
from otel_voice_dashboards import rules as r
from otel_voice_dashboards.slo import DRIFT, FAST, SLOW, Leg, Objective, Targets

OVERVIEW: Final = "otel-voice-overview"
RELEASE: Final = "otel-voice-release"
CRITICAL, WARNING = "critical", "warning"
W, V, RT = (q.label(key) for key in (r.WORKFLOW, r.VERSION, r.RUNTIME))
NAMED: Final = f'{{{V}!~"other|unversioned"}}'  # the rest beyond the newest versions, and calls without one, are no release


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert; `expr` has a value above 0 for each thing it is about, and none where all is well.

    Texts name labels as `{label}`, the value as `{value}`, or as `{share}` in per cent; `heading` is one of ALERTS.md, `panel` (board's
    uid, panel's title).
    """

    name: str
    expr: str
    hold: str
    severity: str
    heading: str
    summary: str
    description: str
    by: tuple[str, ...]
    panel: tuple[str, str] | None = None


def about_callers(targets: Targets) -> tuple[Alert, ...]:
    """Return the alerts about calls, the most urgent first."""
    return (
        *_burns("TaskCompletion", r.COMPLETION, targets.completion, "the interrupted callers did not get done what they came for"),
        *_burns("EscalationCorrectness", r.ESCALATION, targets.escalation, "the callers who asked for a person got none"),
        _spike("FalseInterruptions", r.FALSE, targets, "of the agent's stops were not meant by the caller"),
        _spike("MissedInterruptions", r.MISSED, targets, "of the callers' interruptions were missed"),
        _drift("FalseInterruptions", r.FALSE, targets, "of the agent's stops were not meant by the caller"),
        _drift("MissedInterruptions", r.MISSED, targets, "of the callers' interruptions were missed"),
        _undetermined(targets),
        _unseen(targets),
    )


def _burns(name: str, signal: r.Signal, objective: Objective, what: str) -> tuple[Alert, ...]:
    """Return three alerts of one objective; what burns for days is no reason to wake anybody."""
    title = "Task completion after interruption" if signal is r.COMPLETION else "Escalation correctness"
    legs = (
        ("Fast", FAST, objective.fast, "2m", CRITICAL),
        ("Slow", SLOW, objective.slow, "15m", CRITICAL),
        ("Drift", DRIFT, objective.drift, "1h", WARNING),
    )
    return tuple(
        Alert(
            name=f"OtelVoice{name}Burns{leg_name}",
            expr=_burn(signal, leg, objective.limit(factor)),
            hold=hold,
            severity=severity,
            heading=title,
            summary=f"{title} in {{{W}}}: {{share}} of {what}",
            description=f"Over {leg.window}, {{share}} of {what} in workflow {{{W}}}. The objective allows {1 - objective.target:.0%}, "
            f"this alert fires above {objective.limit(factor):.0%}.",
            by=(W,),
            panel=(OVERVIEW, title),
        )
        for leg_name, leg, factor, hold, severity in legs
    )


def _burn(signal: r.Signal, leg: Leg, limit: float) -> str:
    """Return the bad share over the window where it is over the limit, unless the quick window has the calls to say that it is over."""
    return f"""(
  {_sum(signal, leg.window, bad=True)}
  / ({_sum(signal, leg.window)} >= {leg.calls})
) > {limit:g}
unless
(
  {_sum(signal, leg.quick, bad=True)}
  / ({_sum(signal, leg.quick)} >= {leg.quick_calls})
) <= {limit:g}"""


def _sum(signal: r.Signal, window: str, *, bad: bool = False) -> str:
    return q.total(signal.recorded(window, bad=bad), (r.WORKFLOW,))


def _beyond_chance(bad: str, cases: str, old_bad: str, old_cases: str, sigmas: float, join: str = "") -> str:
    """Return what compares two shares as two samples; the older one's spread counts, as if it had one more case of each kind."""
    return f"""{bad} / {cases} - {join} ({old_bad} / {old_cases})
> {sigmas:g} * sqrt(
  (1 / {cases} + {join} (1 / {old_cases})) * {join} (
    ({old_bad} + 1) * ({old_cases} - {old_bad} + 1) / ({old_cases} + 2) ^ 2
  )
)"""


def _spike(name: str, signal: r.Signal, targets: Targets, what: str) -> Alert:
    return Alert(
        name=f"OtelVoice{name}SpikeAfterRelease",
        expr=_newer_is_worse(signal, targets),
        hold="5m",
        severity=CRITICAL,
        heading=f"{_spelled(name)} spike after a policy change",
        summary=f"{_spelled(name)} jumped in {{{W}}} with policy version {{{V}}}: {{share}}",
        description=f"With the agent's policy version {{{V}}}, {{share}} {what} in workflow {{{W}}} over 6h: more than with the versions "
        "before it by more than chance allows. Roll back, then look.",
        by=(W, V),
        panel=(RELEASE, _panel(name)),
    )


def _newer_is_worse(signal: r.Signal, targets: Targets) -> str:
    """Return the bad share of versions that nobody had a day ago, where it is above that of those before: by points, and not by chance."""
    bad, cases = signal.recorded("6h", bad=True), signal.recorded("6h")
    old_bad, old_cases = r.before(signal, bad=True), r.before(signal)
    join = f"on ({W}) group_left ()"
    return f"""(
  {bad}
  / ({cases}{NAMED} >= {targets.spike_episodes})
  unless {_known(signal, targets)}
)
> {join} ({old_bad} / {old_cases} + {targets.spike_points:g})
and
{_beyond_chance(bad, cases, old_bad, old_cases, targets.sigmas, join)}
and {signal.recorded("1h")} > 0"""


def _known(signal: r.Signal, targets: Targets) -> str:
    return f"{signal.recorded('3d')} offset {r.BEFORE} >= {targets.spike_episodes}"


def _drift(name: str, signal: r.Signal, targets: Targets, what: str) -> Alert:
    return Alert(
        name=f"OtelVoice{name}AboveLastWeek",
        expr=_worse_than_last_week(signal, targets),
        hold="30m",
        severity=WARNING,
        heading=f"{_spelled(name)} above last week",
        summary=f"{_spelled(name)} rose in {{{W}}} without a policy change: {{share}}",
        description=f"Over 6h, {{share}} {what} in workflow {{{W}}}: more than a week ago, and no policy version is newer than a day.",
        by=(W,),
        panel=(OVERVIEW, _panel(name)),
    )


def _worse_than_last_week(signal: r.Signal, targets: Targets) -> str:
    """Return a workflow's bad share, where it is above that of the same day a week ago, and no new version has enough to be blamed."""
    bad, cases = r.in_all(signal, "6h", bad=True), r.in_all(signal, "6h")
    then_bad, then_cases = (f"{r.in_all(signal, '1d', bad=each)} offset 1w" for each in (True, False))
    return f"""{bad}
/ ({cases} >= {targets.drift_episodes})
> {then_bad}
/ ({then_cases} >= {targets.drift_episodes})
+ {targets.drift_points:g}
and
{_beyond_chance(bad, cases, then_bad, then_cases, targets.sigmas)}
unless on ({W}) (
  {signal.recorded("6h")}{NAMED} >= {targets.spike_episodes}
  unless {_known(signal, targets)}
)"""


def _undetermined(targets: Targets) -> Alert:
    signal = r.UNDETERMINED
    return Alert(
        name="OtelVoiceUndeterminedHigh",
        expr=f"""{_sum(signal, "6h", bad=True)}
/ ({_sum(signal, "6h")} >= {targets.undetermined_episodes})
> {targets.undetermined_share:g}""",
        hold="30m",
        severity=WARNING,
        heading="Undetermined share is high",
        summary=f"{{share}} of the interruptions in {{{W}}} cannot be judged",
        description=f"Over 6h, {{share}} of the episodes in workflow {{{W}}} are undetermined: evidence is missing, "
        "and the rates speak for the rest only.",
        by=(W,),
        panel=(OVERVIEW, "Undetermined"),
    )


def _unseen(targets: Targets) -> Alert:
    unseen, calls = r.UNSEEN.recorded("1h", bad=True), r.UNSEEN.recorded("1h")
    then_unseen, then_calls = (f"{r.UNSEEN.recorded('1d', bad=bad)} offset {r.BEFORE}" for bad in (True, False))
    return Alert(
        name="OtelVoiceRuntimeUnseen",
        expr=f"""{unseen}
/ ({calls} >= {targets.unseen_calls})
> {targets.unseen_share:g}
and {then_unseen}
/ ({then_calls} >= {targets.unseen_calls})
<= {targets.seen_before_share:g}""",
        hold="15m",
        severity=WARNING,
        heading="A runtime cannot be seen any more",
        summary=f"{{share}} of the calls on {{{RT}}} cannot be seen",
        description=f"Over 1h, {{share}} of the calls on {{{RT}}} report no caller input while the agent speaks, and the day before "
        "they did: no mistake of theirs can be seen.",
        by=(RT,),
        panel=(OVERVIEW, "Calls"),
    )


def _spelled(name: str) -> str:
    return name.replace("Interruptions", " interruptions")


def _panel(name: str) -> str:
    return name.replace("Interruptions", " interruption rate")
