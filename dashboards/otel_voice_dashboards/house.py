"""How our boards look: places, colours, what a panel says of itself, links to other boards; only what Grafana 9.4 and later draw alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import GridPos
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${ds}")
TRACES: Final = DataSourceRef(type_val="tempo", uid="${tempo}")
NO_INTERRUPTIONS: Final = "no interruptions in this range"
NO_SPANS: Final = "nothing found in this range"
# Tempo's `query_frontend.search.max_duration` and `max_bytes_per_trace`, where nobody sets them
TEMPO: Final = "It refuses a range of more than seven days, and drops what a trace has beyond 5 MB, unless its settings say otherwise."
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"
COLOURS: Final = {"correct": GREEN, "false": ORANGE, "missed": RED, "protected": "purple", "undetermined": "#8e8e8e", "paused": "yellow"}
Drawn = TypeVar("Drawn", stat.Panel, timeseries.Panel, heatmap.Panel, table.Panel)
Choice = dashboard.QueryVariable | dashboard.TextBoxVariable | dashboard.IntervalVariable


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a panel stands, in the grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int

    def grid(self) -> GridPos:
        """Return it as the model has it."""
        return GridPos(x=self.x, y=self.y, w=self.w, h=self.h)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a panel says of itself: `id` is what alerts and links point at, `says` what it means, what is good and what to do.

    `nothing` stands in it where there is nothing to draw.
    """

    id: int
    title: str
    says: str
    place: Place
    nothing: str = NO_INTERRUPTIONS

    def on(self, panel: Drawn) -> Drawn:
        """Return the panel with all that on it."""
        return panel.id(self.id).title(self.title).description(self.says).grid_pos(self.place.grid()).no_value(self.nothing)


def query(expr: str, legend: str, ref_id: str, *, instant: bool = False, table_rows: bool = False) -> prometheus.Dataquery:
    """Return a query: `instant` over the board's range, otherwise per step and with exemplars."""
    made = prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref_id).datasource(SOURCE)
    if table_rows:
        made = made.format(PromQueryFormat.TABLE)
    return made.instant() if instant else made.range().exemplar(True)


def thresholds(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return colours from a value on."""
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=colour) for value, colour in steps])
    )


def bad_above(warn: float, alarm: float) -> dashboard.ThresholdsConfig:
    """Return colours for a rate that should be low."""
    return thresholds((None, GREEN), (warn, ORANGE), (alarm, RED))


def good_above(fair: float, good: float) -> dashboard.ThresholdsConfig:
    """Return colours for a rate that should be high."""
    return thresholds((None, RED), (fair, ORANGE), (good, GREEN))


def board(
    uid: str, title: str, description: str, choices: Sequence[Choice], *, asks: Sequence[str] = ("prometheus",)
) -> dashboard.Dashboard:
    """Return an empty board with these choices behind that of what it `asks` (prometheus, tempo), our tag and links."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["otel-voice"])
        .editable()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .link(
            dashboard.DashboardLink("otel-voice")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["otel-voice"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for kind in asks:
        ref = SOURCE if kind == "prometheus" else TRACES
        name = str(ref.uid).strip("${}")  # of its own for each kind: links carry variables from board to board
        made = made.with_variable(dashboard.DatasourceVariable(name).label(kind.capitalize()).type(kind))
    for variable in choices:
        made = made.with_variable(variable)
    return made
