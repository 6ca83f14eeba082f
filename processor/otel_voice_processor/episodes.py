"""Join a call's events into its record: which input met which response, and what came of it. Pure, order does not matter."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.policy import JUDGE_VERSION
from otel_voice_processor.aftermath import near, repeated, resumed_how, silence_after
from otel_voice_processor.evidence import MEANINGFUL, MS, bool_of, in_order, text_of
from otel_voice_processor.model import CallRecord, Episode, Response, Ruling, Stretch, Value, VoiceEvent
from otel_voice_processor.responses import context_of, responses_of
from otel_voice_processor.stretches import INTER_DIGIT_NS, JOIN_NS, UNFINISHED, classified, end_of, stretches_of
from otel_voice_processor.verdicts import (
    CLOCK_TOLERANCE_NS,
    LIMIT_NS,
    Audio,
    audio_after,
    compliance_of,
    findings_of,
    intent_of,
    verdict_of,
)

TAIL_NS = 700 * MS  # input this near a response's own end is ordinary talk
CONTINUES_NS = 2_000 * MS  # since the caller's last stop
BARGED_NS = 1_500 * MS  # since the response's start

Rule = Callable[[Mapping[str, Value]], Ruling | None]  # None: the policy failed on these facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Stretches of one try, or of several against the same response."""

    response: Response
    stretches: tuple[Stretch, ...]
    until_ns: int | None


def record_of(call_id: str, events: Iterable[VoiceEvent], rule: Rule, *, policy_version: str, root: tuple[bytes, bytes]) -> CallRecord:
    """Return the record of one call. `rule` asks the policy; `root` is the derived trace id and root span id.

    A call that joined somebody's trace has its trace where it started.
    """
    ordered = in_order(events)
    responses = responses_of(ordered)
    stretches = _in_context(stretches_of(ordered), responses)
    started = _first(ordered, e.CALL_STARTED)
    ended = _first(ordered, e.CALL_ENDED)
    overlaps, premature, met = _sort_out(stretches, responses)
    trace_id = started.trace_id if started is not None else root[0]
    call = _Call(call_id=call_id, trace_id=trace_id, events=ordered, stretches=stretches, responses=responses, rule=rule)
    built = [_episode(call, item) for item in met]
    facts = _facts(ordered)
    escalated = None if ended is None else bool_of(ended.attributes.get(a.VOICE_CALL_ESCALATED))
    observable = started.attributes.get(a.VOICE_CALL_OBSERVABLE) if started else facts.get(a.VOICE_CALL_OBSERVABLE)
    return CallRecord(
        call_id=call_id,
        trace_id=trace_id,
        root_span_id=root[1],
        start_ns=min((event.start_ns for event in ordered), default=0),
        end_ns=max((event.time_ns for event in ordered), default=0),
        started_seen=started is not None,
        runtime=text_of(facts.get(a.VOICE_RUNTIME_NAME)) or "unknown",
        runtime_version=text_of(facts.get(a.VOICE_RUNTIME_VERSION)) or "",
        agent_name=text_of(facts.get(a.GEN_AI_AGENT_NAME)) or "",
        workflow=text_of(facts.get(a.VOICE_WORKFLOW)) or "unknown",
        policy_version=text_of(facts.get(a.VOICE_AGENT_POLICY_VERSION)) or "unversioned",
        observable=tuple(str(item) for item in observable) if isinstance(observable, tuple) else None,
        task_outcome=(text_of(ended.attributes.get(a.VOICE_CALL_TASK_OUTCOME)) if ended else None) or "unknown",
        escalated=escalated,
        ended_by=(text_of(ended.attributes.get(a.VOICE_CALL_ENDED_BY)) or "unknown") if ended else "expired",
        interrupted=interrupted_of(built),
        escalation_asked=any(s.input_class == "escalation" and intent_of(s) == "yes" for s in stretches),
        episodes=tuple(built),
        responses=responses,
        stretches=stretches,
        turn_overlaps=tuple((r.workflow or "unknown", r.message_type or "other") for r in overlaps),
        premature_endpointings=tuple(premature),
        silence_timeouts=tuple(
            text_of(event.attributes.get(a.VOICE_SILENCE_NEXT_ACTION)) or "unknown" for event in ordered if event.name == e.SILENCE_TIMEOUT
        ),
        unknown_ends=sum(response.end_reason is None for response in responses),
        judge_version=JUDGE_VERSION,
        processor_policy_version=policy_version,
    )


def _first(events: Sequence[VoiceEvent], name: str) -> VoiceEvent | None:
    return next((event for event in events if event.name == name), None)


def _facts(events: Sequence[VoiceEvent]) -> dict[str, Value]:
    """Return what the call's events repeat, the first word on each."""
    facts: dict[str, Value] = {}
    for event in events:
        for key, value in event.attributes.items():
            facts.setdefault(key, value)
    return facts


