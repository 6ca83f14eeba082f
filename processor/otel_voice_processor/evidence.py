"""What every reader of a call's events needs: the order they are read in, and attributes by type. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otel_voice_processor.model import Value, VoiceEvent

MS = 1_000_000
LEAD_NS = 60_000 * MS  # as long as a call may go on before its first event
MEANINGFUL = frozenset({"correction", "escalation", "dtmf"})


def text_of(value: Value | None) -> str | None:
    """Return a string attribute, or None where it is absent or something else."""
    return value if isinstance(value, str) else None


def int_of(value: Value | None) -> int | None:
    """Return an integer attribute, or None where it is absent or something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def bool_of(value: Value | None) -> bool | None:
    """Return a boolean attribute, or None where it is absent or something else."""
    return value if isinstance(value, bool) else None


def floor_ns(events: Sequence[VoiceEvent]) -> int:
    """Return the moment before which nothing of a call began; `events` are by time."""
    return events[0].time_ns - LEAD_NS if events else 0


def began_ns(event: VoiceEvent, floor_ns: int, length_ms: int = 0) -> int:
    """Return when the event's duration began, by its start or its length in ms; what began before `floor_ns` is no duration."""
    start_ns = min(event.start_ns, event.time_ns - length_ms * MS)
    return start_ns if start_ns >= floor_ns else event.time_ns


def in_order(events: Iterable[VoiceEvent]) -> list[VoiceEvent]:
    """Return the events by time, duplicates dropped; the same list for every order of arrival."""
    unique: dict[tuple[str, str, int], VoiceEvent] = {}
    for event in events:
        held = unique.setdefault(event.identity, event)
        if held is not event:
            unique[event.identity] = one_of(held, event)
    return by_time(unique.values())


def by_time(events: Iterable[VoiceEvent]) -> list[VoiceEvent]:
    """Return events that are told apart already, by time."""
    return sorted(events, key=lambda ev: (ev.time_ns, ev.start_ns, ev.name, ev.span_id, ev.emitter))


def one_of(held: VoiceEvent, other: VoiceEvent) -> VoiceEvent:
    """Return one of two events of the same identity: where they differ, the same one whichever came first."""
    return held if held == other else min(held, other, key=_content)


def _content(event: VoiceEvent) -> tuple[int, str]:
    return event.start_ns, repr((sorted(event.attributes.items()), event.trace_id, event.span_id, event.emitter))
