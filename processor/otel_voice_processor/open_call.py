"""A call while it is open, and its rows: its events; what has settled of it; and the folded past, which is only added to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from otel_voice_processor import frozen
from otel_voice_processor.model import Episode
from otel_voice_processor.packed import ENDED, IDENTITY, edge_of, identity_of, is_kept, occurred_ns
from otel_voice_processor.rows import Damaged, Rows, Unreadable, key_of, packed_row, unpacked_row
from otel_voice_processor.settling import Held

_KEY: Final = 16  # bytes of a call's key; what follows tells the part
_HELD: Final = b"h"
_PAST: Final = b"p"  # and a number: episodes of the folded past, some in each row
_FEW: Final = 16  # up to so many events duplicates are looked for one by one

Part = TypeVar("Part")
Parts = tuple[bytes, ...]  # rows of what is held: all but the past's episodes, then those


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """Some of the folded past's episodes, as a row."""

    episodes: tuple[Episode, ...]


@dataclass(slots=True)
class OpenCall:
    """One call: its events as bytes; `held` is what has settled of it, as rows until it is asked for.

    Times are of the processor's clock, but for those of events.
    """

    events: list[bytes] = field(default_factory=list)
    known: dict[bytes, int] | None = None  # where each identity stands, once there are many
    last_arrival_ns: int = 0
    joined_ns: int = 0
    look_s: int = 0  # when it is looked at next; what stands for it elsewhere on the wheel is stale
    last_event_ns: int = 0
    after_ns: int = 0  # events up to here belong to an earlier call of this id, or to the part that is folded away
    ended: bool = False
    dirty: bool = True
    held: Held | Parts | None = None
    log_from: int = 0  # the first commit whose log has events of it that its row has not; 0: none has
    logged: int = 0  # the last commit whose log has events of it, whether its row has them or not
    is_saved: bool = False  # it has a row
    parts: int = 0  # rows of what is held
    past: int = 0  # episodes of the folded past that have a row

    def append(self, data: bytes, time_ns: int, *, ends: bool) -> None:
        """Take one more event, and when it occurred, and whether it is the call's end."""
        if self.known is not None:
            self.known[data[:IDENTITY]] = len(self.events)
        self.events.append(data)
        if time_ns > self.last_event_ns:
            self.last_event_ns = time_ns
        self.ended = self.ended or ends
        self.dirty = True

    def find(self, identity: bytes) -> int | None:
        """Return where an event stands."""
        if len(self.events) <= _FEW:
            for at, held in enumerate(self.events):
                if held.startswith(identity):
                    return at
            return None
        if self.known is None or len(self.known) != len(self.events):
            self.known = {identity_of(held): at for at, held in enumerate(self.events)}
        return self.known.get(identity)

    def take_again(self, data: bytes, *, instead: bool) -> None:
        """Take an event that was taken before, where `instead`, in place of the one of the same identity."""
        at = self.find(identity_of(data)) if instead else None
        if at is None:
            self.append(data, occurred_ns(data), ends=edge_of(data) == ENDED)
        else:
            self.events[at], self.dirty = data, True

    def forget_before(self, keep_ns: int) -> None:
        """Let go of events before a moment, but for start and end."""
        self.after_ns, self.known = keep_ns - 1, None
        self.events = [data for data in self.events if is_kept(data, keep_ns)]

    def drop(self, damaged: frozenset[bytes]) -> None:
        """Let go of events that mean nothing any more."""
        self.events, self.known = [data for data in self.events if data not in damaged], None

    def thawed(self, damaged: Callable[[], None]) -> Held:
        """Return what has settled of it; `damaged` is told of each row that cannot be read."""
        if isinstance(self.held, tuple):
            self.held = _held_of(self.held, damaged)
            self.past = len(self.held.folded.episodes) if self.held.folded else 0
        return self.held or Held()

    def save(self, rows: Rows, call_id: str, number: int, *, held: bool) -> int:
        """Put its row as of a commit, and where `held`, what has settled of it; return how many bytes that may be."""
        key = key_of(call_id)
        if held:
            self._save_held(rows, key)
        row = packed_row(number, call_id, self.after_ns, self.last_event_ns, self.ended, self.dirty, self.parts, self.events)
        rows.put("calls", key, row)
        self.is_saved = True
        return len(row)

    def _save_held(self, rows: Rows, key: bytes) -> None:
        if not isinstance(self.held, Held):
            return
        folded = self.held.folded
        bare = self.held if folded is None else replace(self.held, folded=replace(folded, episodes=()))
        rows.put("calls", key + _HELD, frozen.pack(bare))
        self.parts = max(self.parts, 1)
        more = folded.episodes[self.past :] if folded else ()
        if more:
            rows.put("calls", _past_key(key, self.parts), frozen.pack(_Past(episodes=more)))
            self.parts, self.past = self.parts + 1, self.past + len(more)

    def delete(self, rows: Rows, call_id: str) -> None:
        """Delete the rows it has."""
        if self.is_saved:
            key = key_of(call_id)
            rows.delete("calls", key)
            if self.parts:
                rows.delete("calls", key + _HELD)
            for number in range(1, self.parts):
                rows.delete("calls", _past_key(key, number))


