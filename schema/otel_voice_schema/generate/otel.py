"""The OpenTelemetry schema file that `schema_url` points to, in its format 1.1.0: what was renamed from version to version.

Format: https://opentelemetry.io/docs/specs/otel/schemas/file_format_v1.1.0/. It can rename attributes and span events; that an event's
span was renamed it cannot say, so those stand in the registry's aliases.
"""

from __future__ import annotations

import itertools
from typing import Any

from otel_voice_schema.compat import RENAMED, compare
from otel_voice_schema.generate.registry import dotted


def render(registries: list[dict[str, Any]]) -> str:
    """Return the schema file over these versions, oldest first."""
    import yaml

    versions: dict[str, Any] = {dotted(registries[0]["version"]): {}}
    for old, new in itertools.pairwise(registries):
        renamed = [change for change in compare(old, new) if change.kind == RENAMED]
        events = {change.name: change.now for change in renamed if change.what == "event"}
        attributes = {change.name: change.now for change in renamed if change.what == "attribute"}
        changes: dict[str, Any] = {}
        if attributes:
            changes["all"] = {"changes": [{"rename_attributes": {"attribute_map": attributes}}]}
        if events:
            changes["span_events"] = {"changes": [{"rename_events": {"name_map": events}}]}
        versions[dotted(new["version"])] = changes
    document = {"file_format": "1.1.0", "schema_url": registries[-1]["schema_url"], "versions": dict(reversed(versions.items()))}
    return "# Generated from the registry by `python -m otel_voice_schema.generate`; do not edit.\n" + yaml.safe_dump(
        document, sort_keys=False
    )
