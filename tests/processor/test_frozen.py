"""Frozen records come back from bytes as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otel_voice_processor import frozen
from otel_voice_processor.model import CallRecord, Episode
from otel_voice_processor.rows import Unreadable
from otel_voice_processor.settling import Held
from otel_voice_processor.simulate import simulate
from otel_voice_processor.state import FORMAT

from tests.processor.oracle import judged

PINNED = {1: "4065a722"}


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    name: str
    size: int | None
    ids: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    first: One
    maybe: One | None
    all: tuple[One, ...]
    by_id: Mapping[bytes, One]
    plain: Mapping[str, str | tuple[int, ...]]
    pairs: tuple[tuple[int, int | None], ...]


def test_stored_fields_are_those_of_the_format() -> None:
    """A change of what is stored is seen: it needs another number, and whoever reads the old one."""
    found = hashlib.sha256(frozen.layout(Held).encode()).hexdigest()[:8]

    assert found == PINNED.get(FORMAT), (
        "the fields of what is stored have changed. A new field with a default reads old state as it is: pin the new digest. "
        "Anything else: raise `state.FORMAT`, pin the digest under the new number, record its state (`record_state.py`), "
        f"and read the old format in `state.py`. Now it is {found}, of\n{frozen.layout(Held)}"
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), text=st.booleans())
def test_calls_and_what_is_held_of_them(seed: int, text: bool) -> None:
    """Records of simulated calls, whole and as the folded past."""
    for script in simulate(seed, 3):
        record = judged(script, keep_text=text)
        held = Held(counted={episode.span_id: episode for episode in record.episodes}, folded=record, since_ns=5, keep_ns=3)

        assert record == frozen.unpack(CallRecord, frozen.pack(record))
        assert held == frozen.unpack(Held, frozen.pack(held))
        assert repr(held) == repr(frozen.unpack(Held, frozen.pack(held)))
        for episode in record.episodes:
            assert episode == frozen.unpack(Episode, frozen.pack(episode))


TWO = Two(
    first=One(name="a", size=None),
    maybe=None,
    all=(One(name="b", size=2, ids=(b"\xff",)),),
    by_id={b"k": One(name="c", size=3)},
    plain={"x": "y", "z": (1, 2)},
    pairs=((1, None), (2, 3)),
)


@pytest.mark.parametrize("two", [TWO, replace(TWO, maybe=TWO.first, all=(), by_id={}, pairs=())])
def test_every_kind_of_field(two: Two) -> None:
    """Records alone, in tuples and mappings, absent ones, and plain values, each of its own type."""
    assert two == frozen.unpack(Two, frozen.pack(two))
    assert repr(two) == repr(frozen.unpack(Two, frozen.pack(two)))


def test_fields_come_and_go() -> None:
    """One with a default may be absent, one that is no field any more is left out."""
    assert One(name="a", size=1) == frozen.unpack(One, msgpack.packb({"name": "a", "size": 1, "colour": "red"}) or b"")


@pytest.mark.parametrize("data", [b"", b"\xc1", msgpack.packb({"name": "a"}), msgpack.packb([1]), msgpack.packb(None)])
def test_what_holds_no_such_record_is_unreadable(data: bytes) -> None:
    """A field without a default that is absent, or something else altogether."""
    with pytest.raises(Unreadable):
        frozen.unpack(One, data)


def test_a_field_that_could_be_one_of_two_records_is_refused() -> None:
    """Bytes could not say which it was: told when the class is first written."""

    @dataclass(frozen=True)
    class Either:
        it: One | Two

    with pytest.raises(TypeError, match="cannot be stored"):
        frozen.pack(Either(it=TWO))
