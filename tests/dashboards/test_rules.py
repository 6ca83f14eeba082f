"""The shipped rules: named as they should be, of metrics that there are, with everything that somebody needs who is woken by one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from otel_voice_dashboards import RENDERED
from otel_voice_dashboards import health as own
from otel_voice_dashboards import rules as r
from otel_voice_dashboards.queries import label, prometheus_name
from otel_voice_dashboards.rule_files import DATASOURCE, GRAFANA_FILE, PROMETHEUS_FILE, anchor, grafana_alerts, prometheus_rules
from otel_voice_dashboards.slo import Objective, Targets
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m
from otel_voice_schema.health import HEALTH
from otel_voice_schema.metrics import METRICS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "dashboards/ALERTS.md").read_text(encoding="utf-8")
RULES: dict[str, Any] = yaml.safe_load((RENDERED / "rules" / PROMETHEUS_FILE).read_text(encoding="utf-8"))
GRAFANA: dict[str, Any] = yaml.safe_load((RENDERED / "rules" / GRAFANA_FILE).read_text(encoding="utf-8"))
EACH = [rule for group in RULES["groups"] for rule in group["rules"]]
RECORDED = {rule["record"]: rule["expr"] for rule in EACH if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in EACH if "alert" in rule}
IN_GRAFANA = {rule["title"]: rule for group in GRAFANA["groups"] for rule in group["rules"]}
COUNTED = {prometheus_name(metric): {key.replace(".", "_") for key in metric.labels} for metric in METRICS.values()}
COUNTED |= {own.prometheus_name(name): set(health.labels) for name, health in HEALTH.items()}
LEVELS = {
    "workflow": {"voice_workflow"},
    "workflow_version": {"voice_workflow", "voice_agent_policy_version"},
    "runtime": {"voice_runtime_name"},
}
LABELS = {label for labels in COUNTED.values() for label in labels}
KEYS = {"uid", "title", "condition", "for", "data", "noDataState", "execErrState", "labels", "annotations"}
WORDS = {"sum", "by", "on", "or", "and", "unless", "offset", "count", "min", "max", "group_left", "increase", "delta", "sqrt"}
WORDS |= {"min_over_time", "present_over_time", "job", "instance"}


def labels_of(series: str) -> set[str]:
    """Return the labels that a series may have."""
    return COUNTED[series] if series in COUNTED else LEVELS[series.partition(":")[0]]


@pytest.mark.parametrize("rule", EACH, ids=lambda rule: rule.get("record") or rule["alert"])
def test_every_expression_is_of_what_is_counted_or_recorded(rule: dict[str, Any]) -> None:
    """Each name in it is a metric of the registry, a number of the processor's, a recorded series, or a label that one of them has."""
    text = re.sub(r'"[^"]*"', '""', rule["expr"])
    series = {name for name in re.findall(r"[a-z_][\w:]*", text) if name in COUNTED or name in RECORDED}
    labels = set().union(*(labels_of(each) for each in series)) | {"job", "instance"}

    assert series
    for name, matchers in re.findall(r"([a-z_][\w:]*)\{([^}]*)\}", text):
        assert set(re.findall(r"(\w+)[=!]~", matchers)) <= labels_of(name)
    bare = re.sub(r"\[\w+\]|\b\d+[a-z]+\b|\b[\d.]+\b", "", text)
    assert set(re.findall(r"[a-z_][\w:]*", bare)) <= series | labels | WORDS


def test_recorded_names_say_level_metric_and_operation() -> None:
    """`level:metric:operation`, each once; what is summed by is the level."""
    assert len(RECORDED) == sum("record" in rule for rule in EACH)
    for name, expr in RECORDED.items():
        level, metric, operation = name.split(":")
        assert re.fullmatch(r"voice_[a-z_]+", metric)
        assert re.fullmatch(r"(ratio_)?increase\d+[mhd](_offset1d)?", operation)
        assert {label for by in re.findall(r"by \(([^)]*)\)", expr) for label in by.split(", ")} == LEVELS[level]


def test_ratios_are_of_an_hour_at_least() -> None:
    """Shorter windows hold few calls: they are read by the quick leg of a burn-rate alert alone, with a count beside."""
    assert {"1h", "1d"} == {match[1] for name in RECORDED if (match := re.search(r"ratio_increase(\w+)", name))}
    for alert in ALERTS.values():
        for short in re.findall(r"\((\S+:increase(?:5|30)m)\)", alert["expr"]):
            assert "unless" in alert["expr"]
            assert short in RECORDED


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_what_it_needs(name: str) -> None:
    """Severity, words with the labels it is about, and a page that is there and says what to look at and to do."""
    alert = ALERTS[name]
    notes = alert["annotations"]
    by = {label for each in re.findall(r"by \(([^)]*)\)", alert["expr"]) for label in each.split(", ")}
    by |= set().union(*(LEVELS[each.partition(":")[0]] for each in RECORDED if each in alert["expr"]))
    chapter = chapter_of(heading_of(notes["runbook_url"]))

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(re.findall(r"\$labels\.(\w+)", notes["summary"] + notes["description"])) <= by
    assert not re.search(r"(?<!\{)\{[a-z_]", notes["summary"] + notes["description"])
    assert f"`{name}`" in chapter
    for part in ("**Means.**", "**Look.**", "**Do.**", "**Back.**"):
        assert part in chapter, (name, part)


