"""Calls recorded from LiveKit Agents, shipped with the package, and played again through the integration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from opentelemetry.trace import TracerProvider

from otel_voice import VoiceCall
from otel_voice.integrations.livekit import LiveKitInstrumentation

RECORDED_AT_S = 1_786_701_600.0  # what every recording's clock said when it began
THRESHOLD_S = 0.5  # the recorded sessions' least speech
OFFERED = ("1", "2")  # keys of the recorded menu
MS = 1_000_000
NAME = "data/livekit.jsonl"
MESSAGE_TYPES = {"dtmf": "menu_prompt", "non_interruptible_disclosure": "disclosure"}  # what the recorded application knew, not LiveKit
OFFERED = ("1", "2", "3")
AWAY_MS = 1_000  # the recorded session's user_away_timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One recorded call: raw messages as the runtime emitted them, `t_ms` after its start."""

    name: str
    note: str
    messages: tuple[dict[str, Any], ...]


def recorded() -> Iterator[Scenario]:
    """Yield the recorded calls in the order of the file."""
    lines = files("otel_voice_processor").joinpath(NAME).read_text(encoding="utf-8").splitlines()
    heads: dict[str, str] = {}
    messages: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        item = json.loads(line)
        if item["kind"] == "scenario":
            heads[item["scenario"]] = item["note"]
        else:
            messages.setdefault(item["scenario"], []).append(item)
    for name, note in heads.items():
        yield Scenario(name=name, note=note, messages=tuple(messages.get(name, ())))


def replay(scenario: Scenario, provider: TracerProvider, *, call_id: str, start_ns: int) -> None:
    """Play a recorded call again, begun at `start_ns` (Unix ns), through the integration, as if the session ran now."""
    call = VoiceCall(
        call_id,
        workflow="appointment_rescheduling",
        runtime="livekit",
        runtime_version="1.8.9",
        observable=("speech", "dtmf"),
        tracer_provider=provider,
        keep_text=True,
        clock=lambda: start_ns,
    )
    watching = LiveKitInstrumentation(call, threshold=THRESHOLD_S, expected_digits=lambda: OFFERED)
    for message in scenario.messages:
        payload = dict(message["msg"]["payload"])
        if "created_at" in payload:
            payload["created_at"] += start_ns / 1e9 - RECORDED_AT_S
        watching.handle(message["msg"]["event"], payload, start_ns + message["t_ms"] * MS)


def replay(scenario: Scenario, tracer_provider: TracerProvider, *, call_id: str, start_ns: int) -> None:
    """Play one recorded call through the LiveKit integration, as if it had begun at `start_ns`."""
    recorded_at = _recorded_at(scenario)
    call = VoiceCall(
        call_id,
        workflow="front_desk",
        runtime="livekit",
        runtime_version="1.8.9",
        observable=("speech", "dtmf"),
        tracer_provider=tracer_provider,
        keep_text=True,
        clock=lambda: start_ns,
    )
    kind = MESSAGE_TYPES.get(scenario.name, "support_answer")
    instrumentation = LiveKitInstrumentation(
        call, message_type=kind, expected_digits=lambda: OFFERED, away_timeout_ms=AWAY_MS, clock=lambda: start_ns
    )
    for item in scenario.messages:
        payload = dict(item["msg"]["payload"])
        if "created_at" in payload:
            payload["created_at"] = payload["created_at"] - recorded_at + start_ns / 1e9
        instrumentation.handle(item["msg"]["event"], payload, start_ns + item["t_ms"] * MS)


def _recorded_at(scenario: Scenario) -> float:
    """Return the Unix second that `t_ms` 0 stands for: messages arrive when they were made, or just after."""
    stamps = [
        item["msg"]["payload"]["created_at"] - item["t_ms"] / 1000 for item in scenario.messages if "created_at" in item["msg"]["payload"]
    ]
    return max(stamps, default=0.0)
