"""What a page shows of a call, in the words and bounds that fit a page; templates only place it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.events import PREFIX

from otel_voice.printable import printable
from otel_voice_processor.accounts import HERE, Account
from otel_voice_processor.cli.answers import Answer, answer, episode_answer, notes
from otel_voice_processor.cli.drawing import Drawing, drawing, whole_call
from otel_voice_processor.cli.proof import BECAUSE, COMPLIANCE, NOT_TOLD, audio_of, judged_against, proof, said, transcript_of
from otel_voice_processor.cli.words import JOINERS, after_words, clock, iso, no_episode_words, quoted, short
from otel_voice_processor.evidence import int_of
from otel_voice_processor.model import CallRecord, Episode, Stretch, VoiceEvent
from otel_voice_processor.reviews import gravest, perhaps

MOST: Final = 20  # interruptions of one call that are drawn on a page
MOST_ROWS: Final = 600  # of a table
MOST_EVENTS: Final = 1_000
LONG_TEXT: Final = 1_200  # characters of what was said


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One stretch of caller speech: its text as far as the data hold it, how much more there is, or what is known instead."""

    text: str
    more: str
    instead: str
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeView:
    """One interruption as a page shows it."""

    answer: Answer
    place: str
    after: str
    clock: str
    picture: Drawing | None  # None where its events are not in the data
    heard: tuple[Said, ...]
    proof: tuple[tuple[str, str], ...]
    policy: str
    audio: str
    transcript: str
    trace: str
    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """One call as a page shows it; `left_out` says what is not drawn."""

    answer: Answer
    call_id: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    beside: tuple[str, ...]
    whole: Drawing | None
    episodes: tuple[EpisodeView, ...]
    left_out: str
    table: tuple[tuple[str, ...], ...]
    table_caption: str
    events: tuple[tuple[str, str, str, str], ...]
    events_caption: str
    footer: str


def call_view(account: Account, *, most: int = MOST, events: int = MOST_EVENTS) -> CallView:
    """Return what a page shows of a call: at most `most` interruptions drawn, and `events` of its events listed."""
    record = account.record
    shown = gravest(record, most)
    numbered = {ep.span_id: number for number, ep in enumerate(record.episodes, 1)}
    left = len(record.episodes) - len(shown)
    beside = [words for words, _ in no_episode_words(record)]
    rows = tuple(_row(record, ep) for ep in record.episodes[:MOST_ROWS]) if len(record.episodes) > 1 else ()
    told = account.events[:events]
    return CallView(
        answer=answer(record),
        call_id=short(record.call_id, 200),
        facts=_facts(record),
        notes=tuple(notes(account)),
        beside=tuple(beside if record.episodes else beside[1:]),
        whole=whole_call(record),
        episodes=tuple(_episode(account, ep, numbered[ep.span_id]) for ep in shown),
        left_out=f"{left:,} more interruptions are not drawn: the {len(shown)} gravest are." if left else "",
        table=rows,
        table_caption=_first(len(rows), len(record.episodes), "interruptions"),
        events=tuple(_event(record, each) for each in told),
        events_caption=_first(len(told), len(account.events), "events"),
        footer=_footer(account),
    )


def _first(shown: int, of_all: int, noun: str) -> str:
    return f"All {of_all:,} {noun}" if shown == of_all else f"The first {shown:,} of {of_all:,} {noun}; `--json` has all"


def _facts(record: CallRecord) -> tuple[tuple[str, str], ...]:
    escalated = {True: "yes", False: "no", None: "not told"}[record.escalated]
    facts = [
        ("Began", (iso(record.start_ns) or "not told").replace("T", " ").replace("Z", " UTC")),
        ("Lasted", f"{(record.end_ns - record.start_ns) / 1e9:.1f} s"),
        ("Workflow", short(record.workflow)),
        ("Agent", short(record.agent_name) if record.agent_name else ""),
        ("Runtime", f"{short(record.runtime)} {short(record.runtime_version)}".strip()),
        ("Agent runs policy", short(record.policy_version)),
        ("Judged against policy", judged_against(record)),
        ("Task", short(record.task_outcome)),
        ("Escalated", f"{escalated}, asked for" if record.escalation_asked else escalated),
        ("Ended by", NOT_TOLD.get(record.ended_by, short(record.ended_by))),
    ]
    return tuple((name, value) for name, value in facts if value)


