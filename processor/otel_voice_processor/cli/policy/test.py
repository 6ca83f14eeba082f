"""`otel-voice policy test`: does a policy rule as the cases expect, and with `--events`, did an agent really do so?"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from otel_voice.policy import Policy, PolicyError, load_default, load_policy
from otel_voice.policy.testing import (
    Answer,
    Case,
    CaseError,
    Reported,
    answers_of,
    exercised,
    junit_xml,
    read_cases,
    run_cases,
    shipped_cases,
)
from otel_voice.policy.testing.obligations import FIVE
from otel_voice.printable import printable
from otel_voice.strict import nearest
from otel_voice_processor.cli.policy.report import (
    applied_json,
    applied_lines,
    applied_suites,
    place_of,
    tried_json,
    tried_lines,
    tried_suites,
)
from otel_voice_processor.moments import Moment
from otel_voice_processor.replay import Applied, Replay


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("cases", nargs="*", metavar="CASES", help="case files, and folders of them; without any, those that are shipped")
    parser.add_argument("--policy", metavar="FILE", help="policy file; without it the default policy is tested")
    parser.add_argument(
        "--events",
        action="append",
        metavar="FILE",
        help="test recorded calls instead: what did the agent really do? Reads what `otel-voice validate` does",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="a name in a case that the policy does not know fails; with --events a missing fact, and another action of the same effect",
    )
    parser.add_argument("--filter", metavar="TEXT", help="only cases with this in their name, `of`, suite, file or call")
    parser.add_argument("--coverage", action="store_true", help="list what the policy could answer and no case exercises")
    parser.add_argument("--verbose", action="store_true", help="tell what passed, too")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="json: a line for each failure, the last is the summary")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML for a build server")


def run(options: argparse.Namespace) -> int:
    """Return 0 where all passed, 1 where some failed, 2 where something could not be read or there was nothing to test."""
    policy, cases, problems = _inputs(options)
    for problem in problems:
        print(problem, file=sys.stderr)
    if policy is None or problems:
        return 2
    if not cases:
        wanted = f" with `{printable(options.filter)}` in its name, `of`, suite, file or call" if options.filter else ""
        print(f"no case{wanted}", file=sys.stderr)
        return 2
    return _of_recorded(options, policy, cases) if options.events else _of_policy(options, policy, cases)


def _inputs(options: argparse.Namespace) -> tuple[Policy | None, list[Case], list[str]]:
    """Return the policy, the cases that are asked for, and every problem of both."""
    problems: list[str] = []
    policy: Policy | None = None
    found: tuple[Case, ...] = ()
    try:
        policy = load_policy(options.policy) if options.policy not in (None, "default") else load_default()
    except PolicyError as error:
        problems += error.problems
    try:
        found = read_cases(options.cases) if options.cases else shipped_cases()
    except CaseError as error:
        problems += error.problems
    wanted = (options.filter or "").casefold()
    cases = [case for case in found if any(wanted in (each or "").casefold() for each in _named(case))]
    return policy, cases, problems


def _named(case: Case) -> tuple[str | None, ...]:
    return case.name, case.of, case.suite, case.file, case.call


def _of_policy(options: argparse.Namespace, policy: Policy, cases: Sequence[Case]) -> int:
    unnamed = _unnamed(policy, cases) if options.cases else []  # the shipped ones name some on purpose
    for problem in unnamed:
        print(problem, file=sys.stderr)
    tried = run_cases(policy, cases)
    failed = [each for each in tried if each.failed]
    for each in tried if options.verbose else failed:
        _print((tried_json(each),) if options.format == "json" else tried_lines(each))
    wrong = {id(each.case) for each in failed}
    counts = {
        "cases": len(cases),
        "trials": len(tried),
        "passed": len(tried) - len(failed),
        "failed": len(failed),
        "failed_cases": len(wrong),
    }
    written = _write(options, tried_suites(tried))
    untried = _untried(policy, ((each.trial.candidate, each.ruling) for each in tried))
    if options.format == "json":
        print(json.dumps({"summary": {"policy": policy.version} | counts | _coverage_json(*untried)}))
    else:
        _tell_coverage(options, *untried, by="no case exercises")
        many = f", {len(failed):,} failed in {len(wrong):,} case{'s' if len(wrong) > 1 else ''}" if failed else ""
        trials = "question" if len(tried) == 1 else "questions"
        noun = "case" if len(cases) == 1 else "cases"
        print(f"policy {printable(policy.version)}: {len(cases):,} {noun}, {len(tried):,} {trials}: {counts['passed']:,} passed{many}")
    return 2 if not written else 1 if failed or (unnamed and options.strict) else 0


def _of_recorded(options: argparse.Namespace, policy: Policy, cases: Sequence[Case]) -> int:
    from .events import read_calls, records_of  # the extra `processor` is not needed for anything else here

    recorded = read_calls(options.events)
    for problem in recorded.problems:
        print(printable(problem), file=sys.stderr)
    if recorded.unjudged:
        print(f"{recorded.unjudged:,} events cannot be judged: `otel-voice validate` says why", file=sys.stderr)
    replay = Replay(policy, cases, strict=options.strict)
    judged = [each for record, events in records_of(recorded, policy) for each in replay.judge(record, events)]
    applied = [each for _, held in judged for each in held]
    applied += replay.unmet(applied)
    told = applied if options.verbose else [each for each in applied if each.state == "failed"]
    for alike in _alike(told) if options.format == "text" else ():
        _print(applied_lines(alike))
    if options.format == "json":
        _print(map(applied_json, told))
    written = _write(options, applied_suites(applied))
    _sum_up(options, policy, cases, judged, applied, calls=len(recorded.calls))
    if recorded.problems or not recorded.calls or not applied or not written:
        return 2
    return 1 if any(each.state == "failed" for each in applied) else 0


def _alike(applied: Iterable[Applied]) -> list[list[Applied]]:
    """Return the cases that a moment answers alike, together: the same assertions hold and fail."""
    groups: dict[Any, list[Applied]] = {}
    for each in applied:
        moment = id(each) if each.moment is None else each.moment.id
        groups.setdefault((each.call_id, moment, *((one.assertion, one.state) for one in each.compared)), []).append(each)
    return list(groups.values())


def _sum_up(
    options: argparse.Namespace,
    policy: Policy,
    cases: Sequence[Case],
    judged: Sequence[tuple[Moment, tuple[Applied, ...]]],
    applied: Sequence[Applied],
    *,
    calls: int,
) -> None:
    states = Counter(_state(held) for _, held in judged)
    unmet = [each for each in applied if each.moment is None]
    absent = {(each.moment.id, one.assertion) for each in applied if each.moment for one in each.compared if one.state == "missing"}
    missing = {each: count for each in FIVE if (count := sum(assertion == each for _, assertion in absent))}
    untried = _untried(policy, ((moment.candidate, moment.ruling) for moment, _ in judged))
    met = len({id(each.case) for each in applied if each.moment is not None})
    unspoken = [moment for moment, held in judged if not held]
    if options.format == "json":
        counts = {"calls": calls, "moments": len(judged)} | {name: states[name] for name in ("passed", "failed", "missing", "unspoken")}
        more = {"cases": len(cases), "cases_that_apply": met, "pinned_unmet": len(unmet), "not_recorded": missing}
        print(json.dumps({"summary": {"policy": policy.version} | counts | more | _coverage_json(*untried)}))
        return
    for moment in unspoken if options.coverage else ():
        print(printable(f"no case speaks of {place_of(moment)}: ruled by {moment.ruling.rule}"))
    _tell_coverage(options, *untried, by="no recorded moment meets")
    if not calls:
        print("no call in it: no event of ours can be judged", file=sys.stderr)
    elif not applied:
        print("no case speaks of anything in these calls: nothing was tested", file=sys.stderr)
    parts = [f"{states[name]:,} {words}" for name, words in _STATES.items() if states[name]]
    lost = ", ".join(f"{name} {count:,}" for name, count in missing.items())
    print(
        f"{calls:,} calls, {len(judged):,} moments: {', '.join(parts) or 'none'}; {met:,} of {len(cases):,} cases apply"
        + (f"; {len(unmet):,} pinned to what is not there" if unmet else "")
        + (f"; not recorded: {lost}" if lost else "")
    )


_STATES = {"passed": "passed", "failed": "failed", "missing": "without the facts to tell", "unspoken": "of which no case speaks"}


def _state(held: Sequence[Applied]) -> str:
    """Return how a moment did against all the cases that apply to it."""
    states = {each.state for each in held}
    return next((name for name in ("failed", "passed", "missing") if name in states), "unspoken")


def _untried(policy: Policy, asked: Iterable[Any]) -> tuple[int, list[Answer]]:
    """Return how many answers the policy has, and those that were not given."""
    answers, given = answers_of(policy), exercised(policy, asked)
    return len(answers), [answer for answer in answers if answer.name not in given]


def _coverage_json(total: int, untried: Sequence[Answer]) -> dict[str, Any]:
    names = [{"answer": each.name, "says": each.says, "origin": each.origin} for each in untried]
    return {"coverage": {"answers": total, "exercised": total - len(untried), "not_exercised": names}}


def _unnamed(policy: Policy, cases: Iterable[Case]) -> list[str]:
    """Return the names of messages and workflows in cases that the policy does not know, each where it first stands: slips of the pen."""
    known = {
        "message type": sorted({*policy.names, *(name for _, name in policy.rules)}),
        "workflow": sorted({workflow for workflow, _ in policy.rules if workflow is not None}),
    }
    found: dict[tuple[str, str], str] = {}
    for case in cases:
        for trial in case.trials:
            for kind, name in (("message type", trial.candidate.message_type), ("workflow", trial.candidate.workflow)):
                if name is not None and name not in known[kind]:
                    what = "is ruled as `other`" if kind == "message type" else "changes nothing"
                    hint = nearest(name, known[kind]) if known[kind] else ""
                    problem = f"{case.file}:{trial.line}: {kind} `{name}` is not in this policy and {what}{hint}"
                    found.setdefault((kind, name), printable(problem))
    return list(found.values())


def _tell_coverage(options: argparse.Namespace, total: int, untried: Sequence[Answer], *, by: str) -> None:
    for rule, answers in groupby(untried, key=lambda answer: answer.rule) if options.coverage else ():
        print(printable(f"{by}, of {rule}:"))
        for answer in answers:
            print(printable(f"    {answer.part:<20}{answer.says}{f' ({answer.origin})' if answer.origin else ''}"))
    hint = "" if options.coverage or not untried else ", the others with `--coverage`"
    print(f"coverage: {total - len(untried):,} of the policy's {total:,} answers{hint}")


def _write(options: argparse.Namespace, suites: Mapping[str, Sequence[Reported]]) -> bool:
    """Write the JUnit file where one is wanted; tell whether that went well."""
    if not options.junit:
        return True
    try:
        with open(options.junit, "wb") as file:
            file.write(junit_xml(suites.items()))
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        print(f"`{printable(options.junit)}` cannot be written: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return False
    return True


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
