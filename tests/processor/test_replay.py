"""Recorded calls held against test cases: which case applies to which moment, and what the agent did of each assertion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_voice_processor.episodes import record_of
from otel_voice_processor.evidence import in_order
from otel_voice_processor.model import CallRecord, VoiceEvent
from otel_voice_processor.moments import PAUSE, SILENCE, moments_of
from otel_voice_processor.pipeline import Pipeline, event_of
from otel_voice_processor.replay import Applied, Replay
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, Script, emit, simulate
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.wire import scan

from otel_voice.policy import Policy, load_default, load_policy
from otel_voice.policy.testing import Case, read_cases

EIGHT_CASES = Path(__file__).parents[1] / "cases/recorded_eight.yaml"
STOP = "stop_agent_audio_and_accept_user_turn"
KEEP = "continue_agent_audio"
OF_THE_EIGHT = (
    "nothing", "backchannels", "noise", "key", "disclosure", "escalation", "correction in time", "correction too late",
    "correction never heard",
)  # fmt: skip
Cases = Callable[..., tuple[Case, ...]]
Call = tuple[CallRecord, list[VoiceEvent]]


def recorded(events: Sequence[VoiceEvent], policy: Policy | None = None) -> Call:
    policy = policy or load_default()
    ordered = in_order(events)
    rule = Pipeline(policy, Counters()).rule
    return record_of(ordered[0].call_id, ordered, rule, policy_version="p", root=(b"t" * 16, b"r" * 8)), ordered


def played(script: Script, *, keep_text: bool = True) -> Call:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    emit(script, provider, start_ns=1_780_000_000_000_000_000, keep_text=keep_text)
    return recorded([event_of(found) for found in scan(encode_spans(exporter.get_finished_spans()).SerializeToString()).found])


def held(call: Call, cases: Sequence[Case], policy: Policy | None = None, *, strict: bool = False) -> list[Applied]:
    replay = Replay(policy or load_default(), cases, strict=strict)
    found = [each for _, applied in replay.judge(*call) for each in applied]
    return found + list(replay.unmet(found))


def states(applied: Applied) -> dict[str, str]:
    return {each.assertion: each.state for each in applied.compared}


def got(applied: Applied, assertion: str) -> tuple[str, ...]:
    return next(each.got for each in applied.compared if each.assertion == assertion)


@pytest.fixture
def cases(tmp_path: Path) -> Cases:
    def cases(*found: str) -> tuple[Case, ...]:
        path = tmp_path / "cases.yaml"
        path.write_text("suite: s\ncases:\n" + "".join(f"  - {{name: case {at}, {each}}}\n" for at, each in enumerate(found)), "utf-8")
        return read_cases([path])

    return cases


def given(text: str, expect: str, **more: Any) -> str:
    facts = {"message_type": "support_answer", "agent_state": "speaking", "position_ms": 2500, "speech_duration_ms": 700} | more
    told = ", ".join(f"{key}: {value}" for key, value in facts.items())
    return f"given: {{text: '{text}', transcript_status: final, {told}}}, expect: {{{expect}}}"


def over(timeline: Any, text: str | None = "no that is wrong", *, message: str = "support_answer", start: float = 4.0, **more: Any) -> Any:
    """A call whose caller speaks over a message that is then cut, or played to its end where `cut` is None."""
    cut = more.pop("cut", start + 0.5)
    call = timeline().started()
    call.speaks("r1", 1.0, None if cut else 9.0, message=message, **more)
    call.says(text, start, start + 0.9, turn__id="t1")
    if cut:
        call.cut("r1", cut, position=round((cut - 1) * 1000), message=message)
        call.speaks("r2", start + 2.0, start + 4.0)
    return call


@pytest.mark.parametrize("script", EIGHT, ids=lambda script: script.call_id)
@pytest.mark.parametrize("keep_text", [True, False])
def test_the_agent_that_passes_passes_each_of_the_eight_tests(script: Script, keep_text: bool) -> None:
    """With the words and without: one case applies to each call, and none of its assertions fails."""
    (applied,) = held(played(script, keep_text=keep_text), read_cases([EIGHT_CASES]))

    assert script.name == applied.case.name
    assert "passed" == applied.state


FAILS = (  # of each failing call the assertions that do not hold, and those that nothing recorded tells
    ({"decision", "playback", "recovery"}, {"task"}),
    ({"decision", "playback", "transcript", "task", "recovery"}, set()),
    ({"decision", "playback", "recovery"}, {"task"}),
    ({"playback", "recovery"}, {"decision", "task"}),
    ({"decision", "playback", "transcript", "recovery"}, set()),
    ({"transcript", "recovery"}, {"decision", "task"}),
    ({"recovery"}, {"decision", "task"}),
    ({"playback"}, {"decision"}),
)


@pytest.mark.parametrize(
    ("script", "failed", "missing"),
    [pytest.param(script, *told, id=script.call_id) for script, told in zip(EIGHT_FAILING, FAILS, strict=True)],
)
def test_the_agent_that_fails_fails_the_right_assertions(script: Script, failed: set[str], missing: set[str]) -> None:
    """What went wrong, and nothing that is merely not recorded."""
    (applied,) = held(played(script), read_cases([EIGHT_CASES]))
    told = states(applied)

    assert script.name == applied.case.name
    assert failed == {each for each, state in told.items() if state == "failed"}
    assert missing == {each for each, state in told.items() if state == "missing"}


def test_simulated_calls_fail_where_the_truth_says_so() -> None:
    """Script and player know what the audio did; the cases find the same, but for required messages, which have to be played on."""
    for script in simulate(11, 100, mix=dict.fromkeys(OF_THE_EIGHT, 1)):
        found = held(played(script), read_cases([EIGHT_CASES]))
        wrong = any((each.verdict != "correct") != (each.message_type == "disclosure") for each in script.truth.interruptions)

        assert wrong is any(states(each).get("playback") == "failed" for each in found), script.call_id
        again = any(each.repeated for each in script.truth.interruptions)
        if not wrong and not again and not script.truth.premature_endpointings:  # nor does the rest of a call bring an assertion down
            assert not any("failed" in states(each).values() for each in found), script.call_id


def test_a_case_applies_where_the_same_rule_answers(timeline: Any, cases: Cases) -> None:
    """A case of the grace period speaks of the grace period, whatever the milliseconds; a case of another message of that."""
    early = given("no, the other one", "decision: buffer_input_and_continue", message_type="greeting", position_ms=100)
    later = given("no, the other one", f"decision: {STOP}", message_type="greeting", position_ms=1900)
    other = given("no, the other one", f"decision: {STOP}")
    in_grace = held(recorded(over(timeline, message="greeting", start=1.2).events), cases(early, later, other))
    after = held(recorded(over(timeline, message="greeting", start=3.0).events), cases(early, later, other))

    assert ["case 0"] == [each.case.name for each in in_grace]
    assert ["case 1"] == [each.case.name for each in after]
    assert "correction (speech) over greeting, ruled by `greeting.grace` as the case is" == in_grace[0].why
    assert ("failed", "passed") == (states(in_grace[0])["playback"], states(after[0])["playback"])


@pytest.mark.parametrize(
    ("more", "applies"),
    [
        ({}, True),
        ({"language": "en-GB"}, True),
        ({"language": "de"}, False),
        ({"workflow": "billing"}, True),
        ({"workflow": "support"}, False),
        ({"question_pending": "true"}, False),
        ({"question_pending": "false"}, True),
        ({"input_type": "command"}, False),
        ({"agent_state": "listening"}, False),
    ],
)
def test_what_is_given_beyond_the_rule_has_to_agree(timeline: Any, cases: Cases, more: dict[str, str], applies: bool) -> None:
    """Language, workflow, a pending question, the kind of input and what the agent was doing, as far as both are known."""
    call = recorded(over(timeline, agent__question_pending=False).events)

    assert applies is bool(held(call, cases(given("no that is wrong", f"decision: {STOP}", **more))))


def test_the_class_that_is_expected_has_to_be_the_one_that_was(timeline: Any, cases: Cases) -> None:
    """A case of backchannels that are protected does not speak of corrections that are."""
    disclosure = {"message_type": "disclosure", "position_ms": 1000, "response_duration_ms": 9000}
    hum = given("uh-huh", "class: backchannel, playback: keep", **disclosure)
    found = held(recorded(over(timeline, message="disclosure").events), cases(hum, given("no, wait", "class: correction", **disclosure)))

    assert [] == found  # and a class alone is nothing that an agent does


def test_a_workflow_of_its_own_rule_takes_cases_of_none(timeline: Any, cases: Cases, tmp_path: Path) -> None:
    """What is said of all workflows is asked by the rule of this one; message types go by the policy's names."""
    (tmp_path / "policy.yaml").write_text(
        """version: "1"
extends: default
names: {outage_notice: disclosure}
workflows: {billing: {support_answer: {min_speech_ms: 100}}}
""",
        encoding="utf-8",
    )
    policy = load_policy(tmp_path / "policy.yaml")
    protected = {"message_type": "disclosure", "position_ms": 1000, "response_duration_ms": 9000}
    asked = cases(given("no, wait", f"decision: {STOP}"), given("no, wait", "decision: buffer_input_and_continue", **protected))
    (own,) = held(recorded(over(timeline).events, policy), asked, policy)
    (named,) = held(recorded(over(timeline, message="outage_notice").events, policy), asked, policy)

    assert ("case 0", True) == (own.case.name, "`billing.support_answer.correction`" in own.why)
    assert ("case 1", True) == (named.case.name, "`disclosure.protected`" in named.why)


