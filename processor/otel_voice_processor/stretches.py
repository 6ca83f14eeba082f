"""From a call's events to the caller's stretches of input: speech, keys, commands, with what was heard in them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import candidate_from_attributes, classify
from otel_voice.transcript import ends_unfinished
from otel_voice_processor.evidence import MEANINGFUL, MS, began_ns, bool_of, floor_ns, int_of, text_of
from otel_voice_processor.model import Report, Stretch, Value, VoiceEvent

JOIN_NS = 700 * MS  # stretches closer than this are one
CONTINUES_NS = 2_000 * MS  # a caller who goes on within this has not finished
INTER_DIGIT_NS = 3_000 * MS  # keys closer than this are one entry, as IVRs wait for the next digit
TRANSCRIPT_KEYS = tuple(key for key in a.ATTRIBUTES if key.startswith("voice.caller.transcript."))
KEY_KEYS = (a.VOICE_CALLER_DTMF_CLASS, a.VOICE_CALLER_DTMF_EXPECTED, a.VOICE_CALLER_DTMF_DIGIT)
CLASS_KEYS = (a.VOICE_CALLER_INPUT_CLASS, a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE)
HEARD_KEYS = frozenset((*TRANSCRIPT_KEYS, *CLASS_KEYS))  # what a newer transcript replaces as a whole


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
    word_ns: int | None = None
    detected_ns: int | None = None
    interruption_ids: list[str] = field(default_factory=list)
    only_sounds: bool = False  # before words that mattered came
    reports: list[Report] = field(default_factory=list)  # of every emitter, once there are two

    def report(self) -> Report:
        return Report(emitter=self.emitter, onset_ns=self.onset_ns, end_ns=self.end_ns, word_ns=self.word_ns)


SPOKEN = frozenset({e.USER_SPEECH_STARTED, e.USER_SPEECH_STOPPED, e.USER_TRANSCRIPT, e.CANDIDATE_DETECTED})
CONCLUSIVE = frozenset({"final", "empty", "unavailable"})  # no more text is to come


def stretches_of(events: Sequence[VoiceEvent], context: Callable[[int], dict[str, Value]] | None = None) -> tuple[Stretch, ...]:
    """Return the caller's stretches in order of onset, near ones joined; `events` come from `in_order`.

    `context` tells what the agent was doing at a moment: "yes" answers a question, else it keeps the talk going.
    """
    speech = _speech(events)
    keys = [_pressed(event) for event in events if event.name == e.CANDIDATE_DETECTED and _input_type(event) != "speech"]
    found = sorted(_joined(speech, JOIN_NS) + _joined(keys, INTER_DIGIT_NS), key=lambda item: item.onset_ns)
    return tuple(_classified(item, context(item.onset_ns) if context else {}) for item in found)


def _input_type(event: VoiceEvent) -> str:
    """Return what a detector fired on; one that does not say so is known by what else it tells."""
    told = text_of(event.attributes.get(a.VOICE_CALLER_INPUT_TYPE))
    if told is not None:
        return told
    if any(key in event.attributes for key in KEY_KEYS):
        return "dtmf"
    return "command" if a.VOICE_CALLER_INTENT_LABEL in event.attributes else "speech"


def _pressed(event: VoiceEvent) -> _OpenStretch:
    return _OpenStretch(
        input_type=_input_type(event),
        onset_ns=event.time_ns,
        end_ns=event.time_ns,
        emitter=event.emitter,
        facts=dict(event.attributes),
        evidence_ns=event.time_ns,
        first_evidence_ns=event.time_ns,
        detected_ns=event.time_ns,
        interruption_ids=_linked(event),
    )


def _linked(event: VoiceEvent) -> list[str]:
    named = text_of(event.attributes.get(a.VOICE_INTERRUPTION_ID))
    return [named] if named else []


def _speech(events: Sequence[VoiceEvent]) -> list[_OpenStretch]:
    """Read speech started, stopped, transcripts and candidates into stretches, by stretch id where given."""
    found: list[_OpenStretch] = []
    floor = floor_ns(events)
    by_id: dict[str, _OpenStretch] = {}
    of_emitter: dict[str, list[_OpenStretch]] = {}
    for event in events:
        name = event.name
        if name not in SPOKEN or (name == e.CANDIDATE_DETECTED and _input_type(event) != "speech"):
            continue
        own = of_emitter.setdefault(event.emitter, [])
        item = None if name == e.USER_SPEECH_STARTED else _belongs(event, by_id, own)
        if item is None:
            onset = event.time_ns if name == e.USER_SPEECH_STARTED else _onset(event, max(floor, own[-1].onset_ns if own else 0))
            item = _OpenStretch(input_type="speech", onset_ns=onset, end_ns=None, emitter=event.emitter)
            found.append(item)
            own.append(item)
        named = text_of(event.attributes.get(a.VOICE_CALLER_STRETCH_ID))
        if named:
            by_id[named] = item
        _read_speech(item, event)
    return found


def _belongs(event: VoiceEvent, by_id: dict[str, _OpenStretch], own: list[_OpenStretch]) -> _OpenStretch | None:
    """Return the stretch that an event tells of: the one it names, else one of the emitter's last two."""
    named = text_of(event.attributes.get(a.VOICE_CALLER_STRETCH_ID))
    if named is not None:
        return by_id.get(named)
    if not own:
        return None
    last = own[-1]
    if event.name == e.USER_TRANSCRIPT:
        before = own[-2] if len(own) > 1 else last
        final = event.attributes.get(a.VOICE_CALLER_TRANSCRIPT_STATUS) in CONCLUSIVE
        # recognisers finish a stretch after it has ended, and by then the next may have begun
        return before if final and last.end_ns is None and before.facts.get(a.VOICE_CALLER_TRANSCRIPT_STATUS) not in CONCLUSIVE else last
    return last if last.end_ns is None or last.end_ns + JOIN_NS >= began_ns(event, last.onset_ns) else None


