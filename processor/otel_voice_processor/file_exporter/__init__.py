"""Traces and logs to a file: appended whole or not at all, rotated, compressed, and mended after a crash."""

from otel_voice_processor.file_exporter.exporter import FileExporter

__all__ = ["FileExporter"]
