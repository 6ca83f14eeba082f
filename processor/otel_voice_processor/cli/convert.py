"""`otel-voice convert`: the same events as OTLP JSON, OTLP protobuf or envelopes, on spans or in logs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, BinaryIO, Final

from otel_voice_schema.envelope import to_envelope
from otel_voice_schema.problems import ERROR
from otel_voice_schema.record import LOG, SPAN, Record
from otel_voice_schema.upgrade import upgrade

from otel_voice_processor.cli.inputs import add_files, place, read
from otel_voice_processor.errors import Undecodable
from otel_voice_processor.files import ENVELOPE, OTLP, Broken, Document, events
from otel_voice_processor.otlp_json import encode_request
from otel_voice_processor.records import Read, TooDeep, otlp_tree, without_made_ids

BATCH: Final = 200
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
    if options.output and any(name != "-" and _same(name, options.output) for name in options.files):
        print(f"`{options.output}` is read from: write to another file", file=sys.stderr)
        return 2
    try:
        with open(options.output, "wb") if options.output else nullcontext(sys.stdout.buffer) as out:
            return _Converter(options, out).convert()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"`{options.output or 'standard output'}` cannot be written: {error.strerror or error}", file=sys.stderr)
        return 2


def _same(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


class _Converter:
    """One run: what waits to be written together, and what went wrong."""

    def __init__(self, options: argparse.Namespace, out: BinaryIO) -> None:
        self._options = options
        self._out = out
        self._waiting: list[Record] = []
        self._written = self._left = self._refused = self._broken = 0
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
                    self._tree(item.tree)
                    self._written += 1
                else:
                    self._events(name, item)
            except TooDeep as error:
                self._broken += 1
                self._tell(name, item.where, f"{error} [too_deep]")
            except Undecodable as error:
                self._refused += 1
                self._tell(name, item.where, str(error))
        self._flush()
        self._out.flush()
        told = [f"{self._written:,} written"]
        told += [f"{self._left:,} that are none of ours left out"] if self._left else []
        told += [f"{self._refused:,} could not be converted"] if self._refused else []
        told += [f"{self._broken:,} parts could not be read"] if self._broken else []
        print(", ".join(told), file=sys.stderr)
        return 2 if self._broken else 1 if self._refused else 0

    def _events(self, name: str, document: Document) -> None:
        found = 0
        for each in events(document):
            found += 1
            wrong = self._lost(each)
            if wrong:
                self._refused += 1
                for message in wrong:
                    self._tell(name, document.where, message)
                continue
            self._record(upgrade(each.record) if self._options.upgrade else each.record)
        if document.kind == OTLP:
            self._left += max(_items(document.tree) - found, 0)

    def _lost(self, each: Read) -> list[str]:
        """Return what of an event's form could not be carried over."""
        return [f"{problem.message} [{problem.code}]" for problem in each.form if problem.severity == ERROR]

    def _record(self, record: Record) -> None:
        self._written += 1
        if self._options.to == ENVELOPE:
            self._line(to_envelope(without_made_ids(record)))
            return
        self._waiting.append(record)
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._tree(otlp_tree(waiting, self._options.carrier or SPAN))

    def _tree(self, tree: dict[str, Any]) -> None:
        if self._options.to == "otlp-json":
            self._line(tree)
            return
        signal, body = encode_request(tree)
        if self._options.to == "otlp-proto-sized":
            body = len(body).to_bytes(4, "big") + body
        elif signal != (self._signal or signal):
            raise Undecodable("traces and logs make no one request: write otlp-proto-sized, or ours alone with `--carrier span` or `log`")
        self._signal = signal
        self._out.write(body)

    def _line(self, tree: dict[str, Any]) -> None:
        self._out.write(json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def _tell(self, name: str, where: str, message: str) -> None:
        print(f"{place(name, where)}: {message}", file=sys.stderr)


def _items(tree: dict[str, Any]) -> int:
    return sum(1 for _ in _each(tree))


def _each(tree: dict[str, Any]) -> Iterator[object]:
    for outer, middle, inner in (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")):
        for group in tree.get(outer) or ():
            for scoped in group.get(middle) or ():
                yield from scoped.get(inner) or ()
