"""`otel-voice report FILE...`: many recorded calls at once: scorecard, worst workflows, what is undetermined, and what to review first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from otel_voice.policy import Policy
from otel_voice.printable import printable
from otel_voice.strict import nearest
from otel_voice_processor.accounts import account_of
from otel_voice_processor.behind import MOST, NAMES
from otel_voice_processor.cli.outputs import WIDEST, add_forms, console, write_page
from otel_voice_processor.cli.policy.files import NotRead, add_policy, policy_of
from otel_voice_processor.cli.sources import DEFAULT, NoFiles, Told, add_only, recordings_of, rule_of, sources_of
from otel_voice_processor.cli.sums import behind_lines
from otel_voice_processor.cli.words import short
from otel_voice_processor.model import CallRecord
from otel_voice_processor.recordings import Recording, Recordings
from otel_voice_processor.reviews import TOP, Report, Reporting

MET: Final = 1_000  # workflows and calls remembered for a hint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help=f"files, each with what was rotated away from it, and folders; `-` is stdin; by default {DEFAULT}",
    )
    add_only(parser)
    parser.add_argument("--workflow", metavar="NAME", help="only calls of this workflow")
    parser.add_argument("--top", type=_count, default=TOP, metavar="N", help=f"how many calls to review (default {TOP})")
    parser.add_argument("--calls-like", metavar="GLOB", help="only calls with an id like this, such as 'call_93_*'")
    add_policy(parser)
    forms = add_forms(parser)
    forms.add_argument(
        "--calls", type=_rate, metavar="RATE", help=f"print the ids of the calls behind one rate instead: {', '.join(NAMES)}"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 500:
        raise argparse.ArgumentTypeError(f"`{text[:40]}` is not a whole number from 0 to 500")
    return int(text)


def _rate(text: str) -> str:
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"no rate `{printable(text[:40])}`{nearest(text, NAMES)}")
    return text


def run(options: argparse.Namespace) -> int:
    """Report; return 0, or 2 where a file could not be opened or no call was found."""
    try:
        sources = sources_of(options.files, only=options.only)
        policy = policy_of(options.policy)
    except NotRead:
        return 2
    except NoFiles as error:
        print(printable(f"otel-voice: {error}"), file=sys.stderr)
        return 2
    if sources.line:
        print(printable(sources.line), file=sys.stderr)
    told, held, reporting = Told(), Recordings(), Reporting(top=options.top, most=sys.maxsize if options.calls else MOST)
    wanted = _Wanted(workflow=options.workflow, like=options.calls_like)
    _take_all(recordings_of(sources.names, held, told), held, policy, reporting, wanted)
    told.sum_up()
    report = reporting.report()
    if not report.calls:
        print(printable(f"otel-voice: {wanted.nothing()}"), file=sys.stderr)
        return 2
    if options.calls:
        print("\n".join(behind_lines(report, options.calls)))
        return 2 if told.unreadable else 0
    code = _shown(options, report, read_notes(told, held))
    return code or (2 if told.unreadable else 0)


@dataclass(slots=True, kw_only=True)
class _Wanted:
    """Which calls are reported on, and the workflows and call ids that were met, for a hint where there is none."""

    workflow: str | None
    like: str | None
    workflows: dict[str, None] = field(default_factory=dict)
    calls: dict[str, None] = field(default_factory=dict)

    def takes(self, call_id: str) -> bool:
        self.calls.update({call_id: None} if len(self.calls) < MET else {})
        return self.like is None or fnmatchcase(call_id, self.like)

    def keeps(self, record: CallRecord) -> bool:
        names = {record.workflow, *(ep.workflow for ep in record.episodes)}
        self.workflows.update(dict.fromkeys(names if len(self.workflows) < MET else ()))
        return self.workflow is None or self.workflow in names

    def nothing(self) -> str:
        if self.workflows and self.workflow is not None:
            return f"no call of the workflow `{self.workflow}`{nearest(self.workflow, sorted(self.workflows)[:20])}"
        if self.calls and self.like is not None:
            return f"no call with an id like `{self.like}`: there are {', '.join(f'`{short(each)}`' for each in list(self.calls)[:3])}"
        return "no event of a call in it: nothing named `voice.interruption.*`"


def _take_all(recordings: Iterable[Recording], held: Recordings, policy: Policy, reporting: Reporting, wanted: _Wanted) -> None:
    """Judge every call that is wanted, those that are let go while reading and those held to the end."""
    rule = rule_of(policy)
    for source in (recordings, held.rest()):
        for recording in source:
            if not wanted.takes(recording.call_id):
                continue
            account = account_of(recording, rule, policy_version=policy.version)
            if wanted.keeps(account.record):
                reporting.add(account)


def read_notes(told: Told, held: Recordings) -> tuple[str, ...]:
    """Return what was left out while reading, a line each."""
    notes = []
    if told.broken:
        notes.append(f"{told.broken:,} part{'' if told.broken == 1 else 's'} of the files could not be read.")
    if held.late:
        notes.append(f"{held.late:,} events came long after the others of their call, which is reported in pieces: sort the files by time.")
    if held.nameless:
        notes.append(f"{held.nameless:,} events name no call.")
    return tuple(notes)


def _shown(options: argparse.Namespace, report: Report, notes: tuple[str, ...]) -> int:
    if options.html:
        from otel_voice_processor.cli.pages import report_page

        return write_page(options.html, report_page(report, notes))
    if options.json:
        from otel_voice_processor.cli.as_json import report_json

        print(json.dumps(report_json(report, notes), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))
        return 0
    from otel_voice_processor.cli.show_report import render_report

    out = console()
    out.print(render_report(report, notes, width=min(out.width, WIDEST)))
    return 0
