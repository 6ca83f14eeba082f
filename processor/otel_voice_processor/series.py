"""The scorecard's series: bounded, with a zero before the first value, each a row. Pure, time is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from otel_voice_schema import metrics as m

from otel_voice_processor.rows import Damaged, Rows, Unreadable, key_of, packed_row, unpacked_row

Labels = tuple[tuple[str, str | bool], ...]
IDLE_NS = 24 * 3600 * 1_000_000_000
OVERFLOW: Labels = (("otel.metric.overflow", True),)


@dataclass(slots=True)
class Series:
    """One series: a counter's value, or a histogram's counts per bucket and sum; times in Unix nanoseconds."""

    metric: m.Metric
    labels: Labels
    start_ns: int
    value: int = 0
    counts: list[int] = field(default_factory=list)
    total: float = 0.0
    touched_ns: int = 0
    exported: bool = False
    exemplar: tuple[bytes, bytes, float] | None = None  # the newest, not saved
    unsaved: bool = False

    @property
    def key(self) -> tuple[str, Labels]:
        """Return what tells it from others."""
        return self.metric.name, self.labels

    @property
    def row_key(self) -> bytes:
        """Return the key of its row."""
        return key_of(packed_row(self.metric.name, self.labels))

    def row(self) -> bytes:
        """Return it as a row."""
        told = (self.start_ns, self.value, self.counts, self.total, self.touched_ns, self.exported)
        return packed_row(self.metric.name, self.labels, *told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One data point to export; `counts` is empty for a counter, and `total` is the value of a gauge."""

    metric: m.Metric
    labels: Labels
    start_ns: int
    time_ns: int
    value: int
    counts: tuple[int, ...]
    total: float
    exemplar: tuple[bytes, bytes, float] | None


class SeriesTable:
    """Series by metric and labels; times are Unix nanoseconds and only grow.

    A new series is exported with a 0 first, otherwise `increase()` never sees rare verdicts.
    """

    def __init__(self, start_ns: int, most: int) -> None:
        self.start_ns = start_ns
        self._exported_ns = start_ns
        self._most = most
        self._series: dict[tuple[str, Labels], Series] = {}
        self._sizes: dict[str, int] = {}
        self._fresh: list[Series] = []
        self._unsaved: list[Series] | None = None
        self._saved: tuple[int, int] | None = None

    def get(self, name: str, labels: dict[str, str | bool], now_ns: int) -> Series:
        """Return a series to count in; past the bound that of everything else."""
        metric = m.METRICS[name]
        key: Labels = tuple(sorted(labels.items()))
        if (name, key) not in self._series and self._sizes.get(name, 0) >= self._most:
            key = OVERFLOW
        series = self._series.get((name, key))
        if series is None:
            counts = [0] * (len(metric.buckets) + 1) if metric.instrument == "histogram" else []
            series = Series(metric=metric, labels=key, start_ns=self._exported_ns, counts=counts)
            self._put(series)
        series.touched_ns = now_ns
        self._change(series)
        return series

    def _put(self, series: Series) -> None:
        self._series[series.key] = series
        self._sizes[series.metric.name] = self._sizes.get(series.metric.name, 0) + 1

    def is_new(self, now_ns: int) -> bool:
        """Tell whether a moment is later than the last export."""
        return now_ns > self._exported_ns

    def points(self, now_ns: int) -> Iterator[Point]:
        """Yield what to export at `now_ns`, nothing where that is not later than the last time."""
        self._fresh = []
        if not self.is_new(now_ns):
            return
        for key, series in list(self._series.items()):
            if now_ns - series.touched_ns > IDLE_NS and series.touched_ns <= self._exported_ns:  # its last value has been told
                del self._series[key]
                self._sizes[series.metric.name] -= 1
                self._change(series)
                continue
            if not series.exported:
                yield _point(series, self._exported_ns, zero=True)
                series.exported = True
                self._change(series)
                self._fresh.append(series)
            yield _point(series, now_ns, zero=False)
            series.exemplar = None
        self._exported_ns = now_ns

    def not_taken(self) -> None:
        """Say that the last export did not arrive: its new series begin with a zero again."""
        for series in self._fresh:
            series.exported = False
            self._change(series)

    @property
    def exported_ns(self) -> int:
        """Return the time of the last export, or when counting began."""
        return self._exported_ns

    def rewind(self, exported_ns: int) -> None:
        """Say that the last export anybody has was then: new series have their zero there."""
        self._exported_ns = exported_ns
        for series in self._series.values():
            if series.start_ns > exported_ns:
                series.start_ns = exported_ns
                self._change(series)

    def begin_anew(self, now_ns: int) -> None:
        """Count idleness from now on: the clock has been set, and no series is idle for that."""
        for series in self._series.values():
            series.touched_ns = now_ns
            self._change(series)

    def track(self) -> None:
        """Note from now on what `save` has to write."""
        self._unsaved = []

    def save_all(self) -> None:
        """Take nothing as written."""
        self._saved = None
        for series in self._series.values():
            self._change(series)

    def _change(self, series: Series) -> None:
        if self._unsaved is not None and not series.unsaved:
            series.unsaved = True
            self._unsaved.append(series)

    def save(self, rows: Rows) -> None:
        """Put what changed since it was asked for last."""
        for series in self._unsaved or ():
            series.unsaved = False
            held = self._series.get(series.key)
            if held is series:
                rows.put("series", series.row_key, series.row())
            elif held is None:
                rows.delete("series", series.row_key)
        if self._unsaved is not None:
            self._unsaved = []
        if self._saved != (self.start_ns, self._exported_ns):
            self._saved = (self.start_ns, self._exported_ns)
            rows.put("meta", b"scorecard", packed_row(*self._saved))

    def restore(self, rows: Iterable[tuple[bytes, bytes]], times: bytes | None, damaged: Damaged) -> None:
        """Take the rows of an earlier process, and when it began and exported last."""
        if times is not None:
            self._restore_times(times, damaged)
        for key, value in rows:
            try:
                self._put(series_of(value))
            except Unreadable:
                damaged("series", key)

    def _restore_times(self, row: bytes, damaged: Damaged) -> None:
        try:
            start_ns, exported_ns = unpacked_row(row)
            self.start_ns, self._exported_ns = self._saved = int(start_ns), int(exported_ns)
        except (TypeError, ValueError):
            damaged("meta", b"scorecard")


def _point(series: Series, time_ns: int, *, zero: bool) -> Point:
    return Point(
        metric=series.metric,
        labels=series.labels,
        start_ns=series.start_ns,
        time_ns=time_ns,
        value=0 if zero else series.value,
        counts=tuple(0 for _ in series.counts) if zero else tuple(series.counts),
        total=0.0 if zero else series.total,
        exemplar=None if zero else series.exemplar,
    )


def series_of(row: bytes) -> Series:
    """Return the series that a row holds; raise `Unreadable`, also where this version counts that metric otherwise or not at all."""
    found = unpacked_row(row)
    try:
        name, labels, start_ns, value, counts, total, touched_ns, exported = found
        metric = m.METRICS[name]
        if len(counts) != (len(metric.buckets) + 1 if metric.instrument == "histogram" else 0):
            raise Unreadable(f"{name} has other buckets")
        return Series(
            metric=metric,
            labels=labels,
            start_ns=start_ns,
            value=value,
            counts=list(counts),
            total=total,
            touched_ns=touched_ns,
            exported=exported,
        )
    except (TypeError, ValueError, KeyError) as error:
        raise Unreadable(f"no series: {error}") from None
