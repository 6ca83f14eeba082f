"""Panels that draw numbers: a value with the counts it rests on, stacked bars, lines, a histogram over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from otel_voice_dashboards.house import GREY, SOURCE, About, query
from otel_voice_dashboards.queries import label

STEP: Final = "2m"  # metrics are pushed once a minute: two of them make a difference
WINDOW_STEP: Final = "10m"  # between two windows of an hour or more: closer ones say the same and cost as much again,
WINDOWS: Final = 60  # and of a long range so many are enough
_PLAIN: Final = {"mode": "fixed", "fixedColor": GREY}


def rate_panel(
    about: About,
    *,
    value: str,
    unit: str,
    colours: dashboard.ThresholdsConfig,
    beside: Sequence[tuple[str, str]],
    week_before: str | None = None,
    now: str = "now",
) -> stat.Panel:
    """Return a stat: the value in colour, what it was a week before, and beside it the counts it rests on."""
    panel = (
        about.on(stat.Panel())
        .datasource(SOURCE)
        .unit(unit)
        .decimals(0 if unit == "none" else 1)
        .color_mode(models.BigValueColorMode.VALUE)
        .graph_mode(models.BigValueGraphMode.NONE)
        .text_mode(models.BigValueTextMode.VALUE_AND_NAME)
        .orientation(models.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(colours)
        .with_target(query(value, now, "A", instant=True))
    )
    if week_before is not None:
        panel = panel.with_target(query(week_before, "a week before", "W", instant=True)).override_by_query(
            "W", [DynamicConfigValue(id_val="color", value=_PLAIN)]
        )
    for ref_id, (legend, expr) in zip("BCDE"[: len(beside)], beside, strict=True):
        panel = panel.with_target(query(expr, legend, ref_id, instant=True)).override_by_query(
            ref_id,
            [
                DynamicConfigValue(id_val="unit", value="none"),
                DynamicConfigValue(id_val="decimals", value=0),
                DynamicConfigValue(id_val="color", value=_PLAIN),
            ],
        )
    return panel


def bars_by(about: About, by: str, expr: str) -> timeseries.Panel:
    """Return stacked bars of counts over time, one colour for each value of a label; the query is split by it."""
    return _bars(about).with_target(query(expr, f"{{{{{label(by)}}}}}", "A"))


def bars(about: About, series: Sequence[tuple[str, str, str]]) -> timeseries.Panel:
    """Return stacked bars of counts over time; `series` are (legend, colour, query)."""
    panel = _bars(about)
    for ref_id, (legend, colour, expr) in zip("ABCDEFGH"[: len(series)], series, strict=True):
        panel = panel.with_target(query(expr, legend, ref_id)).override_by_name(
            legend, [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})]
        )
    return panel


def line_over(panel: timeseries.Panel, legend: str) -> timeseries.Panel:
    """Draw one of the series of bars as a line over them, since what it counts is a part of what they count."""
    properties = {
        "custom.stacking": {"mode": "none", "group": "A"},
        "custom.drawStyle": "line",
        "custom.lineWidth": 2,
        "custom.fillOpacity": 0,
    }
    return panel.override_by_name(legend, [DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()])


def _bars(about: About) -> timeseries.Panel:
    return (
        _over_time(about, "short")
        .draw_style(models.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(common.StackingConfig().mode(models.StackingMode.NORMAL))
    )


def over_window(about: About, legend: str, rate: str) -> timeseries.Panel:
    """Return a rate over time as lines, of which each point counts the window before it."""
    return lines(about, "percentunit", [(legend, rate)]).interval(WINDOW_STEP).max_data_points(WINDOWS)


def lines(about: About, unit: str, series: Sequence[tuple[str, str]]) -> timeseries.Panel:
    """Return lines over time; `series` are (legend, query)."""
    panel = _over_time(about, unit).line_width(2).fill_opacity(5)
    for ref_id, (legend, expr) in zip("ABCDEFGH"[: len(series)], series, strict=True):
        panel = panel.with_target(query(expr, legend, ref_id))
    return panel


def _over_time(about: About, unit: str) -> timeseries.Panel:
    return (
        about.on(timeseries.Panel())
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .interval(STEP)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(models.LegendDisplayMode.LIST).placement(models.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI))
    )


def heat(about: About, expr: str) -> heatmap.Panel:
    """Return how a histogram in seconds was filled over time; the query is split by `le`."""
    buckets = prometheus.Dataquery().expr(expr).legend_format("{{le}}").ref_id("A").datasource(SOURCE)
    return (
        about.on(heatmap.Panel())
        .datasource(SOURCE)
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit("s"))
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(32).fill("dark-blue"))
        .cell_gap(1)
        .interval(STEP)
        .with_target(buckets.format(PromQueryFormat.HEATMAP).range().exemplar(True))
    )
