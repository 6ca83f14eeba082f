"""What really happened in a scripted call, from what caller and player did alone: no event is looked at, no judgement imported."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from otel_voice_schema.attributes import EndedByValue, TaskOutcomeValue

from otel_voice_processor.simulate.script import Gap, Played, Said, Script

PATIENCE_MS = 1_500  # how long a caller talks against the agent before being let down
TURN_END_MS = 700  # input this near a response's own end is ordinary talk
ONE_STRETCH_MS = 700  # input that goes on within this is one
BRIEF_PAUSE_MS = 200  # nobody takes a shorter pause for one
BRIEF_OVERLAP_MS = 150  # as far as two clocks may be apart
INTER_DIGIT_MS = 2_000  # keys within it are one entry (Pipecat's DTMFAggregator and Vapi's keypad wait as long)
OWN_PAUSE_MS = 2_000  # a caller who goes on within it had not finished
BARGED_IN_MS = 1_500  # and the agent that began this near was barging in
CLEAN_MS = 500  # a resume this near to where the audio stopped loses nothing
NEXT_TURNS = 2  # in which the caller may say it again

NetAudio = Literal["kept", "paused_resumed", "stopped"]
InputType = Literal["speech", "dtmf", "command"]
TrueVerdict = Literal["correct", "missed_interruption", "false_interruption"]
Resumed = Literal["clean", "restarted", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueInterruption:
    """One stretch of caller input against one response, and what came of it. Times are ms from the call's start, lengths ms.

    `silent_ms` is when the response fell silent for good, None where it played on; `reaction_ms` counts from the first meaningful word.
    `silence_ms` is the dead air until the agent spoke again, None where audio was not stopped or nobody answered.
    """

    response_id: str
    message_type: str
    input_type: InputType
    onset_ms: int
    end_ms: int
    word_ms: int
    meant: bool
    attempts: int
    net_audio: NetAudio
    first_silent_ms: int | None
    silent_ms: int | None
    reaction_ms: int | None
    verdict: TrueVerdict
    silence_ms: int | None
    answered: bool | None
    resume: Resumed | None
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened in a call: its interruptions in order, and what was no interruption at all, by response."""

    interruptions: tuple[TrueInterruption, ...]
    premature_endpointings: tuple[str, ...]
    turn_overlaps: tuple[str, ...]
    timeouts: int
    asked_for_person: bool
    task_outcome: TaskOutcomeValue
    escalated: bool
    ended_by: EndedByValue

    @property
    def happened(self) -> str:
        """Return it in a word or several: each interruption's verdict, premature_endpointing, or none."""
        if self.interruptions:
            return ", ".join(each.verdict for each in self.interruptions)
        return "premature_endpointing" if self.premature_endpointings else "none"

    @property
    def interrupted(self) -> Literal["none", "handled", "mishandled"]:
        """Return how the call's interruptions went: a miss or a false stop makes it mishandled."""
        if any(each.verdict == "missed_interruption" or _cut_for_nothing(each) for each in self.interruptions):
            return "mishandled"
        return "handled" if any(each.meant for each in self.interruptions) else "none"


def _cut_for_nothing(each: TrueInterruption) -> bool:
    return each.verdict == "false_interruption" and each.net_audio == "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """One stretch, key or command of the caller. `last_end_ms` is the end of the caller's stretch before, where this goes on with it."""

    onset_ms: int
    end_ms: int
    word_ms: int
    meant: bool
    input_type: InputType
    last_end_ms: int | None = None
    from_caller: bool = True


@dataclass(slots=True, kw_only=True)
class _Group:
    """Inputs against one response that are one interruption."""

    response: Played
    inputs: list[_Input]
    meant: bool
    attempts: int = 1
    word_ms: int = 0
    pauses: list[Gap] = field(default_factory=list)
    cut: bool = False

    @property
    def end_ms(self) -> int:
        return max(each.end_ms for each in self.inputs)

    @property
    def input_type(self) -> InputType:
        return next((each for each in self.inputs if each.meant), self.inputs[0]).input_type


