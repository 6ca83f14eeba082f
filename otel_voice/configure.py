"""A tracer provider of our own, for agents that have no OpenTelemetry SDK set up; needs the extra `otlp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_voice.emit import STATE, package_version

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def configure(endpoint: str = "localhost:4317", *, insecure: bool = True, service_name: str = "voice-agent") -> TracerProvider:
    """Return a provider that sends events by OTLP gRPC, and use it for every call that is not given another.

    The process's global provider is left alone. Events are flushed when the process ends.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImportError("`otel_voice.configure` needs the extra `otlp`: pip install 'otel-voice[otlp]'") from error

    resource = Resource.create(
        {"service.name": service_name, "telemetry.distro.name": "otel-voice", "telemetry.distro.version": package_version()}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=insecure)))
    STATE.provider = provider
    return provider
