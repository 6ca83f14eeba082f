"""Why a ruling is what it is: the class, every part of the rule that was asked, and what would have flipped it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from otel_voice_schema.attributes import InputClass, InputType, SpeechState, TranscriptStatus

from .classify import classify, words_in
from .interpret import SILENT_STATES, decide_plainly, rule_for, who_speaks
from .keys import pressed
from .model import Candidate, Classification, Policy, Rule, Ruling, known

CLASSES: Final = {
    InputClass.CORRECTION: "a meaningful turn",
    InputClass.BACKCHANNEL: "a listener's signal",
    InputClass.NOISE: "noise",
    InputClass.DTMF: "a key",
    InputClass.SILENCE: "silence",
    InputClass.ESCALATION: "a wish for a person",
    InputClass.UNKNOWN: "nothing one can tell yet",
}
REASONS: Final = {
    "correction_cue": "it begins with a word that takes the floor",
    "words_after_backchannel": "words follow the listener's signal, and they decide",
    "backchannel_words": "it is made of listener's words and nothing else",
    "filler_only": "it is made of fillers and nothing else",
    "meaningful_words": "it says something of its own",
    "question_answered": "the agent had asked, so it is an answer",
    "cancel_phrase": "it calls off what is being done",
    "escalation_phrase": "it asks for a person, or tells of an emergency",
    "escalation_declined": "it names a person and wants none",
    "escalation_intent": "the intent label says so",
    "contradicts_denial": "the agent had just denied something, and this insists on it",
    "agrees_with_denial": "the agent had just denied something, and `no` agrees",
    "echo_of_agent": "the line brings back what the agent just said",
    "talk_to_others": "it is said to somebody else in the room",
    "read_back": "the caller says back what the agent just told",
    "unfinished_word": "what was heard may still become a listener's phrase",
    "unfinished_phrase": "a listener's signal, and what follows may still become another",
    "person_mentioned": "it names a person, and may go on to tell of one",
    "words_not_heard": "the recogniser could not make the words out",
    "noise_annotation": "the recogniser marked it as a sound",
    "no_words": "a recogniser listened and heard no words",
    "too_short_for_words": "it is too short for a word",
    "detector_unsure": "the detector hardly takes it for speech",
    "detector_says_backchannel": "the detector says so, and there are no words to read",
    "no_transcript": "there are no words yet, and sound alone does not tell",
    "few_words_unseen": "a few words were heard and cannot be read",
    "several_words": "there are too many words for a listener's signal",
    "few_words": "a few words in a language without lexicon",
    "class_given": "the sender classified it and kept the text",
    "command_given": "a command is always meant",
    "intent_named": "an intent was recognised",
    "key_pressed": "nobody presses a key by accident",
    "caller_silent": "the caller says nothing",
    "silence_not_measured": "the caller says nothing, and nobody measured for how long",
    "label_says_unknown": "the detector's label says nothing one could use",
    "label_says_backchannel": "the detector's label says so",
    "label_says_noise": "the detector's label says so",
    "experimental language": "nobody has calibrated this language, so it is never surer",
}
MARGIN: Final = 1  # the next whole millisecond, word or hundredth


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One part of a rule: the setting, where it comes from, what it says, what the candidate has, and whether it decided."""

    setting: str
    origin: str
    wants: str
    has: str
    decided: bool
    matched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A limit and how far the candidate is from it, in the limit's unit; `margin` is negative where it is not reached."""

    setting: str
    limit: float
    has: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A single change of the evidence, and the ruling it would have led to."""

    change: str
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A ruling with all that led to it; `closest` and `flips` come nearest first."""

    candidate: Candidate
    judged: Classification
    rule: Rule
    ruling: Ruling
    note: str
    asked: tuple[Asked, ...]
    closest: tuple[Threshold, ...]
    flips: tuple[Flip, ...]


def explain(policy: Policy, candidate: Candidate, key: str | None = None) -> Explanation:
    """Return the ruling of `decide`, and why; `key` is one that was pressed, held against those on offer."""
    if key is not None:
        candidate = pressed(policy, candidate, key)
    ruling = decide_plainly(policy, candidate)
    judged = classify(candidate, policy.lexicons)
    rule, note = rule_for(policy, candidate)
    where = _Where(policy, candidate, rule)
    return Explanation(
        candidate=candidate,
        judged=judged,
        rule=rule,
        ruling=ruling,
        note=note,
        asked=tuple(_asked(where, judged, ruling)),
        closest=tuple(sorted(_thresholds(policy, candidate, rule, judged), key=lambda each: abs(each.margin) / max(1.0, each.limit))[:4]),
        flips=_flips(policy, candidate, rule, ruling, key),
    )


def reason_in_words(reason: str) -> str:
    """Return a classification's or ruling's reason as a sentence's part; what has no words stays as it is."""
    return "; ".join(REASONS.get(part, part.replace("_", " ")) for part in reason.split("; "))


