"""What waits for a destination that the config no longer names: put among the dead letters, so that it is in nobody's way and not lost."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from otel_voice_processor.forward.batches import batches, joined
from otel_voice_processor.forward.dead_letters import DeadLetters, Letter
from otel_voice_processor.model import Entry

LOG = logging.getLogger(__name__)
IN_ONE: Final = 3_670_016  # bytes of a letter, what a stock receiver takes
AT_ONCE: Final = 8 * IN_ONE


class Store(Protocol):
    """The journal, as far as it is needed here."""

    async def read(self, number: int, max_bytes: int) -> list[Entry]:
        """Return entries from `number` on."""
        ...

    def forget(self, destination: str) -> None:
        """Let go of what waits for a destination."""
        ...


async def park(journal: Store, letters: DeadLetters, gone: dict[str, tuple[int, int]], max_bytes: int) -> None:
    """Write letters of what waits for each, from its number up to another, and let go of it. Past `max_bytes` the oldest letters go."""
    for name, (number, until) in gone.items():
        LOG.error("`%s` is not in the config any more: what waits for it, %d requests, goes to the dead letters", name, until - number)
        while number < until:
            entries = [entry for entry in await journal.read(number, AT_ONCE) if entry.number < until]
            if not entries:
                break
            number = entries[-1].number + 1
            for group in batches(entries, min(IN_ONE, max_bytes)):
                letter = Letter(
                    number=group[0].number,
                    entries=len(group),
                    exporter=name,
                    endpoint="",
                    signal=group[0].signal,
                    reason="abandoned",
                    code="",
                    message="the config no longer names it",
                    arrived_ns=group[0].arrived_ns,
                    body=joined(group),
                )
                await letters.keep(letter)
        journal.forget(name)
