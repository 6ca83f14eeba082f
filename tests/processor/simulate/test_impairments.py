"""What is told of a call, held against what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.simulate import AGENT, COMPLETE, LEVELS, TELEPHONY, Impairments, Script, Withheld, events_of, simulate
from otel_voice_processor.simulate.impairments import LATEST_MS, as_heard
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

START = 1_780_000_000_000_000_000
MS = 1_000_000
SCRIPTS = tuple(simulate(17, 60))


def told(impairments: Impairments = COMPLETE, scripts: Sequence[Script] = SCRIPTS) -> list[list[VoiceEvent]]:
    return [events_of(script, start_ns=START, impairments=impairments) for script in scripts]


def names(calls: Sequence[Sequence[VoiceEvent]]) -> Counter[str]:
    return Counter(event.name for events in calls for event in events)


def facts(calls: Sequence[Sequence[VoiceEvent]], name: str, key: str) -> Counter[object]:
    return Counter(event.attributes.get(key) for events in calls for event in events if event.name == name)


def test_complete_evidence_is_no_impairment() -> None:
    """Without impairments everything arrives once, in order of time, from one emitter."""
    for events in told():
        assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)
        assert {AGENT} == {event.emitter for event in events}
        assert len({event.event_id for event in events}) == len(events)


@pytest.mark.parametrize(("level", "share"), [("1%", 0.01), ("5%", 0.05), ("20%", 0.2)])
def test_each_event_may_get_lost(level: str, share: float) -> None:
    """About that share is missing; what arrives is as it was."""
    whole, left = told(), told(LEVELS["loss"][level])

    assert sum(map(len, left)) / sum(map(len, whole)) == pytest.approx(1 - share, abs=0.012)
    for before, after in zip(whole, left, strict=True):
        assert [event for event in before if event in after] == after


def test_events_come_late_and_out_of_order() -> None:
    """The same events, in another order, none more than 8 s behind."""
    for before, after in zip(told(), told(LEVELS["late"]["100%"]), strict=True):
        assert before != after
        assert sorted(map(repr, before)) == sorted(map(repr, after))
        newest = 0
        for event in after:
            newest = max(newest, event.time_ns)
            assert newest - event.time_ns <= LATEST_MS * MS


def test_events_come_twice() -> None:
    """The same span again, or another span of the same event; each half of the time, never a third time."""
    again: Counter[bool] = Counter()
    for before, after in zip(told(), told(LEVELS["duplicate"]["100%"]), strict=True):
        assert {2} == set(Counter(event.event_id for event in after).values())
        assert {event.event_id for event in before} == {event.event_id for event in after}
        spans: dict[str, set[bytes]] = {}
        for event in after:
            spans.setdefault(event.event_id, set()).add(event.span_id)
        again.update(len(each) == 2 for each in spans.values())

    assert again[True] / again.total() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("skew_ms", [-500, 0, 500])
def test_telephony_tells_of_the_caller_by_its_own_clock(skew_ms: int) -> None:
    """A second emitter tells the same stretches, without words, as far ahead or behind as its clock is, and in the order they happened."""
    for events in told(Impairments(skew_ms=skew_ms)):
        agent, phone = ([event for event in events if event.emitter == emitter] for emitter in (AGENT, TELEPHONY))
        starts, again = ([event.time_ns for event in side if event.name == e.USER_SPEECH_STARTED] for side in (agent, phone))

        assert again == [ns + skew_ms * MS for ns in starts]
        assert {e.USER_SPEECH_STARTED, e.USER_SPEECH_STOPPED} == {event.name for event in phone}
        assert len({event.trace_id for event in events}) == 1
        assert not {event.attributes.get(a.VOICE_CALLER_STRETCH_ID) for event in phone} & {
            event.attributes.get(a.VOICE_CALLER_STRETCH_ID) for event in agent
        }


@pytest.mark.parametrize("level", LEVELS["slow_recogniser"])
def test_words_take_their_time(level: str) -> None:
    """Each final transcript comes that long after the stretch ended, whatever the script's recogniser took."""
    slow = LEVELS["slow_recogniser"][level]
    for script, events in zip(SCRIPTS, told(slow), strict=True):
        finals = [event.time_ns for event in events if event.attributes.get(a.VOICE_CALLER_TRANSCRIPT_STATUS) in {"final", "empty"}]
        transcripts = {event.time_ns for event in events if event.name == e.USER_TRANSCRIPT}
        expected = sorted(START + (said.end_ms + (slow.recogniser_ms or 0)) * MS for said in script.said)

        assert expected == sorted(ns for ns in finals if ns in transcripts)


