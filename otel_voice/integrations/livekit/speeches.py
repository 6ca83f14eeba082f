"""The agent's speeches that wait to be played, the one that plays, and the caller's stretches of speech."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from otel_voice_schema.attributes import TranscriptStatus

from otel_voice.integrations.livekit.asked import answer
from otel_voice.integrations.livekit.readings import read, text

MS: Final = 1_000_000
MOST_CREATED: Final = 64  # speeches created and not yet played


@dataclass(slots=True)
class Stretch:
    """One stretch of the caller's speech."""

    stretch_id: str
    start_ns: int
    end_ns: int | None = None
    fed: bool = True  # to the recogniser: LiveKit hands it silence during some of the agent's speech
    finals: list[str] = field(default_factory=list)
    status: TranscriptStatus | None = None


@dataclass(slots=True)
class Playing:
    """The response whose audio plays or is paused."""

    response_id: str
    start_ns: int
    deaf: bool = False  # the recogniser hears silence while this plays
    paused_ns: int | None = None
    silent_ns: int = 0
    handle: Any = None
    message_type: str | None = None

    def position_ms(self, at: int) -> int:
        """Return how much was played at a time."""
        return max(0, round(((self.paused_ns or at) - self.start_ns - self.silent_ns) / MS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A speech that waits to be played; the message type is that of the block it was created in."""

    handle: Any
    message_type: str | None

    @property
    def over(self) -> bool:
        """Whether it will not play any more; a recording does not say."""
        done = read(self.handle, "done")
        return bool(read(self.handle, "interrupted")) or (callable(done) and bool(answer("done", done, None)))


class Speeches:
    """The speeches of one session that were created and have not begun to play."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._created: list[Created] = []

    def created(self, handle: Any, message_type: str | None) -> None:
        """Note one that waits."""
        self._created.append(Created(handle=handle, message_type=message_type))
        del self._created[:-MOST_CREATED]

    def next(self, message_type: str | None) -> Created:
        """Return the one that begins: the session's current one, the first that waits where it does not say, or one of this type."""
        self._created = [each for each in self._created if not each.over]
        current = read(self._session, "current_speech")
        known = [each for each in self._created if current is None or text(each.handle, "id") == text(current, "id")]
        if not known:
            return Created(handle=current, message_type=message_type)
        self._created.remove(known[0])
        return known[0]