def test_what_is_not_recorded_is_missing_and_fails_only_when_strict(timeline: Any, cases: Cases) -> None:
    """No decision, no state of the task: nothing is assumed."""
    call = recorded(over(timeline).events)
    (plain,), (strict,) = (held(call, cases(given("no", f"decision: {STOP}")), strict=strict) for strict in (False, True))

    assert {"decision": "missing", "playback": "passed", "transcript": "passed", "task": "missing", "recovery": "passed"} == states(plain)
    assert ("passed", "failed") == (plain.state, strict.state)
    assert {"decision", "task"} == {each for each, state in states(strict).items() if state == "failed"}
    assert "`voice.interruption.decision.action` is not recorded" == plain.compared[0].said


def test_a_decision_of_the_same_effect_will_do_unless_strict(timeline: Any, cases: Cases) -> None:
    """What the caller hears is the same; the last decision on an interruption counts, after a pause for instance."""
    call = over(timeline)
    for at, action in ((4.2, "pause_agent_audio"), (4.4, "escalate_to_human")):
        call.event("decision_made", at, interruption__id="i1", interruption__decision__action=action)
    (plain,), (strict,) = (held(recorded(call.events), cases(given("no", f"decision: {STOP}")), strict=strict) for strict in (False, True))

    assert ("passed", "failed") == (states(plain)["decision"], states(strict)["decision"])
    assert ("escalate_to_human",) == got(plain, "decision")


