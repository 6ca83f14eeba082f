"""What came of the newest calls, as counts and verdicts without any content: what `otel-voice doctor` asks. Bounded, pure."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from otel_voice_schema.events import PREFIX

from otel_voice_processor.model import CallRecord, VoiceEvent

MAX_CALLS: Final = 1_000
MAX_TRACES: Final = 8  # of one call; it should be one
MAX_ID: Final = 256  # characters of a call id


@dataclass(slots=True)
class _Call:
    events: Counter[str] = field(default_factory=Counter)  # by whole name
    outcomes: Counter[str] = field(default_factory=Counter)
    traces: set[bytes] = field(default_factory=set)
    lag_ns: int | None = None  # of the newest event that has a time
    record: CallRecord | None = None
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)  # of each event name how many, and what was wrong with the newest


class Arrivals:
    """The newest calls by their first event; an older one is forgotten, whether settled or not."""

    def __init__(self, most: int = MAX_CALLS) -> None:
        self._most = most
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    def add(self, event: VoiceEvent, now_ns: int, outcome: str) -> None:
        """Note an event that came in, and what became of it."""
        call = self._call(event.call_id)
        call.events[event.name] += 1
        call.outcomes[outcome] += 1
        if event.trace_id and len(call.traces) < MAX_TRACES:
            call.traces.add(event.trace_id)
        if event.time_ns:
            call.lag_ns = now_ns - event.time_ns

    def refuse(self, call_id: str, name: str, problem: str) -> None:
        """Note an event that could not be judged; one without a call id belongs to none."""
        if call_id:
            refused = self._call(call_id[:MAX_ID]).refused
            refused[name.removeprefix(PREFIX)] = (refused.get(name.removeprefix(PREFIX), (0, ""))[0] + 1, problem)

    def _call(self, call_id: str) -> _Call:
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = _Call()
            if len(self._calls) > self._most:
                self._calls.popitem(last=False)
        return call

    def settle(self, record: CallRecord) -> None:
        """Note that a call has settled."""
        call = self._calls.get(record.call_id)
        if call is not None:
            call.record = record

    def told(self, call_id: str) -> dict[str, Any] | None:
        """Return what is known of a call, as JSON has it; None of a call that never came or is forgotten."""
        call = self._calls.get(call_id)
        if call is None:
            return None
        record = call.record
        told: dict[str, Any] = {
            "call_id": call_id,
            "state": "open" if record is None else "settled",
            "events": {name.removeprefix(PREFIX): count for name, count in sorted(call.events.items())},
            "outcomes": dict(sorted(call.outcomes.items())),
            "refused": {name: {"count": count, "problem": problem} for name, (count, problem) in sorted(call.refused.items())},
            "traces": len(call.traces),
            "newest_lag_ms": round(call.lag_ns / 1e6) if call.lag_ns is not None else None,
        }
        if record is not None:
            told["episodes"] = [
                {"verdict": each.verdict, "net_audio": each.net_audio, "input_class": each.input_class, "missing": list(each.missing)}
                for each in record.episodes
            ]
            told["interrupted"], told["ended_by"], told["unknown_ends"] = record.interrupted, record.ended_by, record.unknown_ends
        return told
