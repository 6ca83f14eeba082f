"""Reads along what the agent says: first in the session's chain of transcription outputs, it gets each text as it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from otel_voice.emit import failed
from otel_voice.integrations.livekit.readings import read, text
from otel_voice.integrations.livekit.runtime import closing

MOST: Final = 4_000  # characters of a text; of a longer one the newest are kept


class Spoken:
    """A text output that hands everything on; `told` gets the speech and its text so far. LiveKit asks for no more than these members."""

    label = "otel-voice"

    def __init__(self, session: Any, told: Callable[[Any, str], None]) -> None:
        self._session, self._told = session, told
        self._text = ""
        self._whole = True
        self.next_in_chain: Any = None

    def attach(self, *, enters: bool = False) -> None:
        """Stand first in the chain, once the session has its outputs and, where others are in it, nothing is being said.

        It has them when its agent `enters`, and speaks.
        """
        first, state = read(self._session, "output", "transcription"), text(self._session, "agent_state")
        if (state in (None, "initializing") and not enters) or closing(self._session) or self._is_in(first):
            return
        if first is None or state == "listening" or enters:
            self.next_in_chain = first
            self._session.output.transcription = self

    def detach(self, _: Any = None) -> None:
        """Leave the chain; where another stands before, stay and only hand on."""
        if read(self._session, "output", "transcription") is self:
            self._session.output.transcription = self.next_in_chain

    async def capture_text(self, part: str) -> None:
        """Take a part of the text."""
        try:
            self._text = (part if self._whole else self._text + part)[-MOST:]
            self._whole = False
            self._told(read(self._session, "current_speech"), self._text)
        except Exception as error:
            failed("livekit.guard.text", error)
        if self.next_in_chain is not None:
            await self.next_in_chain.capture_text(part)

    def flush(self) -> None:
        """Take the end of a text."""
        self._whole = True
        if self.next_in_chain is not None:
            self.next_in_chain.flush()

    def on_attached(self) -> None:
        """Hand on that the chain is in use."""
        if self.next_in_chain is not None:
            self.next_in_chain.on_attached()

    def on_detached(self) -> None:
        """Hand on that the chain is out of use."""
        if self.next_in_chain is not None:
            self.next_in_chain.on_detached()

    def _is_in(self, output: Any) -> bool:
        for _ in range(32):
            if output is None or output is self:
                break
            output = read(output, "next_in_chain")
        return output is self