def test_a_stop_that_comes_too_late_is_no_stop(timeline: Any, cases: Cases) -> None:
    """A caller who is let down for two seconds was not heard."""
    (applied,) = held(recorded(over(timeline, cut=6.4).events), cases(given("no", f"decision: {STOP}")))

    assert ("stops_late",) == got(applied, "playback")
    assert "failed" == states(applied)["playback"]


def test_a_response_that_ends_by_itself_at_once_is_kept_and_stopped(timeline: Any, cases: Cases) -> None:
    """There was nothing left to stop, and the answer follows."""
    call = timeline().started().speaks("r1", 1.0, 5.0).says("no that is wrong", 4.0, 4.9, turn__id="t1").speaks("r2", 5.6, 8.0)
    (applied,) = held(recorded(call.events), cases(given("no", f"decision: {STOP}")))

    assert ({"keep", "stop"}, "passed") == (set(got(applied, "playback")), applied.state)
    assert {"transcript": "passed", "recovery": "passed"}.items() <= states(applied).items()


def test_a_pause_that_the_policy_asked_for_is_not_held_against_the_agent(timeline: Any, cases: Cases) -> None:
    """On what was known then; a pause that it did not ask for is."""
    hum = cases(given("mm-hmm", f"decision: {KEEP}"), given("mm-hmm", "decision: resume_agent_audio", agent_state="paused"))

    def paused(at: float) -> Call:
        call = timeline().started().speaks("r1", 1.0, 12.0).says("mm-hmm", 4.0, 5.6, told=6.0)
        call.cut("r1", at, provisional=True, position=round((at - 1) * 1000)).resumes("r1", 7.0)
        call.event("decision_made", at, interruption__decision__action="pause_agent_audio")
        return recorded(call.events)

    asked, resumed = held(paused(5.5), hum)
    unasked, again = held(paused(4.2), hum)

    assert "passed" == asked.state
    assert {"decision": "failed", "playback": "failed", "recovery": "failed"}.items() <= states(unasked).items()
    assert {"decision": "missing", "playback": "passed", "recovery": "passed"}.items() <= states(resumed).items()
    assert states(resumed) == states(again)


