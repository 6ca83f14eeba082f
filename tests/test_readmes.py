"""What the READMEs say is so."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from otel_voice_dashboards.queries import label, prometheus_name
from otel_voice_processor.cli import COMMANDS
from otel_voice_processor.config import (
    Batch,
    Config,
    File,
    HttpExporter,
    Judging,
    Keepalive,
    MemoryLimiter,
    MetricsExporter,
    Receiver,
    Retry,
    Rotation,
    SendingQueue,
    Storage,
    Tls,
    TraceExporter,
)
from otel_voice_processor.config_file import parse_config
from otel_voice_processor.file_exporter.packing import pack
from otel_voice_processor.model import CallRecord
from otel_voice_processor.service import Service
from otel_voice_processor.testing import Sink
from otel_voice_schema.metrics import AGENT_POLICY_FIRST_SEEN_TIMESTAMP, METRICS
from otel_voice_schema.problems import CODES
from otel_voice_schema.validate import check

from otel_voice.policy import load_policy
from otel_voice.policy.lexicon import LANGUAGES
from otel_voice.policy.providers import PROVIDERS
from otel_voice.policy.settings import SETTINGS
from otel_voice.testing import capture_events
from tests.otel_voice.policy import test_quality as quality
from tests.processor.cli.a_grafana import TOKEN, serving

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
POLICY = (ROOT / "otel_voice/policy/README.md").read_text(encoding="utf-8")
BOARDS = ("otel-voice dashboards push", "otel-voice dashboards write", "export GRAFANA_CLOUD_OTLP")  # how blocks on boards begin


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_config_examples_conform() -> None:
    """The README's configs are read without a problem."""
    kept, onward = (parse_config(example, "README.md") for example in blocks(README, "yaml"))

    assert kept.file is not None
    assert kept.file.path == "calls.jsonl"
    assert onward.metrics is not None
    assert len(onward.traces) == 1


def test_the_policy_example_conforms(tmp_path: Path) -> None:
    """The policy in the README loads."""
    (example,) = blocks((ROOT / "otel_voice/README.md").read_text(encoding="utf-8"), "yaml")
    path = tmp_path / "policy.yaml"
    path.write_text(example, encoding="utf-8")

    assert load_policy(path).version == "my-policy-1"


def test_the_python_examples_compile() -> None:
    """Each example is Python."""
    for example in blocks(README, "python"):
        compile("async def example():\n" + "".join(f"    {line}\n" for line in example.splitlines()), "README.md", "exec")


async def test_the_helper_example_gives_a_correct_verdict() -> None:
    """The example for any runtime, sent as it stands to a processor, is judged correct."""
    example = next(block for block in blocks(README, "python") if "VoiceCall(" in block)
    records: list[CallRecord] = []
    async with Sink() as sink:
        traces = (TraceExporter(endpoint=sink.endpoint, tls=Tls(insecure=True)),)
        service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=traces), on_call=records.append)
        await service.start()
        script = example.replace("localhost:4317", f"127.0.0.1:{service.port}")
        await asyncio.to_thread(exec, compile(script, "README.md", "exec"), {})
        await service.stop(1.0)
    (record,) = records

    assert ["correct"] == [episode.verdict for episode in record.episodes]
    assert (310, 600) == (record.episodes[0].reaction_ms, record.episodes[0].silence_ms)
    assert "2026-11-25" == record.policy_version


class Speaking:
    """A LiveKit session as far as the README's lines touch one."""

    def __init__(self) -> None:
        self.heard: dict[str, Callable[..., None]] = {}
        self.output = SimpleNamespace(audio=self)

    def on(self, name: str, callback: Callable[..., None]) -> None:
        self.heard[name] = callback

    async def say(self, text: str) -> None:
        self.heard["speech_created"](SimpleNamespace(speech_handle=SimpleNamespace(id="speech_1", allow_interruptions=True)))
        self.heard["agent_state_changed"](SimpleNamespace(old_state="listening", new_state="speaking"))
        self.heard["playback_finished"](SimpleNamespace(playback_position=1.0, interrupted=False))


async def test_the_livekit_lines_tell_what_they_promise() -> None:
    """One line for stops; three more for the policy, the message type and the outcome."""
    one, three = (block for block in blocks(README, "python") if "livekit.instrument(" in block or "instrumentation." in block)
    for script in (one, one.splitlines()[0] + "\n" + three):
        lines = "".join(f"    {line}\n" for line in script.splitlines())
        names: dict[str, Any] = {}
        exec(compile(f"async def example(session):\n{lines}", "README.md", "exec"), names)
        session = Speaking()
        with capture_events() as events:
            await names["example"](session)
            await session.say("Anything else?")
    spoken = [event.attributes.get("voice.agent.message.type") for event in events if event.name.endswith("speech_started")]
    ended = next(event.attributes for event in events if event.name.endswith("call_ended"))

    assert ["disclosure", None] == spoken
    assert ("completed", "2026-11-25", "billing") == (
        ended["voice.call.task_outcome"],
        ended["voice.agent.policy.version"],
        ended["voice.workflow"],
    )


