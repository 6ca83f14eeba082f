"""`otel-voice demo`: the whole product on made-up and recorded calls, over real sockets, without network or account."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table

from otel_voice_processor.cli.recorded import recorded, replay
from otel_voice_processor.cli.show import render_call, render_scorecard
from otel_voice_processor.config import Config, Judging, Receiver, Tls, TraceExporter
from otel_voice_processor.errors import Permanent, ProcessorError
from otel_voice_processor.model import CallRecord
from otel_voice_processor.rates import rates
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, Script, emit, simulate
from otel_voice_processor.testing import Sink

S = 1_000_000_000
SPACING_NS = 40 * S  # between the starts of two calls
PLAIN_WIDTH = 100  # where output is piped
NEXT_STEPS = """What to do next
  1. start the processor, and see each call as it settles      otel-voice serve --show
  2. send your agent's traces to it, one line for LiveKit      otel_voice.integrations.livekit.instrument(session)
     or from any OpenTelemetry SDK                             OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317
  3. let it pass them on to your backend, in a config file (otel-voice check --config FILE says whether it is right):

       receivers:
         otlp:
           protocols:
             grpc:
               endpoint: localhost:4317
       exporters:
         otlp_grpc:
           endpoint: tempo.example.com:4317
           signals: [traces]
           tls: {insecure: true}
         metrics:
           endpoint: http://prometheus.example.com:9090/api/v1/otlp/v1/metrics

  4. read on: README.md, schema/README.md (events), processor/README.md (settings), dashboards/README.md"""


@dataclass(slots=True)
class Sent:
    """What the demo sent: the scripts by call id, and the recorded scenarios by call id."""

    scripts: dict[str, Script] = field(default_factory=dict)
    scenarios: dict[str, str] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--to", metavar="HOST:PORT", help="send the calls to a processor that runs already, instead of starting one")
    parser.add_argument(
        "--forward", metavar="HOST:PORT", help="let the demo's processor also pass the traces on to this OTLP gRPC endpoint"
    )
    parser.add_argument("--file", metavar="FILE", help="also write the calls to this file, which `policy test --events` reads")
    parser.add_argument("--calls", type=int, default=60, metavar="N", help="how many simulated calls (default 60)")
    parser.add_argument("--seed", type=int, default=93, metavar="N", help="seed of the simulated calls (default 93)")


def run(options: argparse.Namespace) -> int:
    """Run the demo; return 0, 1 where something did not arrive or a verdict was not what happened, 2 for options that exclude another."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    if options.to and options.file:
        Console(stderr=True, highlight=False).print("otel-voice: with --to, whoever listens there writes files, not --file", markup=False)
        return 2
    if options.file and Path(options.file).exists():
        Console(stderr=True, highlight=False).print(f"otel-voice: `{options.file}` is there already: name another file", markup=False)
        return 2
    if options.to:
        return _send_only(console, options)
    try:
        return asyncio.run(_whole(console, options))
    except ProcessorError as error:
        Console(stderr=True, highlight=False).print(f"otel-voice: {error}", markup=False, soft_wrap=True)
        return 1


def _send_only(console: Console, options: argparse.Namespace) -> int:
    sent, delivered = send(options.to, seed=options.seed, calls=options.calls)
    if not delivered:
        Console(stderr=True, highlight=False).print(f"otel-voice: nobody took the spans at `{options.to}`", markup=False, soft_wrap=True)
        return 1
    first = next(iter(sent.scripts))
    console.print(f"Sent {len(sent.scripts)} scripted calls and {len(sent.scenarios)} recorded LiveKit calls to {options.to}.")
    console.print("They settle 15 s after their last event (`settle_after`). Then look at:")
    console.print("  the terminal of `otel-voice serve --show`, where each call record is printed")
    console.print(f"  your trace backend: the call `{first}`, spans voice.interruption.call and voice.interruption.episode")
    console.print('  TraceQL:\n  { name = "voice.interruption.episode" && span.voice.interruption.verdict = "missed_interruption" }')
    console.print("  the file it writes, if it does: `otel-voice explain latest --from FILE`, `otel-voice report FILE`")
    console.print("  the metrics of the scorecard: `otel-voice queries` prints the PromQL of the seven rates")
    return 0


