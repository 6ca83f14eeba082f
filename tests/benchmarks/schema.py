"""What the contract costs: validation beside a plain JSON Schema validator, a helper beside the SDK's own span, an import.

Run: `python tests/benchmarks/schema.py [--rounds 7]`. Variants take turns, the best of the rounds counts; the ratios are what to compare
between machines.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from jsonschema import Draft202012Validator
from opentelemetry.sdk.trace import TracerProvider
from otel_voice_schema import attributes as a
from otel_voice_schema import generate
from otel_voice_schema.envelope import from_envelope, to_envelope
from otel_voice_schema.events import AGENT_SPEECH_INTERRUPTED, SCHEMA_VERSION
from otel_voice_schema.record import Record
from otel_voice_schema.validate import check

from otel_voice import VoiceCall
from otel_voice.emit import CapturedEvent
from otel_voice.testing import listening


def best(variants: dict[str, Callable[[], object]], times: int, rounds: int) -> dict[str, float]:
    """Return microseconds per call of each variant, the best of the rounds."""
    found = dict.fromkeys(variants, float("inf"))
    gc.disable()
    for _ in range(rounds):
        for name, work in variants.items():
            begun = time.perf_counter()
            for _ in range(times):
                work()
            found[name] = min(found[name], (time.perf_counter() - begun) / times * 1e6)
    gc.enable()
    return found


def interrupted(call: VoiceCall) -> None:
    """Tell one event: with its context it has 15 attributes."""
    call.agent_speech_interrupted("r1", position_ms=1840, reason="user_speech", heard_chars=35)


def called(provider: TracerProvider | None) -> VoiceCall:
    call = VoiceCall(
        "c1",
        workflow="w",
        runtime="r",
        policy_version="p",
        language="en",
        agent_name="front",
        observable=("speech",),
        tracer_provider=provider,
    )
    call.turn("t1")
    call.agent_speech_started("r1", planned_ms=6200)
    return call


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="What the contract costs")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    provider = TracerProvider()
    call, silent = called(provider), called(None)
    kept: list[CapturedEvent] = []
    with listening(kept.append):
        interrupted(call)
    facts = dict(kept[0].attributes)
    record = Record(name=AGENT_SPEECH_INTERRUPTED, time_ns=2, start_ns=2, attributes=facts)
    envelope = to_envelope(record)
    path = generate.PACKAGE / "versions" / SCHEMA_VERSION / "events/agent.speech_interrupted.json"
    plain = Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
    wrong = facts | {a.VOICE_AGENT_PLAYBACK_POSITION_MS: -1, a.VOICE_AGENT_SPEECH_STATE: "speakin"}
    tracer, context = provider.get_tracer("bench"), call._emitter._context

    def span() -> None:
        tracer.start_span(AGENT_SPEECH_INTERRUPTED, context=context, attributes=dict(facts), start_time=1).end(end_time=1)

    told = best(
        {
            "validate, compiled": lambda: check(AGENT_SPEECH_INTERRUPTED, facts),
            "validate, two mistakes": lambda: check(AGENT_SPEECH_INTERRUPTED, wrong),
            "validate, jsonschema": lambda: plain.is_valid(envelope),
            "to envelope": lambda: to_envelope(record),
            "from envelope": lambda: from_envelope(envelope),
        },
        2_000,
        rounds,
    )
    helpers = {"helper, no SDK": lambda: interrupted(silent), "helper": lambda: interrupted(call), "span of the SDK": span}
    told |= best(helpers, 5_000, rounds)
    for name, us in told.items():
        print(f"{name:<26} {us:8.2f} us")
    faster, dearer = told["validate, jsonschema"] / told["validate, compiled"], told["helper"] / told["span of the SDK"]
    print(f"{len(facts)} attributes; compiled is {faster:.1f} x jsonschema's speed; the helper costs {dearer:.2f} x the SDK's own span")
    for module in ("opentelemetry.trace", "otel_voice"):
        script = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        command = [sys.executable, "-c", script]
        runs = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(rounds + 2)]
        print(f"import {module:<20} {statistics.median(runs) * 1e3:6.1f} ms (median of {len(runs)})")


if __name__ == "__main__":
    main()
