"""What is known of a recorded call: its record as it counted, who judged it, and where judging anew comes out differently. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from otel_voice_schema import attributes as a

from otel_voice.emit import derive_ids
from otel_voice.policy import JUDGE_VERSION, effect_of
from otel_voice_processor.episodes import Rule, interrupted_of, record_of
from otel_voice_processor.evidence import MS, bool_of, int_of, text_of
from otel_voice_processor.heard import with_positions
from otel_voice_processor.model import Attributes, CallRecord, Episode, Response, Ruling, Stretch, Value, VoiceEvent
from otel_voice_processor.recordings import Recording

PROCESSOR: Final = "processor"
HERE: Final = "here"
AFTERMATHS: Final = (a.VOICE_CALL_EPISODE_SILENCES_MS, a.VOICE_CALL_EPISODE_REPEATS, a.VOICE_CALL_EPISODE_UNANSWERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An episode that judging anew judges differently; `here` is None where it joins no such episode, `counted` where none counted."""

    span_id: bytes
    counted: str | None
    here: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A call's record and what stands behind it.

    `judged_by` is processor or here. `uncounted` are episodes joined here that the processor has not written (yet), `unseen` those it wrote
    whose events are not in the data. `settled`: the call's own summary is there.
    """

    record: CallRecord
    events: tuple[VoiceEvent, ...]
    judged_by: str
    settled: bool
    differences: tuple[Difference, ...] = ()
    uncounted: frozenset[bytes] = frozenset()
    unseen: frozenset[bytes] = frozenset()
    unjudged: int = 0
    dropped: int = 0


def account_of(recording: Recording, rule: Rule, *, policy_version: str) -> Account:
    """Return what is known of a call. `rule` asks the policy where the processor has not."""
    trace_id, root_id = derive_ids(recording.call_id)
    root = (trace_id.to_bytes(16, "big"), root_id.to_bytes(8, "big"))
    judged = record_of(recording.call_id, recording.events, rule, policy_version=policy_version, root=root)
    here = with_positions(judged, recording.events)
    plain = Account(
        record=here,
        events=recording.events,
        judged_by=HERE,
        settled=recording.call is not None,
        unjudged=recording.unjudged,
        dropped=recording.dropped,
    )
    if recording.call is None and not recording.episodes:
        return plain
    written = {span.span_id: span for span in recording.episodes}
    counted, unseen, differences = _counted(recording.call_id, here.episodes, written, _listed(recording.call))
    left = [ep for ep in here.episodes if not any(_same(ep, each) for each in counted)]
    uncounted = () if plain.settled else left
    if plain.settled:
        differences += [Difference(span_id=ep.span_id, counted=None, here=ep.verdict) for ep in left]
    episodes = tuple(sorted([*counted, *uncounted], key=lambda ep: (ep.start_ns, ep.span_id)))
    return replace(
        plain,
        record=_call_as_counted(here, episodes, recording),
        judged_by=PROCESSOR,
        differences=tuple(differences),
        uncounted=frozenset(ep.span_id for ep in uncounted),
        unseen=frozenset(unseen),
    )


def _counted(
    call_id: str, joined: Sequence[Episode], written: Mapping[bytes, VoiceEvent], listed: Mapping[bytes, str]
) -> tuple[list[Episode], list[bytes], list[Difference]]:
    """Return the episodes that counted, those of them without events, and where judging anew differs."""
    counted: list[Episode] = []
    unseen: list[bytes] = []
    differences: list[Difference] = []
    for span_id, span in written.items():
        bare = _bare(call_id, span)
        mine = next((ep for ep in joined if ep.span_id == span_id), None) or next((ep for ep in joined if _same(ep, bare)), None)
        if mine is None:
            unseen.append(span_id)
        counted.append(_as_counted(mine or bare, span))
        verdict = counted[-1].verdict
        if mine is not None and mine.verdict != verdict:
            differences.append(Difference(span_id=span_id, counted=verdict, here=mine.verdict))
    for mine in joined:  # the call's summary knows verdicts of episodes whose own span is not in the data
        verdict = listed.get(mine.span_id, "")
        if verdict and mine.span_id not in written:
            counted.append(replace(mine, verdict=verdict))
            if mine.verdict != verdict:
                differences.append(Difference(span_id=mine.span_id, counted=verdict, here=mine.verdict))
    return counted, unseen, differences


def _listed(call: VoiceEvent | None) -> dict[bytes, str]:
    """Return the verdicts by episode that the call's summary lists."""
    facts = call.attributes if call is not None else {}
    ids, verdicts = facts.get(a.VOICE_CALL_EPISODE_IDS), facts.get(a.VOICE_CALL_EPISODE_VERDICTS)
    if not isinstance(ids, tuple) or not isinstance(verdicts, tuple):
        return {}
    return {bytes.fromhex(str(each)): str(verdict) for each, verdict in zip(ids, verdicts, strict=False) if _is_hex(str(each))}


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and all(c in "0123456789abcdef" for c in text)


