"""Attribute keys, closed sets and descriptors. Generated from registry/ by `python -m otel_voice_schema.generate`; do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

VOICE_SCHEMA_VERSION: Final = "voice.schema.version"
VOICE_SCHEMA_ORIGINAL_VERSION: Final = "voice.schema.original_version"
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
VOICE_RUNTIME_LAG_MS: Final = "voice.runtime.lag_ms"
VOICE_SCORECARD_RATE: Final = "voice.scorecard.rate"
VOICE_SCORECARD_WINDOW: Final = "voice.scorecard.window"
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
VOICE_CALLER_TRANSCRIPT_UNFINISHED: Final = "voice.caller.transcript.unfinished"
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
VOICE_ENVELOPE_EXTRA: Final = "voice.envelope.extra"
VOICE_JUDGE_VERSION: Final = "voice.judge.version"
VOICE_POLICY_VERSION: Final = "voice.policy.version"
VOICE_POLICY_RULE: Final = "voice.policy.rule"
VOICE_POLICY_INPUT_CLASS: Final = "voice.policy.input_class"
VOICE_POLICY_ACTION: Final = "voice.policy.action"
VOICE_POLICY_REASON: Final = "voice.policy.reason"
VOICE_POLICY_CONFIDENCE: Final = "voice.policy.confidence"
VOICE_POLICY_BASIS: Final = "voice.policy.basis"
VOICE_POLICY_REQUIRED_CONTENT: Final = "voice.policy.required_content"
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
VOICE_CALL_EPISODE_UNANSWERED: Final = "voice.call.episode.unanswered"
VOICE_CALL_INTERRUPTED: Final = "voice.call.interrupted"
VOICE_CALL_ESCALATION_ASKED: Final = "voice.call.escalation_asked"
VOICE_CALL_UNKNOWN_ENDS: Final = "voice.call.unknown_ends"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
SESSION_ID: Final = "session.id"

MESSAGE_TYPES: Final = ("greeting", "menu_prompt", "entity_capture", "disclosure", "support_answer", "tool_wait", "escalation_handoff", "other",)  # an open set: what a policy rules on


class TaskOutcome(StrEnum):
    """What became of the task the call was about."""

    COMPLETED = "completed"
    FAILED = "failed"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


TaskOutcomeValue: TypeAlias = TaskOutcome | Literal["completed", "failed", "abandoned", "unknown"]


class EndedBy(StrEnum):
    """How the call ended; `expired` is written by the processor only."""

    CALLER = "caller"
    AGENT = "agent"
    TRANSFER = "transfer"
    DROPPED = "dropped"
    EXPIRED = "expired"


EndedByValue: TypeAlias = EndedBy | Literal["caller", "agent", "transfer", "dropped", "expired"]


class ScorecardRate(StrEnum):
    """Which rate of the scorecard a value is."""

    FALSE_INTERRUPTION = "false_interruption"
    MISSED_INTERRUPTION = "missed_interruption"
    RESUME_SUCCESS = "resume_success"
    REPEATED_SPEECH = "repeated_speech"
    TASK_COMPLETION = "task_completion"
    ESCALATION = "escalation"


ScorecardRateValue: TypeAlias = ScorecardRate | Literal["false_interruption", "missed_interruption", "resume_success", "repeated_speech", "task_completion", "escalation"]


class SpeechState(StrEnum):
    """What the agent was doing at that moment."""

    SPEAKING = "speaking"
    PAUSED = "paused"
    THINKING = "thinking"
    LISTENING = "listening"
    IDLE = "idle"


SpeechStateValue: TypeAlias = SpeechState | Literal["speaking", "paused", "thinking", "listening", "idle"]


class EndReason(StrEnum):
    """Why the response's audio ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


EndReasonValue: TypeAlias = EndReason | Literal["completed", "interrupted", "failed"]


class InputType(StrEnum):
    """Kind of caller input."""

    SPEECH = "speech"
    DTMF = "dtmf"
    COMMAND = "command"
    SILENCE = "silence"


InputTypeValue: TypeAlias = InputType | Literal["speech", "dtmf", "command", "silence"]


