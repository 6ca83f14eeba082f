"""The seven rates of settled calls, and the counters that dashboards divide. Pure, time is an argument."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_processor.model import CallRecord, Episode

Labels = tuple[tuple[str, str | bool], ...]
Z = 1.96  # 95 %
TOO_FEW = 20
IDLE_NS = 24 * 3600 * 1_000_000_000
OVERFLOW: Labels = (("otel.metric.overflow", True),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One rate of the scorecard; `low` and `high` are its 95 % Wilson interval, `value` is None where nothing was counted."""

    name: str
    title: str
    numerator: int
    denominator: int
    undetermined: int
    unit: str
    value: float | None
    low: float | None
    high: float | None
    note: str


def wilson(numerator: int, denominator: int) -> tuple[float, float] | tuple[None, None]:
    """Return the Wilson score interval of a share (E. B. Wilson, 1927), or (None, None) of nothing."""
    if denominator <= 0:
        return None, None
    share = numerator / denominator
    spread = Z * math.sqrt(share * (1 - share) / denominator + Z * Z / (4 * denominator * denominator))
    middle, scale = share + Z * Z / (2 * denominator), 1 + Z * Z / denominator
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def rates(records: Iterable[CallRecord]) -> tuple[Rate, ...]:
    """Return the seven rates over settled calls; `undetermined` is in no denominator."""
    calls = list(records)
    episodes = [ep for record in calls for ep in record.episodes]
    meant = [ep for ep in episodes if ep.intent == "yes" and ep.verdict != "undetermined"]
    stopped = [ep for ep in episodes if ep.net_audio == "stopped" and ep.verdict != "undetermined"]
    unsure = sum(ep.verdict == "undetermined" for ep in episodes)
    missed = [ep for ep in meant if ep.verdict == "missed_interruption"]
    false = [ep for ep in stopped if ep.verdict == "false_interruption"]
    paused = sum(ep.verdict == "false_interruption" and ep.net_audio == "paused_resumed" for ep in episodes)
    resumes = [ep.resume for ep in episodes if ep.resume in {"clean", "restarted", "lost"}]
    unknown_resumes = sum(ep.resume in {"unknown", "not_supported"} for ep in episodes)
    touched = [record for record in calls if record.interrupted in {"handled", "mishandled"}]
    known = [record for record in touched if record.task_outcome != "unknown"]
    told = [record for record in touched if record.escalated is not None]
    asked = [record for record in calls if record.escalation_asked and record.escalated is not None]
    return (
        _share("false_interruption", "False interruption rate", len(false), len(stopped), unsure, f"{paused} more only paused and resumed"),
        _share(
            "missed_interruption",
            "Missed interruption rate",
            len(missed),
            len(meant),
            unsure,
            f"{sum(ep.protected for ep in missed)} of them protected by policy",
        ),
        _share(
            "resume_success",
            "Resume success rate",
            resumes.count("clean"),
            len(resumes),
            unknown_resumes,
            "resumed within 0.5 s of where it stopped",
        ),
        _share(
            "repeated_speech",
            "Repeated user speech rate",
            sum(ep.repeated for ep in meant),
            len(meant),
            unsure,
            "said again in the next two turns",
        ),
        _silence(episodes),
        _share(
            "task_completion",
            "Task completion after interruption",
            sum(record.task_outcome == "completed" for record in known),
            len(known),
            len(touched) - len(known),
            _beside(calls),
        ),
        _share(
            "escalation",
            "Escalation after interruption",
            sum(record.escalated is True for record in told),
            len(told),
            len(touched) - len(told),
            f"asked for a person in {len(asked)} calls, got one in {sum(record.escalated is True for record in asked)}",
        ),
    )


def _share(name: str, title: str, numerator: int, denominator: int, undetermined: int, note: str) -> Rate:
    low, high = wilson(numerator, denominator)
    value = numerator / denominator if denominator else None
    return Rate(
        name=name,
        title=title,
        numerator=numerator,
        denominator=denominator,
        undetermined=undetermined,
        unit="ratio",
        value=value,
        low=low,
        high=high,
        note=note,
    )


def _silence(episodes: Sequence[Episode]) -> Rate:
    waits = sorted(ep.silence_ms / 1000 for ep in episodes if ep.silence_ms is not None)
    unanswered = sum(ep.answered is False for ep in episodes)
    p95 = waits[min(len(waits) - 1, math.ceil(0.95 * len(waits)) - 1)] if waits else None
    return Rate(
        name="silence_after",
        title="Silence after interruption (median)",
        numerator=len(waits),
        denominator=len(waits),
        undetermined=unanswered,
        unit="seconds",
        value=statistics.median(waits) if waits else None,
        low=waits[0] if waits else None,
        high=p95,
        note=f"shortest to 95th percentile beside; {unanswered} never answered",
    )


