"""The counters and histograms that dashboards divide: bounded, with a zero before the first value. Pure, time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_processor.model import CallRecord, Episode
from otel_voice_processor.rolling import Rolling

Labels = tuple[tuple[str, str | bool], ...]
IDLE_NS = 24 * 3600 * 1_000_000_000
OTHER = "other"
RETIRED = 100  # old label values remembered, so that two versions in turns are not both the newest for ever
OVERFLOW: Labels = (("otel.metric.overflow", True),)


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
    """One data point to export; `counts` is empty for a counter, and `total` is the value of a gauge."""

    metric: m.Metric
    labels: Labels
    start_ns: int
    time_ns: int
    value: int
    counts: tuple[int, ...]
    total: float
    exemplar: tuple[bytes, bytes, float] | None


class Capped:
    """Label values let through: the first `most` seen, or the `most` that came newest; the rest become `other`, and stay it."""

    def __init__(self, most: int, *, newest: bool = False) -> None:
        self._seen: deque[str] = deque()
        self._gone: deque[str] = deque(maxlen=RETIRED)
        self._most = most
        self._newest = newest

    def __call__(self, value: str) -> str:
        """Return the value, or `other`."""
        if value in self._seen:
            return value
        if len(self._seen) >= self._most:
            if not self._newest or value in self._gone:
                return OTHER
            self._gone.append(self._seen.popleft())
        self._seen.append(value)
        return value


class Scorecard:
    """Counts what settles; a new series is exported with a 0 first, otherwise `increase()` never sees rare verdicts."""

    def __init__(self, start_ns: int, *, max_series: int = 20_000, by_agent: bool = False) -> None:
        self._start_ns = start_ns
        self._exported_ns = start_ns
        self._max_series = max_series
        self._series: dict[tuple[str, Labels], Series] = {}
        self._sizes: dict[str, int] = {}
        self._fresh: list[Series] = []
        self._workflow, self._type, self._version = Capped(200), Capped(20), Capped(5, newest=True)
        self._runtime, self._agent = Capped(20), Capped(200) if by_agent else None
        self._rolling = Rolling()

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

        self._roll_verdict(episode, now_ns)

    def _roll_verdict(self, episode: Episode, now_ns: int) -> None:
        """Count an episode in the rates it is in the denominator of."""
        workflow = self._workflow(episode.workflow)
        if episode.verdict != "undetermined":
            if episode.net_audio == "stopped":
                self._rolling.add(now_ns, workflow, "false_interruption", hit=episode.verdict == "false_interruption")
            if episode.intent == "yes":
                self._rolling.add(now_ns, workflow, "missed_interruption", hit=episode.verdict == "missed_interruption")
        if episode.resume in {"clean", "restarted", "lost"}:
            self._rolling.add(now_ns, workflow, "resume_success", hit=episode.resume == "clean")

    def count_aftermath(self, episode: Episode, record: CallRecord, now_ns: int) -> None:
        """Count what of an episode could be known only later: silence and repeats."""
        base = self._labels(episode.workflow, episode.message_type, record)
        if episode.intent == "yes" and episode.verdict != "undetermined":
            self._rolling.add(now_ns, self._workflow(episode.workflow), "repeated_speech", hit=episode.repeated)
            if episode.repeated:  # only where the episode is in the denominator
                self._add(m.INTERRUPTION_REPEATS, base, now_ns, exemplar=(episode.trace_id, episode.span_id, 1.0))
        if episode.silence_ms is not None:
            self._observe(m.INTERRUPTION_SILENCE_DURATION, base, episode.silence_ms / 1000, now_ns, episode)
        elif episode.answered is False:
            self._add(
                m.INTERRUPTION_UNANSWERED,
                base | {a.VOICE_CALL_ENDED_BY: record.ended_by},
                now_ns,
                exemplar=(episode.trace_id, episode.span_id, 1.0),
            )

    def count_call(self, record: CallRecord, now_ns: int) -> None:
        """Count a call that settled; its episodes and what followed them are counted apart."""
        root = (record.trace_id, record.root_span_id, 1.0)
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
        self._add(m.CALLS, base | facts, now_ns, exemplar=root)
        if record.interrupted in {"handled", "mishandled"}:
            workflow = self._workflow(record.workflow)
            if record.task_outcome != "unknown":
                self._rolling.add(now_ns, workflow, "task_completion", hit=record.task_outcome == "completed")
            if record.escalated is not None:
                self._rolling.add(now_ns, workflow, "escalation", hit=record.escalated)
        if record.escalation_asked or record.escalated:
            self._add(
                m.ESCALATIONS, base | {a.VOICE_CALL_ESCALATION_ASKED: record.escalation_asked, a.VOICE_CALL_ESCALATED: escalated}, now_ns
            )

    def points(self, now_ns: int) -> Iterator[Point]:
        """Yield what to export at `now_ns`, a new series with its zero first; timestamps of a series only grow."""
        if now_ns <= self._exported_ns:
            return
        self._fresh = []
        for key, series in list(self._series.items()):
            if now_ns - series.touched_ns > IDLE_NS:
                del self._series[key]
                self._sizes[series.metric.name] -= 1
                continue
            if not series.exported:
                yield _point(series, self._exported_ns, zero=True)
                series.exported = True
                self._fresh.append(series)
            yield _point(series, now_ns, zero=False)
            series.exemplar = None
        yield from self._ratios(now_ns)
        self._exported_ns = now_ns

    def _ratios(self, now_ns: int) -> Iterator[Point]:
        for window, workflow, rate, value in self._rolling.values(now_ns):
            labels = ((a.VOICE_SCORECARD_RATE, rate), (a.VOICE_SCORECARD_WINDOW, window), (a.VOICE_WORKFLOW, workflow))
            yield Point(
                metric=m.METRICS[m.INTERRUPTION_SCORECARD_RATIO],
                labels=labels,
                start_ns=self._start_ns,
                time_ns=now_ns,
                value=0,
                counts=(),
                total=value,
                exemplar=None,
            )

    def not_taken(self) -> None:
        """Say that the last export did not arrive: its new series begin with a zero again."""
        for series in self._fresh:
            series.exported = False

    def _labels(self, workflow: str, message_type: str, record: CallRecord) -> dict[str, str | bool]:
        labels: dict[str, str | bool] = {
            a.VOICE_WORKFLOW: self._workflow(workflow),
            a.VOICE_AGENT_POLICY_VERSION: self._version(record.policy_version),
            a.VOICE_RUNTIME_NAME: self._runtime(record.runtime),
        }
        if self._agent is not None:
            labels[a.GEN_AI_AGENT_NAME] = self._agent(record.agent_name or "unknown")
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
