"""What of the open calls has no row yet: events go into a log, cheap, and each call's row follows a while later. Pure, time is an argument.

A row of every call at every commit would be written a hundred times. So a commit's log has what calls gained, a row says as of which commit
it is, and the log is kept from the oldest commit on that some call's row has not caught up with. What is in it are effects: it is read
without a policy and without a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otel_voice_processor.open_call import OpenCall
from otel_voice_processor.rows import Rows, Unreadable, packed_row, unpacked_row

AGE_NS: Final = 10 * 1_000_000_000  # a call's row follows so long after the log
EVENTS: Final = 50_000  # or once the log has so many: then a restart reads no more than that
ROWS: Final = 300  # rows that follow in one commit, some 2 ms
BYTES: Final = 1_000_000

Gained = list[bytes | tuple[bytes]]  # an event taken, or in a tuple, one that takes the place of the same


@dataclass(slots=True)
class _Record:
    """A commit's log record that calls are behind by: the first one that has events of them and their rows have not."""

    number: int
    written_ns: int
    calls: list[str]  # some of them may have caught up
    behind: int


class CallLog:
    """Notes what calls gain and which of them change otherwise, and puts it where it is saved."""

    def __init__(self) -> None:
        self._gained: dict[str, Gained] = {}
        self._over: list[str] = []
        self._changed: dict[str, bool] = {}
        self._over_rows = Rows()
        self._records: dict[int, _Record] = {}
        self._sizes: deque[tuple[int, int]] = deque()  # commits whose log is still needed, and how many events each has
        self._events = 0
        self._oldest = 1  # commit whose log is still needed

    def gain(self, call_id: str, what: bytes | tuple[bytes]) -> None:
        """Note an event that a call took, in a tuple where it took the place of the same."""
        found = self._gained.get(call_id)
        if found is None:
            self._gained[call_id] = [what]
        else:
            found.append(what)

    def change(self, call_id: str, *, held: bool = False) -> None:
        """Note that a call changed otherwise: its row is written with the next commit, and where `held`, what has settled of it."""
        self._changed[call_id] = held or self._changed.get(call_id, False)

    def close(self, call_id: str, call: OpenCall) -> None:
        """Note that a call is over; its rows go with the next commit."""
        self._gained.pop(call_id, None)
        self._changed.pop(call_id, None)
        call.delete(self._over_rows, call_id)
        if call.logged >= self._oldest:  # else a restart would take it up again
            self._over.append(call_id)
        self._caught_up(call)

    def save(self, rows: Rows, calls: Mapping[str, OpenCall], number: int, now_ns: int) -> tuple[bytes, int]:
        """Put the rows that are due; return the commit's log record, and the oldest commit whose record is still needed."""
        rows.update(self._over_rows)
        self._over_rows = Rows()
        for call_id, held in self._changed.items():
            self._save(rows, call_id, calls[call_id], number, held=held)
        self._changed = {}
        self._follow(rows, calls, number, now_ns)
        gained, over = self._gained, self._over
        self._gained, self._over = {}, []
        if gained:
            self._add(number, now_ns, calls, gained)
        oldest = self._oldest = next(iter(self._records), number + 1)
        while self._sizes and self._sizes[0][0] < oldest:
            self._events -= self._sizes.popleft()[1]
        return (packed_row(over, list(gained.items())) if (gained or over) and oldest <= number else b""), oldest

    def save_all(self, calls: Mapping[str, OpenCall]) -> None:
        """Take nothing as written: every call has all of its rows in the next commit."""
        for call_id, call in calls.items():
            call.delete(self._over_rows, call_id)
            call.past = call.parts = 0
            self.change(call_id, held=True)

    def replay(self, number: int, data: bytes, calls: dict[str, OpenCall], as_of: Mapping[str, int], now_ns: int) -> None:
        """Take what a commit's record has that calls' rows, `as_of` a commit each, have not; raise `Unreadable`."""
        found = unpacked_row(data)
        try:
            over, gained = found
            for call_id in over:
                call = calls.get(call_id)
                if call is not None and as_of.get(call_id, 0) < number:
                    self._caught_up(call)
                    call.delete(self._over_rows, call_id)
                    del calls[call_id]
            behind = {call_id: what for call_id, what in gained if as_of.get(call_id, 0) < number}
            for call_id, what in behind.items():
                _take(calls.setdefault(call_id, OpenCall()), what)
            for call_id in calls.keys() & dict(gained):
                calls[call_id].logged = number
        except (TypeError, ValueError, IndexError) as error:
            raise Unreadable(f"no log: {error}") from None
        if behind:
            self._add(number, now_ns, calls, behind)

    def _add(self, number: int, now_ns: int, calls: Mapping[str, OpenCall], gained: Mapping[str, Gained]) -> None:
        """Remember which calls fall behind by this commit's record."""
        fallen = [call_id for call_id in gained if not calls[call_id].log_from]
        for call_id in gained:
            calls[call_id].logged = number
        for call_id in fallen:
            calls[call_id].log_from = number
        if fallen:
            self._records[number] = _Record(number, now_ns, fallen, len(fallen))
        size = sum(map(len, gained.values()))
        self._sizes.append((number, size))
        self._events += size

    def _follow(self, rows: Rows, calls: Mapping[str, OpenCall], number: int, now_ns: int) -> None:
        """Put rows of the calls that are furthest behind, as many as a commit may have."""
        left, room = ROWS, BYTES
        for record in list(self._records.values()):
            if abs(now_ns - record.written_ns) < AGE_NS and self._events <= EVENTS:
                return
            while record.calls:
                if left <= 0 or room <= 0:
                    return
                call_id = record.calls.pop()
                call = calls.get(call_id)
                if call is not None and call.log_from == record.number:
                    room -= self._save(rows, call_id, call, number, held=False)
                    left -= 1

    def _save(self, rows: Rows, call_id: str, call: OpenCall, number: int, *, held: bool) -> int:
        self._gained.pop(call_id, None)  # the row has it
        self._caught_up(call)
        return call.save(rows, call_id, number, held=held)

    def _caught_up(self, call: OpenCall) -> None:
        record = self._records.get(call.log_from)
        call.log_from = 0
        if record is not None:
            record.behind -= 1
            if not record.behind:
                del self._records[record.number]


def _take(call: OpenCall, gained: Iterable[Any]) -> None:
    for what in gained:
        if isinstance(what, bytes):
            call.take_again(what, instead=False)
        else:
            call.take_again(what[0], instead=True)
