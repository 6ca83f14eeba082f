"""Queries name only what the registry defines."""

import re

import pytest
from otel_voice_dashboards.queries import RATES, Scope, count, prometheus_name
from otel_voice_schema.metrics import INTERRUPTION_EPISODES, METRICS


def test_every_rate_has_a_query_over_known_metrics() -> None:
    """Seven rates, and each metric in them is one the processor writes."""
    known = {prometheus_name(metric) for metric in METRICS.values()}
    queries = [query(Scope()) for query in RATES.values()]
    used = {name.removesuffix("_bucket") for query in queries for name in re.findall(r"(voice_[a-z_]+)\{", query)}
    used |= {name.removesuffix("_bucket") for query in queries for name in re.findall(r"(voice_[a-z_]+_bucket)", query)}

    assert len(RATES) == len(queries) == 7
    assert used <= known


def test_names_are_prometheus_own() -> None:
    """Counters end in _total, seconds are named."""
    assert prometheus_name(METRICS["voice.interruption.episodes"]) == "voice_interruption_episodes_total"
    assert prometheus_name(METRICS["voice.interruption.silence.duration"]) == "voice_interruption_silence_duration_seconds"


def test_an_unknown_label_is_refused() -> None:
    """A label that the metric does not carry cannot be matched on."""
    with pytest.raises(ValueError, match="no label `voice_call_id`"):
        count(INTERRUPTION_EPISODES, Scope(), voice_call_id="x")