def send(endpoint: str, *, seed: int, calls: int) -> tuple[Sent, bool]:
    """Send all calls to `endpoint` by the stock OpenTelemetry SDK; return what was sent, and whether it was taken."""
    exporter = _Told(OTLPSpanExporter(endpoint=f"http://{endpoint}", insecure=True, timeout=5))
    provider = TracerProvider(resource=Resource.create({"service.name": "otel-voice-demo"}), shutdown_on_exit=False)
    batches = BatchSpanProcessor(exporter, max_queue_size=65_536, schedule_delay_millis=200)
    provider.add_span_processor(batches)
    sent, run_id = Sent(), uuid.uuid4().hex[:6]
    scripts = [*EIGHT, *EIGHT_FAILING, *simulate(seed, calls)]
    start_ns = time.time_ns() - (len(scripts) + 12) * SPACING_NS
    for index, script in enumerate(scripts):
        call_id = emit(script, provider, start_ns=start_ns + index * SPACING_NS, keep_text=True, call_id=f"{script.call_id}_{run_id}")
        sent.scripts[call_id] = script
    for index, scenario in enumerate(recorded()):
        call_id = f"livekit_{scenario.name}_{run_id}"
        replay(scenario, provider, call_id=call_id, start_ns=start_ns + (len(scripts) + index) * SPACING_NS)
        sent.scenarios[call_id] = scenario.name
    flushed = batches.force_flush(30_000)
    provider.shutdown()
    return sent, flushed and exporter.taken


class _Told(SpanExporter):
    """The stock exporter, remembering whether every batch was taken: the SDK tells nobody."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self.taken = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if not self.taken:
            return SpanExportResult.FAILURE  # once refused, do not let the demo wait for every batch
        answer = self._inner.export(spans)
        self.taken = answer is SpanExportResult.SUCCESS
        return answer

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._inner.shutdown()


async def _whole(console: Console, options: argparse.Namespace) -> int:
    """Start a sink and a processor, send, settle, print."""
    started = time.monotonic()
    sink = Sink()
    await sink.start()
    targets = [sink.endpoint, *([options.forward] if options.forward else [])]
    config = Config(
        receiver=Receiver(endpoint="127.0.0.1:0"),
        traces=tuple(TraceExporter(endpoint=target, tls=Tls(insecure=True)) for target in targets),
        file=options.file,
        judging=Judging(keep_transcript_text=True),
        status=None,
    )
    records: list[CallRecord] = []
    service = Service(config, on_call=records.append)
    await service.start()
    try:
        sent, delivered = await asyncio.to_thread(send, f"127.0.0.1:{service.port}", seed=options.seed, calls=options.calls)
        await service.settle_all()
    finally:
        await service.stop()
        await sink.stop()
    if not delivered:
        asks = [f"is `{options.forward}` there, and does it take OTLP gRPC?"] if options.forward else []
        asks += [f"can `{options.file}` be written?"] if options.file else []
        onward = f": {' '.join(asks)}" if asks else ""
        raise Permanent(f"the demo's spans were not taken{onward}")
    received = len(sink.spans())
    took = time.monotonic() - started
    return _report(console, options, sent, {record.call_id: record for record in records}, received, took)


def _asking(path: str, seed: int) -> str:
    """Say how the calls are looked at that were written to a file."""
    name = shlex.quote(path)
    return f"""The calls are in {path}. To look at one, at all, and at those of the scorecard above:
  otel-voice explain latest --from {name}
  otel-voice report {name}
  otel-voice report {name} --calls-like 'call_{seed}_*'
