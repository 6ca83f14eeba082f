"""What the rules record and of what they alert, asked of a Prometheus that was fed, and held against the truth.

Nothing was recorded while it was fed, in minutes: in place of a recorded name its own expression is asked. How rules follow each other in
time, and how long an alert holds, is promtool's in `test_rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml
from otel_voice_dashboards import RENDERED

from tests.peers.asking import DAY, WINDOWS
from tests.peers.fed import HOUR, MINUTE, Fed
from tests.peers.table import Rows, Table, rows_of
from tests.peers.truth import Span, Truth, Value, preamble, span, statements

_NAME: Final = re.compile(r"(?P<name>[a-z_]+:[a-z_]+:[a-z0-9_]+)(?P<matchers>\{[^}]*\})?(?: offset (?P<ago>\w+))?")
_RECORDED: Final = re.compile(r"(?P<of>[a-z_]+:[a-z_]+):(?P<ratio>ratio_)?increase(?P<window>\d+[mhd])(?P<old>_offset1d)?")
SECONDS: Final = WINDOWS | {"5m": 5 * MINUTE, "30m": 30 * MINUTE, "3d": 3 * DAY}
ALERT_SLACK: Final = 0.05  # of shares over an hour and more, in a part of which series are new


def rules() -> list[dict[str, Any]]:
    """Return all rules, of which each reads what those before it recorded."""
    text = (RENDERED / "rules" / "otel-voice.rules.yaml").read_text(encoding="utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def written_out(expr: str, recorded: Mapping[str, str]) -> str:
    """Return an expression with those of the recorded series that it names in their place; what was recorded long ago is asked of then."""

    def inner(found: re.Match[str]) -> str:
        if found["name"] not in recorded:
            return found[0]
        text = recorded[found["name"]]
        if found["matchers"]:  # on labels that every count is split by, so that they may as well stand on what is counted
            text = text.replace("{", "{" + found["matchers"][1:-1] + ",")
        return f"last_over_time(({text})[1m:1m] offset {found['ago']})" if found["ago"] else f"({text})"

    return _NAME.sub(inner, expr)


def names() -> tuple[set[str], set[str]]:
    """Return the names that rules and alerts are expected under."""
    listed = rules()
    return {_told_as(rule["record"])[0] for rule in listed if "record" in rule}, {rule["alert"] for rule in listed if "alert" in rule}


def _told_as(name: str) -> tuple[str, int, int]:
    """Return under which name a recorded series is expected, how many seconds it counts, and how long ago."""
    found = _RECORDED.fullmatch(name)
    assert found, f"the name `{name}` says no window"
    what = found["of"] + (" as a ratio" if found["ratio"] else " of old versions" if found["old"] else "")
    return what, SECONDS[found["window"]], DAY if found["old"] else 0


def ask_rules(fed: Fed, truth: Truth, table: Table) -> None:
    """Ask what each rule would record now, and of what each alert would tell."""
    told, alerts = statements("rules"), statements("alerts")
    truth.run(preamble("alerts"))
    recorded: dict[str, str] = {}
    for rule in rules():
        expr = written_out(rule["expr"], recorded)
        got = _asked(fed, expr)
        if "alert" in rule:
            when = Span(begin_s=0, end_s=fed.end_s, slack=ALERT_SLACK)
            _held(table, truth, rule["alert"], alerts.get(rule["alert"]), when, got)
            continue
        recorded[rule["record"]] = expr
        name, seconds, ago = _told_as(rule["record"])
        end_s = fed.end_s - ago
        _held(table, truth, rule["record"], told.get(name), span(fed, end_s - seconds, end_s), got)
    missing = next(rule["expr"] for rule in rules() if rule.get("alert") == "OtelVoiceRecordingRulesMissing")
    calls = truth.counted(f"SELECT count(*) FROM calls(0) WHERE pushed > {fed.end_s - HOUR + MINUTE}")[0][0]
    expected = {frozenset[tuple[str, str]](): Value(low=calls, high=calls * 1.05)}
    table.add("rules / OtelVoiceRecordingRulesMissing, and nothing is recorded", "at the end", expected, _asked(fed, missing))


def _held(table: Table, truth: Truth, name: str, statement: str | None, when: Span, got: Rows) -> None:
    if statement is not None:
        table.add(f"rules / {name}", "at the end", truth.told(statement, {}, when), got)


def _asked(fed: Fed, expr: str) -> Rows:
    return rows_of(fed.prom.ask("query", query=expr, time=str(fed.end_s))["result"])
