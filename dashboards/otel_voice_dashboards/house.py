"""How our boards look: one data source variable, filters, panels that say what they count; only what Grafana 9.4 and later draw alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, tempo, timeseries
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models import dashboard as board_models
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.tempo import SearchTableType
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards.queries import DOCTOR, Scope, label, prometheus_name

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${ds}")
TRACES: Final = DataSourceRef(type_val="tempo", uid="${tempo}")
OVER_RANGE: Final = Scope(
    window="$__range",
    workflow="$workflow",
    message_type="$message_type",
    policy_version="$policy_version",
    runtime="$runtime",
    without=DOCTOR,
)
PER_STEP: Final = Scope(
    window="$__rate_interval",
    workflow="$workflow",
    message_type="$message_type",
    policy_version="$policy_version",
    runtime="$runtime",
    without=DOCTOR,
)
TO_CALL: Final = {"title": "This call", "url": "/d/otel-voice-call?var-call_id=${__value.raw}&var-tempo=${tempo}&${__url_time_range}"}
PER_WINDOW: Final = replace(PER_STEP, window="$window")
STEP: Final = "2m"  # metrics are pushed once a minute: a window must hold two pushes
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"
COLOURS: Final = {"correct": GREEN, "false": ORANGE, "missed": RED, "protected": "purple", "undetermined": "#8e8e8e", "paused": "yellow"}


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
        .mode(board_models.ThresholdsMode.ABSOLUTE)
        .steps([board_models.Threshold(value=value, color=colour) for value, colour in steps])
    )


def bad_above(warn: float, alarm: float) -> dashboard.ThresholdsConfig:
    """Return colours for a rate that should be low."""
    return thresholds((None, GREEN), (warn, ORANGE), (alarm, RED))


def good_above(fair: float, good: float) -> dashboard.ThresholdsConfig:
    """Return colours for a rate that should be high."""
    return thresholds((None, RED), (fair, ORANGE), (good, GREEN))


def rate_panel(
    number: int,
    title: str,
    description: str,
    place: Place,
    *,
    value: str,
    unit: str,
    colours: dashboard.ThresholdsConfig,
    beside: Sequence[tuple[str, str]],
) -> stat.Panel:
    """Return a stat: the value in colour, and beside it the counts it rests on."""
    panel = (
        stat.Panel()
        .id(number)
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .grid_pos(place.grid())
        .unit(unit)
        .decimals(0 if unit == "none" else 1)
        .no_value("nothing counted")
        .color_mode(models.BigValueColorMode.VALUE)
        .graph_mode(models.BigValueGraphMode.NONE)
        .text_mode(models.BigValueTextMode.VALUE_AND_NAME)
        .orientation(models.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(colours)
        .with_target(query(value, "now", "A", instant=True))
    )
    for ref_id, (legend, expr) in zip("BCDE", beside, strict=False):
        panel = panel.with_target(query(expr, legend, ref_id, instant=True)).override_by_query(
            ref_id,
            [
                DynamicConfigValue(id_val="unit", value="none"),
                DynamicConfigValue(id_val="decimals", value=0),
                DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": GREY}),
            ],
        )
    return panel


def bars_by(number: int, title: str, description: str, place: Place, by: str, expr: str) -> timeseries.Panel:
    """Return stacked bars of counts over time, one colour for each value of a label; the query is split by it."""
    return _bars(number, title, description, place).with_target(query(expr, f"{{{{{label(by)}}}}}", "A"))


def bars(number: int, title: str, description: str, place: Place, series: Sequence[tuple[str, str, str]]) -> timeseries.Panel:
    """Return stacked bars of counts over time; `series` are (legend, colour, query)."""
    panel = _bars(number, title, description, place)
    for ref_id, (legend, colour, expr) in zip("ABCDEFGH", series, strict=False):
        panel = panel.with_target(query(expr, legend, ref_id)).override_by_name(
            legend, [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})]
        )
    return panel


def _bars(number: int, title: str, description: str, place: Place) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .id(number)
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .grid_pos(place.grid())
        .unit("short")
        .min(0)
        .draw_style(models.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(common.StackingConfig().mode(models.StackingMode.NORMAL))
        .interval(STEP)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(models.LegendDisplayMode.LIST).placement(models.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI))
    )


def heat(number: int, title: str, description: str, place: Place, expr: str) -> heatmap.Panel:
    """Return how a histogram in seconds was filled over time; the query is split by `le`."""
    buckets = prometheus.Dataquery().expr(expr).legend_format("{{le}}").ref_id("A").datasource(SOURCE)
    return (
        heatmap.Panel()
        .id(number)
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .grid_pos(place.grid())
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit("s"))
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(32).fill("dark-blue"))
        .cell_gap(1)
        .interval(STEP)
        .with_target(buckets.format(PromQueryFormat.HEATMAP).range().exemplar(True))
    )


def lines(number: int, title: str, description: str, place: Place, unit: str, series: Sequence[tuple[str, str]]) -> timeseries.Panel:
    """Return lines over time; `series` are (legend, query)."""
    panel = (
        timeseries.Panel()
        .id(number)
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .grid_pos(place.grid())
        .unit(unit)
        .min(0)
        .line_width(2)
        .fill_opacity(5)
        .interval(STEP)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(models.LegendDisplayMode.LIST).placement(models.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI))
    )
    for ref_id, (legend, expr) in zip("ABCDEFGH", series, strict=False):
        panel = panel.with_target(query(expr, legend, ref_id))
    return panel


def breakdown(number: int, title: str, description: str, place: Place, by: str, columns: Sequence[tuple[str, str, str]]) -> table.Panel:
    """Return a table with a row per value of one label; `columns` are (name, unit, query by that label)."""
    name = label(by)
    panel = (
        table.Panel()
        .id(number)
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .grid_pos(place.grid())
        .with_transformation(board_models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            board_models.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "renameByName": {name: by.rsplit(".", 2)[-2] + " " + by.rsplit(".", 1)[-1]}
                    | {f"Value #{ref_id}": column for ref_id, (column, _, _) in zip("ABCDEFGH", columns, strict=False)},
                },
            )
        )
    )
    for ref_id, (column, unit, expr) in zip("ABCDEFGH", columns, strict=False):
        panel = panel.with_target(query(expr, column, ref_id, instant=True, table_rows=True)).override_by_name(
            column,
            [DynamicConfigValue(id_val="unit", value=unit), DynamicConfigValue(id_val="decimals", value=1 if unit == "percentunit" else 0)],
        )
    return panel


def spans(number: int, title: str, description: str, place: Place, traceql: str, *, traces: int, each: int) -> table.Panel:
    """Return a table of spans that a TraceQL query finds: of so many traces so many `each`; Tempo neither sorts nor finds all."""
    asked = tempo.Dataquery().query_type("traceql").query(traceql).limit(traces).spss(each).table_type(SearchTableType.SPANS)
    return (
        table.Panel()
        .id(number)
        .title(title)
        .description(description)
        .datasource(TRACES)
        .grid_pos(place.grid())
        .no_value("nothing found in this range")
        .override_by_regexp(f".*{a.VOICE_CALL_ID.replace('.', '[.]')}", [DynamicConfigValue(id_val="links", value=[TO_CALL])])
        .with_target(asked.ref_id("A").datasource(TRACES))
    )


def traffic() -> list[dashboard.QueryVariable]:
    """Return the filters of boards about calls: which part of the traffic."""
    calls, episodes = (prometheus_name(m.METRICS[name]) for name in (m.CALLS, m.INTERRUPTION_EPISODES))
    chosen = (
        ("workflow", "Workflow", calls, a.VOICE_WORKFLOW),
        ("message_type", "Message type", episodes, a.VOICE_AGENT_MESSAGE_TYPE),
        ("policy_version", "Agent's policy", calls, a.VOICE_AGENT_POLICY_VERSION),
        ("runtime", "Runtime", calls, a.VOICE_RUNTIME_NAME),
    )
    return [chooser(name, shown, f"label_values({metric}, {label(key)})") for name, shown, metric, key in chosen]


def window() -> dashboard.IntervalVariable:
    """Return the choice of how long a window rates over time are counted in: shorter than an hour holds too few to believe."""
    return (
        dashboard.IntervalVariable("window")
        .label("Counted over")
        .values("1h,6h,1d,7d")
        .current(board_models.VariableOption(selected=True, text="6h", value="6h"))
    )


def chooser(name: str, shown: str, asked: str) -> dashboard.QueryVariable:
    """Return a filter of several values, all of them until somebody chooses."""
    return (
        dashboard.QueryVariable(name)
        .label(shown)
        .datasource(SOURCE)
        .query(asked)
        .refresh(board_models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(board_models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(board_models.VariableOption(selected=True, text="All", value="$__all"))
    )


Filter = dashboard.QueryVariable | dashboard.TextBoxVariable | dashboard.IntervalVariable


def board(
    uid: str, title: str, description: str, filters: Sequence[Filter], *, asks: Sequence[str] = ("prometheus",)
) -> dashboard.Dashboard:
    """Return an empty board with these filters behind the choice of what it `asks` (prometheus, tempo), our tag and links."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["otel-voice"])
        .editable()
        .tooltip(board_models.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .link(
            dashboard.DashboardLink("otel-voice")
            .type(board_models.DashboardLinkType.DASHBOARDS)
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
    for variable in filters:
        made = made.with_variable(variable)
    return made
