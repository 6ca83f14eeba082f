"""What can be chosen at the top of our boards, and the parts of the traffic that queries count by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m

from otel_voice_dashboards.house import SOURCE
from otel_voice_dashboards.queries import BY_SETTING, DOCTOR, STEP_WINDOW, VERSION, Scope, first_seen, label, prometheus_name

OVER_RANGE: Final = Scope(
    window="$__range",
    workflow="${workflow:regex}",
    message_type="${message_type:regex}",
    policy_version="${policy_version:regex}",
    runtime="${runtime:regex}",
    agent="${agent:regex}",
    without=DOCTOR,
)
A_WEEK_BEFORE: Final = replace(OVER_RANGE, before="1w")
PER_STEP: Final = replace(OVER_RANGE, window=STEP_WINDOW)
PER_WINDOW: Final = replace(OVER_RANGE, window="$window")


def traffic() -> list[dashboard.QueryVariable | dashboard.IntervalVariable]:
    """Return the choices of boards about calls: which part of the traffic, and how long rates over time are counted."""
    calls, episodes = (prometheus_name(m.METRICS[name]) for name in (m.CALLS, m.INTERRUPTION_EPISODES))
    of_ours = f'{{{label(a.VOICE_WORKFLOW)}!="{DOCTOR}"}}'
    chosen = (
        ("workflow", "Workflow", calls + of_ours, a.VOICE_WORKFLOW),
        ("message_type", "Message type", episodes + of_ours, a.VOICE_AGENT_MESSAGE_TYPE),
        ("policy_version", "Agent's policy", calls + of_ours, a.VOICE_AGENT_POLICY_VERSION),
        ("runtime", "Runtime", calls + of_ours, a.VOICE_RUNTIME_NAME),
        ("agent", "Agent", calls + of_ours, BY_SETTING),
    )
    return [*(chooser(name, shown, f"label_values({series}, {label(key)})") for name, shown, series, key in chosen), window()]


def window() -> dashboard.IntervalVariable:
    """Return the choice of how long a window rates over time are counted in: shorter than an hour holds too few to believe."""
    return (
        dashboard.IntervalVariable("window")
        .label("Counted over")
        .values("1h,6h,1d,7d")
        .current(models.VariableOption(selected=True, text="6h", value="6h"))
    )


def new_versions() -> dashboard.AnnotationQuery:
    """Return the marks at the times at which a version of the agents' policy was first seen; in the form that Grafana 9.4 asks, too."""
    return (
        dashboard.AnnotationQuery()
        .name("New policy versions")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("purple")
        .expr(f"{first_seen(OVER_RANGE)} * 1000 > 0")
        .step("60s")
        .title_format(f"policy {{{{{VERSION}}}}}")
        .text_format("first seen in a call")
        .use_value_for_time(True)  # which is in ms: a mark at it, however far apart the steps are
    )


def chooser(name: str, shown: str, asked: str) -> dashboard.QueryVariable:
    """Return a choice of several values, all of them until somebody chooses."""
    return (
        dashboard.QueryVariable(name)
        .label(shown)
        .datasource(SOURCE)
        .query(asked)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )
