"""What an agent really did at an interruption, in the words of a test: each assertion as it was seen, or the fact that is missing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice_processor.aftermath import NEAR_NS
from otel_voice_processor.evidence import MEANINGFUL, bool_of, text_of
from otel_voice_processor.model import CallRecord, Episode, Response, Value, VoiceEvent
from otel_voice_processor.stretches import end_of
from otel_voice_processor.verdicts import CLOCK_TOLERANCE_NS

BY_POLICY = ", as the policy asks on what was known then,"
PLAYS_ON = frozenset({a.Action.CONTINUE_AGENT_AUDIO, a.Action.ACKNOWLEDGE_AND_CONTINUE, a.Action.RESUME_AGENT_AUDIO})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one assertion: every value it fits, in words what it rests on; without values, the fact that is `missing`."""

    values: tuple[str, ...] = ()
    said: str = ""
    missing: str = ""


def seen(*values: str, said: str = "") -> Seen:
    """Return what was seen."""
    return Seen(values=values, said=said)


def missing(fact: str) -> Seen:
    """Return that a fact was not recorded."""
    return Seen(missing=fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What stands around an episode: its call, the responses after its own, when the next episode begins, which response hands over."""

    record: CallRecord
    events: Sequence[VoiceEvent]
    following: tuple[Response, ...]
    until_ns: int | None
    handed_over: Callable[[Response], bool]


def seen_of(episode: Episode, context: Context) -> dict[str, Seen]:
    """Return the five assertions of one interruption."""
    after = _After(episode, context)
    return {
        "decision": after.decision(),
        "playback": _playback(episode, by_policy=after.paused_by_policy),
        "transcript": after.transcript(),
        "task": after.task(),
        "recovery": after.recovery(),
    }


def seen_from_pause(episode: Episode, context: Context) -> dict[str, Seen]:
    """Return the five assertions from the moment on at which the agent had paused; empty where it never did."""
    after = _After(episode, context)
    if not after.paused:
        return {}
    decided = after.decisions[-1] if after.decisions else None
    resumed = episode.net_audio == "paused_resumed"
    return {
        "decision": missing(a.VOICE_INTERRUPTION_DECISION_ACTION) if decided in {None, a.Action.PAUSE_AGENT_AUDIO} else seen(str(decided)),
        "playback": seen("keep", said="it had paused, and went on") if resumed else _playback(episode, by_policy=False),
        "transcript": after.transcript(),
        "task": after.task(),
        "recovery": after.recovery(),
    }


def _playback(episode: Episode, *, by_policy: bool) -> Seen:
    """Return what the caller heard happen; a stop that came too late for the caller is told as that."""
    if episode.net_audio == "unknown":
        return missing(a.VOICE_AGENT_PLAYBACK_END_REASON)
    if episode.net_audio == "paused_resumed":
        return seen("pause", *(["keep"] if by_policy else []), said=f"it paused{BY_POLICY if by_policy else ''} and went on")
    if episode.net_audio == "stopped":
        late = episode.verdict == "missed_interruption"
        took = f" after {episode.reaction_ms / 1000:.2f} s" if episode.reaction_ms is not None else ""
        return seen("stops_late", said=f"it stopped, but too late: {episode.reason}") if late else seen("stop", said=f"it was silent{took}")
    if episode.verdict == "correct" and episode.intent == "yes":
        return seen("keep", "stop", said="the response ended by itself at once")
    return seen("keep", said="it played on")


class _After:
    """What followed an interruption, until the next one, a later response or half a minute."""

    def __init__(self, episode: Episode, context: Context) -> None:
        self._episode, self._context = episode, context
        end = max(episode.start_ns, episode.response.end_ns or 0) + NEAR_NS
        self._next = next((response for response in context.following[:1] if response.start_ns < end), None)
        other = [] if context.until_ns is None else [context.until_ns]
        self._until = min([end, *other, *(response.start_ns for response in context.following[1:2])])
        self._facts: dict[str, Value] = {}
        within = [event for event in context.events if episode.start_ns <= event.time_ns < self._until]
        for event in within:
            for key in (a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE, a.VOICE_INTERRUPTION_RECOVERY_NEW_TURN_COMMITTED):
                if key in event.attributes:
                    self._facts.setdefault(key, event.attributes[key])
        self.decisions = _decisions(within) or [action for action in (episode.decided_action,) if action]
        cuts = [event for event in within if event.name == e.AGENT_SPEECH_INTERRUPTED]
        provisional = any(event.attributes.get(a.VOICE_AGENT_PLAYBACK_PROVISIONAL) is True for event in cuts)
        self.paused = episode.net_audio == "paused_resumed" or (episode.net_audio == "stopped" and provisional)
        kept = episode.ruling is not None and episode.ruling.effect == "keep"
        self.paused_by_policy = episode.net_audio == "paused_resumed" and episode.compliance == "followed" and kept
        self._hands_over = self._next is not None and context.handed_over(self._next)
        self._soon = episode.net_audio == "kept" and episode.verdict == "correct" and episode.intent == "yes"

    def decision(self) -> Seen:
        """Return what the agent decided last, on all evidence; a pause by the policy counts as what that asks for in the end."""
        if not self.decisions:
            return missing(a.VOICE_INTERRUPTION_DECISION_ACTION)
        decided = self.decisions[-1]
        said = f"after {', '.join(self.decisions[:-1])}" if len(self.decisions) > 1 else ""
        if decided == a.Action.PAUSE_AGENT_AUDIO and self.paused_by_policy and self._episode.ruling is not None:
            return seen(decided, self._episode.ruling.action, said=BY_POLICY.strip(" ,"))
        return seen(decided, said=said)

    def transcript(self) -> Seen:
        """Return what became of the caller's words."""
        episode = self._episode
        if episode.input_type == "dtmf":
            return seen("key", said="the key was recorded")
        pending = ["pending"] if episode.net_audio == "paused_resumed" else []
        committed = self._committed()
        if episode.intent == "no":
            if committed is None and episode.decided_action in PLAYS_ON:
                committed = False
            if committed is None:
                return missing(a.VOICE_TURN_ID)
            return seen("accepted", said="a new turn was made of it") if committed else seen("not_a_turn", *pending, said="no new turn")
        answered, after = episode.answered is True or self._soon or self._over(), self._answered_after()
        if episode.net_audio == "kept" and after and not self._soon:
            return seen("buffered", *(["accepted"] if committed else []), said="answered after the response")
        if answered or committed or after:
            if episode.input_type == "speech" and episode.stretch.transcript_status != "final":
                return missing(a.VOICE_CALLER_TRANSCRIPT_STATUS)
            both = ["buffered"] if self._soon else []
            return seen("accepted", *both, *pending, said="a final transcript, and a new turn or an answer")
        if committed is None and episode.answered is None:
            return missing(a.VOICE_TURN_ID)
        return seen("not_a_turn", *pending, said="neither a new turn nor an answer came of it")

    def task(self) -> Seen:
        state = self._episode.task_state or text_of(self._facts.get(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE))
        known = [state] if state in {"preserved", "lost"} else []
        if self._over():
            return seen("handed_over", *known, said="a hand-off followed")
        if not known and self._asked_for_person() and self._context.record.escalated is False:
            return seen("not_handed_over", said="the call was not escalated")
        return seen(*known) if known else missing(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE)

    def recovery(self) -> Seen:
        """Return how the conversation went on."""
        episode = self._episode
        if episode.net_audio == "unknown":
            return missing(a.VOICE_AGENT_PLAYBACK_END_REASON)
        over = ["hands_over"] if self._over() else []
        if episode.net_audio == "paused_resumed":
            how = {"lost": "loses_its_place"}.get(episode.resume or "", "resumes")
            on = ["plays_on"] if self.paused_by_policy and how == "resumes" else []
            return seen(how, "resumes_or_stops", *on, *over, said=f"it went on, resume {episode.resume or 'unknown'}")
        if episode.net_audio == "kept":
            return self._played_on(over)
        if episode.intent == "no":
            return seen("does_not_resume", *over, said="it never took its place up again")
        if episode.repeated:
            return seen("caller_repeats", *over, said="the caller had to say it again")
        if episode.answered:
            answers = "routes_key" if episode.input_type == "dtmf" else "answers_turn"
            return seen(answers, "resumes_or_stops", *over, said="the agent spoke again" if not over else "a hand-off followed")
        if over:
            return seen(*over, said="the call was handed over")
        if self._asked_for_person() and self._context.record.escalated is None:
            return missing(a.VOICE_CALL_ESCALATED)
        return seen("falls_silent", said="the agent never spoke again") if episode.answered is False else missing(a.VOICE_AGENT_RESPONSE_ID)

    def _played_on(self, over: list[str]) -> Seen:
        """Return how it went on where the response was not cut: perhaps answered right after it."""
        if self._episode.repeated:
            return seen("plays_on", "caller_repeats", *over, said="it played on, and the caller had to say it again")
        if not self._answered_after():
            return seen("plays_on", "waits", *over, said="it played on")
        soon = ["routes_key" if self._episode.input_type == "dtmf" else "answers_turn"] if self._soon else []
        said = "it ended by itself, then the agent answered" if soon else "it played on, then the agent spoke again"
        return seen("plays_on", "answers_after", "reprompts", "waits", *soon, *over, said=said)

    def _committed(self) -> bool | None:
        """Tell whether a new turn was made of the input, None where nothing recorded says so or denies it."""
        told = bool_of(self._facts.get(a.VOICE_INTERRUPTION_RECOVERY_NEW_TURN_COMMITTED))
        if self._episode.recovered_turn is not None or told is not None:
            return self._episode.recovered_turn is not None or told
        until = self._until if self._next is None else min(self._until, self._next.start_ns)
        said = end_of(self._episode.stretches[-1])
        over = self._episode.response.end_ns or 0
        later = (each for each in self._context.record.stretches if each.onset_ns > said)
        goes_on = (each.onset_ns for each in later if each.input_class in MEANINGFUL or 0 < over <= each.onset_ns)
        until = min(until, next(goes_on, until))  # the turn after that is of what the caller says then
        talk = (
            event for event in self._context.events if event.time_ns < until and event.name != e.CALL_ENDED
        )  # at its end all is committed
        turns = [(event.time_ns, event.attributes.get(a.VOICE_TURN_ID)) for event in talk]
        before = next((turn for at, turn in reversed(turns) if at < self._episode.start_ns and turn), None)
        since = {turn for at, turn in turns if at >= self._episode.start_ns and turn}
        return bool(since - {before}) if since and before else None

    def _answered_after(self) -> bool:
        """Tell whether the agent spoke again after its response, and the caller had not begun anew before that."""
        if self._next is None:
            return False
        said = end_of(self._episode.stretches[-1])
        between = (s for s in self._context.record.stretches if said < s.onset_ns < self._next.start_ns and s.input_class in MEANINGFUL)
        return next(between, None) is None and self._next.start_ns >= said - CLOCK_TOLERANCE_NS

    def _asked_for_person(self) -> bool:
        return self._episode.input_class == "escalation" or self._episode.decided_action == a.Action.ESCALATE_TO_HUMAN

    def _over(self) -> bool:
        return self._hands_over or (self._asked_for_person() and self._context.record.escalated is True)


def _decisions(events: Sequence[VoiceEvent]) -> list[str]:
    """Return what was decided on the first interruption among the events, in order, each change once."""
    decided = [event for event in events if event.name == e.DECISION_MADE]
    same = [
        event for event in decided if event.attributes.get(a.VOICE_INTERRUPTION_ID) == decided[0].attributes.get(a.VOICE_INTERRUPTION_ID)
    ]
    actions = (text_of(event.attributes.get(a.VOICE_INTERRUPTION_DECISION_ACTION)) for event in same)
    return list(dict.fromkeys(action for action in actions if action))
