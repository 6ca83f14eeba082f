"""What is true of the calls that were fed, in DuckDB: `expected/*.sql` tells by it what each query of the boards must return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.peers.fed import LAST_S, MINUTE, PROCESSES, QUIET, Fed, Feed, Process, Told

FOLDER: Final = Path(__file__).parent / "expected"
CHOICES: Final = ("workflow", "message_type", "policy_version", "runtime", "agent", "call_id", "instance")
Labels = frozenset[tuple[str, str]]
Chosen = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value that must be there, between two bounds; `missing` where it may as well be missing, `per_second` where it is a rate."""

    low: float
    high: float
    missing: bool = False
    per_second: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time after `begin_s` and up to `end_s` of which Prometheus has samples, and by which part it may show too much of it.

    It goes on with a series that ended before the range does for half a push, and back from the first sample to where a range begins
    between two of them. At the newest sample, over a range that holds all of a process, it adds nothing.
    """

    begin_s: int
    end_s: int
    slack: float = 0.0


def span(fed: Fed, begin_s: int, end_s: int) -> Span:
    """Return what Prometheus can tell of a range, as far as it depends on when processes started, pushed and ended."""
    slack, first_s = 0.0, begin_s
    for process in PROCESSES:
        start, end = (fed.end_s + minute * MINUTE for minute in (process.start, process.end))
        if start >= end_s or end <= begin_s:
            continue
        more = 0.5 / (QUIET + 1) if end < end_s else 0.0
        if start <= begin_s:  # what was pushed in between is the difference of the first two samples, of which it has the second alone
            first_s = begin_s // MINUTE * MINUTE + MINUTE
            known_s = min(end, end_s) - first_s
            more = (1 + more) * (1 + (first_s - begin_s) / known_s if known_s else 1) - 1
        slack = max(slack, more)
    return Span(begin_s=first_s, end_s=end_s, slack=slack)


class Truth:
    """The tables, and the statements by the name of the query that they are about."""

    def __init__(self, fed: Feed) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET VARIABLE spans = ?", [fed.spans])
        self._db.execute(files("otel_voice_processor").joinpath("data/rates.sql").read_text(encoding="utf-8"))
        instances = fed.instances if isinstance(fed, Fed) else {}
        _table(self._db, "processes", [_process(each, fed.end_s, instances.get(each.name, "")) for each in PROCESSES])
        if isinstance(fed, Fed):
            _table(self._db, "fed_requests", [asdict(each) | {"pushed": fed.end_s + each.minute * MINUTE} for each in fed.requests])
        _table(self._db, "fed_calls", [_call(number, each, fed.end_s) for number, each in enumerate(fed.told)])
        _table(self._db, "fed_interruptions", [row for number, each in enumerate(fed.told) for row in _interruptions(number, each)])
        _table(self._db, "fed_events", [row for each in fed.told for row in _events(each, fed.end_s)])
        self._db.execute((FOLDER / "truth.sql").read_text(encoding="utf-8"))

    def told(self, statement: str, chosen: Chosen, when: Span) -> dict[Labels, Value]:
        """Return what a statement tells of what is chosen in a time, by labels."""
        for name in CHOICES:
            self._db.execute(f"SET VARIABLE {name} = ?::VARCHAR[]", [list(chosen[name]) if name in chosen else None])
        for name, value in (("since", when.begin_s), ("until", when.end_s), ("slack", when.slack)):
            self._db.execute(f"SET VARIABLE {name} = ?", [value])
        result = self._db.execute(statement)
        columns = [column[0] for column in result.description or ()]
        return dict(_valued(columns, row, when.slack) for row in result.fetchall() if row[-1] is not None)

    def columns(self, statement: str) -> list[str]:
        """Return the names of what a statement tells."""
        return [column[0] for column in self._db.execute(statement).description or ()]

    def run(self, sql: str) -> None:
        """Run statements that several expectations are made with."""
        self._db.execute(sql)

    def counted(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of any statement."""
        return self._db.execute(sql).fetchall()


