"""From a call's events to the agent's responses: what played, paused, was cut and ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.evidence import MS, began_ns, bool_of, floor_ns, int_of, text_of
from otel_voice_processor.model import Response, Scalar, Value, VoiceEvent

SAME_END_NS = 500 * MS  # an end and a cut this near to each other are one, and it was cut
PLAYED = frozenset({e.AGENT_SPEECH_STARTED, e.AGENT_SPEECH_INTERRUPTED, e.AGENT_SPEECH_STOPPED})
TOLD = (
    *(a.VOICE_AGENT_MESSAGE_TYPE, a.VOICE_WORKFLOW, a.VOICE_AGENT_SPEECH_INTERRUPTIBLE, a.VOICE_AGENT_QUESTION_PENDING),
    *(a.VOICE_AGENT_RESPONSE_DURATION_MS, a.VOICE_AGENT_PLAYBACK_POSITION_MS),
)  # the newest word on each counts


@dataclass(slots=True)
class _OpenResponse:
    """A response while its events are read."""

    response_id: str
    start_ns: int
    emitter: str
    end_ns: int | None = None
    end_reason: str | None = None
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    seen: dict[str, Value] = field(default_factory=dict)
    cut_ns: int | None = None
    resumed_blind: list[int] = field(default_factory=list)

    @property
    def paused(self) -> bool:
        return bool(self.pauses) and self.pauses[-1][1] is None

    def close_pause(self, at: int) -> None:
        if self.paused:
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
            cut_ns=self.cut_ns,
            resumed_blind=tuple(self.resumed_blind),
        )


def responses_of(events: Sequence[VoiceEvent]) -> tuple[Response, ...]:
    """Return the agent's responses in order of start; `events` come from `in_order`.

    Runtimes give one id to several replies of a turn: each that begins anew after an end is a response, named `id@time`.
    """
    found: list[_OpenResponse] = []
    floor = floor_ns(events)
    newest: dict[str, _OpenResponse] = {}
    current: _OpenResponse | None = None
    for event in events:
        if event.name not in PLAYED:
            continue
        named = text_of(event.attributes.get(a.VOICE_AGENT_RESPONSE_ID))
        started = event.name == e.AGENT_SPEECH_STARTED
        if named is None and ((started and not _resumes(event)) or current is None):
            named = f"unnamed@{event.time_ns}"
        response = current if named is None else newest.get(named)
        if response is None and named is not None and started and _resumes(event) and current is not None and current.paused:
            response = newest[named] = current  # it went on under another name
        again = started and response is not None and response.end_ns is not None and not _resumes(event)
        if response is None or again:
            played = int_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)) or 0
            begins = started and not _resumes(event)
            before = next((each.start_ns for each in reversed(found) if each.emitter == event.emitter), 0)
            start = event.time_ns if begins else began_ns(event, max(floor, before), played)
            name = f"{named}@{event.time_ns}" if again else str(named)
            response = newest[str(named)] = _OpenResponse(response_id=name, start_ns=start, emitter=event.emitter)
            found.append(response)
        current = response
        for key in TOLD:
            if key in event.attributes and not (started and key == a.VOICE_AGENT_PLAYBACK_POSITION_MS):  # what was heard, the end tells
                response.seen[key] = event.attributes[key]
        _read_playback(response, event)
    return tuple(sorted((item.frozen() for item in found), key=lambda item: (item.start_ns, item.response_id)))


def _resumes(event: VoiceEvent) -> bool:
    return event.attributes.get(a.VOICE_AGENT_PLAYBACK_RESUMED) is True


def _read_playback(response: _OpenResponse, event: VoiceEvent) -> None:
    """Move one response on by one event: resumed, paused, cut or ended."""
    if event.name == e.AGENT_SPEECH_STARTED:
        _resume(response, event)
        return
    if event.name == e.AGENT_SPEECH_INTERRUPTED:
        if not response.paused and response.end_reason is None:  # a final one confirms the pause before it; the silence began there
            response.pauses.append((event.time_ns, None))
        if event.attributes.get(a.VOICE_AGENT_PLAYBACK_PROVISIONAL) is True:
            return
        if response.end_reason is None:
            response.end_reason, response.end_ns, response.cut_ns = "interrupted", response.pauses[-1][0], event.time_ns
        elif response.end_reason == "completed" and event.time_ns - (response.end_ns or 0) <= SAME_END_NS:
            response.end_reason, response.cut_ns = "interrupted", event.time_ns
        return
    reason = text_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_END_REASON))
    if response.end_reason == "interrupted":  # a final cut wins over what is told of the same audio later
        return
    if reason == "interrupted":
        if not response.paused:
            response.pauses.append((event.time_ns, None))
        response.end_ns, response.cut_ns = response.pauses[-1][0], event.time_ns
    else:
        response.close_pause(event.time_ns)
        response.end_ns = event.time_ns
    response.end_reason = reason


def _resume(response: _OpenResponse, event: VoiceEvent) -> None:
    """Go on: after a pause, after a stop that was called final and was not, or after a pause that nobody told of."""
    if response.paused:
        response.close_pause(event.time_ns)
        if response.end_reason == "interrupted":
            response.end_reason = response.end_ns = response.cut_ns = None
    elif _resumes(event) and response.end_ns is None:
        response.resumed_blind.append(event.time_ns)


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
