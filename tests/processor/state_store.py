"""A store for the state that is a dict of dicts: what commits leave behind, and a state restored from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from otel_voice_processor.calls import Bounds, CallBook
from otel_voice_processor.open_call import OpenCall
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.service import root_ids
from otel_voice_processor.settling import Settled
from otel_voice_processor.state import DATABASES, Changes, State
from otel_voice_processor.telemetry import Counters, OwnPoints

from otel_voice.policy import load_default

POLICY = load_default()


@dataclass
class Store:
    """Rows by database and key, and the log by number."""

    rows: dict[str, dict[bytes, bytes]] = field(default_factory=lambda: {name: {} for name in DATABASES})
    log: dict[int, bytes] = field(default_factory=dict)

    def commit(self, number: int, changes: Changes) -> None:
        for database, key, value in changes.puts:
            assert len(key) <= 500
            self.rows[database][key] = value
        for database, key in changes.deletes:
            self.rows[database].pop(key, None)
        if changes.log:
            self.log[number] = changes.log
        self.log = {at: data for at, data in self.log.items() if at >= changes.keep_log_from}

    def read(self, database: str) -> Iterable[tuple[bytes, bytes]]:
        return list(self.rows[database].items())

    def copy(self) -> Store:
        return Store({name: dict(rows) for name, rows in self.rows.items()}, dict(self.log))

    def restored(self, now_ns: int, bounds: Bounds | None = None) -> State:
        state = state_of(now_ns, bounds)
        state.restore(self.read, sorted(self.log.items()), now_ns)
        return state


def state_of(now_ns: int, bounds: Bounds | None = None, *, saved: bool = True) -> State:
    """A new state under the default policy."""
    counters = Counters()
    book = CallBook(Pipeline(POLICY, counters).rule, POLICY.version, root_ids, bounds)
    return State(book=book, scorecard=Scorecard(now_ns), counters=counters, own=OwnPoints(counters, now_ns), saved=saved)


def count(state: State, settled: Settled, now_ns: int) -> list[object]:
    """Count what settled as the service does; return what was told of it."""
    for episode in settled.episodes:
        state.scorecard.count_episode(episode, settled.record, now_ns)
    for episode in settled.aftermaths:
        state.scorecard.count_aftermath(episode, settled.record, now_ns)
    if settled.whole:
        state.scorecard.count_call(settled.record, now_ns)
        state.counters.add("otel_voice_processor_settled_calls", ended=settled.record.ended_by)
    return [settled.episodes, settled.aftermaths, settled.record if settled.whole else None]


def contents(state: State) -> dict[str, Any]:
    """All of a state that must survive, as values that compare; what tables number is written out."""
    book, card = state.book, state.scorecard
    tables = dict(book._tables._shapes), dict(book._tables._shared)
    return {
        "calls": {call_id: _call(call) for call_id, call in book._open.items()},
        "closed": {key: found[0] for key, found in book._closed._calls.items()},
        "tables": ({number: shape.inline for number, shape in tables[0].items()}, tables[1]),
        "series": {key: series.row() for key, series in card._series._series.items()},
        "sizes": {name: size for name, size in card._series._sizes.items() if size},
        "times": (card._series.start_ns, card._series._exported_ns),
        "capped": {key: capped.row() for key, capped in card._capped.items()},
        "rolling": {name: (list(window.kept), window.sums) for name, window in card._rolling._windows.items()},
        "first seen": dict(card._first_seen._since),
        "counters": state.counters.snapshot(),
        "told": (state.own._started_ns, state.own._told_ns, state.own._told),
    }


def _call(call: OpenCall) -> tuple[object, ...]:
    held = call.thawed(lambda: None)
    return call.events, call.last_event_ns, call.after_ns, call.ended, call.dirty, held
