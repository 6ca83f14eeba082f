"""Keeps LiveKit's own thresholds from stopping one speech, while the agent's own code still may."""

from __future__ import annotations

from typing import Any

from otel_voice.integrations.livekit.readings import read


class Hold:
    """Holds at most one speech: its `allow_interruptions` is False until it is given back.

    LiveKit looks at that before it stops a speech of itself. Who calls `session.interrupt()` or the handle's `interrupt` means it: the
    speech is given back first.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    @property
    def held(self) -> bool:
        """Whether a speech is held."""
        return self._handle is not None

    def take(self, handle: Any) -> None:
        """Hold a speech that may be interrupted."""
        if self.held or handle is None or handle.interrupted or not handle.allow_interruptions:
            return
        stop = handle.interrupt

        def interrupt(*args: Any, **more: Any) -> Any:
            self.give_back()
            return stop(*args, **more)

        handle.interrupt = interrupt
        handle.allow_interruptions = False
        self._handle = handle

    def give_back(self) -> None:
        """Let LiveKit rule the speech again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            vars(handle).pop("interrupt", None)
            handle.allow_interruptions = True

    def stop(self, handle: Any) -> None:
        """Stop a speech, as LiveKit does when a caller speaks: it then answers the caller's turn."""
        self.give_back()
        if handle is not None and not handle.interrupted and read(handle, "allow_interruptions") is True:
            handle.interrupt()
