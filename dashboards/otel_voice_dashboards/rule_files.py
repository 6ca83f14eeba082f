"""The rules as files: for Prometheus, Mimir and rulers like theirs; and as alerts of Grafana's own, as its file provisioning takes them."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import Any, Final

import yaml

from otel_voice_dashboards import RENDERED
from otel_voice_dashboards.alerts import Alert, about_callers
from otel_voice_dashboards.alerts_processor import about_processor
from otel_voice_dashboards.rules import groups
from otel_voice_dashboards.slo import Targets

PROMETHEUS_FILE: Final = "otel-voice.rules.yaml"
GRAFANA_FILE: Final = "otel-voice.grafana-alerts.yaml"
DATASOURCE: Final = "PROMETHEUS_UID"  # stands for the uid of the reader's Prometheus data source
MADE: Final = "# made by `python -m otel_voice_dashboards.render`; do not edit, see dashboards/README.md\n"
FOLDER: Final = "otel-voice"
_EXPRESSION: Final = "__expr__"
_PROMETHEUS_VALUES: Final = {"value": '{{ printf "%.0f" $value }}', "share": "{{ $value | humanizePercentage }}"}
_GRAFANA_VALUES: Final = {"value": '{{ printf "%.0f" $values.B.Value }}', "share": "{{ humanizePercentage $values.B.Value }}"}


def alert_groups(targets: Targets) -> dict[str, tuple[Alert, ...]]:
    """Return the alerts by the name of their group."""
    return {"otel-voice-callers": about_callers(targets), "otel-voice-processor": about_processor(targets)}


def prometheus_rules(targets: Targets | None = None) -> str:
    """Return the recording rules and alerts as YAML for Prometheus and rulers that read its format."""
    chosen = targets or Targets()
    recorded = [
        {"name": group.name, "interval": group.interval, "rules": [{"record": rule.name, "expr": rule.expr} for rule in group.rules]}
        for group in groups(chosen)
    ]
    alerts = [
        {"name": name, "interval": "1m", "rules": [_prometheus_alert(alert, chosen) for alert in group]}
        for name, group in alert_groups(chosen).items()
    ]
    return _yaml({"groups": [*recorded, *alerts]})


def grafana_alerts(targets: Targets | None = None, datasource: str = DATASOURCE) -> str:
    """Return the alerts as YAML for Grafana's file provisioning; they read what the recording rules record in that data source."""
    chosen = targets or Targets()
    found = [
        {
            "orgId": 1,
            "name": name,
            "folder": FOLDER,
            "interval": "1m",
            "rules": [_grafana_alert(alert, chosen, datasource) for alert in group],
        }
        for name, group in alert_groups(chosen).items()
    ]
    return _yaml({"apiVersion": 1, "groups": found})


def anchor(heading: str) -> str:
    """Return what a heading is linked to by in rendered Markdown."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _prometheus_alert(alert: Alert, targets: Targets) -> dict[str, Any]:
    annotations = _annotations(alert, targets, _PROMETHEUS_VALUES)
    if alert.panel is not None:
        # Grafana links by these where it shows rules of a data source
        annotations |= {"__dashboardUid__": alert.panel[0], "__panelId__": str(_panel_id(*alert.panel))}
    return {"alert": alert.name, "expr": alert.expr, "for": alert.hold, "labels": {"severity": alert.severity}, "annotations": annotations}


def _grafana_alert(alert: Alert, targets: Targets, datasource: str) -> dict[str, Any]:
    board = {} if alert.panel is None else {"dashboardUid": alert.panel[0], "panelId": _panel_id(*alert.panel)}
    return {
        "uid": "otel-voice-" + blake2b(alert.name.encode(), digest_size=8).hexdigest(),  # 40 characters at most
        "title": alert.name,
        "condition": "C",
        "for": alert.hold,
        "data": [
            _query("A", datasource, {"expr": alert.expr, "instant": True, "range": False}),
            _query("B", _EXPRESSION, {"type": "reduce", "expression": "A", "reducer": "last"}),
            _query(
                "C", _EXPRESSION, {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": "gt", "params": [0]}}]}
            ),
        ],
        "noDataState": "OK",  # an alert's query has a value only where something is wrong
        "execErrState": "Error",
        "labels": {"severity": alert.severity},
        "annotations": _annotations(alert, targets, _GRAFANA_VALUES),
        **board,
    }


def _query(ref_id: str, datasource: str, model: dict[str, Any]) -> dict[str, Any]:
    window = {"from": 600, "to": 0}  # seconds back; an instant query asks at its end
    return {"refId": ref_id, "relativeTimeRange": window, "datasourceUid": datasource, "model": {"refId": ref_id, **model}}


def _annotations(alert: Alert, targets: Targets, values: dict[str, str]) -> dict[str, str]:
    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1]) or f"{{{{ $labels.{found[1]} }}}}", text)

    return {
        "summary": filled(alert.summary),
        "description": filled(alert.description),
        "runbook_url": f"{targets.runbook}#{anchor(alert.heading)}",
    }


def _panel_id(uid: str, title: str) -> int:
    """Return the id of a board's panel as it is rendered; LookupError where the board has none of that title."""
    board = json.loads((RENDERED / f"{uid}.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        if panel.get("title") == title:
            return int(panel["id"])
    raise LookupError(f"an alert points to panel `{title}` of `{uid}`, which has none of that title")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, so that a query reads as a query."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(model: dict[str, Any]) -> str:
    return MADE + yaml.dump(model, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
