"""`otel-voice convert`: the same events as OTLP JSON, OTLP protobuf or envelopes, on spans or in logs."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from types import TracebackType
from typing import Any, Final

from otel_voice_schema.envelope import to_envelope
from otel_voice_schema.problems import ERROR
from otel_voice_schema.record import LOG, SPAN, Record, start_of
from otel_voice_schema.upgrade import upgrade

from otel_voice.printable import printable
from otel_voice_processor.cli.inputs import add_files, place, read
from otel_voice_processor.errors import Undecodable
from otel_voice_processor.files import ENVELOPE, OTLP, Broken, Document, events
from otel_voice_processor.otlp_json import encode_requests, items
from otel_voice_processor.records import TooDeep, otlp_tree, without_made_ids

BATCH: Final = 200
MIXED: Final = "traces and logs make no one request: write otlp-proto-sized, or ours alone with `--carrier span` or `--carrier log`"
FORMATS: Final = ("otlp-json", "otlp-proto", "otlp-proto-sized", "envelope")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_files(parser)
    told = "otlp-proto is one request, ready to be posted; otlp-proto-sized has each behind its size, as the collector's file exporter"
    parser.add_argument("--to", choices=FORMATS, required=True, help=told)
    parser.add_argument("--carrier", choices=(SPAN, LOG), help="carry events so; takes only ours along (default from envelopes: span)")
    parser.add_argument("--upgrade", action="store_true", help="write the current schema version; takes only ours along")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to, instead of standard output")


def run(options: argparse.Namespace) -> int:
    """Write every event; return 0 where all was, 1 where some could not be, 2 where something could not be read."""
    if options.to.startswith("otlp-proto") and not options.output and sys.stdout.isatty():
        print("protobuf is no text for a terminal: name a file with `-o`", file=sys.stderr)
        return 2
    if options.output and any(_same(name, options.output) for name in options.files):
        print(f"`{options.output}` is read from: write to another file", file=sys.stderr)
        return 2
    try:
        with _output(options.output) as out:
            return _Converter(options, out).convert()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"`{options.output or 'standard output'}` cannot be written: {error.strerror or error}", file=sys.stderr)
        return 2


def _same(one: str, other: str) -> bool:
    """Tell whether what is read is what is written, standard input included."""
    try:
        return os.path.samestat(os.fstat(sys.stdin.fileno()) if one == "-" else os.stat(one), os.stat(other))
    except (OSError, ValueError, AttributeError):  # not there yet, or a standard input that is no file
        return False


class _Output:
    """Where to: standard output, or a file that takes its name once it is whole and something is in it."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self._file: Any = None
        self._whole: Any = None  # the temporary file that takes the name
        self.wrote = False

    def write(self, data: bytes) -> None:
        """Write as much as there is."""
        self.wrote = True
        self._file.write(data)

    def __enter__(self) -> _Output:
        if self.path is None:
            self._file = sys.stdout.buffer
        elif os.path.exists(self.path) and not os.path.isfile(self.path):
            self._file = open(self.path, "wb")  # a pipe or a device: written as it comes
        else:
            self.path = os.path.realpath(self.path)
            self._whole = tempfile.NamedTemporaryFile(dir=os.path.dirname(self.path), prefix=".otel-voice-", delete=False)
            self._file = self._whole
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._whole is None or self.path is None:
            self._file.flush()
            return
        try:
            self._whole.close()
            if kind is None and self.wrote:
                os.chmod(self._whole.name, _mode(self.path))
                os.replace(self._whole.name, self.path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._whole.name)
        if kind is None and not self.wrote:
            print(f"nothing to write: `{self.path}` is left as it was", file=sys.stderr)


def _mode(path: str) -> int:
    """Return the mode of a file that is there, or the one that a new file gets."""
    with contextlib.suppress(OSError):
        return os.stat(path).st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _output(path: str | None) -> _Output:
    return _Output(path)


class _Converter:
    """One run: what waits to be written together, and what went wrong."""

    def __init__(self, options: argparse.Namespace, out: _Output) -> None:
        self._options = options
        self._out = out
        self._waiting: list[Record] = []
        self._written = self._left = self._refused = self._broken = self._starts = 0
        self._signal: str | None = None

    def convert(self) -> int:
        whole = self._options.to != ENVELOPE and self._options.carrier is None and not self._options.upgrade
        for name, item in read(self._options.files):
            if isinstance(item, Broken):
                self._broken += 1
                self._tell(name, item.where, f"{item.message} [{item.code}]")
                continue
            try:
                if whole and item.kind == OTLP:
                    self._flush()
                    held = items(item.tree)
                    self._tree(item.tree)
                    self._written += held
                else:
                    self._events(name, item)
            except TooDeep as error:
                self._broken += 1
                self._tell(name, item.where, f"{error} [too_deep]")
            except Undecodable as error:
                self._refused += 1
                self._tell(name, item.where, str(error))
        self._flush()
        told = [f"{self._written:,} written"]
        told += [f"{self._left:,} that are none of ours left out"] if self._left else []
        told += [f"{self._starts:,} starts left out, which a log does not tell"] if self._starts else []
        told += [f"{self._refused:,} could not be converted"] if self._refused else []
        told += [f"{self._broken:,} parts could not be read"] if self._broken else []
        print(", ".join(told), file=sys.stderr)
        return 2 if self._broken else 1 if self._refused else 0

    def _events(self, name: str, document: Document) -> None:
        found = 0
        for each in events(document):
            found += 1
            record = upgrade(each.record) if self._options.upgrade else each.record
            wrong = [f"{problem.message} [{problem.code}]" for problem in each.form if problem.severity == ERROR] or self._unfit(record)
            if wrong:
                self._refused += 1
                for message in wrong:
                    self._tell(name, document.where, message)
            else:
                self._record(record)
        if document.kind == OTLP:
            self._left += max(items(document.tree) - found, 0)

    def _unfit(self, record: Record) -> list[str]:
        """Return why an event cannot be written; tried one by one, so that one does not cost the others."""
        try:
            if self._options.to == ENVELOPE:
                _line(to_envelope(without_made_ids(record)))
            else:
                tree = otlp_tree([record], self._options.carrier or SPAN)
                _line(tree)
                list(encode_requests(tree))
        except UnicodeEncodeError:
            return ["it holds a lone surrogate, which is no text"]
        except (Undecodable, OverflowError) as error:
            return [str(error)]
        return []

    def _record(self, record: Record) -> None:
        if self._options.to == ENVELOPE:
            self._out.write(_line(to_envelope(without_made_ids(record))))
            self._written += 1
            return
        if self._options.carrier == LOG and record.start_ns != start_of(record.name, record.attributes, record.time_ns):
            self._starts += 1
        self._waiting.append(record)
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._tree(otlp_tree(waiting, self._options.carrier or SPAN))
            self._written += len(waiting)

    def _tree(self, tree: dict[str, Any]) -> None:
        if self._options.to == "otlp-json":
            if not any(member in tree for member in ("resourceSpans", "resourceLogs")):
                raise Undecodable("neither traces nor logs: nothing else can be written")
            try:
                self._out.write(_line(tree))
            except UnicodeEncodeError:
                raise Undecodable("it holds a lone surrogate, which is no text") from None
            return
        bodies = [(signal, body) for signal, body in encode_requests(tree) if body]  # all of them, before any is written
        if self._options.to == "otlp-proto" and len({*(signal for signal, _ in bodies), *([self._signal] if self._signal else [])}) > 1:
            raise Undecodable(MIXED)
        for signal, body in bodies:
            self._signal = signal
            self._out.write(len(body).to_bytes(4, "big") + body if self._options.to == "otlp-proto-sized" else body)

    def _tell(self, name: str, where: str, message: str) -> None:
        print(printable(f"{place(name, where)}: {message}"), file=sys.stderr)


def _line(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
