from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from otel_voice_processor.cli.answers import answer
from otel_voice_processor.cli.show import render_call, render_scorecard
from otel_voice_processor.model import CallRecord, Episode, Response, Ruling, Stretch
from otel_voice_processor.rates import rates
from rich.console import Console

MS = 1_000_000
START = 1_780_000_000_000 * MS


def at(ms: int) -> int:
    return START + ms * MS


def printed(renderable: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=100, force_terminal=False, no_color=True).print(renderable)
    return out.getvalue()


def response(**changes: Any) -> Response:
    base = Response(
        response_id="response_0006",
        start_ns=at(0),
        end_ns=at(1_840),
        end_reason="interrupted",
        pauses=((at(1_840), None),),
        message_type="billing_summary",
        workflow="billing",
        interruptible=True,
        question_pending=False,
        planned_ms=6_200,
        position_ms=1_840,
        emitter="agent",
    )
    return replace(base, **changes)


def stretch(**changes: Any) -> Stretch:
    base = Stretch(
        input_type="speech",
        onset_ns=at(1_530),
        end_ns=at(2_600),
        first_word_ns=None,
        text="no I meant Friday",
        transcript_status="final",
        input_class="correction",
        class_confidence=0.94,
        class_reason="starts with a negation",
        evidence_ns=at(2_900),
        word_hashes=(),
        is_backchannel=None,
        emitter="agent",
        attributes={"voice.caller.transcript.word_count": 4},
    )
    return replace(base, **changes)


def episode(**changes: Any) -> Episode:
    base = Episode(
        call_id="call_01JZ9W2M7K",
        span_id=b"\x01" * 8,
        trace_id=b"\x9f" * 16,
        start_ns=at(1_530),
        end_ns=at(2_600),
        response=response(),
        stretches=(stretch(),),
        intent="yes",
        net_audio="stopped",
        verdict="correct",
        reason="stopped_in_time",
        compliance="followed",
        protected=False,
        attempts=1,
        findings=(),
        missing=(),
        ruling=Ruling(
            action="stop_agent_audio_and_accept_user_turn",
            effect="stop",
            input_class="correction",
            rule="support_answer.correction",
            reason="meaningful_turn",
            confidence=0.71,
            policy_version="default-2026-11-25",
            protected=False,
        ),
        decided_action="stop_agent_audio_and_accept_user_turn",
        reaction_ms=310,
        silence_ms=450,
        answered=True,
        repeated=False,
        resume=None,
        recovered_turn="turn_0008",
        task_state="preserved",
        workflow="billing",
        message_type="billing_summary",
        input_type="speech",
        input_class="correction",
        class_confidence=0.94,
    )
    return replace(base, **changes)


def backchannel(**changes: Any) -> Episode:
    said = stretch(text="yeah", input_class="backchannel", class_confidence=0.9, end_ns=at(1_900))
    base: dict[str, Any] = {
        "stretches": (said,),
        "intent": "no",
        "verdict": "false_interruption",
        "reason": "stopped_for_backchannel",
        "input_class": "backchannel",
        "class_confidence": 0.9,
        "findings": ("backchannel_confusion",),
    }
    return episode(**{**base, **changes})


def record(*episodes: Episode, **changes: Any) -> CallRecord:
    base = CallRecord(
        call_id="call_01JZ9W2M7K",
        trace_id=b"\x9f" * 16,
        root_span_id=b"\x02" * 8,
        start_ns=at(0),
        end_ns=at(9_000),
        started_seen=True,
        runtime="livekit",
        runtime_version="1.8.9",
        agent_name="front_desk",
        workflow="billing",
        policy_version="2026-05-20",
        observable=("speech", "dtmf"),
        task_outcome="completed",
        escalated=False,
        ended_by="caller",
        interrupted="handled" if episodes else "none",
        escalation_asked=False,
        episodes=episodes,
        responses=(
            response(),
            response(response_id="response_0007", start_ns=at(3_050), end_ns=at(6_000), end_reason="completed", pauses=()),
        ),
        stretches=tuple(s for ep in episodes for s in ep.stretches),
        turn_overlaps=(),
        premature_endpointings=(),
        silence_timeouts=(),
        unknown_ends=0,
        judge_version="1",
        processor_policy_version="default-2026-11-25",
    )
    return replace(base, **changes)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_answer_comes_first() -> None:
    """The first line says whether the caller meant it, what the agent did, and the verdict; then comes which call it is."""
    lines = printed(render_call(record(episode()))).splitlines()

    assert lines[0].startswith('The caller meant it: "no I meant Friday" corrects the agent (confidence 0.94).')
    assert "The agent was silent 0.31 s after the caller's onset. Correct." in flat(" ".join(lines[:2]))
    assert lines[3].rstrip() == "call_01JZ9W2M7K   billing   livekit 1.8.9"
    assert lines[4].rstrip() == "  agent runs policy 2026-05-20; judged against policy default-2026-11-25"


