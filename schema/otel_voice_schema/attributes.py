"""Attribute keys, closed sets and descriptors. Generated from registry/ by generate.py; do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VOICE_SCHEMA_VERSION: Final = "voice.schema.version"
VOICE_EVENT_ID: Final = "voice.event.id"
VOICE_CALL_ID: Final = "voice.call.id"
VOICE_CALL_OBSERVABLE: Final = "voice.call.observable"
VOICE_CALL_TASK_OUTCOME: Final = "voice.call.task_outcome"
VOICE_CALL_ESCALATED: Final = "voice.call.escalated"
VOICE_CALL_ENDED_BY: Final = "voice.call.ended_by"
VOICE_TURN_ID: Final = "voice.turn.id"
VOICE_WORKFLOW: Final = "voice.workflow"
VOICE_RUNTIME_NAME: Final = "voice.runtime.name"
VOICE_RUNTIME_VERSION: Final = "voice.runtime.version"
VOICE_SAMPLING_RATIO: Final = "voice.sampling.ratio"
VOICE_AGENT_POLICY_VERSION: Final = "voice.agent.policy.version"
VOICE_AGENT_RESPONSE_ID: Final = "voice.agent.response.id"
VOICE_AGENT_RESPONSE_DURATION_MS: Final = "voice.agent.response.duration_ms"
VOICE_AGENT_SPEECH_STATE: Final = "voice.agent.speech.state"
VOICE_AGENT_SPEECH_INTERRUPTIBLE: Final = "voice.agent.speech.interruptible"
VOICE_AGENT_MESSAGE_TYPE: Final = "voice.agent.message.type"
VOICE_AGENT_QUESTION_PENDING: Final = "voice.agent.question_pending"
VOICE_AGENT_PLAYBACK_POSITION_MS: Final = "voice.agent.playback.position_ms"
VOICE_AGENT_PLAYBACK_PROVISIONAL: Final = "voice.agent.playback.provisional"
VOICE_AGENT_PLAYBACK_RESUMED: Final = "voice.agent.playback.resumed"
VOICE_AGENT_PLAYBACK_END_REASON: Final = "voice.agent.playback.end_reason"
VOICE_AGENT_PLAYBACK_INTERRUPT_REASON: Final = "voice.agent.playback.interrupt_reason"
VOICE_AGENT_HEARD_TEXT_BOUNDARY: Final = "voice.agent.heard_text.boundary"
VOICE_AGENT_HEARD_TEXT_TEXT: Final = "voice.agent.heard_text.text"
VOICE_CALLER_AUDIO_SOURCE: Final = "voice.caller.audio.source"
VOICE_CALLER_AUDIO_ENERGY_DB: Final = "voice.caller.audio.energy_db"
VOICE_CALLER_LANGUAGE: Final = "voice.caller.language"
VOICE_CALLER_VAD_CONFIDENCE: Final = "voice.caller.vad.confidence"
VOICE_CALLER_STRETCH_ID: Final = "voice.caller.stretch.id"
VOICE_CALLER_INPUT_TYPE: Final = "voice.caller.input.type"
VOICE_CALLER_INPUT_CLASS: Final = "voice.caller.input.class"
VOICE_CALLER_INPUT_CLASS_CONFIDENCE: Final = "voice.caller.input.class_confidence"
VOICE_CALLER_INPUT_IS_BACKCHANNEL: Final = "voice.caller.input.is_backchannel"
VOICE_CALLER_INTENT_LABEL: Final = "voice.caller.intent.label"
VOICE_CALLER_SPEECH_DURATION_MS: Final = "voice.caller.speech.duration_ms"
VOICE_CALLER_SPEECH_FIRST_WORD_OFFSET_MS: Final = "voice.caller.speech.first_word_offset_ms"
VOICE_CALLER_SILENCE_DURATION_MS: Final = "voice.caller.silence.duration_ms"
VOICE_CALLER_TRANSCRIPT_TEXT: Final = "voice.caller.transcript.text"
VOICE_CALLER_TRANSCRIPT_STATUS: Final = "voice.caller.transcript.status"
VOICE_CALLER_TRANSCRIPT_INFERRED: Final = "voice.caller.transcript.inferred"
VOICE_CALLER_TRANSCRIPT_CONFIDENCE: Final = "voice.caller.transcript.confidence"
VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS: Final = "voice.caller.transcript.evidence_time_ms"
VOICE_CALLER_TRANSCRIPT_WORD_COUNT: Final = "voice.caller.transcript.word_count"
VOICE_CALLER_TRANSCRIPT_LENGTH: Final = "voice.caller.transcript.length"
VOICE_CALLER_TRANSCRIPT_WORD_HASHES: Final = "voice.caller.transcript.word_hashes"
VOICE_CALLER_TRANSCRIPT_REF: Final = "voice.caller.transcript.ref"
VOICE_CALLER_TRANSCRIPT_REDACTION: Final = "voice.caller.transcript.redaction"
VOICE_CALLER_DTMF_CLASS: Final = "voice.caller.dtmf.class"
VOICE_CALLER_DTMF_EXPECTED: Final = "voice.caller.dtmf.expected"
VOICE_CALLER_DTMF_DIGIT: Final = "voice.caller.dtmf.digit"
VOICE_DETECTOR_MODE: Final = "voice.detector.mode"
VOICE_DETECTOR_THRESHOLD: Final = "voice.detector.threshold"
VOICE_INTERRUPTION_ID: Final = "voice.interruption.id"
VOICE_INTERRUPTION_DECISION_ACTION: Final = "voice.interruption.decision.action"
VOICE_INTERRUPTION_DECISION_REASON: Final = "voice.interruption.decision.reason"
VOICE_INTERRUPTION_DECISION_CONFIDENCE: Final = "voice.interruption.decision.confidence"
VOICE_INTERRUPTION_DECISION_POLICY_VERSION: Final = "voice.interruption.decision.policy_version"
VOICE_INTERRUPTION_RECOVERY_POSITION_MS: Final = "voice.interruption.recovery.position_ms"
VOICE_INTERRUPTION_RECOVERY_TURN_ID: Final = "voice.interruption.recovery.turn_id"
VOICE_INTERRUPTION_RECOVERY_TASK_STATE: Final = "voice.interruption.recovery.task_state"
VOICE_INTERRUPTION_RECOVERY_TASK_STATE_PRESERVED: Final = "voice.interruption.recovery.task_state_preserved"
VOICE_INTERRUPTION_RECOVERY_NEW_TURN_COMMITTED: Final = "voice.interruption.recovery.new_turn_committed"
VOICE_INTERRUPTION_RECOVERY_TRUNCATED_AT_MS: Final = "voice.interruption.recovery.truncated_at_ms"
VOICE_INTERRUPTION_FALSE_POSITIVE_TIMEOUT_MS: Final = "voice.interruption.false_positive.timeout_ms"
VOICE_INTERRUPTION_FALSE_POSITIVE_TRANSCRIPT_ABSENT: Final = "voice.interruption.false_positive.transcript_absent"
VOICE_INTERRUPTION_FALSE_POSITIVE_RESUME_BEHAVIOR: Final = "voice.interruption.false_positive.resume_behavior"
VOICE_SILENCE_ELAPSED_MS: Final = "voice.silence.elapsed_ms"
VOICE_SILENCE_PROMPT_STATE: Final = "voice.silence.prompt_state"
VOICE_SILENCE_NEXT_ACTION: Final = "voice.silence.next_action"
VOICE_EVIDENCE_MISSING: Final = "voice.evidence.missing"
VOICE_EVIDENCE_AUDIO_REF: Final = "voice.evidence.audio_ref"
VOICE_JUDGE_VERSION: Final = "voice.judge.version"
VOICE_POLICY_VERSION: Final = "voice.policy.version"
VOICE_POLICY_RULE: Final = "voice.policy.rule"
VOICE_POLICY_INPUT_CLASS: Final = "voice.policy.input_class"
VOICE_POLICY_ACTION: Final = "voice.policy.action"
VOICE_POLICY_REASON: Final = "voice.policy.reason"
VOICE_POLICY_CONFIDENCE: Final = "voice.policy.confidence"
VOICE_POLICY_BASIS: Final = "voice.policy.basis"
VOICE_PROBLEM_CODES: Final = "voice.problem.codes"
VOICE_INTERRUPTION_VERDICT: Final = "voice.interruption.verdict"
VOICE_INTERRUPTION_REASON: Final = "voice.interruption.reason"
VOICE_INTERRUPTION_COMPLIANCE: Final = "voice.interruption.compliance"
VOICE_INTERRUPTION_NET_AUDIO: Final = "voice.interruption.net_audio"
VOICE_INTERRUPTION_INTENT: Final = "voice.interruption.intent"
VOICE_INTERRUPTION_PROTECTED: Final = "voice.interruption.protected"
VOICE_INTERRUPTION_ATTEMPTS: Final = "voice.interruption.attempts"
VOICE_INTERRUPTION_FINDINGS: Final = "voice.interruption.findings"
VOICE_INTERRUPTION_REACTION_MS: Final = "voice.interruption.reaction_ms"
VOICE_INTERRUPTION_SILENCE_MS: Final = "voice.interruption.silence_ms"
VOICE_INTERRUPTION_RESUME: Final = "voice.interruption.resume"
VOICE_INTERRUPTION_REPEATED: Final = "voice.interruption.repeated"
VOICE_CALL_EPISODE_IDS: Final = "voice.call.episode.ids"
VOICE_CALL_EPISODE_VERDICTS: Final = "voice.call.episode.verdicts"
VOICE_CALL_EPISODE_SILENCES_MS: Final = "voice.call.episode.silences_ms"
VOICE_CALL_EPISODE_REPEATS: Final = "voice.call.episode.repeats"
VOICE_CALL_INTERRUPTED: Final = "voice.call.interrupted"
VOICE_CALL_ESCALATION_ASKED: Final = "voice.call.escalation_asked"
VOICE_CALL_UNKNOWN_ENDS: Final = "voice.call.unknown_ends"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
SESSION_ID: Final = "session.id"


class TaskOutcome(StrEnum):
    """What became of the task the call was about."""

    COMPLETED = "completed"
    FAILED = "failed"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


class EndedBy(StrEnum):
    """How the call ended; `expired` is written by the processor only."""

    CALLER = "caller"
    AGENT = "agent"
    TRANSFER = "transfer"
    DROPPED = "dropped"
    EXPIRED = "expired"


class SpeechState(StrEnum):
    """What the agent was doing at that moment."""

    SPEAKING = "speaking"
    PAUSED = "paused"
    THINKING = "thinking"
    LISTENING = "listening"
    IDLE = "idle"


class EndReason(StrEnum):
    """Why the response's audio ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class InputType(StrEnum):
    """Kind of caller input."""

    SPEECH = "speech"
    DTMF = "dtmf"
    COMMAND = "command"
    SILENCE = "silence"


