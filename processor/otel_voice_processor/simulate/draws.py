"""How long things take in simulated calls: each distribution with where it is from. `assumed` is said where nothing is."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")
ASSUMED: Final = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A distribution of lengths in ms from `low` to `high`: lognormal about `median` where there is one, else even."""

    low: int
    high: int
    source: str
    median: int | None = None
    sigma: float = 0.0


SPREADS: Final[Mapping[str, Spread]] = {
    "caller answers": Spread(
        low=40, high=4_000, median=200, sigma=0.8, source="gaps of about 200 ms: Levinson & Torreira 2015; tail assumed"
    ),
    "agent answers": Spread(
        low=400,
        high=9_000,
        median=1_400,
        sigma=0.54,
        source="1.4 s P50, 3.4 s P95: a cascaded pipeline as measured in the Voice Agent Latency Playbook",
    ),
    "agent stops": Spread(
        low=240, high=1_150, source="Pipecat's VAD needs 0.2 s, LiveKit's interruption 0.5 s of speech; the rest assumed"
    ),
    "agent stops late": Spread(low=1_900, high=2_800, source=ASSUMED),
    "agent stops for a key": Spread(low=90, high=400, source=ASSUMED),
    "agent takes it for a turn": Spread(low=600, high=1_400, source=ASSUMED),
    "pause": Spread(low=900, high=2_300, source="LiveKit's false_interruption_timeout is 2.0 s; shorter ones assumed"),
    "words come": Spread(low=200, high=410, source=f"{ASSUMED}, of the order that recognisers state for interim results"),
    "final comes": Spread(low=290, high=500, source=f"Deepgram recommends 300 to 500 ms of endpointing; the rest {ASSUMED}"),
    "words come too late": Spread(low=2_300, high=2_900, source="past LiveKit's false_interruption_timeout of 2.0 s"),
    "backchannel": Spread(low=250, high=700, median=400, sigma=0.25, source=f"{ASSUMED}, a word of two syllables"),
    "noise": Spread(low=60, high=220, source=ASSUMED),
    "echo": Spread(low=150, high=400, source=ASSUMED),
    "breath": Spread(low=0, high=180, source=f"{ASSUMED}: sound before the first word"),
    "word": Spread(low=170, high=260, source=f"{ASSUMED}: some 280 words a minute while speaking, pauses apart"),
    "thought inside a number": Spread(low=1_100, high=1_800, source=f"{ASSUMED}, under the 2 s within which a caller goes on"),
    "between keys": Spread(low=250, high=600, source=f"{ASSUMED}, within the 2 s of Pipecat's DTMFAggregator"),
    "answer": Spread(low=7_000, high=9_500, source=ASSUMED),
    "long answer": Spread(low=11_000, high=15_000, source=ASSUMED),
    "short answer": Spread(low=2_000, high=4_200, source=ASSUMED),
    "before the caller comes in": Spread(
        low=1_700, high=3_700, source=f"{ASSUMED}; sooner, a caller who had just spoken would be going on"
    ),
    "before the turn's end": Spread(low=200, high=500, source="within the 700 ms of ordinary talk"),
    "hangs up": Spread(low=700, high=1_600, source=ASSUMED),
}
TIMEOUTS_MS: Final = (7_500, 10_000, 15_000)  # the defaults of Vapi, Retell and LiveKit


class Draws:
    """Dice with the distributions above; the same seed gives the same on every Python."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)  # noqa: S311 (a simulation, no secret)

    def share(self) -> float:
        """Return a number from 0 to 1."""
        return self._chance.random()

    def happens(self, share: float) -> bool:
        """Tell whether what happens in a share of cases happens in this one."""
        return self._chance.random() < share

    def pick(self, given: Sequence[T]) -> T:
        """Return one of them, each as likely."""
        return given[int(self._chance.random() * len(given))]

    def weighted(self, parts: Mapping[T, float]) -> T:
        """Return one of them, as likely as its part."""
        left = self._chance.random() * math.fsum(parts.values())
        for one, part in parts.items():
            left -= part
            if left < 0:
                return one
        return list(parts)[-1]

    def even(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both among them."""
        return low + int(self._chance.random() * (high - low + 1))

    def ms(self, what: str) -> int:
        """Return how long it takes, by the distribution of that name."""
        spread = SPREADS[what]
        if spread.median is None:
            return self.even(spread.low, spread.high)
        while True:
            drawn = round(spread.median * math.exp(spread.sigma * self._normal()))
            if spread.low <= drawn <= spread.high:
                return drawn

    def _normal(self) -> float:
        """Return a standard normal draw (Box and Muller), from uniform ones alone: those are the same on every Python."""
        return math.sqrt(-2.0 * math.log(1.0 - self._chance.random())) * math.cos(2.0 * math.pi * self._chance.random())