def test_a_case_of_a_paused_agent_needs_an_agent_that_paused(timeline: Any, cases: Cases) -> None:
    """One that played on has nothing to resume."""
    call = recorded(over(timeline, "uh-huh", cut=None).events)

    assert [] == held(call, cases(given("uh-huh", "decision: resume_agent_audio", agent_state="paused")))


@pytest.mark.parametrize(
    ("turn", "state"),
    [("t0", "passed"), ("t9", "failed"), (None, "missing")],
)
def test_a_hum_is_a_turn_where_a_new_one_was_committed(timeline: Any, cases: Cases, turn: str | None, state: str) -> None:
    """The turn's id tells, before the response's end; without ids nothing does."""
    ids = {} if turn is None else {"turn__id": turn}
    first = {} if turn is None else {"turn__id": "t0"}
    call = timeline().started(**first).speaks("r1", 1.0, 9.0).says("uh-huh", 4.0, 4.4, **ids)
    (applied,) = held(recorded(call.events), cases(given("uh-huh", f"decision: {KEEP}")))

    assert state == states(applied)["transcript"]


def test_an_answer_after_the_response_was_buffered(timeline: Any, cases: Cases) -> None:
    """Played on, answered after it, however long it was, unless the caller had to begin anew."""
    facts = {"message_type": "disclosure", "position_ms": 1000, "response_duration_ms": 60000}
    asked = cases(given("no, wait", "decision: buffer_input_and_continue", **facts))
    call = timeline().started().speaks("r1", 1.0, 50.0, message="disclosure").says("I have a question", 4.0, 4.9)
    again = timeline().started().speaks("r1", 1.0, 50.0, message="disclosure").says("I have a question", 4.0, 4.9)
    (after,) = held(recorded(call.speaks("r2", 51.0, 53.0).events), asked)
    (anew,) = held(recorded(again.says("what about my bill", 51.0, 52.0).speaks("r2", 53.0, 55.0).events), asked)

    assert ("passed", "passed") == (states(after)["transcript"], states(after)["recovery"])
    assert "failed" == states(anew)["recovery"]


@pytest.mark.parametrize(
    ("handed", "escalated", "state"),
    [
        ("escalation_handoff", None, "passed"),
        ("support_answer", True, "passed"),
        ("support_answer", False, "failed"),
        (None, None, "missing"),
    ],
)
def test_a_hand_off_is_a_message_of_that_type_or_the_calls_word(
    timeline: Any, cases: Cases, handed: str | None, escalated: bool | None, state: str
) -> None:
    """Task and recovery go by it; where neither tells, both are missing."""
    call = timeline().started().speaks("r1", 1.0).says("I want to talk to a human", 4.0, 5.0, turn__id="t1").cut("r1", 4.6, position=3600)
    if handed is not None:
        call.speaks("r2", 6.0, 8.0, message=handed)
    more = {} if escalated is None else {"call__escalated": escalated}
    call.event("call_ended", 9.0, call__task_outcome="unknown", **more)
    (applied,) = held(recorded(call.events), cases(given("human please", "decision: escalate_to_human")))

    assert {"task": state, "recovery": state}.items() <= states(applied).items()


SILENT = "input_type: silence, message_type: support_answer, agent_state: listening"


