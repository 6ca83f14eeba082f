"""Event, attributes and envelope are one thing."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from otel_voice_schema.envelope import EnvelopeError, from_envelope, parse_time, read_envelope, to_envelope
from otel_voice_schema.record import ENVELOPE
from otel_voice_schema.upgrade import published, upgrade
from otel_voice_schema.validate import check_record

from tests import generated
from tests.generated import exact

RUNBOOK: dict[str, Any] = json.loads((Path(__file__).parents[1] / "cases/runbook_envelope.json").read_text(encoding="utf-8"))
SMALL: dict[str, Any] = {"eventName": "silence.timeout", "occurredAt": "2026-05-20T15:42:18Z", "canonicalCallId": "c1"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NO_TIMES = (
    *("", "2026-05-20", "2026-05-20T15:42:18", "2026-13-20T15:42:18Z", "2026-05-20T25:00:00Z"),
    *("1969-12-31T23:59:59Z", "now", "1779291738"),
)


def test_the_runbooks_envelope_conforms_and_comes_back_equal() -> None:
    """The example validates as its version, by our check and by its published JSON Schema, and nothing of it is changed."""
    record = from_envelope(RUNBOOK)
    base = Path(__file__).parents[2] / "schema/otel_voice_schema/versions/2026-05-20"
    for name in ("envelope.json", "events/interruption.decision_made.json"):
        Draft202012Validator(json.loads((base / name).read_text(encoding="utf-8"))).validate(RUNBOOK)

    assert [] == check_record(record)
    assert RUNBOOK == to_envelope(record)
    assert "2026-05-20" == published("2026-05-20")["version"]


def test_the_runbooks_envelope_upgrades_without_loss() -> None:
    """Every member but the version stands where it stood; what follows from them is added."""
    envelope = to_envelope(upgrade(from_envelope(RUNBOOK)))
    added = {"eventVersion", "originalVersion", "recovery"}

    assert {key: value for key, value in RUNBOOK.items() if key not in added} == {k: v for k, v in envelope.items() if k not in added}
    assert RUNBOOK["recovery"] | {"taskState": "preserved"} == envelope["recovery"]
    assert ("2026-11-25", "2026-05-20") == (envelope["eventVersion"], envelope["originalVersion"])
    assert [] == check_record(upgrade(from_envelope(RUNBOOK)))


@settings(max_examples=400)
@given(st.randoms(use_true_random=False))
def test_an_event_comes_back_from_its_envelope(rng: random.Random) -> None:
    """Event to JSON text and back is the same event, extras and extremes included."""
    record = generated.record(rng)
    text = json.dumps(to_envelope(record), allow_nan=False)

    assert exact(record) == exact(from_envelope(json.loads(text)))


@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_an_envelope_comes_back_from_its_event(rng: random.Random) -> None:
    """Envelope to event and back is the same envelope."""
    envelope = to_envelope(generated.record(rng))

    assert envelope == to_envelope(from_envelope(envelope))


@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_whatever_is_generated_conforms(rng: random.Random) -> None:
    """The generator makes no event that a validator would call wrong; facts may be missing, and may contradict."""
    codes = {problem.code for problem in check_record(generated.record(rng), sent=False)}

    assert codes <= {"missing_fact", "inconsistent_facts", "deprecated_name", "bad_id", "unknown_attribute"}


@given(JSON)
def test_any_json_is_an_envelope_or_its_problems(tree: Any) -> None:
    """Reading never raises, whatever stands in the members."""
    for member in ("eventName", "occurredAt", "canonicalCallId", "agentSpeech", "callerInput", "attributes", "resource", "traceId", "mine"):
        record, problems = read_envelope(SMALL | {member: tree})
        check_record(record, problems)


def test_unknown_members_stay_where_they_were() -> None:
    """What the registry does not know rides along, at the top and inside."""
    envelope = SMALL | {"tenant": {"id": 7}, "silence": {"elapsedMs": 5000, "reason": "mute"}, "agentSpeech": {}, "nothing": None}

    assert envelope == to_envelope(from_envelope(envelope))


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-05-20T15:42:18.231Z", 1_779_291_738_231_000_000),
        ("2026-05-20T17:42:18.231+02:00", 1_779_291_738_231_000_000),
        ("2026-05-20T15:42:18.123456789z", 1_779_291_738_123_456_789),
        ("2026-05-20 15:42:18.1234567891234Z", 1_779_291_738_123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
    ],
)
def test_a_time_is_rfc_3339(text: str, ns: int) -> None:
    """Zones, fractions of any length and leap seconds are read."""
    assert ns == parse_time(text)


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_refused(text: str) -> None:
    """No zone, no such day, before 1970: one problem, at its member."""
    with pytest.raises(EnvelopeError) as caught:
        from_envelope(SMALL | {"occurredAt": text})

    assert [("impossible_value", "occurredAt")] == [(each.code, each.key) for each in caught.value.problems]


def test_an_envelope_says_its_carrier() -> None:
    """Problems are told in the envelope's words."""
    record = from_envelope(SMALL | {"silence": {"elapsedMs": -1}})
    messages = [problem.message for problem in check_record(record)]

    assert ENVELOPE == record.carrier
    assert any(message.startswith("`silence.elapsedMs` (`voice.silence.elapsed_ms`) is -1") for message in messages)
