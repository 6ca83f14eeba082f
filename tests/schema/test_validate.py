"""Only what makes judging impossible makes an event unjudged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otel_voice_schema import validate
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.validate import check, unjudged

STARTED = "voice.interruption.user.speech_started"
GOOD: dict[str, object] = {
    "voice.call.id": "c1",
    "voice.turn.id": "t1",
    "voice.schema.version": "2026-11-25",
    "voice.caller.audio.source": "sip",
    "voice.evidence.missing": ("voice.caller.vad.confidence",),
}


def test_a_whole_event_has_no_problem() -> None:
    """A fact listed as missing is no problem."""
    assert check(STARTED, GOOD) == []


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"voice.call.id": ""}, "missing_attribute", "missing or empty"),
        ({"voice.caller.vad.confidence": 1.2}, "impossible_value", "between 0 and 1"),
        ({"voice.caller.vad.confidence": float("nan")}, "impossible_value", "nan"),
        ({"voice.caller.speech.duration_ms": -1}, "impossible_value", "negative"),
        ({"voice.caller.speech.duration_ms": "420"}, "wrong_type", "not int"),
        ({"voice.caller.speech.duration_ms": True}, "wrong_type", "not int"),
        ({"voice.evidence.missing": "voice.turn.id"}, "wrong_type", "list"),
        ({"voice.agent.speech.state": "speakin"}, "unknown_value", "did you mean `speaking`?"),
        ({"voice.call.id": "x" * 257}, "impossible_value", "257 characters"),
    ],
)
def test_an_impossible_event_is_unjudged(change: dict[str, object], code: str, words: str) -> None:
    """Each problem has its code and says what was found."""
    problems = check(STARTED, GOOD | change)

    assert (code,) == unjudged(problems)
    assert any(words in problem.message for problem in problems)


def test_a_fact_neither_present_nor_listed_is_a_warning() -> None:
    """A missing fact leaves the event judged."""
    problems = check(STARTED, {key: value for key, value in GOOD.items() if key != "voice.caller.audio.source"})

    assert [problem.code for problem in problems] == ["missing_fact"]
    assert unjudged(problems) == ()


def test_unknown_names_get_the_nearest() -> None:
    """A misspelt event or attribute is answered with the known one."""
    assert "`voice.interruption.recovered`" in check("voice.interruption.recoverd", GOOD)[0].message
    assert "`voice.workflow`" in check(STARTED, GOOD | {"voice.workflo": "x"})[0].message


def test_an_event_without_time_is_unjudged() -> None:
    """Neither no time nor a start after the end can be judged."""
    assert unjudged(check(STARTED, GOOD, start_ns=0, time_ns=0)) == ("missing_time",)
    assert unjudged(check(STARTED, GOOD, start_ns=9, time_ns=5)) == ("impossible_value",)


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
    if validate._FINE[key](value):
        assert validate._of_value(key, value) is None
