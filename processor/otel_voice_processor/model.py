"""The processor's nouns: events as they came in, episodes and calls as judged. Times are Unix nanoseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TRACES: Final = "traces"
LOGS: Final = "logs"
UNVERSIONED: Final = "unversioned"  # the agent tells no version of its policy
Scalar = str | bool | int | float
Value = Scalar | tuple[str, ...] | tuple[int, ...] | tuple[bool, ...] | tuple[float, ...]
Attributes = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Entry:
    """One serialised request as it goes on, kept until every destination has it; `arrived_ns` is of the processor's clock.

    Numbers only grow; there may be gaps.
    """

    number: int
    signal: str
    arrived_ns: int
    body: bytes


@dataclass(slots=True, kw_only=True)
class VoiceEvent:
    """One event of ours, whatever carried it. `time_ns` is when it occurred, `start_ns` the start of its duration.

    It is never changed. It is not frozen, since two are made of every event and freezing takes half of that time.
    """

    name: str
    call_id: str
    time_ns: int
    start_ns: int
    trace_id: bytes
    span_id: bytes
    attributes: Attributes
    emitter: str = ""  # service.instance.id, or service.name: whose clock it is

    @property
    def event_id(self) -> str:
        """Return the identity that knows duplicates on every carrier."""
        given = self.attributes.get("voice.event.id")
        return str(given) if given else f"{self.trace_id.hex()}:{self.span_id.hex()}:{self.name}:{self.time_ns}"

    @property
    def identity(self) -> tuple[str, str, int]:
        """Return what tells a duplicate; a reused id on another event is none."""
        return self.event_id, self.name, self.time_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One emitter's times of a stretch, by its own clock; `word_ns` is that of the first word, None where it is not told."""

    emitter: str
    onset_ns: int
    end_ns: int | None
    word_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One stretch of caller input: speech, keys or a command. `end_ns` is None while open or never reported.

    Times are by the clock of `emitter`; where several emitters reported it, each one's times are in `reports`.
    """

    input_type: str
    onset_ns: int
    end_ns: int | None
    first_word_ns: int | None
    text: str | None
    transcript_status: str | None
    input_class: str
    class_confidence: float
    class_reason: str
    evidence_ns: int | None  # when words of it were first known
    word_hashes: tuple[str, ...]
    is_backchannel: bool | None
    emitter: str
    attributes: Attributes
    detected_ns: int | None = None  # when a detector first fired on it
    interruption_ids: tuple[str, ...] = ()  # by which the agent's decisions name it
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One stretch of agent speech. `end_ns` is when it fell silent for good, `end_reason` None if that was not reported.

    `pauses` are (start, end or None while it lasts); `cut_ns` is when the agent made a stop final, perhaps long after the silence began;
    `resumed_blind` are moments at which it went on from a pause that was never told.
    """

    response_id: str
    start_ns: int
    end_ns: int | None
    end_reason: str | None
    pauses: tuple[tuple[int, int | None], ...]
    message_type: str | None
    workflow: str | None
    interruptible: bool | None
    question_pending: bool | None
    planned_ms: int | None
    position_ms: int | None
    emitter: str
    cut_ns: int | None = None
    resumed_blind: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the policy asks for, as it is written on spans; `effect` is stop, keep or pause."""

    action: str
    effect: str
    input_class: str
    rule: str
    reason: str
    confidence: float
    policy_version: str
    protected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One interruption, joined and judged: `stretch` of caller input against `response`."""

    call_id: str
    span_id: bytes
    trace_id: bytes
    start_ns: int
    end_ns: int
    response: Response
    stretches: tuple[Stretch, ...]
    intent: str
    net_audio: str
    verdict: str
    reason: str
    compliance: str
    protected: bool
    attempts: int
    findings: tuple[str, ...]
    missing: tuple[str, ...]
    ruling: Ruling | None
    decided_action: str | None
    reaction_ms: int | None
    silence_ms: int | None
    answered: bool | None
    repeated: bool
    resume: str | None
    recovered_turn: str | None
    task_state: str | None
    workflow: str
    message_type: str
    input_type: str
    input_class: str
    class_confidence: float

    @property
    def stretch(self) -> Stretch:
        """Return the stretch that decided: the first meaningful one, else the first."""
        return next((s for s in self.stretches if s.input_class in {"correction", "escalation", "dtmf"}), self.stretches[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One settled call: its facts, episodes in order, and what was no episode at all."""

    call_id: str
    trace_id: bytes
    root_span_id: bytes
    start_ns: int
    end_ns: int
    started_seen: bool
    runtime: str
    runtime_version: str
    agent_name: str
    workflow: str
    policy_version: str
    observable: tuple[str, ...] | None
    task_outcome: str
    escalated: bool | None
    ended_by: str
    interrupted: str
    escalation_asked: bool
    episodes: tuple[Episode, ...]
    responses: tuple[Response, ...]
    stretches: tuple[Stretch, ...]
    turn_overlaps: tuple[tuple[str, str], ...]  # (workflow, message type) of each
    premature_endpointings: tuple[Response, ...]
    silence_timeouts: tuple[str, ...]  # next action of each
    unknown_ends: int
    judge_version: str
    processor_policy_version: str
