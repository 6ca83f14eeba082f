"""What senders send: foreign spans in large and small requests, and calls, each of which comes in several requests, one after the other."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.simulate import Script, events_of, simulate
from otel_voice_processor.testing import request_of

from tests.faults.otlp import Foreign

S = 1_000_000_000


@dataclass(slots=True)
class Load:
    """Makes requests; calls go by so `several` scripts, each again and again."""

    seed: int
    several: int
    _others: Foreign = field(init=False)
    _rng: random.Random = field(init=False)
    scripts: tuple[Script, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.scripts = tuple(simulate(self.seed, self.several))
        self._others, self._rng = Foreign(self.seed), random.Random(self.seed)

    def large(self) -> Iterator[bytes]:
        """Yield requests of 300 to 500 foreign spans, without end."""
        while True:
            yield self._foreign(self._rng.randint(300, 500))

    def small(self) -> Iterator[bytes]:
        """Yield requests of one to five foreign spans, without end."""
        while True:
            yield self._foreign(self._rng.randint(1, 5))

    def logs(self) -> Iterator[bytes]:
        """Yield requests of 20 to 60 foreign log records, without end."""
        while True:
            yield self._others.log_request(self._rng.randint(20, 60))

    def _foreign(self, size: int) -> bytes:
        return self._others.request(size)

    def call(self, number: int) -> Iterator[bytes]:
        """Yield the requests of one call, to be sent in order; every third has foreign spans in it as well."""
        script = self.scripts[number % self.several]
        made = events_of(script, start_ns=time.time_ns() - 900 * S, call_id=f"call_{self.seed}_{number:05d}")
        for at, part in enumerate(_parts(made, self._rng)):
            body = request_of(part)
            yield body + self._foreign(self._rng.randint(1, 20)) if at % 3 == 0 else body


def _parts(events: list[VoiceEvent], rng: random.Random) -> Iterator[list[VoiceEvent]]:
    at = 0
    while at < len(events):
        size = rng.randint(3, 30)
        yield events[at : at + size]
        at += size
