"""Calls explained out of a real Tempo, as agents and the processor put them there."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otel_voice_processor.cli import main
from otel_voice_processor.config import Config, Judging, Receiver, Tls, TraceExporter
from otel_voice_processor.service import Service

import otel_voice
from tests.peers.servers import Tempo, tempo

pytestmark = pytest.mark.peers

MS = 1_000_000


def agent(endpoint: str) -> TracerProvider:
    """An agent's tracer provider."""
    provider = TracerProvider(resource=Resource.create({"service.name": "agent"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True)))
    return provider


def call(provider: TracerProvider, call_id: str, *, join: bool = False) -> None:
    """The caller corrects the agent, a minute ago."""
    begin = time.time_ns() - 60_000 * MS
    told = otel_voice.VoiceCall(
        call_id, workflow="billing", runtime="test", observable=("speech",), tracer_provider=provider, join=join, keep_text=True, at=begin
    )
    with told.message("support_answer"):
        response = told.agent_speech_started(planned_ms=6200, at=begin + 1000 * MS)
    stretch = told.user_speech_started(vad_confidence=0.91, at=begin + 2530 * MS)
    told.agent_speech_stopped(response, position_ms=1840, end_reason="interrupted", at=begin + 2840 * MS)
    told.user_speech_stopped(
        stretch, duration_ms=1070, transcript_status="final", silence_ms=500, text="no I meant Friday", at=begin + 3600 * MS
    )
    told.end(outcome="completed", escalated=False, ended_by="caller", at=begin + 8000 * MS)
    provider.force_flush()


def explained(capsys: pytest.CaptureFixture[str], server: Tempo, call_id: str, *more: str) -> dict[str, Any]:
    """Ask until Tempo has it: what was sent is there in a second."""
    until = time.monotonic() + 20
    while (code := main(["explain", call_id, "--json", "--tempo", server.url, *more])) and time.monotonic() < until:
        time.sleep(0.2)
    out, err = capsys.readouterr()
    assert 0 == code, err
    return dict(json.loads(out))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tempo]:
    """One Tempo whose blocks go to its store after a second, and soon leave its ingester."""
    with tempo(tmp_path_factory.mktemp("tempo"), block="1s", kept="1s") as started:
        yield started


async def test_a_call_that_the_processor_judged_is_found_by_its_id(server: Tempo, capsys: pytest.CaptureFixture[str]) -> None:
    """Its verdict is the one that counted; its trace id finds it, too; text that was redacted is told as that."""
    traces = (TraceExporter(endpoint=server.otlp, tls=Tls(insecure=True)),)
    service = Service(Config(receiver=Receiver(endpoint="127.0.0.1:0"), traces=traces, judging=Judging(settle_after=0.1), status=None))
    await service.start()
    await asyncio.to_thread(call, agent(f"127.0.0.1:{service.port}"), "call_judged")
    await service.settle_all()
    await service.stop()
    account = await asyncio.to_thread(explained, capsys, server, "call_judged")

    assert ("processor", True) == (account["judged"]["by"], account["judged"]["settled"])
    assert ["correct"] == [episode["verdict"] for episode in account["episodes"]]
    assert account["episodes"][0]["counted"]
    assert (None, True) == tuple(account["caller"][0]["transcript"][key] for key in ("text", "redacted"))
    assert account == await asyncio.to_thread(explained, capsys, server, account["call"]["trace_id"])


def test_a_call_that_joined_a_trace_is_found_by_search(server: Tempo, capsys: pytest.CaptureFixture[str]) -> None:
    """In the ingester, and when its block has gone to the store."""
    provider = agent(server.otlp)
    with trace.get_tracer("web", tracer_provider=provider).start_as_current_span("request"):
        call(provider, 'call "joined" \\ here', join=True)
    fresh = explained(capsys, server, 'call "joined" \\ here')
    _await_stored(server, "joined")
    stored = explained(capsys, server, 'call "joined" \\ here', "--since", "15d")

    assert ("here", ["correct"]) == (fresh["judged"]["by"], [episode["verdict"] for episode in fresh["episodes"]])
    assert "no I meant Friday" == fresh["caller"][0]["transcript"]["text"]
    assert fresh == stored


def _await_stored(server: Tempo, part: str) -> None:
    """Wait until the ingester, which answers where no range is given, has let go of a call."""
    query = urllib.parse.urlencode({"q": f'{{ span.voice.call.id =~ ".*{part}.*" }}'})
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{server.url}/api/search?{query}", timeout=5) as answer:
            if not json.load(answer).get("traces"):
                return
        time.sleep(0.2)
    raise AssertionError("still in the ingester")


def test_a_call_that_is_not_there_says_what_was_looked_for(server: Tempo, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what may be the reason."""
    assert 2 == main(["explain", "call_never", "--tempo", server.url])
    assert "not there yet (seconds after it ended), sampled away" in capsys.readouterr().err


def test_a_search_further_back_than_tempo_allows_is_made_in_steps(server: Tempo, capsys: pytest.CaptureFixture[str]) -> None:
    """A month is no mistake, though one search may reach a week only."""
    assert 2 == main(["explain", "call_never", "--tempo", server.url, "--since", "30d"])
    assert "in the last 720 h" in capsys.readouterr().err


def test_a_tenant_is_named_in_a_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it Tempo refuses, and the header to give is said."""
    with tempo(tmp_path, tenants=True) as server:
        exporter = OTLPSpanExporter(endpoint=server.otlp, insecure=True, headers={"x-scope-orgid": "team"})
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        call(provider, "call_of_team")
        assert 2 == main(["explain", "call_of_team", "--tempo", server.url])
        refused = capsys.readouterr().err
        account = explained(capsys, server, "call_of_team", "--header", "X-Scope-OrgID: team")
        assert 2 == main(["explain", "call_of_team", "--tempo", server.url, "--header", "X-Scope-OrgID=others"])

    assert "refuses with 401: no org id" in refused
    assert "'X-Scope-OrgID: ...'" in refused
    assert ["correct"] == [episode["verdict"] for episode in account["episodes"]]


def test_the_readmes_lines_find_their_call(server: Tempo) -> None:
    """As they stand, but for the address."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n(otel-voice explain call_01JZ9W2M7K --tempo.*?)```", readme, re.DOTALL)
    call(agent(server.otlp), "call_01JZ9W2M7K")
    time.sleep(1)
    script = "import sys; from otel_voice_processor.cli import main; sys.exit(main())"
    function = f"set -e; export TEMPO_AUTH=x; otel-voice() {{ '{sys.executable}' -c '{script}' \"$@\"; }}\n"
    lines = re.sub(r"https?://[\w.:/-]+", server.url, block)
    done = subprocess.run(["bash", "-c", function + lines], capture_output=True, text=True, timeout=60, check=False)

    assert 0 == done.returncode, done.stderr
    assert 2 == done.stdout.count('The caller meant it: "no I meant Friday"')
