"""From a call's events to the caller's stretches of input: speech, keys, commands, with what was heard in them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import candidate_from_attributes, classify
from otel_voice_processor.evidence import MEANINGFUL, MS, bool_of, int_of, text_of
from otel_voice_processor.model import Stretch, Value, VoiceEvent

JOIN_NS = 700 * MS  # stretches closer than this are one
INTER_DIGIT_NS = 3_000 * MS  # keys closer than this are one entry, as IVRs wait for the next digit
TRANSCRIPT_KEYS = tuple(key for key in a.ATTRIBUTES if key.startswith("voice.caller.transcript."))
UNFINISHED = frozenset(
    {"and", "but", "so", "because", "the", "a", "an", "to", "my", "is", "for", "of", "or", "um", "uh"}
    | {"it's", "with", "at", "on", "in", "from", "your", "our"}
)  # no phrase ends on these
CLASS_KEYS = (a.VOICE_CALLER_INPUT_CLASS, a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE)


@dataclass(slots=True, eq=False)
class _OpenStretch:
    """A stretch while its events are read."""

    input_type: str
    onset_ns: int
    end_ns: int | None
    emitter: str
    facts: dict[str, Value] = field(default_factory=dict)
    evidence_ns: int | None = None
    first_evidence_ns: int | None = None
    span_ids: list[bytes] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def stretches_of(events: Sequence[VoiceEvent], question_pending: bool | None = None) -> tuple[Stretch, ...]:
    """Return the caller's stretches in order of onset, near ones joined; `events` come from `in_order`."""
    speech = _speech(events)
    keys = [_pressed(event) for event in events if _input_type(event) in {"dtmf", "command"}]
    return tuple(_frozen(item) for item in sorted(_joined(speech, JOIN_NS) + _joined(keys, INTER_DIGIT_NS), key=lambda s: s.onset_ns))


def _input_type(event: VoiceEvent) -> str | None:
    if event.name != e.CANDIDATE_DETECTED:
        return None
    return text_of(event.attributes.get(a.VOICE_CALLER_INPUT_TYPE)) or "speech"


def _pressed(event: VoiceEvent) -> _OpenStretch:
    return _OpenStretch(
        input_type=_input_type(event) or "dtmf",
        onset_ns=event.time_ns,
        end_ns=event.time_ns,
        emitter=event.emitter,
        facts=dict(event.attributes),
        evidence_ns=event.time_ns,
        first_evidence_ns=event.time_ns,
        span_ids=[event.span_id],
    )


def _speech(events: Sequence[VoiceEvent]) -> list[_OpenStretch]:
    """Read speech started, stopped, transcripts and candidates into stretches, by stretch id where given."""
    found: dict[int, _OpenStretch] = {}
    by_id: dict[str, _OpenStretch] = {}
    last_of: dict[str, _OpenStretch] = {}
    for event in events:
        if event.name == e.USER_SPEECH_STARTED:
            item = _OpenStretch(input_type="speech", onset_ns=event.time_ns, end_ns=None, emitter=event.emitter)
        elif event.name in {e.USER_SPEECH_STOPPED, e.USER_TRANSCRIPT} or _input_type(event) == "speech":
            item = _belongs(event, by_id, last_of) or _OpenStretch(
                input_type="speech", onset_ns=_onset(event), end_ns=None, emitter=event.emitter
            )
        else:
            continue
        found[id(item)] = item
        named = text_of(event.attributes.get(a.VOICE_CALLER_STRETCH_ID))
        if named:
            by_id[named] = item
        last_of[event.emitter] = item
        _read_speech(item, event)
    return list(found.values())


def _belongs(event: VoiceEvent, by_id: dict[str, _OpenStretch], last_of: dict[str, _OpenStretch]) -> _OpenStretch | None:
    named = text_of(event.attributes.get(a.VOICE_CALLER_STRETCH_ID))
    if named is not None:
        return by_id.get(named)
    last = last_of.get(event.emitter)
    if event.name == e.USER_TRANSCRIPT or last is None:
        return last
    return last if last.end_ns is None or last.end_ns + JOIN_NS >= event.start_ns else None


def _onset(event: VoiceEvent) -> int:
    spoken = int_of(event.attributes.get(a.VOICE_CALLER_SPEECH_DURATION_MS)) or 0
    return min(event.start_ns, event.time_ns - spoken * MS)


