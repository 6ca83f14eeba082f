"""Entries that go in one request: neighbours of one signal, their bytes one after the other, which is how OTLP requests join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError

from otel_voice_processor.model import Entry

Group = Sequence[Entry]


def batches(entries: Iterable[Entry], max_bytes: int) -> list[list[Entry]]:
    """Return the entries in groups of one signal and at most `max_bytes`, an entry that is larger alone; in order within a signal.

    One whose bytes end in the middle of a field goes alone: before another it would swallow the other's beginning.
    """
    found: list[list[Entry]] = []
    filling: dict[str, tuple[list[Entry], int]] = {}
    for entry in entries:
        if not is_whole(entry.body):
            found.append([entry])
            continue
        group, size = filling.get(entry.signal, ([], 0))
        if not group or size + len(entry.body) > max_bytes:
            group, size = [], 0
            found.append(group)
        group.append(entry)
        filling[entry.signal] = (group, size + len(entry.body))
    return found


def halves(group: Group) -> tuple[Group, Group]:
    """Return a group of two or more as two, the first one first."""
    middle = len(group) // 2
    return group[:middle], group[middle:]


def joined(group: Group) -> bytes:
    """Return the bytes of a group's one request."""
    return group[0].body if len(group) == 1 else b"".join(entry.body for entry in group)


def is_whole(body: bytes) -> bool:
    """Tell whether bytes are a row of protobuf fields, whatever is in them."""
    try:
        Empty.FromString(body)  # a message that knows no field looks at none
    except DecodeError:
        return False
    return True
