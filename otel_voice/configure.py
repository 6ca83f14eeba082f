"""An OpenTelemetry provider of our own, for agents that have no SDK set up; needs the extra `otlp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_voice_schema.record import LOG, SPAN

from otel_voice.emit import STATE, package_version

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def configure(
    endpoint: str = "localhost:4317", *, insecure: bool = True, service_name: str = "voice-agent", carrier: str = SPAN
) -> TracerProvider:
    """Return a provider that sends events by OTLP gRPC, and use it for every call that is not given another.

    With `carrier="log"` calls send log events, by a logger provider that is set up beside it and closes when the process ends. The
    process's global providers are left alone. Events are flushed when the process ends. Raises `ImportError` without the extra,
    `ValueError` for another carrier.
    """
    if carrier not in (SPAN, LOG):
        raise ValueError(f"a carrier is `{SPAN}` or `{LOG}`, not `{carrier}`")
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
    if carrier == LOG:
        _configure_logs(endpoint, insecure, resource)
    STATE.provider, STATE.carrier = provider, carrier
    return provider


def _configure_logs(endpoint: str, insecure: bool, resource: object) -> None:
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=resource)  # type: ignore[arg-type]  # a Resource, imported where it was made
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint, insecure=insecure)))
    STATE.logger_provider = provider
