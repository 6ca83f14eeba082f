"""Judgement held against what really happened: a call's record beside the truth that caller and player give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from otel_voice_processor.calls import CallBook
from otel_voice_processor.episodes import record_of
from otel_voice_processor.model import CallRecord, Episode, VoiceEvent
from otel_voice_processor.pipeline import Pipeline
from otel_voice_processor.service import root_ids
from otel_voice_processor.simulate import COMPLETE, Impairments, Script, TrueInterruption, events_of
from otel_voice_processor.telemetry import Counters

from otel_voice.policy import Policy, load_default

MS = 1_000_000
START = 1_790_000_000_000 * MS
NEAR_MS = 1_200  # as far as an impaired onset may lie from the true one
BREATH_MS = 250  # sound before the first word, of which no event tells

DEFAULT = load_default()


def book_of(policy: Policy = DEFAULT) -> CallBook:
    return CallBook(Pipeline(policy, Counters()).rule, policy.version, root_ids)


def judged(script: Script, *, impairments: Impairments = COMPLETE, keep_text: bool = True, policy: Policy = DEFAULT) -> CallRecord:
    events = events_of(script, start_ns=START, keep_text=keep_text, impairments=impairments)
    return record_of(
        script.call_id, events, Pipeline(policy, Counters()).rule, policy_version=policy.version, root=root_ids(script.call_id)
    )


def onset_ms(episode: Episode) -> int:
    return (episode.start_ns - START) // MS


@dataclass(slots=True)
class Compared:
    """How one call's record relates to its truth: `told` counts verdicts, `differences` are of all that is compared."""

    told: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def compared(script: Script, record: CallRecord) -> Compared:
    """Pair each true interruption with the nearest episode of its response."""
    out, left = Compared(), list(record.episodes)
    for true in script.truth.interruptions:
        near = [ep for ep in left if ep.response.response_id == true.response_id and abs(onset_ms(ep) - true.onset_ms) <= NEAR_MS]
        if not near:
            out.told["absent"] += 1
            out.differences.append(f"{script.call_id} {true.onset_ms}: no episode")
            continue
        episode = min(near, key=lambda ep: abs(onset_ms(ep) - true.onset_ms))
        left.remove(episode)
        right = episode.verdict == true.verdict
        out.told["right" if right else "undetermined" if episode.verdict == "undetermined" else "wrong"] += 1
        out.differences += [f"{script.call_id} {true.onset_ms}: {each}" for each in _differences(episode, true)]
    for episode in left:
        out.told["nobody's, undetermined" if episode.verdict == "undetermined" else "nobody's"] += 1
        out.differences.append(f"{script.call_id} {onset_ms(episode)}: nobody's {episode.verdict}")
    out.differences += [f"{script.call_id}: {each}" for each in _of_call(script, record)]
    return out


def _differences(episode: Episode, true: TrueInterruption) -> list[str]:
    found = {
        "verdict": (true.verdict, episode.verdict),
        "meant": ("yes" if true.meant else "no", episode.intent),
        "net audio": (true.net_audio, episode.net_audio),
        "attempts": (true.attempts, episode.attempts),
        "repeated": (true.repeated, episode.repeated),
        "silence": (true.silence_ms, episode.silence_ms),
        "answered": (true.answered, episode.answered),
        "resume": (true.resume, episode.resume),
    }
    out = [f"{what} is {seen}, was {was}" for what, (was, seen) in found.items() if was != seen]
    if episode.reaction_ms is not None and not 0 <= episode.reaction_ms - max(0, true.reaction_ms or 0) <= BREATH_MS:
        out.append(f"reaction is {episode.reaction_ms}, was {true.reaction_ms}")
    return out


def _of_call(script: Script, record: CallRecord) -> list[str]:
    truth = script.truth
    found = {
        "premature": (sorted(truth.premature_endpointings), sorted(each.response_id for each in record.premature_endpointings)),
        "overlaps": (len(truth.turn_overlaps), len(record.turn_overlaps)),
        "timeouts": (truth.timeouts, len(record.silence_timeouts)),
        "asked for a person": (truth.asked_for_person, record.escalation_asked),
        "interrupted": (truth.interrupted, record.interrupted),
    }
    return [f"{what} is {seen}, was {was}" for what, (was, seen) in found.items() if was != seen]


def shuffled(events: list[VoiceEvent], again: int, order: list[int]) -> list[VoiceEvent]:
    """Return the events in another order, the first `again` of them twice."""
    return [event for _, event in sorted(zip(order, events, strict=True), key=lambda pair: pair[0])] + events[:again]
