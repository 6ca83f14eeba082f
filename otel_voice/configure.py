"""A tracer provider for those without an OpenTelemetry SDK of their own (extra `otlp`)."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def configure(endpoint: str = "localhost:4317", *, insecure: bool = True, service_name: str = "voice-agent") -> TracerProvider:
    """Export voice events to an OTLP gRPC endpoint, and make that the global provider where none is set; flushed at exit.

    Raises `ImportError` naming the extra where the SDK is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImportError("otel_voice.configure needs the SDK and exporter: pip install 'otel-voice[otlp]'") from error
    from opentelemetry import trace

    provider = TracerProvider(resource=Resource.create({"service.name": service_name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=insecure)))
    atexit.register(provider.shutdown)
    if type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider":
        trace.set_tracer_provider(provider)
    return provider
