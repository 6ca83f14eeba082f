"""What `explain --tempo` is told: where Tempo is, what goes with each request, how far back to search."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from typing import Final

from otel_voice_processor.cli.lengths import length
from otel_voice_processor.endpoints import url_problem
from otel_voice_processor.recordings import Recordings
from otel_voice_processor.records import read_otlp
from otel_voice_processor.tempo import Tempo

_HEADER: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*[:=]\s*([ -~]*)")
_ENV: Final = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


def add_tempo(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--tempo", type=_url, metavar="URL", help="look the call up in this Tempo instead, such as http://localhost:3200")
    parser.add_argument(
        "--header", type=_header, action="append", default=[], metavar="'NAME: VALUE'",
        help="goes with each request to Tempo, such as 'X-Scope-OrgID: team' or 'Authorization: Basic ${env:TEMPO_AUTH}'",
    )  # fmt: skip
    parser.add_argument(
        "--since", type=length, default=86_400.0, metavar="TIME", help="how far back to search, such as 12h or 7d (default 24h)"
    )
    parser.add_argument("--timeout", type=length, default=10.0, metavar="TIME", help="for each answer of Tempo (default 10s)")


def _url(text: str) -> str:
    problem = url_problem(text)
    if problem is not None:
        raise argparse.ArgumentTypeError(f"`{text[:200]}`: {problem.replace('`headers`', '`--header`')}" if "@" not in text else problem)
    return text


def _header(text: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError("`NAME: VALUE` is wanted, in plain ASCII")  # not shown: it may be a secret
    absent = [name for name in _ENV.findall(found[2]) if name not in os.environ]
    if absent:
        raise argparse.ArgumentTypeError(f"the environment has no `{absent[0]}`")
    return found[1], _ENV.sub(lambda match: os.environ[match[1]], found[2]).strip()


def take_from_tempo(options: argparse.Namespace, held: Recordings) -> None:
    """Read what a Tempo has of the call into `held`; raise as `Tempo.call` does."""
    tempo = Tempo(options.tempo, dict(options.header), timeout_s=options.timeout)
    trees = list(tempo.call(options.call, options.since))
    if not trees and _TRACE_ID.fullmatch(options.call):
        named = tempo.trace(options.call)
        trees = [] if named is None else [named]
    for tree in trees:
        for each in read_otlp(tree):
            for _ in held.add(each.record):
                pass


def absent(options: argparse.Namespace, known: Sequence[str]) -> str:
    """Say that the call is not there, and what may be the reason."""
    if known:
        return f"the trace holds other calls, not `{options.call}`: {', '.join(f'`{each}`' for each in known[:5])}"
    back = f"{options.since / 3600:g} h"
    why = "not there yet (seconds after it ended), sampled away (`voice.sampling.ratio`, tail sampling), or older (`--since 7d`)"
    return f"no call `{options.call}` in `{options.tempo}`, not by its trace id and not by `voice.call.id` in the last {back}: {why}"