def truth_of(script: Script) -> Truth:
    """Return what happened in a call."""
    premature: list[str] = []
    overlaps: list[str] = []
    against: dict[str, list[_Input]] = {}
    for each in _inputs(script):
        for response in script.played:
            met = _met(each, response)
            if met == "interruption":
                against.setdefault(response.response_id, []).append(each)
            elif met == "premature" and response.response_id not in premature:
                premature.append(response.response_id)
            elif met == "overlap":
                overlaps.append(response.response_id)
    groups = [group for response in script.played for group in _grouped(response, against.get(response.response_id, ()))]
    told = sorted((_told(script, group) for group in groups), key=lambda one: one.onset_ms)
    return Truth(
        interruptions=tuple(told),
        premature_endpointings=tuple(premature),
        turn_overlaps=tuple(overlaps),
        timeouts=len(script.waited),
        asked_for_person=script.asks_for_person,
        task_outcome=script.outcome,
        escalated=script.escalated,
        ended_by=script.ended_by,
    )


def _inputs(script: Script) -> list[_Input]:
    found: list[_Input] = []
    last: Said | None = None
    for said in sorted(script.said, key=lambda each: each.onset_ms):
        own = last.end_ms if said.continues and last is not None else None
        word = said.onset_ms + said.first_word_ms
        found.append(
            _Input(
                onset_ms=said.onset_ms,
                end_ms=said.end_ms,
                word_ms=word,
                meant=said.meant,
                input_type="speech",
                last_end_ms=own,
                from_caller=said.source == "caller",
            )
        )
        last = said if said.source == "caller" else last
    found += [_at_once(key.at_ms, "dtmf") for key in script.keys]
    found += [_at_once(command.at_ms, "command") for command in script.commands]
    return sorted(found, key=lambda each: each.onset_ms)


def _at_once(ms: int, input_type: InputType) -> _Input:
    return _Input(onset_ms=ms, end_ms=ms, word_ms=ms, meant=True, input_type=input_type)


def _met(each: _Input, response: Played) -> Literal["interruption", "premature", "overlap", "nothing"]:
    """Return what an input is to a response, from the samples that were played while it lasted."""
    shared = sum(max(0, min(each.end_ms, end) - max(each.onset_ms, start)) for start, end in response.heard)
    inside = any(start <= each.onset_ms < end for start, end in response.heard)
    if not shared and not inside:
        return "nothing"
    own = each.last_end_ms
    if own is not None and each.onset_ms - own <= OWN_PAUSE_MS and abs(each.onset_ms - response.start_ms) <= BARGED_IN_MS:
        return "premature"
    if each.onset_ms < response.start_ms and not each.meant:
        return "nothing"
    if each.onset_ms < response.start_ms and shared < BRIEF_OVERLAP_MS:
        return "overlap"
    ended_itself = not response.cut and not response.dropped
    return "overlap" if ended_itself and each.onset_ms > response.end_ms - TURN_END_MS else "interruption"


def _grouped(response: Played, inputs: Sequence[_Input]) -> Iterator[_Group]:
    """Yield the interruptions of one response: further meaningful input is a further try, what nobody meant stays apart."""
    groups: list[_Group] = []
    for each in inputs:
        last = groups[-1] if groups else None
        goes_on = last is not None and each.onset_ms - last.end_ms < ONE_STRETCH_MS
        tried = next((group for group in groups if group.meant), None)
        if last is not None and goes_on and (last.meant or not each.meant or tried is None):
            _add(last, each, tries_again=False)
        elif tried is not None and each.meant:
            _add(tried, each, tries_again=not _same_entry(tried.inputs[-1], each))
        else:
            groups.append(_Group(response=response, inputs=[each], meant=each.meant, word_ms=each.word_ms))
    _attribute(response, groups)
    yield from groups


def _add(group: _Group, each: _Input, *, tries_again: bool) -> None:
    group.inputs.append(each)
    group.attempts += tries_again
    if each.meant and not group.meant:
        group.meant, group.word_ms = True, each.word_ms


def _same_entry(last: _Input, each: _Input) -> bool:
    return last.input_type == each.input_type == "dtmf" and each.onset_ms - last.onset_ms <= INTER_DIGIT_MS


