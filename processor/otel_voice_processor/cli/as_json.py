"""Accounts of calls as JSON: the shape that processor/README.md describes. Times are ISO 8601 in UTC, offsets milliseconds of the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from otel_voice_schema import attributes as a
from otel_voice_schema.events import PREFIX

from otel_voice_processor.accounts import Account
from otel_voice_processor.cli.answers import answer, episode_answer, notes
from otel_voice_processor.cli.proof import audio_of, transcript_of
from otel_voice_processor.cli.sums import remarks, report_answer
from otel_voice_processor.cli.words import iso
from otel_voice_processor.model import CallRecord, Episode, Response, Ruling, Stretch, VoiceEvent
from otel_voice_processor.rates import TOO_FEW, Rate
from otel_voice_processor.reviews import WHY, Report, Review, perhaps

EXPLAIN: Final = "otel-voice/explain/1"
REPORT: Final = "otel-voice/report/1"
MS: Final = 1_000_000


def account_json(account: Account) -> dict[str, Any]:
    """Return all that is known of a call."""
    record = account.record
    told = answer(record)
    return {
        "format": EXPLAIN,
        "answer": told.whole,
        "tone": told.tone,
        "call": call_json(record),
        "judged": _judged(account),
        "notes": notes(account),
        "episodes": [_episode(account, each) for each in record.episodes],
        "beside": {
            "turn_overlaps": len(record.turn_overlaps),
            "premature_endpointings": [each.response_id for each in record.premature_endpointings],
            "silence_timeouts": list(record.silence_timeouts),
            "unknown_ends": record.unknown_ends,
        },
        "agent": [_response(record, each) for each in record.responses],
        "caller": [_stretch(record, each) for each in record.stretches],
        "events": [_event(record, each) for each in account.events],
    }


def call_json(record: CallRecord) -> dict[str, Any]:
    """Return the facts of a call as a whole."""
    return {
        "id": record.call_id,
        "trace_id": record.trace_id.hex(),
        "span_id": record.root_span_id.hex(),
        "start": iso(record.start_ns),
        "end": iso(record.end_ns),
        "duration_ms": (record.end_ns - record.start_ns) // MS,
        "workflow": record.workflow,
        "runtime": record.runtime,
        "runtime_version": record.runtime_version or None,
        "agent_name": record.agent_name or None,
        "agent_policy_version": record.policy_version,
        "observable": None if record.observable is None else list(record.observable),
        "task_outcome": record.task_outcome,
        "escalated": record.escalated,
        "escalation_asked": record.escalation_asked,
        "ended_by": record.ended_by,
        "interrupted": record.interrupted,
    }


def _judged(account: Account) -> dict[str, Any]:
    differences = [{"span_id": each.span_id.hex(), "counted": each.counted, "here": each.here} for each in account.differences]
    return {
        "by": account.judged_by,
        "judge_version": account.record.judge_version,
        "settled": account.settled,
        "differences": differences,
        "unjudged_events": account.unjudged,
        "dropped_events": account.dropped,
    }


def _episode(account: Account, ep: Episode) -> dict[str, Any]:
    record = account.record
    return {
        "answer": episode_answer(ep).whole,
        "span_id": ep.span_id.hex(),
        "trace_id": ep.trace_id.hex(),
        "start": iso(ep.start_ns),
        "offset_ms": _offset(record, ep.start_ns),
        "end_offset_ms": _offset(record, ep.end_ns),
        "counted": account.judged_by == "processor" and ep.span_id not in account.uncounted,
        "events_in_data": ep.span_id not in account.unseen,
        "perhaps": perhaps(ep),
        "verdict": ep.verdict,
        "reason": ep.reason,
        "intent": ep.intent,
        "net_audio": ep.net_audio,
        "compliance": ep.compliance,
        "protected": ep.protected,
        "attempts": ep.attempts,
        "findings": list(ep.findings),
        "missing": list(ep.missing),
        "workflow": ep.workflow,
        "message_type": ep.message_type,
        "input": {
            "type": ep.input_type,
            "class": ep.input_class,
            "confidence": ep.class_confidence,
            "stretches": [_stretch(record, each) for each in ep.stretches],
        },
        "response": _response(record, ep.response),
        "policy": _ruling(ep.ruling),
        "decided_action": ep.decided_action,
        "reaction_ms": ep.reaction_ms,
        "silence_ms": ep.silence_ms,
        "answered": ep.answered,
        "repeated": ep.repeated,
        "resume": ep.resume,
        "recovered_turn": ep.recovered_turn,
        "task_state": ep.task_state,
        "evidence": {"audio": audio_of(ep), "transcript": transcript_of(ep), "trace_id": ep.trace_id.hex(), "span_id": ep.span_id.hex()},
    }


def _ruling(ruling: Ruling | None) -> dict[str, Any] | None:
    if ruling is None:
        return None
    return {
        "action": ruling.action,
        "effect": ruling.effect,
        "rule": ruling.rule,
        "reason": ruling.reason,
        "confidence": ruling.confidence,
        "version": ruling.policy_version,
    }


def _stretch(record: CallRecord, stretch: Stretch) -> dict[str, Any]:
    facts = stretch.attributes
    return {
        "type": stretch.input_type,
        "onset_ms": _offset(record, stretch.onset_ns),
        "end_ms": None if stretch.end_ns is None else _offset(record, stretch.end_ns),
        "first_word_ms": None if stretch.first_word_ns is None else _offset(record, stretch.first_word_ns),
        "known_ms": None if stretch.evidence_ns is None else _offset(record, stretch.evidence_ns),
        "class": stretch.input_class,
        "confidence": stretch.class_confidence,
        "transcript": {
            "status": stretch.transcript_status,
            "text": stretch.text,
            "redacted": stretch.text is None and bool(facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH)),
            "length": facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH),
            "words": facts.get(a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT),
            "ref": facts.get(a.VOICE_CALLER_TRANSCRIPT_REF),
        },
        "audio": facts.get(a.VOICE_EVIDENCE_AUDIO_REF),
    }


def _response(record: CallRecord, response: Response) -> dict[str, Any]:
    return {
        "id": response.response_id,
        "message_type": response.message_type,
        "start_ms": _offset(record, response.start_ns),
        "end_ms": None if response.end_ns is None else _offset(record, response.end_ns),
        "end_reason": response.end_reason,
        "pauses": [[_offset(record, s), None if e is None else _offset(record, e)] for s, e in response.pauses],
        "planned_ms": response.planned_ms,
        "position_ms": response.position_ms,
    }


def _event(record: CallRecord, event: VoiceEvent) -> dict[str, Any]:
    return {
        "name": event.name.removeprefix(PREFIX),
        "at": iso(event.time_ns),
        "offset_ms": _offset(record, event.time_ns),
        "span_id": event.span_id.hex(),
        "emitter": event.emitter or None,
    }


def _offset(record: CallRecord, ns: int) -> int:
    return (ns - record.start_ns) // MS


def report_json(report: Report, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return a report; each call to review with its answer and its episodes."""
    told = report_answer(report)
    return {
        "format": REPORT,
        "answer": told.whole,
        "tone": told.tone,
        "calls": report.calls,
        "interrupted": dict(sorted(report.interrupted.items())),
        "from": iso(report.first_ns),
        "to": iso(report.last_ns),
        "notes": [*remarks(report), *notes],
        "perhaps": report.perhaps,
        "judged_here": report.judged_here,
        "differing": report.differing,
        "rates": [_rate(report, each) for each in report.rates],
        "workflows": [asdict(each) | {"too_few": each.too_few} for each in report.workflows],
        "undetermined": [asdict(each) for each in report.gaps],
        "to_review": report.to_review,
        "review": [_review(each) for each in report.reviews],
    }


def _rate(report: Report, rate: Rate) -> dict[str, Any]:
    return asdict(rate) | {"too_few": rate.denominator < TOO_FEW, "calls": asdict(report.behind[rate.name])}


def _review(review: Review) -> dict[str, Any]:
    told = account_json(review.account)
    kept = {key: told[key] for key in ("answer", "tone", "call", "judged", "notes", "episodes")}
    return {"why": review.why, "why_in_words": WHY[review.why], "also": list(review.also), **kept}
