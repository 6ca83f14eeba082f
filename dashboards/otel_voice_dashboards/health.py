"""PromQL over what the processor counts about itself, by the table that the schema package has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from otel_voice_schema.health import HEALTH

from otel_voice_dashboards import queries as q

ALIVE: Final = "otel_voice_receiver_accepted_requests"  # counted by every processor that does anything
WHICH: Final = "job=~`${job:regex}`,instance=~`${instance:regex}`"  # Prometheus makes them of service.name and service.instance.id


def series(name: str, **matchers: str) -> str:
    """Return a number's series of the processors that are chosen; matchers are label="regex", and must be labels that it has."""
    return f"{prometheus_name(name)}{{{','.join((WHICH, *_matching(name, matchers)))}}}"


def everywhere(name: str, **matchers: str) -> str:
    """Return a number's series of all processors, for rules, which have no variables."""
    matching = ",".join(_matching(name, matchers))
    return prometheus_name(name) + (f"{{{matching}}}" if matching else "")


def prometheus_name(name: str) -> str:
    """Return the name that Prometheus's OTLP receiver gives a number."""
    return name + ("_total" if HEALTH[name].instrument == "counter" else "")


def grown(name: str, window: str, by: Sequence[str] = (), **matchers: str) -> str:
    """Return by how much a counter grew over the window, split by some labels or in all."""
    return f"sum{_by(name, by)}({q.grown(series(name, **matchers), window)})"


def counted(*names: str, window: str = "$__range") -> str:
    """Return how much some counters grew in all: 0 where there is a processor and they never did, nothing where there is none."""
    none = f"{grown(ALIVE, window)} * 0"
    return " + ".join(f"({grown(name, window)} or {none})" for name in names)


def per_second(name: str, by: Sequence[str] = (), **matchers: str) -> str:
    """Return a counter's rate at each step."""
    return f"sum{_by(name, by)}(rate({series(name, **matchers)}[{q.STEP_WINDOW}]))"


def now(name: str, by: Sequence[str] = ()) -> str:
    """Return a gauge over all that are chosen, split by some labels or in all."""
    return f"sum{_by(name, by)}({series(name)})"


def _matching(name: str, matchers: Mapping[str, str]) -> list[str]:
    unknown = set(matchers) - set(HEALTH[name].labels)
    if unknown:
        raise ValueError(f"`{name}` has no label {', '.join(f'`{label}`' for label in sorted(unknown))}")
    return [f'{label}=~"{value}"' for label, value in matchers.items()]


def _by(name: str, by: Sequence[str]) -> str:
    if not set(by) <= set(HEALTH[name].labels):
        raise ValueError(f"`{name}` is not split by {', '.join(by)}")
    return f" by ({', '.join(by)}) " if by else ""
