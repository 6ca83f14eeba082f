"""What every reader of a call's events needs: the order they are read in, and attributes by type. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from otel_voice_processor.model import Value, VoiceEvent

MS = 1_000_000
LONGEST_NS = 3_600_000 * MS  # nobody speaks for longer
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


def began_ns(event: VoiceEvent) -> int:
    """Return when the event's duration began; one of more than an hour is a clock that was not set, and no duration."""
    return event.start_ns if event.time_ns - event.start_ns <= LONGEST_NS else event.time_ns


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
