"""Calls as no agent should send them: bounded, counted, named, and the right answer for everyone else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor.calls import ANEW_NS, Bounds, CallBook, S
from otel_voice_processor.episodes import record_of
from otel_voice_processor.model import Episode, VoiceEvent
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.rolling import Rolling
from otel_voice_processor.service import root_ids
from otel_voice_processor.settling import FOLD_AT, Settled
from otel_voice_processor.simulate import events_of, simulate
from otel_voice_processor.telemetry import Counters

from otel_voice.policy import load_default
from tests.processor.oracle import START, book_of, compared

NOW = START + 3_600 * S


def told(settled: Iterable[Settled]) -> tuple[list[Episode], list[Episode], list[Settled]]:
    """Return the episodes, the aftermaths and the calls that settled."""
    items = list(settled)
    episodes = [episode for item in items for episode in item.episodes]
    return episodes, [episode for item in items for episode in item.aftermaths], [item for item in items if item.whole]


def key(episode: Episode) -> tuple[Any, ...]:
    return episode.start_ns, episode.verdict, episode.reason, episode.intent, episode.net_audio, episode.attempts


def live(book: CallBook, events: list[VoiceEvent]) -> tuple[list[Episode], list[Episode], list[Settled], int]:
    """Deliver events at the time they happened, with a tick every second; also return how many were held at most."""
    found: tuple[list[Episode], list[Episode], list[Settled]] = ([], [], [])
    now, most = events[0].time_ns // S * S, 0

    def tick() -> None:
        for kept, more in zip(found, told(book.tick(now)), strict=True):
            kept.extend(more)  # type: ignore[arg-type]

    for event in events:
        while now + S <= event.time_ns:
            now += S
            tick()
        assert book.add(event, event.time_ns) == "joined"
        most = max(most, max(len(call.events) for call in book._open.values()))
    for _ in range(330):
        now += S
        tick()
    return *found, most


def long_call(scripts: int) -> list[VoiceEvent]:
    """One call that goes on: the talk of many, one after another, under one id; only its own start and end."""
    out: list[VoiceEvent] = []
    at = START
    for number, script in enumerate(simulate(77, scripts)):
        events = events_of(script, start_ns=at, keep_text=True, call_id="long")
        last = number == scripts - 1
        for event in events:
            edge = event.name.rpartition(".")[2]
            if (edge == "call_started" and number) or (edge == "call_ended" and not last):
                continue
            named = {k: f"{number}:{v}" if k.endswith((".response.id", ".stretch.id", "interruption.id", "event.id")) else v
                     for k, v in event.attributes.items()}  # fmt: skip
            out.append(replace(event, attributes=named, span_id=len(out).to_bytes(8, "big")))
        at = max(event.time_ns for event in events) + 4 * S
    return sorted(out, key=lambda event: event.time_ns)


def test_a_call_that_goes_on_is_judged_as_if_all_of_it_were_held() -> None:
    """Hours of talk, delivered as they happen: every episode once and as it is in the whole, in bounded memory."""
    events = long_call(60)
    book = book_of()
    whole = record_of("long", events, book._ruled_by[0], policy_version="p", root=root_ids("long"))
    episodes, aftermaths, calls, most = live(book, events)

    assert len(events) > 8 * FOLD_AT
    assert most < 3 * FOLD_AT
    assert sorted(map(key, episodes)) == sorted(map(key, whole.episodes))
    assert Counter((ep.start_ns, ep.silence_ms, ep.repeated, ep.answered) for ep in aftermaths) == Counter(
        (ep.start_ns, ep.silence_ms, ep.repeated, ep.answered) for ep in whole.episodes
    )
    (record,) = (item.record for item in calls)
    assert [ep.span_id for ep in record.episodes] == [ep.span_id for ep in sorted(episodes, key=lambda ep: (ep.start_ns, ep.span_id))]
    assert (len(record.turn_overlaps), len(record.silence_timeouts)) == (len(whole.turn_overlaps), len(whole.silence_timeouts))
    assert (record.unknown_ends, record.escalation_asked, record.interrupted) == (
        whole.unknown_ends,
        whole.escalation_asked,
        whole.interrupted,
    )
    assert (record.start_ns, record.end_ns) == (whole.start_ns, whole.end_ns)


def test_a_call_of_a_million_events_costs_nobody_else_anything(timeline: Any) -> None:
    """Past the bound its events are refused and counted; the others are judged as ever."""
    policy = load_default()
    book = CallBook(Pipeline(policy, Counters()).rule, policy.version, root_ids, Bounds(max_events=500))
    flood = timeline("flood").started().speaks("r1", 1.0, 2.0).events
    outcomes: Counter[str] = Counter()
    for number in range(1_000_000):
        outcomes[book.add(replace(flood[number % 3], time_ns=START + number, span_id=number.to_bytes(8, "big")), NOW)] += 1
    assert {"joined": 500, "too_many_events": 999_500} == outcomes
    scripts = list(simulate(3, 5))
    for script in scripts:
        for event in events_of(script, start_ns=START, keep_text=True):
            assert book.add(event, NOW) == "joined"
    _, _, calls = told(book.tick(NOW + 400 * S))
    records = {item.record.call_id: item.record for item in calls}

    assert {"flood", *(script.call_id for script in scripts)} == set(records)
    assert [] == [each for script in scripts for each in compared(script, records[script.call_id]).differences]


@pytest.mark.parametrize("time_ns", [1, 946_684_799 * S, NOW + 24 * 3600 * S + 1, 2**63 - 1])
def test_a_time_that_cannot_be_is_not_joined(timeline: Any, time_ns: int) -> None:
    """Before 2000, or more than a day ahead: counted as such, whatever else the call has."""
    book = book_of()
    (event,) = timeline("c").started().events

    assert book.add(replace(event, time_ns=time_ns, start_ns=time_ns), NOW) == "implausible_time"
    assert len(book) == 0


@pytest.mark.parametrize("facts", [{}, {"voice.caller.speech.duration_ms": 604_800_000}])
def test_one_wrong_start_costs_nothing_else(timeline: Any, facts: dict[str, Any]) -> None:
    """One stop that claims to have begun in 1970, or to have lasted a week, is a stop without a length; twenty other turns stay."""
    call = timeline().started()
    for number in range(20):
        at = 20.0 * number
        call.speaks(f"r{number}", at + 1.0, at + 9.0).says("no, on Friday", at + 3.0, at + 4.0)
    clean = [key(ep) for ep in call.ends(500.0).record().episodes]
    spoilt = replace(call.events[0], name="voice.interruption.user.speech_stopped", time_ns=call.events[0].time_ns + 300 * S + 15 * S,
                     start_ns=0 if not facts else call.events[0].time_ns + 315 * S, attributes={**facts}, span_id=b"spoilt!!")  # fmt: skip
    record = call.record(events=[*call.events, spoilt])

    assert clean == [key(ep) for ep in record.episodes]
    assert record.premature_endpointings == ()


def test_a_response_of_a_week_is_none(timeline: Any) -> None:
    """A stop of an unknown response that claims to have played for days overlaps nothing that came before."""
    call = timeline().started().speaks("r1", 1.0, 9.0).says("no, on Friday", 3.0, 4.0)
    call.stops("x", 30.0, position=604_800_000).ends(60.0)

    assert ["missed_interruption"] == [ep.verdict for ep in call.record().episodes]


@pytest.mark.parametrize("lull", [5, 14, 16, 20, 40, 100, 299])
def test_a_lull_delays_nothing(timeline: Any, lull: int) -> None:
    """However long a call was quiet before its end, it settles 15 s after it."""
    events = timeline().started().speaks("r1", 1.0).says("no I meant Friday", 2.5, 3.6).cut("r1", 2.9).speaks("r2", 4.0, 6.0)
    events = sorted(events.ends(6.0 + lull).events, key=lambda event: event.time_ns)
    book, now, left = book_of(), events[0].time_ns // S * S, list(events)
    settled_ns = 0
    while not settled_ns:
        now += S
        while left and left[0].time_ns <= now:
            book.add(left.pop(0), now)
        if any(item.whole for item in book.tick(now)):
            settled_ns = now
        assert now < events[-1].time_ns + 400 * S

    assert 15 * S <= settled_ns - events[-1].time_ns <= 17 * S


def test_a_lost_end_does_not_hold_on_to_the_past(timeline: Any) -> None:
    """One speech that was never stopped, one response whose end is not known: the call is let go of all the same, and loses nothing."""
    call = timeline("long").started().speaks("open", 0.5).says("uh-huh", 1.0, 1.3).event("user.speech_started", 2.0)
    for number in range(300):
        at = 200.0 + 20.0 * number
        call.speaks(f"r{number}", at + 1.0, at + 9.0).says("no, on Friday", at + 3.0, at + 4.0)
    events = sorted(call.ends(6_300.0).events, key=lambda event: event.time_ns)
    episodes, _, _, most = live(book_of(), events)

    assert 300 == sum(ep.verdict == "missed_interruption" for ep in episodes)
    assert most < 3 * FOLD_AT


def test_what_is_told_of_the_whole_call_survives_folding(timeline: Any) -> None:
    """An end with events after it, a workflow only on the first events: the record of a call that was folded says the same."""
    call = timeline("long").event("call_started", 0.0, runtime__name="test", workflow="billing").ends(3.0, outcome="completed")
    for number in range(90):
        at = 10.0 + 20.0 * number
        call.speaks(f"r{number}", at + 1.0, at + 9.0, workflow="other").says("uh-huh", at + 3.0, at + 3.4)
    events = sorted(call.events, key=lambda event: event.time_ns)
    for number, event in enumerate(events):
        if number > 4:
            event.attributes.update({"voice.workflow": "other"})  # type: ignore[attr-defined]
    whole = call.record()
    _, _, calls, _ = live(book_of(), events)
    (record,) = (item.record for item in calls)

    facts = [(each.workflow, each.ended_by, each.task_outcome, each.escalated, each.runtime) for each in (whole, record)]
    assert facts[0] == facts[1] == ("billing", "caller", "completed", False, "test")


@pytest.mark.parametrize("value", [2**64, "\ud800", [1], {"a": 1}])
def test_values_that_nothing_can_carry_are_told(timeline: Any, value: Any) -> None:
    """An embedding caller's mistake is an outcome, not an exception."""
    (event,) = timeline("c").event("call_started", 0.0, agent__response__duration_ms=value).events

    assert book_of().add(event, NOW) in {"unreadable", "joined"}


