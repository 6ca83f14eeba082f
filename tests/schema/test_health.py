"""The table of what the processor counts about itself is what its code counts."""

from __future__ import annotations

import ast
from pathlib import Path

import otel_voice_processor
from otel_voice_schema.health import HEALTH

PARTS = ("receiver", "processor", "journal", "exporter")


def test_the_table_is_what_the_code_counts() -> None:
    """Each name in the processor's source is in the table, and each in the table is in the source."""
    found = set()
    for path in Path(str(otel_voice_processor.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith(tuple(f"otel_voice_{part}_" for part in PARTS))
            ):
                found.add(node.value)

    assert set(HEALTH) == found