_NAMED: Final = re.compile(r"^-- # ", re.MULTILINE)


def preamble(name: str) -> str:
    """Return what stands in a file before its first expectation."""
    return _NAMED.split((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))[0]


def statements(name: str) -> dict[str, str]:
    """Return the statements of a file by the names above each of them: `-- # panel / legend`."""
    found: dict[str, str] = {}
    names: list[str] = []
    for part in _NAMED.split((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))[1:]:
        title, _, statement = part.partition("\n")
        names.append(title)
        if statement.strip():
            twice = found.keys() & set(names)
            assert not twice, f"{name}.sql tells {twice} twice"
            found |= dict.fromkeys(names, statement)
            names = []
    assert not names, f"{name}.sql ends without a statement for {names}"
    return found


def _valued(columns: Sequence[str], row: tuple[Any, ...], slack: float) -> tuple[Labels, Value]:
    kind = columns[-1]
    labels = columns[:-2] if kind == "high" else columns[:-1]
    key = frozenset((name, labelled(value)) for name, value in zip(labels, row, strict=False))
    if kind == "high":
        return key, Value(low=float(row[-2]), high=float(row[-1]))
    value = float(row[-1])
    if kind == "change":
        return key, Value(low=value - 2 * slack, high=value + 2 * slack)
    assert kind in {"amount", "per_second", "share", "exact"}, f"the last column is `{kind}`"
    missing = not value and kind in {"amount", "per_second"}
    return key, Value(low=value / (1 + slack), high=value * (1 + slack), missing=missing, per_second=kind == "per_second")


def labelled(value: Any) -> str:
    """Return a label's value; numbers, such as edges of buckets, in one form."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return str(value)


def _table(db: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    db.execute(f"CREATE TABLE {name} AS SELECT unnest(?, recursive := true)", [rows])


def _process(each: Process, end_s: int, instance: str) -> dict[str, Any]:
    return {"process": each.name, "ended": end_s + each.end * MINUTE, "instance": instance}


def _call(number: int, told: Told, end_s: int) -> dict[str, Any]:
    script, truth = told.script, told.script.truth
    types = {each.response_id: each.message_type for each in script.played}
    return {
        "call_id": script.call_id,
        "number": number,
        "process": told.process.name,
        "began": end_s + told.minute * MINUTE - LAST_S - script.end_ms / 1000,
        "pushed": end_s + told.minute * MINUTE,
        "workflow": script.workflow,
        "version": told.version,
        "runtime": told.runtime,
        "outcome": truth.task_outcome,
        "escalated": truth.escalated,
        "ended_by": truth.ended_by,
        "asked": truth.asked_for_person,
        "interrupted": truth.interrupted,
        "ended": script.end_told and not told.withheld.call_end,
        "deaf": told.withheld.transcripts,
        "mute": told.withheld.agent_stops,
        "unseen": told.withheld.caller_while_agent_speaks,
        "timeouts": [str(each.next_action) for each in script.waited],
        "turn_overlaps": [types[each] for each in truth.turn_overlaps],
        "premature": [types[each] for each in truth.premature_endpointings],
    }


def _interruptions(number: int, told: Told) -> Iterable[dict[str, Any]]:
    for each in told.script.truth.interruptions:
        yield {
            "call_id": told.script.call_id,
            "number": number,
            "message_type": each.message_type,
            "input_type": each.input_type,
            "meant": each.meant,
            "net_audio": each.net_audio,
            "verdict": each.verdict,
            "silence_ms": each.silence_ms,
            "answered": each.answered,
            "resume": each.resume,
            "chosen": bool(told.script.chose),
            "repeated": each.repeated,
        }


def _events(told: Told, end_s: int) -> Iterable[dict[str, Any]]:
    return ({"call_id": told.script.call_id, "name": event.name} for event in told.events(end_s))
