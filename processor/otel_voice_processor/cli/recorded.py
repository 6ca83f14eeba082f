"""Calls recorded from LiveKit Agents, shipped with the package, and played again through the integration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

from opentelemetry.trace import TracerProvider

from otel_voice import VoiceCall
from otel_voice.integrations.livekit import instrument

MS = 1_000_000
NAME = "data/livekit.jsonl"
RECORDED_AT_S = 1_786_701_600.0  # what every recording's clock said when it began
MESSAGE_TYPES = {"dtmf": "menu_prompt", "non_interruptible_disclosure": "disclosure"}  # what the recorded application knew, not LiveKit
OFFERED = ("1", "2")  # keys of the recorded menu
OPTIONS = {"interruption": {"min_duration": 0.5}, "user_away_timeout": 1.0}  # of the recorded sessions


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


class _Emitter:
    """What LiveKit's objects are to a listener: `on`, `off`, and events."""

    def __init__(self, **facts: Any) -> None:
        self._listeners: dict[str, list[Callable[..., Any]]] = {}
        self.__dict__.update(facts)

    def on(self, name: str, listener: Callable[..., Any]) -> None:
        """Listen to one event."""
        self._listeners.setdefault(name, []).append(listener)

    def off(self, name: str, listener: Callable[..., Any]) -> None:
        """Stop listening."""
        self._listeners[name].remove(listener)

    def emit(self, name: str, payload: Any) -> None:
        """Tell every listener."""
        for listener in list(self._listeners.get(name, ())):
            listener(payload)


def replay(scenario: Scenario, tracer_provider: TracerProvider, *, call_id: str, start_ns: int) -> None:
    """Play a recorded call again, begun at `start_ns` (Unix ns), to an instrumented session, as if it ran now."""
    now = [start_ns]
    audio, room = _Emitter(), _Emitter(name=call_id)
    session = _Emitter(output=SimpleNamespace(audio=audio), options=OPTIONS, stt="recorded")
    sources = {"session": session, "audio_output": audio, "room": room}
    call = VoiceCall(
        call_id,
        workflow="appointment_rescheduling",
        runtime="livekit",
        runtime_version="1.8.9",
        observable=("speech", "dtmf"),
        tracer_provider=tracer_provider,
        keep_text=True,
        clock=lambda: now[0],
    )
    kind = MESSAGE_TYPES.get(scenario.name, "support_answer")
    instrument(session, call=call, message_type=lambda _: kind, room=room, expected_digits=lambda: OFFERED, clock=lambda: now[0])
    for message in scenario.messages:
        payload = dict(message["msg"]["payload"])
        if "created_at" in payload:
            payload["created_at"] += start_ns / 1e9 - RECORDED_AT_S
        now[0] = start_ns + message["t_ms"] * MS + message["seq"] * 1_000  # within one ms the order of arrival counts
        sources[message["channel"]].emit(message["msg"]["event"], payload)
