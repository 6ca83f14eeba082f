"""Every problem at once; only what makes judging impossible makes an event unjudged."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from otel_voice_schema import attributes as a
from otel_voice_schema import generate, validate
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.envelope import to_envelope
from otel_voice_schema.events import PREFIX, SCHEMA_VERSION
from otel_voice_schema.problems import CODES
from otel_voice_schema.record import Record
from otel_voice_schema.validate import check, check_record, unjudged

from tests import generated

STARTED = "voice.interruption.user.speech_started"
GOOD: dict[str, object] = {
    "voice.call.id": "c1",
    "voice.turn.id": "t1",
    "voice.schema.version": "2026-11-25",
    "voice.caller.audio.source": "sip",
    "voice.evidence.missing": ("voice.caller.vad.confidence",),
}
FORMAL = {"missing_attribute", "wrong_type", "unknown_value", "impossible_value", "too_long", "too_many"}  # what a JSON Schema can say


def test_a_whole_event_has_no_problem() -> None:
    """A fact listed as missing is no problem."""
    assert check(STARTED, GOOD) == []


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"voice.call.id": ""}, "missing_attribute", "missing or empty"),
        ({"voice.caller.audio.energy_db": float("nan")}, "impossible_value", "nan"),
        ({"voice.caller.speech.duration_ms": -1}, "impossible_value", "negative"),
        ({"voice.caller.speech.duration_ms": 2**63}, "impossible_value", "64 bits"),
        ({"voice.caller.speech.duration_ms": 10**5000}, "impossible_value", "digits"),
        ({"voice.caller.speech.duration_ms": "420"}, "wrong_type", "not int (ms)"),
        ({"voice.caller.speech.duration_ms": True}, "wrong_type", "not int"),
        ({"voice.turn.id": b"t1"}, "wrong_type", "bytes"),
        ({"voice.turn.id": {"a": 1}}, "wrong_type", "an object"),
        ({"voice.evidence.missing": "voice.turn.id"}, "wrong_type", "string[]"),
        ({"voice.agent.speech.state": "speakin"}, "unknown_value", "did you mean `speaking`?"),
        ({"voice.call.id": "x" * 257}, "impossible_value", "257 characters"),
    ],
)
def test_an_impossible_event_is_unjudged(change: dict[str, object], code: str, words: str) -> None:
    """Each problem has its code and says what was found."""
    problems = check(STARTED, GOOD | change)

    assert (code,) == unjudged(problems)
    assert any(words in problem.message for problem in problems)


def test_every_problem_is_told_at_once() -> None:
    """One look names them all, each with what was found, what is allowed and the nearest name."""
    problems = check(STARTED, {"voice.agent.speech.state": "Speaking", "voice.turn.id": 7, "voice.caler.language": "en"})
    told = {problem.code: problem for problem in problems}

    assert {"unknown_value", "wrong_type", "missing_attribute", "missing_fact", "unknown_attribute"} == set(told)
    assert ("Speaking", "speaking") == (told["unknown_value"].found, told["unknown_value"].nearest)
    assert "idle, listening, paused, speaking, thinking" == told["unknown_value"].allowed
    assert "voice.caller.language" == told["unknown_attribute"].nearest


def test_what_conforms_less_is_judged_all_the_same() -> None:
    """A long text, a long list, a wrong version and every warning leave the event judged."""
    change = {"voice.workflow": "x" * 3000, "voice.caller.transcript.word_hashes": ("a",) * 200, "voice.schema.version": "latest"}
    problems = check(STARTED, GOOD | change)

    assert ["too_long", "too_many", "unknown_version"] == sorted(problem.code for problem in problems)
    assert () == unjudged(problems)


def test_a_fact_neither_present_nor_listed_is_a_warning() -> None:
    """A missing fact leaves the event judged."""
    problems = check(STARTED, {key: value for key, value in GOOD.items() if key != "voice.caller.audio.source"})

    assert [problem.code for problem in problems] == ["missing_fact"]
    assert unjudged(problems) == ()


def test_unknown_names_get_the_nearest() -> None:
    """A misspelt event or attribute is answered with the known one."""
    assert "`voice.interruption.recovered`" in check("voice.interruption.recoverd", GOOD)[0].message
    assert "`voice.workflow`" in check(STARTED, GOOD | {"voice.workflo": "x"})[0].message
    assert [] == check(STARTED, GOOD | {"lk.workflow": "x", "app.turnId": 3, "gen_ai.agent.name": "front"})


def test_a_newer_version_is_not_looked_into() -> None:
    """What a later schema means nobody here can know: one warning, nothing of its facts."""
    problems = check(STARTED, {"voice.schema.version": "2027-01-01", "voice.call.id": 7})

    assert ["newer_version"] == [problem.code for problem in problems]
    assert not CODES["newer_version"].judged


def test_an_event_without_time_is_unjudged() -> None:
    """Neither no time nor a start after the end can be judged."""
    assert unjudged(check(STARTED, GOOD, start_ns=0, time_ns=0)) == ("missing_time",)
    assert unjudged(check(STARTED, GOOD, start_ns=9, time_ns=5)) == ("impossible_value",)


def test_milliseconds_for_nanoseconds_are_seen() -> None:
    """A time in the first weeks of 1970 is one in another unit."""
    ms = 1_779_291_738_231
    record = Record(name=STARTED, time_ns=ms, start_ns=ms, attributes=GOOD, trace_id="1" * 32, span_id="1" * 16)
    (problem,) = check_record(record)

    assert ("inconsistent_facts", "endTimeUnixNano") == (problem.code, problem.key)
    assert "milliseconds" in problem.message


@cache
def plain(name: str) -> Draft202012Validator:
    """The published JSON Schema of an event: the reference the compiled check is compared with."""
    path = generate.PACKAGE / "versions" / SCHEMA_VERSION / "events" / f"{name.removeprefix(PREFIX)}.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


@settings(max_examples=500)
@given(st.randoms(use_true_random=False), st.data())
def test_the_check_agrees_with_the_json_schema(rng: random.Random, data: Any) -> None:
    """Valid or mutated: what the one calls a wrong value, the other does too."""
    record = generated.record(rng)
    facts = dict(record.attributes)
    for key in rng.sample(sorted(facts), k=rng.choice((0, 1, 2))):
        facts[key] = data.draw(MUTANTS)
    facts.pop(a.VOICE_ENVELOPE_EXTRA, None)
    record = Record(name=record.name, time_ns=record.time_ns, start_ns=record.time_ns, attributes=facts)
    keys = {key for key in facts if key in ATTRIBUTES}
    problems = [each for each in check_record(record, sent=False) if each.code in FORMAL and each.key in keys | {a.VOICE_CALL_ID}]
    known = plain(record.name).schema["properties"]
    checked = [each for each in problems if each.key == a.VOICE_CALL_ID or _place(known, ATTRIBUTES[each.key].json)]

    envelope = json.loads(json.dumps(to_envelope(record)))
    assert plain(record.name).is_valid(envelope) == (not checked), (checked, envelope)


def _place(properties: Any, path: str) -> bool:
    """Whether an event's schema says anything of a place."""
    head, _, tail = path.partition(".")
    return head in properties and (not tail or _place(properties[head].get("properties", {}), tail))


MUTANTS = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.sampled_from(["x" * 257, "x" * 2049, "speech", "stop", "final"]),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats().filter(lambda number: number != number or abs(number) == float("inf") or not number.is_integer()),
    st.lists(st.text(max_size=3), max_size=3).map(tuple),
    st.just(("x",) * 129),
    st.binary(max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
)


@given(
    st.sampled_from(sorted(ATTRIBUTES)),
    st.one_of(
        st.text(max_size=300),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.lists(st.text(max_size=3)).map(tuple),
        st.sampled_from(["speech", "stop"]),
    ),
)
def test_the_quick_test_never_passes_what_the_full_one_refuses(key: str, value: object) -> None:
    """The fast path is only a shortcut."""
    if validate.FINE[key](value):
        assert validate.value_problem(key, value) is None
