"""The contract: names, events and metrics of voice interruptions, generated from the registry."""

from otel_voice_schema.events import EVENTS, PREFIX, SCHEMA_URL, SCHEMA_VERSION

__all__ = ["EVENTS", "PREFIX", "SCHEMA_URL", "SCHEMA_VERSION"]
