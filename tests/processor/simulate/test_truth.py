"""What follows from hand-made scripts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, Script, TrueInterruption
from otel_voice_processor.simulate.script import Command, Gap, Key, Played, Said

NO = "missed_interruption"


def played(start_ms: int = 0, end_ms: int = 6_000, **changes: Any) -> Played:
    facts: dict[str, Any] = {"response_id": f"r{start_ms}", "message_type": "other", "planned_ms": end_ms - start_ms}
    return Played(start_ms=start_ms, end_ms=end_ms, **{**facts, **changes})


def script(*responses: Played, said: tuple[Said, ...] = (), **facts: Any) -> Script:
    given = {"call_id": "c", "name": "n", "workflow": "w", "message_type": "other", "expected": "", "end_ms": 20_000, **facts}
    return Script(played=responses, said=said, **given)


def says(onset_ms: int = 1_000, end_ms: int = 1_400, **changes: Any) -> Said:
    return Said(onset_ms=onset_ms, end_ms=end_ms, **{"text": "no", **changes})


def hums(onset_ms: int = 1_000, end_ms: int = 1_400) -> Said:
    return says(onset_ms, end_ms, text="uh-huh", meant=False)


def only(call: Script) -> TrueInterruption:
    (one,) = call.truth.interruptions
    return one


def gap(start_ms: int, end_ms: int, position_ms: int | None = None) -> Gap:
    return Gap(start_ms=start_ms, end_ms=end_ms, position_ms=start_ms if position_ms is None else position_ms)


def test_there_are_eight_cases_and_a_failing_variant_of_each() -> None:
    """The eight test cases come in pairs of one name: as it should go, and as it fails."""
    assert len(EIGHT) == 8
    assert [case.name for case in EIGHT] == [case.name for case in EIGHT_FAILING]
    assert len({case.call_id for case in EIGHT + EIGHT_FAILING}) == 16


def test_the_truth_of_the_eight_cases() -> None:
    """Truth follows from caller and player: a played-on disclosure is a miss for the caller, an early answer is no interruption."""
    right = [case.truth.happened for case in EIGHT]
    wrong = [case.truth.happened for case in EIGHT_FAILING]

    assert right == ["correct", "correct", "correct", "correct", "missed_interruption", "none", "none", "correct"]
    assert wrong == [
        "missed_interruption", "false_interruption", "false_interruption", "missed_interruption", "correct", "premature_endpointing",
        "none", "missed_interruption",
    ]  # fmt: skip
    assert (EIGHT[6].truth.timeouts, EIGHT_FAILING[6].truth.timeouts) == (1, 0)
    assert [case.truth.asked_for_person for case in EIGHT] == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("response", "meant", "happened", "net_audio"),
    [
        (played(end_ms=2_400, cut=True), True, "correct", "stopped"),
        (played(end_ms=2_600, cut=True), True, "missed_interruption", "stopped"),
        (played(end_ms=2_400), True, "correct", "kept"),
        (played(), True, "missed_interruption", "kept"),
        (played(), False, "correct", "kept"),
        (played(end_ms=2_400, cut=True), False, "false_interruption", "stopped"),
        (played(gaps=(gap(1_300, 2_000),)), False, "false_interruption", "paused_resumed"),
        (played(gaps=(gap(1_300, 2_000),)), True, "missed_interruption", "paused_resumed"),
        (played(gaps=(gap(1_300, 1_499),)), False, "correct", "kept"),
        (played(end_ms=2_400, cut=True, gaps=(gap(1_300, 1_900),)), True, "correct", "stopped"),
    ],
)
def test_truth_by_what_the_player_did(response: Played, meant: bool, happened: str, net_audio: str) -> None:
    """A caller who meant it is let down after 1.5 s; one who did not is let down by any stop, and by a pause of 200 ms or more."""
    one = only(script(response, said=(says(meant=meant),)))

    assert (happened, net_audio) == (one.verdict, one.net_audio)


def test_talk_at_a_turns_end_is_no_interruption() -> None:
    """Input in the last 700 ms of a response that ended by itself is a turn overlap; where the agent was stopped it is an interruption."""
    itself = script(played(end_ms=1_500), said=(says(),)).truth
    cut = script(played(end_ms=1_500, cut=True), said=(says(),)).truth
    after = script(played(end_ms=900), said=(says(),)).truth

    assert (("r0",), ()) == (itself.turn_overlaps, itself.interruptions)
    assert ((), "correct") == (cut.turn_overlaps, cut.happened)
    assert ((), "none") == (after.turn_overlaps, after.happened)


def test_truth_counts_from_the_first_word() -> None:
    """The time until the agent is silent counts from the first word, not from the breath before it."""
    one = only(script(played(end_ms=2_700, cut=True), said=(says(end_ms=2_000, first_word_ms=300),)))

    assert (1_400, "correct") == (one.reaction_ms, one.verdict)
    assert only(script(played(end_ms=2_700, cut=True), said=(hums(),))).reaction_ms is None


def test_further_tries_belong_to_the_same_interruption() -> None:
    """Who speaks against the same response again tries again: one interruption, measured from the first try's first word."""
    again = says(3_000, 3_500, repeats_ms=1_000)
    one = only(script(played(end_ms=3_400, cut=True), said=(says(), again)))

    assert (2, 2_400, NO, True) == (one.attempts, one.reaction_ms, one.verdict, one.repeated)


