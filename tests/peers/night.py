"""Counters as a processor would have pushed them, once a minute, told to `promtool test rules`; and what it says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from otel_voice_dashboards import RENDERED

from tests.peers.install import found

RULES = RENDERED / "rules" / "otel-voice.rules.yaml"
HOUR, DAY = 60, 24 * 60  # in minutes, as all times here
Flow = Sequence[tuple[float, int]]  # so many a minute, for so many minutes


def quoted(labels: Mapping[str, str]) -> str:
    """Return labels as PromQL writes them."""
    escaped = {key: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, value in labels.items()}
    return "{" + ",".join(f'{key}="{value}"' for key, value in sorted(escaped.items())) + "}"


def counter(flow: Flow, value: float = 0) -> str:
    """Return a counter's samples, one a minute."""
    parts = []
    for rate, minutes in flow:
        parts.append(f"{value:g}+{rate:g}x{minutes - 1}" if minutes > 1 else f"{value:g}")
        value = round(value + rate * minutes, 6)
    return " ".join(parts)


@dataclass
class Night:
    """Series that were pushed, and what is asked of the rules at some minute."""

    every: str = "5m"  # how often rules are evaluated here: their own interval is of no account to promtool
    only: str = ""  # the one group that is loaded, or all
    series: list[dict[str, str]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def push(self, name: str, values: str, **labels: str) -> None:
        """Add one series, with the samples in promtool's notation."""
        self.series.append({"series": name + quoted({"job": "otel-voice", "instance": "one"} | labels), "values": values})

    def episodes(self, flow: Flow, verdict: str, *, workflow: str = "billing", version: str = "v1", **more: str) -> None:
        """Add episodes of one verdict, in which the audio stopped for what the caller meant or not."""
        intent = {"false_interruption": "no", "undetermined": "unknown"}.get(verdict, "yes")
        net = "kept" if verdict == "missed_interruption" else "stopped"
        labels = {"voice_interruption_verdict": verdict, "voice_interruption_intent": intent, "voice_interruption_net_audio": net}
        self.push("voice_interruption_episodes_total", counter(flow), **_who(workflow, version) | labels | more)

    def calls(self, flow: Flow, outcome: str, *, workflow: str = "billing", version: str = "v1", **more: str) -> None:
        """Add interrupted calls of one outcome."""
        labels = {"voice_call_task_outcome": outcome, "voice_call_interrupted": "handled", "voice_call_observable": "yes"}
        self.push("voice_calls_total", counter(flow), **_who(workflow, version) | labels | more)

    def escalations(self, flow: Flow, happened: str, *, workflow: str = "billing") -> None:
        """Add calls whose caller asked for a person."""
        labels = {"voice_call_escalation_asked": "true", "voice_call_escalated": happened}
        self.push("voice_escalations_total", counter(flow), **_who(workflow, "v1") | labels)

    def expect(self, expr: str, minute: int, *samples: tuple[dict[str, str], float]) -> None:
        """Ask a query; the samples are all that it returns."""
        wanted = [{"labels": quoted(labels), "value": value} for labels, value in samples]
        self.asked.append({"expr": expr, "eval_time": f"{minute}m", "exp_samples": wanted})

    def fires(self, minute: int, *alerts: tuple[str, dict[str, str]]) -> None:
        """Say which alerts fire at a minute, by name and labels without severity; no other does."""
        wanted = [({"alertname": name} | labels, 1.0) for name, labels in alerts]
        self.expect('max without (alertstate, severity) (ALERTS{alertstate="firing"})', minute, *wanted)

    def silent(self, until: int) -> None:
        """Say that no alert fires or pends from the beginning to that minute."""
        self.expect(f"count by (alertname) (count_over_time(ALERTS[{until}m]))", until)

    def check(self, folder: Path) -> None:
        """Let promtool compare; fail with its words."""
        tests = {"interval": "1m", "input_series": self.series, "promql_expr_test": self.asked, "alert_rule_test": self.alerts}
        groups = [each for each in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] if self.only in ("", each["name"])]
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}, allow_unicode=True), encoding="utf-8")
        model = {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": self.every,
            "group_eval_order": [group["name"] for group in groups],  # else alerts may come before what they read
            "tests": [tests],
        }
        (folder / "night.test.yaml").write_text(yaml.safe_dump(model, allow_unicode=True), encoding="utf-8")
        done = promtool("test", "rules", str(folder / "night.test.yaml"))
        assert done.returncode == 0, done.stdout + done.stderr


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool, or skip the test where it is not built."""
    binary = found("promtool")
    if binary is None:
        pytest.skip("promtool is not built: python tests/peers/install.py")
    lavish = os.environ | {"GOGC": "400"}  # it lives for seconds: a fifth of them would go into collecting garbage
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False, env=lavish)


def _who(workflow: str, version: str) -> dict[str, str]:
    return {"voice_workflow": workflow, "voice_agent_policy_version": version, "voice_runtime_name": "livekit"}
