"""Events as bytes mean the same in another process, and what many share is held once."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor import packed
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.packed import ENDED, STARTED, Tables, arrived_s, edge_of, identity_of, is_kept, occurred_ns
from otel_voice_processor.rows import Rows, Unreadable, packed_row
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_schema import attributes as a

from tests.processor.oracle import START

S = 1_000_000_000
PACK = """
from tests.processor.oracle import START
from otel_voice_processor.packed import Tables
from otel_voice_processor.simulate import events_of, simulate
tables = Tables()
print([tables.pack(event, START).hex() for script in simulate(3, 2) for event in events_of(script, start_ns=START, keep_text=True)])
"""


def talk(calls: int = 2) -> list[VoiceEvent]:
    return [event for script in simulate(3, calls) for event in events_of(script, start_ns=START, keep_text=True)]


def never(database: str, key: bytes) -> None:
    raise AssertionError(f"{database} {key!r} is damaged")


def carried_over(tables: Tables) -> Tables:
    """Other tables, made of the rows of these."""
    rows, other = Rows(), Tables()
    tables.save(rows)
    other.restore([(key, value) for _, key, value in rows.puts()], never)
    return other


def test_an_event_comes_back_as_judgement_reads_it(timeline: Any) -> None:
    """Name, times, ids, and every attribute but those that nothing is judged by."""
    tables = Tables()
    for event in talk():
        found = tables.unpack(tables.pack(event, START), event.call_id)
        read = {key: value for key, value in event.attributes.items() if key in packed._READ}
        trace_id = event.trace_id if event.name.endswith("call_started") else b""

        assert replace(event, attributes=read, trace_id=trace_id) == found


def test_the_agent_s_name_comes_back() -> None:
    """Though its key is OpenTelemetry's and not ours: the call's record tells it, and a setting counts by it."""
    tables = Tables()
    (started,) = (event for event in talk(1) if event.name.endswith("call_started"))

    assert "front_desk" == tables.unpack(tables.pack(started, START), started.call_id).attributes[a.GEN_AI_AGENT_NAME]


def test_the_same_bytes_in_every_process() -> None:
    """Whatever seed strings are hashed by: an event that is sent again after a restart is known."""
    mine = str([data.hex() for tables in (Tables(),) for data in (tables.pack(event, START) for event in talk())])
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PACK], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert mine == done.stdout.strip()


def test_what_tells_a_duplicate(timeline: Any) -> None:
    """Id, name and time do; the moment of arrival and the other facts do not."""
    (event,) = timeline().started(event__id="x").events
    tables = Tables()
    same = [tables.pack(event, START), tables.pack(replace(event, attributes={**event.attributes, "voice.workflow": "y"}), START + 5 * S)]
    others = [
        replace(event, attributes={**event.attributes, "voice.event.id": "z"}),
        replace(event, name="voice.interruption.call_ended"),
        replace(event, time_ns=event.time_ns + 1),
    ]

    assert 1 == len(set(map(identity_of, same)))
    assert 4 == len({identity_of(same[0]), *(identity_of(tables.pack(other, START)) for other in others)})
    assert [START // S, START // S + 5] == list(map(arrived_s, same))


def test_what_is_told_without_unpacking(timeline: Any) -> None:
    """When it occurred, and whether it is the start or the end of its call, which are kept however old they are."""
    first, between, last = timeline().started().event("user.speech_started", 1.0).ends(2.0).events
    tables = Tables()
    data = [tables.pack(event, START) for event in (first, between, last)]

    assert [first.time_ns, between.time_ns, last.time_ns] == list(map(occurred_ns, data))
    assert [STARTED, 0, ENDED] == list(map(edge_of, data))
    assert [True, False, True] == [is_kept(each, last.time_ns + 1) for each in data]
    assert is_kept(data[1], between.time_ns)


def test_restored_tables_mean_the_same_and_go_on() -> None:
    """Old events are read by them, and the same event is packed to the same bytes; new numbers follow the old ones."""
    tables, events = Tables(), talk(6)
    half = len(events) // 2
    data = [tables.pack(event, START) for event in events[:half]]
    other = carried_over(tables)

    assert data == [other.pack(event, START) for event in events[:half]]
    assert [tables.unpack(each, "c") for each in data] == [other.unpack(each, "c") for each in data]
    assert [tables.pack(event, START) for event in events] == [other.pack(event, START) for event in events]


def test_only_what_is_new_is_saved() -> None:
    """Rows are put once; a table that gained nothing puts none."""
    tables, events = Tables(), talk()
    for event in events:
        tables.pack(event, START)
    first, second = Rows(), Rows()
    tables.save(first)
    for event in events:
        tables.pack(event, START)
    tables.save(second)

    assert first.puts()
    assert [] == second.puts()


def test_attributes_that_nothing_reads_make_no_row(timeline: Any) -> None:
    """An emitter that names an attribute anew each time fills no table."""
    (event,) = timeline().started().events
    tables = Tables()
    for number in range(200):
        tables.pack(replace(event, attributes={**event.attributes, f"my.{number}": 1}), START)
    rows = Rows()
    tables.save(rows)

    assert 2 == len(rows.puts())


def test_full_tables_take_no_more_and_events_are_whole_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no place is written with each event."""
    events = talk(6)
    expected = [each for tables in (Tables(),) for each in [tables.unpack(tables.pack(event, START), "c") for event in events]]
    monkeypatch.setattr(packed, "_MOST_SHAPES", 3)
    monkeypatch.setattr(packed, "_MOST_SHARED", 3)
    monkeypatch.setattr(packed, "_MOST_KNOWN", 5)
    tables = Tables()
    data = [tables.pack(event, START) for event in events]
    rows = Rows()
    tables.save(rows)

    assert expected == [tables.unpack(each, "c") for each in data]
    assert 6 == len(rows.puts())


