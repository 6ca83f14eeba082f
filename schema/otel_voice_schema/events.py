"""Event names and what each must tell. Generated from registry/ by `python -m otel_voice_schema.generate`; do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PREFIX: Final = "voice.interruption."
SCHEMA_VERSION: Final = "2026-11-25"
PUBLISHED_VERSIONS: Final = ("2026-05-20", "2026-11-25",)
SCHEMA_URL: Final = "https://otel-voice.dev/schemas/otel-voice/2026.11.25"

CALL_STARTED: Final = "voice.interruption.call_started"
USER_SPEECH_STARTED: Final = "voice.interruption.user.speech_started"
USER_SPEECH_STOPPED: Final = "voice.interruption.user.speech_stopped"
USER_TRANSCRIPT: Final = "voice.interruption.user.transcript"
AGENT_SPEECH_STARTED: Final = "voice.interruption.agent.speech_started"
AGENT_SPEECH_STOPPED: Final = "voice.interruption.agent.speech_stopped"
AGENT_SPEECH_INTERRUPTED: Final = "voice.interruption.agent.speech_interrupted"
CANDIDATE_DETECTED: Final = "voice.interruption.candidate_detected"
DECISION_MADE: Final = "voice.interruption.decision_made"
RECOVERED: Final = "voice.interruption.recovered"
FALSE_POSITIVE: Final = "voice.interruption.false_positive"
SILENCE_TIMEOUT: Final = "voice.interruption.silence.timeout"
CALL_ENDED: Final = "voice.interruption.call_ended"
EPISODE: Final = "voice.interruption.episode"
CALL: Final = "voice.interruption.call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: `facts` must be present or listed as missing, `conditional` likewise when its words hold.

    `duration` is the attribute that says how long before its time the event began; point events have none.
    """

    name: str
    brief: str
    required: frozenset[str]
    facts: frozenset[str]
    conditional: dict[str, str]
    optional: frozenset[str]
    aliases: tuple[str, ...]
    duration: str | None
    by_processor: bool