@pytest.mark.parametrize(
    ("withheld", "gone"),
    [
        ("transcripts", {e.USER_TRANSCRIPT}),
        ("agent_stops", {e.AGENT_SPEECH_STOPPED}),
        ("decisions", {e.DECISION_MADE}),
        ("candidates", {e.CANDIDATE_DETECTED}),
        ("call_end", {e.CALL_ENDED}),
    ],
)
def test_what_a_runtime_never_tells(withheld: str, gone: set[str]) -> None:
    """That kind of event is missing, all others stay as many as they were."""
    before, after = names(told()), names(told(LEVELS["withheld"][withheld]))

    assert gone == {name for name in before if before[name] and not after[name]}
    assert {name: count for name, count in before.items() if name not in gone} == dict(after)


def test_without_transcripts_nothing_of_the_words_leaks() -> None:
    """No class, no word count: the recogniser was not fed, which the stretch says."""
    calls = told(LEVELS["withheld"]["transcripts"])

    assert {"unavailable"} == set(facts(calls, e.USER_SPEECH_STOPPED, a.VOICE_CALLER_TRANSCRIPT_STATUS))
    for events in calls:
        for event in events:
            assert a.VOICE_CALLER_INPUT_CLASS not in event.attributes
            assert a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT not in event.attributes


def test_a_runtime_that_cannot_hear_while_it_speaks() -> None:
    """Nothing of the caller is told while the agent plays, and the runtime says that it can observe nothing."""
    blind = told(LEVELS["withheld"]["caller_while_agent_speaks"])

    assert {()} == set(facts(blind, e.CALL_STARTED, a.VOICE_CALL_OBSERVABLE))
    assert {("speech", "dtmf", "command")} == set(facts(told(), e.CALL_STARTED, a.VOICE_CALL_OBSERVABLE))
    for script, events in zip(SCRIPTS, blind, strict=True):
        heard = [(START + start * MS, START + end * MS) for each in script.played for start, end in each.heard]
        onsets = [event.time_ns for event in events if event.name == e.USER_SPEECH_STARTED]
        assert not any(start <= onset < end for onset in onsets for start, end in heard)


@pytest.mark.parametrize("what", ["noise", "echo"])
def test_phantoms_are_told_and_truth_stays(what: str) -> None:
    """More stretches, while the agent speaks and away from real input; echo brings pieces of the agent's words, noise none."""
    impairments = Impairments(noise=8) if what == "noise" else Impairments(echo=8)
    added = Counter[bool]()
    for script in SCRIPTS:
        phantoms = as_heard(script, impairments).said[len(script.said) :]
        spoken = sum(end - start for each in script.played for start, end in each.heard)
        assert len(phantoms) <= 8 * spoken / 60_000 + len(script.played)
        for each in phantoms:
            added[bool(each.text)] += 1
            playing = next(one for one in script.played if one.start_ms <= each.onset_ms < one.end_ms)
            assert not each.meant
            assert each.text in playing.text
            assert all(each.end_ms < said.onset_ms or said.end_ms < each.onset_ms for said in script.said)
    starts, more = names(told())[e.USER_SPEECH_STARTED], names(told(impairments))[e.USER_SPEECH_STARTED]

    assert {what == "echo"} == set(added)
    assert added.total() == more - starts > 50


def test_impairments_go_together() -> None:
    """Both apply; what either withholds is withheld; the later has the last word; each has dice of its own."""
    both = LEVELS["loss"]["5%"] | LEVELS["withheld"]["call_end"] | Impairments(withheld=Withheld(decisions=True), skew_ms=0, loss=0.2)

    assert Impairments(loss=0.2, skew_ms=0, withheld=Withheld(call_end=True, decisions=True)) == both
    assert COMPLETE | LEVELS["late"]["30%"] == LEVELS["late"]["30%"]
    alone, along = (as_heard(SCRIPTS[0], each).said for each in (Impairments(noise=9), Impairments(noise=9, loss=0.5, late=0.5)))
    assert alone == along


def test_impairments_are_seeded() -> None:
    """The same seed loses the same events, another seed others."""
    one, other = Impairments(loss=0.2, late=0.3, duplicate=0.2), Impairments(loss=0.2, late=0.3, duplicate=0.2, seed=1)

    assert told(one) == told(replace(one))
    assert told(one) != told(other)
