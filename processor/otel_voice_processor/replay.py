"""Hold recorded calls against test cases: which case speaks of which moment, and whether the agent did what the case expects. Pure.

A case applies to a moment where both are the same kind of input and the policy rules both by the same rule: then message type, limits and
protection agree, whatever the milliseconds. What is not recorded is told as missing, never assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from otel_voice_schema.attributes import Action, InputClass

from otel_voice.policy import Candidate, Policy, Ruling, decide, effect_of
from otel_voice.policy.testing import Case, Expectation, Trial, under
from otel_voice.policy.testing.obligations import FIVE, completed
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.moments import INTERRUPTION, PAUSE, SILENCE, Moment, moments_of
from otel_voice_processor.observed import Seen

State = Literal["passed", "failed", "missing"]
ENGLISH: Final = "en"  # what a caller is taken to speak where nobody says
_LISTENING: Final = frozenset({"listening", "idle", "thinking"})
_WORDLESS: Final = frozenset({InputClass.NOISE, InputClass.DTMF, InputClass.SILENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One assertion against the record. `implied`: no case file says it, it follows from what is expected."""

    assertion: str
    expected: tuple[str, ...]
    got: tuple[str, ...]
    state: State
    said: str
    implied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A case held against a moment of a recorded call, and why it applies; without a moment, why a pinned case met none."""

    case: Case
    trial: Trial
    call_id: str
    moment: Moment | None
    why: str
    compared: tuple[Compared, ...]

    @property
    def state(self) -> State:
        """Return failed where an assertion does not hold, missing where none could be told, else passed."""
        states = {each.state for each in self.compared}
        return "failed" if "failed" in states else "passed" if "passed" in states else "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A trial as the policy rules it in one workflow, and what it expects in full."""

    case: Case
    trial: Trial
    kind: str
    ruling: Ruling
    expect: Expectation


class Replay:
    """The cases, ready to be held against calls. With `strict` a missing fact fails, and a decision has to be one that is accepted."""

    def __init__(self, policy: Policy, cases: Iterable[Case], *, strict: bool = False) -> None:
        self._policy, self._strict = policy, strict
        self._cases = under(policy, cases)
        self._workflows = {workflow for workflow, _ in policy.rules if workflow is not None}
        self._by_rule: dict[str | None, dict[tuple[str, str], list[_Asked]]] = {}
        self._met: set[str] = set()

    def judge(self, record: CallRecord, events: Sequence[VoiceEvent]) -> tuple[tuple[Moment, tuple[Applied, ...]], ...]:
        """Return the call's moments, each with the cases that apply to it; `events` are the call's, in order of time."""
        moments = moments_of(record, events, self._policy)
        self._met.add(record.call_id)
        pinned = {id(case): self._closest(case, moments) for case in self._cases if case.call == record.call_id}
        return tuple((moment, tuple(self._applied(moment, pinned))) for moment in moments)

    def unmet(self, judged: Iterable[Applied]) -> tuple[Applied, ...]:
        """Return the cases that are pinned to a call and met no moment, once every call was judged."""
        met = {id(each.case) for each in judged}
        return tuple(self._without_moment(case) for case in self._cases if case.call is not None and id(case) not in met)

    def _applied(self, moment: Moment, pinned: dict[int, dict[int, _Asked]]) -> Iterator[Applied]:
        own = [found[id(moment)] for found in pinned.values() if id(moment) in found]
        for asked in own:
            yield self._held(asked, moment, f"pinned to call `{moment.call_id}`, {_facts(moment)}", with_class=True)
        for asked in self._index(moment.candidate.workflow).get((moment.kind, moment.ruling.rule), ()):
            if asked.case.call is None and _agree(asked, moment):
                yield self._held(asked, moment, f"{_facts(moment)}, ruled by `{moment.ruling.rule}` as the case is", with_class=False)

    def _index(self, workflow: str | None) -> dict[tuple[str, str], list[_Asked]]:
        """Return the cases by the rule that the policy answers them by in this workflow."""
        own = workflow if workflow in self._workflows else None
        if own not in self._by_rule:
            found: dict[tuple[str, str], list[_Asked]] = {}
            for case in self._cases:
                first = {(asked.kind, asked.ruling.rule): asked for asked in reversed(tuple(self._asked(case, own)))}
                for key, asked in first.items():  # the texts of a case that one rule answers say the same
                    found.setdefault(key, []).append(asked)
            self._by_rule[own] = found
        return self._by_rule[own]

    def _asked(self, case: Case, workflow: str | None) -> Iterator[_Asked]:
        """Yield what a case asks once all evidence is in, in a workflow where it names none itself."""
        for trial in case.trials:
            expect = completed(trial.expect)
            if not trial.whole or not expect:
                continue
            given = trial.candidate
            candidate = given if workflow is None or given.workflow is not None else replace(given, workflow=workflow)
            ruling = decide(self._policy, candidate)
            yield _Asked(case=case, trial=trial, kind=_kind(candidate, ruling), ruling=ruling, expect=expect)

    def _closest(self, case: Case, moments: Sequence[Moment]) -> dict[int, _Asked]:
        """Return the moments of its call that a pinned case speaks of: those ruled alike, else those of its message type and input."""
        alike: dict[int, _Asked] = {}
        near: dict[int, _Asked] = {}
        for moment in moments:
            for asked in self._asked(case, moment.candidate.workflow if moment.candidate.workflow in self._workflows else None):
                if asked.kind != moment.kind or _input(asked.trial.candidate) != _input(moment.candidate):
                    continue
                if _paused(asked) and not moment.paused:
                    continue
                if asked.ruling.rule == moment.ruling.rule and _agree(asked, moment):
                    alike.setdefault(id(moment), asked)
                elif self._type(asked.trial.candidate) == self._type(moment.candidate):
                    near.setdefault(id(moment), asked)
        return alike or near

    def _type(self, candidate: Candidate) -> str | None:
        return self._policy.names.get(candidate.message_type or "", candidate.message_type)

    def _without_moment(self, case: Case) -> Applied:
        trial = case.trials[-1]
        why = f"nothing in call `{case.call}` is what the case speaks of" if case.call in self._met else f"no event of call `{case.call}`"
        state: State = "failed" if self._strict else "missing"
        expect = completed(trial.expect) or {"decision": ()}
        compared = tuple(
            Compared(assertion=each, expected=expect[each], got=(), state=state, said=why, implied=each not in trial.expect)
            for each in FIVE
            if each in expect
        )
        return Applied(case=case, trial=trial, call_id=case.call or "", moment=None, why=why, compared=compared)

    def _held(self, asked: _Asked, moment: Moment, why: str, *, with_class: bool) -> Applied:
        seen = moment.waited if _waiting(asked, moment) else moment.paused if _paused(asked) else moment.seen
        compared = [self._compared(each, asked, seen[each]) for each in FIVE]
        if with_class and "class" in asked.trial.expect:
            got = Seen(values=(moment.ruling.input_class.value,), said=moment.ruling.trail[0] if moment.ruling.trail else "")
            compared.insert(0, self._compared("class", asked, got))
        return Applied(case=asked.case, trial=asked.trial, call_id=moment.call_id, moment=moment, why=why, compared=tuple(compared))

    def _compared(self, assertion: str, asked: _Asked, seen: Seen) -> Compared:
        expected = asked.expect[assertion] if assertion in FIVE else asked.trial.expect[assertion]
        said = seen.said
        if not seen.values:
            state: State = "failed" if self._strict else "missing"
            said = f"`{seen.missing}` is not recorded"
        else:
            state = "passed" if not set(expected).isdisjoint(seen.values) else "failed"
            effects = {effect_of(each) for each in expected} if assertion == "decision" and not self._strict else set()
            if state == "failed" and effects & {effect_of(each) for each in seen.values}:
                state, said = "passed", f"the same effect: {effect_of(seen.values[0])}"
        return Compared(
            assertion=assertion, expected=expected, got=seen.values, state=state, said=said, implied=assertion not in asked.trial.expect
        )


