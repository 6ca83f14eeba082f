"""The counters and histograms that dashboards divide: bounded, with a zero before the first value. Pure, time is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_processor.capped import OTHER, Capped
from otel_voice_processor.first_seen import FirstSeen
from otel_voice_processor.model import UNVERSIONED, CallRecord, Episode
from otel_voice_processor.rolling import Rolling
from otel_voice_processor.rows import Damaged, Read, Rows, Unreadable
from otel_voice_processor.series import Point, SeriesTable

VERSIONS: Final = 100  # newest ones of the agents' policy that are told apart: workflows may have versions of their own, and go back to one


class Scorecard:
    """Counts what settles; a new series is exported with a 0 first, otherwise `increase()` never sees rare verdicts."""

    def __init__(self, start_ns: int, *, max_series: int = 20_000, by_agent: bool = False) -> None:
        self._series = SeriesTable(start_ns, max_series)
        self._first_seen = FirstSeen()
        self._workflow, self._type, self._version = Capped(200), Capped(20), Capped(VERSIONS, newest=True, retired=self._first_seen.retire)
        self._runtime, self._agent = Capped(20), Capped(200) if by_agent else None
        every = {"workflow": self._workflow, "type": self._type, "version": self._version, "runtime": self._runtime, "agent": self._agent}
        self._capped = {f"labels/{name}".encode(): capped for name, capped in every.items() if capped is not None}
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
        self._see_version(record, now_ns)
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

    def _see_version(self, record: CallRecord, now_ns: int) -> None:
        workflow, version = self._workflow(record.workflow), self._version(record.policy_version)
        if OTHER not in {workflow, version} and version != UNVERSIONED:
            self._first_seen.add(workflow, version, record.start_ns, now_ns)

    def points(self, now_ns: int) -> Iterator[Point]:
        """Yield what to export at `now_ns`, a new series with its zero first; timestamps of a series only grow."""
        is_new = self._series.is_new(now_ns)
        yield from self._series.points(now_ns)
        if is_new:
            yield from self._ratios(now_ns)
            yield from self._first_seen.points(self._series.start_ns, now_ns)

    def _ratios(self, now_ns: int) -> Iterator[Point]:
        for window, workflow, rate, value in self._rolling.values(now_ns):
            labels = ((a.VOICE_SCORECARD_RATE, rate), (a.VOICE_SCORECARD_WINDOW, window), (a.VOICE_WORKFLOW, workflow))
            yield Point(
                metric=m.METRICS[m.INTERRUPTION_SCORECARD_RATIO],
                labels=labels,
                start_ns=self._series.start_ns,
                time_ns=now_ns,
                value=0,
                counts=(),
                total=value,
                exemplar=None,
            )

    def not_taken(self) -> None:
        """Say that the last export did not arrive: its new series begin with a zero again."""
        self._series.not_taken()

    @property
    def exported_ns(self) -> int:
        """Return the time of the last export, or when counting began."""
        return self._series.exported_ns

    def rewind(self, exported_ns: int) -> None:
        """Say that the last export anybody has was then, though later ones were told."""
        self._series.rewind(exported_ns)

    def begin_anew(self, now_ns: int) -> None:
        """Say that the clock has been set: no series is idle for that."""
        self._series.begin_anew(now_ns)

    def track(self) -> None:
        """Note from now on what `save` has to write."""
        self._series.track()
        self._rolling.track()
        self._first_seen.track()

    def save(self, rows: Rows) -> None:
        """Put what changed since it was asked for last."""
        self._series.save(rows)
        self._rolling.save(rows)
        self._first_seen.save(rows)
        for key, capped in self._capped.items():
            if capped.unsaved:
                rows.put("meta", key, capped.row())
                capped.unsaved = False

    def save_all(self) -> None:
        """Take nothing as written."""
        self._series.save_all()
        self._rolling.save_all()
        self._first_seen.save_all()
        for capped in self._capped.values():
            capped.unsaved = True

    def restore(self, read: Read, damaged: Damaged) -> None:
        """Take what was saved; `damaged` is told where a row means nothing."""
        meta = dict(read("meta"))
        self._series.restore(read("series"), meta.get(b"scorecard"), damaged)
        self._rolling.restore(read("rolling"), damaged)
        for key in self._capped.keys() & meta.keys():
            try:
                self._capped[key].restore(meta[key])
            except Unreadable:
                damaged("meta", key)
        self._first_seen.restore(meta.items(), self._let_through, damaged)

    def _let_through(self, workflow: str, version: str) -> bool:
        """Let label values through that were before, and again where the row that said so is lost."""
        if not (self._workflow.has_room_for(workflow) and self._version.has_room_for(version)):
            return False
        self._workflow(workflow)
        self._version(version)
        return True

    def _labels(self, workflow: str, message_type: str, record: CallRecord) -> dict[str, str | bool]:
        labels: dict[str, str | bool] = {
            a.VOICE_WORKFLOW: self._workflow(workflow),
            a.VOICE_AGENT_POLICY_VERSION: self._version(record.policy_version),
            a.VOICE_RUNTIME_NAME: self._runtime(record.runtime),
        }
        if self._agent is not None:
            labels[a.GEN_AI_AGENT_NAME] = self._agent(record.agent_name or "unknown")
        return labels | ({a.VOICE_AGENT_MESSAGE_TYPE: self._type(message_type)} if message_type else {})

    def _add(self, name: str, labels: dict[str, str | bool], now_ns: int, exemplar: tuple[bytes, bytes, float] | None = None) -> None:
        series = self._series.get(name, labels, now_ns)
        series.value += 1
        series.exemplar = exemplar or series.exemplar

    def _observe(self, name: str, labels: dict[str, str | bool], value: float, now_ns: int, episode: Episode) -> None:
        series = self._series.get(name, labels, now_ns)
        series.value += 1
        series.total += value
        index = next((i for i, edge in enumerate(series.metric.buckets) if value <= edge), len(series.metric.buckets))
        series.counts[index] += 1
        series.exemplar = (episode.trace_id, episode.span_id, value)


def _observable(record: CallRecord) -> str:
    if record.observable is None:
        return "unknown"
    return "yes" if record.observable else "no"
