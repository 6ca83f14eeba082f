"""No policy improves its score by what it says: agents that obey bad policies look bad, and a verdict changes only when a call does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from otel_voice_processor.model import CallRecord
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.rates import rates
from otel_voice_processor.simulate import simulate
from otel_voice_processor.telemetry import Counters

from otel_voice.policy import Candidate, Policy, PolicyError, decide, effect_of, load_default, load_policy
from tests.processor.oracle import judged

STOP, KEEP, PAUSE = "stop_agent_audio_and_accept_user_turn", "continue_agent_audio", "pause_agent_audio"
CLASSES = ("correction", "backchannel", "noise", "unknown", "sustained", "escalation")


def always(action: str) -> dict[str, Any]:
    return {"defaults": {"min_speech_ms": 0, "actions": dict.fromkeys(CLASSES, action), "grace_ms": 0}}


def floors(at: float) -> dict[str, Any]:
    return {"defaults": {"confidence_floor": at, "confidence_floors": dict.fromkeys(("correction", "escalation"), at)}}


BAD: dict[str, dict[str, Any]] = {
    "forbids all interruptions": {"defaults": {"interrupted_by": []}},
    "allows all": always(STOP),
    "pauses on everything": always(PAUSE),
    "calls everything a backchannel": {"defaults": {"actions": {"correction": KEEP, "escalation": KEEP}}},
    "has every floor at 0.95": floors(0.95),
    "protects everything": {"defaults": {"until": "end", "actions": {"escalation": "buffer_input_and_continue"}}},
}


@pytest.fixture
def policy_of(tmp_path: Path) -> Callable[[str], Policy]:
    def make(name: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(yaml.safe_dump({"version": name, "extends": "default", **BAD[name]}), encoding="utf-8")
        return load_policy(file)

    return make


@dataclass(frozen=True)
class Heard:
    """One input over an answer: what was said, when its words are known and how sure the recogniser is."""

    text: str
    length: float
    known: float


INPUTS = [
    *(Heard(text, 1.1, 0.45) for text in ("no, I meant Friday", "wait, that is the wrong account", "actually the afternoon is better")),
    *(Heard(text, 1.2, 0.5) for text in ("I want to talk to a human", "can I speak to a real person")),
    *(Heard(text, 0.35, 0.45) for text in ("yeah", "uh-huh", "okay", "mm-hmm", "right")),
    *(Heard("", 0.2, 0.5) for _ in range(3)),
]


def obeyed(timeline: Any, policy: Policy, heard: Heard, number: int) -> CallRecord:
    """Return the record of a call whose agent does as this policy says, as soon as the words are known."""
    call, onset = timeline(f"call_{number}").started(), 3.0
    ruling = decide(
        policy,
        Candidate(
            input_type="speech",
            text=heard.text,
            transcript_status="final" if heard.text else "empty",
            transcript_confidence=0.93 if heard.text else None,
            speech_duration_ms=round(heard.length * 1000),
            message_type="support_answer",
            agent_state="speaking",
            position_ms=2_000,
        ),
    )
    effect, acts = effect_of(str(ruling.action)), onset + heard.known + 0.1
    call.speaks("r1", 1.0)
    if effect == "stop":
        call.cut("r1", acts).speaks("r2", max(acts, onset + heard.length) + 0.8, 8.0)
    elif effect == "pause":
        call.cut("r1", acts, provisional=True, position=2_500).resumes("r1", acts + 1.5, 2_500).stops("r1", 11.0)
    else:
        call.stops("r1", 9.0)
    call.says(heard.text or None, onset, onset + heard.length, told=onset + heard.known, status="final" if heard.text else "empty")
    record: CallRecord = call.ends(20.0).record()
    return record


def figures(timeline: Any, policy: Policy) -> dict[str, float]:
    """Return the two mistakes of an agent that obeys the policy, as shares, and how often it paused for nothing."""
    records = [obeyed(timeline, policy, heard, number) for number, heard in enumerate(INPUTS)]
    found = {rate.name: rate.value or 0.0 for rate in rates(records)}
    paused = sum(ep.verdict == "false_interruption" and ep.net_audio == "paused_resumed" for record in records for ep in record.episodes)
    return {"false": found["false_interruption"], "missed": found["missed_interruption"], "paused": paused / len(records)}


def test_an_agent_that_obeys_the_default_policy_makes_no_mistake(timeline: Any) -> None:
    """What the others are measured against."""
    assert {"false": 0.0, "missed": 0.0, "paused": 0.0} == figures(timeline, load_default())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("forbids all interruptions", {"false": 0.0, "missed": 3 / 5, "paused": 0.0}),  # a wish for a person outranks it
        ("allows all", {"false": 8 / 13, "missed": 0.0, "paused": 0.0}),
        ("pauses on everything", {"false": 0.0, "missed": 1.0, "paused": 8 / 13}),
        ("calls everything a backchannel", {"false": 0.0, "missed": 1.0, "paused": 0.0}),
        ("has every floor at 0.95", {"false": 0.0, "missed": 1.0, "paused": 0.0}),
        ("protects everything", {"false": 0.0, "missed": 1.0, "paused": 0.0}),
    ],
)
def test_obeying_a_bad_policy_shows(timeline: Any, policy_of: Callable[[str], Policy], name: str, expected: dict[str, float]) -> None:
    """Each mistake that its callers live through is in the rates."""
    assert expected == pytest.approx(figures(timeline, policy_of(name)))


@pytest.mark.parametrize("name", sorted(BAD))
def test_the_same_calls_get_the_same_verdicts(policy_of: Callable[[str], Policy], name: str) -> None:
    """What the processor's policy says moves compliance and protection, never a verdict, an audio or an intent."""
    other = policy_of(name)
    for script in simulate(8, 60):
        before, after = (judged(script, policy=policy) for policy in (load_default(), other))
        facts = [
            [(ep.span_id, ep.verdict, ep.reason, ep.intent, ep.net_audio, ep.repeated, ep.silence_ms) for ep in record.episodes]
            for record in (before, after)
        ]

        assert facts[0] == facts[1]
        assert before.interrupted == after.interrupted
        assert [rate.value for rate in rates([before])] == [rate.value for rate in rates([after])]


