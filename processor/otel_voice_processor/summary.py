"""Write what settled as spans: one `episode` each, one `call` as the root of the call's trace. Pure."""

from __future__ import annotations

from otel_voice_schema import SCHEMA_URL, SCHEMA_VERSION
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.validate import PROCESSOR

from otel_voice.emit import package_version
from otel_voice.facts import missing
from otel_voice.policy import Ruling as PolicyRuling
from otel_voice_processor.model import CallRecord, Episode, Ruling, Value
from otel_voice_processor.wire import build_request, encode_span

SCOPE = "otel-voice-processor"
NO_PARENT = b""


def ruling_attributes(ruling: Ruling | PolicyRuling, basis: str) -> dict[str, Value]:
    """Return a ruling as it is written on a span."""
    return {
        a.VOICE_POLICY_VERSION: ruling.policy_version,
        a.VOICE_POLICY_RULE: ruling.rule,
        a.VOICE_POLICY_INPUT_CLASS: ruling.input_class,
        a.VOICE_POLICY_ACTION: ruling.action,
        a.VOICE_POLICY_REASON: ruling.reason,
        a.VOICE_POLICY_CONFIDENCE: float(ruling.confidence),
        a.VOICE_POLICY_BASIS: basis,
    }


def _shared(record: CallRecord) -> dict[str, Value | None]:
    return {
        a.VOICE_SCHEMA_VERSION: SCHEMA_VERSION,
        a.VOICE_CALL_ID: record.call_id,
        a.VOICE_RUNTIME_NAME: record.runtime,
        a.VOICE_AGENT_POLICY_VERSION: record.policy_version,
        a.VOICE_JUDGE_VERSION: record.judge_version,
        a.VOICE_CALL_OBSERVABLE: record.observable,
    }


def _known(name: str, facts: dict[str, Value | None]) -> dict[str, Value]:
    """Return what is known, and what the event should tell and does not under `voice.evidence.missing`."""
    known = {key: value for key, value in facts.items() if value is not None and key != a.VOICE_EVIDENCE_MISSING}
    before = facts.get(a.VOICE_EVIDENCE_MISSING)
    absent = dict.fromkeys((*(before if isinstance(before, tuple) else ()), *missing(name, known)))
    return known | ({a.VOICE_EVIDENCE_MISSING: tuple(map(str, absent))} if absent else {})


def episode_attributes(episode: Episode, record: CallRecord) -> dict[str, Value]:
    """Return the attributes of an episode's summary span."""
    facts: dict[str, Value | None] = {
        a.VOICE_WORKFLOW: episode.workflow,
        a.VOICE_AGENT_MESSAGE_TYPE: episode.message_type,
        a.VOICE_AGENT_RESPONSE_ID: episode.response.response_id,
        a.VOICE_AGENT_PLAYBACK_POSITION_MS: episode.response.position_ms,
        a.VOICE_CALLER_INPUT_TYPE: episode.input_type,
        a.VOICE_CALLER_INPUT_CLASS: episode.input_class,
        a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE: float(episode.class_confidence),
        a.VOICE_INTERRUPTION_VERDICT: episode.verdict,
        a.VOICE_INTERRUPTION_REASON: episode.reason,
        a.VOICE_INTERRUPTION_COMPLIANCE: episode.compliance,
        a.VOICE_INTERRUPTION_NET_AUDIO: episode.net_audio,
        a.VOICE_INTERRUPTION_INTENT: episode.intent,
        a.VOICE_INTERRUPTION_PROTECTED: episode.protected,
        a.VOICE_INTERRUPTION_ATTEMPTS: episode.attempts,
        a.VOICE_INTERRUPTION_FINDINGS: episode.findings,
        a.VOICE_INTERRUPTION_REACTION_MS: episode.reaction_ms,
        a.VOICE_INTERRUPTION_SILENCE_MS: episode.silence_ms,
        a.VOICE_INTERRUPTION_RESUME: episode.resume,
        a.VOICE_INTERRUPTION_DECISION_ACTION: episode.decided_action,
        a.VOICE_INTERRUPTION_RECOVERY_TURN_ID: episode.recovered_turn,
        a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE: episode.task_state,
        a.VOICE_EVIDENCE_MISSING: episode.missing,
    }
    ruling = ruling_attributes(episode.ruling, "episode") if episode.ruling else {}
    return {**_known(e.EPISODE, _shared(record) | facts), **ruling}


def call_attributes(record: CallRecord) -> dict[str, Value]:
    """Return the attributes of a call's root span."""
    waits = tuple(-1 if ep.silence_ms is None else ep.silence_ms for ep in record.episodes)
    facts: dict[str, Value | None] = {
        a.VOICE_WORKFLOW: record.workflow,
        a.GEN_AI_AGENT_NAME: record.agent_name or None,
        a.VOICE_RUNTIME_VERSION: record.runtime_version or None,
        a.VOICE_CALL_TASK_OUTCOME: record.task_outcome,
        a.VOICE_CALL_ESCALATED: record.escalated,
        a.VOICE_CALL_ENDED_BY: None if record.ended_by == "unknown" else record.ended_by,
        a.VOICE_CALL_INTERRUPTED: record.interrupted,
        a.VOICE_CALL_ESCALATION_ASKED: record.escalation_asked,
        a.VOICE_CALL_UNKNOWN_ENDS: record.unknown_ends,
        a.VOICE_CALL_EPISODE_IDS: tuple(ep.span_id.hex() for ep in record.episodes),
        a.VOICE_CALL_EPISODE_VERDICTS: tuple(ep.verdict for ep in record.episodes),
        a.VOICE_CALL_EPISODE_SILENCES_MS: waits,
        a.VOICE_CALL_EPISODE_REPEATS: tuple(ep.repeated for ep in record.episodes),
        a.VOICE_CALL_EPISODE_UNANSWERED: tuple(ep.answered is False for ep in record.episodes),
        a.VOICE_INTERRUPTION_FINDINGS: ("premature_endpointing",) if record.premature_endpointings else (),
    }
    return _known(e.CALL, _shared(record) | facts)


def summary_request(episodes: tuple[Episode, ...], record: CallRecord, *, whole: bool, instance: str) -> bytes:
    """Return one OTLP request with the episodes' spans, and the call's root span where `whole`."""
    spans = [
        encode_span(
            name=e.EPISODE,
            trace_id=ep.trace_id,
            span_id=ep.span_id,
            parent_span_id=record.root_span_id,
            start_ns=ep.start_ns,
            end_ns=max(ep.start_ns, ep.end_ns),
            attributes=episode_attributes(ep, record),
        )
        for ep in episodes
    ]
    if whole:
        spans.append(
            encode_span(
                name=e.CALL,
                trace_id=record.trace_id,
                span_id=record.root_span_id,
                parent_span_id=NO_PARENT,
                start_ns=record.start_ns,
                end_ns=record.end_ns,
                attributes=call_attributes(record),
            )
        )
    return build_request(resource_attributes(instance), SCOPE, package_version(), SCHEMA_URL, spans)


def resource_attributes(instance: str) -> dict[str, Value]:
    """Return the resource that everything of the processor's own carries."""
    return {"service.name": PROCESSOR, "service.instance.id": instance, "service.version": package_version()}