def test_stretches_close_together_are_one() -> None:
    """What goes on within 700 ms is one stretch: a hum before the words is part of them, and no try of its own."""
    one = only(script(played(end_ms=3_000, cut=True), said=(hums(1_000, 1_300), says(1_900, 2_400))))
    two = script(played(end_ms=3_200, cut=True), said=(hums(1_000, 1_300), says(2_100, 2_600))).truth

    assert (True, 1, 1_100) == (one.meant, one.attempts, one.reaction_ms)
    assert [(False, "kept"), (True, "stopped")] == [(each.meant, each.net_audio) for each in two.interruptions]


def test_a_listeners_words_stay_apart() -> None:
    """Several backchannels over one answer are several interruptions, and only the last before a pause was paused for."""
    truth = script(played(gaps=(gap(3_300, 4_000),)), said=(hums(), hums(3_000, 3_400), hums(4_800, 5_100))).truth

    assert ["kept", "paused_resumed", "kept"] == [each.net_audio for each in truth.interruptions]
    assert "correct, false_interruption, correct" == truth.happened
    assert "none" == truth.interrupted, "a pause that resumed is no false stop"


def test_words_into_a_pause_are_gone_on_over() -> None:
    """Who uses a pause that was made for something else hears the agent resume over them: a miss, unless it stops again in time."""
    paused = played(gaps=(gap(1_200, 3_200),))
    sounds = (hums(), says(2_600, 4_000))
    hum, words = script(paused, said=sounds).truth.interruptions
    stopped = script(replace(paused, end_ms=3_900, cut=True), said=sounds).truth.interruptions[1]

    assert ("false_interruption", "paused_resumed", "clean") == (hum.verdict, hum.net_audio, hum.resume)
    assert (NO, "paused_resumed", 1_200) == (words.verdict, words.net_audio, words.first_silent_ms)
    assert ("correct", "stopped", 1_300) == (stopped.verdict, stopped.net_audio, stopped.reaction_ms)


def test_keys_within_the_inter_digit_time_are_one_entry() -> None:
    """A number typed over a prompt is one try; a key after a while is another."""
    keys = tuple(Key(at_ms=at, digit="1") for at in (1_000, 1_400, 2_900, 5_000))
    one = only(script(played(), keys=keys))

    assert ("dtmf", 2, NO) == (one.input_type, one.attempts, one.verdict)


def test_a_command_is_meant() -> None:
    """A button is pressed on purpose, and may ask for a person."""
    truth = script(played(end_ms=1_300, cut=True), commands=(Command(at_ms=1_000, intent="agent", wants_person=True),)).truth

    assert ("command", "correct", True) == (truth.interruptions[0].input_type, truth.happened, truth.asked_for_person)


def test_the_agent_that_speaks_into_a_pause_barges_in() -> None:
    """Who goes on within 2 s of the own last stop and 1.5 s of the response's start was interrupted by the agent."""
    first, second = says(0, 1_000), says(2_500, 3_500, continues=True)
    early = script(played(1_700, 6_000), said=(first, second)).truth
    later = script(played(1_700, 6_000), said=(first, replace(second, onset_ms=3_100))).truth

    assert (("r1700",), "premature_endpointing") == (early.premature_endpointings, early.happened)
    assert ((), "missed_interruption") == (later.premature_endpointings, later.happened)