def test_a_floor_that_nothing_reaches_is_no_policy(tmp_path: Path) -> None:
    """0.99 everywhere is refused when the policy is read, with the highest figure there is."""
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"version": "1", "extends": "default", **floors(0.99)}), encoding="utf-8")

    with pytest.raises(PolicyError, match=r"0\.99 can never be reached: the surest is 0\.95"):
        load_policy(file)


def test_protection_is_split_not_taken_off(policy_of: Callable[[str], Policy]) -> None:
    """A policy that protects everything has its misses counted all the same, as protected ones beside."""
    everything = policy_of("protects everything")
    counts = []
    for policy in (load_default(), everything):
        episodes = [ep for script in simulate(8, 60) for ep in judged(script, policy=policy).episodes]
        missed = [ep for ep in episodes if ep.verdict == "missed_interruption"]
        counts.append((len(missed), sum(ep.protected for ep in missed)))
    (missed, protected), (missed_all, protected_all) = counts

    assert missed == missed_all
    assert protected < protected_all == missed_all


def test_pipeline_and_rule_agree(policy_of: Callable[[str], Policy]) -> None:
    """The bad policies are really in force in these tests: each rules differently from the default somewhere."""
    for name in BAD:
        kinds = (
            Candidate(input_type="speech", text=text, transcript_status="final", agent_state="speaking", message_type="support_answer",
                      position_ms=3_000, speech_duration_ms=900)
            for text in ("no, I meant Friday", "uh-huh")
        )  # fmt: skip
        policy, default = policy_of(name), load_default()
        assert Pipeline(policy, Counters()).rule({}) is not None
        assert any(decide(policy, each).action != decide(default, each).action for each in kinds), name