def _read_speech(item: _OpenStretch, event: VoiceEvent) -> None:
    """Move one stretch on by one event; the newest transcript by evidence time counts."""
    item.span_ids.append(event.span_id)
    if event.name == e.USER_SPEECH_STOPPED:
        item.end_ns = event.time_ns
        item.onset_ns = min(item.onset_ns, _onset(event))
    told = {key: value for key, value in event.attributes.items() if key in TRANSCRIPT_KEYS or key in CLASS_KEYS}
    plain = {key: value for key, value in event.attributes.items() if key not in told}
    item.facts.update({key: value for key, value in plain.items() if key not in item.facts or key == a.VOICE_CALLER_SPEECH_DURATION_MS})
    if not told:
        return
    if event.name == e.USER_SPEECH_STOPPED and item.evidence_ns is not None and a.VOICE_CALLER_TRANSCRIPT_LENGTH not in told:
        for key, value in told.items():  # a stop repeats what was known, it is no newer evidence
            item.facts.setdefault(key, value)
        return
    evidence = (int_of(told.get(a.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS)) or event.time_ns // MS) * MS
    known = a.VOICE_CALLER_TRANSCRIPT_STATUS in item.facts
    tells = a.VOICE_CALLER_TRANSCRIPT_STATUS in told or a.VOICE_CALLER_INPUT_CLASS in told
    worded = bool(told.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH) or told.get(a.VOICE_CALLER_TRANSCRIPT_TEXT))
    if worded and (item.first_evidence_ns is None or evidence < item.first_evidence_ns):
        item.first_evidence_ns = evidence
    overruled = known and told.get(a.VOICE_CALLER_TRANSCRIPT_INFERRED) is True and item.facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH)
    if tells and not overruled and (item.evidence_ns is None or evidence >= item.evidence_ns or not known):
        if evidence != item.evidence_ns or event.name == e.USER_TRANSCRIPT:
            for key in (*TRANSCRIPT_KEYS, *CLASS_KEYS):
                item.facts.pop(key, None)
        item.facts.update(told)
        item.evidence_ns = evidence


def _joined(items: list[_OpenStretch], gap_ns: int) -> list[_OpenStretch]:
    """Join stretches of any emitter that overlap or lie closer than `gap_ns`."""
    out: list[_OpenStretch] = []
    for item in sorted(items, key=lambda s: s.onset_ns):
        last = out[-1] if out else None
        close = last is not None and last.input_type == item.input_type and (last.end_ns or last.onset_ns) + gap_ns > item.onset_ns
        if last is None or not close:
            out.append(item)
        else:
            _merge(last, item)
    return out


def _merge(kept: _OpenStretch, other: _OpenStretch) -> None:
    ends = [end for end in (kept.end_ns, other.end_ns) if end is not None]
    kept.end_ns = max(ends) if ends else None
    kept.span_ids += other.span_ids
    firsts = [at for at in (kept.first_evidence_ns, other.first_evidence_ns) if at is not None]
    kept.first_evidence_ns = min(firsts, default=None)
    mine, theirs = (text_of(item.facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT)) for item in (kept, other))
    if mine and theirs and mine != theirs and kept.emitter == other.emitter:
        kept.facts[a.VOICE_CALLER_TRANSCRIPT_TEXT] = f"{mine} {theirs}"
    elif _weight(other.facts) > _weight(kept.facts):
        kept.facts = kept.facts | {key: value for key, value in other.facts.items() if key in TRANSCRIPT_KEYS or key in CLASS_KEYS}
        kept.evidence_ns = other.evidence_ns
    for key, value in other.facts.items():
        kept.facts.setdefault(key, value)


def _weight(facts: dict[str, Value]) -> int:
    """Rank what a stretch tells: meaningful words above any words above none."""
    if facts.get(a.VOICE_CALLER_INPUT_CLASS) in MEANINGFUL:
        return 3
    if facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT) or facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH):
        return 2
    return 1 if a.VOICE_CALLER_TRANSCRIPT_STATUS in facts else 0


def _frozen(item: _OpenStretch) -> Stretch:
    hashes = item.facts.get(a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES, ())
    offset = int_of(item.facts.get(a.VOICE_CALLER_SPEECH_FIRST_WORD_OFFSET_MS))
    stretch = Stretch(
        input_type=item.input_type,
        onset_ns=item.onset_ns,
        end_ns=item.end_ns,
        first_word_ns=None if offset is None else item.onset_ns + offset * MS,
        text=text_of(item.facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT)),
        transcript_status=text_of(item.facts.get(a.VOICE_CALLER_TRANSCRIPT_STATUS)),
        input_class="unknown",
        class_confidence=0.0,
        class_reason="",
        evidence_ns=item.first_evidence_ns if item.first_evidence_ns is not None else item.evidence_ns,
        word_hashes=tuple(str(h) for h in hashes) if isinstance(hashes, tuple) else (),
        is_backchannel=bool_of(item.facts.get(a.VOICE_CALLER_INPUT_IS_BACKCHANNEL)),
        emitter=item.emitter,
        attributes=dict(item.facts),
        event_span_ids=tuple(item.span_ids),
    )
    return classified(stretch, {})


def classified(stretch: Stretch, context: dict[str, Value]) -> Stretch:
    """Return the stretch with the judge's class, on all evidence and with `context` of the response it met."""
    facts: dict[str, Value] = {**stretch.attributes, **context, a.VOICE_CALLER_INPUT_TYPE: stretch.input_type}
    if stretch.end_ns is not None and stretch.input_type == "speech":
        facts[a.VOICE_CALLER_SPEECH_DURATION_MS] = max(0, (stretch.end_ns - stretch.onset_ns) // MS)
    judged = classify(candidate_from_attributes(facts))
    return replace(
        stretch,
        input_class=str(judged.input_class),
        class_confidence=float(judged.confidence),
        class_reason=judged.reason,
        attributes=facts,
    )


def end_of(stretch: Stretch) -> int:
    """Return when a stretch ended, its onset where that was never told."""
    return stretch.end_ns if stretch.end_ns is not None else stretch.onset_ns
