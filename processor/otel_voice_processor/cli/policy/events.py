"""Recorded calls for a policy test: events of any file that `otel-voice validate` reads, joined into their calls' records."""

from __future__ import annotations

from dataclasses import dataclass, field

from otel_voice_schema import events as e
from otel_voice_schema.record import Record

from otel_voice.emit import derive_ids
from otel_voice.policy import Policy
from otel_voice_processor.cli.inputs import place, read
from otel_voice_processor.episodes import record_of
from otel_voice_processor.evidence import in_order
from otel_voice_processor.files import Broken, events
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.recordings import voice_event
from otel_voice_processor.records import TooDeep
from otel_voice_processor.telemetry import Counters


@dataclass(slots=True, kw_only=True)
class Recorded:
    """What was read: each call's events, what could not be read, and how many events cannot be judged."""

    calls: dict[str, list[VoiceEvent]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unjudged: int = 0


def read_calls(names: list[str]) -> Recorded:
    """Read files, or standard input for `-`."""
    found = Recorded()
    for name, item in read(names):
        if isinstance(item, Broken):
            found.problems.append(f"{place(name, item.where)}: {item.message}")
            continue
        try:
            for each in events(item):
                _add(found, each.record)
        except TooDeep as error:
            found.problems.append(f"{place(name, item.where)}: {error}")
    return found


def records_of(recorded: Recorded, policy: Policy) -> list[tuple[CallRecord, list[VoiceEvent]]]:
    """Return each call's record, judged by the policy, with its events in order of time."""
    rule = Pipeline(policy, Counters()).rule
    found: list[tuple[CallRecord, list[VoiceEvent]]] = []
    for call_id, taken in recorded.calls.items():
        trace_id, span_id = derive_ids(call_id)
        root = (trace_id.to_bytes(16, "big"), span_id.to_bytes(8, "big"))
        ordered = in_order(taken)
        found.append((record_of(call_id, ordered, rule, policy_version=policy.version, root=root), ordered))
    return sorted(found, key=lambda call: (call[0].start_ns, call[0].call_id))


def _add(found: Recorded, record: Record) -> None:
    """Take one event; what the processor wrote itself tells nothing new, and an event that it would not judge counts as that."""
    if record.name in {e.EPISODE, e.CALL}:
        return
    event = voice_event(record)
    if event is None:
        found.unjudged += 1
    else:
        found.calls.setdefault(event.call_id, []).append(event)