"""


def _report(console: Console, options: argparse.Namespace, sent: Sent, records: dict[str, CallRecord], received: int, took: float) -> int:
    """Print everything in the order a newcomer wants it; return the exit code."""
    width = min(console.width, 120)
    console.print("One call: the caller corrects the agent.\n", style="bold")
    first = next(iter(sent.scripts))
    if first in records:
        console.print(render_call(records[first], width=width))
    console.print()
    wrong = _cases(console, sent, records)
    simulated = [call_id for call_id in list(sent.scripts)[len(EIGHT) + len(EIGHT_FAILING) :] if call_id in records]
    agreed = sum(happened(records[call_id]) == sent.scripts[call_id].truth.happened for call_id in simulated)
    console.print(f"{len(simulated)} simulated calls: judged as it really happened in {agreed}.\n")
    _scenarios(console, sent, records)
    console.print(render_scorecard(rates([records[call_id] for call_id in simulated]), calls=len(simulated)))
    scripted = len(EIGHT) + len(EIGHT_FAILING)
    beside = f"not the {scripted} scripted and {len(sent.scenarios)} recorded ones"
    console.print(f"The scorecard is of the {len(simulated)} simulated calls, {beside}.\n", style="dim")
    console.print(f"{len(records)} calls settled; downstream received {received} spans, over real sockets, in {took:.1f} s.\n")
    if options.file:
        console.print(_asking(options.file, options.seed), markup=False, soft_wrap=True)
    console.print(NEXT_STEPS, markup=False, soft_wrap=True)
    whole = len(records) == len(sent.scripts) + len(sent.scenarios)
    return 0 if whole and not wrong and agreed == len(simulated) else 1


def happened(record: CallRecord) -> str:
    """Return what the processor says happened, in the words of a script's truth."""
    if record.episodes:
        return ", ".join(episode.verdict for episode in record.episodes)
    return "premature_endpointing" if record.premature_endpointings else "none"


def _cases(console: Console, sent: Sent, records: dict[str, CallRecord]) -> int:
    """Print the eight test cases, each as it should go and as it fails; return how many were judged wrongly."""
    table = _table(
        "The eight test cases, handled well and handled badly", ("Case", "Agent", "What happened", "Verdict", "Agent against policy", "")
    )
    wrong = 0
    both = list(sent.scripts.items())[: len(EIGHT) + len(EIGHT_FAILING)]
    for well, badly in zip(both[: len(EIGHT)], both[len(EIGHT) :], strict=True):
        for how, (call_id, script) in (("well", well), ("badly", badly)):
            record = records.get(call_id)
            right = (
                record is not None and happened(record) == script.truth.happened and len(record.silence_timeouts) == script.truth.timeouts
            )
            wrong += not right
            name = script.name if how == "well" else ""
            truth = _spoken(script.truth.happened, script.truth.timeouts)
            table.add_row(name, how, truth, _shown(record), _policy(record), "" if right else "WRONG")
    console.print(table)
    console.print("A required message played on over the caller: a miss for the caller, right by policy. Two questions.", style="dim")
    console.print()
    return wrong


def _scenarios(console: Console, sent: Sent, records: dict[str, CallRecord]) -> None:
    table = _table("Recorded from LiveKit Agents 1.8.9, through the integration", ("Scenario", "Input", "Audio", "Verdict", "Policy"))
    for call_id, name in sent.scenarios.items():
        record = records.get(call_id)
        inputs = ", ".join(episode.input_class for episode in record.episodes) if record else ""
        audio = ", ".join(episode.net_audio for episode in record.episodes) if record else ""
        table.add_row(name, inputs, audio, _shown(record), _policy(record))
    console.print(table)
    console.print()


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, title=title, title_justify="left", title_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, no_wrap=name in {"Case", "Agent", "Scenario", "Audio", "What happened", "Verdict", ""})
    return table


def _spoken(word: str, timeouts: int) -> str:
    if word == "none":
        return "silence timeout" if timeouts else "no interruption"
    return word.replace("_", " ")


def _shown(record: CallRecord | None) -> str:
    return _spoken(happened(record), len(record.silence_timeouts)) if record else "not settled"


def _policy(record: CallRecord | None) -> str:
    """Return compliance and findings in short; empty where there was no interruption."""
    return ", ".join(_marks(record)) if record else ""


def _marks(record: CallRecord) -> Iterator[str]:
    for episode in record.episodes:
        yield episode.compliance + (" (protected)" if episode.protected else "")
        yield from (finding.replace("_", " ") for finding in episode.findings if finding == "required_content_cut")
