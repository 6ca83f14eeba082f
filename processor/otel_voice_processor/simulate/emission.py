"""The events of a scripted call, by the real helpers: sent as spans, or handed over as the processor's own, fast, for load and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from opentelemetry.trace import TracerProvider
from otel_voice_schema import attributes as a

from otel_voice.emit import derive_ids
from otel_voice_processor.model import Value, VoiceEvent
from otel_voice_processor.simulate.impairments import COMPLETE, Impairments, as_heard, chance_of, delivered
from otel_voice_processor.simulate.script import Script
from otel_voice_processor.simulate.tape import Tape, Taped
from otel_voice_processor.simulate.telling import MS, tell

AGENT: Final = "agent"
TELEPHONY: Final = "telephony"
_BASE_NS: Final = 10**18  # where recordings begin: any whole millisecond
_MIXED: Final = 0x9E3779B97F4A7C15  # spreads counted numbers over 64 bits
_ANOTHER_ROUTE: Final = 1 << 20  # added to the number of an event's second span
_COUNTED: Final = {a.VOICE_CALLER_STRETCH_ID: "stretch", a.VOICE_INTERRUPTION_ID: "interruption"}  # ids that helpers draw


def emit(
    script: Script,
    tracer_provider: TracerProvider,
    *,
    start_ns: int,
    keep_text: bool = False,
    call_id: str | None = None,
    runtime: str = "simulator",
    impairments: Impairments = COMPLETE,
    telephony: TracerProvider | None = None,
) -> str:
    """Emit the call's events, as an agent's helpers would, and return its call id; `call_id` replaces the script's.

    `start_ns` is Unix time. `telephony` takes what a second emitter tells, where the impairments have one; else `tracer_provider` does.
    A duplicate is a second span of the same `voice.event.id`.
    """
    name, other = call_id or script.call_id, telephony or tracer_provider
    voice, heard = impairments.voice(keep_text=keep_text, runtime=runtime), as_heard(script, impairments)
    if impairments.in_order:
        tell(heard, voice, tracer_provider, other, call_id=name, start_ns=start_ns)
        return name
    tape: list[Taped] = []
    tell(heard, voice, Tape(tape, AGENT), Tape(tape, TELEPHONY), call_id=name, start_ns=start_ns)
    for taped, _ in delivered(tape, script, impairments, time_ns=_really(impairments)):
        taped.send(tracer_provider if taped.emitter == AGENT else other)
    return name


def events_of(
    script: Script,
    *,
    start_ns: int,
    keep_text: bool = False,
    call_id: str | None = None,
    runtime: str = "simulator",
    impairments: Impairments = COMPLETE,
) -> list[VoiceEvent]:
    """Return the same events as the processor reads them, in order of arrival, without an SDK; `start_ns` is Unix time.

    Ids and word hashes are counted instead of drawn: the same arguments give the same events. The helpers tell a script once; what is
    asked of it later, under whatever id and time, is a copy. Of the duplicates half are the same span, half another of the same event.
    """
    return recorded(script, keep_text=keep_text, runtime=runtime, impairments=impairments).events(call_id or script.call_id, start_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """One event of a recording; times are from the call's start. `event` ends its event id, `number` makes its span id."""

    name: str
    emitter: str
    attributes: Mapping[str, Value]
    start_ns: int
    time_ns: int
    event: str
    number: int
    evidence_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A call that was told once, to be copied under other ids and times."""

    templates: tuple[_Template, ...]

    def events(self, call_id: str, start_ns: int) -> list[VoiceEvent]:
        """Return the call's events under an id, beginning at a Unix time in ns."""
        digest = blake2b(call_id.encode(), digest_size=16, person=b"otel-voice copy").digest()
        trace_id, prefix, low = derive_ids(call_id)[0].to_bytes(16, "big"), digest[:8].hex(), int.from_bytes(digest[8:], "big")
        start_ms, copies = start_ns // MS, []
        for each in self.templates:
            attributes = {**each.attributes, a.VOICE_CALL_ID: call_id, a.VOICE_EVENT_ID: prefix + each.event}
            if each.evidence_ms is not None:
                attributes[a.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS] = start_ms + each.evidence_ms
            copies.append(
                VoiceEvent(
                    name=each.name,
                    call_id=call_id,
                    time_ns=start_ns + each.time_ns,
                    start_ns=start_ns + each.start_ns,
                    trace_id=trace_id,
                    span_id=(low ^ each.number).to_bytes(8, "big"),
                    attributes=attributes,
                    emitter=each.emitter,
                )
            )
        return copies


@lru_cache(maxsize=2_048)
def recorded(script: Script, *, keep_text: bool = False, runtime: str = "simulator", impairments: Impairments = COMPLETE) -> Recording:
    """Return a recording of a call, to make many of; `events_of` is this and one copy."""
    tape: list[Taped] = []
    voice = impairments.voice(keep_text=keep_text, runtime=runtime)
    tell(as_heard(script, impairments), voice, Tape(tape, AGENT), Tape(tape, TELEPHONY), call_id=script.call_id, start_ns=_BASE_NS)
    route, counted = chance_of(script, impairments, "route"), _Counted()
    templates = [counted.template(number, taped) for number, taped in enumerate(tape)]
    arrived = delivered(templates, script, impairments, time_ns=_really(impairments))
    return Recording(templates=tuple(_again(each, route.random()) if copy else each for each, copy in arrived))


def _really(impairments: Impairments) -> Callable[[Taped | _Template], int]:
    """Return what tells when an event was really sent, whatever its emitter's clock says."""
    ahead = (impairments.skew_ms or 0) * MS
    return lambda each: each.time_ns - (ahead if each.emitter == TELEPHONY else 0)


def _again(each: _Template, fate: float) -> _Template:
    """Return an event's second coming: the same span, or another of the same event."""
    if fate < 0.5:
        return each
    return _Template(
        name=each.name,
        emitter=each.emitter,
        attributes=each.attributes,
        start_ns=each.start_ns,
        time_ns=each.time_ns,
        event=each.event,
        number=_spread(each.number + _ANOTHER_ROUTE),
        evidence_ms=each.evidence_ms,
    )


def _spread(number: int) -> int:
    return (number * _MIXED) & (2**64 - 1)


class _Counted:
    """Counts what helpers draw at random: ids and word hashes, so that a recording is the same each time."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    def template(self, number: int, taped: Taped) -> _Template:
        """Return one event of the recording."""
        attributes = {key: self._counted(key, value) for key, value in taped.attributes.items()}
        evidence = attributes.get(a.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS)
        return _Template(
            name=taped.name,
            emitter=taped.emitter,
            attributes=attributes,
            start_ns=taped.start_ns - _BASE_NS,
            time_ns=taped.time_ns - _BASE_NS,
            event=f"{number:016x}",
            number=_spread(number + 1),
            evidence_ms=evidence - _BASE_NS // MS if isinstance(evidence, int) else None,
        )

    def _counted(self, key: str, value: Any) -> Any:
        if key in _COUNTED:
            return self._name(key, value, f"{_COUNTED[key]}_{{:04d}}")
        if key == a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES:
            return tuple(self._name(key, word, "{:012x}") for word in value)
        return tuple(value) if isinstance(value, list) else value

    def _name(self, key: str, value: str, form: str) -> str:
        return self._names.setdefault((key, value), form.format(len(self._names) + 1))
