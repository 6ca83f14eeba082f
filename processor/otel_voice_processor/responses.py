"""From a call's events to the agent's responses: what played, paused, was cut and ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.evidence import MS, bool_of, int_of, text_of
from otel_voice_processor.model import Response, Scalar, Value, VoiceEvent


@dataclass(slots=True)
class _OpenResponse:
    """A response while its events are read."""

    response_id: str
    start_ns: int
    emitter: str
    end_ns: int | None = None
    end_reason: str | None = None
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    positions: list[tuple[int, int]] = field(default_factory=list)
    seen: dict[str, Value] = field(default_factory=dict)

    def close_pause(self, at: int) -> None:
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1] = (self.pauses[-1][0], at)

    def frozen(self) -> Response:
        position = self.seen.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)
        return Response(
            response_id=self.response_id,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            end_reason=self.end_reason,
            pauses=tuple(self.pauses),
            message_type=text_of(self.seen.get(a.VOICE_AGENT_MESSAGE_TYPE)),
            workflow=text_of(self.seen.get(a.VOICE_WORKFLOW)),
            interruptible=bool_of(self.seen.get(a.VOICE_AGENT_SPEECH_INTERRUPTIBLE)),
            question_pending=bool_of(self.seen.get(a.VOICE_AGENT_QUESTION_PENDING)),
            planned_ms=int_of(self.seen.get(a.VOICE_AGENT_RESPONSE_DURATION_MS)),
            position_ms=int_of(position),
            emitter=self.emitter,
        )


def responses_of(events: Sequence[VoiceEvent]) -> tuple[Response, ...]:
    """Return the agent's responses in order of start; `events` come from `in_order`.

    Runtimes give one id to several replies of a turn: each that begins anew after an end is a response, named `id@time`.
    """
    found: list[_OpenResponse] = []
    newest: dict[str, _OpenResponse] = {}
    current: _OpenResponse | None = None
    for event in events:
        if event.name not in {e.AGENT_SPEECH_STARTED, e.AGENT_SPEECH_INTERRUPTED, e.AGENT_SPEECH_STOPPED}:
            continue
        named = text_of(event.attributes.get(a.VOICE_AGENT_RESPONSE_ID))
        started = event.name == e.AGENT_SPEECH_STARTED
        if named is None and (started or current is None):
            named = f"unnamed@{event.time_ns}"
        response = current if named is None else newest.get(named)
        again = started and response is not None and response.end_ns is not None and not _resumes(event)
        if response is None or again:
            played = int_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)) or 0
            start = event.time_ns if started else min(event.start_ns, event.time_ns - played * MS)
            name = f"{named}@{event.time_ns}" if again else str(named)
            response = newest[str(named)] = _OpenResponse(response_id=name, start_ns=start, emitter=event.emitter)
            found.append(response)
        current = response
        response.seen.update({key: value for key, value in event.attributes.items() if key.startswith("voice.")})
        _read_playback(response, event)
    return tuple(sorted((item.frozen() for item in found), key=lambda item: (item.start_ns, item.response_id)))


def _resumes(event: VoiceEvent) -> bool:
    return event.attributes.get(a.VOICE_AGENT_PLAYBACK_RESUMED) is True


def _read_playback(response: _OpenResponse, event: VoiceEvent) -> None:
    """Move one response on by one event: resumed, paused, cut or ended."""
    if event.name == e.AGENT_SPEECH_STARTED:
        response.close_pause(event.time_ns)
        return
    if event.name == e.AGENT_SPEECH_INTERRUPTED:
        paused = bool(response.pauses) and response.pauses[-1][1] is None
        if not paused and response.end_reason is None:  # a final one confirms the pause before it; the silence began there
            response.pauses.append((event.time_ns, None))
        if event.attributes.get(a.VOICE_AGENT_PLAYBACK_PROVISIONAL) is not True:
            response.end_reason, response.end_ns = "interrupted", response.pauses[-1][0] if response.pauses else event.time_ns
        return
    reason = text_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_END_REASON))
    if response.end_reason == "interrupted":  # a final cut wins over what is told of the same audio later
        return
    open_pause = response.pauses[-1] if response.pauses and response.pauses[-1][1] is None else None
    if reason == "interrupted":
        response.end_ns = open_pause[0] if open_pause else event.time_ns
        if open_pause is None:
            response.pauses.append((event.time_ns, None))
    else:
        response.close_pause(event.time_ns)
        response.end_ns = event.time_ns
    response.end_reason = reason


def context_of(response: Response) -> dict[str, Value]:
    """Return what a response tells a policy about the input that met it."""
    known: dict[str, Scalar | None] = {
        a.VOICE_AGENT_MESSAGE_TYPE: response.message_type,
        a.VOICE_WORKFLOW: response.workflow,
        a.VOICE_AGENT_QUESTION_PENDING: response.question_pending,
        a.VOICE_AGENT_RESPONSE_DURATION_MS: response.planned_ms,
        a.VOICE_AGENT_SPEECH_STATE: "speaking",
    }
    return {key: value for key, value in known.items() if value is not None}
