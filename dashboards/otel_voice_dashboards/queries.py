"""PromQL for the seven rates, made from the registry's metrics: what a board divides, not what the processor divided."""

from __future__ import annotations

from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m
from otel_voice_schema.metrics import METRICS, Metric

RATES = (
    "False interruption rate",
    "Missed interruption rate",
    "Resume success rate",
    "Repeated user speech rate",
    "Silence after interruption, 95th percentile in seconds",
    "Task completion after interruption",
    "Escalation after interruption",
)


def prometheus_name(metric: Metric) -> str:
    """Return the name that Prometheus's OTLP receiver gives a metric by its default translation strategy."""
    base = metric.name.replace(".", "_")
    suffix = {"s": "_seconds"}.get(metric.unit, "")
    return base + suffix + ("_total" if metric.instrument == "counter" else "")


def label(key: str) -> str:
    """Return the label that Prometheus makes of an attribute key."""
    return key.replace(".", "_")


def count(name: str, window: str, workflow: str, **matchers: str) -> str:
    """Return the events of a counter over the window, 0 where there were none; matchers are label="regex"."""
    known = {label(use) for use in METRICS[name].labels}
    unknown = set(matchers) - known
    if unknown:
        raise ValueError(f"`{name}` has no label {', '.join(f'`{item}`' for item in sorted(unknown))}")
    told = {label(a.VOICE_WORKFLOW): workflow} | matchers
    text = ",".join(f'{key}=~"{value}"' for key, value in told.items())
    return f"sum(increase({prometheus_name(METRICS[name])}{{{text}}}[{window}]))"


def share(numerator: str, denominator: str) -> str:
    """Return a ratio that is 0 where only the denominator was counted, and nothing where neither was."""
    return f"(({numerator}) or (({denominator}) * 0)) / (({denominator}) > 0)"


def rate_queries(window: str = "1h", workflow: str = ".*") -> tuple[str, ...]:
    """Return the query of each rate, in the order of `RATES`."""
    verdict, net, intent = (
        label(key) for key in (a.VOICE_INTERRUPTION_VERDICT, a.VOICE_INTERRUPTION_NET_AUDIO, a.VOICE_INTERRUPTION_INTENT)
    )
    determined = "correct|false_interruption|missed_interruption"
    resume, interrupted = label(a.VOICE_INTERRUPTION_RESUME), label(a.VOICE_CALL_INTERRUPTED)
    outcome, escalated = label(a.VOICE_CALL_TASK_OUTCOME), label(a.VOICE_CALL_ESCALATED)

    def episodes(**matchers: str) -> str:
        return count(m.INTERRUPTION_EPISODES, window, workflow, **matchers)

    def calls(**matchers: str) -> str:
        return count(m.CALLS, window, workflow, **({interrupted: "handled|mishandled"} | matchers))

    meant = episodes(**{verdict: determined, intent: "yes"})
    silence = prometheus_name(METRICS[m.INTERRUPTION_SILENCE_DURATION])
    return (
        share(episodes(**{verdict: "false_interruption", net: "stopped"}), episodes(**{verdict: determined, net: "stopped"})),
        share(episodes(**{verdict: "missed_interruption"}), meant),
        share(
            count(m.INTERRUPTION_RESUMES, window, workflow, **{resume: "clean"}),
            count(m.INTERRUPTION_RESUMES, window, workflow, **{resume: "clean|restarted|lost"}),
        ),
        share(count(m.INTERRUPTION_REPEATS, window, workflow), meant),
        f'histogram_quantile(0.95, sum by (le) (increase({silence}_bucket{{{label(a.VOICE_WORKFLOW)}=~"{workflow}"}}[{window}])))',
        share(calls(**{outcome: "completed"}), calls(**{outcome: "completed|failed|abandoned"})),
        share(calls(**{escalated: "true"}), calls(**{escalated: "true|false"})),
    )