def test_the_helpers_examples_run() -> None:
    """They do what they say, and what they tell conforms; LiveKit's own lines run in `live/`, here they compile."""
    block, tested, livekit, guard = blocks((ROOT / "otel_voice/README.md").read_text(encoding="utf-8"), "python")
    exec(compile(tested, "otel_voice/README.md", "exec"), {})
    compile(livekit, "otel_voice/README.md", "exec")
    agent = MagicMock()
    for example, count in ((block, 11), (guard + "\ntake_call(agent)", 8)):
        with capture_events() as events:
            exec(compile(example, "otel_voice/README.md", "exec"), {"agent": agent})

        assert [] == [problem for event in events for problem in check(event.name, event.attributes)]
        assert count == len(events), [event.name for event in events]
    assert ["play", "stop"] == sorted({each.args[0] for each in agent.play.call_args_list})
    agent.hand_over.assert_called_once_with(())
    agent.rule_by_thresholds.assert_not_called()


def test_the_commands_on_records_run(tmp_path: Path) -> None:
    """Every line of the block is a command that succeeds on a recorded call."""
    block = re.findall(r"```\n(otel-voice validate.*?)```", README, re.DOTALL)[0]
    envelope = (ROOT / "tests/cases/runbook_envelope.json").read_text(encoding="utf-8")
    (tmp_path / "calls.jsonl").write_text(json.dumps(json.loads(envelope)) + "\n", encoding="utf-8")
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    function = f"set -eo pipefail; otel-voice() {{ '{sys.executable}' -c '{script}' \"$@\"; }}\n"
    done = subprocess.run(["bash", "-c", function + block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (0, "1 written\n") == (done.returncode, done.stderr)
    assert "1 event: 1 conform" in done.stdout
    assert "# 2026-05-20 to 2026-11-25" in done.stdout


def test_the_call_records_example_runs(tmp_path: Path) -> None:
    """The config is read as it is told, and the command succeeds on rotated files."""
    text = (ROOT / "processor/README.md").read_text(encoding="utf-8")
    (config,) = (parse_config(example, "processor/README.md") for example in blocks(text, "yaml"))
    (command,) = re.findall(r"```\n(zstdcat .*?)```", text, re.DOTALL)

    assert config.file == File(path="calls.jsonl", compression="zstd", rotation=Rotation(interval=86_400.0, max_days=30))
    if shutil.which("zstdcat") is None:
        pytest.skip("no zstdcat here")
    envelope = json.dumps(json.loads((ROOT / "tests/cases/runbook_envelope.json").read_text(encoding="utf-8")))
    for second in range(2):
        path = tmp_path / f"calls-2026-11-28T15-04-0{second}.000.jsonl"
        path.write_text(f"{envelope}\n", encoding="utf-8")
        pack(path, threading.Event())
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    function = f"set -eo pipefail; otel-voice() {{ '{sys.executable}' -c '{script}' \"$@\"; }}\n"
    done = subprocess.run(["bash", "-c", function + command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == done.returncode, done.stderr
    assert "2 events: 2 conform" in done.stdout


def test_the_commands_on_calls_run(tmp_path: Path) -> None:
    """Every line of the block succeeds on what the demo wrote."""
    (block,) = re.findall(r"```\n(otel-voice explain latest.*?)```", README, re.DOTALL)
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    function = f"set -eo pipefail; otel-voice() {{ '{sys.executable}' -c '{script}' \"$@\"; }}\n"
    demo = "otel-voice demo --calls 3 --file calls.jsonl > /dev/null\n"
    done = subprocess.run(["bash", "-c", function + demo + block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == done.returncode, done.stderr
    assert "Nobody meant to interrupt, we fired on a backchannel" in done.stdout


def test_the_commands_on_boards_run(tmp_path: Path) -> None:
    """Each pushes to a Grafana or writes below a folder; the config for Grafana Cloud conforms with the variables that are set."""
    text = (ROOT / "dashboards/README.md").read_text(encoding="utf-8")
    pushed, written, cloud = (re.findall(rf"```\n({start}.*?)```", text, re.DOTALL)[0] for start in BOARDS)
    for name in ("grafana.token", "cloud.token"):
        (tmp_path / name).write_text(TOKEN, encoding="ascii")
    (tmp_path / "dashboards").symlink_to(ROOT / "dashboards")
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    function = f"set -eo pipefail; otel-voice() {{ '{sys.executable}' -c '{script}' \"$@\"; }}\n"
    with serving() as grafana:
        grafana.store.anonymous = True
        block = re.sub(r"https?://(localhost:3000|example\.com/grafana)", grafana.url, pushed) + written + cloud
        home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        command = ["bash", "-c", function + block]
        done = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == done.returncode, done.stderr
    assert ["Voice"] == list(grafana.store.folders.values())
    assert "provisioning/dashboards/otel-voice.yaml: changed" in done.stdout
    assert "config and policy conform" in done.stdout
    for file in re.findall(r"docker compose -f (\S+)", text):
        assert (ROOT / file).is_file()


def test_every_command_is_in_a_readme() -> None:
    """A command without words does not pass."""
    for name in COMMANDS:
        assert f"otel-voice {name}" in README


def test_every_setting_is_in_the_processors_readme() -> None:
    """A setting without words does not pass."""
    text = (ROOT / "processor/README.md").read_text(encoding="utf-8")
    exporters = (TraceExporter, HttpExporter, MetricsExporter, Tls, Retry, SendingQueue, Batch, File, Rotation)
    parts = (Receiver, Keepalive, MemoryLimiter, Judging, *exporters, Storage)
    for part in parts:
        for key in part.__dataclass_fields__.keys() - {"name", "in_memory", "max_dead_letter_megabytes"}:  # not keys of the file
            assert re.search(rf"[`.]{key}", text), f"{part.__name__}.{key}"


def test_the_codes_that_are_raised_are_known() -> None:
    """Every problem has a code with words; the README's table is made of them."""
    raised: set[str] = set()
    for path in [*(ROOT / "schema/otel_voice_schema").glob("*.py"), ROOT / "processor/otel_voice_processor/records.py"]:
        raised |= set(re.findall(r'(?:code=|_problem\(|problem\()\s*"([a-z_]+)"', path.read_text(encoding="utf-8")))

    assert set() == raised - set(CODES)


def test_the_schemas_example_runs() -> None:
    """The README's lines do what they say."""
    (example,) = blocks((ROOT / "schema/README.md").read_text(encoding="utf-8"), "python")
    exec(compile(example, "schema/README.md", "exec"), {})


def test_every_counter_is_in_the_processors_readme() -> None:
    """A counter without words does not pass."""
    text = (ROOT / "processor/README.md").read_text(encoding="utf-8")
    for path in (ROOT / "processor/otel_voice_processor").rglob("*.py"):
        for name in re.findall(r'"(otel_voice_(?:receiver|processor|exporter|journal)_[a-z_]+)"', path.read_text(encoding="utf-8")):
            assert f"`{name}`" in text, name


def test_the_query_of_the_processors_readme_asks_for_what_there_is() -> None:
    """Metric and labels as Prometheus has them; both are of the registry."""
    (query,) = blocks((ROOT / "processor/README.md").read_text(encoding="utf-8"), "promql")
    metric = METRICS[AGENT_POLICY_FIRST_SEEN_TIMESTAMP]

    assert {prometheus_name(metric), *map(label, metric.labels)} == set(re.findall(r"voice_\w+", query))


def test_every_fault_names_a_test_that_is_there() -> None:
    """A row of what it survives without its test is a promise."""
    table = (ROOT / "processor/README.md").read_text(encoding="utf-8").partition("## What it survives")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| fault", "|---"))]
    named = {row: re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", row.rpartition("|")[0].rpartition("|")[2]) for row in rows}

    assert 30 < len(rows)
    for row, tests in named.items():
        assert tests, row
        for file, name in tests:
            path = ROOT / (file if "/" in file else f"tests/faults/{file}")
            assert path.is_file(), file
            assert not name or re.search(rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_commands_on_policies_run(tmp_path: Path) -> None:
    """Every line of both blocks succeeds, one after the other; `diff` says by its code that something changes."""
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    function = f"otel-voice() {{ '{sys.executable}' -c '{script}' \"$@\" || [ \"$2:$?\" = diff:1 ]; }}\nset -e\n"
    for at, text in enumerate((README, POLICY)):
        (block,) = re.findall(r"```\n(otel-voice policy init.*?)```", text, re.DOTALL)
        folder = tmp_path / str(at)
        folder.mkdir()
        done = subprocess.run(["bash", "-c", function + block], cwd=folder, capture_output=True, text=True, timeout=60, check=False)

        assert 0 == done.returncode, done.stderr
        assert "passed" in done.stdout


def test_the_policys_example_runs() -> None:
    """A ruling in a few lines."""
    (example,) = blocks(POLICY, "python")
    exec(compile(example, "otel_voice/policy/README.md", "exec"), {})


def test_the_policys_figures_are_those_measured() -> None:
    """The table of languages, the share of mutants, every setting: as the code has them."""
    mutants = (ROOT / "tests/full/policy_mutants.txt").read_text(encoding="utf-8")
    killed, of_all, share = re.findall(r"in all: (\d+) of (\d+) noticed, ([\d.]+)%", mutants)[0]

    for language in LANGUAGES:
        found = quality.read(language)
        right, size = quality.floor(found)
        heard, asked = quality.share(found, "escalation")
        assert f"| {language} | {right} of {size} |" in POLICY
        assert f"| {heard} of {asked} |" in POLICY
    assert f"{share} % of {of_all} ways" in POLICY
    assert int(killed) >= 0.95 * int(of_all)
    for setting in SETTINGS:
        assert f"`{setting}`" in POLICY, setting
    for provider in PROVIDERS:
        assert provider in POLICY
