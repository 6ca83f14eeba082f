"""What a call remembers of its two sides between events: the agent's response, the caller's stretches of speech."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from otel_voice_schema import attributes as a

from otel_voice.facts import MS, Facts

_CLASS_KEYS = (a.VOICE_CALLER_INPUT_CLASS, a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE, a.VOICE_JUDGE_VERSION)


@dataclass(slots=True, kw_only=True)
class Response:
    """The response that plays, or the last that did."""

    response_id: str
    message_type: str | None
    interruptible: bool | None
    question_pending: bool | None
    start_ns: int
    planned_ms: int | None = None
    playing: bool = True


class AgentSide:
    """What the agent says, and of what kind a response begun now would be."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.response: Response | None = None
        self._messages: list[list[str]] = []

    @property
    def message_type(self) -> str | None:
        """The message type of the innermost block."""
        inner = self._messages[-1:]  # one read: another thread may leave its block between two
        return inner[0][0] if inner else None

    @contextmanager
    def message(self, message_type: str) -> Iterator[None]:
        """Give the responses begun inside the block a message type; blocks of several tasks may overlap."""
        entry = [message_type]
        self._messages.append(entry)
        try:
            yield
        finally:
            self._messages[:] = [each for each in self._messages if each is not entry]

    def playing(self) -> Response | None:
        """Return the response that plays."""
        response = self.response
        return response if response is not None and response.playing else None

    def named(self, response_id: str | None) -> Response | None:
        """Return the newest response where it has this id, or where none is asked for."""
        response = self.response
        return response if response is not None and response_id in {None, response.response_id} else None

    def facts(self, response_id: object = None) -> Facts:
        """Return what every event tells of the agent; one of another response than the newest tells nothing of this one."""
        newest, playing = self.response, self.playing()
        if response_id is not None and newest is not None and response_id != newest.response_id:
            return {a.VOICE_AGENT_SPEECH_STATE: self.state}
        return {
            a.VOICE_AGENT_SPEECH_STATE: self.state,
            a.VOICE_AGENT_MESSAGE_TYPE: newest.message_type if newest else None,
            a.VOICE_AGENT_QUESTION_PENDING: newest.question_pending if newest else None,
            a.VOICE_AGENT_RESPONSE_ID: playing.response_id if playing else None,
            a.VOICE_AGENT_SPEECH_INTERRUPTIBLE: playing.interruptible if playing else None,
        }


class CallerSide:
    """When the caller's open stretches began, and what the newest one was taken for."""

    def __init__(self) -> None:
        self._began: dict[str, int] = {}
        self._classes: dict[str, Facts] = {}

    def begin(self, stretch_id: str, now_ns: int) -> None:
        """Open a stretch."""
        self._began[stretch_id] = now_ns

    def heard(self, stretch_id: str | None, described: Facts) -> None:
        """Remember what an open stretch was taken for; those before it are forgotten."""
        if stretch_id is not None and stretch_id in self._began:
            self._classes = {stretch_id: {key: value for key, value in described.items() if key in _CLASS_KEYS}}

    def end(self, stretch_id: str | None, now_ns: int) -> tuple[int | None, Facts]:
        """Close a stretch; return its length in ms and what it was taken for, as far as that is known."""
        if stretch_id is None:
            return None, {}
        began = self._began.pop(stretch_id, None)
        length = None if began is None or now_ns < began else round((now_ns - began) / MS)  # a clock that was set back tells nothing
        return length, self._classes.pop(stretch_id, {})
