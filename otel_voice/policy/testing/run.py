"""Put cases to a policy: of each trial what was expected, what was ruled, and which assertions hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from otel_voice.policy import decide
from otel_voice.policy.keys import pressed
from otel_voice.policy.model import Policy, Ruling

from .cases import Case, Trial
from .obligations import ASSERTIONS, FIVE, NO, YES, Expectation, does


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One assertion: what passes, and what was."""

    assertion: str
    expected: tuple[str, ...]
    got: str

    @property
    def passed(self) -> bool:
        """Tell whether it holds."""
        return self.got in self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One trial of a case, the policy's ruling on it, and its assertions in the order of the case format."""

    case: Case
    trial: Trial
    ruling: Ruling
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the assertions that do not hold."""
        return tuple(check for check in self.checks if not check.passed)


def under(policy: Policy, cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases as this policy is asked them: it says which keys are on offer."""
    return tuple(
        replace(case, trials=tuple(map(partial(_pressed, policy), case.trials))) if any(each.key for each in case.trials) else case
        for case in cases
    )


def _pressed(policy: Policy, trial: Trial) -> Trial:
    return trial if trial.key is None else replace(trial, candidate=pressed(policy, trial.candidate, trial.key), key=None)


def run_cases(policy: Policy, cases: Iterable[Case]) -> tuple[Tried, ...]:
    """Return every trial of the cases, in their order."""
    return tuple(_tried(policy, case, trial) for case in under(policy, cases) for trial in case.trials)


def _tried(policy: Policy, case: Case, trial: Trial) -> Tried:
    ruling = decide(policy, trial.candidate)
    return Tried(case=case, trial=trial, ruling=ruling, checks=checks_of(trial.expect, ruling))


def checks_of(expect: Expectation, ruling: Ruling) -> tuple[Check, ...]:
    """Hold a ruling against what is expected of it."""
    return tuple(Check(assertion=each, expected=expect[each], got=_said(each, ruling)) for each in ASSERTIONS if each in expect)


def _said(assertion: str, ruling: Ruling) -> str:
    """Return what a ruling says on an assertion; `class` is the one it is ruled by."""
    if assertion in FIVE:
        return does(ruling.action.value, assertion)
    if assertion == "class":
        return ruling.input_class.value
    if assertion == "rule":
        return ruling.rule
    if assertion == "wait_until_ms":
        return "never" if ruling.wait_until_ms is None else str(ruling.wait_until_ms)
    waits = ruling.wait_until_ms is not None or ruling.action.value == "wait"
    return YES if {"protected": ruling.protected, "waits": waits, "cancels": ruling.cancels}[assertion] else NO
