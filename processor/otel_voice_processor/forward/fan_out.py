"""In memory: every destination gets every request, and the sender waits for their answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from otel_voice_processor.errors import Permanent, Retryable
from otel_voice_processor.forward.exporter import Exporter, takes
from otel_voice_processor.forward.once import Once
from otel_voice_processor.model import TRACES
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)


class FanOut:
    """Every destination gets every request; it is sent when one has it and none may still take it. With none, all is taken."""

    def __init__(self, exporters: Sequence[Exporter], counters: Counters | None = None) -> None:
        self._exporters = tuple(exporters)
        self._counters = counters or Counters()
        self._told = Once()

    async def send(self, body: bytes, signal: str = TRACES) -> str | None:
        """Send to all at once that take the signal; return what those say who refuse for good what another took.

        A failure that may pass outranks a refusal: a duplicate is better than a loss.
        """
        asked = [one for one in self._exporters if takes(one, signal)]
        if not asked and self._exporters:
            self._counters.add("otel_voice_exporter_unasked_requests", signal=signal)
        if len(asked) == 1:
            return await asked[0].send(body, signal)
        outcomes = await asyncio.gather(*(one.send(body, signal) for one in asked), return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        refusals = [error for error in errors if isinstance(error, Permanent)]
        retryable = [error for error in errors if isinstance(error, Retryable)]
        if len(errors) > len(refusals):
            raise next(iter(retryable), None) or next(error for error in errors if not isinstance(error, Permanent))
        if refusals and len(refusals) == len(outcomes):
            raise refusals[0]
        for refusal in refusals:
            self._note_refusal(refusal)
        return "; ".join(str(outcome) for outcome in outcomes if outcome) or None

    def _note_refusal(self, refusal: Permanent) -> None:
        reason = refusal.code.name.lower() if isinstance(refusal, Refused) else "invalid_argument"
        self._counters.add("otel_voice_exporter_send_failed_requests", reason=reason)
        if self._told.first(str(refusal)):
            LOG.error("refused for good by one destination, taken by another: %s", refusal)

    async def close(self) -> None:
        """Close every destination."""
        await asyncio.gather(*(one.close() for one in self._exporters))
