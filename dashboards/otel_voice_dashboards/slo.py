"""What is good enough, and when somebody is told: the numbers that a team changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_voice_schema.events import SCHEMA_URL

PAGES: Final = SCHEMA_URL.split("/schemas/")[0] + "/dashboards/ALERTS.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A pair of windows of a burn-rate alert: it burns over `window`, and still does over `quick`, where that has the calls to tell."""

    window: str
    quick: str
    calls: int  # fewer in the window prove nothing
    quick_calls: int  # fewer in the quick one say neither that it burns nor that it is over


# a busy line has these by minutes, a quiet one is judged over days: with 10 calls, a rate is known to about 15 points
FAST: Final = Leg(window="1h", quick="5m", calls=10, quick_calls=5)
SLOW: Final = Leg(window="6h", quick="30m", calls=20, quick_calls=10)
DRIFT: Final = Leg(window="3d", quick="6h", calls=50, quick_calls=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The share of calls that go well (0..1), and how many times faster than allowed its budget burns when somebody is told.

    Raises ValueError where an alert could never fire: a burn of 1 / (1 - target) is every call failing.
    """

    target: float
    fast: float
    slow: float
    drift: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what could never fire, or always would."""
        if not 0 < self.target < 1:
            raise ValueError(f"a target of {self.target:g} is none: give a share between 0 and 1, as 0.8")
        for name, factor in (("fast", self.fast), ("slow", self.slow), ("drift", self.drift)):
            if not 0 < self.limit(factor) < 1:
                raise ValueError(
                    f"`{name}` {factor:g} at a target of {self.target:g} never fires: at most {1 / (1 - self.target):.3g} is all calls"
                )

    def limit(self, factor: float) -> float:
        """Return the share of bad calls at which the budget burns this many times faster than allowed."""
        return round(factor * (1 - self.target), 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Objectives and thresholds; shares are 0..1, `_calls` and `_episodes` counts within the alert's window."""

    # four of five interrupted calls get done what they came for: what our board colours green; at three times the budget,
    # three of five fail
    completion: Objective = Objective(target=0.8, fast=3.0, slow=2.0)
    # a caller who asks for a person and gets none is the worst of mistakes; one in twenty may hang up while being put through
    escalation: Objective = Objective(target=0.95, fast=6.0, slow=3.0)

    # a new version is compared over its last 6 h with the versions of the 3 days before yesterday
    spike_episodes: int = 20  # on both sides: fewer prove nothing
    spike_points: float = 0.10  # so much more of all stops, or of all interruptions, is heard by callers
    sigmas: float = 3.0  # and it is no luck: of equal versions, one look in 700 would pass it
    # without a new version it is other callers, another line or recogniser; compared with the same weekday. Nobody changed a
    # thing, so more is asked for
    drift_episodes: int = 40
    drift_points: float = 0.15

    undetermined_share: float = 0.3  # red on the board; a working recogniser leaves one in ten open
    undetermined_episodes: int = 20
    unseen_share: float = 0.5  # of a runtime's calls that cannot be seen, where yesterday it was
    seen_before_share: float = 0.1  # no more than this
    unseen_calls: int = 10

    journal_share: float = 0.7  # of `max_megabytes`: senders are refused at 1
    queue_requests: int = 200  # that wait for a destination and become more; below that it is a hiccup
    unstarted_share: float = 0.02  # of settled calls, whose head was lost
    unstarted_calls: int = 3
    late_share: float = 0.01  # of events, whose call had settled
    late_events: int = 20
    missing_events: int = 50  # judged within an hour of which no call came

    doctor_workflow: str = "otel_voice_doctor"  # test calls, in no rate
    runbook: str = PAGES  # where people read ALERTS.md