class InputClass(StrEnum):
    """What the input was, by the judge lexicon where the helper could read the text."""

    CORRECTION = "correction"
    BACKCHANNEL = "backchannel"
    NOISE = "noise"
    DTMF = "dtmf"
    SILENCE = "silence"
    ESCALATION = "escalation"
    UNKNOWN = "unknown"


InputClassValue: TypeAlias = InputClass | Literal["correction", "backchannel", "noise", "dtmf", "silence", "escalation", "unknown"]


class TranscriptStatus(StrEnum):
    """State of the transcript; `unavailable` means the recogniser was not fed, which is not `empty`."""

    FINAL = "final"
    PARTIAL = "partial"
    EMPTY = "empty"
    UNAVAILABLE = "unavailable"


TranscriptStatusValue: TypeAlias = TranscriptStatus | Literal["final", "partial", "empty", "unavailable"]


class Redaction(StrEnum):
    """Whether the text was taken out."""

    REDACTED = "redacted"
    OPTED_IN = "opted_in"


RedactionValue: TypeAlias = Redaction | Literal["redacted", "opted_in"]


class DtmfClass(StrEnum):
    """Class of the key."""

    DIGIT = "digit"
    STAR = "star"
    POUND = "pound"


DtmfClassValue: TypeAlias = DtmfClass | Literal["digit", "star", "pound"]


class DtmfExpected(StrEnum):
    """`listed`: the key is one the prompt offers; `any`: any key will do; `none`: no key, or not this one, was offered."""

    LISTED = "listed"
    ANY = "any"
    NONE = "none"


DtmfExpectedValue: TypeAlias = DtmfExpected | Literal["listed", "any", "none"]


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


ActionValue: TypeAlias = Action | Literal["stop_agent_audio_and_accept_user_turn", "continue_agent_audio", "acknowledge_and_continue", "pause_agent_audio", "resume_agent_audio", "buffer_input_and_continue", "route_dtmf", "reprompt", "wait", "escalate_to_human"]


class TaskState(StrEnum):
    """Whether the task survived."""

    PRESERVED = "preserved"
    LOST = "lost"
    UNKNOWN = "unknown"


TaskStateValue: TypeAlias = TaskState | Literal["preserved", "lost", "unknown"]


class ResumeBehavior(StrEnum):
    """What the runtime did then."""

    RESUMED = "resumed"
    RESTARTED = "restarted"
    NEW_RESPONSE = "new_response"
    NONE = "none"


ResumeBehaviorValue: TypeAlias = ResumeBehavior | Literal["resumed", "restarted", "new_response", "none"]


class NextAction(StrEnum):
    """What the agent did next."""

    REPROMPT = "reprompt"
    WAIT = "wait"
    ESCALATE = "escalate"
    END_CALL = "end_call"


NextActionValue: TypeAlias = NextAction | Literal["reprompt", "wait", "escalate", "end_call"]


class Basis(StrEnum):
    """Ruled on what was known on arrival, or on the whole episode."""

    ARRIVAL = "arrival"
    EPISODE = "episode"


BasisValue: TypeAlias = Basis | Literal["arrival", "episode"]


class RequiredContent(StrEnum):
    """Whether what the policy protects in a response was played, as proven by the end of its playback."""

    PLAYED = "played"
    CUT = "cut"
    UNKNOWN = "unknown"


RequiredContentValue: TypeAlias = RequiredContent | Literal["played", "cut", "unknown"]


class Verdict(StrEnum):
    """Whether the audio did right by the caller."""

    CORRECT = "correct"
    FALSE_INTERRUPTION = "false_interruption"
    MISSED_INTERRUPTION = "missed_interruption"
    UNDETERMINED = "undetermined"


VerdictValue: TypeAlias = Verdict | Literal["correct", "false_interruption", "missed_interruption", "undetermined"]


class Compliance(StrEnum):
    """Whether the agent did what policy asked."""

    FOLLOWED = "followed"
    EARLY = "early"
    DEVIATED = "deviated"
    UNKNOWN = "unknown"


ComplianceValue: TypeAlias = Compliance | Literal["followed", "early", "deviated", "unknown"]


class NetAudio(StrEnum):
    """What the caller heard happen."""

    KEPT = "kept"
    PAUSED_RESUMED = "paused_resumed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


