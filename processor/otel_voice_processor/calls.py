"""The book of open calls: takes events, and says what has settled when time has passed. Pure, time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from otel_voice_schema import events as e

from otel_voice_processor.episodes import Rule, interrupted_of, record_of, same, settled
from otel_voice_processor.evidence import one_of
from otel_voice_processor.model import CallRecord, Episode, VoiceEvent

S = 1_000_000_000
EVENT_ALLOWANCE_NS = 10 * S  # how far a call's own time must have passed an episode's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the book may hold, and how long it waits; times in nanoseconds of the processor's clock."""

    settle_after_ns: int = 15 * S
    expire_after_ns: int = 300 * S
    max_calls: int = 100_000
    max_events: int = 5_000
    max_closed: int = 200_000


@dataclass(slots=True)
class _OpenCall:
    root: tuple[bytes, bytes]
    events: dict[tuple[str, str, int], VoiceEvent] = field(default_factory=dict)
    last_arrival_ns: int = 0
    last_event_ns: int = 0
    ended: bool = False
    dirty: bool = True
    frozen: dict[bytes, Episode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Episodes that will not change any more, with their call's record: final where `whole`, else as it stands."""

    episodes: tuple[Episode, ...]
    record: CallRecord
    whole: bool


class CallBook:
    """Open calls by id. `rule` asks the policy, `ids` derives a call's trace id and root span id."""

    def __init__(self, rule: Rule, policy_version: str, ids: Callable[[str], tuple[bytes, bytes]], bounds: Bounds | None = None) -> None:
        self._rule = rule
        self._policy_version = policy_version
        self._ids = ids
        self._bounds = bounds or Bounds()
        self._open: OrderedDict[str, _OpenCall] = OrderedDict()
        self._closed: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, event: VoiceEvent, now_ns: int) -> str:
        """Take one event; return joined, duplicate, late (its call has settled) or overflow (a bound was reached)."""
        if event.call_id in self._closed:
            return "late"
        call = self._open.get(event.call_id)
        if call is None:
            if len(self._open) >= self._bounds.max_calls:
                return "overflow"
            call = self._open[event.call_id] = _OpenCall(root=self._ids(event.call_id))
        identity = event.identity
        held = call.events.get(identity)
        if held is not None:
            chosen = call.events[identity] = one_of(held, event)
            call.dirty = call.dirty or chosen is not held
            return "duplicate"
        call.last_arrival_ns = now_ns
        if len(call.events) >= self._bounds.max_events and (call.ended or event.name != e.CALL_ENDED):
            return "overflow"
        call.events[identity] = event
        call.last_event_ns = max(call.last_event_ns, event.time_ns)
        call.ended = call.ended or event.name == e.CALL_ENDED
        call.dirty = True
        return "joined"

    def tick(self, now_ns: int) -> Iterator[Settled]:
        """Yield what has settled by `now_ns`."""
        for call_id, call in list(self._open.items()):
            quiet = now_ns - call.last_arrival_ns
            expired = quiet >= self._bounds.expire_after_ns
            if quiet < self._bounds.settle_after_ns or not (call.dirty or call.ended or expired):
                continue
            yield self._settle(call_id, call, whole=call.ended or expired)

    def settle_all(self) -> Iterator[Settled]:
        """Yield everything, as if all time had passed."""
        for call_id, call in list(self._open.items()):
            yield self._settle(call_id, call, whole=True)

    def _settle(self, call_id: str, call: _OpenCall, *, whole: bool) -> Settled:
        call.dirty = False
        record = record_of(call_id, call.events.values(), self._rule, policy_version=self._policy_version, root=call.root)
        before: dict[str, list[Episode]] = {}
        for frozen in call.frozen.values():
            before.setdefault(frozen.response.response_id, []).append(frozen)
        fresh = []
        for episode in record.episodes:
            passed = call.last_event_ns >= episode.end_ns + EVENT_ALLOWANCE_NS and episode.response.end_ns is not None
            counted = any(same(episode, frozen) for frozen in before.get(episode.response.response_id, ()))
            if (whole or passed) and not counted:
                call.frozen[episode.span_id] = episode
                fresh.append(episode)
        if not whole:
            return Settled(episodes=tuple(fresh), record=record, whole=False)
        del self._open[call_id]
        self._closed[call_id] = None
        if len(self._closed) > self._bounds.max_closed:
            self._closed.popitem(last=False)
        return Settled(episodes=tuple(fresh), record=_final(record, call.frozen.values()), whole=True)


def _final(record: CallRecord, frozen: Iterable[Episode]) -> CallRecord:
    """Return the record with its episodes as they were counted: settled once, never unsaid."""
    now: dict[str, list[Episode]] = {}
    for episode in record.episodes:
        now.setdefault(episode.response.response_id, []).append(episode)
    kept = []
    for old in frozen:
        again = [episode for episode in now.get(old.response.response_id, ()) if same(episode, old)]
        exact = next((episode for episode in again if episode.span_id == old.span_id), again[0] if again else old)
        kept.append(settled(exact, old))
    final = tuple(sorted(kept, key=lambda episode: (episode.start_ns, episode.span_id)))
    return replace(record, episodes=final, interrupted=interrupted_of(final, record.observable))
