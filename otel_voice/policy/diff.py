"""What changes between two policies: not which lines, but which inputs are ruled otherwise. Pure.

A ruling depends on the message, the kind of input, and on which side of a limit each figure lies. So the limits of both policies cut every
figure into ranges within which neither policy makes a difference; asking both once per combination of ranges finds exactly the inputs
that change, and neighbouring ones are told as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, NamedTuple

from otel_voice_schema.attributes import MESSAGE_TYPES, DtmfExpected, InputClass, InputType, SpeechState, TranscriptStatus

from .compiled import decide
from .interpret import rule_for
from .lexicon import KINDS, PERSON_KINDS, expanded
from .model import Candidate, Policy, Rule, Ruling
from .reading import read

UNMAPPED: Final = "any other name"
_NO_NAME: Final = "otel-voice.unmapped"
JUDGED: Final = (InputClass.CORRECTION, InputClass.BACKCHANNEL, InputClass.NOISE, InputClass.ESCALATION)


class Range(NamedTuple):
    """A range of a figure, from `low` up to but not including `high`; no `high` is endless."""

    low: float
    high: float | None

    def holds(self, value: float) -> bool:
        """Tell whether a figure lies in it."""
        return value >= self.low and (self.high is None or value < self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Inputs that are ruled otherwise: everything in all of `ranges` (by field of a candidate), of this kind, in this message."""

    workflow: str | None
    message_type: str
    input: str
    ranges: Mapping[str, tuple[Range, ...]]
    before: Ruling
    after: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class WordChange:
    """A phrase that is read otherwise: kinds of readings, in one language."""

    language: str
    phrase: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """A setting that changes no action, and still what an agent does: when it asks again, what it cancels, which keys it takes."""

    workflow: str | None
    message_type: str
    setting: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of input: its fixed facts, and the figures that its rulings depend on."""

    name: str
    facts: Mapping[str, Any]
    figures: tuple[str, ...]


BESIDE: Final = ("ask_again_ms", "cancellable", "expected_keys")
PLAYED: Final = "played"  # the share of the response that was played
_SPEAKING: Final = ("position_ms", PLAYED)


def kinds() -> tuple[Kind, ...]:
    """Return every kind of input there is, while the agent speaks, is paused, and listens."""
    found: list[Kind] = []
    for state in (SpeechState.SPEAKING, SpeechState.PAUSED, SpeechState.LISTENING):
        quiet = state is SpeechState.LISTENING
        where = {SpeechState.SPEAKING: "", SpeechState.PAUSED: ", agent paused", SpeechState.LISTENING: ", agent listening"}[state]
        at = {"agent_state": state.value}
        figures = ("silence_ms",) if quiet else _SPEAKING
        for judged in JUDGED:
            facts = {
                **at,
                "input_type": InputType.SPEECH.value,
                "input_class": judged.value,
                "transcript_status": TranscriptStatus.PARTIAL.value,  # a limit on speech is asked of words so far alone
            }
            mine = (*figures, "class_confidence", *(() if quiet else ("speech_duration_ms", "word_count")))
            found.append(Kind(name=f"speech: {judged.value}{where}", facts=facts, figures=mine))
        sound = {**at, "input_type": InputType.SPEECH.value}
        found.append(Kind(name=f"speech: no words yet{where}", facts=sound, figures=(*figures, "speech_duration_ms", "vad_confidence")))
        for expected in (DtmfExpected.LISTED, DtmfExpected.NONE):
            facts = {**at, "input_type": InputType.DTMF.value, "dtmf_class": "digit", "dtmf_expected": expected.value}
            found.append(
                Kind(name=f"key: {'on offer' if expected is DtmfExpected.LISTED else 'not on offer'}{where}", facts=facts, figures=figures)
            )
        unread = {**at, "input_type": InputType.DTMF.value}
        found.append(Kind(name=f"key: of no known class{where}", facts=unread, figures=figures))
        for label, name in (("reschedule", "a turn"), ("human_transfer", "a person"), (None, "not named")):
            facts = {**at, "input_type": InputType.COMMAND.value} | ({} if label is None else {"intent_label": label})
            found.append(Kind(name=f"command: {name}{where}", facts=facts, figures=figures))
    quiet_facts = {"input_type": InputType.SILENCE.value, "agent_state": SpeechState.LISTENING.value}
    found.append(Kind(name="silence", facts=quiet_facts, figures=("silence_ms",)))
    return tuple(found)


def differences(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Return the inputs that two policies rule otherwise (action or protection), by message and kind of input."""
    found: list[Change] = []
    for workflow, name in _messages(before, after):
        for kind in kinds():
            found += _of_kind(before, after, workflow, name, kind)
    return tuple(found)


