"""What a metrics endpoint sees: each push held against the one before, as a Prometheus would, and the totals at the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint

Key = tuple[str, tuple[tuple[str, str], ...]]
Value = tuple[float, ...]  # a counter's value; a histogram's counts and sum


@dataclass(slots=True)
class _Series:
    start_ns: int
    time_ns: int
    value: Value


@dataclass(slots=True)
class Pushes:
    """All pushes so far. `problems` says what a Prometheus would refuse or take for a reset; `totals` are the last values."""

    problems: list[str] = field(default_factory=list)
    pushes: int = 0
    again: int = 0  # pushes that came twice as they were, since nobody knew whether they had arrived: no harm
    instances: set[str] = field(default_factory=set)
    _series: dict[tuple[str, Key], _Series] = field(default_factory=dict)
    _last: bytes = b""

    def add(self, body: bytes) -> None:
        """Take in one push, in order of arrival."""
        self.pushes += 1
        if body == self._last:
            self.again += 1
            return
        self._last = body
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            instance = dict(_pairs(group.resource.attributes))["service.instance.id"]
            self.instances.add(instance)
            for scoped in group.scope_metrics:
                for metric in scoped.metrics:
                    self._metric(metric, instance)

    def _metric(self, metric: Metric, instance: str) -> None:
        kind = metric.WhichOneof("data")
        if kind == "gauge":
            return
        points: Iterable[NumberDataPoint | HistogramDataPoint] = metric.sum.data_points if kind == "sum" else metric.histogram.data_points
        for point in points:
            self._point((metric.name, _pairs(point.attributes)), instance, point)

    def _point(self, key: Key, instance: str, point: NumberDataPoint | HistogramDataPoint) -> None:
        value: Value = (float(point.as_int),) if isinstance(point, NumberDataPoint) else (*map(float, point.bucket_counts), point.sum)
        now = _Series(point.start_time_unix_nano, point.time_unix_nano, value)
        before = self._series.get((instance, key))
        if now.start_ns > now.time_ns:
            self._problem(key, "starts after its time")
        if before is None:
            if any(value):
                self._problem(key, f"begins with {value}, without a zero before it")
        else:
            if now.time_ns <= before.time_ns:
                self._problem(key, f"{(before.time_ns - now.time_ns) / 1e9:.3f} s older than the point before, or as old")
            if any(new < old for new, old in zip(value, before.value, strict=True)):
                self._problem(key, f"falls from {before.value} to {value}")
            if now.start_ns != before.start_ns:
                self._problem(key, f"starts anew, {(now.start_ns - before.start_ns) / 1e9:+.3f} s")
        self._series[instance, key] = now

    def _problem(self, key: Key, what: str) -> None:
        self.problems.append(f"push {self.pushes}: {key[0]}{dict(key[1])}: {what}")

    def totals(self, prefix: str = "voice.") -> dict[Key, Value]:
        """Return the last value of each series whose name begins so, over all instances; seconds are rounded to a microsecond."""
        out: dict[Key, Value] = {}
        for (_, key), series in self._series.items():
            if key[0].startswith(prefix):
                before = out.get(key, (0.0,) * len(series.value))
                out[key] = tuple(round(one + other, 6) for one, other in zip(before, series.value, strict=True))
        return out

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's counters with these labels."""
        wanted = set(labels.items())
        return sum(series.value[0] for (_, key), series in self._series.items() if key[0] == name and wanted <= set(key[1]))


def _pairs(attributes: Iterable[KeyValue]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((each.key, _text(each.value)) for each in attributes))


def _text(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    return str(getattr(value, kind)) if kind else ""