def test_rates_of_the_last_hours_are_bounded_without_an_exporter() -> None:
    """Nobody ever asks for the values: minutes that are over are let go of all the same."""
    rolling = Rolling()
    for minute in range(3_000):
        rolling.add(START + minute * 60 * S, "billing", "missed_interruption", hit=False)

    assert [60, 1_440] == [len(window.kept) for window in rolling._windows.values()]


def test_a_call_id_used_again_is_another_call(timeline: Any) -> None:
    """A minute after the end a new start opens a new call; what came late for the old one is still late."""
    book = book_of()
    first = timeline("again").started().speaks("r1", 1.0).says("no I meant Friday", 2.5, 3.6).cut("r1", 2.9).ends(8.0).events
    for event in first:
        book.add(event, NOW)
    list(book.tick(NOW + 20 * S))
    later = [replace(event, time_ns=event.time_ns + 8 * S + ANEW_NS + S, start_ns=event.start_ns + 8 * S + ANEW_NS + S) for event in first]

    assert [book.add(event, NOW + 30 * S) for event in first[:2]] == ["late", "late"]
    assert {"joined"} == {book.add(event, NOW + 90 * S) for event in later}
    assert book.add(replace(first[1], span_id=b"again!!!"), NOW + 90 * S) == "late"
    episodes, _, calls = told(book.tick(NOW + 120 * S))
    assert (1, 1) == (len(episodes), len(calls))


