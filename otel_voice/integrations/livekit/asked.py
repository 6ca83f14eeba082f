"""What the agent's own code is asked, and what is done where it raises."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from otel_voice.emit import failed

T = TypeVar("T")


def to_human(agent_id: str) -> bool:
    """Return whether an agent's id says that it hands the call to a human."""
    return any(word in agent_id.casefold() for word in ("human", "handoff", "transfer"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the agent's own code is asked."""

    message_type: Callable[[str | None], str | None] | None = None
    is_handoff: Callable[[str], bool] = to_human
    expected_digits: Callable[[], Collection[str] | None] | None = None


def answer(name: str, question: Callable[[], T], otherwise: T) -> T:
    """Return an answer of the agent's own code; one that raises is told, and costs no event."""
    try:
        return question()
    except Exception as error:
        failed(f"livekit.{name}", error)
        return otherwise
