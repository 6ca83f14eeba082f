"""Everything that must survive: open calls, closed ones, scorecard and counters, as changes to write with each commit, and back. Pure.

What is written are effects: rows and log up to commit N hold the state as it was in memory then. Going on from them needs neither the
policy nor the clock nor the very code that wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from otel_voice_processor.calls import CallBook
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.rows import Read, Rows, Unreadable, packed_row, unpacked_row
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.telemetry import Counters, OwnPoints

FORMAT: Final = 1  # of rows and log; raised with each change after which an older one has to be read otherwise
DATABASES: Final = ("calls", "closed", "series", "rolling", "counters", "tables", "meta")
_FORMAT_KEY: Final = b"format"
_NUMBER_KEY: Final = b"commit"


class OtherFormat(Exception):
    """What was saved is of a format that this version does not read: `found`, where it is a number."""

    def __init__(self, found: object) -> None:
        super().__init__(f"the state is of format {found}, this version reads {FORMAT}")
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one commit has to write, rows and the log record under its own number. No key is both put and deleted."""

    log: bytes  # b"" for none
    puts: list[tuple[str, bytes, bytes]]  # database, key, value
    deletes: list[tuple[str, bytes]]
    keep_log_from: int  # the oldest commit whose log record is still needed


class State:
    """The parts, and what of them is not on disk yet. Where it is not `saved` nothing is noted, and there are no changes."""

    def __init__(self, *, book: CallBook, scorecard: Scorecard, counters: Counters, own: OwnPoints, saved: bool = True) -> None:
        self.book, self.scorecard, self.counters, self.own = book, scorecard, counters, own
        self.number = 0  # of the last commit that changes were asked for, or that was restored
        self._saved = saved
        self._has_format = False
        self._lost = Rows()
        if saved:
            book.track()
            scorecard.track()

    def join(self, event: VoiceEvent, now_ns: int) -> str:
        """Take one event into the book; return what became of it."""
        return self.book.add(event, now_ns)

    def changes(self, number: int, now_ns: int) -> Changes:
        """Return what commit `number` has to write; each number is greater than the one before.

        They are asked for between two settlings, never in the middle of one. Changes whose commit failed are written with the next ones, in
        order, each log record under its own number: they are not told again.
        """
        if not self._saved or number <= self.number:
            raise ValueError(f"commit {number} after {self.number}" if self._saved else "the state is not saved")
        self.number = number
        self._count_damage()
        rows, self._lost = self._lost, Rows()
        if not self._has_format:
            rows.put("meta", _FORMAT_KEY, packed_row(FORMAT))
            self._has_format = True
        rows.put("meta", _NUMBER_KEY, packed_row(number))
        log, oldest = self.book.save(rows, number, now_ns)
        self.scorecard.save(rows)
        self.counters.save(rows)
        self.own.save(rows)
        return Changes(log=log, puts=rows.puts(), deletes=rows.deletes(), keep_log_from=oldest)

    def save_all(self) -> None:
        """Take nothing as written: the next changes are everything. What they are written to has lost some of it."""
        self._has_format = False
        for part in (self.book, self.scorecard, self.counters, self.own):
            part.save_all()

    def restore(self, rows: Read, log: Iterable[tuple[int, bytes]], now_ns: int) -> None:
        """Take what was saved, into parts that are new; `log` comes in order of its numbers. Every wait of a call begins anew at `now_ns`.

        What is damaged is left out and counted. Raises `OtherFormat`.
        """
        meta = dict(rows("meta"))
        self._check_format(meta.get(_FORMAT_KEY))
        try:
            self.number = int(unpacked_row(meta[_NUMBER_KEY])[0]) if _NUMBER_KEY in meta else 0
        except (Unreadable, TypeError, IndexError):
            self._damaged("meta", _NUMBER_KEY)
        self.counters.restore(rows("counters"), self._damaged)
        self.own.restore(meta.get(b"told"), self._damaged)
        self.scorecard.restore(rows, self._damaged)
        self.book.restore(rows, self._numbered(log), now_ns, self._damaged)

    def _check_format(self, row: bytes | None) -> None:
        if row is None:
            return
        try:
            (found,) = unpacked_row(row)
        except (Unreadable, TypeError, ValueError):
            self._damaged("meta", _FORMAT_KEY)
            return
        if found != FORMAT:
            raise OtherFormat(found)
        self._has_format = True

    def _numbered(self, log: Iterable[tuple[int, bytes]]) -> Iterable[tuple[int, bytes]]:
        """Yield the log's records; the number goes on from the last of them whatever the row says."""
        for number, data in log:
            self.number = max(self.number, number)
            yield number, data

    def _damaged(self, database: str, key: bytes) -> None:
        """Count a row that means nothing; it goes with the next commit, where nothing else is put in its place."""
        if database != "log":
            self._lost.delete(database, key)
        self.counters.add("otel_voice_processor_damaged_rows", database=database)

    def _count_damage(self) -> None:
        if self.book.damaged:
            self.counters.add("otel_voice_processor_damaged_events", self.book.damaged)
            self.book.damaged = 0