class _Where:
    """Finds the line that a setting of the rule comes from."""

    def __init__(self, policy: Policy, candidate: Candidate, rule: Rule) -> None:
        self._policy = policy
        workflow = candidate.workflow if rule.name.startswith(f"{candidate.workflow}.") else None
        self.key = (workflow, rule.name if workflow is None else rule.name[len(workflow) + 1 :])
        self.rule, self.candidate = rule, candidate

    def origin(self, setting: str) -> str:
        return self._policy.origins.get((*self.key, setting), "built in")


def _asked(where: _Where, judged: Classification, ruling: Ruling) -> Iterator[Asked]:
    """Yield the parts of the rule in the order they are asked, up to the one that decided."""
    rule, candidate = where.rule, where.candidate
    decided = ruling.rule.rsplit(".", 1)[-1]

    def part(setting: str, wants: str, has: str, *, matched: bool, name: str = "") -> Asked:
        return Asked(
            setting=setting, origin=where.origin(setting), wants=wants, has=has, matched=matched, decided=(name or setting) == decided
        )

    position, length = known(candidate.position_ms), known(candidate.response_duration_ms)
    if judged.input_class is InputClass.SILENCE:
        ladder = ", ".join(f"{step.action.value} after {step.after_ms} ms" for step in rule.silence) or "never acts"
        yield part("silence", ladder, _ms(candidate.silence_ms), matched=True)
        return
    floor = rule.floor_of(judged.input_class)
    below = judged.input_class is not InputClass.UNKNOWN and judged.confidence < floor
    silent = candidate.agent_state in SILENT_STATES
    if not (silent and judged.input_class is InputClass.CORRECTION):  # a turn is taken from nobody then
        yield part("confidence_floor", f"at least {floor:g}", f"{judged.confidence:g}", matched=below)
    if ruling.input_class is InputClass.ESCALATION:
        named = rule.actions.get("escalation")
        wants = "outranks everything" if named is None else named.value
        if named is not None and ruling.action != named:
            wants = f"{named.value} until it was heard, and it was"
        yield part("actions.escalation", wants, "a wish for a person", matched=True, name="escalation")
        return
    if silent:
        if rule.patience_ms:
            has = _ms(candidate.silence_ms)
            yield part(
                "patience_ms", f"the caller may pause for {rule.patience_ms} ms", has, matched=decided == "patience", name="patience"
            )
    else:
        yield from _limits(part, where, ruling, position, length)
        if decided in {"protected", "interrupted_by", "grace", "min_speech", "min_words", "sustained"}:
            return
    name = decided if decided != "patience" else ""
    if name:
        yield part(f"actions.{name}", ruling.action.value, CLASSES[ruling.input_class], matched=True, name=name)


def _limits(part: Any, where: _Where, ruling: Ruling, position: float | None, length: float | None) -> Iterator[Asked]:
    rule, candidate = where.rule, where.candidate
    who = who_speaks(candidate, ruling.input_class)
    if rule.until is not None:
        at = rule.until.at_ms(length)
        wants = f"protected until {at} ms" if at is not None else "protected, to an end that nobody told"
        yield part("until", wants, _ms(position), matched=ruling.protected, name="protected")
        if ruling.rule.endswith(".protected"):
            return
    if ruling.input_class in (InputClass.CORRECTION, InputClass.DTMF):
        allowed = ", ".join(sorted(rule.interrupted_by)) or "nothing"
        yield part("interrupted_by", f"{allowed} may interrupt", str(who), matched=who not in rule.interrupted_by)
        if who not in rule.interrupted_by:
            return
        early = position is not None and position < rule.grace_ms
        yield part("grace_ms", f"nothing before {rule.grace_ms} ms", _ms(position), matched=early, name="grace")
        if early or who != InputType.SPEECH:
            return
        spoken, words = known(candidate.speech_duration_ms), words_in(candidate, where._policy.lexicons)
        short = ruling.rule.endswith(".min_speech")
        wants = f"at least {rule.min_speech_ms} ms of speech, or all its words"
        yield part("min_speech_ms", wants, _ms(spoken), matched=short, name="min_speech")
        if not short:
            few = words is not None and words < rule.min_words
            has = "not known" if words is None else f"{words:g}"
            yield part("min_words", f"at least {rule.min_words}", has, matched=few, name="min_words")
    elif ruling.input_class is InputClass.UNKNOWN and rule.sustained_ms:
        long = ruling.rule.endswith(".sustained")
        yield part(
            "sustained_ms", f"gives way after {rule.sustained_ms} ms", _ms(candidate.speech_duration_ms), matched=long, name="sustained"
        )


def _ms(value: object) -> str:
    figure = known(value)
    return "not known" if figure is None else f"{figure:.15g} ms"


