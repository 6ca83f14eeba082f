"""What the newest version of the agents' policy changed: both mistakes against the version before it."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel
from otel_voice_schema import attributes as a

from otel_voice_dashboards import queries as q
from otel_voice_dashboards.charts import rate_panel
from otel_voice_dashboards.choices import OVER_RANGE
from otel_voice_dashboards.house import About, Place, bad_above


def against_the_one_before() -> list[Builder[Panel]]:
    """Return a panel for each of the two mistakes, side by side."""
    version = (a.VOICE_AGENT_POLICY_VERSION,)

    def change(rate: str) -> str:
        return f"{q.newest(OVER_RANGE, rate)} - {q.one_before(OVER_RANGE, rate)}"

    def cases(name: str, counted: str) -> list[tuple[str, str]]:
        return [(f"{name}, newest", q.newest(OVER_RANGE, counted)), (f"{name}, before", q.one_before(OVER_RANGE, counted))]

    said = (
        "in points, of the policy version that was first seen last against the one before it; the table by version names both. Below "
        "thirty cases on a side it says little. Choose one workflow where each has versions of its own; with a runtime or an agent "
        "chosen it takes the same two versions, and says nothing where one had no call of theirs. Worse by ten points: roll back."
    )
    return [
        rate_panel(
            About(
                id=18,
                title="False stops: change by release",
                says=f"Change of the false interruption rate {said}",
                place=Place(x=12, y=16, w=6, h=8),
                nothing="no two versions to compare",
            ),
            value=change(q.false_rate(OVER_RANGE, version)),
            unit="percentunit",
            colours=bad_above(0.03, 0.1),
            beside=cases("stops judged", q.stopped(OVER_RANGE, version)),
            now="change",
        ),
        rate_panel(
            About(
                id=23,
                title="Misses: change by release",
                says=f"Change of the missed interruption rate {said}",
                place=Place(x=18, y=16, w=6, h=8),
                nothing="no two versions to compare",
            ),
            value=change(q.missed_rate(OVER_RANGE, version)),
            unit="percentunit",
            colours=bad_above(0.03, 0.1),
            beside=cases("meant", q.meant(OVER_RANGE, version)),
            now="change",
        ),
    ]