def _onset(event: VoiceEvent, earliest_ns: int) -> int:
    """Return when the speech of an event began; one that would reach back into other speech has no length."""
    return began_ns(event, earliest_ns, int_of(event.attributes.get(a.VOICE_CALLER_SPEECH_DURATION_MS)) or 0)


def _read_speech(item: _OpenStretch, event: VoiceEvent) -> None:
    """Move one stretch on by one event; the newest transcript by evidence time counts."""
    if event.name == e.USER_SPEECH_STOPPED:
        item.end_ns = event.time_ns
        item.onset_ns = min(item.onset_ns, _onset(event, item.onset_ns - CONTINUES_NS))  # a start that was told is not far off
    elif event.name == e.CANDIDATE_DETECTED:
        item.interruption_ids += _linked(event)
        item.detected_ns = event.time_ns if item.detected_ns is None else item.detected_ns
    told: dict[str, Value] = {}
    facts = item.facts
    for key, value in event.attributes.items():
        if key in HEARD_KEYS:
            told[key] = value
        elif key not in facts or key == a.VOICE_CALLER_SPEECH_DURATION_MS:
            facts[key] = value
    offset = int_of(event.attributes.get(a.VOICE_CALLER_SPEECH_FIRST_WORD_OFFSET_MS))
    if offset is not None and item.word_ns is None:
        item.word_ns = item.onset_ns + offset * MS
    if told:
        _read_words(item, event, told)


def _read_words(item: _OpenStretch, event: VoiceEvent, told: dict[str, Value]) -> None:
    """Take what an event tells of words: all of it where it is newer evidence, else what is not known yet."""
    facts = item.facts
    worded = bool(told.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH) or told.get(a.VOICE_CALLER_TRANSCRIPT_TEXT))
    if event.name == e.USER_SPEECH_STOPPED and item.evidence_ns is not None and not worded:
        for key, value in told.items():  # a stop repeats what was known, it is no newer evidence
            facts.setdefault(key, value)
        return
    if worded:
        told.setdefault(a.VOICE_CALLER_TRANSCRIPT_STATUS, "partial")  # words without a status: whether more came is not known
    evidence = (int_of(told.get(a.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS)) or event.time_ns // MS) * MS
    if worded and (item.first_evidence_ns is None or evidence < item.first_evidence_ns):
        item.first_evidence_ns = evidence
    known = a.VOICE_CALLER_TRANSCRIPT_STATUS in facts
    tells = a.VOICE_CALLER_TRANSCRIPT_STATUS in told or a.VOICE_CALLER_INPUT_CLASS in told
    overruled = known and told.get(a.VOICE_CALLER_TRANSCRIPT_INFERRED) is True and facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH)
    if tells and not overruled and (item.evidence_ns is None or evidence >= item.evidence_ns or not known):
        if evidence != item.evidence_ns or event.name == e.USER_TRANSCRIPT:
            for key in HEARD_KEYS & facts.keys():
                del facts[key]
        facts.update(told)
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
    """Take a near stretch into the one before it; each emitter's own times are kept beside."""
    goes_on = other.emitter == kept.emitter or any(report.emitter == other.emitter for report in kept.reports)
    if goes_on and other.input_type == "speech" and _meant(other.facts):
        kept.only_sounds = kept.only_sounds or _meant(kept.facts) is False
        if kept.only_sounds and other.word_ns is None:
            other.word_ns = other.onset_ns  # what came before was no word that mattered
    if goes_on and kept.emitter == other.emitter and kept.word_ns is None and kept.only_sounds:
        kept.word_ns = other.word_ns
    if kept.reports or kept.emitter != other.emitter:
        kept.reports = _with(kept.reports or [kept.report()], other.report())
    ends = [end for end in (kept.end_ns, other.end_ns) if end is not None]
    kept.end_ns = max(ends) if ends else None
    kept.interruption_ids += other.interruption_ids
    kept.first_evidence_ns = _earliest(kept.first_evidence_ns, other.first_evidence_ns)
    kept.detected_ns = _earliest(kept.detected_ns, other.detected_ns)
    _merge_words(kept, other, goes_on=goes_on)


