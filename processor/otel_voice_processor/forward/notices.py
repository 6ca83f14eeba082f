"""What a destination's log says of its state: when it stops taking requests, each minute while it does not, and when it does again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

LOG = logging.getLogger(__name__)
EVERY_S: Final = 60.0


class Notices:
    """At most one complaint a minute, however many requests fail. `clock` is in seconds and monotonic."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._clock = name, clock
        self._told_s: float | None = None
        self._down_s: float | None = None

    def failing(self, error: Exception, *, to_mend: bool) -> None:
        """Note an attempt that failed; `to_mend`: nothing will change until somebody mends the configuration."""
        now = self._clock()
        if self._down_s is None:
            self._down_s = now
        if self._told_s is not None and now - self._told_s < EVERY_S:
            return
        self._told_s = now
        for_s = f", for {now - self._down_s:.0f} s now" if now > self._down_s + 1 else ""
        if to_mend:
            LOG.error(
                "`%s` takes nothing as it is configured%s, and requests wait in the journal until that is mended: %s",
                self._name,
                for_s,
                error,
            )
        else:
            LOG.warning("`%s` is tried again%s, requests wait in the journal: %s", self._name, for_s, error)

    def working(self) -> None:
        """Note a request that was taken."""
        if self._down_s is not None and self._told_s is not None and self._told_s >= self._down_s:
            LOG.info("`%s` takes requests again, after %.0f s", self._name, self._clock() - self._down_s)
        self._down_s = None
