"""`otel-voice policy init`: a policy to start from, with the schema that lets an editor complete it."""

from __future__ import annotations

import argparse
import sys
from importlib import resources
from pathlib import Path

from otel_voice_schema.events import SCHEMA_VERSION

SCHEMA = "otel-voice-policy.schema.json"
HEAD = f"# yaml-language-server: $schema=./{SCHEMA}\n"
START = """# Your policy: name only what differs from the default, which `otel-voice policy show` prints.
version: "1"
extends: default

# Your own names of messages, each mapped onto a message type.
names:
  billing_summary: support_answer

message_types:
  billing_summary:
    because: callers hum along while amounts are read out, so a turn has to be a little longer here
    min_speech_ms: 250

# A workflow's own rules come before those of a message type.
workflows:
  payment:
    support_answer:
      because: a caller confirms a payment by keys
      interrupted_by: [dtmf, escalation]

# Words your callers use, beside the package's own lexicons.
lexicons:
  en:
    listening: [loud and clear]
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", nargs="?", default="policy.yaml", metavar="FILE", help="where to write it; default: %(default)s")
    parser.add_argument("--full", action="store_true", help="the whole default policy, to be changed anywhere")
    parser.add_argument("--force", action="store_true", help="overwrite what is there")


def run(options: argparse.Namespace) -> int:
    """Write both files; return 2 where one is there already or cannot be written."""
    target = Path(options.file)
    if not target.name or target.is_dir():
        print(f"`{options.file}` names no file: name one, such as policy.yaml", file=sys.stderr)
        return 2
    schema = target.with_name(SCHEMA)
    if target.exists() and not options.force:
        print(f"{target} is there already; --force overwrites it", file=sys.stderr)
        return 2
    text = resources.files("otel_voice.policy").joinpath("default.yaml").read_text(encoding="utf-8") if options.full else START
    packaged = resources.files("otel_voice_schema").joinpath("versions", SCHEMA_VERSION, "policy.json")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(HEAD + text, encoding="utf-8")
        schema.write_text(packaged.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        print(f"{error.filename or target} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    print(f"wrote {target}, and {schema} for editors; next: otel-voice policy check {target}")
    return 0