def _merge_words(kept: _OpenStretch, other: _OpenStretch, *, goes_on: bool) -> None:
    """Add what the same emitter heard next; of what another one heard of the same speech take whichever tells more."""
    mine, theirs = kept.facts, other.facts
    text, more = (text_of(facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT)) for facts in (mine, theirs))
    hashes = (*_hashes(mine), *_hashes(theirs)) if goes_on else ()
    if text and more and goes_on:
        mine[a.VOICE_CALLER_TRANSCRIPT_TEXT] = text if more in text else f"{text} {more}"
    elif _weight(theirs) > _weight(mine):
        kept.facts = mine = mine | {key: value for key, value in theirs.items() if key in HEARD_KEYS}
        kept.evidence_ns = other.evidence_ns
    if hashes:
        mine[a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES] = tuple(dict.fromkeys(hashes))
    for key, value in theirs.items():
        mine.setdefault(key, value)


def _with(reports: list[Report], new: Report) -> list[Report]:
    """Return the reports with one more; of an emitter that reports anew the span of both counts."""
    out = []
    for report in reports:
        if report.emitter == new.emitter:
            ends = [end for end in (report.end_ns, new.end_ns) if end is not None]
            word_ns = report.word_ns if report.word_ns is not None else new.word_ns
            new = replace(report, onset_ns=min(report.onset_ns, new.onset_ns), end_ns=max(ends, default=None), word_ns=word_ns)
        else:
            out.append(report)
    return sorted([*out, new], key=lambda report: (report.onset_ns, report.emitter))


def _earliest(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _hashes(facts: dict[str, Value]) -> tuple[str, ...]:
    found = facts.get(a.VOICE_CALLER_TRANSCRIPT_WORD_HASHES, ())
    return tuple(str(each) for each in found) if isinstance(found, tuple) else ()


def _meant(facts: dict[str, Value]) -> bool | None:
    """Tell whether these words were meant to be heard; None where nothing says so."""
    found = classify(candidate_from_attributes({**facts, a.VOICE_CALLER_INPUT_TYPE: "speech"})).input_class
    return True if found in MEANINGFUL else False if found in {"backchannel", "noise"} else None


def _weight(facts: dict[str, Value]) -> int:
    """Rank what a stretch tells: meaningful words above any words above none."""
    if facts.get(a.VOICE_CALLER_INPUT_CLASS) in MEANINGFUL:
        return 3
    if facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT) or facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH):
        return 2
    return 1 if a.VOICE_CALLER_TRANSCRIPT_STATUS in facts else 0


def _classified(item: _OpenStretch, context: dict[str, Value]) -> Stretch:
    """Return the stretch with the judge's class, on all evidence and with `context` of the response it met."""
    facts: dict[str, Value] = {**item.facts, **context, a.VOICE_CALLER_INPUT_TYPE: item.input_type}
    if item.end_ns is not None and item.input_type == "speech":
        facts[a.VOICE_CALLER_SPEECH_DURATION_MS] = max(0, (item.end_ns - item.onset_ns) // MS)
    judged = classify(candidate_from_attributes(facts))
    return Stretch(
        input_type=item.input_type,
        onset_ns=item.onset_ns,
        end_ns=item.end_ns,
        first_word_ns=item.word_ns,
        text=text_of(facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT)),
        transcript_status=text_of(facts.get(a.VOICE_CALLER_TRANSCRIPT_STATUS)),
        input_class=str(judged.input_class),
        class_confidence=float(judged.confidence),
        class_reason=judged.reason,
        evidence_ns=item.first_evidence_ns if item.first_evidence_ns is not None else item.evidence_ns,
        detected_ns=item.detected_ns,
        word_hashes=_hashes(facts),
        is_backchannel=bool_of(facts.get(a.VOICE_CALLER_INPUT_IS_BACKCHANNEL)),
        emitter=item.emitter,
        attributes=facts,
        interruption_ids=tuple(dict.fromkeys(item.interruption_ids)),
        reports=tuple(item.reports),
    )


def by_clock(stretch: Stretch, emitter: str) -> Stretch:
    """Return the stretch as this emitter's clock has it, where this emitter reported it; else as it is."""
    own = next((report for report in stretch.reports if report.emitter == emitter), None)
    if own is None:
        return stretch
    return replace(stretch, onset_ns=own.onset_ns, end_ns=own.end_ns, first_word_ns=own.word_ns, emitter=emitter)


def unfinished(stretch: Stretch) -> bool:
    """Tell whether the caller's words end as no phrase ends; where the text stays in the agent, the helper says so."""
    told = bool_of(stretch.attributes.get(a.VOICE_CALLER_TRANSCRIPT_UNFINISHED))
    return ends_unfinished(stretch.text or "", text_of(stretch.attributes.get(a.VOICE_CALLER_LANGUAGE))) if told is None else told


def end_of(stretch: Stretch) -> int:
    """Return when a stretch ended, its onset where that was never told."""
    return stretch.end_ns if stretch.end_ns is not None else stretch.onset_ns
