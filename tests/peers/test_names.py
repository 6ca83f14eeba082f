"""What Prometheus makes of our names, by each translation strategy of its OTLP receiver, and what its promoted labels do to our queries."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from otel_voice_dashboards import RENDERED, health, queries
from otel_voice_dashboards.rule_files import alert_groups
from otel_voice_dashboards.rules import groups
from otel_voice_dashboards.slo import Targets
from otel_voice_processor.export_metrics import MetricsExporter, encode_metrics
from otel_voice_processor.series import Point
from otel_voice_processor.simulate import simulate
from otel_voice_processor.summary import resource_attributes
from otel_voice_processor.telemetry import Counters, OwnPoints
from otel_voice_schema.health import HEALTH
from otel_voice_schema.metrics import METRICS, Metric

from tests.peers.push_tap import PushTap
from tests.peers.scored import scored
from tests.peers.servers import Prometheus, prometheus

pytestmark = pytest.mark.peers
DEFAULT = "UnderscoreEscapingWithSuffixes"
STRATEGIES = {  # whether dots become underscores, and whether unit and type are added
    DEFAULT: (True, True),
    "UnderscoreEscapingWithoutSuffixes": (True, False),
    "NoUTF8EscapingWithSuffixes": (False, True),
    "NoTranslation": (False, False),
}
PROMOTED = "otlp: {promote_all_resource_attributes: true, promote_scope_metadata: true}"
Names = dict[str, set[str]]  # of series, with the names of their labels


def everything(now_ns: int) -> list[Point]:
    """Return a point of each metric of the registry with all its labels, and of each number of the processor's own."""
    points = []
    for metric in METRICS.values():
        labels = tuple((key, "x") for key in metric.labels)
        counts = (1, *(0 for _ in metric.buckets)) if metric.instrument == "histogram" else ()
        when = {"start_ns": now_ns - 10**9, "time_ns": now_ns}
        points.append(Point(metric=metric, labels=labels, **when, value=1, counts=counts, total=0.1, exemplar=None))
    counters = Counters()
    own = OwnPoints(counters, now_ns - 10**9)
    for each in HEALTH.values():
        if each.instrument == "counter":
            counters.add(each.name, 1, **dict.fromkeys(each.labels, "x"))
    gauges = [each for each in HEALTH.values() if each.instrument == "gauge"]
    own.gauges = lambda: [(each.name, tuple((key, "x") for key in each.labels), 1.0) for each in gauges]
    return [*points, *own.points(now_ns)]


def of_histogram(metric: Metric, name: str, labels: set[str]) -> Names:
    """Return the series of a metric: a histogram has three names."""
    if metric.instrument != "histogram":
        return {name: labels}
    return {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}


def asked_for() -> Names:
    """Return every name that boards and rules may ask for, as they build it."""
    names: Names = {}
    for metric in METRICS.values():
        names |= of_histogram(metric, queries.prometheus_name(metric), {queries.label(key) for key in metric.labels})
    return names | {health.prometheus_name(each.name): set(each.labels) for each in HEALTH.values()}


def translated(strategy: str) -> Names:
    """Return every name as the strategy's own words have it."""
    escaped, suffixed = STRATEGIES[strategy]

    def named(name: str, instrument: str, unit: str) -> str:
        name = name.replace(".", "_") if escaped else name
        if not suffixed:
            return name
        if instrument == "gauge" and unit == "1":
            return name.removesuffix("ratio")[:-1] + "_ratio"  # the last word is theirs, whatever it was joined by
        return name + ("_seconds" if unit == "s" else "") + ("_total" if instrument == "counter" else "")

    names: Names = {}
    for metric in METRICS.values():
        labels = {key.replace(".", "_") if escaped else key for key in metric.labels}
        names |= of_histogram(metric, named(metric.name, metric.instrument, metric.unit), labels)
    return names | {named(each.name, each.instrument, ""): set(each.labels) for each in HEALTH.values()}


def made(prom: Prometheus) -> Names:
    """Return the names that Prometheus has, without what it makes of the resource."""
    names: Names = {}
    for series in prom.ask("series", **{"match[]": '{job="otel-voice-processor"}'}):
        name, labels = series["__name__"], series.keys() - {"__name__"}
        if name != "target_info":
            assert {"job", "instance"} <= labels
            names.setdefault(name, set()).update(labels - {"job", "instance"})
    return names