def test_a_known_first_word_is_where_the_time_counts_from() -> None:
    """The agent's reaction is measured from the first word where the recogniser tells it."""
    shown = flat(printed(render_call(record(episode(stretches=(stretch(first_word_ns=at(1_640)),))))))

    assert "silent 0.20 s after the first word." in shown
    assert "first word 1.64 s" in shown


def test_lanes_share_one_axis() -> None:
    """The agent's lane ends in the column where it fell silent, and the caller's begins in the column of the onset."""
    lines = printed(render_call(record(episode()))).splitlines()
    axis = next(line for line in lines if " s" in line and line.lstrip().startswith("0.0 s"))
    agent = next(line for line in lines if line.startswith("  agent ") and "█" in line)
    caller = next(line for line in lines if line.startswith("  caller"))
    onset = next(line for line in lines if "onset" in line and "▲" in line)

    assert axis.index("0.0 s") == agent.index("█")
    assert onset.index("▲") == caller.index("▓")
    assert caller.index("▓") < len(agent[: agent.index(" ", agent.index("█"))]) < caller.rindex("▓")
    assert agent.count("█") < len(agent)


def test_the_proof_names_rule_compliance_and_trace() -> None:
    """What the answer rests on is named: rule, confidence, compliance, recovery and trace id."""
    shown = flat(printed(render_call(record(episode()))))

    for word in ("support_answer.correction", "confidence 0.71", "compliance: followed", "recovered in turn_0008", "9f" * 16):
        assert word in shown


def test_a_false_interruption_says_so() -> None:
    """Where nobody meant to interrupt and the agent stopped, the answer says both and names the finding."""
    shown = flat(printed(render_call(record(backchannel()))))

    assert 'Nobody meant to interrupt, we fired on a backchannel: "yeah" (confidence 0.90). The agent fell silent anyway, 0.31 s' in shown
    assert "False interruption." in shown
    assert "findings backchannel_confusion" in shown


def test_redacted_text_is_described() -> None:
    """Text that was not kept is described by its word count, never invented."""
    shown = flat(printed(render_call(record(episode(stretches=(stretch(text=None),))))))

    assert "what was said (4 words, text redacted) corrects the agent" in shown


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: episode(verdict="missed_interruption", reason="slow_agent"), "Missed interruption: the agent knew but was slow."),
        (
            lambda: episode(
                verdict="missed_interruption",
                net_audio="kept",
                protected=True,
                response=response(end_ns=at(7_000), end_reason="completed", pauses=()),
            ),
            "played on for 5.47 s, to the end. Missed interruption. Policy protects",
        ),
        (
            lambda: episode(verdict="undetermined", intent="unknown", missing=("voice.caller.transcript.status",)),
            "Undetermined: voice.caller.transcript.status is missing.",
        ),
        (
            lambda: backchannel(
                net_audio="paused_resumed",
                resume="clean",
                response=response(end_ns=at(7_000), end_reason="completed", pauses=((at(1_900), at(3_000)),)),
            ),
            "The agent paused 0.37 s after the caller's onset for 1.10 s and went on.",
        ),
        (
            lambda: episode(
                verdict="missed_interruption",
                reason="resumed_over_caller",
                net_audio="paused_resumed",
                response=response(end_ns=at(7_000), end_reason="completed", pauses=((at(1_900), at(3_000)),)),
            ),
            "for 1.10 s and went on as if nothing had been said.",
        ),
        (
            lambda: episode(
                verdict="missed_interruption",
                reason="resumed_over_caller",
                net_audio="paused_resumed",
                response=response(end_ns=at(7_000), end_reason="completed", pauses=((at(1_900), at(2_400)),)),
            ),
            "for 0.50 s and went on over the caller.",
        ),
        (
            lambda: episode(
                verdict="missed_interruption",
                reason="resumed_over_caller",
                net_audio="paused_resumed",
                response=response(end_ns=at(7_000), end_reason="completed", pauses=((at(1_200), at(2_000)),)),
            ),
            "The agent was paused when the caller spoke, stayed silent for 0.47 s more and went on over the caller.",
        ),
        (lambda: episode(findings=("required_content_cut",)), "Correct. But the message was required and has been cut."),
        (lambda: episode(attempts=2, repeated=True), "The caller tried 2 times. The caller had to say it again."),
        (lambda: episode(silence_ms=None, answered=False), "It never spoke again."),
        (
            lambda: episode(stretches=(stretch(input_type="dtmf", text=None, end_ns=at(1_530)),), input_class="dtmf"),
            "The caller meant it: a key was pressed.",
        ),
    ],
)
def test_each_case_has_its_words(made: Callable[[], Episode], words: str) -> None:
    """Each kind of verdict is told in a sentence of its own."""
    assert words in flat(printed(render_call(record(made()))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"findings": ("required_content_cut",)}, "the caller meant all of them (a required message cut)."),
        ({"repeated": True}, "(all handled). Afterwards 1 had to be said again."),
        ({"resume": "lost"}, "Afterwards 1 resumed from another place than it stopped at."),
        ({"silence_ms": 4_180}, "Afterwards 1 left 4.18 s of silence."),
        ({"silence_ms": None, "answered": False}, "Afterwards 1 was never answered."),
    ],
)
def test_the_first_line_of_several_hides_no_harm(changes: dict[str, Any], words: str) -> None:
    """A message cut that had to be played, and what did not recover, keep a call of right verdicts from looking good."""
    told = answer(record(episode(), episode(**changes)))

    assert told.whole.endswith(words)
    assert "unsure" == told.tone
    assert "good" == answer(record(episode(), episode())).tone


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Nobody interrupted anybody in this call."),
        ({"silence_timeouts": ("reprompt",)}, "the agent asked again. Silence timeout, counted apart from interruptions."),
        (
            {"premature_endpointings": (response(start_ns=at(3_050)),)},
            "The agent barged in at 0:03.0: response_0006 began before the caller had finished. Premature endpointing.",
        ),
        ({"premature_endpointings": (response(start_ns=at(3_050)),)}, "▲ barged in at 0:03.0"),
        ({"ended_by": "expired"}, "not escalated, nobody told its end, 9.0 s"),
        ({"policy_version": "unversioned"}, "agent runs a policy without version; judged against policy default-2026-11-25"),
        ({"observable": ()}, "cannot be seen on this runtime"),
        ({"turn_overlaps": (("billing", "greeting"),)}, "overlapped at the end of a turn 1 time: ordinary talk."),
        ({"unknown_ends": 2}, "The end of 2 responses was not reported; whether the caller spoke over them is not known."),
    ],
)
def test_calls_without_interruptions_say_what_did_happen(changes: dict[str, Any], words: str) -> None:
    """A call without episodes says what happened instead, and draws the whole call."""
    shown = printed(render_call(record(**changes)))

    assert words in flat(shown)
    assert "agent  " in shown


