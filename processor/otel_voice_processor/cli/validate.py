"""`otel-voice validate`: does what an agent emits conform? Every problem with its place, then what there was in all."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from otel_voice_schema.attributes import VOICE_CALL_ID
from otel_voice_schema.consistency import Calls
from otel_voice_schema.events import PREFIX
from otel_voice_schema.problems import CODES, ERROR, Problem
from otel_voice_schema.upgrade import upgrade
from otel_voice_schema.validate import check_record

from otel_voice.printable import printable
from otel_voice_processor.cli.inputs import add_files, place, read
from otel_voice_processor.files import OTLP, Broken, Document, events
from otel_voice_processor.records import TooDeep

SHOWN = 5  # of one kind at one place; the summary counts the rest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_files(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="json: a line per problem, the last line is the summary")
    parser.add_argument("--all", action="store_true", help=f"show every problem, not only the first {SHOWN} of a kind")
    parser.add_argument("--strict", action="store_true", help="warnings, too, make the exit code 1")
    parser.add_argument("--ruled", action="store_true", help="the file comes from behind the processor, which adds attributes of its own")


def run(options: argparse.Namespace) -> int:
    """Print what is wrong; return 0 where all conforms, 1 where some does not, 2 where something could not be read or nothing is ours."""
    tally = _Tally()
    told: Counter[tuple[str, str]] = Counter()
    for name, where, found in _findings(options, tally):
        kind = (found.code, "" if isinstance(found, Broken) else found.key)
        told[kind] += 1
        if options.all or told[kind] <= SHOWN:
            _print(options, name, where, found)
    tally.problems = told
    _sum_up(options, tally)
    if tally.broken or not tally.events:
        return 2
    return 1 if tally.nonconforming or (options.strict and tally.warned) else 0


class _Tally:
    """What was seen."""

    def __init__(self) -> None:
        self.events = self.nonconforming = self.warned = self.broken = 0
        self.problems: Counter[tuple[str, str]] = Counter()


def _findings(options: argparse.Namespace, tally: _Tally) -> Iterator[tuple[str, str, Problem | Broken]]:
    calls = Calls()
    for name, item in read(options.files):
        if isinstance(item, Broken):
            tally.broken += 1
            yield name, item.where, item
            continue
        try:
            for where, problems in _of_document(item, calls, tally, sent=not options.ruled):
                for problem in sorted(problems, key=lambda each: each.severity != ERROR):
                    yield name, where, problem
        except TooDeep as error:
            tally.broken += 1
            yield name, item.where, Broken(code="too_deep", where=item.where, message=str(error))


def _of_document(document: Document, calls: Calls, tally: _Tally, *, sent: bool) -> Iterator[tuple[str, list[Problem]]]:
    for number, each in enumerate(events(document), 1):
        problems = check_record(each.record, each.form, schema_url=each.schema_url, sent=sent)
        problems += calls.check(upgrade(each.record))
        tally.events += 1
        wrong = any(problem.severity == ERROR for problem in problems)
        tally.nonconforming += wrong
        tally.warned += bool(problems) and not wrong
        if problems:
            place = f"{document.where}, event {number}" if document.kind == OTLP else document.where
            call = each.record.attributes.get(VOICE_CALL_ID)
            named = [each.record.name.removeprefix(PREFIX), *([f"of {call}"] if isinstance(call, str) and call else [])]
            yield f"{place} ({' '.join(named)[:120]})", problems


def _print(options: argparse.Namespace, name: str, where: str, found: Problem | Broken) -> None:
    severity = ERROR if isinstance(found, Broken) else found.severity
    if options.format == "json":
        line: dict[str, Any] = {"file": name, "where": where, "severity": severity, "code": found.code}
        if not isinstance(found, Broken):
            line |= {"key": found.key, "found": found.found, "allowed": found.allowed, "nearest": found.nearest}
        print(json.dumps(line | {"message": found.message}))
    else:
        print(printable(f"{place(name, where)}: {severity}: {found.message} [{found.code}]"))


def _sum_up(options: argparse.Namespace, tally: _Tally) -> None:
    conform = tally.events - tally.nonconforming
    if options.format == "json":
        kinds = [{"code": code, "key": key, "count": count} for (code, key), count in tally.problems.most_common()]
        told = {"events": tally.events, "conform": conform, "do_not_conform": tally.nonconforming, "only_warnings": tally.warned}
        print(json.dumps({"summary": told | {"unreadable": tally.broken, "problems": kinds}}, ensure_ascii=False))
        return
    hidden = any(count > SHOWN for count in tally.problems.values()) and not options.all
    for (code, key), count in tally.problems.most_common() if hidden else ():
        severity = CODES[code].severity if code in CODES else ERROR
        print(printable(f"{count:>9,} x {severity} {code} {key}"))
    if any(code == "reserved_attribute" for code, _ in tally.problems) and not options.ruled:
        print("attributes that only the processor sets: a file from behind the processor? then say `--ruled`", file=sys.stderr)
    if not tally.events and not tally.broken:
        print("no event of ours in it: nothing named `voice.interruption.*`", file=sys.stderr)
        return
    also = f", {tally.warned:,} of those with warnings" if tally.warned else ""
    lost = f"; {tally.broken:,} parts could not be read" if tally.broken else ""
    noun = "event" if tally.events == 1 else "events"
    wrong = f", {tally.nonconforming:,} do not" if tally.nonconforming else ""
    print(f"{tally.events:,} {noun}: {conform:,} conform{also}{wrong}{lost}", file=sys.stderr if options.format == "json" else sys.stdout)
