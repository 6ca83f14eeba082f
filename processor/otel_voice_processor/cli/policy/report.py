"""What a policy test has to say: the lines of its text report, its JSON, and its test cases in JUnit XML."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from otel_voice.policy.testing import Check, Reported, Tried
from otel_voice.printable import printable
from otel_voice_processor.moments import Moment
from otel_voice_processor.replay import Applied, Compared

KEY: Final = 12  # columns of an assertion's name
COLOURS: Final = {"failed": "31", "passed": "32", "missing": "33"}


def coloured(word: str) -> str:
    """Return a word in its colour where somebody looks and wants it, else as it is."""
    wanted = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\x1b[{COLOURS[word]}m{word}\x1b[0m" if wanted else word


def tried_lines(tried: Tried) -> Iterator[str]:
    """Yield the text of one trial: a line where it passed, else each assertion, the ruling's reason, and the rules tried."""
    yield _head(tried.case.file, tried.trial.line, "failed" if tried.failed else "passed", _title(tried))
    if not tried.failed:
        return
    for check in tried.checks:
        said = check.got if check.passed else f"expected {_either(check.expected)}, got {check.got}"
        yield _row(check.assertion, f"{said}, as expected" if check.passed else said)
    ruling = tried.ruling
    yield _row("because", f"{ruling.action.value} by {ruling.rule}: {ruling.reason} ({ruling.confidence:.2f})")
    for at, step in enumerate(ruling.trail):
        yield _row("" if at else "trail", step)


def applied_lines(alike: Sequence[Applied]) -> Iterator[str]:
    """Yield the text of cases that a moment answers alike: the plainest by name, the others by their number."""
    first = min(alike, key=lambda each: sum(one.implied for one in each.compared))
    more = len(alike) - 1
    others = f", and likewise {more:,} other case{'s' if more > 1 else ''}" if more else ""
    yield _head(first.case.file, first.trial.line, first.state, f"{first.case.name}: {where(first)}{others}")
    if first.state == "passed":
        return
    for each in first.compared:
        yield _row(each.assertion, _compared(each))
    yield _row("applies", first.why)


def where(applied: Applied) -> str:
    """Return which moment of which call."""
    return place_of(applied.moment) if applied.moment is not None else f"call `{applied.call_id}`"


def place_of(moment: Moment) -> str:
    """Return a moment's call, time and kind, and its id, which is an interruption's span id."""
    return f"call `{moment.call_id}` at {moment.at_ms / 1000:.2f} s, {moment.kind} {moment.id}"


def _compared(each: Compared) -> str:
    wanted = f"expected {_either(each.expected)}{' (implied)' if each.implied else ''}"
    because = f": {each.said}" if each.said else ""
    if not each.got:
        return f"{wanted}, missing{because}"
    got = next((value for value in each.got if value in each.expected), each.got[0])
    return f"{got}, as expected{because}" if each.state == "passed" else f"{wanted}, got {got}{because}"


def _head(file: str, line: int, state: str, title: str) -> str:
    return f"{printable(f'{file}:{line}')}: {coloured(state)}: {printable(title)}"


def _row(name: str, said: str) -> str:
    return printable(f"    {name:<{KEY}}{said}")


def _either(values: Iterable[str]) -> str:
    return " or ".join(values) or "none"


def _title(tried: Tried) -> str:
    return f"{tried.case.name}, {tried.trial.label}" if tried.trial.label else tried.case.name


def tried_json(tried: Tried) -> str:
    """Return one trial as a line of JSON."""
    ruling = tried.ruling
    facts = ("effect", "rule", "reason", "confidence", "policy_version", "protected", "wait_until_ms", "cancels", "trail")
    told: dict[str, Any] = _case(tried.case.file, tried.trial.line, tried) | {
        "passed": not tried.failed,
        "assertions": [_check(check) for check in tried.checks],
        "ruling": {"action": ruling.action.value, "class": ruling.input_class.value} | {name: getattr(ruling, name) for name in facts},
    }
    return json.dumps(told)


def _case(file: str, line: int, each: Tried | Applied) -> dict[str, Any]:
    case = each.case
    return {"file": file, "line": line, "suite": case.suite, "case": case.name, "trial": each.trial.label, "of": case.of}


def _check(check: Check) -> Mapping[str, Any]:
    return {"assertion": check.assertion, "expected": check.expected, "got": check.got, "passed": check.passed}


def applied_json(applied: Applied) -> str:
    """Return one case held against a recorded call as a line of JSON."""
    moment = applied.moment
    told = _case(applied.case.file, applied.trial.line, applied) | {
        "call": applied.call_id,
        "moment": None if moment is None else {"kind": moment.kind, "id": moment.id, "at_ms": moment.at_ms},
        "applies": applied.why,
        "state": applied.state,
        "assertions": [
            {name: getattr(each, name) for name in ("assertion", "expected", "got", "state", "said", "implied")}
            for each in applied.compared
        ],
    }
    return json.dumps(told)


def tried_suites(tried: Iterable[Tried]) -> dict[str, list[Reported]]:
    """Return the trials as JUnit's suites, one for each file."""
    suites: dict[str, list[Reported]] = {}
    for each in tried:
        wrong = [f"{check.assertion} expected {_either(check.expected)}, got {check.got}" for check in each.failed]
        ruling = each.ruling
        why = [f"because {ruling.action.value} by {ruling.rule}: {ruling.reason}", *ruling.trail]
        suites.setdefault(each.case.file, []).append(
            Reported(
                name=_title(each),
                group=each.case.suite,
                file=each.case.file,
                line=each.trial.line,
                failure="\n".join(("; ".join(wrong), *wrong, *why)) if wrong else "",
            )
        )
    return suites


def applied_suites(applied: Iterable[Applied]) -> dict[str, list[Reported]]:
    """Return what was held against recorded calls as JUnit's suites, one for each file; where nothing could be told, skipped."""
    suites: dict[str, list[Reported]] = {}
    for each in applied:
        told = [f"{one.assertion} {_compared(one)}" for one in each.compared]
        wrong = [line for line, one in zip(told, each.compared, strict=True) if one.state == "failed"]
        suites.setdefault(each.case.file, []).append(
            Reported(
                name=f"{each.case.name}: {where(each)}",
                group=each.case.suite,
                file=each.case.file,
                line=each.trial.line,
                failure="\n".join(("; ".join(wrong), *told, each.why)) if wrong else "",
                skipped=each.why if each.state == "missing" else "",
                output="\n".join((*told, each.why)) if any(one.state == "missing" for one in each.compared) else "",
            )
        )
    return suites