def _same(one: Episode, other: Episode) -> bool:
    """Tell whether two are one episode: later evidence may have moved its onset, and with it its id."""
    if one.span_id == other.span_id:
        return True
    alike = one.response.response_id == other.response.response_id and one.input_type == other.input_type
    return alike and one.start_ns <= other.end_ns and other.start_ns <= one.end_ns


def _as_counted(ep: Episode, span: VoiceEvent) -> Episode:
    """Return an episode as its summary says it."""
    facts = span.attributes
    findings = facts.get(a.VOICE_INTERRUPTION_FINDINGS, ())
    first = replace(
        ep.stretches[0],
        input_class=text_of(facts.get(a.VOICE_CALLER_INPUT_CLASS)) or ep.input_class,
        class_confidence=_double(facts.get(a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE), ep.class_confidence),
    )
    return replace(
        ep,
        span_id=span.span_id,
        trace_id=span.trace_id or ep.trace_id,
        stretches=(first, *ep.stretches[1:]),
        intent=text_of(facts.get(a.VOICE_INTERRUPTION_INTENT)) or ep.intent,
        net_audio=text_of(facts.get(a.VOICE_INTERRUPTION_NET_AUDIO)) or ep.net_audio,
        verdict=text_of(facts.get(a.VOICE_INTERRUPTION_VERDICT)) or ep.verdict,
        reason=text_of(facts.get(a.VOICE_INTERRUPTION_REASON)) or ep.reason,
        compliance=text_of(facts.get(a.VOICE_INTERRUPTION_COMPLIANCE)) or ep.compliance,
        protected=facts.get(a.VOICE_INTERRUPTION_PROTECTED) is True,
        attempts=int_of(facts.get(a.VOICE_INTERRUPTION_ATTEMPTS)) or ep.attempts,
        findings=tuple(map(str, findings)) if isinstance(findings, tuple) else (),
        missing=_missing(ep, facts),
        ruling=_ruling(facts) or ep.ruling,
        decided_action=text_of(facts.get(a.VOICE_INTERRUPTION_DECISION_ACTION)),
        reaction_ms=int_of(facts.get(a.VOICE_INTERRUPTION_REACTION_MS)),
        silence_ms=int_of(facts.get(a.VOICE_INTERRUPTION_SILENCE_MS)) if ep.silence_ms is None else ep.silence_ms,
        resume=text_of(facts.get(a.VOICE_INTERRUPTION_RESUME)),
        recovered_turn=text_of(facts.get(a.VOICE_INTERRUPTION_RECOVERY_TURN_ID)) or ep.recovered_turn,
        task_state=text_of(facts.get(a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE)) or ep.task_state,
        input_class=first.input_class,
        class_confidence=first.class_confidence,
        workflow=text_of(facts.get(a.VOICE_WORKFLOW)) or ep.workflow,
        message_type=text_of(facts.get(a.VOICE_AGENT_MESSAGE_TYPE)) or ep.message_type,
    )


