"""Installs Grafana's packages from npm as they are locked, and asks them what a board would show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.npm import Npm

HERE = Path(__file__).parent
GRAFANA = Npm(HERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What Grafana makes of a board: what its choosers offer, what each panel says by its id, the events of its annotations."""

    offered: dict[str, list[str]]
    panels: dict[str, dict[str, Any]]
    annotations: list[dict[str, Any]]

    def refused(self) -> list[str]:
        """Return what Prometheus said of the queries that it would not take."""
        asked = [each for panel in self.panels.values() for each in panel.get("asked", [])]
        asked += [each["asked"] for each in self.annotations if each.get("asked")]
        return [f"{each['problem']}: {each['expr'][:300]}" for each in asked if each.get("problem")]

    def titled(self, title: str) -> dict[str, Any]:
        """Return the one panel of that title."""
        (found,) = [panel for panel in self.panels.values() if panel["title"] == title]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A board, and what somebody chose at its top; nothing chosen leaves what it begins with."""

    board: dict[str, Any]
    chosen: dict[str, str | list[str]] = field(default_factory=dict)


def shown(looked: Sequence[Looked], url: str, *, end_s: float, hours: int = 1) -> list[Shown]:
    """Return what Grafana shows of boards over the hours before a time, out of the Prometheus at `url`."""
    times = {"from_ms": int((end_s - hours * 3600) * 1000), "to_ms": int(end_s * 1000)}
    questions = [{"board": each.board, "chosen": each.chosen, "url": url} | times for each in looked]
    return [Shown(**answer) for answer in json.loads(GRAFANA.run("node", "run.cjs", told=json.dumps(questions)))]