@pytest.mark.parametrize("strategy", [*STRATEGIES, ""])
async def test_every_name_is_what_prometheus_makes_of_it(strategy: str, tmp_path: Path) -> None:
    """By the default strategy all are those that boards ask for; by another one these are not found, and it can be seen which one runs."""
    config = f"otlp: {{translation_strategy: {strategy}}}" if strategy else ""
    strategy = strategy or DEFAULT
    with prometheus(tmp_path, config=config) as prom:
        exporter = MetricsExporter(prom.endpoint)
        await exporter.send(encode_metrics(resource_attributes("one"), everything(time.time_ns())))
        await exporter.close()
        found = await asyncio.to_thread(made, prom)
        running = (await asyncio.to_thread(prom.ask, "status/config"))["yaml"]
    asked = asked_for()
    escaped, suffixed = STRATEGIES[strategy]
    counted = {name for name in asked if name.endswith("_total")}
    timed = {name for name in asked if re.search("_seconds(_|$)", name)}
    of_calls = {name for name in asked if name.startswith("voice_")}

    assert translated(strategy) == found
    assert (set() if suffixed else counted | timed) | (set() if escaped else of_calls) == asked.keys() - found.keys()
    assert all(asked[name] == found[name] for name in asked.keys() & found.keys())
    assert [strategy] == re.findall(r"translation_strategy: (\w+)", running)


def board_queries() -> dict[str, str]:
    """Return each query of the boards over metrics and of the rules, with everything chosen and a range that holds it."""
    found: dict[str, str] = {}
    for path in sorted(RENDERED.glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for at, target in enumerate(panel.get("targets", ())):
                if "expr" in target:
                    found[f"{path.stem}: {panel['title']} {at}"] = target["expr"]
    found |= {rule.name: rule.expr for group in groups(Targets()) for rule in group.rules}
    found |= {alert.name: alert.expr for group in alert_groups(Targets()).values() for alert in group}
    given = {r"\$\{?__interval_ms\}?": "3600000", r"\$(__range|__rate_interval|window)\b": "1h", r"\$\{?[a-z_]+(:regex)?\}?": ".*"}
    for pattern, value in given.items():
        found = {name: re.sub(pattern, value, expr) for name, expr in found.items()}
    assert not [name for name, expr in found.items() if "$" in expr]
    return found


def answers(prom: Prometheus, at_s: float) -> dict[str, list[Any]]:
    """Return what every query gives, labels and values."""
    found = {}
    for name, expr in board_queries().items():
        result = prom.ask("query", query=expr, time=f"{at_s:.3f}")["result"]
        found[name] = sorted(([sorted(each["metric"].items()), each["value"][1]] for each in result), key=str)
    return found


async def test_labels_that_are_promoted_change_no_answer(tmp_path: Path) -> None:
    """The same pushes of two processors, once into a Prometheus as it comes, once into one that puts resource and scope on every series."""
    with prometheus(tmp_path / "plain") as plain, prometheus(tmp_path / "promoted", config=PROMOTED) as promoted:
        async with PushTap(plain.url) as tap:
            for seed in (11, 12):
                async with scored(tap.endpoint) as one:
                    scripts = list(simulate(seed, 40))
                    await one.take(scripts, {script.call_id: "2026-06-01" for script in scripts[::3]})
        exporter = MetricsExporter(promoted.endpoint)
        for body in tap.pushes:
            await exporter.send(body)
        await exporter.close()
        at_s = await asyncio.to_thread(plain.newest_s)
        wanted, got = [await asyncio.to_thread(answers, each, at_s) for each in (plain, promoted)]
        before, after = [(await asyncio.to_thread(each.ask, "series", **{"match[]": "voice_calls_total"}))[0] for each in (plain, promoted)]

    assert {"service_name", "service_instance_id", "service_version"} < after.keys() - before.keys()
    assert "otel-voice-processor" == after["otel_scope_name"]
    assert wanted == got
    first = [value for name, value in wanted.items() if name.startswith("otel-voice-overview") and name.endswith(" 0")]
    assert 15 < len(first)
    assert all(first)  # each panel had something to show


@pytest.mark.parametrize(("config", "shown"), [("", 1.0), (PROMOTED, 2.0)])
async def test_after_an_upgrade_gauges_count_twice_where_the_version_is_a_label(config: str, shown: float, tmp_path: Path) -> None:
    """The processor is the same instance, and its last series is not stale yet: what the README warns of."""
    now_ns = time.time_ns()
    with prometheus(tmp_path, config=config) as prom:
        exporter = MetricsExporter(prom.endpoint)
        for version, at_ns in (("1", now_ns - 5 * 10**9), ("2", now_ns)):
            await exporter.send(encode_metrics(resource_attributes("one") | {"service.version": version}, everything(at_ns)))
        await exporter.close()
        value = await asyncio.to_thread(prom.value, f"sum({health.everywhere('otel_voice_journal_bytes')})", now_ns / 1e9)

    assert shown == value
