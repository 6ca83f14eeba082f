"""Any published version is read; nothing of it is lost."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otel_voice_schema import attributes as a
from otel_voice_schema.events import ALIASES, EVENTS, PUBLISHED_VERSIONS, SCHEMA_VERSION
from otel_voice_schema.record import Record
from otel_voice_schema.upgrade import facts_of, is_newer, published, upgrade
from otel_voice_schema.validate import check_record

from tests import generated

OLD = "2026-05-20"


def runbook(name: str, **facts: object) -> Record:
    attributes = {a.VOICE_SCHEMA_VERSION: OLD, a.VOICE_CALL_ID: "c1"} | {key.replace("__", "."): value for key, value in facts.items()}
    return Record(name=name, time_ns=2, start_ns=1, attributes=attributes)


@pytest.mark.parametrize("event", published(OLD)["events"], ids=lambda event: event["name"])
def test_every_event_of_the_runbook_becomes_one_of_ours(event: dict[str, object]) -> None:
    """Its name, and every alias of it, is a known event today."""
    for name in (event["name"], *event["aliases"]):  # type: ignore[misc]
        record = upgrade(runbook(str(name)))

        assert record.name in EVENTS
        assert (SCHEMA_VERSION, OLD) == (
            record.attributes[a.VOICE_SCHEMA_VERSION],
            record.attributes[a.VOICE_SCHEMA_ORIGINAL_VERSION],
        )


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(ALIASES)))
def test_nothing_is_lost(rng: random.Random, name: str) -> None:
    """Every fact but the version is there after upgrading as it was before, and upgrading again changes nothing."""
    facts = dict(generated.record(rng).attributes) | {a.VOICE_SCHEMA_VERSION: OLD}
    record = Record(name=name, time_ns=2, start_ns=1, attributes=facts)
    new = upgrade(record)

    assert {key: value for key, value in facts.items() if key != a.VOICE_SCHEMA_VERSION}.items() <= {
        key: value for key, value in new.attributes.items() if key != a.VOICE_SCHEMA_VERSION
    }.items()
    assert new is upgrade(new)


@pytest.mark.parametrize(("preserved", "state"), [(True, "preserved"), (False, "lost")])
def test_the_task_state_is_told_by_its_set(preserved: bool, state: str) -> None:
    """The boolean stays, the state is added; one that is told already stands."""
    key = a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE
    old = {a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE_PRESERVED: preserved}

    assert state == upgrade(runbook("interruption.recovered", **old)).attributes[key]
    assert "unknown" == upgrade(runbook("interruption.recovered", **old, **{key: "unknown"})).attributes[key]


def test_only_what_the_version_asked_for_is_missed() -> None:
    """An event of the runbook's version is held to the runbook's facts, not to those added since."""
    record = replace(runbook("silence.timeout"), time_ns=10**18, trace_id="1" * 32, span_id="1" * 16)

    assert [] == check_record(record)
    assert frozenset({a.VOICE_SCHEMA_VERSION}) == facts_of(OLD, "voice.interruption.silence.timeout")


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ("2026-11-26", True),
        ("2027-01-01", True),
        (SCHEMA_VERSION, False),
        ("2026-05-20", False),
        ("latest", False),
        ("2027", False),
        (7, False),
    ],
)
def test_only_a_later_date_is_newer(version: object, newer: bool) -> None:
    """What is no date is a mistake, not a later version."""
    assert newer == is_newer(version)


def test_a_newer_event_is_left_as_it_is() -> None:
    """Nobody here knows what its names mean."""
    record = Record(name="silence.timeout", time_ns=2, start_ns=1, attributes={a.VOICE_SCHEMA_VERSION: "2031-01-01"})

    assert record is upgrade(record)


def test_every_published_version_is_there() -> None:
    """Its registry can be read; another one is none."""
    assert list(PUBLISHED_VERSIONS) == [published(version)["version"] for version in PUBLISHED_VERSIONS]
    with pytest.raises(KeyError):
        published("2020-01-01")
