"""What nobody meant for a turn: words of a listener, noise, the agent's own voice come back; and agents that stop or pause for it."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_processor.simulate.conversation import Conversation
from otel_voice_processor.simulate.reactions import answers, keeps, pauses, stops
from otel_voice_processor.simulate.script import Played, Said, Source
from otel_voice_processor.simulate.words import BACKCHANNELS

APART_MS = 1_300  # between two asides over one answer
LAST_MS = 1_100  # before the answer's end, past ordinary talk at a turn's end
KEPT, PAUSED = 0.62, 0.18  # assumed shares of agents that play on, and that pause
GOES_ON = 0.4  # assumed share of agents that go on with what they cut for nothing


def backchannels(talk: Conversation) -> None:
    """Let the caller listen aloud, up to three times over one answer; the agent may cut or pause at the last."""
    _over_an_answer(talk, talk.draws.weighted({1: 60, 2: 28, 3: 12}), "caller")


def noise(talk: Conversation) -> None:
    """Let something make a noise over an answer."""
    _over_an_answer(talk, 1, "noise")


def echo(talk: Conversation) -> None:
    """Let the agent's own voice come back, too faint for words."""
    _over_an_answer(talk, talk.draws.weighted({1: 70, 2: 30}), "echo")


def echo_with_words(talk: Conversation) -> None:
    """Let the agent's own voice come back so loud that the recogniser hears pieces of it."""
    _over_an_answer(talk, 1, "echo", words=3)


def backchannel_over_a_disclosure(talk: Conversation) -> None:
    """Let the caller listen aloud to a message that has to be played; it is played."""
    told = talk.plays("disclosure", talk.draws.ms("answer"), interruptible=False)
    said = sounds(talk, told.start_ms + talk.draws.ms("before the caller comes in"), "caller")
    keeps(talk, said.onset_ms, "backchannel", after_ms=said.end_ms + 20 - said.onset_ms)


def _over_an_answer(talk: Conversation, times: int, source: Source, *, words: int = 0) -> None:
    answer = talk.plays("support_answer", talk.draws.ms("answer"))
    onset = answer.start_ms + talk.draws.even(900, 1_500 if times > 1 else 3_200)
    made: list[Said] = []
    for _ in range(times):
        if onset > answer.end_ms - LAST_MS:
            break
        said = sounds(talk, onset, source, " ".join(answer.text.split()[5 : 5 + words]))
        made.append(said)
        onset = said.end_ms + talk.draws.even(APART_MS, 2_600)
    for said in made[:-1]:
        keeps(talk, said.onset_ms, _why(said), after_ms=said.end_ms + 20 - said.onset_ms)
    _reacts(talk, answer, made[-1])


def sounds(talk: Conversation, onset: int, source: Source, heard: str = "") -> Said:
    """Let something sound that nobody meant for a turn: a listener's word, noise, or echo, of which the recogniser heard `heard`."""
    draws = talk.draws
    text = draws.weighted(BACKCHANNELS) if source == "caller" else heard
    length = draws.ms({"caller": "backchannel", "noise": "noise", "echo": "echo"}[source]) + 200 * max(0, len(heard.split()) - 1)
    confidence = 0.0 if not text else 0.9 if source == "caller" else 0.5
    final = draws.ms("final comes")
    return talk.adds(
        Said(onset_ms=onset, end_ms=onset + length, text=text, meant=False, final_ms=final, confidence=confidence, source=source)
    )  # fmt: skip


def _why(said: Said) -> str:
    return "backchannel" if said.text else "no_speech"


def _reacts(talk: Conversation, answer: Played, said: Said) -> None:
    fate = talk.draws.share()
    at = said.onset_ms + talk.draws.even(240, 520)
    if fate >= KEPT and said.source == "echo":  # which falls silent with the voice it comes from
        talk.said[-1] = said = replace(said, end_ms=min(said.end_ms, at))
    if fate < KEPT:
        if talk.draws.happens(0.7):  # else no detector saw it
            keeps(talk, said.onset_ms, _why(said), after_ms=said.end_ms + 20 - said.onset_ms)
    elif fate < KEPT + PAUSED:
        pauses(talk, answer, said.onset_ms, at, talk.draws.ms("pause"), rewinds=talk.draws.happens(0.25))
    else:
        _cut(talk, answer, said, at)


def hesitates(talk: Conversation) -> None:
    """Let the agent falter for a listener's words, so shortly that nobody takes it for a pause, or pause at each of two."""
    answer = talk.plays("support_answer", talk.draws.ms("long answer"))
    length = talk.draws.even(90, 160) if talk.draws.happens(0.5) else 0
    onset = answer.start_ms + talk.draws.even(900, 2_000)
    for _ in range(2):
        said = sounds(talk, onset, "caller")
        at = onset + talk.draws.even(240, 520)
        answer = pauses(talk, answer, onset, at, length or talk.draws.ms("pause"), rewinds=False)
        onset = max(said.end_ms, answer.gaps[-1].end_ms) + talk.draws.even(APART_MS, 2_400)


def while_the_line_goes(talk: Conversation) -> None:
    """Let the line go some time after the caller listened aloud; nobody tells how the answer ended."""
    answer = talk.plays("support_answer", talk.draws.ms("answer"))
    said = sounds(talk, answer.start_ms + talk.draws.even(900, 2_000), "caller")
    keeps(talk, said.onset_ms, _why(said), after_ms=said.end_ms + 20 - said.onset_ms)
    talk.drops(said.end_ms + talk.draws.even(2_000, 3_500))


def _cut(talk: Conversation, answer: Played, said: Said, at: int) -> None:
    """Let the agent stop for nothing: it takes the sound for a turn and answers that, or goes on with what it cut."""
    confidence = 0.87 if said.text else 0.55
    chose = stops(talk, answer, said.onset_ms, at, "voice_activity", confidence=confidence)
    if not talk.draws.happens(GOES_ON):
        talk.now_ms += talk.draws.ms("agent takes it for a turn")
        answers(talk, chose, task_state="lost")
        return
    back = talk.played[-1]
    position = back.position_ms(back.end_ms) if talk.draws.happens(0.5) else 0
    start = talk.now_ms + talk.draws.ms("pause")
    talk.goes_on(answer.response_id, position, at_ms=start)
    talk.recovers(chose, false_positive_ms=start - 40, resume_behavior="resumed" if position else "restarted")
    talk.recovers(talk.chose[-1], recovered_ms=start, recovered_position_ms=position)