@pytest.mark.parametrize("value", [1, True, 1.0, (1, 0), (True, False), "x" * 3_000])
def test_values_that_equal_others_or_are_large_are_not_shared(timeline: Any, value: Any) -> None:
    """1, True and 1.0 are one key of a table and three facts."""
    (event,) = timeline().event("user.transcript", 1.0, caller__input__class=value).events
    tables = Tables()
    for other in (1, True, 1.0, (1, 0), (True, False)):
        tables.pack(replace(event, attributes={**event.attributes, "voice.caller.input.class": other}), START)
    found = tables.unpack(tables.pack(event, START), "c").attributes["voice.caller.input.class"]

    assert (value, repr(value)) == (found, repr(found))


def test_values_that_nothing_can_carry_leave_no_row(timeline: Any) -> None:
    """Half a character is refused, and no table has it, which could not be saved."""
    (event,) = timeline().event("user.transcript", 1.0, workflow="\ud800").events
    tables = Tables()
    with pytest.raises(ValueError, match="surrogates"):
        tables.pack(event, START)
    rows = Rows()
    tables.save(rows)

    assert [b"s"] == [key[:1] for _, key, _ in rows.puts()]


def test_an_event_without_its_row_is_unreadable() -> None:
    """As is one that was cut short, or that is something else."""
    tables = Tables()
    data = tables.pack(talk()[0], START)
    for broken in (data, data[:-1], data[:22] + data[23:], b"", packed_row(1)):
        with pytest.raises(Unreadable):
            (Tables() if broken is data else tables).unpack(broken, "c")


def test_a_table_row_that_means_nothing_is_told() -> None:
    """It is left out, and its number is not given away again."""
    tables, damaged = Tables(), []
    rows = [(b"s" + (7).to_bytes(4, "big"), packed_row("name", None, 3)), (b"v" + (9).to_bytes(4, "big"), b"\xc1")]
    tables.restore([*rows, (b"v" + (8).to_bytes(4, "big"), packed_row("x"))], lambda database, key: damaged.append((database, key)))
    saved = Rows()
    tables.pack(talk()[0], START)
    tables.save(saved)

    assert [("tables", key) for key, _ in rows] == damaged
    assert [b"s" + (8).to_bytes(4, "big")] == [key for _, key, _ in saved.puts() if key[:1] == b"s"]


def test_what_no_event_refers_to_goes() -> None:
    """Rows that the events at hand need are kept, the others are deleted; packing goes on."""
    tables, events = Tables(), talk(6)
    for event in events:
        tables.pack(event, START)
    kept = [tables.pack(event, START) for event in events[:5]]
    before = [tables.unpack(each, "c") for each in kept]
    tables.save(Rows())
    tables.keep(kept)
    rows = Rows()
    tables.save(rows)

    assert before == [tables.unpack(each, "c") for each in kept]
    assert rows.deletes()
    assert kept == [tables.pack(event, START) for event in events[:5]]
    assert [tables.unpack(tables.pack(event, START), "c").name for event in events] == [event.name for event in events]
