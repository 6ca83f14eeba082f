"""How far each response had played, by what was told when it stopped: the position of its start says nothing of that. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.evidence import int_of, text_of
from otel_voice_processor.model import CallRecord, Response, VoiceEvent

TOLD_BY = frozenset({e.AGENT_SPEECH_INTERRUPTED, e.AGENT_SPEECH_STOPPED})


def with_positions(record: CallRecord, events: Sequence[VoiceEvent]) -> CallRecord:
    """Return a record whose responses have the position in ms that an interruption or stop told of them, None where none did."""
    heard = _positions(record.responses, events)

    def told(response: Response) -> Response:
        return replace(response, position_ms=heard.get((response.response_id, response.start_ns)))

    episodes = tuple(replace(ep, response=told(ep.response)) for ep in record.episodes)
    return replace(record, responses=tuple(map(told, record.responses)), episodes=episodes)


def _positions(responses: Sequence[Response], events: Sequence[VoiceEvent]) -> dict[tuple[str, int], int]:
    """Return the newest position told of each response, by its id and start; `events` are in order of time."""
    named: dict[str | None, list[Response]] = {None: list(responses)}
    for response in responses:
        shared = response.response_id.rpartition("@")[0]  # of several replies by one id
        for name in dict.fromkeys((response.response_id, shared or response.response_id)):
            named.setdefault(name, []).append(response)
    found: dict[tuple[str, int], int] = {}
    for event in events:
        position = int_of(event.attributes.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)) if event.name in TOLD_BY else None
        of = named.get(text_of(event.attributes.get(a.VOICE_AGENT_RESPONSE_ID)), [])
        place = bisect_right(of, event.time_ns, key=lambda each: each.start_ns)
        if position is not None and place:
            found[of[place - 1].response_id, of[place - 1].start_ns] = position
    return found
