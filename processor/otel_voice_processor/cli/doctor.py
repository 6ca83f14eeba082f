"""`otel-voice doctor`: sends a test call the way an agent's calls go, asks the processor what came of it, and names what is wrong."""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider

from otel_voice.emit import failures
from otel_voice.testing import CapturedEvent, listening
from otel_voice_processor.cli.pipelines import uncommon_compression
from otel_voice_processor.simulate import EIGHT, emit
from otel_voice_processor.status import SERVING

WORKFLOW: Final = "otel_voice_doctor"  # of the test call, so that boards can leave it out
SKEW_MS: Final = 3_000
ARRIVES_S: Final = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--endpoint", help="host:port of OTLP gRPC, plain text; without it as OTEL_EXPORTER_OTLP_* say, or localhost:4317")
    parser.add_argument("--provider", metavar="MODULE:NAME", help="send by the agent's own tracer provider, or a function that returns it")
    parser.add_argument("--processor", default="http://localhost:13134", metavar="URL", help="where the processor answers its host")
    parser.add_argument("--collector", metavar="FILE", help="config of a collector in between: what the processor cannot read is named")
    parser.add_argument("--call", metavar="ID", help="send nothing, look at this call of the agent")
    parser.add_argument("--wait", type=_seconds, default=30.0, metavar="SECONDS", help="how long a call may take to settle")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds from 0 to 3600")
    return seconds


def run(options: argparse.Namespace) -> int:
    """Print what was found, a line each; return 1 if anything is wrong."""
    found = Findings()
    with suppress(_Gone):  # what is to be said of it was said
        _examine(options, found)
    print("Everything is in order." if not found.bad else f"{found.bad} wrong: begin with the first.")
    return 1 if found.bad else 0


class _Gone(Exception):
    """The processor does not answer, or does not tell."""


@dataclass
class Findings:
    """What was found so far; each is printed as it comes."""

    bad: int = 0

    def ok(self, message: str) -> None:
        """Say what is in order."""
        print(f"ok     {message}")

    def wrong(self, message: str, then: str) -> None:
        """Say what is wrong, and what to do."""
        self.bad += 1
        print(f"wrong  {message}\n       {then}")


@dataclass
class Sent:
    """What the provider really ended, and what was said on the way out."""

    call_id: str
    emitted: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    counted: bool = False
    said: list[str] = field(default_factory=list)


def _examine(options: argparse.Namespace, found: Findings) -> None:
    _ask(options.processor, "/", found)
    for problem, then in uncommon_compression(options.collector) if options.collector else ():
        found.wrong(problem, then)
    if options.call:
        told = _arrived(options, options.call, {}, found, wait_s=0.0)
        if told is None:
            found.wrong(f"the call `{options.call}` never came in, or is forgotten", "Run the doctor without --call.")
            return
        _judge(told, Counter(), found)
        return
    sent = _send(options, found)
    if sent is None:
        return
    told = _arrived(options, sent.call_id, sent.ended, found, wait_s=ARRIVES_S)
    if told is None:
        _lost(options, sent, found)
        return
    _judge(told, sent.emitted, found)
    _settled(options, told, found)


def _send(options: argparse.Namespace, found: Findings) -> Sent | None:
    """Send the test call; return what went, None where nothing could."""
    provider = _provider(options, found)
    if provider is None:
        return None
    script = replace(EIGHT[0], workflow=WORKFLOW)
    sent = Sent(f"otel-voice-doctor-{uuid.uuid4().hex[:12]}")
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(_Counting(sent))
        sent.counted = True
    seen: list[CapturedEvent] = []
    failed_before = failures()
    with listening(seen.append), _logged(sent.said):
        emit(script, provider, start_ns=time.time_ns() - script.end_ms * 1_000_000, call_id=sent.call_id, runtime="otel-voice doctor")
        sent.emitted.update(event.name for event in seen)
        flush = getattr(provider, "force_flush", None)
        if flush is not None:
            flush(10_000)
    if failures() > failed_before:
        why = next((line for line in sent.said if line.startswith("otel-voice:")), "its log says why")
        found.wrong(f"the provider failed on {failures() - failed_before} of {sent.emitted.total()} events: {why}", "Mend the provider.")
        return None
    missing = sent.emitted - sent.ended
    if sent.counted and missing:
        sampler = provider.sampler.get_description() if isinstance(provider, TracerProvider) else "?"
        found.wrong(
            f"the provider's sampler `{sampler}` lets {sent.ended.total()} of {sent.emitted.total()} spans of the call through",
            "Use `parentbased_always_on` (OTEL_TRACES_SAMPLER), and `sampling_ratio` of VoiceCall where calls must be fewer.",
        )
        if not sent.ended:
            return None
    else:
        found.ok(f"a test call of {sent.emitted.total()} spans was sent, id {sent.call_id}")
    return sent


