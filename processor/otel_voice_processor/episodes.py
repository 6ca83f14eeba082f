"""Join a call's events into its record: which input met which response, and what came of it. Pure, order does not matter."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import JUDGE_VERSION
from otel_voice_processor.aftermath import near, repeated, resumed_how, silence_after, went_on_unseen
from otel_voice_processor.evidence import MS, began_ns, bool_of, by_time, floor_ns, in_order, int_of, text_of
from otel_voice_processor.model import UNVERSIONED, CallRecord, Episode, Response, Ruling, Stretch, Value, VoiceEvent
from otel_voice_processor.pairing import Met, sorted_out
from otel_voice_processor.responses import context_of, responses_of
from otel_voice_processor.stretches import INTER_DIGIT_NS, JOIN_NS, end_of, stretches_of
from otel_voice_processor.verdicts import (
    LIMIT_NS,
    Asked,
    Audio,
    audio_after,
    compliance_of,
    findings_of,
    intent_of,
    verdict_of,
)

REPEATED = (
    *(a.VOICE_RUNTIME_NAME, a.VOICE_RUNTIME_VERSION, a.VOICE_RUNTIME_LAG_MS, a.GEN_AI_AGENT_NAME, a.VOICE_WORKFLOW),
    *(a.VOICE_AGENT_POLICY_VERSION, a.VOICE_CALL_OBSERVABLE),
)  # facts of the whole call, on its start and often on every event

FOREVER = 2**63

Rule = Callable[[Mapping[str, Value]], Ruling | None]  # None: the policy failed on these facts


def record_of(
    call_id: str,
    events: Iterable[VoiceEvent],
    rule: Rule,
    *,
    policy_version: str,
    root: tuple[bytes, bytes],
    since_ns: int = 0,
    until_ns: int = FOREVER,
    unique: bool = False,
) -> CallRecord:
    """Return the record of one call. `rule` asks the policy; `root` is the derived trace id and root span id.

    A call that joined somebody's trace has its trace where it started. What is counted is what began from `since_ns` on and before
    `until_ns`; what lies around it is looked at, too. `unique` says that there are no duplicates among the events.
    """
    ordered = by_time(events) if unique else in_order(events)
    floor, responses = floor_ns(ordered), responses_of(ordered)

    def context(at_ns: int) -> dict[str, Value]:
        before = bisect_right(responses, at_ns, key=lambda response: response.start_ns)
        return context_of(responses[before - 1]) if before else {}

    stretches = stretches_of(ordered, context)
    started = _first(ordered, e.CALL_STARTED)
    ended = _first(ordered, e.CALL_ENDED)
    facts = _facts(ordered)
    counted = [response for response in responses if since_ns <= response.start_ns < until_ns]
    lag_ns = (int_of(facts.get(a.VOICE_RUNTIME_LAG_MS)) or 0) * MS
    overlaps, premature, met = sorted_out(stretches, responses, counted, lag_ns=lag_ns)
    trace_id = started.trace_id if started is not None else root[0]
    escalated = None if ended is None else bool_of(ended.attributes.get(a.VOICE_CALL_ESCALATED))
    call = _Call(
        call_id=call_id,
        trace_id=trace_id,
        events=ordered,
        stretches=stretches,
        responses=responses,
        rule=rule,
        named=frozenset(name for stretch in stretches for name in stretch.interruption_ids),
        handed_over=escalated is True,
        over_ns=ended.time_ns if ended is not None else None,
        workflow=text_of(facts.get(a.VOICE_WORKFLOW)) or "unknown",
    )
    built = [_episode(call, item) for item in met]
    told = started.attributes.get(a.VOICE_CALL_OBSERVABLE) if started else facts.get(a.VOICE_CALL_OBSERVABLE)
    observable = tuple(str(item) for item in told) if isinstance(told, tuple) else None
    return CallRecord(
        call_id=call_id,
        trace_id=trace_id,
        root_span_id=root[1],
        start_ns=min((began_ns(event, floor) for event in ordered), default=0),
        end_ns=ordered[-1].time_ns if ordered else 0,
        started_seen=started is not None,
        runtime=text_of(facts.get(a.VOICE_RUNTIME_NAME)) or "unknown",
        runtime_version=text_of(facts.get(a.VOICE_RUNTIME_VERSION)) or "",
        agent_name=text_of(facts.get(a.GEN_AI_AGENT_NAME)) or "",
        workflow=call.workflow,
        policy_version=text_of(facts.get(a.VOICE_AGENT_POLICY_VERSION)) or UNVERSIONED,
        observable=observable,
        task_outcome=(text_of(ended.attributes.get(a.VOICE_CALL_TASK_OUTCOME)) if ended else None) or "unknown",
        escalated=escalated,
        ended_by=(text_of(ended.attributes.get(a.VOICE_CALL_ENDED_BY)) or "unknown") if ended else "expired",
        interrupted=interrupted_of(built, observable) if ordered else "unknown",
        escalation_asked=any(
            s.input_class == "escalation" and intent_of(s) == "yes" for s in stretches if since_ns <= s.onset_ns < until_ns
        ),
        episodes=tuple(built),
        responses=responses,
        stretches=stretches,
        turn_overlaps=tuple((r.workflow or call.workflow, r.message_type or "other") for r in overlaps),
        premature_endpointings=tuple(premature),
        silence_timeouts=tuple(
            text_of(event.attributes.get(a.VOICE_SILENCE_NEXT_ACTION)) or "unknown"
            for event in ordered
            if event.name == e.SILENCE_TIMEOUT and since_ns <= event.time_ns < until_ns
        ),
        unknown_ends=sum(response.end_reason is None for response in counted),
        judge_version=JUDGE_VERSION,
        processor_policy_version=policy_version,
    )


def _first(events: Sequence[VoiceEvent], name: str) -> VoiceEvent | None:
    return next((event for event in events if event.name == name), None)


def _facts(events: Sequence[VoiceEvent]) -> dict[str, Value]:
    """Return what the call's events repeat, the first word on each."""
    facts: dict[str, Value] = {}
    wanted = set(REPEATED)
    for event in events:
        for key in wanted & event.attributes.keys():
            facts[key] = event.attributes[key]
            wanted.remove(key)
        if not wanted:
            break
    return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What every episode of a call is judged against."""

    call_id: str
    trace_id: bytes
    events: Sequence[VoiceEvent]
    stretches: Sequence[Stretch]
    responses: Sequence[Response]
    rule: Rule
    named: frozenset[str]
    handed_over: bool
    over_ns: int | None  # when the call ended
    workflow: str


def _episode(call: _Call, met: Met) -> Episode:
    """Judge one interruption."""
    stretch, response = met.stretches[0], met.response
    intent = intent_of(stretch)
    audio = audio_after(stretch, response, met.until_ns, intent, over_ns=call.over_ns)
    following = near(call.events, met.stretches, met.until_ns, response, call.responses, call.named)
    if audio.net == "kept" and went_on_unseen(following, response, stretch.onset_ns):  # from a pause that nobody told of
        audio = Audio(net="unknown", silent_ns=None, missing=a.VOICE_AGENT_PLAYBACK_PROVISIONAL)
    judged = verdict_of(stretch, response, audio, intent)
    decided = text_of(following.get(e.DECISION_MADE, {}).get(a.VOICE_INTERRUPTION_DECISION_ACTION))
    asked = _asked(call.rule, stretch, response, audio)
    recovered = following.get(e.RECOVERED, {})
    task_state = text_of(recovered.get(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE))
    resume = resumed_how(audio, following, task_state) if judged.verdict == "false_interruption" else None
    silence, answered = silence_after(met.stretches, response, audio, call.responses, call.stretches, handed_over=call.handed_over)
    lost = task_state == "lost" or resume == "lost"
    open_ended = audio.net == "stopped" and met.stretches[-1].end_ns is None
    ended_in_time = response.end_ns is not None and response.end_ns - stretch.onset_ns <= LIMIT_NS
    return Episode(
        call_id=call.call_id,
        span_id=episode_span_id(call.call_id, response.response_id, stretch.onset_ns),
        trace_id=call.trace_id,
        start_ns=stretch.onset_ns,
        end_ns=max(end_of(met.stretches[-1]), audio.silent_ns or 0),
        response=response,
        stretches=met.stretches,
        intent=intent,
        net_audio=audio.net,
        verdict=judged.verdict,
        reason=judged.reason,
        compliance=compliance_of(asked, audio, known_ns=stretch.evidence_ns, ended_in_time=ended_in_time),
        protected=asked.final is not None and asked.final.protected,
        attempts=len(met.stretches),
        findings=findings_of(
            stretch,
            judged,
            audio,
            required_cut=audio.net == "stopped" and asked.then is not None and asked.then.protected,
            decided=decided,
            lost=lost,
        ),
        missing=(*judged.missing, *([a.VOICE_CALLER_SPEECH_DURATION_MS] if open_ended else [])),
        ruling=asked.final,
        decided_action=decided,
        reaction_ms=judged.reaction_ms,
        silence_ms=silence,
        answered=answered,
        repeated=intent == "yes" and repeated(met.stretches, call.stretches, call.responses),
        resume=resume,
        recovered_turn=text_of(recovered.get(a.VOICE_INTERRUPTION_RECOVERY_TURN_ID)),
        task_state=task_state,
        workflow=response.workflow or text_of(stretch.attributes.get(a.VOICE_WORKFLOW)) or call.workflow,
        message_type=response.message_type or "other",
        input_type=stretch.input_type,
        input_class=stretch.input_class,
        class_confidence=stretch.class_confidence,
    )


def _asked(rule: Rule, stretch: Stretch, response: Response, audio: Audio) -> Asked:
    """Ask the policy on all evidence, and on what was known when the agent acted and when its response was over."""
    facts = ruled_facts(stretch, response)
    final = rule(facts)
    then = None if audio.silent_ns is None else rule(_known_then(facts, stretch, response, audio.silent_ns))
    over = response.end_ns
    late = over is not None and stretch.evidence_ns is not None and stretch.evidence_ns > over and audio.net != "stopped"
    return Asked(final=final, then=then, last=rule(_known_then(facts, stretch, response, over)) if late and over is not None else final)


def episode_span_id(call_id: str, response_id: str, onset_ns: int) -> bytes:
    """Return the span id of an episode, derived from its key so that every replay gives the same."""
    return hashlib.blake2b(f"{call_id}\0{response_id}\0{onset_ns}".encode(), digest_size=8, person=b"otel-voice episo").digest()


def ruled_facts(stretch: Stretch, response: Response) -> dict[str, Value]:
    """Return what the policy is asked about: the whole stretch, and where in the response it began."""
    position = max(0, stretch.onset_ns - response.start_ns) // MS
    return {**stretch.attributes, **context_of(response), a.VOICE_AGENT_PLAYBACK_POSITION_MS: position}


def _known_then(facts: Mapping[str, Value], stretch: Stretch, response: Response, at_ns: int) -> dict[str, Value]:
    """Return the facts as they stood at `at_ns`: shorter speech, and no text the recogniser had not delivered yet."""
    known = dict(facts)
    known[a.VOICE_AGENT_PLAYBACK_POSITION_MS] = max(0, at_ns - response.start_ns) // MS
    if stretch.input_type != "speech":
        return known
    known[a.VOICE_CALLER_SPEECH_DURATION_MS] = max(0, min(at_ns, end_of(stretch)) - stretch.onset_ns) // MS
    if stretch.evidence_ns is not None and stretch.evidence_ns > at_ns:
        for key in list(known):
            if key.startswith(("voice.caller.transcript.", "voice.caller.input.class")):
                del known[key]
    return known


def interrupted_of(episodes: Sequence[Episode], observable: tuple[str, ...] | None) -> str:
    """Sum up a call's episodes: mishandled where one was missed or falsely stopped, handled where all that mattered went right.

    Where nobody could have seen a caller speak while the agent spoke, that nothing was seen is unknown, not none.
    """
    counted = [ep for ep in episodes if ep.intent == "yes" or (ep.verdict == "false_interruption" and ep.net_audio == "stopped")]
    if any(ep.verdict in {"missed_interruption", "false_interruption"} for ep in counted):
        return "mishandled"
    if any(ep.verdict == "undetermined" for ep in episodes):
        return "unknown"
    if counted:
        return "handled"
    return "unknown" if observable is not None and "speech" not in observable else "none"


def same(one: Episode, other: Episode) -> bool:
    """Tell whether two episodes are one that was joined twice, the second time with evidence that came later.

    Input of one kind against one response is one stretch where it lies this near: more of it may have moved the onset.
    """
    if one.span_id == other.span_id:
        return True
    if one.response.response_id != other.response.response_id and one.response.start_ns != other.response.start_ns:
        return False
    return any(_adjoin(mine, theirs) for mine in one.stretches for theirs in other.stretches)


def _adjoin(one: Stretch, other: Stretch) -> bool:
    gap = JOIN_NS if one.input_type == "speech" else INTER_DIGIT_NS
    return one.input_type == other.input_type and one.onset_ns < end_of(other) + gap and other.onset_ns < end_of(one) + gap


def settled(fresh: Episode, frozen: Episode) -> Episode:
    """Return the episode as it was written when it settled, with what may still come later: silence and repeats."""
    return replace(frozen, silence_ms=fresh.silence_ms, answered=fresh.answered, repeated=fresh.repeated)
