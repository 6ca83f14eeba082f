from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otel_voice_processor.forward import Entry
from otel_voice_processor.forward.batches import batches, halves, is_whole, joined

SPAN = ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": [{"name": "n"}]}]}]).SerializeToString()


def entries(*bodies: bytes, signal: str = "traces") -> list[Entry]:
    return [Entry(number, signal, 0, body) for number, body in enumerate(bodies, 1)]


def test_neighbours_of_one_signal_join_up_to_the_bound() -> None:
    """One that is larger by itself goes alone."""
    bodies = [b"\x0a\x02ab", b"\x0a\x02cd", b"\x0a\x20" + b"x" * 32, b"\x0a\x02ef"]

    assert [bodies[:2], bodies[2:3], bodies[3:]] == [[entry.body for entry in group] for group in batches(entries(*bodies), 10)]


def test_signals_go_each_by_itself_in_their_order() -> None:
    """Traces and logs that take turns do not keep each other from joining."""
    mixed = [Entry(number, "logs" if number % 2 else "traces", 0, SPAN) for number in range(1, 7)]

    assert [[1, 3, 5], [2, 4, 6]] == [[entry.number for entry in group] for group in batches(mixed, 1_000)]


def test_bytes_that_end_in_the_middle_of_a_field_go_alone() -> None:
    """Before another request they would take its beginning for their end, and it would be lost without a word."""
    torn = SPAN[:-2]

    assert [[torn], [SPAN, SPAN]] == [[entry.body for entry in group] for group in batches(entries(torn, SPAN, SPAN), 1_000)]
    assert [False, False, True, True] == [is_whole(torn), is_whole(b"\x0a"), is_whole(b""), is_whole(SPAN)]


def test_a_group_is_halved_in_order() -> None:
    """The older half first."""
    one, two = halves(entries(b"a", b"b", b"c"))

    assert ([b"a"], [b"b", b"c"]) == ([entry.body for entry in one], [entry.body for entry in two])


_fields = st.lists(st.binary(max_size=40).map(lambda data: b"\x0a" + bytes([len(data)]) + data), max_size=3).map(b"".join)


@given(st.lists(st.tuples(st.sampled_from(["traces", "logs"]), _fields | st.binary(max_size=20)), max_size=30), st.integers(1, 100))
def test_whatever_waits_each_entry_is_in_one_group(waiting: list[tuple[str, bytes]], most: int) -> None:
    """Of its signal, in order, within the bound; and what joins are whole fields."""
    given_entries = [Entry(number, signal, 0, body) for number, (signal, body) in enumerate(waiting)]
    groups = batches(given_entries, most)

    assert given_entries == sorted((entry for group in groups for entry in group), key=lambda entry: entry.number)
    for group in groups:
        assert 1 == len({entry.signal for entry in group})
        assert [entry.number for entry in group] == sorted(entry.number for entry in group)
        assert len(group) == 1 or (len(joined(group)) <= most and all(is_whole(entry.body) for entry in group))