def _provider(options: argparse.Namespace, found: Findings) -> Any:
    if options.provider:
        module, _, name = options.provider.partition(":")
        try:
            given = getattr(import_module(module), name)
            given = given() if callable(given) and not hasattr(given, "get_tracer") else given
        except (Exception, SystemExit) as error:  # the agent's module may be its main program
            found.wrong(f"`{options.provider}` cannot be had: {type(error).__name__}: {error}", "Give it as package.module:name.")
            return None
        if given is None or isinstance(given, (NoOpTracerProvider, ProxyTracerProvider)) or not hasattr(given, "get_tracer"):
            found.wrong(
                f"`{options.provider}` is no tracer provider that sends anything, but {type(given).__name__}",
                "Set up OpenTelemetry's SDK before the first call, or call `otel_voice.configure(endpoint=...)`.",
            )
            return None
        return given
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=options.endpoint, insecure=True, timeout=5) if options.endpoint else OTLPSpanExporter(timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class _Counting(SpanProcessor):
    """Counts the spans of ours that the sampler let through."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def on_end(self, span: ReadableSpan) -> None:
        if (span.attributes or {}).get("voice.call.id") == self._sent.call_id:
            self._sent.ended[span.name] += 1


@contextmanager
def _logged(said: list[str]) -> Iterator[None]:
    """Keep what the exporter logs: it reports failures nowhere else."""

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage().splitlines()[0])

    handler, loggers = Keeping(logging.WARNING), [logging.getLogger(name) for name in ("opentelemetry", "otel_voice")]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagated in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagated


def _ask(url: str, path: str, found: Findings) -> dict[str, Any]:
    """Return what the processor answers, an empty dictionary for a 404; where it does not answer, say so and raise `_Gone`."""
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError("a URL begins with http://")
        with urllib.request.urlopen(f"{url.rstrip('/')}{path}", timeout=5) as answer:  # noqa: S310 - checked above
            told = json.load(answer)
            if isinstance(told, dict) and (told.items() >= SERVING.items() or "events" in told):
                return told
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return {}
        found.wrong(f"the processor answered {error.code} at {url}", "Ask it from its own host: calls are told to loopback alone.")
        raise _Gone from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        found.wrong(
            f"no processor answers at {url}: {getattr(error, 'reason', error)}",
            "Start `otel-voice serve`; it answers on localhost:13134, or where `extensions.health_check.endpoint` says (--processor URL).",
        )
        raise _Gone from None
    found.wrong(f"what answers at {url} is no otel-voice processor", "Give --processor the address of `extensions.health_check.endpoint`.")
    raise _Gone


def _arrived(options: argparse.Namespace, call_id: str, ended: dict[str, int], found: Findings, *, wait_s: float) -> dict[str, Any] | None:
    """Return what the processor knows of a call, waiting until all of it is there; None where nothing is."""
    until = time.monotonic() + wait_s
    path = f"/calls/{urllib.parse.quote(call_id, safe='')}"
    while True:
        told = _ask(options.processor, path, found)
        if sum(told.get("events", {}).values()) >= sum(ended.values()) > 0 or time.monotonic() >= until:
            return told or None
        time.sleep(0.2)


def _lost(options: argparse.Namespace, sent: Sent, found: Findings) -> None:
    if sent.said:
        found.wrong(f"the call could not be delivered: {sent.said[-1]}", "Look at the endpoint, its TLS, its headers and its compression.")
        return
    found.wrong(
        "the endpoint took the call, and the processor never got it",
        "What stands in between does not send traces to this processor: is it in the pipeline's exporters? Can its compression be read "
        "(gzip or none; zstd and snappy are refused, and its log says UNIMPLEMENTED)? --collector FILE looks into a collector's config.",
    )


def _judge(told: dict[str, Any], emitted: Counter[str], found: Findings) -> None:
    """Name what is missing, cut or late in what arrived."""
    came = Counter({f"voice.interruption.{name}": number for name, number in told["events"].items()})
    if told["traces"] > 1:
        found.wrong(
            f"the call came in {told['traces']} traces: in pieces",
            "A balancer by trace id tears it apart: let every emitter use the helpers, or derive the trace id from the call id as they do.",
        )
    lost = emitted - came
    if emitted and lost:
        names = ", ".join(sorted(name.removeprefix("voice.interruption.") for name in lost))
        found.wrong(
            f"{came.total()} of {emitted.total()} spans arrived; lost: {names}",
            "A sampler or filter in between cuts calls: let ours pass whole.",
        )
    elif emitted:
        found.ok(f"all {came.total()} spans arrived")
    refused = told.get("refused", {})
    for name, each in refused.items():
        words = f"{each['count']} of `{name}` could not be judged: {each['problem']}"
        found.wrong(words, "Mend what the emitter tells; the processor's log says it, too.")
    for name, why in (
        ("call_started", "policy version and observability are unknown: make a VoiceCall where the call begins"),
        ("call_ended", "the call expires after five minutes, its outcome is unknown: call `call.end(outcome=...)`"),
    ):
        if not told["events"].get(name) and name not in refused:
            found.wrong(f"no `{name}`", f"{why[0].upper()}{why[1:]}.")
    begun, stopped = told["events"].get("agent.speech_started", 0), told["events"].get("agent.speech_stopped", 0)
    if begun and not stopped and "agent.speech_stopped" not in refused:
        found.wrong("no `agent.speech_stopped`", "Nobody can know whether caller and agent overlapped: tell when the agent's audio ends.")
    if told["events"].get("user.speech_started") and not told["events"].get("user.transcript") and "user.transcript" not in refused:
        found.wrong(
            "no `user.transcript`", "What the caller meant stays unknown: tell what the recogniser heard, also when it heard nothing."
        )
    lag = told["newest_lag_ms"]
    if lag is not None and (lag < -SKEW_MS or (emitted and lag > SKEW_MS + ARRIVES_S * 1000)):
        found.wrong(
            f"clock skew: the newest event is {abs(lag) / 1000:.1f} s {'ahead of' if lag < 0 else 'behind'} the processor's clock",
            "Run NTP on both.",
        )


def _settled(options: argparse.Namespace, told: dict[str, Any], found: Findings) -> None:
    until = time.monotonic() + options.wait
    call_id = urllib.parse.quote(told["call_id"], safe="")
    while told["state"] != "settled" and time.monotonic() < until:
        time.sleep(0.25)
        told = _ask(options.processor, f"/calls/{call_id}", found) or told
    if told["state"] != "settled":
        found.wrong(f"the call did not settle within {options.wait:g} s", "Is `settle_after` longer than that? --wait SECONDS.")
        return
    verdicts = [episode["verdict"] for episode in told["episodes"]]
    if verdicts == ["correct"]:
        found.ok("it settled: one interruption, correct, as it was made")
    else:
        missing = ", ".join(sorted({name for episode in told["episodes"] for name in episode["missing"]}))
        shown = ", ".join(verdicts) or "no interruption"
        found.wrong(
            f"it settled as {shown}{f'; missing: {missing}' if missing else ''}",
            "It was made to be one interruption, correct: facts were lost.",
        )