def _missing(ep: Episode, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """Return what was missing: what the judge needed where that is known, for a summary lists all that it does not tell."""
    if ep.verdict == facts.get(a.VOICE_INTERRUPTION_VERDICT) and ep.missing:
        return ep.missing
    missing = facts.get(a.VOICE_EVIDENCE_MISSING, ())
    return tuple(str(each) for each in missing) if isinstance(missing, tuple) else ()


def _double(value: Value | None, otherwise: float) -> float:
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else otherwise


def _ruling(facts: Mapping[str, Value]) -> Ruling | None:
    action = text_of(facts.get(a.VOICE_POLICY_ACTION))
    if action is None:
        return None
    return Ruling(
        action=action,
        effect=effect_of(action),
        input_class=text_of(facts.get(a.VOICE_POLICY_INPUT_CLASS)) or "unknown",
        rule=text_of(facts.get(a.VOICE_POLICY_RULE)) or "unknown",
        reason=text_of(facts.get(a.VOICE_POLICY_REASON)) or "unknown",
        confidence=_double(facts.get(a.VOICE_POLICY_CONFIDENCE), 0.0),
        policy_version=text_of(facts.get(a.VOICE_POLICY_VERSION)) or "unknown",
        protected=facts.get(a.VOICE_INTERRUPTION_PROTECTED) is True,
    )


def _bare(call_id: str, span: VoiceEvent) -> Episode:
    """Return what a summary tells of an episode by itself, where its events are not in the data."""
    facts = span.attributes
    position = int_of(facts.get(a.VOICE_AGENT_PLAYBACK_POSITION_MS)) or None  # 0 is that of the start: nobody told a later one
    net = text_of(facts.get(a.VOICE_INTERRUPTION_NET_AUDIO)) or "unknown"
    reaction = int_of(facts.get(a.VOICE_INTERRUPTION_REACTION_MS))
    silent = span.start_ns + reaction * MS if reaction is not None else span.time_ns
    stopped = silent if net == "stopped" else None
    kind = text_of(facts.get(a.VOICE_CALLER_INPUT_TYPE)) or "speech"
    response = Response(
        response_id=text_of(facts.get(a.VOICE_AGENT_RESPONSE_ID)) or "unknown",
        start_ns=stopped - position * MS if stopped is not None and position is not None else span.start_ns,
        end_ns=stopped,
        end_reason="interrupted" if stopped is not None else None,
        pauses=(),
        message_type=text_of(facts.get(a.VOICE_AGENT_MESSAGE_TYPE)),
        workflow=text_of(facts.get(a.VOICE_WORKFLOW)),
        interruptible=None,
        question_pending=None,
        planned_ms=None,
        position_ms=position,
        emitter="",
    )
    stretch = Stretch(
        input_type=kind,
        onset_ns=span.start_ns,
        end_ns=None,  # the summary ends when the agent was silent, too
        first_word_ns=None,
        text=None,
        transcript_status=None,
        input_class="unknown",
        class_confidence=0.0,
        class_reason="",
        evidence_ns=None,
        word_hashes=(),
        is_backchannel=None,
        emitter="",
        attributes={},
    )
    return Episode(
        call_id=call_id,
        span_id=span.span_id,
        trace_id=span.trace_id,
        start_ns=span.start_ns,
        end_ns=span.time_ns,
        response=response,
        stretches=(stretch,),
        intent="unknown",
        net_audio=net,
        verdict="undetermined",
        reason="unknown",
        compliance="unknown",
        protected=False,
        attempts=1,
        findings=(),
        missing=(),
        ruling=None,
        decided_action=None,
        reaction_ms=reaction,
        silence_ms=None,
        answered=None,
        repeated=False,
        resume=None,
        recovered_turn=None,
        task_state=None,
        workflow=response.workflow or "unknown",
        message_type=response.message_type or "other",
        input_type=kind,
        input_class="unknown",
        class_confidence=0.0,
    )


def _call_as_counted(here: CallRecord, episodes: tuple[Episode, ...], recording: Recording) -> CallRecord:
    """Return the call's record with the facts that its summary tells."""
    call = recording.call
    if call is None:
        judge = next((text_of(span.attributes.get(a.VOICE_JUDGE_VERSION)) for span in recording.episodes), None)
        return replace(here, episodes=episodes, interrupted=interrupted_of(episodes, here.observable), judge_version=judge or JUDGE_VERSION)
    facts = call.attributes
    episodes = tuple(_with_aftermath(episode, found) for episode, found in zip(episodes, _aftermaths(facts, episodes), strict=True))
    told = facts.get(a.VOICE_CALL_OBSERVABLE)
    observable = tuple(map(str, told)) if isinstance(told, tuple) else here.observable
    findings = facts.get(a.VOICE_INTERRUPTION_FINDINGS)
    premature = isinstance(findings, tuple) and "premature_endpointing" in findings
    return replace(
        here,
        episodes=episodes,
        trace_id=call.trace_id or here.trace_id,
        root_span_id=call.span_id,
        start_ns=here.start_ns or call.start_ns,
        end_ns=here.end_ns or call.time_ns,
        runtime=text_of(facts.get(a.VOICE_RUNTIME_NAME)) or here.runtime,
        runtime_version=text_of(facts.get(a.VOICE_RUNTIME_VERSION)) or here.runtime_version,
        agent_name=text_of(facts.get(a.GEN_AI_AGENT_NAME)) or here.agent_name,
        workflow=text_of(facts.get(a.VOICE_WORKFLOW)) or here.workflow,
        policy_version=text_of(facts.get(a.VOICE_AGENT_POLICY_VERSION)) or here.policy_version,
        observable=observable,
        task_outcome=text_of(facts.get(a.VOICE_CALL_TASK_OUTCOME)) or here.task_outcome,
        escalated=bool_of(facts.get(a.VOICE_CALL_ESCALATED)),
        ended_by=text_of(facts.get(a.VOICE_CALL_ENDED_BY)) or here.ended_by,
        interrupted=text_of(facts.get(a.VOICE_CALL_INTERRUPTED)) or interrupted_of(episodes, observable),
        escalation_asked=facts.get(a.VOICE_CALL_ESCALATION_ASKED) is True,
        premature_endpointings=here.premature_endpointings if premature else (),
        unknown_ends=int_of(facts.get(a.VOICE_CALL_UNKNOWN_ENDS)) or 0,
        judge_version=text_of(facts.get(a.VOICE_JUDGE_VERSION)) or here.judge_version,
    )


def _aftermaths(facts: Attributes, episodes: Sequence[Episode]) -> Iterator[dict[str, Value]]:
    """Yield what the call's summary tells of each episode's aftermath, by the list it stands in."""
    ids = facts.get(a.VOICE_CALL_EPISODE_IDS)
    places = {str(span_id): at for at, span_id in enumerate(ids)} if isinstance(ids, tuple) else {}
    lists = {key: facts.get(key) for key in AFTERMATHS}
    for episode in episodes:
        at = places.get(episode.span_id.hex())
        yield {key: told[at] for key, told in lists.items() if at is not None and isinstance(told, tuple) and at < len(told)}


def _with_aftermath(episode: Episode, found: Mapping[str, Value]) -> Episode:
    if not found:
        return episode
    silence = int_of(found.get(a.VOICE_CALL_EPISODE_SILENCES_MS))
    known = None if silence is None or silence < 0 else silence
    never = bool_of(found.get(a.VOICE_CALL_EPISODE_UNANSWERED))
    answered = episode.answered if never is None else False if never else True if known is not None else None
    return replace(episode, silence_ms=known, repeated=found.get(a.VOICE_CALL_EPISODE_REPEATS) is True, answered=answered)
