"""What ships: the rendered boards, each with what it answers and needs, and the rendered rules where there are any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otel_voice_dashboards import RENDERED

RULES: Final = RENDERED / "rules"
GRAFANA_ALERTS: Final = ".grafana-alerts.yaml"  # how the file of Grafana's own alert rules ends; the others are Prometheus'
PLUGINS: Final = {"prometheus": "Prometheus", "tempo": "Tempo", "loki": "Loki"}  # id and name of what a board may ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A shipped board; `answers` says which question, `needs` names the kinds of data source it asks, `model` is its classic JSON."""

    uid: str
    title: str
    answers: str
    needs: tuple[str, ...]
    panels: int
    model: dict[str, Any]


def boards() -> list[Board]:
    """Return every shipped board, by uid."""
    return [_board(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(RENDERED.glob("*.json"))]


def rules() -> list[Path]:
    """Return the rendered files of rules, by name; none where none were rendered."""
    return sorted(RULES.glob("*.yaml"))


def panels(model: dict[str, Any], *, rows: bool = False) -> Iterator[dict[str, Any]]:
    """Yield a classic board's panels, those in collapsed rows too; the rows themselves only if asked for."""
    listed = model.get("panels")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            if rows or each.get("type") != "row":
                yield each
            yield from panels(each, rows=rows)


def sources(model: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a board's data source variables: its queries name none but these."""
    return [each for each in model["templating"]["list"] if each["type"] == "datasource"]


def _board(model: dict[str, Any]) -> Board:
    return Board(
        uid=model["uid"],
        title=model["title"],
        answers=model["description"],
        needs=tuple(dict.fromkeys(PLUGINS[each["query"]] for each in sources(model))),
        panels=sum(1 for _ in panels(model)),
        model=model,
    )
