"""Moments of a recorded call that a test case may speak of: an interruption, a pause in the caller's turn, a silence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import Candidate, Policy, Ruling, candidate_from_attributes, decide
from otel_voice_processor.episodes import episode_span_id, ruled_facts
from otel_voice_processor.evidence import MEANINGFUL, MS, int_of, text_of
from otel_voice_processor.model import CallRecord, Response, Stretch, Value, VoiceEvent
from otel_voice_processor.observed import Context, Seen, missing, seen, seen_from_pause, seen_of
from otel_voice_processor.stretches import end_of

INTERRUPTION: Final = "interruption"
PAUSE: Final = "pause"
SILENCE: Final = "silence"
HANDOFF: Final = "escalation_handoff"
_ACTIONS: Final = {  # of what an agent did after a silence
    a.NextAction.REPROMPT: a.Action.REPROMPT,
    a.NextAction.WAIT: a.Action.WAIT,
    a.NextAction.ESCALATE: a.Action.ESCALATE_TO_HUMAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment, what is known of the input, the policy's ruling on it, and what was seen of the five assertions.

    `id` is the episode's span id where it is an interruption; `paused` is what was seen from the pause on, where the agent made one. Of a
    silence `waited` is what was seen before `acted_ms`, when the agent did something; `lasted_ms` is how long nobody spoke.
    """

    kind: str
    id: str
    call_id: str
    at_ms: int
    candidate: Candidate
    ruling: Ruling
    seen: Mapping[str, Seen]
    paused: Mapping[str, Seen] = field(default_factory=dict)
    waited: Mapping[str, Seen] = field(default_factory=dict)
    acted_ms: int | None = None
    lasted_ms: int = 0


def moments_of(record: CallRecord, events: Sequence[VoiceEvent], policy: Policy) -> tuple[Moment, ...]:
    """Return the moments of a call in their order; `events` are the call's, in order of time."""
    call = _Call(record, events, policy)
    found = [*call.interruptions(), *call.pauses(), *call.silences()]
    return tuple(sorted(found, key=lambda moment: (moment.at_ms, moment.id)))


