"""What a policy could answer, and which of it no case has exercised. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from otel_voice_schema.attributes import InputType

from otel_voice.policy.model import Candidate, Policy, Rule, Ruling

CLASSES: Final = ("correction", "backchannel", "noise", "dtmf", "unlisted_key", "escalation", "unknown")
SILENT_FOR: Final = "silent_for_"  # what a silence's reason begins with, before its milliseconds
GATES: Final = frozenset({"confidence_floor", "protected_allows"})  # they let others answer, so only a trail tells of them
_MEANS: Final = (InputType.SPEECH, InputType.DTMF, InputType.COMMAND)
_SETTINGS: Final = {  # that a part of a rule is written as, where it is not called so
    "grace": "grace_ms",
    "min_speech": "min_speech_ms",
    "patience": "patience_ms",
    "protected": "until",
    "sustained": "sustained_ms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One thing a policy could answer: a rule's part, a step of silence or a name it maps; `origin` is where that is written."""

    rule: str
    part: str
    says: str
    origin: str = ""

    @property
    def name(self) -> str:
        """Return its id, as rulings name it; a step of silence by its milliseconds."""
        return f"{self.rule}.{self.part}"


def answers_of(policy: Policy) -> tuple[Answer, ...]:
    """Return everything the policy could answer, rule by rule in its order."""
    found: list[Answer] = []
    for (workflow, kind), rule in policy.rules.items():
        for part, says in _parts(rule):
            setting = _SETTINGS.get(part, part).partition("[")[0]
            origin = next((where for key in (f"actions.{setting}", setting) if (where := policy.origins.get((workflow, kind, key)))), "")
            found.append(Answer(rule=rule.name, part=part, says=says, origin=origin))
    found += [Answer(rule="names", part=name, says=f"is ruled as {kind}") for name, kind in policy.names.items()]
    return tuple(found)


def _parts(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield the parts of a rule that can speak, and what each says."""
    for name in CLASSES:
        yield name, str(rule.actions[name]) if name in rule.actions else "as for every rule"
    means = [each for each in _MEANS if each in rule.interrupted_by]
    if rule.confidence_floor > 0 or any(rule.confidence_floors.values()):
        yield "confidence_floor", f"{rule.confidence_floor:g}"
    if rule.until is not None:
        yield "protected", rule.held
    if rule.until is not None and rule.protected_allows:
        yield "protected_allows", ", ".join(sorted(rule.protected_allows))
    if len(means) < len(_MEANS):
        yield "interrupted_by", ", ".join(means) or "none"
    if rule.grace_ms and means:
        yield "grace", f"{rule.grace_ms} ms"
    if rule.min_speech_ms and InputType.SPEECH in means:
        yield "min_speech", f"{rule.min_speech_ms} ms"
    if rule.min_words > 1 and InputType.SPEECH in means:  # one word is what any speech has
        yield "min_words", f"{rule.min_words} words"
    if rule.sustained_ms and InputType.SPEECH in means:
        yield "sustained", f"after {rule.sustained_ms} ms"
    if rule.patience_ms:
        yield "patience", f"{rule.patience_ms} ms"
    yield "silence", "wait"
    for step in rule.silence:
        yield f"silence[{step.after_ms}]", step.action


def exercised(policy: Policy, asked: Iterable[tuple[Candidate, Ruling]]) -> frozenset[str]:
    """Return the names of the answers that these rulings gave."""
    found: set[str] = set()
    for candidate, ruling in asked:
        found.add(_given(ruling))
        found |= {gate for gate in (said.partition(":")[0] for said in ruling.trail) if gate.rpartition(".")[2] in GATES}
        if candidate.message_type in policy.names:
            found.add(f"names.{candidate.message_type}")
    return frozenset(found)


def _given(ruling: Ruling) -> str:
    after = ruling.reason.removeprefix(SILENT_FOR)
    if ruling.rule.endswith(".silence") and after != ruling.reason:
        return f"{ruling.rule}[{after.partition('_')[0]}]"
    return ruling.rule
