from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otel_voice_processor.config import MetricsExporter as Settings
from otel_voice_processor.config import Tls
from otel_voice_processor.errors import Permanent, Retryable, Unsure
from otel_voice_processor.export_metrics import MetricsExporter, encode_metrics
from otel_voice_processor.series import Point
from otel_voice_processor.testing import Sink, free_port
from otel_voice_schema import metrics as m

PLAIN = Tls(insecure=True)


def point(name: str, **more: Any) -> Point:
    metric = m.METRICS[name]
    facts: dict[str, Any] = {
        "metric": metric,
        "labels": (("voice.workflow", "billing"), ("voice.interruption.protected", True)),
        "start_ns": 10,
        "time_ns": 20,
        "value": 0,
        "counts": (),
        "total": 0.0,
        "exemplar": None,
    }
    return Point(**(facts | more))


def test_a_gauge_is_a_gauge() -> None:
    """The rolling rates go out as doubles, without a start: they are no counters."""
    body = encode_metrics({}, [point(m.INTERRUPTION_SCORECARD_RATIO, total=0.25)])
    (metric,) = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0].metrics

    assert "gauge" == metric.WhichOneof("data")
    assert [0.25] == [each.as_double for each in metric.gauge.data_points]


class Web:
    """What an HTTP endpoint was sent, and what it answers."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 200
        self.answer_headers: dict[str, str] = {}
        self.seen: list[tuple[str, dict[str, str], bytes]] = []


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            web.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(web.status)
            for key, value in web.answer_headers.items():
                self.send_header(key, value)
            self.send_header("content-length", "3")
            self.end_headers()
            self.wfile.write(b"so\n")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_counter_is_a_cumulative_sum_with_start_time_and_exemplar() -> None:
    """A series' zero and its value stand in one request, in that order, with labels on the points."""
    points = [
        point(m.INTERRUPTION_EPISODES, time_ns=15),
        point(m.INTERRUPTION_EPISODES, value=3, exemplar=(b"t" * 16, b"s" * 8, 1.0)),
    ]
    request = ExportMetricsServiceRequest.FromString(encode_metrics({"service.name": "p", "n": 1}, points))
    group = request.resource_metrics[0]
    metric = group.scope_metrics[0].metrics[0]

    assert [group.resource.attributes[0].value.string_value, group.resource.attributes[1].value.int_value] == ["p", 1]
    assert (metric.name, metric.unit) == (m.INTERRUPTION_EPISODES, "{episode}")
    assert (metric.sum.aggregation_temporality, metric.sum.is_monotonic) == (2, True)
    assert [(p.start_time_unix_nano, p.time_unix_nano, p.as_int) for p in metric.sum.data_points] == [(10, 15, 0), (10, 20, 3)]
    assert metric.sum.data_points[1].attributes[0].value.string_value == "billing"
    assert metric.sum.data_points[1].attributes[1].value.bool_value
    assert metric.sum.data_points[1].exemplars[0].trace_id == b"t" * 16


def test_a_histogram_has_a_bucket_more_than_bounds() -> None:
    """Bounds come from the registry, the count is the sum of the buckets."""
    bounds = m.METRICS[m.INTERRUPTION_SILENCE_DURATION].buckets
    counts = (1, 2, *([0] * (len(bounds) - 1)))
    body = encode_metrics({}, [point(m.INTERRUPTION_SILENCE_DURATION, counts=counts, total=1.5)])
    data = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points[0]

    assert bounds == tuple(data.explicit_bounds)
    assert counts == tuple(data.bucket_counts)
    assert len(bounds) + 1 == len(data.bucket_counts)
    assert (data.count, data.sum) == (3, 1.5)


@pytest.mark.parametrize("path", ["", "/api/v1/otlp", "/api/v1/otlp/", "/api/v1/otlp/v1/metrics"])
async def test_http_posts_protobuf_below_the_endpoint(path: str) -> None:
    """`/v1/metrics` is appended unless it is there; headers are sent."""
    with serving() as web:
        exporter = MetricsExporter(f"http://127.0.0.1:{web.port}{path}", headers={"X-Scope-OrgID": "1"})
        await exporter.send(b"body")
        await exporter.close()
    seen_path, headers, body = web.seen[0]

    assert path.rstrip("/").removesuffix("/v1/metrics") + "/v1/metrics" == seen_path
    assert (headers["content-type"], headers["x-scope-orgid"]) == ("application/x-protobuf", "1")
    assert body == b"body"


async def test_http_codes_say_whether_to_come_back() -> None:
    """429 and 503 were not taken, with the wait asked for; of 500, 502, 504 nobody knows; all else that fails is permanent."""
    with serving() as web:
        exporter = MetricsExporter.of(Settings(endpoint=f"127.0.0.1:{web.port}", tls=PLAIN))
        web.status, web.answer_headers = 503, {"Retry-After": "7"}
        with pytest.raises(Retryable, match="answered 503: so") as caught:
            await exporter.send(b"x")
        web.status = 400
        with pytest.raises(Permanent, match="answered 400: so"):
            await exporter.send(b"x")
        for web.status in (500, 502, 504):
            with pytest.raises(Unsure, match=f"answered {web.status}: so"):
                await exporter.send(b"x")
    with pytest.raises(Retryable, match="cannot be reached") as away:
        await MetricsExporter(f"127.0.0.1:{free_port()}", tls=PLAIN).send(b"x")

    assert caught.value.delay_s == 7.0
    assert not isinstance(caught.value, Unsure)
    assert not isinstance(away.value, Unsure)


async def test_grpc_delivers_and_sorts_errors() -> None:
    """The same kinds of error come from gRPC."""
    async with Sink() as sink:
        exporter = MetricsExporter(f"127.0.0.1:{sink.port}", protocol="grpc", tls=PLAIN)
        await exporter.send(encode_metrics({}, [point(m.CALLS, value=1)]))
        sink.refuse(grpc.StatusCode.INVALID_ARGUMENT)
        with pytest.raises(Permanent):
            await exporter.send(b"")
        sink.refuse(grpc.StatusCode.UNAVAILABLE, retry_after_s=1.0)
        with pytest.raises(Retryable) as asked:
            await exporter.send(b"")
        sink.refuse(grpc.StatusCode.DEADLINE_EXCEEDED)
        with pytest.raises(Unsure):
            await exporter.send(b"")
        await exporter.close()
        await exporter.close()
        assert not isinstance(asked.value, Unsure)

        assert [metric.name for metric in sink.metrics()] == [m.CALLS]
