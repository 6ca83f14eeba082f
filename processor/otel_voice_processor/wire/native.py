"""The same on plain requests of traces, by the native codec where it was built: nothing but our own spans is decoded or copied twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Final

from otel_voice_processor.wire import messages as m
from otel_voice_processor.wire.found import Found, emitter_of
from otel_voice_processor.wire.scan import MARKER, Scan

VARIABLE: Final = "OTEL_VOICE_NATIVE"  # 0 when the processor is started: not used; when the package is built: not built

FORMAT: Final = 1  # of the codec's rows and edits


def _load() -> ModuleType | None:
    if os.environ.get(VARIABLE) == "0":
        return None
    try:
        from otel_voice_processor.wire import _native
    except ImportError:  # no compiler was there, or another interpreter's
        return None
    return _native if _native.FORMAT == FORMAT else None  # else one that was built from another version's source


NATIVE: Final = _load()
Row = tuple[str, bytes, bytes, bytes, int, int, dict[str, object], bytes, bool, int, int, int, int, int]


class NativeScan(Scan):
    """A request in which the native codec found these."""

    def __init__(self, body: bytes, rows: Sequence[Row], hidden: Callable[[str], bool] | None) -> None:
        super().__init__(body, hidden)
        self._places = [row[9:] for row in rows]  # lengths of group, scope and span, and the span itself
        self._written: dict[int, bytes] = {}  # items by their place among those found
        resource, emitter = None, ""
        for index, row in enumerate(rows):
            name, trace_id, span_id, parent_span_id, start_ns, end_ns, attributes, around, beside = row[:9]
            if around is not resource:
                resource, emitter = around, emitter_of(around)
            self.found.append(
                Found(
                    name=name,
                    trace_id=trace_id,
                    span_id=span_id,
                    parent_span_id=parent_span_id,
                    start_ns=start_ns,
                    end_ns=end_ns,
                    attributes=attributes,  # type: ignore[arg-type]  # scalars and tuples of them
                    emitter=emitter,
                    index=index,
                    content=beside and self._beside(index),
                )
            )

    def _beside(self, index: int) -> bool:
        pieces = m.PIECES["span"].FromString(self._read(index))
        return any(self._cutter.hides_inside(name, getattr(pieces, name)) for name in m.INSIDE)

    def _read(self, index: int) -> bytes:
        begin, end = self._places[index][3:]
        return self._written[index] if index in self._written else self._original[begin:end]

    def _write(self, index: int, item: bytes) -> None:
        self._written[index] = item

    def body(self) -> bytes:
        """Return the request; where nothing was changed, the very bytes that came."""
        if not self._written or NATIVE is None:
            return self._original
        edits = [(*self._places[index][:3], item) for index, item in sorted(self._written.items())]
        return bytes(NATIVE.splice(self._original, edits))


def native_scan(body: bytes, hidden: Callable[[str], bool] | None) -> NativeScan | None:
    """Return a request opened, None where the codec is not there or finds anything unusual in it."""
    rows = NATIVE.find(body, MARKER) if NATIVE is not None else None
    return NativeScan(body, rows, hidden) if rows is not None else None
