"""The mix of calls: what happens how often, how long calls are, how they end. All shares are assumed, unless a source is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from otel_voice_processor.simulate import asides, corrections, situations
from otel_voice_processor.simulate.conversation import Conversation
from otel_voice_processor.simulate.draws import Draws
from otel_voice_processor.simulate.script import Script
from otel_voice_processor.simulate.words import THANKS, WORKFLOWS

# Over an agent's turn, in parts. Backchannels are 16 to 19 % of contributions to conversations (Knudsen, Creemers & Meyer 2020).
MIX: Final[Mapping[str, float]] = {
    "nothing": 34,
    "backchannels": 17,
    "correction in time": 16,
    "correction too late": 1.5,
    "correction never heard": 2,
    "correction paused for": 1.5,
    "correction near the end": 1,
    "correction after a hum": 1.5,
    "correction after a hum at once": 1,
    "correction after a pause": 1,
    "correction into a pause": 0.7,
    "noise": 6,
    "echo": 3,
    "hesitation": 1.5,
    "turn end": 6,
    "key": 4,
    "wrong key": 1,
    "several keys": 1.5,
    "command": 1.5,
    "number in pieces": 3,
    "silence": 2.5,
    "disclosure": 1.5,
    "backchannel over disclosure": 1,
    "escalation": 1.5,
    "escalation in turn": 1,
}
# What even complete evidence cannot tell: the agent's own voice come back and heard as words, and input over words of which no end is told.
HARD_MIX: Final[Mapping[str, float]] = {**MIX, "echo with words": 2, "line goes": 1}
SITUATIONS: Final[Mapping[str, Callable[[Conversation], None]]] = {
    "nothing": situations.nothing,
    "backchannels": asides.backchannels,
    "correction in time": corrections.in_time,
    "correction too late": corrections.too_late,
    "correction never heard": corrections.never,
    "correction paused for": corrections.paused,
    "correction near the end": corrections.near_the_end,
    "correction after a hum": corrections.after_a_hum,
    "correction after a hum at once": corrections.hum_first,
    "correction after a pause": corrections.after_a_pause,
    "correction into a pause": corrections.into_a_pause,
    "noise": asides.noise,
    "echo": asides.echo,
    "echo with words": asides.echo_with_words,
    "hesitation": asides.hesitates,
    "line goes": asides.while_the_line_goes,
    "turn end": situations.turn_end,
    "key": situations.key,
    "wrong key": situations.wrong_key,
    "several keys": situations.several_keys,
    "command": situations.command,
    "number in pieces": situations.number_in_pieces,
    "silence": situations.silence,
    "disclosure": corrections.over_a_disclosure,
    "backchannel over disclosure": asides.backchannel_over_a_disclosure,
    "escalation": corrections.wants_a_person,
    "escalation in turn": corrections.asks_in_turn,
}
TURNS: Final[Mapping[int, float]] = {1: 14, 2: 18, 3: 17, 4: 14, 5: 11, 6: 9, 7: 7, 8: 5, 9: 3, 10: 2}  # beside greeting and goodbye
DROPPED: Final = 0.03  # of calls
COMPLETED: Final = {"none": 0.9, "handled": 0.86, "mishandled": 0.6}
DROPPED_CALL: Final[Mapping[str, Any]] = {"outcome": "abandoned", "ended_by": "dropped", "end_told": False}
FAILED: Final = {"failed": 5, "abandoned": 3, "unknown": 2}


def simulate(seed: int, calls: int, *, mix: Mapping[str, float] = MIX, first: int = 0) -> Iterator[Script]:
    """Yield `calls` calls of a realistic mix, from the `first` on; the same seed gives the same calls, whatever their number."""
    for number in range(first, first + calls):
        call_id = f"call_{seed}_{number:04d}"
        yield _made(Draws(f"{seed}:{number}"), call_id, mix)


def _made(draws: Draws, call_id: str, mix: Mapping[str, float]) -> Script:
    talk = Conversation(draws, draws.pick(WORKFLOWS))
    talk.opens()
    for _ in range(draws.weighted(TURNS)):
        name = draws.weighted(mix)
        if name.startswith("correction") and not talk.can_correct:
            name = "nothing"
        if name != "nothing":
            talk.happened.append(name)
        SITUATIONS[name](talk)
        if talk.floor == "caller":
            talk.replies()
        if talk.played[-1].dropped:
            return talk.script(call_id, end_ms=talk.now_ms, **DROPPED_CALL)
        if talk.floor == "nobody":
            return talk.script(call_id, end_ms=talk.now_ms + 800, outcome="unknown", escalated=True, ended_by="transfer")
    return _ended(talk, call_id)


def _ended(talk: Conversation, call_id: str) -> Script:
    """Let the call end: hung up after thanks, by the agent's goodbye, or with the line."""
    draws = talk.draws
    if draws.happens(DROPPED):
        return _dropped(talk, call_id)
    talk.plays("support_answer", draws.ms("short answer"))
    talk.replies(THANKS)
    ending: dict[str, Any] = {"end_ms": talk.now_ms + draws.ms("hangs up"), "ended_by": "caller"}
    if draws.happens(0.4):
        talk.plays("support_answer", 1_800)
        ending = {"end_ms": talk.now_ms + 400, "ended_by": "agent"}
    went = talk.script(call_id, **ending).truth.interrupted
    outcome = "completed" if draws.happens(COMPLETED[went]) else draws.weighted(FAILED)
    return talk.script(call_id, **ending, outcome=outcome)


def _dropped(talk: Conversation, call_id: str) -> Script:
    """Let the line go, in the middle of the agent's words or after them; nobody tells the end."""
    last = talk.plays("support_answer", talk.draws.ms("answer"))
    end = last.start_ms + talk.draws.even(2_000, 5_000)
    if talk.draws.happens(0.5):
        talk.drops(end)
    else:
        end = last.end_ms + talk.draws.ms("hangs up")
    talk.happened.append("dropped")
    return talk.script(call_id, end_ms=end, **DROPPED_CALL)
