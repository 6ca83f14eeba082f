"""The processor's numbers about itself: plain integers by name and labels, cheap enough for every request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from otel_voice_schema.metrics import Metric

from otel_voice_processor.rows import Damaged, Rows, each_row, key_of, packed_row, unpacked_row
from otel_voice_processor.series import Point

Labels = tuple[tuple[str, str], ...]
Gauge = tuple[str, Labels, float]  # name, labels, value now


class Counters:
    """Counts that only grow; one event loop writes them, so there is no lock."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, Labels], int] = {}
        self._saved: dict[tuple[str, Labels], int] = {}

    def add(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Count `amount` more."""
        key = (name, tuple(sorted(labels.items()) if len(labels) > 1 else labels.items()))
        self._counts[key] = self._counts.get(key, 0) + amount

    def get(self, name: str, /, **labels: str) -> int:
        """Return one count, 0 where nothing was counted."""
        return self._counts.get((name, tuple(sorted(labels.items()))), 0)

    def total(self, name: str) -> int:
        """Return a count over all its labels."""
        return sum(count for (known, _), count in self._counts.items() if known == name)

    def snapshot(self) -> Mapping[tuple[str, Labels], int]:
        """Return a copy of every count."""
        return dict(self._counts)

    def save(self, rows: Rows) -> None:
        """Put what changed since it was asked for last; compared only here, since counting is for every event."""
        for key, count in self._counts.items():
            if self._saved.get(key) != count:
                self._saved[key] = count
                rows.put("counters", key_of(packed_row(*key)), packed_row(*key, count))

    def save_all(self) -> None:
        """Take nothing as written."""
        self._saved.clear()

    def restore(self, rows: Iterable[tuple[bytes, bytes]], damaged: Damaged) -> None:
        """Go on from the rows of an earlier process; what was counted before that comes on top."""
        for key, found in each_row(rows, "counters", damaged):
            try:
                name, labels, count = found
                self._saved[name, labels] = count
                self._counts[name, labels] = self._counts.get((name, labels), 0) + count
            except (TypeError, ValueError):
                damaged("counters", key)


class OwnPoints:
    """The counters as metric points, a new one with a zero first as the scorecard's; timestamps only grow."""

    def __init__(self, counters: Counters, started_ns: int) -> None:
        self._counters = counters
        self._started_ns = self._told_ns = started_ns
        self._told: set[tuple[str, Labels]] = set()
        self._fresh: set[tuple[str, Labels]] = set()  # first told in the last push
        self._unsaved = True
        self.gauges: Callable[[], Iterable[Gauge]] = tuple  # asked at each export

    @property
    def exported_ns(self) -> int:
        """Return the time of the last export, or when counting began."""
        return self._told_ns

    def rewind(self, exported_ns: int) -> None:
        """Say that the last export anybody has was then, though later ones were told."""
        self._told_ns = exported_ns
        self._unsaved = True

    def points(self, now_ns: int) -> Iterator[Point]:
        """Yield what to export at `now_ns`."""
        self._fresh = set()
        if now_ns <= self._told_ns:
            return
        for name, labels, value in self.gauges():
            yield self._point((name, labels), 0, now_ns, gauge=value)
        before_ns, self._told_ns = self._told_ns, now_ns
        self._unsaved = True
        for key, value in self._counters.snapshot().items():
            if key not in self._told:
                self._told.add(key)
                self._fresh.add(key)
                yield self._point(key, 0, before_ns)
            yield self._point(key, value, now_ns)

    def not_taken(self) -> None:
        """Say that the last export did not arrive: its new counters begin with a zero again."""
        self._told -= self._fresh
        self._unsaved = True

    def save(self, rows: Rows) -> None:
        """Put what was told, where that changed since it was asked for last."""
        if self._unsaved:
            rows.put("meta", b"told", packed_row(self._started_ns, self._told_ns, sorted(self._told)))
            self._unsaved = False

    def save_all(self) -> None:
        """Take nothing as written."""
        self._unsaved = True

    def restore(self, row: bytes | None, damaged: Damaged) -> None:
        """Take what an earlier process told; its counters began when it did."""
        if row is None:
            return
        try:
            started_ns, told_ns, told = unpacked_row(row)
            self._started_ns, self._told_ns, self._told = int(started_ns), int(told_ns), set(told)
        except (TypeError, ValueError):
            damaged("meta", b"told")

    def _point(self, key: tuple[str, Labels], value: int, time_ns: int, *, gauge: float | None = None) -> Point:
        instrument, unit = ("counter", "1") if gauge is None else ("gauge", "{item}")  # `1` of a gauge becomes `_ratio` in Prometheus
        return Point(
            metric=Metric(name=key[0], instrument=instrument, unit=unit, brief="", labels=(), buckets=()),
            labels=key[1],
            start_ns=self._started_ns,
            time_ns=time_ns,
            value=value,
            counts=(),
            total=gauge or 0.0,
            exemplar=None,
        )
