"""`otel-voice dashboards push`: boards into a Grafana, again without harm, and over nobody's changes.

Grafana itself remembers what was pushed: each save leaves a message in the board's history, with a fingerprint and the version that it was
saved over. Where the newest version has another message, or none, somebody saved the board since.
"""

from __future__ import annotations

import argparse
import os
import re
import ssl
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from otel_voice_dashboards.compare import differences, fingerprint
from otel_voice_dashboards.shipped import Board, boards

from otel_voice.printable import printable
from otel_voice_processor.cli.lengths import length
from otel_voice_processor.endpoints import url_problem
from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.grafana import ROOT, Folder, Grafana, Held, Refused

TOKEN: Final = "GRAFANA_TOKEN"  # noqa: S105 - the variable's name
_MESSAGE: Final = re.compile(r"otel-voice \S+: board ([0-9a-f]{16}) over version (\d+)")
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _Wrong(Exception):
    """An option that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done about a board: `changes` in words, none where nothing is; `blocked` says why it is not done all the same."""

    board: Board
    held: Held | None
    changes: tuple[str, ...]
    blocked: str | None = None


def add_push(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--url", type=_url, required=True, metavar="URL", help="Grafana's address with its sub-path, as http://localhost:3000"
    )
    parser.add_argument(
        "--folder", metavar="TITLE", help="Grafana's folder for the boards, by title or uid; without it they stay where they are"
    )
    parser.add_argument("--token-file", metavar="FILE", help=f"holds a service account's token; without it ${TOKEN} does, or there is none")
    parser.add_argument("--ca-file", metavar="FILE", help="CA certificates to trust, beside the system's")
    parser.add_argument("--timeout", type=length, default=10.0, metavar="TIME", help="for each answer (default 10s)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, save nothing")
    parser.add_argument(
        "--force", action="store_true", help="overwrite what others changed in the boards; Grafana keeps it in their history"
    )


def push(options: argparse.Namespace) -> int:
    """Push every board; return 1 where one was left alone or Grafana is away, 2 where Grafana cannot be used as it was named."""
    try:
        token = _token(options.token_file)
        grafana = Grafana(options.url, token, trust=_trust(options.ca_file), timeout_s=options.timeout)
        _warn(grafana.url, token)
        told = grafana.version()
        print(f"Grafana{f' {told}' if told else ''} at {grafana.url}{': nothing is saved (--dry-run)' if options.dry_run else ''}")
        return _pushed(grafana, options)
    except Retryable as error:
        print(printable(f"otel-voice: {error}"), file=sys.stderr)
        return 1
    except (_Wrong, Permanent) as error:
        print(printable(f"otel-voice: {error}"), file=sys.stderr)
        return 2


def _pushed(grafana: Grafana, options: argparse.Namespace) -> int:
    wanted = _folder(grafana, options.folder)
    code = 0
    for board in boards():
        try:
            plan = _plan(grafana, board, wanted, force=options.force)
            if plan.changes and plan.blocked is None and not options.dry_run:
                if wanted is not None and not wanted.uid:
                    wanted = grafana.make_folder(wanted.title)
                _save(grafana, plan, wanted)
        except Refused as error:
            print(printable(f"otel-voice: {board.uid}: {error}"), file=sys.stderr)
            code = 1
            continue
        if plan.blocked is not None:
            print(printable(f"otel-voice: {board.uid}: {plan.blocked}"), file=sys.stderr)
            code = 1
        else:
            print(printable(f"{board.uid}: {_told(plan)}, {grafana.url}/d/{board.uid}"))
    return code


def _plan(grafana: Grafana, board: Board, wanted: Folder | None, *, force: bool) -> Plan:
    held = grafana.board(board.uid)
    if held is None:
        return Plan(board=board, held=None, changes=("new",))
    pushed = None if held.provisioned else _MESSAGE.fullmatch(grafana.message(board.uid, held.version))
    ours = pushed is not None and int(pushed[2]) + 1 == held.version  # a message may be carried on by who saves next
    if pushed is not None and ours and pushed[1] == fingerprint(board.model):
        changes: list[str] = []
    else:
        changes = differences(board.model, held.model) or (["what is no longer set"] if ours else [])
    if wanted is not None and (not wanted.uid or held.folder.uid != wanted.uid):
        changes.append(f"folder `{held.folder.title}` to `{wanted.title}`")
    return Plan(board=board, held=held, changes=tuple(changes), blocked=_blocked(held, changes, ours=ours, force=force))


def _blocked(held: Held, changes: list[str], *, ours: bool, force: bool) -> str | None:
    if not changes:
        return None
    if held.provisioned is not None:
        where = f"it is provisioned from {held.provisioned} and cannot be saved; change it there"
        return f"left alone: {where}. Not the same: {'; '.join(changes)}"
    if ours or force:
        return None
    how = "save theirs under another name to keep it at hand, then overwrite with `--force`"
    return f"left alone: it was last saved by somebody else, not by a push; {how}. A push would change: {'; '.join(changes)}"


def _save(grafana: Grafana, plan: Plan, wanted: Folder | None) -> None:
    folder = wanted or (plan.held.folder if plan.held else ROOT)
    over = plan.held.version if plan.held else 0
    message = f"otel-voice {version('otel-voice')}: board {fingerprint(plan.board.model)} over version {over}"
    grafana.save(plan.board.model, plan.held, folder, message)


def _told(plan: Plan) -> str:
    if plan.held is None:
        return "new"
    return f"changed: {'; '.join(plan.changes)}" if plan.changes else "same"


def _folder(grafana: Grafana, named: str | None) -> Folder | None:
    """Return the folder that is asked for, without a uid where it is still to be made."""
    if named is None:
        return None
    try:
        return grafana.folder(named) or Folder(uid="", title=named)
    except Refused as error:
        raise Permanent(str(error)) from None


def _url(text: str) -> str:
    problem = url_problem(text)
    if problem is not None:
        told = "credentials do not go into a URL: `--token-file` or `GRAFANA_TOKEN` holds them"
        raise argparse.ArgumentTypeError(told if "@" in text else f"`{text[:200]}`: {problem}")
    return text


def _token(path: str | None) -> str | None:
    """Return the token, None where none is given; raise `_Wrong` where it cannot be one, without showing it."""
    if path is None:
        text, where = os.environ.get(TOKEN, ""), f"${TOKEN}"
        if not text.strip():
            return None
    else:
        where = f"`{path}`"
        try:
            text = Path(path).read_text(encoding="ascii")
        except OSError as error:
            raise _Wrong(f"{where} cannot be read: {(error.strerror or str(error)).lower()}") from None
        except UnicodeDecodeError:
            text = ""
    if not re.fullmatch(r"[!-~]{1,4096}", text.strip()):
        raise _Wrong(f"{where} holds no token: one line of plain characters is wanted, as Grafana shows it once")
    return text.strip()


def _trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            why = "it holds no certificate" if isinstance(error, ssl.SSLError) else (error.strerror or str(error)).lower()
            raise _Wrong(f"`{ca_file}` cannot be used as `--ca-file`: {why}") from None
    return context


def _warn(url: str, token: str | None) -> None:
    if token is not None and url.startswith("http://") and urlsplit(url).hostname not in _LOCAL:
        print(f"otel-voice: the token goes to `{url}` unencrypted: `https://` would not show it to the network", file=sys.stderr)