def test_everything_fits_the_width() -> None:
    """No line is wider than 100 columns, however long the text; piped output carries no escape codes."""
    long = episode(stretches=(stretch(text="no " * 80),), findings=("a_finding",) * 20)
    shown = printed(render_call(record(long)))

    assert max(len(line) for line in shown.splitlines()) <= 100
    assert "\x1b" not in shown


def test_a_wide_window_leaves_room_for_words() -> None:
    """A label that is cut at 100 columns is whole at 200, and the axis says what its 0 is."""
    named = response(response_id="response_0006", message_type="appointment_confirmation_summary")
    one = record(episode(response=named, message_type="appointment_confirmation_summary"), responses=(named,))
    narrow, wide = (render_call(one, width=100, lanes=lanes).plain for lanes in (None, 200))

    assert "response_0006 appointment_con…" in narrow
    assert "response_0006 appointment_confirmation_summary" not in narrow
    assert "response_0006 appointment_confirmation_summary" in wide
    assert max(map(len, wide.splitlines())) <= 200
    assert "into this message" in narrow.splitlines()[next(n for n, line in enumerate(narrow.splitlines()) if "0.0 s" in line)]
    assert "into the call" in render_call(record()).plain


def test_a_class_that_the_agent_gave_is_said_to_be_given() -> None:
    """The word of a schema is no reason for a reader; one word is one word."""
    first = episode()
    assert first.ruling is not None
    given = episode(
        ruling=replace(first.ruling, reason="class_given"),
        stretches=(stretch(text=None, attributes={"voice.caller.transcript.word_count": 1, "voice.caller.transcript.length": 5}),),
    )
    shown = flat(printed(render_call(record(given))))

    assert "the agent's helper gave the class, confidence 0.71" in shown
    assert "text redacted: 1 word, 5 characters" in shown


def test_an_open_response_is_drawn_as_unsure() -> None:
    """A response whose end nobody reported is drawn differently from audio that is known to have played."""
    unknown = response(end_ns=None, end_reason=None, pauses=())
    shown = printed(render_call(record(episode(response=unknown, net_audio="unknown", verdict="undetermined"), responses=(unknown,))))

    assert "░" in shown
    assert "end unknown" in shown
    assert "Whether the agent was still speaking is not known: its end was never reported." in flat(shown)


def test_the_scorecard_shows_seven_rates_with_their_counts() -> None:
    """Each rate stands with its counts, its interval and what is undetermined; too small a count is said to be one."""
    made = [record(episode()), record(backchannel(), interrupted="mishandled")]
    shown = printed(render_scorecard(rates(made), calls=2))

    assert "Scorecard of 2 calls" in shown
    for rate in rates(made):
        assert rate.title in shown
    assert "1/2" in shown
    assert shown.count("too few") == 7
    assert max(len(line) for line in shown.splitlines()) <= 100
