"""A request opened only as far as our events: found, extended, redacted; everything else leaves as it came."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Final

from otel_voice_schema.events import PREFIX

from otel_voice_processor.model import Attributes, Value
from otel_voice_processor.wire import messages as m
from otel_voice_processor.wire.cutting import Cutter
from otel_voice_processor.wire.encode import encode_attributes
from otel_voice_processor.wire.found import Found

MARKER: Final = PREFIX.encode()


class Scan(ABC):
    """A request and the events of ours in it; `unreadable` counts items of ours, or with an event of ours, that do not parse."""

    def __init__(self, body: bytes, hidden: Callable[[str], bool] | None) -> None:
        self._original = body
        self._cutter = Cutter(hidden)
        self.found: list[Found] = []
        self.unreadable = 0

    def extend(self, found: Found, attributes: Attributes) -> None:
        """Append attributes to an item of ours; fields of a message concatenate, so nothing before them is touched.

        An event on somebody else's span is read, never changed.
        """
        tag = m.ATTRIBUTE_TAG.get(found.carrier)
        if tag is not None:
            self._write(found.index, self._read(found.index) + encode_attributes(attributes, tag))

    def redact(self, found: Found, changes: Mapping[str, Value | None]) -> None:
        """Take every hidden key out of an item of ours, from its attributes, events and links, and a log's body; write what is new."""
        tag = m.ATTRIBUTE_TAG.get(found.carrier)
        if tag is not None:
            new = {key: value for key, value in changes.items() if value is not None}
            kept = self._cutter.cut(self._read(found.index), found.carrier, changes)
            self._write(found.index, kept + encode_attributes(new, tag))

    @abstractmethod
    def body(self) -> bytes:
        """Return the request; where nothing was changed, the very bytes that came."""

    @abstractmethod
    def _read(self, index: int) -> bytes:
        """Return the item of what was found."""

    @abstractmethod
    def _write(self, index: int, item: bytes) -> None:
        """Put another in its place."""
