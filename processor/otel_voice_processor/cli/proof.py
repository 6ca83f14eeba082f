"""What an answer rests on, as rows of name and value: ruling, agent, what was heard, findings, what is missing, where to look."""

from __future__ import annotations

from otel_voice_schema import attributes as a

from otel_voice_processor.cli.words import LONG_QUOTE, LONG_TEXT, clock, short
from otel_voice_processor.model import CallRecord, Episode, Stretch

BECAUSE = {"class_given": "the agent's helper gave the class"}
NOT_TOLD = {"expired": "nobody told its end", "unknown": "nobody told who ended it"}
COMPLIANCE = {"early": "early (before policy had the evidence, and policy agreed later)"}


def proof(record: CallRecord, episode: Episode) -> list[tuple[str, str]]:
    """Return what the verdict on one interruption rests on; values are fit for a line of a terminal."""
    decided = short(episode.decided_action or "no decision reported")
    compliance = COMPLIANCE.get(episode.compliance, short(episode.compliance))
    rows = [
        ("policy", _policy(episode)),
        ("agent", f"{decided}; compliance: {compliance}; verdict because {short(episode.reason)}"),
        ("said", _said(episode)),
        ("heard", _heard(episode)),
        ("findings", ", ".join(map(short, episode.findings))),
        ("missing", ", ".join(map(short, episode.missing))),
        ("recovery", _recovery(episode)),
        ("evidence", _evidence(record, episode)),
    ]
    return [(name, value) for name, value in rows if value]


def _policy(episode: Episode) -> str:
    ruling = episode.ruling
    if ruling is None:
        return ""
    because = BECAUSE.get(ruling.reason, short(ruling.reason))
    sure = f"rule {short(ruling.rule)}, {because}, confidence {ruling.confidence:.2f}, policy {short(ruling.policy_version)}"
    return f"{short(ruling.action)} ({sure})"


def _said(episode: Episode) -> str:
    """Return what the answer above it does not already quote."""
    spoken = [stretch for stretch in episode.stretches if stretch.input_type == "speech"]
    if len(spoken) == 1 and spoken[0].text and len(spoken[0].text) <= LONG_QUOTE and transcript_of(episode) is None:
        return ""
    return "; ".join(map(said, spoken))


def said(stretch: Stretch, *, pointer: bool = True) -> str:
    """Return what is known of the words of one stretch: the text where the data hold it, else that it is redacted and where it lies."""
    facts = stretch.attributes
    ref = facts.get(a.VOICE_CALLER_TRANSCRIPT_REF) if pointer else None
    where = f", at {short(str(ref))}" if ref else ""
    if stretch.text:
        status = f" ({stretch.transcript_status})" if stretch.transcript_status not in {None, "final"} else ""
        return f'"{short(stretch.text, LONG_TEXT)}"{status}{where}'
    words, length = facts.get(a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT), facts.get(a.VOICE_CALLER_TRANSCRIPT_LENGTH)
    if words or length:
        return f"text redacted: {_number(words, 'word')}, {_number(length, 'character')}{where}"
    if stretch.transcript_status == "empty":
        inferred = " (inferred: the recogniser sent nothing)" if facts.get(a.VOICE_CALLER_TRANSCRIPT_INFERRED) is True else ""
        return f"no words{inferred}{where}"
    unheard = "the recogniser was not fed" if stretch.transcript_status == "unavailable" else "no transcript in the data"
    return f"{unheard}{where}"


def _number(value: object, noun: str) -> str:
    known = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,} {noun}{'' if value == 1 else 's'}" if known else f"? {noun}s"


def _heard(episode: Episode) -> str:
    response = episode.response
    if not response.position_ms or response.planned_ms is None:  # 0 is that of the start: nobody told a later one
        return ""
    return f"{response.position_ms / 1000:.2f} s of the planned {response.planned_ms / 1000:.2f} s of {short(response.response_id)}"


def _recovery(episode: Episode) -> str:
    told = []
    if episode.resume is not None:
        told.append(f"resume: {short(episode.resume)}")
    if episode.recovered_turn is not None:
        told.append(f"recovered in {short(episode.recovered_turn)}")
    if episode.task_state is not None:
        told.append(f"task {short(episode.task_state)}")
    if episode.silence_ms is not None:
        told.append(f"{episode.silence_ms / 1000:.2f} s of silence")
    return ", ".join(told)


def audio_of(episode: Episode) -> str | None:
    """Return where the audio of an interruption lies, as the agent told it; None where it did not."""
    refs = (stretch.attributes.get(a.VOICE_EVIDENCE_AUDIO_REF) for stretch in episode.stretches)
    return next((str(ref) for ref in refs if ref), None)


def transcript_of(episode: Episode) -> str | None:
    """Return where the transcript of an interruption lies, as the agent told it; None where it did not."""
    refs = (stretch.attributes.get(a.VOICE_CALLER_TRANSCRIPT_REF) for stretch in episode.stretches)
    return next((str(ref) for ref in refs if ref), None)


def _evidence(record: CallRecord, episode: Episode) -> str:
    audio, transcript = audio_of(episode), transcript_of(episode)
    told = [f"audio {short(audio)}" if audio else "no audio pointer", f"at {clock(episode.start_ns - record.start_ns)} of the call"]
    told += [f"transcript {short(transcript)}"] if transcript else []
    told += [f"trace {episode.trace_id.hex()}", f"span {episode.span_id.hex()}"]
    text = ", text shown by opt-in" if episode.stretch.text else ""
    return ", ".join(told) + text


def judged_against(record: CallRecord) -> str:
    """Return the version of the policy that the rulings on a call are of, or which would have ruled."""
    versions = dict.fromkeys(ep.ruling.policy_version for ep in record.episodes if ep.ruling is not None)
    return " and ".join(map(short, versions)) or short(record.processor_policy_version)


def call_facts(record: CallRecord) -> str:
    """Return how the call went as a whole, in a line."""
    escalated = {True: "escalated", False: "not escalated", None: "escalation unknown"}[record.escalated]
    asked = ", a person was asked for" if record.escalation_asked else ""
    by = NOT_TOLD.get(record.ended_by)
    ended = by or f"ended by {short(record.ended_by)}"
    task = f"task {short(record.task_outcome)}, {escalated}{asked}, {ended}"
    return f"call: {task}, {(record.end_ns - record.start_ns) / 1e9:.1f} s, trace {record.trace_id.hex()}"
