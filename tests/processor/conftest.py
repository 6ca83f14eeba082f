"""A call written down as times in seconds, as events of the processor's model; what is counted is what the table of health says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from otel_voice_processor import scorecard
from otel_voice_processor.episodes import record_of
from otel_voice_processor.model import CallRecord, Ruling, VoiceEvent
from otel_voice_processor.telemetry import Counters
from otel_voice_schema.health import HEALTH

ORIGIN = 1_790_000_000_000_000_000


@pytest.fixture(scope="module")
def five_versions() -> Iterator[None]:
    """Let a scorecard tell five versions apart, so that calls of a test come to the end of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorecard, "VERSIONS", 5)
        yield


class Timeline:
    """Collects events at seconds since the call's start."""

    def __init__(self, call_id: str = "call_1", emitter: str = "agent") -> None:
        self.call_id = call_id
        self.emitter = emitter
        self.events: list[VoiceEvent] = []

    def event(self, name: str, at: float, start: float | None = None, emitter: str | None = None, **attributes: Any) -> Timeline:
        number = len(self.events)
        self.events.append(
            VoiceEvent(
                name=f"voice.interruption.{name}",
                call_id=self.call_id,
                time_ns=ORIGIN + round(at * 1e9),
                start_ns=ORIGIN + round((at if start is None else start) * 1e9),
                trace_id=b"t" * 16,
                span_id=number.to_bytes(8, "big"),
                attributes={"voice.call.id": self.call_id, "voice.workflow": "billing"}
                | {f"voice.{key.replace('__', '.')}": value for key, value in attributes.items()},
                emitter=emitter or self.emitter,
            )
        )
        return self

    def started(self, **more: Any) -> Timeline:
        return self.event(
            "call_started", 0.0, runtime__name="test", call__observable=("speech", "dtmf"), agent__policy__version="p1", **more
        )

    def speaks(
        self, response: str, start: float, end: float | None = None, reason: str = "completed", message: str = "support_answer", **more: Any
    ) -> Timeline:
        facts = {"agent__response__id": response, "agent__message__type": message, **more}
        self.event("agent.speech_started", start, **facts, agent__playback__position_ms=0)
        if end is not None:
            self.stops(response, end, reason, message, position=round((end - start) * 1000), **more)
        return self

    def stops(self, response: str, at: float, reason: str = "completed", message: str = "support_answer", **more: Any) -> Timeline:
        position = {"agent__playback__position_ms": more.pop("position")} if "position" in more else {}
        facts = {"agent__response__id": response, "agent__message__type": message, **more, **position}
        return self.event("agent.speech_stopped", at, **facts, agent__playback__end_reason=reason)

    def cut(self, response: str, at: float, *, provisional: bool = False, position: int = 0, message: str = "support_answer") -> Timeline:
        more = {"agent__playback__provisional": True} if provisional else {}
        return self.event(
            "agent.speech_interrupted",
            at,
            agent__response__id=response,
            agent__message__type=message,
            agent__playback__position_ms=position,
            **more,
        )

    def resumes(self, response: str, at: float, position: int | None = None) -> Timeline:
        more = {} if position is None else {"agent__playback__position_ms": position}
        return self.event(
            "agent.speech_started",
            at,
            agent__response__id=response,
            agent__message__type="support_answer",
            agent__playback__resumed=True,
            **more,
        )

    def says(
        self,
        text: str | None,
        start: float,
        end: float,
        *,
        status: str = "final",
        told: float | None = None,
        stretch: str | None = None,
        emitter: str | None = None,
        **more: Any,
    ) -> Timeline:
        name = stretch or f"s{len(self.events)}"
        self.event("user.speech_started", start, caller__stretch__id=name, emitter=emitter)
        self.event(
            "user.speech_stopped",
            end,
            start,
            caller__stretch__id=name,
            caller__speech__duration_ms=round((end - start) * 1000),
            emitter=emitter,
        )
        told = end + 0.3 if told is None else told
        heard = {} if text is None else {"caller__transcript__text": text, "caller__transcript__length": len(text)}
        return self.event(
            "user.transcript",
            told,
            caller__stretch__id=name,
            caller__transcript__status=status,
            caller__transcript__evidence_time_ms=(ORIGIN + round(told * 1e9)) // 1_000_000,
            emitter=emitter,
            **heard,
            **more,
        )

    def presses(self, at: float, expected: str = "listed") -> Timeline:
        return self.event(
            "candidate_detected", at, caller__input__type="dtmf", caller__dtmf__class="digit", caller__dtmf__expected=expected
        )

    def ends(self, at: float, *, outcome: str = "completed", escalated: bool = False) -> Timeline:
        return self.event("call_ended", at, call__task_outcome=outcome, call__escalated=escalated, call__ended_by="caller")

    def record(self, rule: Callable[..., Ruling] | None = None, events: list[VoiceEvent] | None = None) -> CallRecord:
        return record_of(
            self.call_id, self.events if events is None else events, rule or no_rule, policy_version="p", root=(b"t" * 16, b"r" * 8)
        )

    def shuffled(self, seed: int) -> list[VoiceEvent]:
        copy = self.events + self.events[::2]
        random.Random(seed).shuffle(copy)
        return copy


def no_rule(facts: object) -> Ruling:
    return Ruling(
        action="stop_agent_audio_and_accept_user_turn",
        effect="stop",
        input_class="correction",
        rule="test",
        reason="",
        confidence=1.0,
        policy_version="p",
        protected=False,
    )


@pytest.fixture(autouse=True)
def _told_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor counts about itself in any test is in the table, with these labels."""
    add = Counters.add

    def checked(self: Counters, name: str, amount: int = 1, /, **labels: str) -> None:
        known = HEALTH.get(name)
        assert known is None or set(labels) == set(known.labels), f"{name} has the labels {known.labels}, not {sorted(labels)}"
        assert known is not None or name.count("_") <= 2, f"{name} is not in the table of health"  # shorter ones are made up by tests
        add(self, name, amount, **labels)

    monkeypatch.setattr(Counters, "add", checked)


@pytest.fixture
def timeline() -> Callable[..., Timeline]:
    return Timeline
