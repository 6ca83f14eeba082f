"""What stands between a call and what is told of it: each is named, has levels, is seeded, and goes together with any other."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

from otel_voice_processor.simulate.script import Played, Said, Script
from otel_voice_processor.simulate.telling import Voice, Withheld

T = TypeVar("T")
MINUTE_MS: Final = 60_000
LATEST_MS: Final = 8_000  # as late as an event may come
PHANTOM_APART_MS: Final = 1_200  # a phantom this near to real input would change what that was
ECHO_WORDS: Final = 4
NOTHING: Final = Withheld()


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairments:
    """How what is told differs from what happened; the default is complete evidence. Shares are from 0 to 1, times ms.

    `noise` and `echo` are phantoms a minute of agent speech: stretches that the detector reports, the agent plays on over, and nobody
    said; noise without words, echo with pieces of the agent's own. `recogniser_ms` is how long words take, None for the script's own.
    `skew_ms` adds telephony as a second emitter whose clock is that much ahead of the agent's, None for one emitter.
    `loss`, `late` and `duplicate` are the shares of events that get lost, come out of order, or come twice.
    """

    noise: float = 0.0
    echo: float = 0.0
    recogniser_ms: int | None = None
    withheld: Withheld = NOTHING
    skew_ms: int | None = None
    loss: float = 0.0
    late: float = 0.0
    duplicate: float = 0.0
    seed: int = 0

    def __or__(self, other: Impairments) -> Impairments:
        """Return both together: what `other` says anything about is as it says, and what either withholds is withheld."""
        said = {each.name: getattr(other, each.name) for each in fields(other) if getattr(other, each.name) != each.default}
        never = {each.name: getattr(self.withheld, each.name) or getattr(other.withheld, each.name) for each in fields(Withheld)}
        return replace(self, **{**said, "withheld": Withheld(**never)})

    def voice(self, *, keep_text: bool, runtime: str) -> Voice:
        """Return how a call is told under them."""
        return Voice(withheld=self.withheld, telephony_ms=self.skew_ms, keep_text=keep_text, runtime=runtime)

    @property
    def in_order(self) -> bool:
        """Whether every event arrives once, in order of time."""
        return not (self.loss or self.late or self.duplicate)


COMPLETE: Final = Impairments()
LEVELS: Final[Mapping[str, Mapping[str, Impairments]]] = {
    "noise": {"quiet": Impairments(noise=2), "street": Impairments(noise=6), "car": Impairments(noise=12)},
    "echo": {"some": Impairments(echo=2), "bad": Impairments(echo=6)},
    "slow_recogniser": {f"{ms / 1000}s": Impairments(recogniser_ms=ms) for ms in (300, 800, 1_500, 2_500)},
    "loss": {f"{share:.0%}": Impairments(loss=share) for share in (0.01, 0.05, 0.2)},
    "skew": {f"{ms:+d}ms": Impairments(skew_ms=ms) for ms in (-500, -150, 0, 150, 500)},
    "late": {f"{share:.0%}": Impairments(late=share) for share in (0.05, 0.3, 1.0)},
    "duplicate": {f"{share:.0%}": Impairments(duplicate=share) for share in (0.05, 0.3, 1.0)},
    "withheld": {each.name: Impairments(withheld=Withheld(**{each.name: True})) for each in fields(Withheld)},
}


def chance_of(script: Script, impairments: Impairments, what: str) -> random.Random:
    """Return the dice for one impairment of one call: the same whatever else is impaired, and on every Python."""
    return random.Random(f"{impairments.seed}:{what}:{script.call_id}")  # noqa: S311 (a simulation, no secret)


def as_heard(script: Script, impairments: Impairments) -> Script:
    """Return the call as detector and recogniser hear it; what caller and player did stays what it was."""
    said = script.said
    if impairments.recogniser_ms is not None:
        said = tuple(_slowly(each, impairments.recogniser_ms) for each in said)
    for what, rate in (("noise", impairments.noise), ("echo", impairments.echo)):
        if rate:
            said = (*said, *_phantoms(script, what, rate, chance_of(script, impairments, what), said))
    return script if said is script.said else replace(script, said=said)


def _slowly(said: Said, ms: int) -> Said:
    """Return a stretch whose words are known `ms` after they were spoken; a partial that would come after the end does not come."""
    partial_ms = said.first_word_ms + ms
    in_time = partial_ms < said.end_ms - said.onset_ms
    return replace(said, partial=said.partial if in_time else "", partial_ms=partial_ms, final_ms=ms)


def _phantoms(script: Script, what: str, rate: float, chance: random.Random, said: Sequence[Said]) -> list[Said]:
    """Return the stretches that nobody said, apart from each other and from real input."""
    taken = [(each.onset_ms, each.end_ms) for each in said] + [(each.at_ms, each.at_ms) for each in script.presses]
    found: list[Said] = []
    for response in script.played:
        for start, end in response.heard:
            wanted = rate * (end - start) / MINUTE_MS
            for _ in range(int(wanted) + (chance.random() < wanted % 1)):
                one = _phantom(what, response, start, end, chance)
                free = all(one.end_ms + PHANTOM_APART_MS < a or b + PHANTOM_APART_MS < one.onset_ms for a, b in taken)
                if free and one.end_ms < end - PHANTOM_APART_MS:
                    found.append(one)
                    taken.append((one.onset_ms, one.end_ms))
    return found


def _phantom(what: str, response: Played, start: int, end: int, chance: random.Random) -> Said:
    onset = start + int(chance.random() * (end - start))
    words = response.text.split() if what == "echo" else []
    first = int(chance.random() * max(1, len(words) - ECHO_WORDS))
    text = " ".join(words[first : first + 1 + int(chance.random() * ECHO_WORDS)])
    length = 60 + int(chance.random() * 340) if not text else 150 + 220 * len(text.split())
    return Said(
        onset_ms=onset,
        end_ms=onset + length,
        text=text,
        meant=False,
        final_ms=320,
        confidence=0.55,
        source="echo" if what == "echo" else "noise",
    )


def delivered(sent: Sequence[T], script: Script, impairments: Impairments, *, time_ns: Callable[[T], int]) -> list[tuple[T, int]]:
    """Return what arrives, in order of arrival, each with how often it came before: lost, out of order, twice."""
    lost, late, twice = (chance_of(script, impairments, what) for what in ("loss", "late", "duplicate"))
    arriving: list[tuple[int, int, T, int]] = []
    for at, each in enumerate(sent):
        gone, delay = lost.random() < impairments.loss, _delay_ns(late, impairments.late)
        again, behind = twice.random() < impairments.duplicate, _delay_ns(twice, 1.0)
        if gone:
            continue
        arriving.append((time_ns(each) + delay, at, each, 0))
        if again:
            arriving.append((time_ns(each) + delay + behind, at, each, 1))
    return [(each, copy) for _, _, each, copy in sorted(arriving, key=lambda one: one[:2])]


def _delay_ns(chance: random.Random, share: float) -> int:
    late, length = chance.random() < share, chance.random()
    return int(length * LATEST_MS) * 1_000_000 if late else 0