class _Call:
    """One call, while its moments are found."""

    def __init__(self, record: CallRecord, events: Sequence[VoiceEvent], policy: Policy) -> None:
        self._record, self._events, self._policy = record, events, policy

    def interruptions(self) -> Iterator[Moment]:
        """Yield a moment for each episode."""
        episodes = self._record.episodes
        for at, episode in enumerate(episodes):
            later = [other.start_ns for other in episodes[at + 1 :] if other.start_ns > episode.start_ns]
            candidate = candidate_from_attributes(ruled_facts(episode.stretches[0], episode.response))
            context = Context(
                record=self._record,
                events=self._events,
                following=tuple(r for r in self._record.responses if r.start_ns > episode.response.start_ns),
                until_ns=min(later, default=None),
                handed_over=self._hands_over,
            )
            yield Moment(
                kind=INTERRUPTION,
                id=episode.span_id.hex(),
                call_id=self._record.call_id,
                at_ms=self._since_start(episode.start_ns),
                candidate=candidate,
                ruling=decide(self._policy, candidate),
                seen=seen_of(episode, context),
                paused=seen_from_pause(episode, context),
            )

    def pauses(self) -> Iterator[Moment]:
        """Yield a moment for each pause that the caller made in a turn: waited through, or taken for the turn's end."""
        early = {response.response_id for response in self._record.premature_endpointings}
        spoken = [each for each in self._record.stretches if each.input_type == "speech" and each.input_class in MEANINGFUL]
        for first, second in pairwise(spoken):
            start, end = end_of(first), second.onset_ns
            spoke = next((r for r in self._record.responses if r.response_id in early and start <= r.start_ns < end), None)
            if spoke is not None:
                early.discard(spoke.response_id)
                yield self._pause(first, start, spoke.start_ns, spoke)
            elif start < end and not any(_audible(response, start, end) for response in self._record.responses):
                yield self._pause(first, start, end, None)
        for response in self._record.premature_endpointings:
            over = next((each for each in spoken if each.onset_ns < response.start_ns < end_of(each)), None)
            if response.response_id in early and over is not None:
                yield self._pause(over, response.start_ns, response.start_ns, response)

    def _pause(self, stretch: Stretch, start: int, end: int, spoke: Response | None) -> Moment:
        gap = (end - start) // MS
        facts = dict(stretch.attributes) | {a.VOICE_AGENT_SPEECH_STATE: "listening", a.VOICE_SILENCE_ELAPSED_MS: gap}
        went_on = f"the caller went on after {_seconds(gap)}"
        barged = f"the agent spoke after {_seconds(gap)}, and the caller went on"
        return self._moment(
            kind=PAUSE,
            start_ns=start,
            facts=facts,
            seen={
                "decision": missing(a.VOICE_INTERRUPTION_DECISION_ACTION),
                "playback": seen("keep", said="nothing was playing"),
                "transcript": seen("pending", said=went_on) if spoke is None else seen("accepted", said=barged),
                "task": missing(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE),
                "recovery": seen("waits", said=went_on) if spoke is None else seen("answers_too_early", said=barged),
            },
            lasted_ms=gap,
        )

    def silences(self) -> Iterator[Moment]:
        """Yield a moment for each silence in which the agent did something, or in which the policy asks for it."""
        responses = self._record.responses
        for at, response in enumerate(responses):
            start = response.end_ns
            if start is None or any(each.onset_ns < start < end_of(each) for each in self._record.stretches):
                continue
            following = responses[at + 1] if at + 1 < len(responses) else None
            heard = min((each.onset_ns for each in self._record.stretches if each.onset_ns >= start), default=self._record.end_ns)
            spoke = following if following is not None and following.start_ns <= heard else None
            end = heard if spoke is None else spoke.start_ns
            timeout = next((each for each in self._events if each.name == e.SILENCE_TIMEOUT and start <= each.time_ns <= end), None)
            moment = self._silence(response, start, end, spoke, timeout)
            if timeout is not None or moment.ruling.action is not a.Action.WAIT:
                yield moment

    def _silence(self, response: Response, start: int, end: int, spoke: Response | None, timeout: VoiceEvent | None) -> Moment:
        lasted, acted = (end - start) // MS, None if spoke is None else (spoke.start_ns - start) // MS
        next_action = None
        if timeout is not None:
            told = int_of(timeout.attributes.get(a.VOICE_SILENCE_ELAPSED_MS))
            next_action = text_of(timeout.attributes.get(a.VOICE_SILENCE_NEXT_ACTION))
            if spoke is not None or next_action not in {None, a.NextAction.WAIT}:  # to notice a silence is to do nothing about it
                acted = told if told is not None else (timeout.time_ns - start) // MS
        facts: dict[str, Value | None] = {
            a.VOICE_CALLER_INPUT_TYPE: "silence",
            a.VOICE_AGENT_SPEECH_STATE: "listening",
            a.VOICE_AGENT_MESSAGE_TYPE: response.message_type,
            a.VOICE_WORKFLOW: response.workflow,
            a.VOICE_AGENT_QUESTION_PENDING: response.question_pending,
            a.VOICE_SILENCE_ELAPSED_MS: acted if acted is not None else lasted,
        }
        waited = f"nothing was said for {_seconds(lasted)}"
        unknown_task = missing(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE)
        return self._moment(
            kind=SILENCE,
            start_ns=start,
            facts={key: value for key, value in facts.items() if value is not None},
            seen=self._after_silence(spoke, next_action, waited) | {"playback": seen("keep", "stop", said="nothing was playing")},
            waited={
                "decision": seen("wait", said=waited),
                "playback": seen("keep", said="nothing was playing"),
                "transcript": seen("none", "pending", said=waited),
                "task": unknown_task,
                "recovery": seen("waits", said=waited),
            },
            acted_ms=acted,
            lasted_ms=lasted,
        )

    def _after_silence(self, spoke: Response | None, next_action: str | None, waited: str) -> dict[str, Seen]:
        """Return what the agent did about a silence, as far as it is recorded."""
        action = _ACTIONS.get(next_action, next_action) if next_action else None  # type: ignore[call-overload]  # a StrEnum is its string
        over = (spoke is not None and self._hands_over(spoke)) or (action == a.Action.ESCALATE_TO_HUMAN and self._record.escalated is True)
        if over:
            recovery = seen("hands_over", said="a hand-off followed")
        elif spoke is not None:
            recovery = seen("reprompts", said="the agent spoke again")
        elif action == a.Action.WAIT:
            recovery = seen("waits", said=waited)
        else:
            recovery = seen("nothing_follows", said=waited)
        return {
            "decision": seen(str(action)) if action else missing(a.VOICE_SILENCE_NEXT_ACTION),
            "transcript": seen("none", "pending", *(["accepted"] if over else []), said="the caller said nothing"),
            "task": seen("handed_over") if over else missing(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE),
            "recovery": recovery,
        }

    def _moment(
        self,
        *,
        kind: str,
        start_ns: int,
        facts: Mapping[str, Value],
        seen: Mapping[str, Seen],
        waited: Mapping[str, Seen] | None = None,
        acted_ms: int | None = None,
        lasted_ms: int = 0,
    ) -> Moment:
        candidate = candidate_from_attributes(facts)
        return Moment(
            kind=kind,
            id=episode_span_id(self._record.call_id, kind, start_ns).hex(),
            call_id=self._record.call_id,
            at_ms=self._since_start(start_ns),
            candidate=candidate,
            ruling=decide(self._policy, candidate),
            seen=seen,
            waited=waited or {},
            acted_ms=acted_ms,
            lasted_ms=lasted_ms,
        )

    def _since_start(self, at_ns: int) -> int:
        return max(0, at_ns - self._record.start_ns) // MS

    def _hands_over(self, response: Response) -> bool:
        kind = response.message_type or ""
        return self._policy.names.get(kind, kind) == HANDOFF


def _audible(response: Response, start: int, end: int) -> bool:
    return response.start_ns < end and (response.end_ns is None or response.end_ns > start)


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.2f} s"
