"""What a collector's config says about its way to the processor, as far as one file tells it."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

READABLE = {"", "none", "gzip"}  # grpcio's own; the collector's default is gzip


def uncommon_compression(path: str) -> Iterator[tuple[str, str]]:
    """Yield the OTLP gRPC exporters whose compression a processor cannot read, each with what to do."""
    try:
        with open(path, encoding="utf-8") as file:
            config = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        yield (
            f"`{path}` cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}",
            "Give --collector the collector's YAML.",
        )
        return
    exporters = config.get("exporters") if isinstance(config, dict) else None
    for name, settings in (exporters if isinstance(exporters, dict) else {}).items():
        if str(name).split("/")[0] in {"otlp", "otlp_grpc"} and isinstance(settings, dict):
            compression = settings.get("compression", "gzip")
            if compression not in READABLE:
                told = f"`{path}`: exporters.{name}.compression is `{compression}`"
                yield told, "The processor reads gzip and none: set `compression: gzip` there."
