"""One event as a value, whatever carried it: a span, a log record, a span event or the JSON envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from otel_voice_schema.events import ALIASES, EVENTS

MS: Final = 1_000_000
SPAN: Final = "span"
LOG: Final = "log"
SPAN_EVENT: Final = "span_event"
ENVELOPE: Final = "envelope"
Value = str | bool | int | float | bytes | None | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event. Times are Unix nanoseconds, 0 where there is none; ids are hex, empty where there is none; `resource` is the emitter's.

    `carrier` is span, log, span_event or envelope.
    """

    name: str
    time_ns: int
    start_ns: int
    attributes: Mapping[str, Value]
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    resource: Mapping[str, Value] = field(default_factory=dict)
    carrier: str = SPAN


def start_of(name: str, attributes: Mapping[str, object], time_ns: int) -> int:
    """Return when an event began whose carrier tells only when it ended: by the duration among its own facts, else then."""
    event = EVENTS.get(ALIASES.get(name, name))
    length = attributes.get(event.duration) if event is not None and event.duration is not None else None
    if type(length) is not int or length <= 0 or time_ns <= 0:
        return time_ns
    return max(time_ns - length * MS, 0)