class InputClass(StrEnum):
    """What the input was, by the judge lexicon where the helper could read the text."""

    CORRECTION = "correction"
    BACKCHANNEL = "backchannel"
    NOISE = "noise"
    DTMF = "dtmf"
    SILENCE = "silence"
    ESCALATION = "escalation"
    UNKNOWN = "unknown"


class TranscriptStatus(StrEnum):
    """State of the transcript; `unavailable` means the recogniser was not fed, which is not `empty`."""

    FINAL = "final"
    PARTIAL = "partial"
    EMPTY = "empty"
    UNAVAILABLE = "unavailable"


class Redaction(StrEnum):
    """Whether the text was taken out."""

    REDACTED = "redacted"
    OPTED_IN = "opted_in"


class DtmfClass(StrEnum):
    """Class of the key."""

    DIGIT = "digit"
    STAR = "star"
    POUND = "pound"


class DtmfExpected(StrEnum):
    """`listed`: the key is one the prompt offers; `any`: any key will do; `none`: no key, or not this one, was offered."""

    LISTED = "listed"
    ANY = "any"
    NONE = "none"


class Action(StrEnum):
    """What the agent chose, live."""

    STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN = "stop_agent_audio_and_accept_user_turn"
    CONTINUE_AGENT_AUDIO = "continue_agent_audio"
    ACKNOWLEDGE_AND_CONTINUE = "acknowledge_and_continue"
    PAUSE_AGENT_AUDIO = "pause_agent_audio"
    RESUME_AGENT_AUDIO = "resume_agent_audio"
    BUFFER_INPUT_AND_CONTINUE = "buffer_input_and_continue"
    ROUTE_DTMF = "route_dtmf"
    REPROMPT = "reprompt"
    WAIT = "wait"
    ESCALATE_TO_HUMAN = "escalate_to_human"


