"""What callers mean when they speak over the agent, and what agents make of it: stopped in time, late, never, or only paused."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_processor.simulate.asides import sounds
from otel_voice_processor.simulate.conversation import Conversation
from otel_voice_processor.simulate.reactions import answers, keeps, pauses, stops
from otel_voice_processor.simulate.script import Played, Said
from otel_voice_processor.simulate.words import ESCALATIONS

MISUNDERSTOOD = 0.12  # assumed share of corrections that were heard and not followed
ADDS = 0.15  # assumed share of callers who go on after the agent fell silent
SAID_AGAIN = 0.7  # assumed share of callers who say again what was not heard
TRIES = 2  # further ones against one response, at most


def _over_an_answer(talk: Conversation, text: str, *, length: str = "answer") -> tuple[Played, Said]:
    answer = talk.plays("support_answer", talk.draws.ms(length))
    return answer, talk.says(answer.start_ms + talk.draws.ms("before the caller comes in"), text, breath=True)


def _reason(said: Said, stop_ms: int) -> str:
    known = bool(said.partial) and said.onset_ms + said.partial_ms <= stop_ms - 40
    return "caller_correction_detected" if known else "voice_activity"


def _heeded(talk: Conversation, answer: Played, said: Said) -> None:
    """Let the agent stop in time and answer; now and then the caller adds something before it does."""
    stop = said.onset_ms + said.first_word_ms + talk.draws.ms("agent stops")
    chose = stops(talk, answer, said.onset_ms, stop, _reason(said, stop))
    if talk.draws.happens(ADDS):
        talk.says(talk.now_ms + talk.draws.even(800, 1_200), "if you can")
    answers(talk, chose)


def in_time(talk: Conversation) -> None:
    """Let the caller correct the agent, which stops and answers; now and then it did not understand, and is told again."""
    text = talk.correction()
    answer, said = _over_an_answer(talk, text)
    _heeded(talk, answer, said)
    if talk.draws.happens(MISUNDERSTOOD):
        talk.replies(f"I said {text}")
        talk.again(said)


def after_a_hum(talk: Conversation) -> None:
    """Let the caller listen aloud, and later in the same answer correct the agent, which tells the two apart."""
    answer = talk.plays("support_answer", talk.draws.ms("answer"))
    hum = sounds(talk, answer.start_ms + talk.draws.even(900, 1_500), "caller")
    keeps(talk, hum.onset_ms, "backchannel", after_ms=hum.end_ms + 20 - hum.onset_ms)
    said = talk.says(hum.end_ms + talk.draws.even(1_300, 2_400), talk.correction())
    _heeded(talk, answer, said)


def hum_first(talk: Conversation) -> None:
    """Let the caller begin with a listener's word and go straight on to the correction, which the agent heeds."""
    answer = talk.plays("support_answer", talk.draws.ms("answer"))
    hum = sounds(talk, answer.start_ms + talk.draws.ms("before the caller comes in"), "caller")
    said = talk.says(hum.end_ms + talk.draws.even(250, 450), talk.correction())
    _heeded(talk, answer, said)


def after_a_pause(talk: Conversation) -> None:
    """Let the agent pause for noise and go on, and then be corrected in the same answer."""
    answer = talk.plays("support_answer", talk.draws.ms("long answer"))
    sound = sounds(talk, answer.start_ms + talk.draws.even(900, 1_500), "noise")
    went_on = pauses(talk, answer, sound.onset_ms, sound.onset_ms + talk.draws.even(240, 520), talk.draws.ms("pause"), rewinds=False)
    said = talk.says(went_on.gaps[-1].end_ms + talk.draws.even(1_000, 2_400), talk.correction())
    _heeded(talk, went_on, said)


def into_a_pause(talk: Conversation) -> None:
    """Let the agent pause for a hum, and the caller use the pause to correct it; it resumes over them, and stops again, or never."""
    answer = talk.plays("support_answer", talk.draws.ms("answer"))
    hum = sounds(talk, answer.start_ms + talk.draws.even(1_700, 2_600), "caller")
    at, length = hum.onset_ms + talk.draws.even(240, 450), 2_000
    went_on = pauses(talk, answer, hum.onset_ms, at, length, rewinds=False)
    said = talk.says(at + length - talk.draws.even(500, 700), talk.correction())
    if talk.draws.happens(0.6):
        stop = went_on.gaps[-1].end_ms + talk.draws.even(250, 550)
        answers(talk, stops(talk, went_on, said.onset_ms, stop, "caller_correction_detected"))
        return
    keeps(talk, said.onset_ms, "below_threshold", after_ms=700)
    talk.floor, talk.now_ms = "caller", went_on.end_ms


def too_late(talk: Conversation) -> None:
    """Let the caller correct the agent, which stops when the caller has long been talking against it."""
    answer, said = _over_an_answer(talk, talk.correction())
    stop = said.onset_ms + said.first_word_ms + talk.draws.ms("agent stops late")
    answers(talk, stops(talk, answer, said.onset_ms, stop, _reason(said, stop)))