def setting_differences(before: Policy, after: Policy) -> tuple[SettingChange, ...]:
    """Return what `differences` cannot tell: settings of which no action depends."""
    found: list[SettingChange] = []
    for workflow, name in _messages(before, after):
        was, now = (rule_for(policy, Candidate(message_type=name, workflow=workflow))[0] for policy in (before, after))
        shown = UNMAPPED if name == _NO_NAME else name
        for setting in (each for each in BESIDE if getattr(was, each) != getattr(now, each)):
            found.append(
                SettingChange(
                    workflow=workflow, message_type=shown, setting=setting, before=getattr(was, setting), after=getattr(now, setting)
                )
            )
    return tuple(found)


def word_differences(before: Policy, after: Policy) -> tuple[WordChange, ...]:
    """Return the phrases that either policy adds to a language: read otherwise, or on a list that is asked where other words meet it."""
    found: list[WordChange] = []
    for language in sorted({*before.extensions, *after.extensions}):
        was_listed, now_listed = _listed(before, language), _listed(after, language)
        for phrase in dict.fromkeys((*was_listed, *now_listed)):
            was, now = (read(phrase, policy.lexicons.get(language)).kind for policy in (before, after))
            had, has = was_listed.get(phrase, frozenset()), now_listed.get(phrase, frozenset())
            if was == now and had != has:  # `without` asks for nobody, and turns what follows around
                was, now = (f"{was}, on {' and '.join(sorted(on)) or 'no list'}" for on in (had, has))
            if was != now:
                found.append(WordChange(language=language, phrase=phrase, before=was, after=now))
    return tuple(found)


def _listed(policy: Policy, language: str) -> dict[str, frozenset[str]]:
    """Return each phrase that a policy adds to a language, with the lists it is on."""
    own = policy.extensions.get(language, {})
    person = own.get("escalation", {})
    lists = {kind: own.get(kind, ()) for kind in KINDS} | {f"escalation.{kind}": person.get(kind, ()) for kind in PERSON_KINDS}
    found: dict[str, frozenset[str]] = {}
    for kind, patterns in lists.items():
        for phrase in (phrase for pattern in patterns for phrase in expanded(pattern)):
            found[phrase] = found.get(phrase, frozenset()) | {kind}
    return found


def _messages(before: Policy, after: Policy) -> Iterator[tuple[str | None, str]]:
    """Yield every (workflow, message) that either policy tells apart, unmapped names at last; a workflow only where it has a rule."""
    workflows: dict[str | None, None] = dict.fromkeys(workflow for policy in (before, after) for workflow, _ in policy.rules)
    names = dict.fromkeys((*MESSAGE_TYPES, *before.names, *after.names, *(name for each in (before, after) for _, name in each.rules)))
    for workflow in sorted(workflows, key=lambda each: each or ""):
        for name in (*names, _NO_NAME):
            kinds_of = {name, *(policy.names.get(name, name) for policy in (before, after))}
            if name not in MESSAGE_TYPES:  # one of them may not map it
                kinds_of.add("other")
            if workflow is None or any((workflow, each) in policy.rules for policy in (before, after) for each in kinds_of):
                yield workflow, name


def _of_kind(before: Policy, after: Policy, workflow: str | None, name: str, kind: Kind) -> Iterator[Change]:
    rules = [rule_for(policy, Candidate(message_type=name, workflow=workflow))[0] for policy in (before, after)]
    cuts = {figure: _ranges(figure, rules) for figure in kind.figures}
    changed: dict[tuple[object, ...], list[tuple[int, ...]]] = {}
    rulings: dict[tuple[object, ...], tuple[Ruling, Ruling]] = {}
    key: tuple[object, ...]
    for cell in product(*(range(len(ranges)) for ranges in cuts.values())):
        spans = {figure: cuts[figure][at] for figure, at in zip(cuts, cell, strict=True)}
        candidate = Candidate(message_type=name, workflow=workflow, **kind.facts, **_figures(spans))
        was, now = decide(before, candidate), decide(after, candidate)
        if (was.action, was.protected) != (now.action, now.protected):
            key = (was.action, was.protected, now.action, now.protected)
            changed.setdefault(key, []).append(cell)
            rulings.setdefault(key, (was, now))
    for key, cells in changed.items():
        for box in _boxes(set(cells), len(cuts)):
            ranges = {
                figure: _joined([cuts[figure][at] for at in sorted(span)])
                for (figure, span) in zip(cuts, box, strict=True)
                if len(span) < len(cuts[figure])
            }
            shown = UNMAPPED if name == _NO_NAME else name
            yield Change(
                workflow=workflow, message_type=shown, input=kind.name, ranges=ranges, before=rulings[key][0], after=rulings[key][1]
            )


