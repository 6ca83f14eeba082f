"""The difference of two policies: exactly the inputs that change, no more and no fewer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_voice.policy import Candidate, Policy, decide, load_policy
from otel_voice.policy.diff import PLAYED, UNMAPPED, Change, differences, kinds, setting_differences, word_differences

POLICIES = {
    "default": "",
    "patient": "message_types: {support_answer: {min_speech_ms: 300}, entity_capture: {patience_ms: 4000, silence: []}}",
    "part": "message_types: {disclosure: {until: {fraction: 0.5}}, greeting: {until: {position_ms: 2000}, grace_ms: 100}}",
    "closed": "names: {offer: disclosure}\nworkflows: {pay: {support_answer: {interrupted_by: [dtmf, escalation]}, other: {min_words: 3}}}",
    "floors": "defaults: {confidence_floors: {backchannel: 0.8, correction: 0.6}, sustained_ms: 700, min_vad_confidence: 0.5}",
    "busy": "workflows: {w: {greeting: {grace_ms: 0}, other: {grace_ms: 0, actions: {noise: buffer_input_and_continue}}}}",
    "busier": "names: {n3: greeting}\nworkflows: {w: {other: {grace_ms: 0, actions: {noise: buffer_input_and_continue}}}}",
    "silent": "defaults: {silence: [{after_ms: 5000, action: reprompt, times: 2}, {after_ms: 20000, action: escalate_to_human}]}",
}
MESSAGES = ["greeting", "entity_capture", "disclosure", "support_answer", "other", "offer", "n3", "anything"]


@lru_cache(maxsize=len(POLICIES))
def policy(name: str) -> Policy:
    """One of the policies above."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "policy.yaml"
        file.write_text(f'version: "{name}"\nextends: default\n{POLICIES[name]}\n', encoding="utf-8")
        return load_policy(file)


@lru_cache(maxsize=len(POLICIES) ** 2)
def changes(before: str, after: str) -> tuple[Change, ...]:
    """The differences of two of them, found once."""
    return differences(policy(before), policy(after))


def told(change: Change, message: str, workflow: str | None, figures: dict[str, float]) -> bool:
    """Whether a change speaks of this input."""
    mine = (change.workflow, change.message_type) == (workflow, message)
    return mine and all(any(each.holds(figures[name]) for each in ranges) for name, ranges in change.ranges.items())


@settings(max_examples=600, deadline=None)
@given(data=st.data(), before=st.sampled_from(sorted(POLICIES)), after=st.sampled_from(sorted(POLICIES)))
def test_an_input_is_told_exactly_if_it_is_ruled_otherwise(data: st.DataObject, before: str, after: str) -> None:
    """Any candidate that differs lies in one of the ranges told, and none that does not."""
    kind = data.draw(st.sampled_from(kinds()))
    message = data.draw(st.sampled_from(MESSAGES))
    workflow = data.draw(st.sampled_from([None, *sorted({each for name in (before, after) for each, _ in policy(name).rules if each})]))
    facts: dict[str, Any] = dict(kind.facts)
    figures: dict[str, float] = {}
    for name in kind.figures:
        if name in {"class_confidence", "vad_confidence"}:
            figures[name] = facts[name] = data.draw(st.integers(0, 100)) / 100
        elif name == "word_count":
            figures[name] = facts[name] = data.draw(st.integers(0, 5))
        elif name == PLAYED:
            figures[name] = data.draw(st.sampled_from([-1.0, 0.25, 0.5, 0.75, 1.0, 2.0]))
            if figures[name] > 0:
                facts["position_ms"] = figures["position_ms"] = facts["position_ms"] // 2 * 2
                facts["response_duration_ms"] = int(facts["position_ms"] / figures[name])
        else:
            figures[name] = facts[name] = data.draw(
                st.sampled_from([2, 98, 100, 148, 150, 198, 200, 298, 300, 698, 700, 1998, 2000, 5000, 9000, 50_000])
            )
    if figures.get(PLAYED, -1) > 0 and facts["position_ms"] < 4:
        return
    candidate = Candidate(message_type=message, workflow=workflow, **facts)
    was, now = decide(policy(before), candidate), decide(policy(after), candidate)
    nameless = message in {"anything", "offer", "n3"} - {*policy(before).names, *policy(after).names}
    shown = UNMAPPED if nameless else message
    mine = [each for each in changes(before, after) if each.input == kind.name]
    speaks = [each for each in mine if told(each, shown, workflow, figures)]
    if workflow is not None and not any(
        (each.workflow, each.message_type) == (workflow, shown) for each in changes(before, after)
    ):  # a workflow without a rule of its own is told with the message
        speaks = [each for each in mine if told(each, shown, None, figures)]

    assert bool(speaks) == ((was.action, was.protected) != (now.action, now.protected)), (candidate, was, now)
    assert all((each.before.action, each.after.action) == (was.action, now.action) for each in speaks)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_policy_does_not_differ_from_itself(name: str) -> None:
    """Nothing changes, whatever the lines look like."""
    assert changes(name, name) == ()


def test_one_moved_threshold_is_one_change() -> None:
    """And it is told as the range between the two."""
    found = [each for each in changes("default", "patient") if each.message_type == "support_answer" and "paused" not in each.input]

    assert [(each.input, each.before.effect, each.after.effect) for each in found] == [("speech: correction", "stop", "keep")]
    assert [tuple(span) for span in found[0].ranges["speech_duration_ms"]] == [(200, 300)]


def test_words_that_a_policy_adds_are_told(tmp_path: Path) -> None:
    """A phrase that is read otherwise, in its language."""
    file = tmp_path / "words.yaml"
    file.write_text('version: "1"\nextends: default\nlexicons: {en: {listening: [wilco, yeah]}}\n', encoding="utf-8")

    found = word_differences(policy("default"), load_policy(file))

    assert ("en", "wilco", "words", "listening") in {(each.language, each.phrase, each.before, each.after) for each in found}


def test_words_that_change_nothing_alone_are_told(tmp_path: Path) -> None:
    """`please` asks for nobody, and as a negator it turns around what follows; a sound's name is no words."""
    file = tmp_path / "words.yaml"
    lists = 'noise: ["[beepbop]"], escalation: {negators: [please]}'
    file.write_text(f'version: "1"\nextends: default\nlexicons: {{en: {{{lists}}}}}\n', encoding="utf-8")

    found = {each.phrase: each.after for each in word_differences(policy("default"), load_policy(file))}

    assert found["please"].endswith("on escalation.negators")
    assert "[beepbop]" in found


def test_settings_of_which_no_action_depends_are_told(tmp_path: Path) -> None:
    """Keys on offer, when to ask again, what is cancelled."""
    file = tmp_path / "keys.yaml"
    file.write_text('version: "1"\nextends: default\nmessage_types: {menu_prompt: {expected_keys: ["1", "2"]}}\n', encoding="utf-8")
    found = setting_differences(policy("default"), load_policy(file))

    assert [("menu_prompt", "expected_keys", (), ("1", "2"))] == [
        (each.message_type, each.setting, each.before, each.after) for each in found
    ]