def _attribute(response: Played, groups: list[_Group]) -> None:
    """Give each pause, and the cut, to the input that began last before it; a caller who was not heeded is stopped for by any later cut.

    A pause that the caller spoke into is also theirs: what they heard is that the agent went on over them.
    """
    onsets = sorted((each.onset_ms, at) for at, group in enumerate(groups) for each in group.inputs)

    def owner(ms: int) -> _Group | None:
        at = bisect_right(onsets, (ms, len(groups))) - 1
        return groups[onsets[at][1]] if at >= 0 else None

    for gap in response.gaps:
        group = owner(gap.start_ms)
        if gap.end_ms - gap.start_ms < BRIEF_PAUSE_MS:
            continue
        into = [each for each in groups if each.meant and gap.start_ms < each.inputs[0].onset_ms < gap.end_ms]
        for each in [*([] if group is None else [group]), *into]:
            each.pauses.append(gap)
    last = owner(response.end_ms) if response.cut else None
    for group in groups:
        group.cut = group is last or (response.cut and group.meant)


def _told(script: Script, group: _Group) -> TrueInterruption:
    response, first = group.response, group.inputs[0]
    net_audio: NetAudio = "stopped" if group.cut else "paused_resumed" if group.pauses else "kept"
    silent = response.end_ms if group.cut else None
    firsts = [gap.start_ms for gap in group.pauses] + ([] if silent is None else [silent])
    silence, answered = _dead_air(script, group, silent)
    return TrueInterruption(
        response_id=response.response_id,
        message_type=response.message_type,
        input_type=group.input_type,
        onset_ms=first.onset_ms,
        end_ms=group.end_ms,
        word_ms=group.word_ms,
        meant=group.meant,
        attempts=group.attempts,
        net_audio=net_audio,
        first_silent_ms=min(firsts, default=None),
        silent_ms=silent,
        reaction_ms=silent - group.word_ms if silent is not None and group.meant else None,
        verdict=_verdict(group, net_audio),
        silence_ms=silence,
        answered=answered,
        resume=_resumed(script, group),
        repeated=group.meant and _repeated(script, group),
    )


def _verdict(group: _Group, net_audio: NetAudio) -> TrueVerdict:
    if not group.meant:
        return "correct" if net_audio == "kept" else "false_interruption"
    over = group.response.end_ms - group.word_ms  # by the agent's doing or of itself
    return "correct" if net_audio != "paused_resumed" and over <= PATIENCE_MS else "missed_interruption"


def _dead_air(script: Script, group: _Group, silent: int | None) -> tuple[int | None, bool | None]:
    """Return how long nobody spoke after a stop, and whether the agent ever answered; a hand-off is an answer."""
    if silent is None:
        return None, None
    following = min((each.start_ms for each in script.played if each.start_ms >= silent), default=None)
    if following is None:
        return None, script.ended_by == "transfer"
    quiet = max((each.end_ms for each in _inputs(script) if each.from_caller and each.onset_ms < following), default=silent)
    return max(0, following - max(silent, quiet)), True


def _resumed(script: Script, group: _Group) -> Resumed | None:
    """Return how a response went on that was paused or stopped for nothing; None where none should have gone on."""
    response = group.response
    if group.cut and not group.meant:
        later = next((each for each in script.played if each.goes_on == response.response_id), None)
        return "lost" if later is None else _near(response.position_ms(response.end_ms), later.from_ms)
    if group.meant or not group.pauses:
        return None
    near = [_near(response.position_ms(gap.start_ms), gap.position_ms) for gap in group.pauses]
    return "restarted" if "restarted" in near else "clean"


def _near(stopped_ms: int, resumed_ms: int) -> Resumed:
    return "clean" if abs(stopped_ms - resumed_ms) <= CLEAN_MS else "restarted"


def _repeated(script: Script, group: _Group) -> bool:
    """Return whether the caller said it again in the next two goes, over the same response or later."""
    own = {each.onset_ms for each in group.inputs}
    first = min(own)
    later = [said for said in script.said if said.onset_ms > first and said.meant and not said.continues]
    return any(said.repeats_ms in own for said in sorted(later, key=lambda said: said.onset_ms)[:NEXT_TURNS])
