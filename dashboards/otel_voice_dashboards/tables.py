"""Panels that list: rates by a label, the worst first, spans out of Tempo; rows lead to the board that has more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import table, tempo
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from grafana_foundation_sdk.models.tempo import SearchTableType
from otel_voice_schema import attributes as a

from otel_voice_dashboards.house import SOURCE, TRACES, About, query
from otel_voice_dashboards.queries import label

FIRST: Final = 10  # rows of a table that is sorted: further down nobody looks, and there may be 200
TALL: Final = 12  # of a panel that shows them all
_NARROWEST: Final = 80.0  # pixels of a column; Grafana's own 150 would push the last ones out of sight
_NO_CELL: Final = DynamicConfigValue(id_val="noValue", value="-")  # else each empty cell would say what an empty table says
_CLICKED: Final = "${__value.raw:percentencode}"
_CHOSEN: Final = "&".join(f"${{{name}:queryparam}}" for name in ("ds", "message_type", "policy_version", "runtime", "agent", "window"))
_LINKS: Final = {
    a.VOICE_CALL_ID: {
        "title": "This call",
        "url": f"/d/otel-voice-call?var-call_id={_CLICKED}&${{tempo:queryparam}}&${{__url_time_range}}",
    },
    a.VOICE_WORKFLOW: {
        "title": "This workflow",
        "url": f"/d/otel-voice-workflow?var-workflow={_CLICKED}&{_CHOSEN}&${{__url_time_range}}",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its name, what it shows, and the query that is split by the table's label."""

    name: str
    unit: str
    expr: str


def counted(name: str, expr: str) -> Column:
    """Return a column of counts."""
    return Column(name=name, unit="none", expr=expr)


def shared(name: str, expr: str) -> Column:
    """Return a column of shares, 0..1."""
    return Column(name=name, unit="percentunit", expr=expr)


def told_when(name: str, seconds: str) -> Column:
    """Return a column of times, from Unix seconds; it says how long ago."""
    return Column(name=name, unit="dateTimeFromNow", expr=f"{seconds} * 1000")


def breakdown(about: About, by: str, columns: Sequence[Column], *, most: str | None = None) -> table.Panel:
    """Return a table with a row per value of one label; with `most`, the rows that have most in that column, in that order."""
    name = label(by)
    shown = by.rsplit(".", 2)[-2] + " " + by.rsplit(".", 1)[-1] if by != a.VOICE_WORKFLOW else "workflow"
    panel = (
        about.on(table.Panel())
        .min_width(_NARROWEST)
        .override_by_regexp(".*", [_NO_CELL])
        .datasource(SOURCE)
        .with_transformation(_transformed("merge"))
    )
    renamed = {name: shown} | {
        f"Value #{ref_id}": column.name for ref_id, column in zip("ABCDEFGHIJ"[: len(columns)], columns, strict=True)
    }
    panel = panel.with_transformation(_transformed("organize", excludeByName={"Time": True}, renameByName=renamed))
    if most is not None:
        panel = panel.with_transformation(_transformed("sortBy", fields={}, sort=[{"field": most, "desc": True}]))
        panel = panel.with_transformation(_transformed("limit", limitField=FIRST))
    if by in _LINKS:
        panel = panel.override_by_name(shown, [DynamicConfigValue(id_val="links", value=[_LINKS[by]])])
    for ref_id, column in zip("ABCDEFGHIJ"[: len(columns)], columns, strict=True):
        panel = panel.with_target(query(column.expr, column.name, ref_id, instant=True, table_rows=True)).override_by_name(
            column.name,
            [
                DynamicConfigValue(id_val="unit", value=column.unit),
                DynamicConfigValue(id_val="decimals", value=1 if column.unit == "percentunit" else 0),
            ],
        )
    return panel


def _transformed(kind: str, **options: Any) -> models.DataTransformerConfig:
    return models.DataTransformerConfig(id_val=kind, options=options)


def spans(about: About, traceql: str, *, traces: int, each: int) -> table.Panel:
    """Return a table of spans that a TraceQL query finds: of so many traces so many `each`; Tempo neither sorts nor finds all."""
    asked = tempo.Dataquery().query_type("traceql").query(traceql).limit(traces).spss(each).table_type(SearchTableType.SPANS)
    return (
        about.on(table.Panel())
        .min_width(_NARROWEST)
        .override_by_regexp(".*", [_NO_CELL])
        .datasource(TRACES)
        .override_by_regexp(
            f".*{a.VOICE_CALL_ID.replace('.', '[.]')}", [DynamicConfigValue(id_val="links", value=[_LINKS[a.VOICE_CALL_ID]])]
        )
        .with_target(asked.ref_id("A").datasource(TRACES))
    )
