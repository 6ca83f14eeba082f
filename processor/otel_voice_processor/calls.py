"""The book of open calls: takes events, and says what has settled when time has passed. Pure, time is an argument."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from otel_voice_schema import events as e

from otel_voice_processor import open_call
from otel_voice_processor.call_log import CallLog
from otel_voice_processor.closed import Closed
from otel_voice_processor.episodes import Rule
from otel_voice_processor.evidence import one_of
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.open_call import OpenCall
from otel_voice_processor.packed import ARRIVAL, IDENTITY, Tables, content_of
from otel_voice_processor.rows import Damaged, Read, Rows, Unreadable
from otel_voice_processor.settling import Due, Held, Settled, settle

S = 1_000_000_000
EARLIEST_NS = 946_684_800 * S  # 2000-01-01: what is older has no clock
AHEAD_NS = 24 * 3600 * S  # what is further ahead of the processor's clock has none either
ANEW_NS = 60 * S  # a call that starts so long after one of the same id had ended is another one
BUSY_NS = 60 * S  # a call that never falls quiet is looked at this often
LOOKS = 500  # calls looked at in one go, less than a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the book may hold, and how long it waits; times in nanoseconds of the processor's clock."""

    settle_after_ns: int = 15 * S
    expire_after_ns: int = 300 * S
    forget_after_ns: int = 3600 * S
    max_calls: int = 100_000
    max_events: int = 5_000
    max_closed: int = 200_000


