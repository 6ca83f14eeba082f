"""PromQL over what the processor counts about itself, by the table that the schema package has of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_voice_schema.health import HEALTH

ALIVE: Final = "otel_voice_receiver_accepted_requests"  # counted by every processor that does anything
WHICH: Final = 'job=~"$job",instance=~"$instance"'  # Prometheus makes them of service.name and service.instance.id


def series(name: str, **matchers: str) -> str:
    """Return a number's series of the processors that are chosen; matchers are label="regex", and must be labels that it has."""
    health = HEALTH[name]
    unknown = set(matchers) - set(health.labels)
    if unknown:
        raise ValueError(f"`{name}` has no label {', '.join(f'`{label}`' for label in sorted(unknown))}")
    text = "".join(f',{label}=~"{value}"' for label, value in matchers.items())
    return f"{name}{'_total' if health.instrument == 'counter' else ''}{{{WHICH}{text}}}"


def grown(name: str, window: str, by: Sequence[str] = (), **matchers: str) -> str:
    """Return by how much a counter grew over the window, split by some labels or in all."""
    return f"sum{_by(name, by)}(increase({series(name, **matchers)}[{window}]))"


def counted(*names: str, window: str = "$__range") -> str:
    """Return how much some counters grew in all: 0 where there is a processor and they never did, nothing where there is none."""
    none = f"{grown(ALIVE, window)} * 0"
    return " + ".join(f"({grown(name, window)} or {none})" for name in names)


def per_second(name: str, by: Sequence[str] = (), **matchers: str) -> str:
    """Return a counter's rate at each step."""
    return f"sum{_by(name, by)}(rate({series(name, **matchers)}[$__rate_interval]))"


def now(name: str, by: Sequence[str] = ()) -> str:
    """Return a gauge over all that are chosen, split by some labels or in all."""
    return f"sum{_by(name, by)}({series(name)})"


def _by(name: str, by: Sequence[str]) -> str:
    if not set(by) <= set(HEALTH[name].labels):
        raise ValueError(f"`{name}` is not split by {', '.join(by)}")
    return f" by ({', '.join(by)}) " if by else ""
