"""What else happens in a call: keys, commands, numbers said in pieces, silences, talk at a turn's end, and turns in which nothing does."""

from __future__ import annotations

from dataclasses import replace

from otel_voice_processor.simulate.conversation import Conversation
from otel_voice_processor.simulate.draws import TIMEOUTS_MS
from otel_voice_processor.simulate.reactions import answers, stops
from otel_voice_processor.simulate.script import Command, Key, Waited
from otel_voice_processor.simulate.words import COMMANDS, NUMBERS

DIGITS = tuple("0123456789")
OFFERED = ("1", "2", "3")
MISSED = 0.2  # assumed share of keys and commands that the agent plays on over


def nothing(talk: Conversation) -> None:
    """Let the agent say something and the caller answer."""
    kind = talk.draws.weighted({"support_answer": 5, "tool_wait": 1, "disclosure": 1})
    talk.plays(kind, talk.draws.ms("short answer"), question=kind == "support_answer", interruptible=kind != "disclosure")


def key(talk: Conversation) -> None:
    """Let the caller press a key that the menu offers."""
    if talk.draws.happens(0.1):
        _pressed_again(talk)
    else:
        _pressed(talk, "menu_prompt", (talk.draws.pick(OFFERED),), OFFERED, MISSED)


def wrong_key(talk: Conversation) -> None:
    """Let the caller press a key that the menu does not offer: the menu stops and is explained, or plays on."""
    _pressed(talk, "menu_prompt", (talk.draws.pick(("7", "8", "9")),), OFFERED, 0.5)


def several_keys(talk: Conversation) -> None:
    """Let the caller type a number over the prompt that asks for it."""
    digits = tuple(talk.draws.pick(DIGITS) for _ in range(talk.draws.even(2, 4)))
    _pressed(talk, "entity_capture", digits, DIGITS, MISSED)


def _pressed(talk: Conversation, kind: str, digits: tuple[str, ...], offered: tuple[str, ...], missed: float) -> None:
    prompt = talk.plays(kind, talk.draws.ms("answer"), question=True)
    first = at = prompt.start_ms + talk.draws.ms("before the caller comes in")
    for digit in digits:
        talk.keys.append(Key(at_ms=at, digit=digit, offered=offered))
        at += talk.draws.ms("between keys")
    if talk.draws.happens(missed):
        talk.replies("I pressed it already")
        return
    listed = digits[0] in offered
    stop = first + talk.draws.ms("agent stops for a key")
    reason = "expected_option" if listed else "unexpected_key"
    answers(talk, stops(talk, prompt, first, stop, reason, action="route_dtmf" if listed else "reprompt"))


def _pressed_again(talk: Conversation) -> None:
    """Let the menu play on over a key, and the caller press it again much later; then it stops."""
    menu = talk.plays("menu_prompt", talk.draws.ms("long answer"), question=True)
    first, digit = menu.start_ms + talk.draws.even(1_700, 2_500), talk.draws.pick(OFFERED)
    again = first + talk.draws.even(5_000, 6_500)
    talk.keys += [Key(at_ms=at, digit=digit, offered=OFFERED) for at in (first, again)]
    stop = again + talk.draws.ms("agent stops for a key")
    answers(talk, stops(talk, menu, again, stop, "expected_option", action="route_dtmf"))


def command(talk: Conversation) -> None:
    """Let the caller use a button of an app while the agent speaks."""
    answer = talk.plays("support_answer", talk.draws.ms("answer"))
    at = answer.start_ms + talk.draws.ms("before the caller comes in")
    talk.commands.append(Command(at_ms=at, intent=talk.draws.pick(COMMANDS)))
    if not talk.draws.happens(MISSED):
        answers(talk, stops(talk, answer, at, at + talk.draws.ms("agent stops for a key"), "command"))


def number_in_pieces(talk: Conversation) -> None:
    """Let the caller say a number with a pause in it, in which the agent waits, or begins to speak; one that waited says thanks.

    Without the thanks a correction right after could be told from the number going on by its sense alone.
    """
    talk.plays("entity_capture", talk.draws.ms("short answer"), question=True)
    pieces = talk.draws.pick(NUMBERS)
    first = talk.replies(pieces[0])
    pause = talk.draws.ms("thought inside a number")
    early = first.end_ms + talk.draws.even(600, pause - 350) if talk.draws.happens(0.35) else None
    if early is not None:
        talk.plays("entity_capture", talk.draws.ms("answer"), at_ms=early, question=True)
    talk.says(first.end_ms + pause, pieces[1])
    talk.said[-1] = replace(talk.said[-1], continues=True)
    if early is not None:
        talk.floor = "caller"
    else:
        talk.plays("support_answer", talk.draws.ms("short answer"))


def silence(talk: Conversation) -> None:
    """Let the caller say nothing after a question; the agent asks again, or does not notice until the caller does."""
    asked = talk.plays("support_answer", talk.draws.ms("short answer"), question=True)
    waits = talk.draws.pick(TIMEOUTS_MS)
    if talk.draws.happens(0.8):
        talk.waited.append(Waited(start_ms=asked.end_ms, end_ms=asked.end_ms + waits, next_action="reprompt"))
        talk.plays("support_answer", talk.draws.ms("short answer"), at_ms=asked.end_ms + waits + 250, question=True)
    else:
        talk.says(asked.end_ms + waits + 2_000, "hello, are you still there")


def turn_end(talk: Conversation) -> None:
    """Let the caller begin just before the agent is done, as people do."""
    asked = talk.plays("support_answer", talk.draws.ms("short answer"), question=True)
    talk.now_ms = asked.end_ms - talk.draws.ms("before the turn's end")
    said = talk.says(talk.now_ms, "yes, please do that for me")
    talk.now_ms = max(said.end_ms, asked.end_ms)
