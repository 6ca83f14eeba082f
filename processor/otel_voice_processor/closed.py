"""Calls that have settled, remembered for a while so that what comes late is known as that. Pure, time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from otel_voice_processor.rows import Damaged, Rows, each_row, key_of, packed_row


class Closed:
    """Closed calls by a digest of their ids: the time of each one's last event, and when it was closed. Bounded by age and number."""

    def __init__(self, most: int, forget_after_ns: int) -> None:
        self._most = most
        self._forget_after_ns = forget_after_ns
        self._calls: dict[bytes, tuple[int, int]] = {}
        self._order: deque[tuple[int, bytes]] = deque()
        self._unsaved: dict[bytes, None] | None = None

    def track(self) -> None:
        """Note from now on what is to be saved."""
        self._unsaved = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call_id: str, last_event_ns: int, now_ns: int) -> None:
        """Remember a call that has just closed."""
        key = key_of(call_id)
        self._calls[key] = (last_event_ns, now_ns)
        self._order.append((now_ns, key))
        self._changed(key)

    def last_event_ns(self, call_id: str) -> int | None:
        """Return the time of the last event of a closed call, None where there was none of that id."""
        found = self._calls.get(key_of(call_id))
        return found[0] if found is not None else None

    def forget_old(self, now_ns: int) -> None:
        """Let go of closed calls: of the oldest past the bound, and of those closed long ago."""
        while self._order and (len(self._order) > self._most or now_ns - self._order[0][0] >= self._forget_after_ns):
            closed_ns, key = self._order.popleft()
            if self._calls.get(key, (0, 0))[1] == closed_ns:  # else the id was used again, and closed again
                del self._calls[key]
                self._changed(key)

    def begin_anew(self, now_ns: int) -> None:
        """Forget them as if all had closed now: the clock jumped, or nobody could come late while the processor was away."""
        self._order = deque((now_ns, key) for key, _ in sorted(self._calls.items(), key=lambda item: item[1][1]))
        self._calls = {key: (self._calls[key][0], now_ns) for _, key in self._order}

    def save(self, rows: Rows) -> None:
        """Put what came and went since it was asked for last."""
        for key in self._unsaved or ():
            found = self._calls.get(key)
            if found is None:
                rows.delete("closed", key)
            else:
                rows.put("closed", key, packed_row(*found))
        if self._unsaved:
            self._unsaved.clear()

    def save_all(self) -> None:
        """Take nothing as written."""
        self._unsaved = (self._unsaved or {}) | dict.fromkeys(self._calls)  # what is gone and still has a row goes, too

    def restore(self, rows: Iterable[tuple[bytes, bytes]], damaged: Damaged) -> None:
        """Take the rows of an earlier process; `begin_anew` has to follow."""
        for key, found in each_row(rows, "closed", damaged):
            if isinstance(found, tuple) and [int, int] == list(map(type, found)):
                self._calls[key] = found
            else:
                damaged("closed", key)

    def _changed(self, key: bytes) -> None:
        if self._unsaved is not None:
            self._unsaved[key] = None