def test_a_silence_is_held_against_what_came_of_it(timeline: Any, cases: Cases) -> None:
    """Before the agent acts it waits; after it did, or where it never does, a case of that step tells."""
    waits = f"given: {{{SILENT}, silence_ms: 3000}}, expect: {{decision: wait}}"
    asks = f"given: {{{SILENT}, silence_ms: 9000}}, expect: {{decision: reprompt}}"
    hands = f"given: {{{SILENT}, silence_ms: 50000}}, expect: {{decision: escalate_to_human}}"
    asked = cases(waits, asks, hands)
    acted = timeline().started().speaks("r1", 1.0, 3.0).speaks("r2", 11.2, 12.0).ends(13.0)
    acted.event("silence.timeout", 11.0, silence__elapsed_ms=8000, silence__next_action="reprompt")
    never = timeline().started().speaks("r1", 1.0, 3.0).ends(20.0)
    noticed = timeline().started().speaks("r1", 1.0, 3.0).ends(20.0)
    noticed.event("silence.timeout", 11.0, silence__elapsed_ms=8000)
    found = {name: held(recorded(call.events), asked) for name, call in (("acted", acted), ("never", never), ("noticed", noticed))}

    assert {"acted": ["case 0", "case 1"], "never": ["case 0", "case 1"], "noticed": ["case 0", "case 1"]} == {
        name: [each.case.name for each in applied] for name, applied in found.items()
    }
    assert {"acted": ["passed", "passed"], "never": ["passed", "failed"], "noticed": ["passed", "failed"]} == {
        name: [each.state for each in applied] for name, applied in found.items()
    }
    assert ("reprompt",) == got(found["acted"][1], "decision")
    assert ("nothing_follows",) == got(found["never"][1], "recovery")


def test_an_ordinary_gap_is_no_silence(timeline: Any) -> None:
    """Nobody asks a policy about half a second between two turns."""
    record, events = recorded(
        timeline().started().speaks("r1", 1.0, 3.0).says("thank you very much", 3.5, 4.4).speaks("r2", 5.0, 6.0).events
    )

    assert () == moments_of(record, events, load_default())


def test_a_pause_in_the_callers_turn_is_waited_through_or_not(timeline: Any, cases: Cases) -> None:
    """Two pieces of a number: the agent waits for the second, or speaks into it."""
    number = (
        "given: {message_type: entity_capture, agent_state: listening, text: 'four one five', silence_ms: 800}, expect: {decision: wait}"
    )

    def captured(answer: float) -> Any:
        call = timeline().started().speaks("r1", 1.0, 3.0, message="entity_capture").says("four one five", 3.5, 5.0)
        return call.says("zero nine two six", 6.4, 8.0).speaks("r2", answer, answer + 3.0, message="entity_capture")

    (waited,), (early,) = (held(recorded(captured(answer).events), cases(number)) for answer in (9.5, 5.7))

    assert (PAUSE, "passed", "failed") == (waited.moment and waited.moment.kind, waited.state, early.state)
    assert (("waits",), ("answers_too_early",)) == (got(waited, "recovery"), got(early, "recovery"))
    assert {"recovery": "failed", "transcript": "failed"}.items() <= states(early).items()


def test_a_pinned_case_speaks_of_its_call_alone(timeline: Any, cases: Cases) -> None:
    """Of the moment that is ruled alike, else of that with the same input over the same message, and then the class is asserted, too."""
    same = f"call: call_1, {given('no, wait', f'class: correction, decision: {STOP}')}"
    other = f"call: call_2, {given('no, wait', f'decision: {STOP}')}"
    hum = f"call: call_1, {given('uh-huh', f'class: backchannel, decision: {KEEP}')}"
    key = "call: call_1, given: {input_type: dtmf, message_type: menu_prompt}, expect: {decision: route_dtmf}"
    found = {each.case.name: each for each in held(recorded(over(timeline).events), cases(same, other, hum, key))}

    assert ("passed", "failed", "missing", "missing") == tuple(found[f"case {at}"].state for at in (0, 2, 1, 3))
    assert "pinned to call `call_1`, correction (speech) over support_answer" == found["case 0"].why
    assert ("failed", ("correction",)) == (states(found["case 2"])["class"], got(found["case 2"], "class"))
    assert ("no event of call `call_2`", None) == (found["case 1"].why, found["case 1"].moment)
    assert "nothing in call `call_1` is what the case speaks of" == found["case 3"].why


def test_a_moment_is_told_by_its_call_its_time_and_its_episode(timeline: Any, cases: Cases) -> None:
    """The id is the episode's span id, so that it is found in the trace."""
    record, events = recorded(over(timeline).events)
    (applied,) = held((record, events), cases(given("no", f"decision: {STOP}")))

    assert applied.moment is not None
    assert (record.episodes[0].span_id.hex(), 4000, "call_1") == (applied.moment.id, applied.moment.at_ms, applied.moment.call_id)
    assert {"decision": False, "playback": True} == {each.assertion: each.implied for each in applied.compared[:2]}
    assert SILENCE not in {moment.kind for moment in moments_of(record, events, load_default())}