def _in_context(stretches: Sequence[Stretch], responses: Sequence[Response]) -> tuple[Stretch, ...]:
    """Classify each stretch again knowing the response it met: "yes" answers a question, else it keeps the talk going."""
    out = []
    for stretch in stretches:
        before = bisect_right(responses, stretch.onset_ns, key=lambda response: response.start_ns)
        out.append(classified(stretch, context_of(responses[before - 1])) if before else stretch)
    return tuple(out)


def _sort_out(stretches: Sequence[Stretch], responses: Sequence[Response]) -> tuple[list[Response], list[Response], list[Met]]:
    """Sort input that met a response into ordinary overlaps, premature endpointings and interruptions."""
    overlaps: list[Response] = []
    premature: list[Response] = []
    met: list[Met] = []
    for index, response in enumerate(responses):
        following = responses[index + 1].start_ns if index + 1 < len(responses) else None
        audible_until = response.end_ns if response.end_ns is not None else following
        mine: list[Stretch] = []
        for number, stretch in enumerate(stretches):
            if stretch.onset_ns < response.start_ns:
                if end_of(stretch) > response.start_ns + CLOCK_TOLERANCE_NS and _agent_barged_in(
                    stretch, None, response, responses[:index]
                ):
                    premature.append(response)
                continue
            cut_by_it = response.end_reason == "interrupted" and stretch.onset_ns == audible_until  # a key and its stop share a moment
            if audible_until is not None and stretch.onset_ns >= audible_until and not cut_by_it:
                continue
            before = next((s for s in reversed(stretches[:number]) if end_of(s) <= stretch.onset_ns), None)
            if before is not None and _agent_barged_in(stretch, before, response, responses[:index]):
                premature.append(response)
            elif _ordinary(stretch, response):
                overlaps.append(response)
            else:
                mine.append(stretch)
        met += _grouped(response, mine)
    return overlaps, list(dict.fromkeys(premature)), sorted(met, key=lambda item: item.stretches[0].onset_ns)


def _ordinary(stretch: Stretch, response: Response) -> bool:
    """Tell talk at the end of a turn from an interruption."""
    if response.end_ns is None or response.end_reason != "completed":
        return False
    within = min(end_of(stretch), response.end_ns) - stretch.onset_ns
    short = (
        stretch.input_type == "speech"
        and stretch.end_ns is not None
        and within < CLOCK_TOLERANCE_NS
        and stretch.emitter != response.emitter
    )
    return stretch.onset_ns > response.end_ns - TAIL_NS or short


def _agent_barged_in(stretch: Stretch, before: Stretch | None, response: Response, earlier: Sequence[Response]) -> bool:
    """Tell whether the caller had not finished when the agent began: the agent barged in, not the caller."""
    if stretch.input_type != "speech" or stretch.input_class not in MEANINGFUL:
        return False
    if before is not None:
        resumed = stretch.onset_ns - end_of(before) <= CONTINUES_NS and stretch.onset_ns - response.start_ns <= BARGED_NS
        if not resumed or end_of(before) > response.start_ns or before.input_class not in MEANINGFUL:
            return False
    capture = "entity_capture" in {response.message_type, earlier[-1].message_type if earlier else None}
    said = (before or stretch).text or ""
    return capture or before is None or said.rstrip(".,").rsplit(" ", 1)[-1].lower() in UNFINISHED