NetAudioValue: TypeAlias = NetAudio | Literal["kept", "paused_resumed", "stopped", "unknown"]


class Intent(StrEnum):
    """Whether the caller meant to interrupt."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


IntentValue: TypeAlias = Intent | Literal["yes", "no", "unknown"]


class Resume(StrEnum):
    """How the agent took its place up again."""

    CLEAN = "clean"
    RESTARTED = "restarted"
    LOST = "lost"
    UNKNOWN = "unknown"
    NOT_SUPPORTED = "not_supported"


ResumeValue: TypeAlias = Resume | Literal["clean", "restarted", "lost", "unknown", "not_supported"]


class Interrupted(StrEnum):
    """How the call's interruptions went, taken together."""

    NONE = "none"
    HANDLED = "handled"
    MISHANDLED = "mishandled"
    UNKNOWN = "unknown"


InterruptedValue: TypeAlias = Interrupted | Literal["none", "handled", "mishandled", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """What the registry says of one attribute.

    `type` is string, int, double or boolean, `many` a list of it; `min` and `max` bound a number, `max_length` the characters of a
    text, `max_items` a list; `json` is the path in the envelope, `sensitivity` none, content (of the caller's words) or pseudonym.
    """

    key: str
    type: str
    many: bool
    values: frozenset[str] | None
    json: str
    brief: str
    unit: str | None
    sensitivity: str
    min: float | None
    max: float | None
    max_length: int | None
    max_items: int | None
    renamed_to: str | None
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
            brief="Version of this schema that the event was written in; a date.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.schema.original_version",
            type="string",
            many=False,
            values=None,
            json="originalVersion",
            brief="Version that the event was written in, where it was upgraded since.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.event.id",
            type="string",
            many=False,
            values=None,
            json="eventId",
            brief="Identity of the event; equal ids on any carrier are one event.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.id",
            type="string",
            many=False,
            values=None,
            json="canonicalCallId",
            brief="Identity of the call, one caller and one connection, shared by every emitter.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.observable",
            type="string",
            many=True,
            values=None,
            json="call.observable",
            brief="Caller inputs (`speech`, `dtmf`, `command`) the runtime reports while the agent speaks; empty means none can be seen.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=128,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.task_outcome",
            type="string",
            many=False,
            values=frozenset({"completed", "failed", "abandoned", "unknown"}),
            json="call.taskOutcome",
            brief="What became of the task the call was about.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.escalated",
            type="boolean",
            many=False,
            values=None,
            json="call.escalated",
            brief="Whether the call was handed to a person.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.call.ended_by",
            type="string",
            many=False,
            values=frozenset({"caller", "agent", "transfer", "dropped", "expired"}),
            json="call.endedBy",
            brief="How the call ended; `expired` is written by the processor only.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.turn.id",
            type="string",
            many=False,
            values=None,
            json="turnId",
            brief="Identity of the side's go that the event belongs to.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.workflow",
            type="string",
            many=False,
            values=None,
            json="workflow",
            brief="Business flow the call is in; low cardinality.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.runtime.name",
            type="string",
            many=False,
            values=None,
            json="runtime.name",
            brief="Voice runtime that the agent runs on.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.runtime.version",
            type="string",
            many=False,
            values=None,
            json="runtime.version",
            brief="Version of the voice runtime.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.runtime.lag_ms",
            type="int",
            many=False,
            values=None,
            json="runtime.lagMs",
            brief="How late the runtime reports that a response has ended, where it declares so. Overlap within it is ordinary talk.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=60000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.scorecard.rate",
            type="string",
            many=False,
            values=frozenset({"false_interruption", "missed_interruption", "resume_success", "repeated_speech", "task_completion", "escalation"}),
            json="scorecard.rate",
            brief="Which rate of the scorecard a value is.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.scorecard.window",
            type="string",
            many=False,
            values=None,
            json="scorecard.window",
            brief="Over how long the rate was counted, as Prometheus writes durations.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.sampling.ratio",
            type="double",
            many=False,
            values=None,
            json="samplingRatio",
            brief="Share of calls kept by call-id sampling, 0 to 1.",
            unit="1",
            sensitivity="none",
            min=0,
            max=1,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.policy.version",
            type="string",
            many=False,
            values=None,
            json="agentPolicyVersion",
            brief="Version of the interruption policy that the agent runs, as the call started with it.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.response.id",
            type="string",
            many=False,
            values=None,
            json="agentResponseId",
            brief="Identity of one stretch of agent speech.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.response.duration_ms",
            type="int",
            many=False,
            values=None,
            json="agentSpeech.plannedDurationMs",
            brief="Planned length of the response's audio.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.speech.state",
            type="string",
            many=False,
            values=frozenset({"speaking", "paused", "thinking", "listening", "idle"}),
            json="agentSpeech.state",
            brief="What the agent was doing at that moment.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.speech.interruptible",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.interruptible",
            brief="Whether the runtime lets this response be interrupted.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.message.type",
            type="string",
            many=False,
            values=None,
            json="agentSpeech.messageType",
            brief="Kind of message the agent speaks; an open set that a policy maps onto its types.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.question_pending",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.questionPending",
            brief="Whether the agent has just asked something that \"yes\" would answer.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.position_ms",
            type="int",
            many=False,
            values=None,
            json="agentSpeech.playbackPositionMs",
            brief="Audio of the response that the caller has been played.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.provisional",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.provisional",
            brief="True for a pause that the runtime may still take back.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.resumed",
            type="boolean",
            many=False,
            values=None,
            json="agentSpeech.resumed",
            brief="True where this start continues the same response.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.end_reason",
            type="string",
            many=False,
            values=frozenset({"completed", "interrupted", "failed"}),
            json="agentSpeech.endReason",
            brief="Why the response's audio ended.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.playback.interrupt_reason",
            type="string",
            many=False,
            values=None,
            json="agentSpeech.interruptReason",
            brief="Why the runtime cut the audio, in its words.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.heard_text.boundary",
            type="int",
            many=False,
            values=None,
            json="agentSpeech.heardTextBoundary",
            brief="Characters of the response that the caller heard.",
            unit="{character}",
            sensitivity="none",
            min=0,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.agent.heard_text.text",
            type="string",
            many=False,
            values=None,
            json="agentSpeech.heardText",
            brief="Text of the response that the caller heard; opt-in.",
            unit=None,
            sensitivity="content",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.audio.source",
            type="string",
            many=False,
            values=None,
            json="callerInput.audioSource",
            brief="Where the caller's audio came from.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.audio.energy_db",
            type="double",
            many=False,
            values=None,
            json="callerInput.audioEnergyDb",
            brief="Energy of the caller's audio, dBFS.",
            unit="dBFS",
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.language",
            type="string",
            many=False,
            values=None,
            json="callerInput.language",
            brief="BCP 47 language of the caller.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.vad.confidence",
            type="double",
            many=False,
            values=None,
            json="callerInput.vadConfidence",
            brief="Voice activity detector's confidence, 0 to 1.",
            unit="1",
            sensitivity="none",
            min=0,
            max=1,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.stretch.id",
            type="string",
            many=False,
            values=None,
            json="callerInput.stretchId",
            brief="Identity of one stretch of caller input.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.type",
            type="string",
            many=False,
            values=frozenset({"speech", "dtmf", "command", "silence"}),
            json="callerInput.type",
            brief="Kind of caller input.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.class",
            type="string",
            many=False,
            values=frozenset({"correction", "backchannel", "noise", "dtmf", "silence", "escalation", "unknown"}),
            json="callerInput.class",
            brief="What the input was, by the judge lexicon where the helper could read the text.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.class_confidence",
            type="double",
            many=False,
            values=None,
            json="callerInput.classConfidence",
            brief="Confidence in the class, 0 to 1.",
            unit="1",
            sensitivity="none",
            min=0,
            max=1,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.input.is_backchannel",
            type="boolean",
            many=False,
            values=None,
            json="callerInput.isBackchannel",
            brief="The detector's own backchannel flag; evidence, not truth.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.intent.label",
            type="string",
            many=False,
            values=None,
            json="callerInput.intentLabel",
            brief="Intent label of a command or of understood speech.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.speech.duration_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.speechDurationMs",
            brief="Speech so far, or in all once stopped.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.speech.first_word_offset_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.firstWordOffsetMs",
            brief="From the stretch's onset to its first meaningful word, if the recogniser tells.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.silence.duration_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.silenceDurationMs",
            brief="Silence that followed before the stop was declared.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.text",
            type="string",
            many=False,
            values=None,
            json="callerInput.transcriptText",
            brief="What the recogniser heard; redacted by default.",
            unit=None,
            sensitivity="content",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.status",
            type="string",
            many=False,
            values=frozenset({"final", "partial", "empty", "unavailable"}),
            json="callerInput.transcriptStatus",
            brief="State of the transcript; `unavailable` means the recogniser was not fed, which is not `empty`.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.inferred",
            type="boolean",
            many=False,
            values=None,
            json="callerInput.transcriptInferred",
            brief="True where an adapter concluded `empty` from silence of the recogniser.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.unfinished",
            type="boolean",
            many=False,
            values=None,
            json="callerInput.transcriptUnfinished",
            brief="True where the words end as no phrase ends (\"and my number is\"); told by the helper, since the text may stay in the agent.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.confidence",
            type="double",
            many=False,
            values=None,
            json="callerInput.transcriptConfidence",
            brief="Recogniser's confidence, 0 to 1.",
            unit="1",
            sensitivity="none",
            min=0,
            max=1,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.evidence_time_ms",
            type="int",
            many=False,
            values=None,
            json="callerInput.evidenceTimeMs",
            brief="When the recogniser delivered this text, Unix milliseconds; the newest counts.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=9223372036854,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.word_count",
            type="int",
            many=False,
            values=None,
            json="callerInput.wordCount",
            brief="Words detected.",
            unit="{word}",
            sensitivity="none",
            min=0,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.length",
            type="int",
            many=False,
            values=None,
            json="callerInput.transcriptLength",
            brief="Characters of the transcript.",
            unit="{character}",
            sensitivity="none",
            min=0,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.word_hashes",
            type="string",
            many=True,
            values=None,
            json="callerInput.wordHashes",
            brief="Hashes of the content words, salted per call; equal within one call only.",
            unit=None,
            sensitivity="pseudonym",
            min=None,
            max=None,
            max_length=2048,
            max_items=128,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.ref",
            type="string",
            many=False,
            values=None,
            json="callerInput.transcriptRef",
            brief="Pointer to the transcript in the evidence store.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.transcript.redaction",
            type="string",
            many=False,
            values=frozenset({"redacted", "opted_in"}),
            json="callerInput.redaction",
            brief="Whether the text was taken out.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.dtmf.class",
            type="string",
            many=False,
            values=frozenset({"digit", "star", "pound"}),
            json="callerInput.dtmfClass",
            brief="Class of the key.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.dtmf.expected",
            type="string",
            many=False,
            values=frozenset({"listed", "any", "none"}),
            json="callerInput.dtmfExpected",
            brief="`listed`: the key is one the prompt offers; `any`: any key will do; `none`: no key, or not this one, was offered.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.caller.dtmf.digit",
            type="string",
            many=False,
            values=None,
            json="callerInput.dtmfDigit",
            brief="The key itself; menus only, opt-in.",
            unit=None,
            sensitivity="content",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.detector.mode",
            type="string",
            many=False,
            values=None,
            json="detector.mode",
            brief="What detected the candidate.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.detector.threshold",
            type="double",
            many=False,
            values=None,
            json="detector.threshold",
            brief="The detector's threshold, in its own unit.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.id",
            type="string",
            many=False,
            values=None,
            json="interruptionId",
            brief="Links the events of one interruption; it neither splits nor merges episodes.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.action",
            type="string",
            many=False,
            values=frozenset({"stop_agent_audio_and_accept_user_turn", "continue_agent_audio", "acknowledge_and_continue", "pause_agent_audio", "resume_agent_audio", "buffer_input_and_continue", "route_dtmf", "reprompt", "wait", "escalate_to_human"}),
            json="decision.action",
            brief="What the agent chose, live.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.reason",
            type="string",
            many=False,
            values=None,
            json="decision.reason",
            brief="Why the agent chose it.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.confidence",
            type="double",
            many=False,
            values=None,
            json="decision.confidence",
            brief="Confidence of the agent's decision, 0 to 1.",
            unit="1",
            sensitivity="none",
            min=0,
            max=1,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.decision.policy_version",
            type="string",
            many=False,
            values=None,
            json="decision.policyVersion",
            brief="Policy version the agent decided by.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.position_ms",
            type="int",
            many=False,
            values=None,
            json="recovery.resumePositionMs",
            brief="Position at which the agent took the response up again.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.turn_id",
            type="string",
            many=False,
            values=None,
            json="recovery.newTurnId",
            brief="The caller turn that the interruption became.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=256,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.task_state",
            type="string",
            many=False,
            values=frozenset({"preserved", "lost", "unknown"}),
            json="recovery.taskState",
            brief="Whether the task survived.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.task_state_preserved",
            type="boolean",
            many=False,
            values=None,
            json="recovery.taskStatePreserved",
            brief="The runbook's boolean for the task state.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to="voice.interruption.recovery.task_state",
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.new_turn_committed",
            type="boolean",
            many=False,
            values=None,
            json="recovery.newTurnCommitted",
            brief="Whether the new caller turn was committed.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.recovery.truncated_at_ms",
            type="int",
            many=False,
            values=None,
            json="recovery.agentTranscriptTruncatedAtMs",
            brief="Where the agent's transcript was cut.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.false_positive.timeout_ms",
            type="int",
            many=False,
            values=None,
            json="falsePositive.timeoutMs",
            brief="How long the runtime waited for words.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.false_positive.transcript_absent",
            type="boolean",
            many=False,
            values=None,
            json="falsePositive.transcriptAbsent",
            brief="Whether no words came.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.interruption.false_positive.resume_behavior",
            type="string",
            many=False,
            values=frozenset({"resumed", "restarted", "new_response", "none"}),
            json="falsePositive.resumeBehavior",
            brief="What the runtime did then.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.silence.elapsed_ms",
            type="int",
            many=False,
            values=None,
            json="silence.elapsedMs",
            brief="Silence that had elapsed.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.silence.prompt_state",
            type="string",
            many=False,
            values=None,
            json="silence.promptState",
            brief="What the agent was waiting for.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.silence.next_action",
            type="string",
            many=False,
            values=frozenset({"reprompt", "wait", "escalate", "end_call"}),
            json="silence.nextAction",
            brief="What the agent did next.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.evidence.missing",
            type="string",
            many=True,
            values=None,
            json="evidence.missing",
            brief="Keys of the facts the runtime cannot know.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=128,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.evidence.audio_ref",
            type="string",
            many=False,
            values=None,
            json="evidence.audioRef",
            brief="Pointer to the audio.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.envelope.extra",
            type="string",
            many=False,
            values=None,
            json="*",
            brief="Members of an envelope that the registry does not know, as JSON, so that nothing is lost on the way through OTLP.",
            unit=None,
            sensitivity="content",
            min=None,
            max=None,
            max_length=65536,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.judge.version",
            type="string",
            many=False,
            values=None,
            json="judgeVersion",
            brief="Version of the judge: lexicon, floor and times.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=False,
        ),
        Attribute(
            key="voice.policy.version",
            type="string",
            many=False,
            values=None,
            json="policy.version",
            brief="Version of the processor's policy that ruled.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.rule",
            type="string",
            many=False,
            values=None,
            json="policy.rule",
            brief="Rule that decided.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.input_class",
            type="string",
            many=False,
            values=None,
            json="policy.inputClass",
            brief="Input class the policy engine saw.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.action",
            type="string",
            many=False,
            values=None,
            json="policy.action",
            brief="Action the policy asks for.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.reason",
            type="string",
            many=False,
            values=None,
            json="policy.reason",
            brief="Why, in words.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.confidence",
            type="double",
            many=False,
            values=None,
            json="policy.confidence",
            brief="Confidence of the ruling, 0 to 1.",
            unit="1",
            sensitivity="none",
            min=0,
            max=1,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.basis",
            type="string",
            many=False,
            values=frozenset({"arrival", "episode"}),
            json="policy.basis",
            brief="Ruled on what was known on arrival, or on the whole episode.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.policy.required_content",
            type="string",
            many=False,
            values=frozenset({"played", "cut", "unknown"}),
            json="policy.requiredContent",
            brief="Whether what the policy protects in a response was played, as proven by the end of its playback.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.problem.codes",
            type="string",
            many=True,
            values=None,
            json="problems",
            brief="Why the record was not judged.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=128,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.verdict",
            type="string",
            many=False,
            values=frozenset({"correct", "false_interruption", "missed_interruption", "undetermined"}),
            json="episode.verdict",
            brief="Whether the audio did right by the caller.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.reason",
            type="string",
            many=False,
            values=None,
            json="episode.reason",
            brief="Why that verdict.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.compliance",
            type="string",
            many=False,
            values=frozenset({"followed", "early", "deviated", "unknown"}),
            json="episode.compliance",
            brief="Whether the agent did what policy asked.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.net_audio",
            type="string",
            many=False,
            values=frozenset({"kept", "paused_resumed", "stopped", "unknown"}),
            json="episode.netAudio",
            brief="What the caller heard happen.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.intent",
            type="string",
            many=False,
            values=frozenset({"yes", "no", "unknown"}),
            json="episode.intent",
            brief="Whether the caller meant to interrupt.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.protected",
            type="boolean",
            many=False,
            values=None,
            json="episode.protected",
            brief="Whether policy protected the content.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.attempts",
            type="int",
            many=False,
            values=None,
            json="episode.attempts",
            brief="How often the caller tried against the same response.",
            unit="{attempt}",
            sensitivity="none",
            min=0,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.findings",
            type="string",
            many=True,
            values=None,
            json="episode.findings",
            brief="Named failure modes.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=128,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.reaction_ms",
            type="int",
            many=False,
            values=None,
            json="episode.reactionMs",
            brief="From the first meaningful word to silence.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.silence_ms",
            type="int",
            many=False,
            values=None,
            json="episode.silenceMs",
            brief="Dead air after the agent stopped.",
            unit="ms",
            sensitivity="none",
            min=0,
            max=604800000,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.resume",
            type="string",
            many=False,
            values=frozenset({"clean", "restarted", "lost", "unknown", "not_supported"}),
            json="episode.resume",
            brief="How the agent took its place up again.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.interruption.repeated",
            type="boolean",
            many=False,
            values=None,
            json="episode.repeated",
            brief="Whether the caller said the same again.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.ids",
            type="string",
            many=True,
            values=None,
            json="call.episodeIds",
            brief="Span ids of the call's episodes, in order.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=5000,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.verdicts",
            type="string",
            many=True,
            values=None,
            json="call.episodeVerdicts",
            brief="Verdict of each episode.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=2048,
            max_items=5000,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.silences_ms",
            type="int",
            many=True,
            values=None,
            json="call.episodeSilencesMs",
            brief="Silence after each episode; -1 where none was measured.",
            unit="ms",
            sensitivity="none",
            min=-1,
            max=604800000,
            max_length=None,
            max_items=5000,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.repeats",
            type="boolean",
            many=True,
            values=None,
            json="call.episodeRepeats",
            brief="Whether each episode's content was said again.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=5000,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.episode.unanswered",
            type="boolean",
            many=True,
            values=None,
            json="call.episodeUnanswered",
            brief="Whether the agent never spoke again after each episode's stop, and nobody took over.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=5000,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.interrupted",
            type="string",
            many=False,
            values=frozenset({"none", "handled", "mishandled", "unknown"}),
            json="call.interrupted",
            brief="How the call's interruptions went, taken together.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.escalation_asked",
            type="boolean",
            many=False,
            values=None,
            json="call.escalationAsked",
            brief="Whether the caller asked for a person in any turn.",
            unit=None,
            sensitivity="none",
            min=None,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
        Attribute(
            key="voice.call.unknown_ends",
            type="int",
            many=False,
            values=None,
            json="call.unknownEnds",
            brief="Responses whose end nobody reported.",
            unit="{response}",
            sensitivity="none",
            min=0,
            max=None,
            max_length=None,
            max_items=None,
            renamed_to=None,
            by_processor=True,
        ),
    )
}