def heading_of(url: str) -> str:
    """Return the page's heading that a link goes to."""
    address, _, fragment = url.partition("#")
    assert address.endswith("/dashboards/ALERTS.md")
    (found,) = (heading for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE) if anchor(heading) == fragment)
    return found


def test_only_what_callers_suffer_pages() -> None:
    """Budgets that burn and releases that make it worse; nothing about a processor, and nothing that is a matter of days."""
    critical = {name for name, alert in ALERTS.items() if alert["labels"]["severity"] == "critical"}

    assert critical == {
        *(f"OtelVoice{each}Burns{how}" for each in ("TaskCompletion", "EscalationCorrectness") for how in ("Fast", "Slow")),
        *(f"OtelVoice{each}InterruptionsSpikeAfterRelease" for each in ("False", "Missed")),
    }


def test_every_ratio_has_a_low_volume_guard() -> None:
    """A share is of so many cases at least, wherever it is divided."""
    for name, alert in ALERTS.items():
        if "humanizePercentage" in alert["annotations"]["summary"] and "Journal" not in name:
            assert re.search(r">= \d+", alert["expr"]), name


def test_the_page_speaks_of_no_alert_that_is_not_there() -> None:
    """Every alert that ALERTS.md names exists, and the other way round."""
    assert set(ALERTS) == set(re.findall(r"`(OtelVoice\w+)`", PAGE))


def test_pages_name_what_there_is() -> None:
    """Metrics, attributes, recorded names and headings in ALERTS.md and the README are real ones."""
    readme = (ROOT / "dashboards/README.md").read_text(encoding="utf-8")
    counted = {name.removesuffix("_total") for name in COUNTED} | {part for name in RECORDED for part in name.split(":")} | LABELS

    assert set(re.findall(r"otel_voice_\w+", PAGE)) <= {part for name in HEALTH for part in (name, own.prometheus_name(name))}
    assert {name.removesuffix("_total") for name in re.findall(r"\bvoice_\w+", PAGE + readme)} <= counted
    assert set(re.findall(r"(?:span\.|`)(voice\.[\w.]+)", PAGE)) <= set(a.ATTRIBUTES)
    assert {anchor(each) for each in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)} >= set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    assert {"otel-voice-short", "otel-voice-long"} <= {group["name"] for group in RULES["groups"]}


SEARCHED = {
    "Task completion after interruption": r.COMPLETION,
    "Escalation correctness": r.ESCALATION,
    "False interruptions spike after a policy change": r.FALSE,
    "Missed interruptions spike after a policy change": r.MISSED,
    "False interruptions above last week": r.FALSE,
    "Missed interruptions above last week": r.MISSED,
    "Undetermined share is high": r.UNDETERMINED,
}


@pytest.mark.parametrize("heading", SEARCHED)
def test_a_search_finds_what_its_alert_counts(heading: str) -> None:
    """Of the workflow that it names, and of the version where it names one: the bad cases, by every label that they are counted by."""
    signal = SEARCHED[heading]
    (search,) = re.findall(r"`(\{ name = .+? \})`", chapter_of(heading))
    found = re.findall(r'span\.([\w.]+) (=~?) "?([^" ]+)"?', search)
    asked = {label(key): value for key, _, value in found}
    name = "voice.interruption.episode" if signal.metric == m.INTERRUPTION_EPISODES else "voice.interruption.call"
    versions = {"voice_agent_policy_version": "VERSION"} if "spike" in heading else {}

    assert f'name = "{name}"' in search
    assert {"voice_workflow": "WORKFLOW"} | versions | dict(signal.counted) | dict(signal.wrong) == asked
    assert all((sign == "=~") == ("|" in value) for _, sign, value in found)


def test_every_search_stands_with_an_alert_of_its_own() -> None:
    """None is left that nothing holds against its alert, but for the one that finds all calls of a runtime."""
    others = {heading for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE) if "{ name = " in chapter_of(heading)} - set(SEARCHED)

    assert others == {"A runtime cannot be seen any more"}


def chapter_of(heading: str) -> str:
    """Return what stands under a heading of ALERTS.md."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_page_names_panels_that_there_are() -> None:
    """What stands in italics is a panel of a board, or a choice at its top."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in RENDERED.glob("otel-voice-*.json")]
    there = {panel["title"] for board in boards for panel in board["panels"]}
    there |= {each.get("label") for board in boards for each in board["templating"]["list"]}

    assert set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", PAGE)) <= there


def test_what_operating_says_to_alert_on_is_what_alerts_look_at() -> None:
    """Each number in the first column of its table is in the expression of a shipped alert."""
    page = (ROOT / "processor/OPERATING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \| ", page.partition("## What to alert on")[2].partition("\n## ")[0], re.MULTILINE)
    looked_at = " ".join(alert["expr"] for alert in ALERTS.values())

    assert len(rows) >= 7
    for row in rows:
        names = re.findall(r"otel_voice_\w+", row)
        names += [re.sub(r"^(otel_voice_[a-z]+_).*", rf"\1{rest}", names[0]) for rest in re.findall(r"\.\.\._(\w+)", row)]
        for name in names:
            assert name in looked_at, row