def _figures(spans: Mapping[str, Range]) -> dict[str, Any]:
    """Return a figure out of each range, as fields of a candidate."""
    found: dict[str, Any] = {}
    for figure, span in spans.items():
        if figure in {"class_confidence", "vad_confidence"}:
            found[figure] = span.low
        elif figure != PLAYED:
            found[figure] = int(span.low) + 10_000 if span.high is None else int(span.high) - 1
    played = spans.get(PLAYED)
    if played is not None and played.low >= 0:
        found["response_duration_ms"] = int(found["position_ms"] / played.low) if played.low else 10**9
    return found


def _ranges(figure: str, rules: Sequence[Rule]) -> tuple[Range, ...]:
    """Cut a figure's line where any of the rules has a limit on it."""
    cuts: set[float] = {-1.0, 0.0} if figure == PLAYED else {0.0}  # below 0: nobody knows the response's length
    for rule in rules:
        cuts |= set(_limits(figure, rule))
    ordered = sorted(cuts)
    return tuple(Range(low, high) for low, high in zip(ordered, (*ordered[1:], None), strict=True))


def _limits(figure: str, rule: Rule) -> Iterable[float]:
    if figure == "position_ms":
        yield from (rule.grace_ms, *(() if rule.until is None or rule.until.position_ms is None else (rule.until.position_ms,)))
    elif figure == PLAYED:
        if rule.until is not None and rule.until.position_ms is None:
            yield 1.0 if rule.until.end or rule.until.fraction is None else rule.until.fraction
    elif figure == "speech_duration_ms":
        yield from (rule.min_speech_ms, rule.sustained_ms, 150)
    elif figure == "word_count":
        yield rule.min_words
    elif figure == "class_confidence":
        yield from (rule.confidence_floor, rule.floor_of(InputClass.ESCALATION), *rule.confidence_floors.values())
    elif figure == "vad_confidence":
        yield from (rule.min_vad_confidence, 0.3, 0.6)
    else:
        yield from (rule.patience_ms, *(step.after_ms for step in rule.silence))


def _boxes(cells: set[tuple[int, ...]], dimensions: int) -> Iterator[tuple[frozenset[int], ...]]:
    """Yield the cells as few boxes: products of sets of ranges, together exactly the cells."""
    if not cells:
        return
    spans = tuple(frozenset(cell[at] for cell in cells) for at in range(dimensions))
    size = 1
    for span in spans:
        size *= len(span)
    if size == len(cells):
        yield spans
        return
    groups = [_alike(cells, at) for at in range(dimensions)]
    at = min((each for each in range(dimensions) if len(groups[each]) > 1), key=lambda each: len(groups[each]))
    for values in groups[at].values():
        yield from _boxes({cell for cell in cells if cell[at] in values}, dimensions)


def _alike(cells: set[tuple[int, ...]], at: int) -> dict[frozenset[tuple[int, ...]], set[int]]:
    """Group one figure's ranges by what lies in them: those in a group make no difference."""
    rest: dict[int, set[tuple[int, ...]]] = {}
    for cell in cells:
        rest.setdefault(cell[at], set()).add(_without(cell, at))
    groups: dict[frozenset[tuple[int, ...]], set[int]] = {}
    for value, others in rest.items():
        groups.setdefault(frozenset(others), set()).add(value)
    return groups


def _without(cell: tuple[int, ...], at: int) -> tuple[int, ...]:
    return (*cell[:at], *cell[at + 1 :])


def _joined(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """Join ranges that touch."""
    out: list[Range] = []
    for each in ranges:
        if out and out[-1].high == each.low:
            out[-1] = Range(out[-1].low, each.high)
        else:
            out.append(each)
    return tuple(out)
