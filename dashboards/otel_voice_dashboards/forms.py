"""The forms a board leaves in: imported by hand it makes Grafana ask for the data source; provisioned it begins with Grafana's default."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Final

import yaml

from otel_voice_dashboards.shipped import PLUGINS, panels, sources

OLDEST_GRAFANA: Final = "9.4.0"
OLDEST_WITH_SPANS: Final = "10.2.0"  # before it, a search of Tempo shows traces and none of the spans that were found
_PANELS: Final = {
    "alertlist": "Alert list", "barchart": "Bar chart", "bargauge": "Bar gauge", "dashlist": "Dashboard list", "gauge": "Gauge",
    "heatmap": "Heatmap", "piechart": "Pie chart", "stat": "Stat", "state-timeline": "State timeline", "table": "Table", "text": "Text",
    "timeseries": "Time series",
}  # fmt: skip
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_EXPRESSION: Final = frozenset({"__expr__", "-100"})  # what Grafana computes itself asks no data source


def importable(model: dict[str, Any]) -> str:
    """Return a board as JSON for Dashboards > New > Import: what is chosen there is where its data source variables begin.

    Grafana puts the choice in place of `${DS_...}` on import alone: provisioned, such a board would ask a source of that name.
    """
    made = copy.deepcopy(model)
    inputs = []
    for variable in sources(made):
        plugin = variable["query"]
        name = f"DS_{re.sub(r'[^A-Z0-9]+', '_', (variable.get('label') or variable['name']).upper())}"
        variable["current"] = {"selected": True, "text": f"${{{name}}}", "value": f"${{{name}}}"}
        inputs.append(
            {"name": name, "label": PLUGINS[plugin], "description": "", "type": "datasource"}
            | {"pluginId": plugin, "pluginName": PLUGINS[plugin]}
        )
    oldest = OLDEST_WITH_SPANS if any(each["pluginId"] == "tempo" for each in inputs) else OLDEST_GRAFANA
    required = [{"type": "grafana", "id": "grafana", "name": "Grafana", "version": oldest}]
    required += [
        {"type": "datasource", "id": plugin, "name": PLUGINS[plugin], "version": "1.0.0"}
        for plugin in sorted({each["pluginId"] for each in inputs})
    ]
    required += [
        {"type": "panel", "id": kind, "name": _PANELS.get(kind, kind), "version": ""}
        for kind in sorted({each["type"] for each in panels(made)})
    ]
    return as_json({"__inputs": inputs, "__elements": {}, "__requires": required, "id": None, **made})


def as_json(model: dict[str, Any]) -> str:
    """Return a model as the JSON of a file."""
    return json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def provider(folder: str, path: str) -> str:
    """Return the provisioning file of the boards that Grafana finds at `path`, shown in the folder of that title."""
    made = {
        "name": "otel-voice",
        "orgId": 1,
        "folder": _raw(folder),
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,  # what is changed in Grafana would be lost with the next file
        "updateIntervalSeconds": 30,
        "options": {"path": _raw(path), "foldersFromFilesStructure": False},
    }
    return "# Made by `otel-voice dashboards write`.\n" + yaml.safe_dump({"apiVersion": 1, "providers": [made]}, sort_keys=False)


def alerts(text: str, uid: str) -> str:
    """Return Grafana's alert rules with a data source's uid where the rendered file has its placeholder; raise `ValueError` for no uid."""
    if not _UID.fullmatch(uid) or uid in _EXPRESSION:
        raise ValueError(f"`{uid[:60]}` is no uid of a data source: letters, digits, `-` and `_`, 40 at most")
    asked = {item.get("datasourceUid") for group in yaml.safe_load(text)["groups"] for rule in group["rules"] for item in rule["data"]}
    for placeholder in asked - _EXPRESSION:
        line = re.compile(rf"^(\s*(?:- )?(?:datasourceUid|uid): )(['\"]?){re.escape(str(placeholder))}\2$", re.MULTILINE)
        text = line.sub(rf'\g<1>"{uid}"', text)  # quoted: `null`, `on` and `0x1f` are uids as well
    return text


def _raw(text: str) -> str:
    """Text that Grafana, which puts its environment into provisioning files, reads as it is."""
    return text.replace("$", "$$")
