"""What stands in Prometheus: workflows with every sign that PromQL, TraceQL or a URL reads as its own, and two hundred more."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from otel_voice_dashboards.queries import label, prometheus_name
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m
from otel_voice_schema.metrics import METRICS

from tests.peers.install import found
from tests.peers.servers import Prometheus, prometheus

ODD = ('a"b', "a\\b", "a'b", "a.b", "axb", "a$b", "a|b", "a/b", "a[0](x){y}", "c++ ^x?", "a&b#c d=e%41", "Überweisung ✓", "$workflows")
MANY = tuple(f"flow {number:03}" for number in range(1, 201))
DOCTOR = "otel_voice_doctor"
MINUTES, END_S = 90, int(time.time()) // 60 * 60
SEEN = {"2026-06-01": END_S - 86_400, "2026-06-08": END_S - 1_234}  # policy versions, and since when


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """How much of each there is in a minute."""

    name: str
    stops: int
    false: int

    def lines(self) -> dict[str, list[str]]:
        """Return the samples of its counters in OpenMetrics' words, by metric."""
        labels = {a.VOICE_WORKFLOW: self.name, a.VOICE_AGENT_MESSAGE_TYPE: "information", a.VOICE_RUNTIME_NAME: "custom"}
        labels |= {a.VOICE_AGENT_POLICY_VERSION: "2026-06-08", a.GEN_AI_AGENT_NAME: "agent", a.VOICE_INTERRUPTION_NET_AUDIO: "stopped"}
        right = labels | {a.VOICE_INTERRUPTION_VERDICT: "correct", a.VOICE_INTERRUPTION_INTENT: "yes"}
        wrong = labels | {a.VOICE_INTERRUPTION_VERDICT: "false_interruption", a.VOICE_INTERRUPTION_INTENT: "no"}
        calls = labels | {a.VOICE_CALL_INTERRUPTED: "handled", a.VOICE_CALL_TASK_OUTCOME: "completed"}
        return {
            m.CALLS: counted(m.CALLS, calls, 1),
            m.INTERRUPTION_EPISODES: [
                *counted(m.INTERRUPTION_EPISODES, right, self.stops - self.false),
                *(counted(m.INTERRUPTION_EPISODES, wrong, self.false) if self.false else ()),
            ],
        }


def workflows() -> list[Workflow]:
    """Return them: the odd ones have 1, 2, 3 ... stops a minute; the many have more, each third of them false ones too."""
    odd = [Workflow(name=name, stops=number, false=0) for number, name in enumerate(ODD, 1)]
    many = [Workflow(name=name, stops=100 + number, false=number // 3 if number % 3 == 0 else 0) for number, name in enumerate(MANY, 1)]
    return [*odd, *many, Workflow(name=DOCTOR, stops=1000, false=1000)]


def written(name: str, labels: dict[str, str]) -> str:
    """Return a series as OpenMetrics writes it."""
    said = (f'{label(key)}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"' for key, value in labels.items())
    return f"{prometheus_name(METRICS[name])}{{{','.join(said)}}}"


def counted(name: str, labels: dict[str, str], each: int) -> list[str]:
    """Return the samples of a counter that grows by so much each minute."""
    carried = {key: value for key, value in labels.items() if key in METRICS[name].labels}
    return [f"{written(name, carried)} {each * minute} {END_S - 60 * (MINUTES - minute)}" for minute in range(MINUTES + 1)]


def seen() -> list[str]:
    """Return the samples of since when each policy version is seen, from then on."""
    shared = {a.VOICE_WORKFLOW: MANY[0], a.VOICE_RUNTIME_NAME: "custom", a.GEN_AI_AGENT_NAME: "agent"}
    minutes = range(END_S - 60 * MINUTES, END_S + 1, 60)
    return [
        f"{written(m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP, shared | {a.VOICE_AGENT_POLICY_VERSION: version})} {since} {at}"
        for version, since in SEEN.items()
        for at in minutes
        if at >= since
    ]


@contextmanager
def stocked(work: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that holds them all up to `END_S`."""
    promtool = found("promtool")
    if promtool is None:
        pytest.skip("promtool is not built: python tests/peers/install.py")
    each = [workflow.lines() for workflow in workflows()]
    lines = [line for name in (m.CALLS, m.INTERRUPTION_EPISODES) for lines in each for line in lines[name]]
    work.mkdir(parents=True, exist_ok=True)
    (work / "series.txt").write_text("\n".join([*lines, *seen(), "# EOF", ""]), encoding="utf-8")
    subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", "series.txt", "data"], cwd=work, check=True, capture_output=True)
    with prometheus(work) as server:
        yield server
