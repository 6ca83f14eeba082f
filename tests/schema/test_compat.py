"""What changed between two versions, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from otel_voice_schema.compat import compare
from otel_voice_schema.events import SCHEMA_VERSION
from otel_voice_schema.upgrade import published

Registry = dict[str, Any]


@pytest.fixture
def new() -> Registry:
    return deepcopy(dict(published(SCHEMA_VERSION)))


def attribute(registry: Registry, key: str) -> dict[str, Any]:
    return next(each for each in registry["attributes"] if each["key"] == key)


def event(registry: Registry, name: str) -> dict[str, Any]:
    return next(each for each in registry["events"] if each["name"] == f"voice.interruption.{name}")


def test_nothing_changed_between_a_version_and_itself(new: Registry) -> None:
    """No change, no line."""
    assert [] == compare(published(SCHEMA_VERSION), new)


def test_the_current_version_breaks_nobody() -> None:
    """From the runbook's version to today's: renamed, deprecated, added, nothing refused."""
    changes = compare(published("2026-05-20"), published(SCHEMA_VERSION))
    kinds = {change.kind for change in changes}

    assert {"renamed", "deprecated", "widened", "added"} == kinds
    assert not any(change.refused for change in changes)
    assert "event `silence.timeout` renamed to `voice.interruption.silence.timeout`" in [change.words for change in changes]


def _set(key: str, **values: Any) -> Callable[[Registry], Any]:
    return lambda registry: attribute(registry, key).update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r["attributes"].remove(attribute(r, "voice.turn.id")), "attribute `voice.turn.id` removed"),
        (_set("voice.turn.id", type="int"), "attribute `voice.turn.id` reused: its type was string and is int"),
        (_set("voice.turn.id", many=True), "attribute `voice.turn.id` reused: its type was string and is string[]"),
        (_set("voice.silence.elapsed_ms", unit="s"), "attribute `voice.silence.elapsed_ms` reused: its unit was ms and is s"),
        (_set("voice.turn.id", set_by="processor"), "attribute `voice.turn.id` narrowed: it was set by anybody and is by processor"),
        (lambda r: event(r, "recovered").update(set_by="processor"), "narrowed: only the processor emits it now"),
        (lambda r: event(r, "silence.timeout").update(duration=None), "reused: it began by `voice.silence.elapsed_ms` before its time"),
        (_set("voice.turn.id", json="turn"), "attribute `voice.turn.id` reused: its envelope path was `turnId` and is `turn`"),
        (_set("voice.silence.elapsed_ms", max=5), "attribute `voice.silence.elapsed_ms` narrowed: its greatest was 604800000 and is 5"),
        (_set("voice.silence.elapsed_ms", min=5), "attribute `voice.silence.elapsed_ms` narrowed: its least was 0 and is 5"),
        (_set("voice.workflow", max_length=9), "attribute `voice.workflow` narrowed: its longest text was 2048 and is 9"),
        (_set("voice.workflow", values=[{"value": "a"}]), "attribute `voice.workflow` narrowed: it was open and is a closed set"),
        (lambda r: attribute(r, "voice.call.ended_by")["values"].pop(), "attribute `voice.call.ended_by` narrowed: without `expired`"),
        (_set("voice.caller.transcript.text", sensitivity="none"), "narrowed: its sensitivity was content and is none"),
        (lambda r: r["events"].remove(event(r, "recovered")), "event `voice.interruption.recovered` removed"),
        (lambda r: event(r, "recovered").update(aliases=[]), "loses its alias `interruption.recovered`"),
        (lambda r: event(r, "recovered")["attributes"].pop(), "event `voice.interruption.recovered` no longer tells"),
        (lambda r: event(r, "recovered")["attributes"][0].update(level="required"), "narrowed: it must tell `voice.schema.version` now"),
        (lambda r: r["metrics"].pop(), "metric `voice.interruption.scorecard.ratio` removed"),
        (lambda r: r["metrics"][0].update(unit="1"), "metric `voice.interruption.episodes` reused: its unit was {episode} and is 1"),
        (lambda r: r["metrics"][0]["attributes"].pop(), "is no longer split by `voice.call.observable`"),
        (
            lambda r: r["attributes"].append(attribute(r, "voice.turn.id") | {"key": "voice.turn.name"}),
            "attribute `voice.turn.name` reused: its envelope path `turnId` is that of `voice.turn.id`",
        ),
    ],
)
def test_what_would_break_somebody_is_refused(new: Registry, change: Callable[[Registry], Any], words: str) -> None:
    """Removal, reuse and narrowing, each in words."""
    change(new)
    refused = [each.words for each in compare(published(SCHEMA_VERSION), new) if each.refused]

    assert any(words in each for each in refused), refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("voice.silence.elapsed_ms", max=None), "widened: its greatest was 604800000 and is unbounded"),
        (lambda r: attribute(r, "voice.call.ended_by")["values"].append({"value": "fax"}), "widened: with `fax`"),
        (_set("voice.turn.id", deprecated={"renamed_to": "voice.go.id", "note": "shorter"}), "deprecated to `voice.go.id`: shorter"),
        (lambda r: r["metrics"][0]["attributes"].append("voice.turn.id"), "widened: split by `voice.turn.id`, too"),
        (
            lambda r: event(r, "recovered")["attributes"].append({"key": "voice.silence.elapsed_ms", "level": "opt_in", "when": None}),
            "event `voice.interruption.recovered` widened: may tell `voice.silence.elapsed_ms`",
        ),
    ],
)
def test_what_only_adds_is_told(new: Registry, change: Callable[[Registry], Any], words: str) -> None:
    """Widening and deprecation are changes, and break nobody."""
    change(new)
    changes = compare(published(SCHEMA_VERSION), new)

    assert any(words in each.words for each in changes)
    assert not any(each.refused for each in changes)
