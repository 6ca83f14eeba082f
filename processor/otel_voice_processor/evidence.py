"""From a call's events, in any order, to what was heard: stretches of caller input and responses of the agent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import candidate_from_attributes, classify
from otel_voice_processor.model import Response, Scalar, Stretch, Value, VoiceEvent

MS = 1_000_000
JOIN_NS = 700 * MS  # stretches closer than this are one
INTER_DIGIT_NS = 3_000 * MS  # keys closer than this are one entry, as IVRs wait for the next digit
MEANINGFUL = frozenset({"correction", "escalation", "dtmf"})
TRANSCRIPT_KEYS = tuple(key for key in a.ATTRIBUTES if key.startswith("voice.caller.transcript."))
CLASS_KEYS = (a.VOICE_CALLER_INPUT_CLASS, a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE)


def text_of(value: Value | None) -> str | None:
    """Return a string attribute, or None where it is absent or something else."""
    return value if isinstance(value, str) else None


def int_of(value: Value | None) -> int | None:
    """Return an integer attribute, or None where it is absent or something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def bool_of(value: Value | None) -> bool | None:
    """Return a boolean attribute, or None where it is absent or something else."""
    return value if isinstance(value, bool) else None


def in_order(events: Iterable[VoiceEvent]) -> list[VoiceEvent]:
    """Return the events by time, duplicates dropped; the same list for every order of arrival."""
    unique = {event.event_id: event for event in sorted(events, key=lambda ev: (ev.time_ns, ev.name, ev.event_id), reverse=True)}
    return sorted(unique.values(), key=lambda ev: (ev.time_ns, ev.start_ns, ev.name, ev.event_id))


@dataclass(slots=True)
class _OpenResponse:
    """A response while its events are read."""

    response_id: str
    start_ns: int
    emitter: str
    end_ns: int | None = None
    end_reason: str | None = None
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    positions: list[tuple[int, int]] = field(default_factory=list)
    seen: dict[str, Value] = field(default_factory=dict)

    def close_pause(self, at: int) -> None:
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1] = (self.pauses[-1][0], at)

    def frozen(self) -> Response:
        position = self.seen.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)
        return Response(
            response_id=self.response_id,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            end_reason=self.end_reason,
            pauses=tuple(self.pauses),
            message_type=text_of(self.seen.get(a.VOICE_AGENT_MESSAGE_TYPE)),
            workflow=text_of(self.seen.get(a.VOICE_WORKFLOW)),
            interruptible=bool_of(self.seen.get(a.VOICE_AGENT_SPEECH_INTERRUPTIBLE)),
            question_pending=bool_of(self.seen.get(a.VOICE_AGENT_QUESTION_PENDING)),
            planned_ms=int_of(self.seen.get(a.VOICE_AGENT_RESPONSE_DURATION_MS)),
            position_ms=int_of(position),
            emitter=self.emitter,
        )


def responses_of(events: Sequence[VoiceEvent]) -> tuple[Response, ...]:
    """Return the agent's responses in order of start; `events` come from `in_order`."""
    found: dict[str, _OpenResponse] = {}
    current: _OpenResponse | None = None
    for event in events:
        if event.name not in {e.AGENT_SPEECH_STARTED, e.AGENT_SPEECH_INTERRUPTED, e.AGENT_SPEECH_STOPPED}:
            continue
        named = text_of(event.attributes.get(a.VOICE_AGENT_RESPONSE_ID))
        started = event.name == e.AGENT_SPEECH_STARTED
        if named is None and (started or current is None):
            named = f"unnamed@{event.time_ns}"
        response = current if named is None else found.get(named)
        if response is None:
            played = int_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)) or 0
            start = event.time_ns if started else min(event.start_ns, event.time_ns - played * MS)
            response = found[str(named)] = _OpenResponse(response_id=str(named), start_ns=start, emitter=event.emitter)
        current = response
        response.seen.update({key: value for key, value in event.attributes.items() if key.startswith("voice.")})
        _read_playback(response, event)
    return tuple(sorted((item.frozen() for item in found.values()), key=lambda item: (item.start_ns, item.response_id)))


def _read_playback(response: _OpenResponse, event: VoiceEvent) -> None:
    """Move one response on by one event: resumed, paused, cut or ended."""
    if event.name == e.AGENT_SPEECH_STARTED:
        response.close_pause(event.time_ns)
        return
    if event.name == e.AGENT_SPEECH_INTERRUPTED:
        paused = bool(response.pauses) and response.pauses[-1][1] is None
        if not paused and response.end_reason is None:  # a final one confirms the pause before it; the silence began there
            response.pauses.append((event.time_ns, None))
        if event.attributes.get(a.VOICE_AGENT_PLAYBACK_PROVISIONAL) is not True:
            response.end_reason, response.end_ns = "interrupted", response.pauses[-1][0] if response.pauses else event.time_ns
        return
    reason = text_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_END_REASON))
    if response.end_reason == "interrupted":  # a final cut wins over what is told of the same audio later
        return
    open_pause = response.pauses[-1] if response.pauses and response.pauses[-1][1] is None else None
    if reason == "interrupted":
        response.end_ns = open_pause[0] if open_pause else event.time_ns
        if open_pause is None:
            response.pauses.append((event.time_ns, None))
    else:
        response.close_pause(event.time_ns)
        response.end_ns = event.time_ns
    response.end_reason = reason


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


def context_of(response: Response) -> dict[str, Value]:
    """Return what a response tells a policy about the input that met it."""
    known: dict[str, Scalar | None] = {
        a.VOICE_AGENT_MESSAGE_TYPE: response.message_type,
        a.VOICE_WORKFLOW: response.workflow,
        a.VOICE_AGENT_QUESTION_PENDING: response.question_pending,
        a.VOICE_AGENT_RESPONSE_DURATION_MS: response.planned_ms,
        a.VOICE_AGENT_SPEECH_STATE: "speaking",
    }
    return {key: value for key, value in known.items() if value is not None}
