"""The book of open calls: takes events, and says what has settled when time has passed. Pure, time is an argument."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from otel_voice_schema import events as e

from otel_voice_processor.episodes import Rule
from otel_voice_processor.evidence import one_of
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.packed import ARRIVAL, content_of, identity_of, is_kept, packed, unpacked
from otel_voice_processor.settling import Due, Held, Settled, settle

S = 1_000_000_000
EARLIEST_NS = 946_684_800 * S  # 2000-01-01: what is older has no clock
AHEAD_NS = 24 * 3600 * S  # what is further ahead of the processor's clock has none either
ANEW_NS = 60 * S  # a call that starts so long after one of the same id had ended is another one
BUSY_NS = 60 * S  # a call that never falls quiet is looked at this often
LOOKS = 500  # calls looked at in one go, less than a millisecond
FEW = 16  # up to so many events duplicates are looked for one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the book may hold, and how long it waits; times in nanoseconds of the processor's clock."""

    settle_after_ns: int = 15 * S
    expire_after_ns: int = 300 * S
    forget_after_ns: int = 3600 * S
    max_calls: int = 100_000
    max_events: int = 5_000
    max_closed: int = 200_000


@dataclass(slots=True)
class _OpenCall:
    """One call: its events as bytes; `held` is what has settled of it. Times are of the processor's clock, but for those of events."""

    events: list[bytes] = field(default_factory=list)
    known: dict[bytes, int] | None = None  # where each identity stands, once there are many
    last_arrival_ns: int = 0
    joined_ns: int = 0
    look_s: int = 0  # when it is looked at next; what stands for it elsewhere on the wheel is stale
    last_event_ns: int = 0
    after_ns: int = 0  # events up to here belong to an earlier call of this id, or to the part that is folded away
    ended: bool = False
    dirty: bool = True
    held: Held | None = None