def test_noise_across_a_responses_start_is_nothing() -> None:
    """Nor is a hum that the agent began to speak over; meaningful speech is, past what two clocks may be apart."""
    begins = played(1_300, 6_000)

    assert "none" == script(begins, said=(hums(),)).truth.happened
    assert ("none", ("r1300",)) == (
        script(begins, said=(says(),)).truth.happened,
        script(begins, said=(says(),)).truth.turn_overlaps,
    )
    assert "missed_interruption" == script(begins, said=(says(end_ms=2_000),)).truth.happened


def test_dead_air_begins_when_both_are_silent() -> None:
    """It lasts from when both are silent, keys included, to the agent's next words; without any, nobody answered."""
    cut, answer = played(end_ms=1_300, cut=True), played(3_000, 5_000)

    assert (1_600, True) == (only(script(cut, answer, said=(says(),))).silence_ms, only(script(cut, answer, said=(says(),))).answered)
    assert 1_700 == only(script(cut, answer, said=(says(end_ms=1_200),))).silence_ms
    assert 1_000 == only(script(cut, answer, keys=(Key(at_ms=1_100, digit="1"), Key(at_ms=2_000, digit="2")))).silence_ms
    assert (None, False) == (only(script(cut, said=(says(),))).silence_ms, only(script(cut, said=(says(),))).answered)
    assert only(script(cut, said=(says(),), ended_by="transfer")).answered is True
    assert only(script(played(), said=(says(),))).silence_ms is None


@pytest.mark.parametrize(
    ("call", "resume"),
    [
        (script(played(gaps=(gap(1_300, 2_000, 900),)), said=(hums(),)), "clean"),
        (script(played(gaps=(gap(1_300, 2_000, 700),)), said=(hums(),)), "restarted"),
        (script(played(gaps=(gap(1_300, 2_000, 900),)), said=(says(),)), None),
        (script(played(), said=(hums(),)), None),
        (script(played(end_ms=1_300, cut=True), said=(hums(),)), "lost"),
        (script(played(end_ms=1_300, cut=True), played(3_000, 8_000, goes_on="r0", from_ms=1_300), said=(hums(),)), "clean"),
        (script(played(end_ms=1_300, cut=True), played(3_000, 8_000, goes_on="r0"), said=(hums(),)), "restarted"),
        (script(played(end_ms=1_300, cut=True), said=(says(),)), None),
    ],
)
def test_how_a_response_went_on(call: Script, resume: str | None) -> None:
    """Clean within 500 ms of where it stopped, else from before, or never; what was stopped for a reason has nothing to go on with."""
    assert resume == only(call).resume


def test_a_repeat_is_said_within_two_goes() -> None:
    """What the caller says again in the third go after is no repeat of that interruption."""
    cut, later = played(end_ms=1_300, cut=True), (says(4_000, 4_400), says(7_000, 7_400, repeats_ms=1_000), says(9_000, 9_400))
    soon = only(script(cut, said=(says(), *later)))
    late = only(script(cut, said=(says(), says(3_000, 3_300), *later)))

    assert (True, False) == (soon.repeated, late.repeated)


def test_how_the_call_went() -> None:
    """A miss or a false stop makes a call mishandled; only what was meant and heeded makes it handled."""
    heeded, missed = played(end_ms=1_300, cut=True), played()

    assert "handled" == script(heeded, said=(says(),)).truth.interrupted
    assert "mishandled" == script(missed, said=(says(),)).truth.interrupted
    assert "mishandled" == script(heeded, said=(hums(),)).truth.interrupted
    assert "none" == script(missed, said=(hums(),)).truth.interrupted


def test_a_line_that_goes_cuts_nobody_short() -> None:
    """Where the line went while the agent spoke, what the caller had said before was played on over."""
    one = only(script(played(end_ms=4_000, dropped=True), said=(says(),), end_ms=4_000, ended_by="dropped"))

    assert ("kept", NO) == (one.net_audio, one.verdict)


def test_positions_stand_still_in_a_gap() -> None:
    """Playback does not move while paused, and goes on from where it resumed."""
    response = played(gaps=(gap(1_000, 2_000, 800), gap(3_000, 4_000, 1_800)))

    assert [500, 1_000, 1_000, 800, 1_300, 1_800, 1_800, 2_300] == [
        response.position_ms(ms) for ms in (500, 1_000, 1_500, 2_000, 2_500, 3_500, 4_000, 4_500)
    ]
    assert ((0, 1_000), (2_000, 3_000), (4_000, 6_000)) == response.heard