def test_what_is_remembered_of_settled_calls_is_bounded(timeline: Any) -> None:
    """By number and by age; after that an id is as good as new."""
    policy = load_default()
    book = CallBook(Pipeline(policy, Counters()).rule, policy.version, root_ids, Bounds(max_closed=10, forget_after_ns=60 * S))
    ends = [timeline(f"c{number}").ends(1.0).events[0] for number in range(20)]
    for event in ends:
        book.add(event, NOW)
    list(book.tick(NOW + 20 * S))

    assert "joined" == book.add(ends[0], NOW + 21 * S)  # pushed out by those after it
    assert "late" == book.add(ends[19], NOW + 21 * S)
    assert "joined" == book.add(ends[19], NOW + 90 * S)


def test_responses_without_a_start_or_an_end(timeline: Any) -> None:
    """A stop alone tells its own length; a start alone is counted as an unknown end, and what meets it is undetermined."""
    call = timeline().started().says("no, on Friday", 3.0, 4.0)
    call.event("agent.speech_stopped", 9.0, 1.0, agent__response__id="r1", agent__playback__end_reason="completed")
    assert [ep.verdict for ep in call.ends(12.0).record().episodes] == ["missed_interruption"]

    call.events.clear()
    record = call.started().speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).ends(12.0).record()
    assert (["undetermined"], 1) == ([ep.verdict for ep in record.episodes], record.unknown_ends)


def test_calls_that_share_ids_share_nothing_else(timeline: Any) -> None:
    """Response, stretch and event ids are of their call: the same ones in two calls mix nothing."""
    book = book_of()
    for name, text in (("a", "no, on Friday"), ("b", "uh-huh")):
        call = timeline(name).started(event__id="e").speaks("r1", 1.0, event__id="e").says(text, 3.0, 3.4, stretch="s").cut("r1", 3.3)
        for event in call.ends(9.0).events:
            book.add(event, NOW)
    episodes, _, _ = told(book.tick(NOW + 20 * S))

    assert {("a", "correct"), ("b", "false_interruption")} == {(ep.call_id, ep.verdict) for ep in episodes}
    assert 2 == len({ep.span_id for ep in episodes})


def test_a_clock_that_jumps_back_settles_nothing_twice(timeline: Any) -> None:
    """The processor's clock an hour back, and forward again: each episode once."""
    book = book_of()
    for event in timeline("c").started().speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).cut("r1", 3.4).ends(9.0).events:
        book.add(event, NOW)
    ticks = [NOW + 20 * S, NOW - 3_600 * S, NOW + 21 * S, NOW + 7_200 * S]
    episodes = [ep for at in ticks for ep in told(book.tick(at))[0]]

    assert 1 == len(episodes)


def test_a_clock_set_back_keeps_no_call_waiting(timeline: Any) -> None:
    """A call that came before the clock was set back an hour settles 15 s later by the new one, though nothing of it comes any more."""
    book = book_of()
    for event in timeline("c").started().speaks("r1", 1.0).says("no, on Friday", 3.0, 4.0).cut("r1", 3.4).ends(9.0).events:
        book.add(event, NOW)
    assert [] == list(book.tick(NOW + S))
    back = NOW - 3_600 * S
    assert [] == list(book.tick(back))

    assert [True] == [item.whole for item in book.tick(back + 16 * S)]
