"""What the caller said, taken out of an item of ours piece by piece: everything else of it stays as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError
from otel_voice_schema.events import PREFIX
from otel_voice_schema.record import LOG, SPAN

from otel_voice_processor.model import Value
from otel_voice_processor.wire import messages as m

_SAID: Final = (b"transcript", b"text", b"utterance", b"alternative", b"digit")  # what makes a value that cannot be read suspect
_CONTENT: Final = {SPAN: {9, 11, 13}, LOG: {5, 6}}  # fields of an item in which content may be
_NAME: Final = {SPAN: 5, LOG: 12}


class Cutter:
    """Takes hidden keys out of items; `hidden` tells which they are, None hides nothing."""

    def __init__(self, hidden: Callable[[str], bool] | None) -> None:
        self._hidden = hidden

    def __bool__(self) -> bool:
        return self._hidden is not None

    def cut(self, raw: bytes, carrier: str, changes: Mapping[str, Value | None]) -> bytes:
        """Return an item without what is hidden in its attributes, events and links or a log's body, and without the keys of `changes`."""
        pieces = m.PIECES[carrier].FromString(raw)
        self._keep(pieces.attributes, changes)
        if carrier == LOG:
            pieces.ClearField("body")
            return bytes(pieces.SerializeToString())
        for name, kind in m.INSIDE.items():
            parts = getattr(pieces, name)
            for at, part in enumerate(parts):
                if self.hides_inside(name, [part]):
                    try:
                        inner = kind.FromString(part)
                        self._keep(inner.attributes, {})
                        parts[at] = inner.SerializeToString()
                    except DecodeError:
                        parts[at] = b""
        return bytes(pieces.SerializeToString())

    def hides_inside(self, name: str, parts: Iterable[bytes]) -> bool:
        """Tell whether `events` or `links` of a span of ours hold a hidden key."""
        if self._hidden is None:
            return False
        try:
            return any(self.hides(piece) for part in parts for piece in m.INSIDE[name].FromString(part).attributes)
        except DecodeError:
            return True  # what cannot be read is taken out

    def hides(self, piece: bytes) -> bool:
        """Tell whether an attribute holds content: by its key, or by a key within its value."""
        if self._hidden is None:
            return False
        try:
            pair = m.KeyValue.FromString(piece)
        except DecodeError:  # it cannot be looked into
            key = key_of(piece)
            return key is None or self._hidden(key) or any(word in piece.lower() for word in _SAID)
        return self._hidden(pair.key) or any(self._hidden(path) for path in _paths(pair.key, pair.value))

    def _keep(self, attributes: Any, changes: Mapping[str, Value | None]) -> None:
        kept = [piece for piece in attributes if not (key_of(piece) in changes or self.hides(piece))]
        del attributes[:]
        attributes.extend(kept)


def key_of(piece: bytes) -> str | None:
    """Return the key of an attribute, None where it cannot be read; others may read it."""
    try:
        return str(m.Key.FromString(piece).key.decode("utf-8", "replace"))
    except DecodeError:
        return None


def _paths(key: str, value: Any) -> Iterator[str]:
    """Yield the dotted keys within a value."""
    kind = value.WhichOneof("value")
    for pair in value.kvlist_value.values if kind == "kvlist_value" else ():
        yield (path := f"{key}.{pair.key}")
        yield from _paths(path, pair.value)
    for item in value.array_value.values if kind == "array_value" else ():
        yield from _paths(key, item)


def without_content(raw: bytes, carrier: str) -> bytes:
    """Return an item that protobuf's parser here refuses without any attribute, event, link or body, where its name is ours.

    Some parsers take tags and lengths of more bytes than this one does; what not even they can read is returned as it came.
    """
    kept: list[bytes] = []
    ours, at = False, 0
    try:
        while at < len(raw):
            began, (tag, at) = at, _varint(raw, at)
            if tag & 7 == 2:
                size, at = _varint(raw, at)
            else:
                size = {0: _varint(raw, at)[1] - at, 1: 8, 5: 4}[tag & 7]
            if at + size > len(raw):
                return raw
            ours = ours or (tag >> 3 == _NAME[carrier] and raw.startswith(PREFIX.encode(), at))
            at += size
            if tag >> 3 not in _CONTENT[carrier]:
                kept.append(raw[began:at])
    except (IndexError, KeyError):
        return raw
    return b"".join(kept) if ours or carrier == LOG else raw  # an old log has its name among its attributes


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends, however many bytes it takes; raise IndexError where it has no end."""
    number = shift = 0
    while raw[at] >= 0x80:
        number |= (raw[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return number | raw[at] << shift, at + 1