def restore(rows: Iterable[tuple[bytes, bytes]], calls: dict[str, OpenCall], damaged: Damaged) -> dict[str, int]:
    """Put the calls whose rows these are among `calls`; return as of which commit each is. Parts without their call are damaged."""
    as_of: dict[str, int] = {}
    whole: dict[bytes, OpenCall] = {}  # of which something has settled
    parts: dict[bytes, dict[bytes, bytes]] = {}
    for key, value in rows:
        if len(key) > _KEY:
            parts.setdefault(key[:_KEY], {})[key[_KEY:]] = value
            continue
        try:
            number, call_id, call = _read(value)
        except Unreadable:
            damaged("calls", key)
            continue
        calls[call_id], as_of[call_id] = call, number
        if call.parts:
            whole[key] = call
    for key, call in whole.items():
        _attach(call, key, parts.pop(key, {}), damaged)
    for key, found in parts.items():
        for part in found:
            damaged("calls", key + part)
    return as_of


def _read(data: bytes) -> tuple[int, str, OpenCall]:
    """Return what a call's row holds: as of which commit, the call's id, the call; raise `Unreadable`."""
    found = unpacked_row(data)
    try:
        number, call_id, after_ns, last_event_ns, ended, dirty, parts, events = found
        call = OpenCall(
            events=list(events),
            last_event_ns=last_event_ns,
            after_ns=after_ns,
            ended=ended,
            dirty=dirty,
            is_saved=True,
            parts=parts,
        )
    except (TypeError, ValueError) as error:
        raise Unreadable(f"no call: {error}") from None
    return number, call_id, call


def _attach(call: OpenCall, key: bytes, parts: dict[bytes, bytes], damaged: Damaged) -> None:
    """Give a call the rows of what has settled of it, by what follows its key."""
    found = []
    for expected in (key + _HELD, *(_past_key(key, number) for number in range(1, call.parts))):
        row = parts.get(expected[_KEY:], b"")
        if not row:
            damaged("calls", expected)
        found.append(row)
    call.held = tuple(found)


def _past_key(key: bytes, number: int) -> bytes:
    return key + _PAST + number.to_bytes(4, "big")


def _held_of(parts: Parts, damaged: Callable[[], None]) -> Held:
    """Return what the rows hold; an empty one was lost, and counted when it was missed."""
    held = _part(Held, parts[0], damaged) or Held()
    past = [_part(_Past, row, damaged) for row in parts[1:]]
    episodes = tuple(episode for each in past if each is not None for episode in each.episodes)
    return held if held.folded is None else replace(held, folded=replace(held.folded, episodes=episodes))


def _part(kind: type[Part], row: bytes, damaged: Callable[[], None]) -> Part | None:
    try:
        return frozen.unpack(kind, row) if row else None
    except Unreadable:
        damaged()
        return None