class CallBook:
    """Open calls by id. `rule` asks the policy, `ids` derives a call's trace id and root span id."""

    def __init__(self, rule: Rule, policy_version: str, ids: Callable[[str], tuple[bytes, bytes]], bounds: Bounds | None = None) -> None:
        self._ruled_by = rule, policy_version  # together: a call that is joined in a thread is ruled by one policy
        self._ids = ids
        self._bounds = bounds or Bounds()
        self._tables = Tables()
        self._open: dict[str, OpenCall] = {}
        self._wheel: dict[int, list[str]] = {}  # by second, the calls to look at then
        self._ticked_ns = 0
        self._closed = Closed(self._bounds.max_closed, self._bounds.forget_after_ns)
        self._log: CallLog | None = None
        self.damaged = 0  # events and parts of calls that could not be read when they were needed

    def __len__(self) -> int:
        return len(self._open)

    def rule_by(self, rule: Rule, policy_version: str) -> None:
        """Ask another policy from the next join on; calls that are open go on."""
        self._ruled_by = rule, policy_version

    def add(self, event: VoiceEvent, now_ns: int) -> str:
        """Take one event; return joined, duplicate, late (its call has settled), or by which bound or fault it was not taken.

        The others are `implausible_time`, `unreadable`, `too_many_calls` and `too_many_events`.
        """
        if not EARLIEST_NS <= event.time_ns <= now_ns + AHEAD_NS:
            return "implausible_time"
        try:
            data = self._tables.pack(event, now_ns)
        except (ValueError, OverflowError, TypeError, struct.error):  # nothing that OTLP can carry
            return "unreadable"
        call_id, time_ns, ends = event.call_id, event.time_ns, event.name == e.CALL_ENDED
        call = self._open.get(call_id)
        if call is None:
            opened = self._opened(event, now_ns)
            if isinstance(opened, str):
                return opened
            call = opened
        if time_ns <= call.after_ns:
            return "late"
        at = call.find(data[:IDENTITY]) if time_ns <= call.last_event_ns else None  # what is newer than all is told for the first time
        if at is not None:
            self._told_again(call_id, call, at, data)
            return "duplicate"
        call.last_arrival_ns = now_ns
        if len(call.events) >= self._bounds.max_events and (call.ended or not ends):
            return "too_many_events"
        call.append(data, time_ns, ends=ends)
        if self._log is not None:
            self._log.gain(call_id, data)
        if call.look_s * S > now_ns + self._bounds.settle_after_ns + S:  # it had been quiet, or the clock has been set back
            self._look_at(call_id, call, now_ns + self._bounds.settle_after_ns)
        return "joined"

    def _opened(self, event: VoiceEvent, now_ns: int) -> OpenCall | str:
        """Return a new call for the event, or why there is none."""
        self._closed.forget_old(now_ns)
        closed_ns = self._closed.last_event_ns(event.call_id)
        anew = closed_ns is not None and event.name == e.CALL_STARTED and event.time_ns > closed_ns + ANEW_NS
        if closed_ns is not None and not anew:
            return "late"
        if len(self._open) >= self._bounds.max_calls:
            return "too_many_calls"
        call = self._open[event.call_id] = OpenCall(last_arrival_ns=now_ns, joined_ns=now_ns, after_ns=closed_ns or 0)
        if anew and self._log is not None:
            self._log.change(event.call_id)
        self._look_at(event.call_id, call, now_ns + self._bounds.settle_after_ns)
        return call

    def _told_again(self, call_id: str, call: OpenCall, at: int, data: bytes) -> None:
        """Keep the same one of two tellings of an event, whichever came first."""
        held = call.events[at]
        if content_of(data) == content_of(held):
            return
        try:
            one, other = self._tables.unpack(held, ""), self._tables.unpack(data, "")
        except Unreadable:
            self.damaged += 1
        else:
            if one_of(one, other) == one:
                return
        kept = held[:ARRIVAL] + content_of(data)
        call.events[at], call.dirty = kept, True
        if self._log is not None:
            self._log.gain(call_id, (kept,))

    def _look_at(self, call_id: str, call: OpenCall, at_ns: int) -> None:
        call.look_s = -(-at_ns // S)
        self._wheel.setdefault(call.look_s, []).append(call_id)

    def begin_anew(self, now_ns: int) -> None:
        """Begin every wait anew: the processor's clock jumped, or it was away, and neither is quiet of a call."""
        self._wheel.clear()
        self._ticked_ns = now_ns
        for call_id, call in self._open.items():
            call.last_arrival_ns = call.joined_ns = now_ns
            self._look_at(call_id, call, now_ns + self._bounds.settle_after_ns)
        self._closed.begin_anew(now_ns)

    def due(self, now_ns: int) -> Iterator[Due | None]:
        """Yield the calls to join now, what `join` makes of each is for `take`; and None now and then, for others to get a turn."""
        self._closed.forget_old(now_ns)
        if now_ns < self._ticked_ns - S:  # what was due by the old clock would wait for it
            self.begin_anew(now_ns)
        self._ticked_ns = now_ns
        for second in sorted(at for at in self._wheel if at * S <= now_ns):
            left = self._wheel.pop(second)[::-1]
            try:
                while left:
                    due = self._due(left.pop(), second, now_ns)
                    if due is not None or len(left) % LOOKS == 0:
                        yield due
            finally:
                if left:  # whoever asked has stopped asking: they are looked at the next time
                    self._wheel.setdefault(second, []).extend(left[::-1])

    def _due(self, call_id: str, second: int, now_ns: int) -> Due | None:
        call = self._open.get(call_id)
        if call is None or call.look_s != second:
            return None
        bounds, quiet = self._bounds, now_ns - call.last_arrival_ns
        whole = quiet >= bounds.expire_after_ns or (call.ended and quiet >= bounds.settle_after_ns)
        settles, busy = quiet >= bounds.settle_after_ns, now_ns - call.joined_ns >= BUSY_NS
        if whole or (call.dirty and (settles or busy)):
            return self._snapshot(call_id, call, now_ns, whole=whole)
        again = bounds.expire_after_ns if settles else bounds.settle_after_ns
        self._look_at(call_id, call, max(now_ns + S, min(call.last_arrival_ns + again, call.joined_ns + BUSY_NS if call.dirty else 2**63)))
        return None

    def _snapshot(self, call_id: str, call: OpenCall, now_ns: int, *, whole: bool) -> Due:
        return Due(
            call_id=call_id,
            events=tuple(call.events),
            held=call.thawed(self._damage),
            root=self._ids(call_id),
            last_arrival_ns=call.last_arrival_ns,
            calm_ns=now_ns - self._bounds.settle_after_ns,
            whole=whole,
        )

    def join(self, due: Due) -> tuple[Settled, Held]:
        """Join a due call; it changes nothing, so that a long one may be joined in a thread."""
        return settle(due, *self._ruled_by, self._tables)

    def take(self, due: Due, joined: tuple[Settled, Held], now_ns: int) -> Settled | None:
        """Take what joining a due call gave and return it; None where the call has gone on meanwhile, and is not over after all."""
        settled, held = joined
        call = self._open[due.call_id]
        more = call.last_arrival_ns != due.last_arrival_ns or len(call.events) != len(due.events)
        if settled.whole and more:
            self._look_at(due.call_id, call, max(now_ns + S, call.last_arrival_ns + self._bounds.settle_after_ns))
            return None
        self.damaged += len(settled.damaged)
        if settled.whole:
            self._close(due.call_id, call, now_ns)
            return settled
        call.dirty, call.joined_ns = more or call.last_arrival_ns > due.calm_ns, now_ns
        if settled.damaged:
            call.drop(settled.damaged)
        changed = bool(settled.episodes) or held.since_ns != due.held.since_ns
        if changed:
            call.held = held
        if held.keep_ns > call.after_ns + 1:
            call.forget_before(held.keep_ns)
        if self._log is not None:
            self._log.change(due.call_id, held=changed)
        self._look_at(due.call_id, call, max(now_ns + S, call.last_arrival_ns + self._bounds.settle_after_ns))
        return settled

    def give_up(self, due: Due) -> None:
        """Let go of a call that cannot be joined, as if it had settled."""
        call = self._open.get(due.call_id)
        if call is not None:
            self._close(due.call_id, call, due.last_arrival_ns)

    def tick(self, now_ns: int) -> Iterator[Settled]:
        """Yield what has settled by `now_ns`."""
        for due in self.due(now_ns):
            settled = self.take(due, self.join(due), now_ns) if due is not None else None
            if settled is not None:
                yield settled

    def everything(self, now_ns: int) -> Iterator[Due]:
        """Yield every open call to be settled, as if all time had passed."""
        for call_id, call in list(self._open.items()):
            yield self._snapshot(call_id, call, now_ns, whole=True)

    def settle_all(self, now_ns: int = 0) -> Iterator[Settled]:
        """Yield everything, as if all time had passed."""
        for due in self.everything(now_ns):
            settled = self.take(due, self.join(due), now_ns)
            if settled is not None:
                yield settled

    def _close(self, call_id: str, call: OpenCall, now_ns: int) -> None:
        del self._open[call_id]
        self._closed.add(call_id, max(call.last_event_ns, call.after_ns), now_ns)
        if self._log is not None:
            self._log.close(call_id, call)

    def _damage(self) -> None:
        self.damaged += 1

    def track(self) -> None:
        """Note from now on what `save` has to write."""
        self._log = CallLog()
        self._closed.track()

    def save(self, rows: Rows, number: int, now_ns: int) -> tuple[bytes, int]:
        """Put what commit `number` has to write; return its log record, and the oldest commit whose record is still needed."""
        if self._log is None:
            raise RuntimeError("nothing was tracked")
        self._tables.save(rows)
        self._closed.save(rows)
        return self._log.save(rows, self._open, number, now_ns)

    def save_all(self) -> None:
        """Take nothing as written."""
        self._tables.save_all()
        self._closed.save_all()
        for call in self._open.values():
            call.held = call.thawed(self._damage)
        if self._log is not None:
            self._log.save_all(self._open)

    def restore(self, read: Read, log: Iterable[tuple[int, bytes]], now_ns: int, damaged: Damaged) -> None:
        """Take what was saved, the log in order of its numbers; every wait begins anew. `damaged` is told where a row means nothing."""
        if self._log is None:
            raise RuntimeError("nothing is tracked")
        self._tables.restore(read("tables"), damaged)
        self._closed.restore(read("closed"), damaged)
        as_of = open_call.restore(read("calls"), self._open, damaged)
        for number, data in log:
            try:
                self._log.replay(number, data, self._open, as_of, now_ns)
            except Unreadable:
                damaged("log", b"")
        if self._tables.is_filling():
            self._tables.keep(data for call in self._open.values() for data in call.events)
        self.begin_anew(now_ns)