class CallBook:
    """Open calls by id. `rule` asks the policy, `ids` derives a call's trace id and root span id."""

    def __init__(self, rule: Rule, policy_version: str, ids: Callable[[str], tuple[bytes, bytes]], bounds: Bounds | None = None) -> None:
        self._rule = rule
        self._policy_version = policy_version
        self._ids = ids
        self._bounds = bounds or Bounds()
        self._open: dict[str, _OpenCall] = {}
        self._wheel: dict[int, list[str]] = {}  # by second, the calls to look at then
        self._ticked_ns = 0
        self._closed: dict[bytes, tuple[int, int]] = {}  # by a digest of the id, the time of the call's last event, and when it was closed
        self._forget: deque[tuple[int, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, event: VoiceEvent, now_ns: int) -> str:
        """Take one event; return joined, duplicate, late (its call has settled), or by which bound or fault it was not taken.

        The others are `implausible_time`, `unreadable`, `too_many_calls` and `too_many_events`.
        """
        if not EARLIEST_NS <= event.time_ns <= now_ns + AHEAD_NS:
            return "implausible_time"
        call = self._open.get(event.call_id)
        if call is None:
            opened = self._opened(event, now_ns)
            if isinstance(opened, str):
                return opened
            call = opened
        if event.time_ns <= call.after_ns:
            return "late"
        try:
            data = packed(event, now_ns)
        except (ValueError, OverflowError, TypeError, struct.error):  # nothing that OTLP can carry
            return "unreadable"
        if self._is_known(call, data):
            return "duplicate"
        call.last_arrival_ns = now_ns
        if len(call.events) >= self._bounds.max_events and (call.ended or event.name != e.CALL_ENDED):
            return "too_many_events"
        call.events.append(data)
        call.last_event_ns = max(call.last_event_ns, event.time_ns)
        call.ended = call.ended or event.name == e.CALL_ENDED
        call.dirty = True
        if call.look_s * S > now_ns + self._bounds.settle_after_ns + S:  # it had been quiet, or the clock has been set back
            self._look_at(event.call_id, call, now_ns + self._bounds.settle_after_ns)
        return "joined"

    def _opened(self, event: VoiceEvent, now_ns: int) -> _OpenCall | str:
        """Return a new call for the event, or why there is none."""
        self._forget_old(now_ns)
        found = self._closed.get(_digest(event.call_id))
        closed = found[0] if found is not None else None
        anew = event.name == e.CALL_STARTED and closed is not None and event.time_ns > closed + ANEW_NS
        if closed is not None and not anew:
            return "late"
        if len(self._open) >= self._bounds.max_calls:
            return "too_many_calls"
        call = self._open[event.call_id] = _OpenCall(last_arrival_ns=now_ns, joined_ns=now_ns, after_ns=closed or 0)
        self._look_at(event.call_id, call, now_ns + self._bounds.settle_after_ns)
        return call

    def _is_known(self, call: _OpenCall, data: bytes) -> bool:
        """Tell whether the event is held; where it is told twice differently, the same one is kept whichever came first."""
        identity = identity_of(data)
        if len(call.events) <= FEW:
            at = next((n for n, held in enumerate(call.events) if held.startswith(identity)), None)
        else:
            if call.known is None or len(call.known) != len(call.events):
                call.known = {identity_of(held): n for n, held in enumerate(call.events)}
            at = call.known.get(identity)
            if at is None and len(call.events) < self._bounds.max_events:
                call.known[identity] = len(call.events)
        if at is None:
            return False
        held = call.events[at]
        if content_of(data) != content_of(held):
            one, other = unpacked(held, ""), unpacked(data, "")
            if one_of(one, other) != one:
                call.events[at] = held[:ARRIVAL] + content_of(data)
                call.dirty = True
        return True

    def _look_at(self, call_id: str, call: _OpenCall, at_ns: int) -> None:
        call.look_s = -(-at_ns // S)
        self._wheel.setdefault(call.look_s, []).append(call_id)

    def _set_back(self, now_ns: int) -> None:
        """Begin every wait anew: the processor's clock was set back, and what was due by the old one would wait for it."""
        self._wheel.clear()
        for call_id, call in self._open.items():
            call.last_arrival_ns, call.joined_ns = min(call.last_arrival_ns, now_ns), min(call.joined_ns, now_ns)
            self._look_at(call_id, call, now_ns + self._bounds.settle_after_ns)

    def due(self, now_ns: int) -> Iterator[Due | None]:
        """Yield the calls to join now, what `join` makes of each is for `take`; and None now and then, for others to get a turn."""
        self._forget_old(now_ns)
        if now_ns < self._ticked_ns - S:
            self._set_back(now_ns)
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

    def _snapshot(self, call_id: str, call: _OpenCall, now_ns: int, *, whole: bool) -> Due:
        return Due(
            call_id=call_id,
            events=tuple(call.events),
            held=call.held or Held(),
            root=self._ids(call_id),
            last_arrival_ns=call.last_arrival_ns,
            calm_ns=now_ns - self._bounds.settle_after_ns,
            whole=whole,
        )

    def join(self, due: Due) -> tuple[Settled, Held]:
        """Join a due call; it changes nothing, so that a long one may be joined in a thread."""
        return settle(due, self._rule, self._policy_version)

    def take(self, due: Due, joined: tuple[Settled, Held], now_ns: int) -> Settled | None:
        """Take what joining a due call gave and return it; None where the call has gone on meanwhile, and is not over after all."""
        settled, held = joined
        call = self._open[due.call_id]
        more = call.last_arrival_ns != due.last_arrival_ns or len(call.events) != len(due.events)
        if settled.whole and more:
            self._look_at(due.call_id, call, max(now_ns + S, call.last_arrival_ns + self._bounds.settle_after_ns))
            return None
        if settled.whole:
            self._close(due.call_id, call, now_ns)
            return settled
        call.dirty, call.joined_ns, call.held = more or call.last_arrival_ns > due.calm_ns, now_ns, held
        if held.keep_ns > call.after_ns + 1:
            call.after_ns, call.known = held.keep_ns - 1, None
            call.events = [data for data in call.events if is_kept(data, held.keep_ns)]
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

    def _close(self, call_id: str, call: _OpenCall, now_ns: int) -> None:
        del self._open[call_id]
        digest = _digest(call_id)
        self._closed[digest] = (max(call.last_event_ns, call.after_ns), now_ns)
        self._forget.append((now_ns, digest))

    def _forget_old(self, now_ns: int) -> None:
        """Let go of closed calls: of the oldest past the bound, and of those closed long ago."""
        while self._forget and (len(self._forget) > self._bounds.max_closed or now_ns - self._forget[0][0] >= self._bounds.forget_after_ns):
            closed_ns, digest = self._forget.popleft()
            if self._closed.get(digest, (0, 0))[1] == closed_ns:  # else the id was used again, and closed again
                del self._closed[digest]


def _digest(call_id: str) -> bytes:
    return blake2b(call_id.encode("utf-8", "replace"), digest_size=8).digest()