def _grouped(response: Response, stretches: Sequence[Stretch]) -> list[Met]:
    """Group input against one response: further meaningful tries belong together, backchannels stay apart."""
    groups: list[list[Stretch]] = []
    meaningful: list[Stretch] | None = None
    for stretch in stretches:
        if intent_of(stretch) == "yes" and meaningful is not None:
            meaningful.append(stretch)
            continue
        groups.append([stretch])
        if intent_of(stretch) == "yes":
            meaningful = groups[-1]
    out = []
    for group in groups:
        later = [other.onset_ns for other in stretches if other.onset_ns > group[-1].onset_ns]
        until = None if group is meaningful else min(later, default=None)
        if meaningful is not None and group is not meaningful and 0 <= group[0].onset_ns - meaningful[0].onset_ns <= LIMIT_NS:
            until = group[0].onset_ns  # a stop so soon after a meaningful try answers that, not the murmur that follows
        out.append(Met(response=response, stretches=tuple(group), until_ns=until))
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What every episode of a call is judged against."""

    call_id: str
    trace_id: bytes
    events: Sequence[VoiceEvent]
    stretches: Sequence[Stretch]
    responses: Sequence[Response]
    rule: Rule


def _episode(call: _Call, met: Met) -> Episode:
    """Judge one interruption."""
    stretch, response = met.stretches[0], met.response
    audio = audio_after(response, stretch.onset_ns, met.until_ns)
    intent = intent_of(stretch)
    judged = verdict_of(stretch, response, audio, intent, evidence_at=stretch.evidence_ns)
    following = near(call.events, stretch.onset_ns, met.until_ns, response, call.responses)
    decided = text_of(following.get(e.DECISION_MADE, {}).get(a.VOICE_INTERRUPTION_DECISION_ACTION))
    ruling, compliance = _ruled(call.rule, stretch, response, audio)
    recovered = following.get(e.RECOVERED, {})
    task_state = text_of(recovered.get(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE))
    resume = resumed_how(audio, following, task_state) if judged.verdict == "false_interruption" else None
    silence, answered = silence_after(met.stretches[-1], response, audio, call.responses, call.events)
    lost = task_state == "lost" or resume == "lost"
    protected = ruling is not None and ruling.protected
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
        compliance=compliance,
        protected=protected,
        attempts=len(met.stretches),
        findings=findings_of(stretch, judged, audio, protected=protected, decided=decided, lost=lost),
        missing=judged.missing,
        ruling=ruling,
        decided_action=decided,
        reaction_ms=judged.reaction_ms,
        silence_ms=silence,
        answered=answered,
        repeated=intent == "yes" and repeated(met.stretches, call.stretches),
        resume=resume,
        recovered_turn=text_of(recovered.get(a.VOICE_INTERRUPTION_RECOVERY_TURN_ID)),
        task_state=task_state,
        workflow=response.workflow or text_of(stretch.attributes.get(a.VOICE_WORKFLOW)) or "unknown",
        message_type=response.message_type or "other",
        input_type=stretch.input_type,
        input_class=stretch.input_class,
        class_confidence=stretch.class_confidence,
    )


def _ruled(rule: Rule, stretch: Stretch, response: Response, audio: Audio) -> tuple[Ruling | None, str]:
    """Return the policy's ruling on all evidence, and how the agent stood to it on the evidence of the moment."""
    facts = ruled_facts(stretch, response)
    ruling = rule(facts)
    then = rule(_known_then(facts, stretch, audio.silent_ns)) if audio.silent_ns is not None else None
    ended_in_time = response.end_ns is not None and response.end_ns - stretch.onset_ns <= LIMIT_NS
    return ruling, compliance_of(ruling, then, audio, ended_in_time=ended_in_time)


def episode_span_id(call_id: str, response_id: str, onset_ns: int) -> bytes:
    """Return the span id of an episode, derived from its key so that every replay gives the same."""
    return hashlib.blake2b(f"{call_id}\0{response_id}\0{onset_ns}".encode(), digest_size=8, person=b"otel-voice episo").digest()


def ruled_facts(stretch: Stretch, response: Response) -> dict[str, Value]:
    """Return what the policy is asked about: the whole stretch, and where in the response it began."""
    position = max(0, stretch.onset_ns - response.start_ns) // MS
    return {**stretch.attributes, **context_of(response), a.VOICE_AGENT_PLAYBACK_POSITION_MS: position}


def _known_then(facts: Mapping[str, Value], stretch: Stretch, at_ns: int) -> dict[str, Value]:
    """Return the facts as they stood at `at_ns`: shorter speech, and no text the recogniser had not delivered yet."""
    known = dict(facts)
    if stretch.input_type != "speech":
        return known
    known[a.VOICE_CALLER_SPEECH_DURATION_MS] = max(0, min(at_ns, end_of(stretch)) - stretch.onset_ns) // MS
    if stretch.evidence_ns is not None and stretch.evidence_ns > at_ns:
        for key in list(known):
            if key.startswith(("voice.caller.transcript.", "voice.caller.input.class")):
                del known[key]
    return known


def interrupted_of(episodes: Sequence[Episode]) -> str:
    """Sum up a call's episodes: mishandled where one was missed or falsely stopped, handled where all that mattered went right."""
    counted = [ep for ep in episodes if ep.intent == "yes" or (ep.verdict == "false_interruption" and ep.net_audio == "stopped")]
    if any(ep.verdict in {"missed_interruption", "false_interruption"} for ep in counted):
        return "mishandled"
    if any(ep.verdict == "undetermined" for ep in episodes):
        return "unknown"
    return "handled" if counted else "none"


def same(one: Episode, other: Episode) -> bool:
    """Tell whether two episodes are one that was joined twice, the second time with evidence that came later.

    Input of one kind against one response is one stretch where it lies this near: more of it may have moved the onset.
    """
    if one.span_id == other.span_id:
        return True
    if one.response.response_id != other.response.response_id:
        return False
    return any(_adjoin(mine, theirs) for mine in one.stretches for theirs in other.stretches)


def _adjoin(one: Stretch, other: Stretch) -> bool:
    gap = JOIN_NS if one.input_type == "speech" else INTER_DIGIT_NS
    return one.input_type == other.input_type and one.onset_ns < end_of(other) + gap and other.onset_ns < end_of(one) + gap


def settled(fresh: Episode, frozen: Episode) -> Episode:
    """Return the episode as it was written when it settled, with what may still come later: silence and repeats."""
    return replace(frozen, silence_ms=fresh.silence_ms, answered=fresh.answered, repeated=fresh.repeated)
