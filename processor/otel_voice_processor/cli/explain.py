"""`otel-voice explain CALL`: did the caller interrupt intentionally, or did we fire on noise? One call, from files or a Tempo."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from otel_voice.printable import printable
from otel_voice_processor.accounts import Account, account_of
from otel_voice_processor.cli.as_json import account_json
from otel_voice_processor.cli.outputs import WIDEST, add_forms, console, write_page
from otel_voice_processor.cli.policy.files import NotRead, add_policy, policy_of
from otel_voice_processor.cli.show import MOST, render_call
from otel_voice_processor.cli.sources import DEFAULT, NoFiles, Told, add_only, recordings_of, rule_of, sources_of
from otel_voice_processor.cli.tempo_options import absent, add_tempo, take_from_tempo
from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.recordings import Recording, Recordings

LATEST: Final = "latest"
LISTED: Final = 5  # calls that are named where several could be meant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "call", nargs="?", metavar="CALL", help=f"call id, or trace id; `{LATEST}` is the newest; may be left out where there is only one"
    )
    parser.add_argument(
        "--from", dest="files", nargs="+", action="extend", default=[], metavar="FILE",
        help=f"files that hold it, each with what was rotated away from it, and folders; `-` is stdin; by default {DEFAULT}",
    )  # fmt: skip
    add_only(parser)
    add_tempo(parser)
    parser.add_argument("--all", action="store_true", help=f"draw every interruption, not only the {MOST} gravest")
    add_policy(parser)
    add_forms(parser)


def run(options: argparse.Namespace) -> int:
    """Explain a call; return 0, 1 where a backend fails, 2 where the call is not there or something could not be read."""
    try:
        recording = _found(options)
        policy = policy_of(options.policy)
    except NotRead:
        return 2
    except Retryable as error:
        print(printable(f"otel-voice: {error}"), file=sys.stderr)
        return 1
    except (_NotFound, Permanent) as error:
        print(printable(f"otel-voice: {error}"), file=sys.stderr)
        return 2
    account = account_of(recording, rule_of(policy), policy_version=policy.version)
    return _shown(options, account)


def _shown(options: argparse.Namespace, account: Account) -> int:
    most = len(account.record.episodes) if options.all else MOST
    if options.html:
        from otel_voice_processor.cli.pages import call_page

        return write_page(options.html, call_page(account, most=most))
    if options.json:
        print(json.dumps(account_json(account), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))
        return 0
    out = console()
    out.print(render_call(account.record, width=min(out.width, WIDEST), lanes=out.width, account=account, most=most))
    return 0


class _NotFound(Exception):
    """The call cannot be told; the message says why, and what to try."""


def _found(options: argparse.Namespace) -> Recording:
    """Return the call that is asked for; raise `_NotFound`, or what a Tempo raises."""
    if options.tempo is not None:
        return _in_tempo(options)
    if options.header:
        raise _NotFound("`--header` goes with `--tempo`")
    try:
        sources = sources_of(options.files, only=options.only)
    except NoFiles as error:
        raise _NotFound(str(error)) from None
    if sources.line:
        print(printable(sources.line), file=sys.stderr)
    names = sources.names
    told = Told()
    wanted = None if options.call in {None, LATEST} else options.call
    held = Recordings(only=wanted)
    for _ in recordings_of(names, held, told):
        pass  # let go: silent for so long that it is not the newest
    told.sum_up()
    calls = {recording.call_id: recording for recording in held.rest()}
    if wanted is not None:
        return _named(wanted, calls, held.newest, names)
    if not calls:
        raise _NotFound(f"no event of a call in {_places(names)}")
    if options.call is None and len(held.newest) > 1:
        place = "; its id stands before `--from`" if told.unreadable else ""
        raise _NotFound(f"which of {len(held.newest):,} calls? {_newest(held.newest)}; or `{LATEST}`{place}")
    return calls[max(calls, key=lambda call_id: held.newest[call_id])]


def _in_tempo(options: argparse.Namespace) -> Recording:
    if options.files:
        raise _NotFound("either `--from` or `--tempo`: a call is read from one of the two")
    if options.call in {None, LATEST}:
        raise _NotFound('name the call: a Tempo is asked for one, `{ name = "voice.interruption.call" }` in Grafana lists them')
    held = Recordings(only=options.call)
    take_from_tempo(options, held)
    calls = {recording.call_id: recording for recording in held.rest()}
    if not calls:
        raise _NotFound(absent(options, list(held.newest)))
    return _named(options.call, calls, held.newest, [options.tempo])


def _named(wanted: str, calls: Mapping[str, Recording], known: Mapping[str, int], names: list[str]) -> Recording:
    if wanted in calls:
        return calls[wanted]
    if len(calls) > 1:
        raise _NotFound(f"the trace `{wanted}` holds {len(calls)} calls: {', '.join(f'`{each}`' for each in list(calls)[:LISTED])}")
    if calls:
        return next(iter(calls.values()))
    if not known:
        raise _NotFound(f"no event of a call in {_places(names)}{_as_file(wanted, names)}")
    close = difflib.get_close_matches(wanted[:200], [each[:200] for each in known], n=3, cutoff=0.6)
    begun = [each for each in known if len(wanted) >= LISTED and each.startswith(wanted)][:3]
    near = begun or close
    meant = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else _newest(known)
    raise _NotFound(f"no call `{wanted}` in {_places(names)}{_as_file(wanted, names)}: {meant}")


def _as_file(wanted: str, names: list[str]) -> str:
    return f" (`{wanted}` is a file: files stand behind `--from`)" if Path(wanted).exists() and wanted not in names else ""


def _newest(known: Mapping[str, int]) -> str:
    newest = sorted(known, key=lambda call_id: known[call_id], reverse=True)[:LISTED]
    return f"the newest {'is' if len(newest) == 1 else 'are'} {', '.join(f'`{each}`' for each in newest)}"


def _places(names: list[str]) -> str:
    return f"`{names[0]}`" if len(names) == 1 else f"{len(names)} files"
