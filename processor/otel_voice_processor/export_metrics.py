"""The scorecard out: its points as an OTLP metrics request, pushed by gRPC or HTTP to an endpoint of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import grpc
import grpc.aio
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from otel_voice_schema.events import SCHEMA_URL
from otel_voice_schema.metrics import Metric

from otel_voice.printable import printable
from otel_voice_processor import config as settings
from otel_voice_processor.config import Tls
from otel_voice_processor.errors import Permanent, Retryable, Unsure
from otel_voice_processor.http_client import HttpClient
from otel_voice_processor.model import Attributes, Value
from otel_voice_processor.rpc import METRICS_EXPORT, dial, raw_call, sorted_out
from otel_voice_processor.series import Point

SCOPE: Final = "otel-voice-processor"
_CUMULATIVE: Final = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
MAX_TIMEOUT_S: Final = 30.0  # where `timeout` is 0: a push must end, or the processor could not stop
MAX_SAID: Final = 4096  # bytes of an answer that are shown
_HTTP_RETRYABLE: Final = frozenset({429, 503})
_HTTP_UNSURE: Final = frozenset({500, 502, 504})  # of a gateway, or after part of the work
_GRPC_UNSURE: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}
)
_NO_RECEIVER: Final = "; a Prometheus takes OTLP only when it is started with `--web.enable-otlp-receiver`"


def encode_metrics(resource: Attributes, points: Iterable[Point]) -> bytes:
    """Return one request; points of a metric stay in the order given, so a series' times only grow."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(_pairs(resource))
    scoped = group.scope_metrics.add(schema_url=SCHEMA_URL)
    scoped.scope.name = SCOPE
    by_name: dict[str, metrics_pb2.Metric] = {}
    for point in points:
        if point.metric.name not in by_name:
            by_name[point.metric.name] = scoped.metrics.add(name=point.metric.name, unit=point.metric.unit, description=point.metric.brief)
        _put(by_name[point.metric.name], point.metric, point)
    return request.SerializeToString()


def _put(message: metrics_pb2.Metric, metric: Metric, point: Point) -> None:
    if metric.instrument == "histogram":
        message.histogram.aggregation_temporality = _CUMULATIVE
        histogram = message.histogram.data_points.add(count=sum(point.counts), sum=point.total)
        histogram.explicit_bounds.extend(metric.buckets)
        histogram.bucket_counts.extend(point.counts)
        target: metrics_pb2.HistogramDataPoint | metrics_pb2.NumberDataPoint = histogram
    elif metric.instrument == "gauge":
        target = message.gauge.data_points.add(as_double=point.total)
    else:
        message.sum.aggregation_temporality = _CUMULATIVE
        message.sum.is_monotonic = True
        target = message.sum.data_points.add(as_int=point.value)
    target.start_time_unix_nano, target.time_unix_nano = point.start_ns, point.time_ns
    target.attributes.extend(_pairs(dict(point.labels)))
    if point.exemplar is not None:
        trace_id, span_id, value = point.exemplar
        target.exemplars.add(trace_id=trace_id, span_id=span_id, as_double=value, time_unix_nano=point.time_ns)


def _pairs(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any(value)) for key, value in attributes.items()]


def _any(value: Value) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[_any(item) for item in value]))


class MetricsExporter:
    """Pushes metrics requests. Over HTTP `/v1/metrics` is appended to the endpoint, as the collector's exporter does."""

    def __init__(
        self,
        endpoint: str,
        *,
        protocol: str = "http/protobuf",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        tls: Tls | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._protocol = protocol
        self._headers = {key.lower(): value for key, value in (headers or {}).items()}
        self._timeout_s = timeout_s or MAX_TIMEOUT_S
        self._tls = tls or Tls()
        self._channel: grpc.aio.Channel | None = None
        self._client = HttpClient(self._tls, headers={**self._headers, "content-type": "application/x-protobuf"}, timeout_s=self._timeout_s)

    @classmethod
    def of(cls, config: settings.MetricsExporter) -> MetricsExporter:
        """Return the exporter that a config section describes."""
        return cls(config.endpoint, protocol=config.protocol, headers=config.headers, timeout_s=config.timeout, tls=config.tls)

    async def send(self, body: bytes) -> None:
        """Push one request, once; points are cumulative, so the next push tells the rest.

        Raise `Permanent` or `Retryable` where it was not taken, `Unsure` where it may have been.
        """
        if self._protocol == "grpc":
            await self._by_grpc(body)
        else:
            await self._by_http(body)

    async def close(self) -> None:
        """Close every connection; safe before the first `send` and twice."""
        await self._client.close()
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    async def _by_grpc(self, body: bytes) -> None:
        if self._channel is None:
            self._channel = dial(self._endpoint, self._tls, "none")
        call = raw_call(self._channel, METRICS_EXPORT)
        try:
            await call(body, timeout=self._timeout_s, metadata=tuple(self._headers.items()))
        except grpc.aio.AioRpcError as error:
            sorted_error = sorted_out(error, self._endpoint)
            told = isinstance(sorted_error, Retryable) and sorted_error.delay_s is not None
            if error.code() in _GRPC_UNSURE and not told and "failed to connect" not in (error.details() or ""):
                raise Unsure(str(sorted_error)) from None
            raise sorted_error from None

    async def _by_http(self, body: bytes) -> None:
        scheme = "http" if self._tls.insecure else "https"
        base = (self._endpoint if "://" in self._endpoint else f"{scheme}://{self._endpoint}").rstrip("/")
        url = base if base.endswith("/v1/metrics") else f"{base}/v1/metrics"
        answer = await self._client.post(url, body, shown=self._endpoint)
        said = answer.body[:MAX_SAID].decode("utf-8", "replace").strip()
        told = printable(f"`{self._endpoint}` answered {answer.status}: {said}")
        if answer.status in _HTTP_UNSURE:
            raise Unsure(told)
        if answer.status in _HTTP_RETRYABLE:
            raise Retryable(told, answer.retry_after_s)
        if not 200 <= answer.status < 300:
            hint = _NO_RECEIVER if answer.status == 404 and "/api/v1/otlp/" in url else ""
            raise Permanent(f"{told}{hint}")