def _kind(candidate: Candidate, ruling: Ruling) -> str:
    """Return what kind of moment a case speaks of."""
    if ruling.input_class is InputClass.SILENCE:
        return SILENCE
    return PAUSE if candidate.agent_state in _LISTENING else INTERRUPTION


def _input(candidate: Candidate) -> str:
    """Return the input's type, inferred as the classifier does where a case leaves it out."""
    if candidate.input_type is None and candidate.dtmf_class is not None:
        return "dtmf"
    return candidate.input_type or ("silence" if candidate.silence_ms is not None and candidate.text is None else "speech")


def _agree(asked: _Asked, moment: Moment) -> bool:
    """Tell whether a case speaks of a moment that the same rule answers."""
    case, was = asked.trial.candidate, moment.candidate
    if _input(case) != _input(was):
        return False
    if moment.ruling.input_class.value not in asked.trial.expect.get("class", (asked.ruling.input_class.value,)):
        return False
    if case.workflow is not None and case.workflow != was.workflow:
        return False
    if None not in (case.question_pending, was.question_pending) and case.question_pending != was.question_pending:
        return False
    if moment.ruling.input_class not in _WORDLESS and _language(case) != _language(was):
        return False
    if _paused(asked) and not moment.paused:
        return False
    if moment.kind == PAUSE:
        return Action.WAIT.value in asked.expect["decision"]  # a turn's end that nobody waited for is no pause
    return moment.kind != SILENCE or _waiting(asked, moment) or _same_step(asked, moment)


def _paused(asked: _Asked) -> bool:
    """Tell whether a case speaks of an agent that has paused already."""
    return asked.kind == INTERRUPTION and asked.trial.candidate.agent_state == "paused"


def _waiting(asked: _Asked, moment: Moment) -> bool:
    """Tell whether a case speaks of a silence's time before the agent did anything, and is content with that."""
    asked_ms = asked.trial.candidate.silence_ms
    if moment.kind != SILENCE or asked_ms is None or Action.WAIT.value not in asked.expect["decision"]:
        return False
    return asked_ms < (moment.acted_ms if moment.acted_ms is not None else moment.lasted_ms)


def _same_step(asked: _Asked, moment: Moment) -> bool:
    """Tell whether the ladder of silences had come as far: to the same step, or where nothing was done, beyond it."""
    asked_ms = asked.trial.candidate.silence_ms
    return asked.ruling.reason == moment.ruling.reason or (
        moment.acted_ms is None and asked_ms is not None and asked_ms <= moment.lasted_ms
    )


def _language(candidate: Candidate) -> str:
    return (candidate.language or ENGLISH).replace("_", "-").partition("-")[0].lower()


def _facts(moment: Moment) -> str:
    """Return in words what a moment is: its input over its message."""
    over = moment.candidate.message_type or "a message of unknown type"
    return f"{moment.ruling.input_class.value} ({_input(moment.candidate)}) over {over}"