EVENTS: Final[dict[str, Event]] = {
    event.name: event
    for event in (
        Event(
            name="voice.interruption.call_started",
            brief="The call began.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.runtime.name", "voice.agent.policy.version", "voice.call.observable", "voice.caller.language", "gen_ai.agent.name"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.sampling.ratio", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.conversation.id", "session.id", "voice.runtime.version", "voice.runtime.lag_ms"}),
            aliases=(),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.user.speech_started",
            brief="The caller began to make sound.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.caller.audio.source", "voice.caller.vad.confidence"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.caller.stretch.id", "voice.caller.audio.energy_db"}),
            aliases=("user.speech_started", "voice.user.speech_started",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.user.speech_stopped",
            brief="The caller fell silent; start to end of the span is the speech.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.caller.speech.duration_ms", "voice.caller.transcript.status", "voice.caller.silence.duration_ms"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.caller.stretch.id", "voice.caller.audio.energy_db", "voice.caller.speech.first_word_offset_ms", "voice.caller.transcript.word_count", "voice.caller.transcript.text", "voice.caller.transcript.confidence", "voice.caller.transcript.length", "voice.caller.transcript.word_hashes", "voice.caller.transcript.ref", "voice.caller.transcript.redaction", "voice.caller.transcript.inferred", "voice.caller.transcript.unfinished", "voice.caller.input.class", "voice.caller.input.class_confidence", "voice.judge.version"}),
            aliases=("user.speech_stopped", "voice.user.speech_stopped",),
            duration="voice.caller.speech.duration_ms",
            by_processor=False,
        ),
        Event(
            name="voice.interruption.user.transcript",
            brief="The recogniser told what it heard of a stretch.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.caller.stretch.id", "voice.caller.transcript.status", "voice.caller.transcript.evidence_time_ms", "voice.caller.input.class", "voice.caller.input.class_confidence", "voice.caller.transcript.length"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.caller.transcript.word_count", "voice.caller.speech.first_word_offset_ms", "voice.caller.intent.label", "voice.caller.transcript.text", "voice.caller.transcript.confidence", "voice.caller.transcript.word_hashes", "voice.caller.transcript.ref", "voice.caller.transcript.redaction", "voice.caller.transcript.inferred", "voice.caller.transcript.unfinished", "voice.judge.version"}),
            aliases=(),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.agent.speech_started",
            brief="Audio of a response began to play, or went on where `resumed` is true.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.agent.playback.position_ms"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.agent.playback.resumed", "voice.agent.response.duration_ms"}),
            aliases=("agent.speech_started", "voice.agent.speech_started",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.agent.speech_stopped",
            brief="Audio of a response ended.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.agent.playback.position_ms", "voice.agent.playback.end_reason"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id"}),
            aliases=(),
            duration="voice.agent.playback.position_ms",
            by_processor=False,
        ),
        Event(
            name="voice.interruption.agent.speech_interrupted",
            brief="Audio of a response was cut, or paused where `provisional` is true.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.agent.playback.position_ms", "voice.agent.playback.interrupt_reason", "voice.agent.heard_text.boundary"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.agent.playback.provisional", "voice.agent.heard_text.text"}),
            aliases=("agent.speech_interrupted", "voice.agent.speech_interrupted",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.candidate_detected",
            brief="A detector says that the caller may be interrupting.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.caller.input.type", "voice.detector.mode"}),
            conditional={"voice.detector.threshold": "if the input is speech", "voice.caller.speech.duration_ms": "if the input is speech", "voice.caller.transcript.word_count": "if the input is speech", "voice.caller.dtmf.class": "if the input is dtmf", "voice.caller.dtmf.expected": "if the input is dtmf", "voice.caller.intent.label": "if the input is command"},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.caller.stretch.id", "voice.agent.playback.position_ms", "voice.agent.response.duration_ms", "voice.agent.heard_text.text", "voice.caller.dtmf.digit", "voice.caller.vad.confidence", "voice.caller.audio.energy_db", "voice.caller.input.is_backchannel", "voice.caller.transcript.status", "voice.caller.transcript.text", "voice.caller.transcript.confidence", "voice.caller.transcript.length", "voice.caller.transcript.word_hashes", "voice.caller.transcript.ref", "voice.caller.transcript.redaction", "voice.caller.transcript.inferred", "voice.caller.transcript.unfinished", "voice.caller.input.class", "voice.caller.input.class_confidence", "voice.judge.version"}),
            aliases=("interruption.candidate_detected",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.decision_made",
            brief="The agent chose what to do with its audio.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.interruption.decision.action", "voice.interruption.decision.policy_version", "voice.interruption.decision.confidence", "voice.interruption.decision.reason"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.caller.stretch.id", "voice.agent.playback.position_ms", "voice.agent.response.duration_ms", "voice.caller.input.type", "voice.caller.speech.duration_ms", "voice.caller.input.is_backchannel", "voice.interruption.recovery.truncated_at_ms", "voice.interruption.recovery.new_turn_committed", "voice.interruption.recovery.task_state_preserved", "voice.caller.transcript.text", "voice.caller.input.class", "voice.caller.input.class_confidence", "voice.judge.version"}),
            aliases=("interruption.decision_made",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.recovered",
            brief="The conversation went on after an interruption.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.interruption.recovery.position_ms", "voice.interruption.recovery.turn_id", "voice.interruption.recovery.task_state"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.interruption.recovery.truncated_at_ms", "voice.interruption.recovery.new_turn_committed", "voice.interruption.recovery.task_state_preserved"}),
            aliases=("interruption.recovered",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.false_positive",
            brief="The runtime concluded that nothing meaningful had been said.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.interruption.false_positive.timeout_ms", "voice.interruption.false_positive.transcript_absent", "voice.interruption.false_positive.resume_behavior"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id"}),
            aliases=("interruption.false_positive",),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.silence.timeout",
            brief="The caller said nothing for too long; the span is the silence.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.silence.elapsed_ms", "voice.silence.prompt_state", "voice.silence.next_action"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id"}),
            aliases=("silence.timeout",),
            duration="voice.silence.elapsed_ms",
            by_processor=False,
        ),
        Event(
            name="voice.interruption.call_ended",
            brief="The call ended.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.turn.id", "voice.call.task_outcome", "voice.call.escalated", "voice.call.ended_by"}),
            conditional={},
            optional=frozenset({"voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id"}),
            aliases=(),
            duration=None,
            by_processor=False,
        ),
        Event(
            name="voice.interruption.episode",
            brief="One interruption, joined and judged.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.interruption.verdict", "voice.interruption.reason", "voice.interruption.compliance", "voice.interruption.net_audio", "voice.interruption.intent", "voice.interruption.protected", "voice.interruption.attempts", "voice.interruption.findings"}),
            conditional={},
            optional=frozenset({"voice.turn.id", "voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.interruption.reaction_ms", "voice.interruption.silence_ms", "voice.interruption.resume", "voice.interruption.repeated", "voice.policy.version", "voice.policy.rule", "voice.policy.input_class", "voice.policy.action", "voice.policy.reason", "voice.policy.confidence", "voice.policy.basis", "voice.caller.input.class", "voice.caller.input.class_confidence", "voice.judge.version", "voice.caller.input.type"}),
            aliases=(),
            duration=None,
            by_processor=True,
        ),
        Event(
            name="voice.interruption.call",
            brief="One call, the root of its trace, with what became of its episodes.",
            required=frozenset({"voice.call.id"}),
            facts=frozenset({"voice.schema.version", "voice.call.task_outcome", "voice.call.escalated", "voice.call.ended_by", "voice.call.interrupted", "voice.call.episode.ids", "voice.call.episode.verdicts", "voice.call.episode.silences_ms", "voice.call.episode.repeats"}),
            conditional={},
            optional=frozenset({"voice.turn.id", "voice.schema.original_version", "voice.event.id", "voice.envelope.extra", "voice.interruption.id", "voice.agent.response.id", "voice.workflow", "voice.runtime.name", "voice.sampling.ratio", "voice.agent.policy.version", "voice.agent.message.type", "voice.agent.speech.state", "voice.agent.speech.interruptible", "voice.agent.question_pending", "voice.call.observable", "voice.caller.language", "voice.evidence.missing", "voice.evidence.audio_ref", "gen_ai.agent.name", "gen_ai.conversation.id", "session.id", "voice.call.episode.unanswered", "voice.call.escalation_asked", "voice.call.unknown_ends"}),
            aliases=(),
            duration=None,
            by_processor=True,
        ),
    )
}
ALIASES: Final[dict[str, str]] = {alias: event.name for event in EVENTS.values() for alias in event.aliases}
