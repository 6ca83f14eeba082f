"""Pushes of metrics: what they tell is safe before they leave, and a push whose fate nobody knows is sent again as it was.

A backend that has it takes the same points once more without harm; new points after a lost zero, or a second zero, would be a wrong rate.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from otel_voice_processor.errors import Permanent, Retryable, Unsure
from otel_voice_processor.export_metrics import MetricsExporter, encode_metrics
from otel_voice_processor.model import Attributes
from otel_voice_processor.series import Point
from otel_voice_processor.telemetry import Counters

LOG = logging.getLogger(__name__)
TRIES: Final = 5  # of a push in doubt; an endpoint that fails on it for ever must not hold up what comes after


class MetricsPush:
    """One push at a time. `points` yields them, `not_taken` is told where they did not arrive, `safe` waits until they survive a crash.

    `remember` keeps the push in doubt beside the state, None where there is none.
    """

    def __init__(
        self,
        exporter: MetricsExporter,
        counters: Counters,
        *,
        points: Callable[[], Sequence[Point]],
        not_taken: Callable[[], None],
        safe: Callable[[], Awaitable[bool]],
        remember: Callable[[bytes | None], None],
    ) -> None:
        self._exporter, self._counters = exporter, counters
        self._points, self._not_taken, self._safe, self._remember = points, not_taken, safe, remember
        self.in_doubt: bytes | None = None
        self._tries = 0
        self.resource: Attributes = {}

    async def push(self) -> None:
        """Send what was in doubt, then what is new; nothing that goes wrong is raised: the next push tells the rest."""
        if self.in_doubt is not None and not await self._again(self.in_doubt):
            return
        points = self._points()
        if not points:
            return
        body = encode_metrics(self.resource, points)
        self._doubt(body)
        if not await self._safe():
            self._doubt(None)
            self._failed(len(points), "the journal cannot be written", arrived=False)
            return
        try:
            await self._exporter.send(body)
        except Unsure as error:
            self._failed(len(points), error, arrived=True)
            return  # in doubt
        except Exception as error:  # whatever the endpoint is: traces never wait for metrics
            self._failed(len(points), error, arrived=False)
        self._doubt(None)

    async def _again(self, body: bytes) -> bool:
        """Send a push in doubt as it was; return whether its fate is known now."""
        try:
            await self._exporter.send(body)
        except Permanent as error:
            LOG.warning("metrics in doubt are refused for good, which says that they had arrived or are too old: %s", error)
        except Exception as error:
            self._tries += 1
            LOG.warning("metrics in doubt: %s", error if isinstance(error, Retryable) else repr(error))
            if self._tries < TRIES:
                return False
        self._doubt(None)
        return True

    def _doubt(self, body: bytes | None) -> None:
        self.in_doubt, self._tries = body, 0
        self._remember(body)

    def _failed(self, count: int, why: object, *, arrived: bool) -> None:
        self._counters.add("otel_voice_exporter_send_failed_metric_points", count)
        if not arrived:
            self._not_taken()
        LOG.warning("metrics were not taken: %s", why)

    async def close(self) -> None:
        """Close the exporter."""
        await self._exporter.close()