class TaskState(StrEnum):
    """Whether the task survived."""

    PRESERVED = "preserved"
    LOST = "lost"
    UNKNOWN = "unknown"


class ResumeBehavior(StrEnum):
    """What the runtime did then."""

    RESUMED = "resumed"
    RESTARTED = "restarted"
    NEW_RESPONSE = "new_response"
    NONE = "none"


class NextAction(StrEnum):
    """What the agent did next."""

    REPROMPT = "reprompt"
    WAIT = "wait"
    ESCALATE = "escalate"
    END_CALL = "end_call"


class Basis(StrEnum):
    """Ruled on what was known on arrival, or on the whole episode."""

    ARRIVAL = "arrival"
    EPISODE = "episode"


class Verdict(StrEnum):
    """Whether the audio did right by the caller."""

    CORRECT = "correct"
    FALSE_INTERRUPTION = "false_interruption"
    MISSED_INTERRUPTION = "missed_interruption"
    UNDETERMINED = "undetermined"


class Compliance(StrEnum):
    """Whether the agent did what policy asked."""

    FOLLOWED = "followed"
    EARLY = "early"
    DEVIATED = "deviated"
    UNKNOWN = "unknown"


class NetAudio(StrEnum):
    """What the caller heard happen."""

    KEPT = "kept"
    PAUSED_RESUMED = "paused_resumed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Intent(StrEnum):
    """Whether the caller meant to interrupt."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Resume(StrEnum):
    """How the agent took its place up again."""

    CLEAN = "clean"
    RESTARTED = "restarted"
    LOST = "lost"
    UNKNOWN = "unknown"
    NOT_SUPPORTED = "not_supported"


class Interrupted(StrEnum):
    """How the call's interruptions went, taken together."""

    NONE = "none"
    HANDLED = "handled"
    MISHANDLED = "mishandled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """What the registry says of one attribute: `type` is string, int, double or boolean, `many` a list of it."""

    key: str
    type: str
    many: bool
    values: frozenset[str] | None
    json: str
    sensitivity: str | None
    by_processor: bool


ATTRIBUTES: Final[dict[str, Attribute]] = {
    attribute.key: attribute
    for attribute in (
        Attribute(
            key="voice.schema.version",
            type="string",
            many=False,
            values=None,
            json="eventVersion",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.event.id",
            type="string",
            many=False,
            values=None,
            json="eventId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.id",
            type="string",
            many=False,
            values=None,
            json="canonicalCallId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.observable",
            type="string",
            many=True,
            values=None,
            json="call.observable",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.task_outcome",
            type="string",
            many=False,
            values=frozenset({"completed", "failed", "abandoned", "unknown"}),
            json="call.taskOutcome",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.escalated",
            type="boolean",
            many=False,
            values=None,
            json="call.escalated",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.ended_by",
            type="string",
            many=False,
            values=frozenset({"caller", "agent", "transfer", "dropped", "expired"}),
            json="call.endedBy",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.turn.id",
            type="string",
            many=False,
            values=None,
            json="turnId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.workflow",
            type="string",
            many=False,
            values=None,
            json="workflow",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.runtime.name",
            type="string",
            many=False,
            values=None,
            json="runtime.name",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.runtime.version",
            type="string",
            many=False,
            values=None,
            json="runtime.version",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.sampling.ratio",
            type="double",
            many=False,
            values=None,
            json="samplingRatio",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.policy.version",
            type="string",
            many=False,
            values=None,
            json="agentPolicyVersion",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.response.id",
            type="string",
            many=False,
            values=None,
            json="agentResponseId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.response.duration_ms",
            type="int",
            many=False,
            values=None,
            json="agentSpeech.plannedDurationMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.speech.state",
            type="string",
            many=False,
            values=frozenset({"speaking", "paused", "thinking", "listening", "idle"}),
            json="agentSpeech.state",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.speech.interruptible",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.interruptible",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.message.type",
            type="string",
            many=False,
            values=None,
            json="agentSpeech.messageType",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.question_pending",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.questionPending",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.position_ms",
            type="int",
            many=False,
            values=None,
            json="agentSpeech.playbackPositionMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.provisional",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.provisional",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.resumed",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.resumed",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.end_reason",
            type="string",
            many=False,
            values=frozenset({"completed", "interrupted", "failed"}),
            json="agentSpeech.endReason",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.interrupt_reason",
            type="string",
            many=False,
            values=None,
            json="agentSpeech.interruptReason",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.heard_text.boundary",
            type="int",
            many=False,
            values=None,
            json="agentSpeech.heardTextBoundary",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.heard_text.text",
            type="string",
            many=False,
            values=None,
            json="agentSpeech.heardText",
            sensitivity="content",
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.audio.source",
            type="string",
            many=False,
            values=None,
            json="callerInput.audioSource",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.audio.energy_db",
            type="double",
            many=False,
            values=None,
            json="callerInput.audioEnergyDb",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.language",
            type="string",
            many=False,
            values=None,
            json="callerInput.language",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.vad.confidence",
            type="double",
            many=False,
            values=None,
            json="callerInput.vadConfidence",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.stretch.id",
            type="string",
            many=False,
            values=None,
            json="callerInput.stretchId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.type",
            type="string",
            many=False,
            values=frozenset({"speech", "dtmf", "command", "silence"}),
            json="callerInput.type",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.class",
            type="string",
            many=False,
            values=frozenset({"correction", "backchannel", "noise", "dtmf", "silence", "escalation", "unknown"}),
            json="callerInput.class",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.class_confidence",
            type="double",
            many=False,
            values=None,
            json="callerInput.classConfidence",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.is_backchannel",
            type="boolean",
            many=False,
            values=None,
            json="callerInput.isBackchannel",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.intent.label",
            type="string",
            many=False,
            values=None,
            json="callerInput.intentLabel",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.speech.duration_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.speechDurationMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.speech.first_word_offset_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.firstWordOffsetMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.silence.duration_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.silenceDurationMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.text",
            type="string",
            many=False,
            values=None,
            json="callerInput.transcriptText",
            sensitivity="content",
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.status",
            type="string",
            many=False,
            values=frozenset({"final", "partial", "empty", "unavailable"}),
            json="callerInput.transcriptStatus",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.inferred",
            type="boolean",
            many=False,
            values=None,
            json="callerInput.transcriptInferred",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.confidence",
            type="double",
            many=False,
            values=None,
            json="callerInput.transcriptConfidence",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.evidence_time_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.evidenceTimeMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.word_count",
            type="int",
            many=False,
            values=None,
            json="callerInput.wordCount",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.length",
            type="int",
            many=False,
            values=None,
            json="callerInput.transcriptLength",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.word_hashes",
            type="string",
            many=True,
            values=None,
            json="callerInput.wordHashes",
            sensitivity="pseudonym",
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.ref",
            type="string",
            many=False,
            values=None,
            json="callerInput.transcriptRef",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.redaction",
            type="string",
            many=False,
            values=frozenset({"redacted", "opted_in"}),
            json="callerInput.redaction",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.dtmf.class",
            type="string",
            many=False,
            values=frozenset({"digit", "star", "pound"}),
            json="callerInput.dtmfClass",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.dtmf.expected",
            type="string",
            many=False,
            values=frozenset({"listed", "any", "none"}),
            json="callerInput.dtmfExpected",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.dtmf.digit",
            type="string",
            many=False,
            values=None,
            json="callerInput.dtmfDigit",
            sensitivity="content",
            by_processor=False,
        ),
        Attribute(
            key="voice.detector.mode",
            type="string",
            many=False,
            values=None,
            json="detector.mode",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.detector.threshold",
            type="double",
            many=False,
            values=None,
            json="detector.threshold",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.id",
            type="string",
            many=False,
            values=None,
            json="interruptionId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.action",
            type="string",
            many=False,
            values=frozenset({"stop_agent_audio_and_accept_user_turn", "continue_agent_audio", "acknowledge_and_continue", "pause_agent_audio", "resume_agent_audio", "buffer_input_and_continue", "route_dtmf", "reprompt", "wait", "escalate_to_human"}),
            json="decision.action",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.reason",
            type="string",
            many=False,
            values=None,
            json="decision.reason",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.confidence",
            type="double",
            many=False,
            values=None,
            json="decision.confidence",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.policy_version",
            type="string",
            many=False,
            values=None,
            json="decision.policyVersion",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.position_ms",
            type="int",
            many=False,
            values=None,
            json="recovery.resumePositionMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.turn_id",
            type="string",
            many=False,
            values=None,
            json="recovery.newTurnId",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.task_state",
            type="string",
            many=False,
            values=frozenset({"preserved", "lost", "unknown"}),
            json="recovery.taskState",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.task_state_preserved",
            type="boolean",
            many=False,
            values=None,
            json="recovery.taskStatePreserved",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.new_turn_committed",
            type="boolean",
            many=False,
            values=None,
            json="recovery.newTurnCommitted",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.truncated_at_ms",
            type="int",
            many=False,
            values=None,
            json="recovery.agentTranscriptTruncatedAtMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.false_positive.timeout_ms",
            type="int",
            many=False,
            values=None,
            json="falsePositive.timeoutMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.false_positive.transcript_absent",
            type="boolean",
            many=False,
            values=None,
            json="falsePositive.transcriptAbsent",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.false_positive.resume_behavior",
            type="string",
            many=False,
            values=frozenset({"resumed", "restarted", "new_response", "none"}),
            json="falsePositive.resumeBehavior",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.silence.elapsed_ms",
            type="int",
            many=False,
            values=None,
            json="silence.elapsedMs",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.silence.prompt_state",
            type="string",
            many=False,
            values=None,
            json="silence.promptState",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.silence.next_action",
            type="string",
            many=False,
            values=frozenset({"reprompt", "wait", "escalate", "end_call"}),
            json="silence.nextAction",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.evidence.missing",
            type="string",
            many=True,
            values=None,
            json="evidence.missing",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.evidence.audio_ref",
            type="string",
            many=False,
            values=None,
            json="evidence.audioRef",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.judge.version",
            type="string",
            many=False,
            values=None,
            json="judgeVersion",
            sensitivity=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.policy.version",
            type="string",
            many=False,
            values=None,
            json="policy.version",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.rule",
            type="string",
            many=False,
            values=None,
            json="policy.rule",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.input_class",
            type="string",
            many=False,
            values=None,
            json="policy.inputClass",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.action",
            type="string",
            many=False,
            values=None,
            json="policy.action",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.reason",
            type="string",
            many=False,
            values=None,
            json="policy.reason",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.confidence",
            type="double",
            many=False,
            values=None,
            json="policy.confidence",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.basis",
            type="string",
            many=False,
            values=frozenset({"arrival", "episode"}),
            json="policy.basis",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.problem.codes",
            type="string",
            many=True,
            values=None,
            json="problems",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.verdict",
            type="string",
            many=False,
            values=frozenset({"correct", "false_interruption", "missed_interruption", "undetermined"}),
            json="episode.verdict",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.reason",
            type="string",
            many=False,
            values=None,
            json="episode.reason",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.compliance",
            type="string",
            many=False,
            values=frozenset({"followed", "early", "deviated", "unknown"}),
            json="episode.compliance",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.net_audio",
            type="string",
            many=False,
            values=frozenset({"kept", "paused_resumed", "stopped", "unknown"}),
            json="episode.netAudio",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.intent",
            type="string",
            many=False,
            values=frozenset({"yes", "no", "unknown"}),
            json="episode.intent",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.protected",
            type="boolean",
            many=False,
            values=None,
            json="episode.protected",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.attempts",
            type="int",
            many=False,
            values=None,
            json="episode.attempts",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.findings",
            type="string",
            many=True,
            values=None,
            json="episode.findings",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.reaction_ms",
            type="int",
            many=False,
            values=None,
            json="episode.reactionMs",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.silence_ms",
            type="int",
            many=False,
            values=None,
            json="episode.silenceMs",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.resume",
            type="string",
            many=False,
            values=frozenset({"clean", "restarted", "lost", "unknown", "not_supported"}),
            json="episode.resume",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.repeated",
            type="boolean",
            many=False,
            values=None,
            json="episode.repeated",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.ids",
            type="string",
            many=True,
            values=None,
            json="call.episodeIds",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.verdicts",
            type="string",
            many=True,
            values=None,
            json="call.episodeVerdicts",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.silences_ms",
            type="int",
            many=True,
            values=None,
            json="call.episodeSilencesMs",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.repeats",
            type="boolean",
            many=True,
            values=None,
            json="call.episodeRepeats",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.interrupted",
            type="string",
            many=False,
            values=frozenset({"none", "handled", "mishandled", "unknown"}),
            json="call.interrupted",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.escalation_asked",
            type="boolean",
            many=False,
            values=None,
            json="call.escalationAsked",
            sensitivity=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.unknown_ends",
            type="int",
            many=False,
            values=None,
            json="call.unknownEnds",
            sensitivity=None,
            by_processor=True,
        ),
    )
}