def _episode(account: Account, ep: Episode, number: int) -> EpisodeView:
    record = account.record
    at = clock(ep.start_ns - record.start_ns)
    several = len(record.episodes) > 1
    return EpisodeView(
        answer=episode_answer(ep),
        place=f"{number} of {len(record.episodes)}, {at} into the call" if several else "",
        after=after_words(ep),
        clock=at,
        picture=drawing(record, ep) if ep.span_id not in account.unseen else None,
        heard=tuple(_said(stretch) for stretch in ep.stretches[:MOST]),
        proof=_proof(account, ep),
        policy=_policy(ep),
        audio=printable(audio_of(ep) or "")[:500],
        transcript=printable(transcript_of(ep) or "")[:500],
        trace=ep.trace_id.hex(),
        span=ep.span_id.hex(),
    )


def _proof(account: Account, ep: Episode) -> tuple[tuple[str, str], ...]:
    told = dict(proof(account.record, ep))
    rows = [
        ("Agent had begun" if perhaps(ep) else "Agent was saying", _spoken(account, ep)),
        ("Verdict", f"{plain(ep.verdict).capitalize()}: {plain(ep.reason)}"),
        (
            "Compliance",
            COMPLIANCE.get(ep.compliance, plain(ep.compliance)) + ("; the message is protected by policy" if ep.protected else ""),
        ),
        ("Policy asked", plain(ep.ruling.action) if ep.ruling is not None else ""),
        ("Agent decided", plain(ep.decided_action or "not reported")),
        ("Findings", plain(told.get("findings", ""))),
        ("Missing", told.get("missing", "")),
        ("Recovery", told.get("recovery", "")),
    ]
    return tuple((name, value) for name, value in rows if value)


def plain(text: str) -> str:
    """Return a word of the schema as a reader says it."""
    return short(text, 200).replace("_", " ")


def _spoken(account: Account, ep: Episode) -> str:
    """Return what message was being spoken, and how much of it the caller heard."""
    response = ep.response
    told = [f"{plain(ep.message_type)} ({short(response.response_id)})"]
    if response.position_ms and ep.net_audio == "stopped":
        of_all = f" of {response.planned_ms / 1000:.2f} s planned" if response.planned_ms is not None else ""
        told.append(f"{response.position_ms / 1000:.2f} s of it heard{of_all}")
    boundary = next((heard for event in account.events if (heard := _boundary(event, response.response_id)) is not None), None)
    if boundary is not None:
        told.append(f"text heard up to character {boundary:,}")
    return ", ".join(told)


def _boundary(event: VoiceEvent, response_id: str) -> int | None:
    if event.name != e.AGENT_SPEECH_INTERRUPTED or event.attributes.get(a.VOICE_AGENT_RESPONSE_ID) != response_id:
        return None
    return int_of(event.attributes.get(a.VOICE_AGENT_HEARD_TEXT_BOUNDARY))


def _policy(ep: Episode) -> str:
    ruling = ep.ruling
    if ruling is None:
        return ""
    because = BECAUSE.get(ruling.reason, plain(ruling.reason))
    return f"rule {short(ruling.rule)}, {because}, confidence {ruling.confidence:.2f}, policy {short(ruling.policy_version)}"


def _said(stretch: Stretch) -> Said:
    text = stretch.text or ""
    words = stretch.attributes.get(a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT)
    counted = [f"{words:,} words"] if text and isinstance(words, int) and words > 1 else []
    facts = [f"{stretch.input_class[:40]}, confidence {stretch.class_confidence:.2f}", *counted]
    return Said(
        text=printable(text[:LONG_TEXT], keep=JOINERS),
        more=f"{len(text):,} characters" if len(text) > LONG_TEXT else "",
        instead=said(stretch, pointer=False) if stretch.input_type == "speech" else quoted(stretch),
        facts=", ".join(facts),
    )


def _row(record: CallRecord, ep: Episode) -> tuple[str, ...]:
    told = (ep.verdict, ep.intent, ep.input_class, ep.net_audio, ep.compliance, ep.reason)
    return (clock(ep.start_ns - record.start_ns), *(short(each, 60).replace("_", " ") for each in told))


def _event(record: CallRecord, event: VoiceEvent) -> tuple[str, str, str, str]:
    of = event.attributes.get(a.VOICE_AGENT_RESPONSE_ID) if "agent" in event.name else event.attributes.get(a.VOICE_CALLER_STRETCH_ID)
    return (
        f"{(event.time_ns - record.start_ns) / 1e9:.3f} s",
        event.name.removeprefix(PREFIX),
        short(str(of or ""), 60),
        event.span_id.hex(),
    )


def _footer(account: Account) -> str:
    who = "here, counted nowhere" if account.judged_by == HERE else "by the processor"
    return f"Judged {who}, judge {short(account.record.judge_version)}. Trace {account.record.trace_id.hex()}."
