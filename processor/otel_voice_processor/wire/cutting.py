"""What the caller said, taken out of an item of ours piece by piece: everything else of it stays as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError
from otel_voice_schema.record import LOG

from otel_voice_processor.model import Value
from otel_voice_processor.wire import messages as m

_SAID: Final = (b"transcript", b"text", b"utterance")  # what makes a value that cannot be read suspect


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
        except DecodeError:
            return self._hidden(key_of(piece)) or any(word in piece.lower() for word in _SAID)  # it cannot be looked into
        return self._hidden(pair.key) or any(self._hidden(path) for path in _paths(pair.key, pair.value))

    def _keep(self, attributes: Any, changes: Mapping[str, Value | None]) -> None:
        kept = [piece for piece in attributes if not (key_of(piece) in changes or self.hides(piece))]
        del attributes[:]
        attributes.extend(kept)


def key_of(piece: bytes) -> str:
    """Return the key of an attribute, empty where it cannot be read."""
    try:
        return str(m.Key.FromString(piece).key.decode("utf-8", "replace"))
    except DecodeError:
        return ""


def _paths(key: str, value: Any) -> Iterator[str]:
    """Yield the dotted keys within a value."""
    kind = value.WhichOneof("value")
    for pair in value.kvlist_value.values if kind == "kvlist_value" else ():
        yield (path := f"{key}.{pair.key}")
        yield from _paths(path, pair.value)
    for item in value.array_value.values if kind == "array_value" else ():
        yield from _paths(key, item)