def never(talk: Conversation) -> None:
    """Let the caller correct the agent, once or several times, which talks on, or stops at the last try."""
    text = talk.correction()
    answer, said = _over_an_answer(talk, text, length="long answer")
    keeps(talk, said.onset_ms, "below_threshold", confidence=0.41)
    last = said
    for _ in range(talk.draws.even(0, TRIES)):
        onset = last.end_ms + talk.draws.even(1_200, 1_900)
        if onset > answer.end_ms - 2_600:
            break
        talk.says(onset, f"I said {text}")
        last = talk.again(said)
        keeps(talk, last.onset_ms, "below_threshold", confidence=0.44)
    if last is not said and talk.draws.happens(0.3):
        talk.chose.pop()
        stop = last.onset_ms + talk.draws.ms("agent stops")
        answers(talk, stops(talk, answer, last.onset_ms, stop, _reason(last, stop)))
        return
    talk.floor = "caller"
    if talk.draws.happens(SAID_AGAIN):
        talk.replies(f"I said {text}")
        talk.again(said)


def paused(talk: Conversation) -> None:
    """Let the agent pause for a caller, hear no words in time, and go on over them; it stops when the words come, or never."""
    text = talk.correction()
    answer, said = _over_an_answer(talk, text)
    length = talk.draws.ms("pause")
    at = said.onset_ms + said.first_word_ms + talk.draws.even(300, 520)
    known = max(talk.draws.ms("words come too late"), at + length - said.end_ms + 250)
    talk.said[-1] = said = replace(said, partial="", final_ms=known)
    went_on = pauses(talk, answer, said.onset_ms, at, length, rewinds=talk.draws.happens(0.15))
    stop = said.end_ms + known + talk.draws.even(150, 500)
    if talk.draws.happens(0.4) and stop < went_on.end_ms - 500:
        chose = talk.chose.pop()
        later = stops(talk, went_on, said.onset_ms, stop, "caller_correction_detected")
        talk.chose[-1] = later = replace(chose, decisions=(*chose.decisions, *later.decisions))
        answers(talk, later)
        return
    if talk.draws.happens(SAID_AGAIN):
        talk.replies(f"I said {text}")
        talk.again(said)


def near_the_end(talk: Conversation) -> None:
    """Let the caller come in so late that the response is over before anybody need stop it."""
    answer = talk.plays("support_answer", talk.draws.ms("short answer"))
    said = talk.says(answer.end_ms - talk.draws.even(920, 1_250), talk.correction())
    keeps(talk, said.onset_ms, "ends_soon", action="buffer_input_and_continue")
    answers(talk, None)


def wants_a_person(talk: Conversation) -> None:
    """Let the caller ask for a person over an answer: put through, or put off until the answer is over."""
    wish = next((each for each in talk.said if each.wants_person), None)
    answer, said = _over_an_answer(talk, wish.text if wish else talk.draws.pick(ESCALATIONS))
    talk.said[-1] = replace(said, wants_person=True, repeats_ms=wish.onset_ms if wish else None)
    if talk.draws.happens(0.8):
        stop = said.onset_ms + said.first_word_ms + talk.draws.ms("agent stops")
        answers(
            talk, stops(talk, answer, said.onset_ms, stop, "human_requested", action="escalate_to_human"), message_type="escalation_handoff"
        )
        talk.floor = "nobody"
        return
    keeps(talk, said.onset_ms, "below_threshold", confidence=0.4)
    if talk.draws.happens(0.5):
        talk.plays("escalation_handoff", talk.draws.ms("short answer"))
        talk.floor = "nobody"
    else:
        talk.floor = "caller"


def asks_in_turn(talk: Conversation) -> None:
    """Let the caller ask for a person when it is their turn, which interrupts nobody."""
    talk.plays("support_answer", talk.draws.ms("short answer"))
    wish = next((each for each in talk.said if each.wants_person), None)
    said = talk.replies(wish.text if wish else talk.draws.pick(ESCALATIONS))
    talk.said[-1] = replace(said, wants_person=True, repeats_ms=wish.onset_ms if wish else None)
    if talk.draws.happens(0.8):
        talk.plays("escalation_handoff", talk.draws.ms("short answer"))
        talk.floor = "nobody"


def over_a_disclosure(talk: Conversation) -> None:
    """Let the caller speak over a message that has to be played: played on, or cut all the same."""
    told = talk.plays("disclosure", talk.draws.ms("answer"), interruptible=False)
    said = talk.says(told.start_ms + talk.draws.ms("before the caller comes in"), talk.question())
    if talk.draws.happens(0.3):
        stop = said.onset_ms + talk.draws.ms("agent stops")
        answers(talk, stops(talk, told, said.onset_ms, stop, _reason(said, stop)))
        return
    keeps(talk, said.onset_ms, "required_content", action="buffer_input_and_continue", after_ms=420)
    answers(talk, talk.chose[-1])