def test_the_route_sends_what_pages_to_the_pager_and_nothing_else() -> None:
    """Receivers are there; the labels it goes by are those that alerts have. amtool accepts it."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "dashboards/README.md").read_text(encoding="utf-8"), re.DOTALL)
    (config,) = (found for block in blocks if "route" in (found := yaml.safe_load(block)))
    (page,) = config["route"]["routes"]
    matchers = [re.fullmatch(r'(\w+)(=~?)"([^"]+)"', each) for each in page["matchers"]]

    assert {config["route"]["receiver"], page["receiver"]} == {each["name"] for each in config["receivers"]}
    for name, alert in ALERTS.items():
        labels = alert["labels"] | {"alertname": name}
        paged = all(each and re.fullmatch(each[3] if each[2] == "=~" else re.escape(each[3]), labels[each[1]]) for each in matchers)
        assert paged == (alert["labels"]["severity"] == "critical")


def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes both files."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "dashboards/README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", example], check=True)

    assert "otel-voice-short" in (tmp_path / PROMETHEUS_FILE).read_text(encoding="utf-8")
    assert "my-prometheus" in (tmp_path / GRAFANA_FILE).read_text(encoding="utf-8")


def test_the_file_for_grafana_is_what_9_4_takes() -> None:
    """A bad file is fatal there: shapes, intervals and states are those that were tried in it."""
    assert 1 == GRAFANA["apiVersion"]
    assert set(ALERTS) == set(IN_GRAFANA)
    for group in GRAFANA["groups"]:
        assert {"orgId", "name", "folder", "interval", "rules"} == set(group)
        assert re.fullmatch(r"\d+m|\d*0s", group["interval"])
    uids = [rule["uid"] for rule in IN_GRAFANA.values()]
    assert len(uids) == len(set(uids))
    for rule in IN_GRAFANA.values():
        assert re.fullmatch(r"[\w-]{1,40}", rule["uid"])
        assert ("OK", "Error", "C") == (rule["noDataState"], rule["execErrState"], rule["condition"])
        assert set(rule) - {"dashboardUid", "panelId"} == {
            *["uid", "title", "condition", "for", "data", "noDataState", "execErrState", "labels", "annotations"]
        }
        assert ("dashboardUid" in rule) == ("panelId" in rule)
        assert all("$" not in value for value in rule["labels"].values())
        assert all("$$" not in value and "$value " not in value for value in rule["annotations"].values())


def test_grafana_asks_the_same_and_fires_on_any_value() -> None:
    """A is the Prometheus rule's query, B its last value, C whether there is one above 0."""
    for title, rule in IN_GRAFANA.items():
        query, last, condition = rule["data"]
        assert ALERTS[title]["expr"] == query["model"]["expr"]
        assert (DATASOURCE, "__expr__", "__expr__") == (query["datasourceUid"], last["datasourceUid"], condition["datasourceUid"])
        assert query["model"]["instant"] is True
        assert ("reduce", "A", "last") == (last["model"]["type"], last["model"]["expression"], last["model"]["reducer"])
        assert ("threshold", "B") == (condition["model"]["type"], condition["model"]["expression"])
        assert [{"evaluator": {"type": "gt", "params": [0]}}] == condition["model"]["conditions"]
        assert ["A", "B", "C"] == [each["refId"] for each in rule["data"]] == [each["model"]["refId"] for each in rule["data"]]
        assert ALERTS[title]["for"] == rule["for"]


def test_a_team_changes_targets_and_where_the_page_is() -> None:
    """Other targets make other thresholds, in both files."""
    chosen = Targets(completion=Objective(target=0.9, fast=5.0, slow=2.0), spike_episodes=50, runbook="https://wiki.example.com/voice")

    for text in (prometheus_rules(chosen), grafana_alerts(chosen, datasource="mimir")):
        assert ") > 0.5\n" in text
        assert ">= 50)" in text
        assert "https://wiki.example.com/voice#dead-letters" in text
    assert "datasourceUid: mimir" in grafana_alerts(chosen, datasource="mimir")
    assert DATASOURCE not in grafana_alerts(chosen, datasource="mimir")


@pytest.mark.parametrize(("target", "fast"), [(0.8, 5.0), (0.5, 3.0), (1.0, 2.0), (0.0, 2.0), (0.9, 0.0)])
def test_an_objective_that_could_never_fire_is_refused(target: float, fast: float) -> None:
    """At a target of 80 % nothing burns five times faster than allowed: that is every call failing."""
    with pytest.raises(ValueError, match=r"never fires|is none"):
        Objective(target=target, fast=fast, slow=1.0)


def test_headings_are_linked_as_markdown_does() -> None:
    """Lower case, blanks to dashes, no punctuation."""
    assert "the-journals-disk" == anchor("The journal's disk")
