"""What an action obliges the agent to: playback, transcript, task and recovery, of which a test asserts each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from otel_voice_schema.attributes import Action, InputClass

from otel_voice.policy.model import EFFECTS

Expectation = Mapping[str, tuple[str, ...]]  # of each assertion the values that pass; one that is absent asserts nothing

FIVE: Final = ("decision", "playback", "transcript", "task", "recovery")
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What follows from one action, in the words of a case file."""

    playback: str
    transcript: str
    task: str
    recovery: str


_FOLLOWS: Final = {  # transcript, task, recovery
    Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN: ("accepted", "preserved", "answers_turn"),
    Action.CONTINUE_AGENT_AUDIO: ("not_a_turn", "preserved", "plays_on"),
    Action.ACKNOWLEDGE_AND_CONTINUE: ("not_a_turn", "preserved", "plays_on"),
    Action.PAUSE_AGENT_AUDIO: ("pending", "preserved", "resumes_or_stops"),
    Action.RESUME_AGENT_AUDIO: ("not_a_turn", "preserved", "resumes"),
    Action.BUFFER_INPUT_AND_CONTINUE: ("buffered", "preserved", "answers_after"),
    Action.ROUTE_DTMF: ("key", "preserved", "routes_key"),
    Action.REPROMPT: ("none", "preserved", "reprompts"),
    Action.WAIT: ("pending", "preserved", "waits"),
    Action.ESCALATE_TO_HUMAN: ("accepted", "handed_over", "hands_over"),
}
OBLIGATIONS: Final[Mapping[str, Obligation]] = MappingProxyType(
    {
        action.value: Obligation(playback=EFFECTS[action], transcript=transcript, task=task, recovery=recovery)
        for action, (transcript, task, recovery) in _FOLLOWS.items()
    }
)


def _told(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(getattr(each, name) for each in OBLIGATIONS.values()))


ASSERTIONS: Final[Mapping[str, tuple[str, ...] | None]] = MappingProxyType(  # and what each may say; None is any text
    {
        "class": tuple(each.value for each in InputClass),
        "decision": tuple(OBLIGATIONS),
        "playback": _told("playback"),
        "transcript": _told("transcript"),
        "task": _told("task"),
        "recovery": _told("recovery"),
        "protected": (YES, NO),
        "waits": (YES, NO),
        "cancels": (YES, NO),
        "wait_until_ms": None,
        "rule": None,
    }
)


def does(action: str, assertion: str) -> str:
    """Return what an action does of one of the five assertions."""
    return action if assertion == "decision" else str(getattr(OBLIGATIONS[action], assertion))


def accepted_actions(expect: Expectation) -> tuple[str, ...]:
    """Return the actions that satisfy every one of the five assertions that is made; none where they contradict each other."""
    asserted = [each for each in FIVE if each in expect]
    return tuple(action for action in OBLIGATIONS if all(does(action, each) in expect[each] for each in asserted))


def completed(expect: Expectation) -> Expectation:
    """Return all five assertions: those that are made, and what follows from them for the others; none where none is made."""
    if not any(each in expect for each in FIVE):
        return {}
    actions = accepted_actions(expect)
    implied = {each: tuple(dict.fromkeys(does(action, each) for action in actions)) for each in FIVE}
    return implied | {each: expect[each] for each in FIVE if each in expect}