def _thresholds(policy: Policy, candidate: Candidate, rule: Rule, judged: Classification) -> Iterator[Threshold]:
    """Yield every limit of the rule that the candidate has a figure for."""
    floor = rule.floor_of(judged.input_class)
    length, elapsed = known(candidate.response_duration_ms), known(candidate.silence_ms)
    if judged.input_class is InputClass.SILENCE:
        yield from (
            Threshold(setting="silence", limit=step.after_ms, has=elapsed, margin=elapsed - step.after_ms)
            for step in rule.silence
            if elapsed is not None
        )
        return
    silent = candidate.agent_state in SILENT_STATES
    limits: list[tuple[str, float | None, float | None]] = []
    if not (silent and judged.input_class is InputClass.CORRECTION):
        limits.append(("confidence_floor", floor, judged.confidence))
    if silent:
        limits.append(("patience_ms", rule.patience_ms or None, elapsed))
    else:
        limits += [
            ("grace_ms", rule.grace_ms or None, known(candidate.position_ms)),
            ("until", rule.until.at_ms(length) if rule.until else None, known(candidate.position_ms)),
            ("min_speech_ms", rule.min_speech_ms or None, known(candidate.speech_duration_ms)),
            ("sustained_ms", rule.sustained_ms or None, known(candidate.speech_duration_ms)),
            ("min_words", rule.min_words or None, words_in(candidate, policy.lexicons)),
        ]
    for setting, limit, has in limits:
        if limit is not None and has is not None:
            yield Threshold(setting=setting, limit=limit, has=has, margin=round(has - limit, 4))


def _flips(policy: Policy, candidate: Candidate, rule: Rule, ruling: Ruling, key: str | None) -> tuple[Flip, ...]:
    """Return the single changes of evidence after which the agent would have done something else."""
    found: list[Flip] = []
    seen: set[tuple[str, str]] = set()
    for field, value, words in _changes(policy, candidate, rule):
        if getattr(candidate, field) == value:
            continue
        changed: dict[str, Any] = {field: value}
        meant = replace(candidate, **changed)
        if key is not None and field == "message_type":  # another message offers other keys
            meant = pressed(policy, replace(meant, dtmf_expected=None), key)
        other = decide_plainly(policy, meant)
        if other.action == ruling.action or (field, other.rule) in seen:
            continue
        seen.add((field, other.rule))
        found.append(Flip(change=words, ruling=other))
    return tuple(found)


def _changes(policy: Policy, candidate: Candidate, rule: Rule) -> Iterator[tuple[str, object, str]]:
    """Yield (field, value, the change in words): every figure just past each of the rule's limits, and every other fact."""
    length = known(candidate.response_duration_ms)
    position, spoken = known(candidate.position_ms), known(candidate.speech_duration_ms)
    words, elapsed = known(candidate.word_count), known(candidate.silence_ms)
    patience = 0 if candidate.input_type == InputType.SILENCE else rule.patience_ms
    limits: list[tuple[str, str, float | None, int | float | None]] = [
        ("speech_duration_ms", "speech had lasted {} ms", spoken, rule.min_speech_ms),
        ("speech_duration_ms", "speech had lasted {} ms", spoken, rule.sustained_ms),
        ("position_ms", "playback had been at {} ms", position, rule.grace_ms),
        ("position_ms", "playback had been at {} ms", position, rule.until.at_ms(length) if rule.until else None),
        ("word_count", "{} words had been heard", words, rule.min_words),
        ("silence_ms", "the caller had been silent for {} ms", elapsed, patience),
        *(("silence_ms", "the caller had been silent for {} ms", elapsed, step.after_ms) for step in rule.silence),
    ]
    for field, text, has, limit in limits:
        if has is not None and limit:
            value = int(limit) - MARGIN if has >= limit else int(limit)
            yield field, value, text.format(value)
    yield from _hearing(policy, candidate)
    if candidate.transcript_status == TranscriptStatus.PARTIAL:
        yield "transcript_status", TranscriptStatus.FINAL.value, "these had been all the words"
    if candidate.text:
        yield "question_pending", True, "the agent had just asked something"
        yield "question_pending", False, "nothing had been asked"
    for state in (SpeechState.SPEAKING, SpeechState.LISTENING):
        yield "agent_state", state.value, f"the agent had been {state.value}"
    if candidate.input_type == InputType.DTMF:
        for expected in ("listed", "none"):
            yield "dtmf_expected", expected, "the key had been on offer" if expected == "listed" else "the key had not been on offer"
    for workflow, name in policy.rules:
        if workflow is None:
            yield "message_type", name, f"the message had been of type {name}"


def _hearing(policy: Policy, candidate: Candidate) -> Iterator[tuple[str, object, str]]:
    """Yield the recogniser's confidence at which the class changes, found in hundredths."""
    if not candidate.text:
        return
    now = decide_plainly(policy, candidate)
    heard = known(candidate.transcript_confidence)
    start = 100 if heard is None else int(min(1.0, heard) * 100)
    for direction in (range(start - 1, -1, -1), range(start + 1, 101)):
        for hundredth in direction:
            if decide_plainly(policy, replace(candidate, transcript_confidence=hundredth / 100)).action != now.action:
                yield "transcript_confidence", hundredth / 100, f"the recogniser's own confidence had been {hundredth / 100:g}"
                break


def facts_of(candidate: Candidate) -> dict[str, object]:
    """Return what is known of a candidate, by field."""
    return {each.name: getattr(candidate, each.name) for each in fields(candidate) if getattr(candidate, each.name) is not None}