def _beside(calls: Sequence[CallRecord]) -> str:
    plain = [record for record in calls if record.interrupted == "none" and record.task_outcome != "unknown"]
    done = sum(record.task_outcome == "completed" for record in plain)
    return f"uninterrupted calls: {done} of {len(plain)}"


@dataclass(slots=True)
class Series:
    """One series: a counter's value, or a histogram's counts per bucket and sum; times in Unix nanoseconds."""

    metric: m.Metric
    labels: Labels
    start_ns: int
    value: int = 0
    counts: list[int] = field(default_factory=list)
    total: float = 0.0
    touched_ns: int = 0
    exported: bool = False
    exemplar: tuple[bytes, bytes, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One data point to export; `counts` is empty for a counter."""

    metric: m.Metric
    labels: Labels
    start_ns: int
    time_ns: int
    value: int
    counts: tuple[int, ...]
    total: float
    exemplar: tuple[bytes, bytes, float] | None


class Capped:
    """Label values let through: the first `most` seen, or the newest `most`; the rest become `other`."""

    def __init__(self, most: int, *, newest: bool = False) -> None:
        self._seen: deque[str] = deque()
        self._most = most
        self._newest = newest

    def __call__(self, value: str) -> str:
        """Return the value, or `other`."""
        if value in self._seen:
            return value
        if len(self._seen) >= self._most:
            if not self._newest:
                return "other"
            self._seen.popleft()
        self._seen.append(value)
        return value


class Scorecard:
    """Counts what settles; a new series is exported with a 0 first, otherwise `increase()` never sees rare verdicts."""

    def __init__(self, start_ns: int, *, max_series: int = 20_000) -> None:
        self._start_ns = start_ns
        self._exported_ns = start_ns
        self._max_series = max_series
        self._series: dict[tuple[str, Labels], Series] = {}
        self._sizes: dict[str, int] = {}
        self._workflow, self._type, self._version = Capped(200), Capped(20), Capped(5, newest=True)

    def count_episode(self, episode: Episode, record: CallRecord, now_ns: int) -> None:
        """Count an episode that settled; `record` is its call as far as known."""
        base = self._labels(episode.workflow, episode.message_type, record)
        seen = (episode.trace_id, episode.span_id, 1.0)
        verdict: dict[str, str | bool] = {
            a.VOICE_INTERRUPTION_VERDICT: episode.verdict,
            a.VOICE_INTERRUPTION_NET_AUDIO: episode.net_audio,
            a.VOICE_INTERRUPTION_INTENT: episode.intent,
            a.VOICE_CALLER_INPUT_CLASS: episode.input_class,
            a.VOICE_INTERRUPTION_PROTECTED: episode.protected,
            a.VOICE_CALL_OBSERVABLE: _observable(record),
        }
        self._add(m.INTERRUPTION_EPISODES, base | verdict, now_ns, exemplar=seen)
        action = episode.ruling.action if episode.ruling else "unknown"
        self._add(
            m.INTERRUPTION_COMPLIANCE, base | {a.VOICE_INTERRUPTION_COMPLIANCE: episode.compliance, a.VOICE_POLICY_ACTION: action}, now_ns
        )
        for finding in episode.findings:
            self._add(m.INTERRUPTION_FINDINGS, base | {a.VOICE_INTERRUPTION_FINDINGS: finding}, now_ns, exemplar=seen)
        if episode.resume is not None:
            self._add(m.INTERRUPTION_RESUMES, base | {a.VOICE_INTERRUPTION_RESUME: episode.resume}, now_ns, exemplar=seen)
        if episode.reaction_ms is not None:
            self._observe(m.INTERRUPTION_REACTION_DURATION, base, episode.reaction_ms / 1000, now_ns, episode)

    def count_call(self, record: CallRecord, now_ns: int) -> None:
        """Count a call that settled, and what of its episodes could be known only then."""
        for episode in record.episodes:
            base = self._labels(episode.workflow, episode.message_type, record)
            if episode.repeated:
                self._add(m.INTERRUPTION_REPEATS, base, now_ns, exemplar=(episode.trace_id, episode.span_id, 1.0))
            if episode.silence_ms is not None:
                self._observe(m.INTERRUPTION_SILENCE_DURATION, base, episode.silence_ms / 1000, now_ns, episode)
            elif episode.answered is False:
                self._add(m.INTERRUPTION_UNANSWERED, base | {a.VOICE_CALL_ENDED_BY: record.ended_by}, now_ns)
        for workflow, kind in record.turn_overlaps:
            self._add(m.INTERRUPTION_TURN_OVERLAPS, self._labels(workflow, kind, record), now_ns)
        for response in record.premature_endpointings:
            base = self._labels(response.workflow or record.workflow, response.message_type or "other", record)
            self._add(m.INTERRUPTION_FINDINGS, base | {a.VOICE_INTERRUPTION_FINDINGS: "premature_endpointing"}, now_ns)
        base = self._labels(record.workflow, "", record)
        for action in record.silence_timeouts:
            self._add(m.INTERRUPTION_SILENCE_TIMEOUTS, base | {a.VOICE_SILENCE_NEXT_ACTION: action}, now_ns)
        escalated: str | bool = "unknown" if record.escalated is None else record.escalated
        facts: dict[str, str | bool] = {
            a.VOICE_CALL_INTERRUPTED: record.interrupted,
            a.VOICE_CALL_TASK_OUTCOME: record.task_outcome,
            a.VOICE_CALL_ESCALATED: escalated,
            a.VOICE_CALL_ENDED_BY: record.ended_by,
            a.VOICE_CALL_OBSERVABLE: _observable(record),
        }
        self._add(m.CALLS, base | facts, now_ns)
        if record.escalation_asked or record.escalated:
            self._add(
                m.ESCALATIONS, base | {a.VOICE_CALL_ESCALATION_ASKED: record.escalation_asked, a.VOICE_CALL_ESCALATED: escalated}, now_ns
            )

    def points(self, now_ns: int) -> Iterator[Point]:
        """Yield what to export at `now_ns`, a new series with its zero first; timestamps of a series only grow."""
        if now_ns <= self._exported_ns:
            return
        for key, series in list(self._series.items()):
            if now_ns - series.touched_ns > IDLE_NS:
                del self._series[key]
                self._sizes[series.metric.name] -= 1
                continue
            if not series.exported:
                yield _point(series, self._exported_ns, zero=True)
                series.exported = True
            yield _point(series, now_ns, zero=False)
            series.exemplar = None
        self._exported_ns = now_ns

    def _labels(self, workflow: str, message_type: str, record: CallRecord) -> dict[str, str | bool]:
        labels: dict[str, str | bool] = {
            a.VOICE_WORKFLOW: self._workflow(workflow),
            a.VOICE_AGENT_POLICY_VERSION: self._version(record.policy_version),
            a.VOICE_RUNTIME_NAME: record.runtime,
        }
        return labels | ({a.VOICE_AGENT_MESSAGE_TYPE: self._type(message_type)} if message_type else {})

    def _get(self, name: str, labels: dict[str, str | bool], now_ns: int) -> Series:
        metric = m.METRICS[name]
        key: Labels = tuple(sorted(labels.items()))
        if (name, key) not in self._series and self._sizes.get(name, 0) >= self._max_series:
            key = OVERFLOW
        series = self._series.get((name, key))
        if series is None:
            counts = [0] * (len(metric.buckets) + 1) if metric.instrument == "histogram" else []
            series = self._series[(name, key)] = Series(metric=metric, labels=key, start_ns=self._exported_ns, counts=counts)
            self._sizes[name] = self._sizes.get(name, 0) + 1
        series.touched_ns = now_ns
        return series

    def _add(self, name: str, labels: dict[str, str | bool], now_ns: int, exemplar: tuple[bytes, bytes, float] | None = None) -> None:
        series = self._get(name, labels, now_ns)
        series.value += 1
        series.exemplar = exemplar or series.exemplar

    def _observe(self, name: str, labels: dict[str, str | bool], value: float, now_ns: int, episode: Episode) -> None:
        series = self._get(name, labels, now_ns)
        series.value += 1
        series.total += value
        index = next((i for i, edge in enumerate(series.metric.buckets) if value <= edge), len(series.metric.buckets))
        series.counts[index] += 1
        series.exemplar = (episode.trace_id, episode.span_id, value)


def _observable(record: CallRecord) -> str:
    if record.observable is None:
        return "unknown"
    return "yes" if record.observable else "no"


def _point(series: Series, time_ns: int, *, zero: bool) -> Point:
    return Point(
        metric=series.metric,
        labels=series.labels,
        start_ns=series.start_ns,
        time_ns=time_ns,
        value=0 if zero else series.value,
        counts=tuple(0 for _ in series.counts) if zero else tuple(series.counts),
        total=0.0 if zero else series.total,
        exemplar=None if zero else series.exemplar,
    )
