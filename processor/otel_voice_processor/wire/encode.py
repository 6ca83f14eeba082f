"""Attributes, spans and requests as OTLP bytes, written field by field."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from otel_voice_schema.record import SPAN

from otel_voice_processor.model import Attributes, Value
from otel_voice_processor.wire.messages import ATTRIBUTE_TAG

MAX_WARNING_BYTES: Final = 1024
_SHORT: Final = 64


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _fixed64(number: int) -> int:
    return min(max(number, 0), 0xFFFF_FFFF_FFFF_FFFF)


def _sized(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes((tag, size)) + content if size < 0x80 else bytes((tag,)) + _varint(size) + content


def _any_value(value: Value) -> bytes:
    if isinstance(value, str):
        return _sized(0x0A, value.encode("utf-8", "replace"))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    return _sized(0x2A, b"".join(_sized(0x0A, _any_value(item)) for item in value))


@lru_cache(maxsize=1024)  # of our own
def _key(key: str) -> bytes:
    return _sized(0x0A, key.encode("utf-8", "replace"))


def _key_value(key: str, value: Value) -> bytes:
    return _key(key) + _sized(0x12, _any_value(value))


@lru_cache(maxsize=8192)
def _common(key: str, value: str, tag: int) -> bytes:
    return _sized(tag, _key_value(key, value))


class Ready(dict[str, Value]):
    """Attributes that go onto many items, written once for each tag. They are never changed."""

    __slots__ = ("written",)

    def __init__(self, attributes: Attributes) -> None:
        super().__init__(attributes)
        self.written: dict[int, bytes] = {}


def encode_attributes(attributes: Attributes, tag: int = ATTRIBUTE_TAG[SPAN]) -> bytes:
    """Return attributes as fields of a span (or of another item, by its tag), ready to be appended.

    Short texts are remembered, and of attributes that are `Ready` all of it.
    """
    if type(attributes) is Ready:
        written = attributes.written.get(tag)
        if written is None:
            written = attributes.written[tag] = encode_attributes(dict(attributes), tag)
        return written
    return b"".join(
        _common(key, value, tag) if isinstance(value, str) and len(value) < _SHORT else _sized(tag, _key_value(key, value))
        for key, value in attributes.items()
    )


def encode_span(
    *,
    name: str,
    trace_id: bytes,
    span_id: bytes,
    parent_span_id: bytes,
    start_ns: int,
    end_ns: int,
    attributes: Attributes,
    links: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return one sampled span of kind INTERNAL; an empty `parent_span_id` makes it a root, `links` are (trace id, span id)."""
    return b"".join(
        (
            _sized(0x0A, trace_id),
            _sized(0x12, span_id),
            _sized(0x22, parent_span_id) if parent_span_id else b"",
            _sized(0x2A, name.encode("utf-8", "replace")),
            b"\x30\x01\x39" + struct.pack("<Q", _fixed64(start_ns)) + b"\x41" + struct.pack("<Q", _fixed64(end_ns)),
            encode_attributes(attributes),
            *(_sized(0x6A, _sized(0x0A, trace) + _sized(0x12, span)) for trace, span in links),
            b"\x85\x01" + struct.pack("<I", 1),
        )
    )


def build_request(resource: Attributes, scope_name: str, scope_version: str, schema_url: str, spans: Iterable[bytes]) -> bytes:
    """Return an OTLP trace request of one resource and one scope around encoded spans. Requests concatenate into one."""
    owner = b"".join(_sized(0x0A, _key_value(key, value)) for key, value in resource.items())
    scope = _sized(0x0A, scope_name.encode()) + _sized(0x12, scope_version.encode())
    scoped = _sized(0x0A, scope) + b"".join(_sized(0x12, span) for span in spans) + _sized(0x1A, schema_url.encode())
    return _sized(0x0A, _sized(0x0A, owner) + _sized(0x12, scoped))


def partial_success(message: str) -> bytes:
    """Return an export response that takes everything and warns; the message is cut to 1 KiB."""
    cut = message.encode("utf-8", "replace")[:MAX_WARNING_BYTES].decode("utf-8", "ignore").encode()
    return _sized(0x0A, _sized(0x12, cut)) if cut else b""
