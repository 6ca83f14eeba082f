"""Recording rules: what is divided, numerators and denominators apart, so that a ratio of sums is right over instances and restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.slo import Targets

WORKFLOW, VERSION, RUNTIME = a.VOICE_WORKFLOW, a.VOICE_AGENT_POLICY_VERSION, a.VOICE_RUNTIME_NAME
LEVELS: Final = {(WORKFLOW, VERSION): "workflow_version", (WORKFLOW,): "workflow", (RUNTIME,): "runtime"}
SHORT: Final = ("5m", "30m", "1h")
LONG: Final = ("6h", "1d", "3d")
BEFORE: Final = "1d"  # what is younger is new; what is older is what it is compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded series: its name `level:metric:operation`, and what is recorded."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Recordings that are evaluated in this order, every `interval`."""

    name: str
    interval: str
    rules: tuple[Recording, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that goes wrong in a part of the cases: `counted` selects all cases of a metric, `wrong` those of them that went wrong."""

    bad: str
    cases: str
    metric: str
    counted: tuple[tuple[str, str], ...]
    wrong: tuple[tuple[str, str], ...]
    level: tuple[str, ...] = (WORKFLOW, VERSION)
    windows: tuple[str, ...] = ("1h", *LONG)

    def recorded(self, window: str, *, bad: bool = False) -> str:
        """Return the name of the recorded count of all cases, or of the bad ones."""
        return f"{LEVELS[self.level]}:{self.bad if bad else self.cases}:increase{window}"

    def counts(self, window: str, targets: Targets) -> tuple[Recording, Recording]:
        """Return both counts over a window; the bad ones are 0, not missing, where there were cases."""
        scope = q.Scope(window=window, without=targets.doctor_workflow)
        cases = q.count(self.metric, scope, self.level, **dict(self.counted))
        bad = q.count(self.metric, scope, self.level, **(dict(self.counted) | dict(self.wrong)))
        return (
            Recording(name=self.recorded(window), expr=cases),
            Recording(name=self.recorded(window, bad=True), expr=q.part_of(bad, self.recorded(window))),  # as recorded a line above
        )

    def ratio(self, window: str, by: Sequence[str] = (WORKFLOW,)) -> str:
        """Return the share of bad cases by some labels, of recorded counts; nothing where there were no cases."""
        return f"{q.total(self.recorded(window, bad=True), by)} / ({q.total(self.recorded(window), by)} > 0)"


def _determined(**more: str) -> tuple[tuple[str, str], ...]:
    return tuple(({q.VERDICT: q.DETERMINED} | more).items())


FALSE: Final = Signal(
    bad="voice_interruption_false",
    cases="voice_interruption_stopped",
    metric=m.INTERRUPTION_EPISODES,
    counted=_determined(**{q.NET: "stopped"}),
    wrong=((q.VERDICT, "false_interruption"),),
)
MISSED: Final = Signal(
    bad="voice_interruption_missed",
    cases="voice_interruption_meant",
    metric=m.INTERRUPTION_EPISODES,
    counted=_determined(**{q.INTENT: "yes"}),
    wrong=((q.VERDICT, "missed_interruption"),),
)
UNDETERMINED: Final = Signal(
    bad="voice_interruption_undetermined",
    cases="voice_interruption_settled",
    metric=m.INTERRUPTION_EPISODES,
    counted=(),
    wrong=((q.VERDICT, "undetermined"),),
)
COMPLETION: Final = Signal(
    bad="voice_interrupted_calls_incomplete",
    cases="voice_interrupted_calls_known",
    metric=m.CALLS,
    counted=((q.label(a.VOICE_CALL_INTERRUPTED), q.INTERRUPTED), (q.OUTCOME, q.KNOWN_OUTCOMES)),
    wrong=((q.OUTCOME, "failed|abandoned"),),
    windows=(*SHORT, *LONG),
)
ESCALATION: Final = Signal(
    bad="voice_escalations_not_happened",
    cases="voice_escalations_asked",
    metric=m.ESCALATIONS,
    counted=((q.label(a.VOICE_CALL_ESCALATION_ASKED), "true"), (q.ESCALATED, "true|false")),
    wrong=((q.ESCALATED, "false"),),
    windows=(*SHORT, *LONG),
)
UNSEEN: Final = Signal(
    bad="voice_calls_unseen",
    cases="voice_calls_settled",
    metric=m.CALLS,
    counted=(),
    wrong=((q.label(a.VOICE_CALL_OBSERVABLE), "no"),),
    level=(RUNTIME,),
    windows=("1h", "1d"),
)
SIGNALS: Final = (FALSE, MISSED, UNDETERMINED, COMPLETION, ESCALATION, UNSEEN)
COMPARED: Final = (FALSE, MISSED)  # between policy versions


def before(signal: Signal, *, bad: bool = False) -> str:
    """Return the name of what a new version is compared with: counts of the versions before it."""
    return f"workflow:{signal.bad if bad else signal.cases}:increase3d_offset{BEFORE}"


def in_all(signal: Signal, window: str, *, bad: bool = False) -> str:
    """Return the name of a count of a workflow, over all its versions."""
    return f"workflow:{signal.bad if bad else signal.cases}:increase{window}"


def _compared(signal: Signal, targets: Targets) -> tuple[Recording, ...]:
    """Return the counts that are compared: of a workflow, and of the versions that had enough cases a day ago, which a new one has not."""
    enough = f"{signal.recorded('3d')} offset {BEFORE} >= {targets.spike_episodes}"
    sides = (False, True)
    totals = tuple(
        Recording(name=in_all(signal, window, bad=bad), expr=q.total(signal.recorded(window, bad=bad), (WORKFLOW,)))
        for window in ("6h", "1d")
        for bad in sides
    )
    older = tuple(
        Recording(
            name=before(signal, bad=bad),
            expr=q.total(f"{signal.recorded('3d', bad=bad)} offset {BEFORE} and {enough}", (WORKFLOW,)),
        )
        for bad in sides
    )
    return (*totals, *older)


def groups(targets: Targets) -> tuple[Group, ...]:
    """Return all recording rules: short windows every minute, as often as metrics come, long ones every other minute."""

    def counts(windows: Sequence[str]) -> tuple[Recording, ...]:
        return tuple(
            rule for signal in SIGNALS for window in windows if window in signal.windows for rule in signal.counts(window, targets)
        )

    def ratios(window: str) -> tuple[Recording, ...]:
        told = (signal for signal in SIGNALS if signal.level == (WORKFLOW, VERSION))
        return tuple(Recording(name=f"workflow:{each.bad}:ratio_increase{window}", expr=each.ratio(window)) for each in told)

    compared = tuple(rule for signal in COMPARED for rule in _compared(signal, targets))
    return (
        Group(name="otel-voice-short", interval="1m", rules=(*counts(SHORT), *ratios("1h"))),
        Group(name="otel-voice-long", interval="2m", rules=(*counts(LONG), *ratios("1d"), *compared)),
    )
