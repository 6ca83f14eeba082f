"""What a guard answers: what the agent is to do now, the ruling behind it, when to ask again, and the input it kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from otel_voice_schema.attributes import Action

from otel_voice.interruption import Interruption
from otel_voice.policy import Candidate, Ruling


class Do(StrEnum):
    """What the agent is to do now.

    `stop`, `route_key` and `escalate` end what plays; where nothing plays, `stop` says that the turn is the caller's: take it. `answer`
    hands out input that was kept while it could not be taken, `leave` says that the guard failed: the runtime's own settings rule.
    """

    KEEP = "keep"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    BUFFER = "buffer"
    ROUTE_KEY = "route_key"
    ESCALATE = "escalate"
    REPROMPT = "reprompt"
    WAIT = "wait"
    ANSWER = "answer"
    LEAVE = "leave"


DO: Final[Mapping[Action, Do]] = MappingProxyType(
    {
        Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN: Do.STOP,
        Action.CONTINUE_AGENT_AUDIO: Do.KEEP,
        Action.ACKNOWLEDGE_AND_CONTINUE: Do.KEEP,
        Action.PAUSE_AGENT_AUDIO: Do.PAUSE,
        Action.RESUME_AGENT_AUDIO: Do.RESUME,
        Action.BUFFER_INPUT_AND_CONTINUE: Do.BUFFER,
        Action.ROUTE_DTMF: Do.ROUTE_KEY,
        Action.REPROMPT: Do.REPROMPT,
        Action.WAIT: Do.WAIT,
        Action.ESCALATE_TO_HUMAN: Do.ESCALATE,
    }
)
TAKEN: Final = frozenset({Do.STOP, Do.ROUTE_KEY, Do.ESCALATE})  # the audio is over, the input is the agent's


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Input that was kept until the agent may take it: words, a command, or a key that was on offer when it was pressed.

    The key stays in memory and never leaves as telemetry; of one that was not on offer only that there was one is kept. Where `complete` is
    false the caller was still speaking when it was handed out.
    """

    kind: str
    text: str = field(default="", repr=False)
    intent: str | None = None
    key: str | None = field(default=None, repr=False)
    complete: bool = True
    heard_ns: int = 0  # when the caller was last heard in it, by `Guard.now`
    interruption: Interruption | None = field(default=None, repr=False)
    candidate: Candidate = field(default_factory=Candidate, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the agent is to do now. Where `changed` is false it was answered before, and nothing need be done.

    `audio` is what the player does from now on: `play`, `pause` or `stop`, which is also its name where nothing plays. `next_at_ns` is when
    to call `tick` although nothing new came, by `Guard.now`; `inputs` are handed out once and are the agent's from then on.
    """

    do: Do
    audio: str = "stop"
    changed: bool = False
    ruling: Ruling | None = None
    next_at_ns: int | None = None
    inputs: tuple[Input, ...] = ()
    interruption: Interruption | None = field(default=None, repr=False)


LEAVE: Final = Decision(do=Do.LEAVE, audio="play", changed=True)
