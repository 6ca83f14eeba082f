"""The boards in words: a page that explains every panel, from what the panels themselves say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

_HEAD: Final = """# Every panel

Made by `python -m otel_voice_dashboards.render` from the boards themselves; the same words stand behind the (i) of each panel in Grafana.
"""


def panels_page(boards: Iterable[str]) -> str:
    """Return the page about rendered boards, given as their JSON."""
    return _HEAD + "".join(_board(json.loads(text)) for text in boards)


def _board(model: dict[str, Any]) -> str:
    chosen = ", ".join(f"*{each['label']}*" for each in model["templating"]["list"])
    rows = "".join(f"| {panel['title']} | {_cell(panel['description'])} | {_shown(panel)} |\n" for panel in model["panels"])
    marks = "".join(f" Marked on all times: *{each['name']}*." for each in model.get("annotations", {}).get("list", []))
    return (
        f"\n## {model['title']}\n\n{model['description']} Choices at the top: {chosen}.{marks}\n\n"
        f"| panel | says | shows |\n|---|---|---|\n{rows}"
    )


def _shown(panel: dict[str, Any]) -> str:
    """Return what is drawn: legends of its queries, and how many spans it asks for where that is bounded."""
    return _cell(", ".join(_legend(target) for target in panel.get("targets", [])))


def _legend(target: dict[str, Any]) -> str:
    name = target.get("legendFormat")
    if name is None:
        return f"{target['limit']} traces, {target['spss']} spans of each"
    labels = re.findall(r"{{(\w+)}}", name)
    return ("by " + ", ".join(f"`{each}`" for each in labels)).replace("`le`", "bucket") if labels else str(name)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
