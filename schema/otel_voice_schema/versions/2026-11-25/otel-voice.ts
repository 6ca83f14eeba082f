// Names of the otel-voice schema 2026-11-25. Generated from its registry; do not edit.

export const SCHEMA_VERSION = "2026-11-25" as const;
export const SCHEMA_URL = "https://otel-voice.dev/schemas/otel-voice/2026.11.25" as const;

/** The call began. */
export const EVENT_CALL_STARTED = "voice.interruption.call_started" as const;
/** The caller began to make sound. */
export const EVENT_USER_SPEECH_STARTED = "voice.interruption.user.speech_started" as const;
/** The caller fell silent; start to end of the span is the speech. */
export const EVENT_USER_SPEECH_STOPPED = "voice.interruption.user.speech_stopped" as const;
/** The recogniser told what it heard of a stretch. */
export const EVENT_USER_TRANSCRIPT = "voice.interruption.user.transcript" as const;
/** Audio of a response began to play, or went on where `resumed` is true. */
export const EVENT_AGENT_SPEECH_STARTED = "voice.interruption.agent.speech_started" as const;
/** Audio of a response ended. */
export const EVENT_AGENT_SPEECH_STOPPED = "voice.interruption.agent.speech_stopped" as const;
/** Audio of a response was cut, or paused where `provisional` is true. */
export const EVENT_AGENT_SPEECH_INTERRUPTED = "voice.interruption.agent.speech_interrupted" as const;
/** A detector says that the caller may be interrupting. */
export const EVENT_CANDIDATE_DETECTED = "voice.interruption.candidate_detected" as const;
/** The agent chose what to do with its audio. */
export const EVENT_DECISION_MADE = "voice.interruption.decision_made" as const;
/** The conversation went on after an interruption. */
export const EVENT_RECOVERED = "voice.interruption.recovered" as const;
/** The runtime concluded that nothing meaningful had been said. */
export const EVENT_FALSE_POSITIVE = "voice.interruption.false_positive" as const;
/** The caller said nothing for too long; the span is the silence. */
export const EVENT_SILENCE_TIMEOUT = "voice.interruption.silence.timeout" as const;
/** The call ended. */
export const EVENT_CALL_ENDED = "voice.interruption.call_ended" as const;
/** One interruption, joined and judged. */
export const EVENT_EPISODE = "voice.interruption.episode" as const;
/** One call, the root of its trace, with what became of its episodes. */
export const EVENT_CALL = "voice.interruption.call" as const;

/** Events that an agent or its runtime emits. */
export type VoiceEventName =
  | "voice.interruption.call_started"
  | "voice.interruption.user.speech_started"
  | "voice.interruption.user.speech_stopped"
  | "voice.interruption.user.transcript"
  | "voice.interruption.agent.speech_started"
  | "voice.interruption.agent.speech_stopped"
  | "voice.interruption.agent.speech_interrupted"
  | "voice.interruption.candidate_detected"
  | "voice.interruption.decision_made"
  | "voice.interruption.recovered"
  | "voice.interruption.false_positive"
  | "voice.interruption.silence.timeout"
  | "voice.interruption.call_ended";

/** Events that only the processor emits. */
export type ProcessorEventName =
  | "voice.interruption.episode"
  | "voice.interruption.call";

/** Version of this schema that the event was written in; a date. */
export const VOICE_SCHEMA_VERSION = "voice.schema.version" as const;
/** Version that the event was written in, where it was upgraded since. */
export const VOICE_SCHEMA_ORIGINAL_VERSION = "voice.schema.original_version" as const;
/** Identity of the event; equal ids on any carrier are one event. */
export const VOICE_EVENT_ID = "voice.event.id" as const;
/** Identity of the call, one caller and one connection, shared by every emitter. */
export const VOICE_CALL_ID = "voice.call.id" as const;
/** Caller inputs (`speech`, `dtmf`, `command`) the runtime reports while the agent speaks; empty means none can be seen. */
export const VOICE_CALL_OBSERVABLE = "voice.call.observable" as const;
/** What became of the task the call was about. */
export const VOICE_CALL_TASK_OUTCOME = "voice.call.task_outcome" as const;
/** Whether the call was handed to a person. */
export const VOICE_CALL_ESCALATED = "voice.call.escalated" as const;
/** How the call ended; `expired` is written by the processor only. */
export const VOICE_CALL_ENDED_BY = "voice.call.ended_by" as const;
/** Identity of the side's go that the event belongs to. */
export const VOICE_TURN_ID = "voice.turn.id" as const;
/** Business flow the call is in; low cardinality. */
export const VOICE_WORKFLOW = "voice.workflow" as const;
/** Voice runtime that the agent runs on. */
export const VOICE_RUNTIME_NAME = "voice.runtime.name" as const;
/** Version of the voice runtime. */
export const VOICE_RUNTIME_VERSION = "voice.runtime.version" as const;
/** How late the runtime reports that a response has ended, where it declares so. Overlap within it is ordinary talk. Unit: ms. */
export const VOICE_RUNTIME_LAG_MS = "voice.runtime.lag_ms" as const;
/** Which rate of the scorecard a value is. */
export const VOICE_SCORECARD_RATE = "voice.scorecard.rate" as const;
/** Over how long the rate was counted, as Prometheus writes durations. */
export const VOICE_SCORECARD_WINDOW = "voice.scorecard.window" as const;
/** Share of calls kept by call-id sampling, 0 to 1. Unit: 1. */
export const VOICE_SAMPLING_RATIO = "voice.sampling.ratio" as const;
/** Version of the interruption policy that the agent runs, as the call started with it. */
export const VOICE_AGENT_POLICY_VERSION = "voice.agent.policy.version" as const;
/** Identity of one stretch of agent speech. */
export const VOICE_AGENT_RESPONSE_ID = "voice.agent.response.id" as const;
/** Planned length of the response's audio. Unit: ms. */
export const VOICE_AGENT_RESPONSE_DURATION_MS = "voice.agent.response.duration_ms" as const;
/** What the agent was doing at that moment. */
export const VOICE_AGENT_SPEECH_STATE = "voice.agent.speech.state" as const;
/** Whether the runtime lets this response be interrupted. */
export const VOICE_AGENT_SPEECH_INTERRUPTIBLE = "voice.agent.speech.interruptible" as const;
/** Kind of message the agent speaks; an open set that a policy maps onto its types. */
export const VOICE_AGENT_MESSAGE_TYPE = "voice.agent.message.type" as const;
/** Whether the agent has just asked something that "yes" would answer. */
export const VOICE_AGENT_QUESTION_PENDING = "voice.agent.question_pending" as const;
/** Audio of the response that the caller has been played. Unit: ms. */
export const VOICE_AGENT_PLAYBACK_POSITION_MS = "voice.agent.playback.position_ms" as const;
/** True for a pause that the runtime may still take back. */
export const VOICE_AGENT_PLAYBACK_PROVISIONAL = "voice.agent.playback.provisional" as const;
/** True where this start continues the same response. */
export const VOICE_AGENT_PLAYBACK_RESUMED = "voice.agent.playback.resumed" as const;
/** Why the response's audio ended. */
export const VOICE_AGENT_PLAYBACK_END_REASON = "voice.agent.playback.end_reason" as const;
/** Why the runtime cut the audio, in its words. */
export const VOICE_AGENT_PLAYBACK_INTERRUPT_REASON = "voice.agent.playback.interrupt_reason" as const;
/** Characters of the response that the caller heard. Unit: {character}. */
export const VOICE_AGENT_HEARD_TEXT_BOUNDARY = "voice.agent.heard_text.boundary" as const;
/** Text of the response that the caller heard; opt-in. */
export const VOICE_AGENT_HEARD_TEXT_TEXT = "voice.agent.heard_text.text" as const;
/** Where the caller's audio came from. */
export const VOICE_CALLER_AUDIO_SOURCE = "voice.caller.audio.source" as const;
/** Energy of the caller's audio, dBFS. Unit: dBFS. */
export const VOICE_CALLER_AUDIO_ENERGY_DB = "voice.caller.audio.energy_db" as const;
/** BCP 47 language of the caller. */
export const VOICE_CALLER_LANGUAGE = "voice.caller.language" as const;
/** Voice activity detector's confidence, 0 to 1. Unit: 1. */
export const VOICE_CALLER_VAD_CONFIDENCE = "voice.caller.vad.confidence" as const;
/** Identity of one stretch of caller input. */
export const VOICE_CALLER_STRETCH_ID = "voice.caller.stretch.id" as const;
/** Kind of caller input. */
export const VOICE_CALLER_INPUT_TYPE = "voice.caller.input.type" as const;
/** What the input was, by the judge lexicon where the helper could read the text. */
export const VOICE_CALLER_INPUT_CLASS = "voice.caller.input.class" as const;
/** Confidence in the class, 0 to 1. Unit: 1. */
export const VOICE_CALLER_INPUT_CLASS_CONFIDENCE = "voice.caller.input.class_confidence" as const;
/** The detector's own backchannel flag; evidence, not truth. */
export const VOICE_CALLER_INPUT_IS_BACKCHANNEL = "voice.caller.input.is_backchannel" as const;
/** Intent label of a command or of understood speech. */
export const VOICE_CALLER_INTENT_LABEL = "voice.caller.intent.label" as const;
/** Speech so far, or in all once stopped. Unit: ms. */
export const VOICE_CALLER_SPEECH_DURATION_MS = "voice.caller.speech.duration_ms" as const;
/** From the stretch's onset to its first meaningful word, if the recogniser tells. Unit: ms. */
export const VOICE_CALLER_SPEECH_FIRST_WORD_OFFSET_MS = "voice.caller.speech.first_word_offset_ms" as const;
/** Silence that followed before the stop was declared. Unit: ms. */
export const VOICE_CALLER_SILENCE_DURATION_MS = "voice.caller.silence.duration_ms" as const;
/** What the recogniser heard; redacted by default. */
export const VOICE_CALLER_TRANSCRIPT_TEXT = "voice.caller.transcript.text" as const;
/** State of the transcript; `unavailable` means the recogniser was not fed, which is not `empty`. */
export const VOICE_CALLER_TRANSCRIPT_STATUS = "voice.caller.transcript.status" as const;
/** True where an adapter concluded `empty` from silence of the recogniser. */
export const VOICE_CALLER_TRANSCRIPT_INFERRED = "voice.caller.transcript.inferred" as const;
/** True where the words end as no phrase ends ("and my number is"); told by the helper, since the text may stay in the agent. */
export const VOICE_CALLER_TRANSCRIPT_UNFINISHED = "voice.caller.transcript.unfinished" as const;
/** Recogniser's confidence, 0 to 1. Unit: 1. */
export const VOICE_CALLER_TRANSCRIPT_CONFIDENCE = "voice.caller.transcript.confidence" as const;
/** When the recogniser delivered this text, Unix milliseconds; the newest counts. Unit: ms. */
export const VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS = "voice.caller.transcript.evidence_time_ms" as const;
/** Words detected. Unit: {word}. */
export const VOICE_CALLER_TRANSCRIPT_WORD_COUNT = "voice.caller.transcript.word_count" as const;
/** Characters of the transcript. Unit: {character}. */
export const VOICE_CALLER_TRANSCRIPT_LENGTH = "voice.caller.transcript.length" as const;
/** Hashes of the content words, salted per call; equal within one call only. */
export const VOICE_CALLER_TRANSCRIPT_WORD_HASHES = "voice.caller.transcript.word_hashes" as const;
/** Pointer to the transcript in the evidence store. */
export const VOICE_CALLER_TRANSCRIPT_REF = "voice.caller.transcript.ref" as const;
/** Whether the text was taken out. */
export const VOICE_CALLER_TRANSCRIPT_REDACTION = "voice.caller.transcript.redaction" as const;
/** Class of the key. */
export const VOICE_CALLER_DTMF_CLASS = "voice.caller.dtmf.class" as const;
/** `listed`: the key is one the prompt offers; `any`: any key will do; `none`: no key, or not this one, was offered. */
export const VOICE_CALLER_DTMF_EXPECTED = "voice.caller.dtmf.expected" as const;
/** The key itself; menus only, opt-in. */
export const VOICE_CALLER_DTMF_DIGIT = "voice.caller.dtmf.digit" as const;
/** What detected the candidate. */
export const VOICE_DETECTOR_MODE = "voice.detector.mode" as const;
/** The detector's threshold, in its own unit. */
export const VOICE_DETECTOR_THRESHOLD = "voice.detector.threshold" as const;
/** Links the events of one interruption; it neither splits nor merges episodes. */
export const VOICE_INTERRUPTION_ID = "voice.interruption.id" as const;
/** What the agent chose, live. */
export const VOICE_INTERRUPTION_DECISION_ACTION = "voice.interruption.decision.action" as const;
/** Why the agent chose it. */
export const VOICE_INTERRUPTION_DECISION_REASON = "voice.interruption.decision.reason" as const;
/** Confidence of the agent's decision, 0 to 1. Unit: 1. */
export const VOICE_INTERRUPTION_DECISION_CONFIDENCE = "voice.interruption.decision.confidence" as const;
/** Policy version the agent decided by. */
export const VOICE_INTERRUPTION_DECISION_POLICY_VERSION = "voice.interruption.decision.policy_version" as const;
/** Position at which the agent took the response up again. Unit: ms. */
export const VOICE_INTERRUPTION_RECOVERY_POSITION_MS = "voice.interruption.recovery.position_ms" as const;
/** The caller turn that the interruption became. */
export const VOICE_INTERRUPTION_RECOVERY_TURN_ID = "voice.interruption.recovery.turn_id" as const;
/** Whether the task survived. */
export const VOICE_INTERRUPTION_RECOVERY_TASK_STATE = "voice.interruption.recovery.task_state" as const;
/** The runbook's boolean for the task state. @deprecated use `voice.interruption.recovery.task_state` */
export const VOICE_INTERRUPTION_RECOVERY_TASK_STATE_PRESERVED = "voice.interruption.recovery.task_state_preserved" as const;
/** Whether the new caller turn was committed. */
export const VOICE_INTERRUPTION_RECOVERY_NEW_TURN_COMMITTED = "voice.interruption.recovery.new_turn_committed" as const;
/** Where the agent's transcript was cut. Unit: ms. */
export const VOICE_INTERRUPTION_RECOVERY_TRUNCATED_AT_MS = "voice.interruption.recovery.truncated_at_ms" as const;
/** How long the runtime waited for words. Unit: ms. */
export const VOICE_INTERRUPTION_FALSE_POSITIVE_TIMEOUT_MS = "voice.interruption.false_positive.timeout_ms" as const;
/** Whether no words came. */
export const VOICE_INTERRUPTION_FALSE_POSITIVE_TRANSCRIPT_ABSENT = "voice.interruption.false_positive.transcript_absent" as const;
/** What the runtime did then. */
export const VOICE_INTERRUPTION_FALSE_POSITIVE_RESUME_BEHAVIOR = "voice.interruption.false_positive.resume_behavior" as const;
/** Silence that had elapsed. Unit: ms. */
export const VOICE_SILENCE_ELAPSED_MS = "voice.silence.elapsed_ms" as const;
/** What the agent was waiting for. */
export const VOICE_SILENCE_PROMPT_STATE = "voice.silence.prompt_state" as const;
/** What the agent did next. */
export const VOICE_SILENCE_NEXT_ACTION = "voice.silence.next_action" as const;
/** Keys of the facts the runtime cannot know. */
export const VOICE_EVIDENCE_MISSING = "voice.evidence.missing" as const;
/** Pointer to the audio. */
export const VOICE_EVIDENCE_AUDIO_REF = "voice.evidence.audio_ref" as const;
/** Members of an envelope that the registry does not know, as JSON, so that nothing is lost on the way through OTLP. */
export const VOICE_ENVELOPE_EXTRA = "voice.envelope.extra" as const;
/** Version of the judge: lexicon, floor and times. */
export const VOICE_JUDGE_VERSION = "voice.judge.version" as const;
/** Version of the processor's policy that ruled. */
export const VOICE_POLICY_VERSION = "voice.policy.version" as const;
/** Rule that decided. */
export const VOICE_POLICY_RULE = "voice.policy.rule" as const;
/** Input class the policy engine saw. */
export const VOICE_POLICY_INPUT_CLASS = "voice.policy.input_class" as const;
/** Action the policy asks for. */
export const VOICE_POLICY_ACTION = "voice.policy.action" as const;
/** Why, in words. */
export const VOICE_POLICY_REASON = "voice.policy.reason" as const;
/** Confidence of the ruling, 0 to 1. Unit: 1. */
export const VOICE_POLICY_CONFIDENCE = "voice.policy.confidence" as const;
/** Ruled on what was known on arrival, or on the whole episode. */
export const VOICE_POLICY_BASIS = "voice.policy.basis" as const;
/** Whether what the policy protects in a response was played, as proven by the end of its playback. */
export const VOICE_POLICY_REQUIRED_CONTENT = "voice.policy.required_content" as const;
/** Why the record was not judged. */
export const VOICE_PROBLEM_CODES = "voice.problem.codes" as const;
/** Whether the audio did right by the caller. */
export const VOICE_INTERRUPTION_VERDICT = "voice.interruption.verdict" as const;
/** Why that verdict. */
export const VOICE_INTERRUPTION_REASON = "voice.interruption.reason" as const;
/** Whether the agent did what policy asked. */
export const VOICE_INTERRUPTION_COMPLIANCE = "voice.interruption.compliance" as const;
/** What the caller heard happen. */
export const VOICE_INTERRUPTION_NET_AUDIO = "voice.interruption.net_audio" as const;
/** Whether the caller meant to interrupt. */
export const VOICE_INTERRUPTION_INTENT = "voice.interruption.intent" as const;
/** Whether policy protected the content. */
export const VOICE_INTERRUPTION_PROTECTED = "voice.interruption.protected" as const;
/** How often the caller tried against the same response. Unit: {attempt}. */
export const VOICE_INTERRUPTION_ATTEMPTS = "voice.interruption.attempts" as const;
/** Named failure modes. */
export const VOICE_INTERRUPTION_FINDINGS = "voice.interruption.findings" as const;
/** From the first meaningful word to silence. Unit: ms. */
export const VOICE_INTERRUPTION_REACTION_MS = "voice.interruption.reaction_ms" as const;
/** Dead air after the agent stopped. Unit: ms. */
export const VOICE_INTERRUPTION_SILENCE_MS = "voice.interruption.silence_ms" as const;
/** How the agent took its place up again. */
export const VOICE_INTERRUPTION_RESUME = "voice.interruption.resume" as const;
/** Whether the caller said the same again. */
export const VOICE_INTERRUPTION_REPEATED = "voice.interruption.repeated" as const;
/** Span ids of the call's episodes, in order. */
export const VOICE_CALL_EPISODE_IDS = "voice.call.episode.ids" as const;
/** Verdict of each episode. */
export const VOICE_CALL_EPISODE_VERDICTS = "voice.call.episode.verdicts" as const;
/** Silence after each episode; -1 where none was measured. Unit: ms. */
export const VOICE_CALL_EPISODE_SILENCES_MS = "voice.call.episode.silences_ms" as const;
/** Whether each episode's content was said again. */
export const VOICE_CALL_EPISODE_REPEATS = "voice.call.episode.repeats" as const;
/** Whether the agent never spoke again after each episode's stop, and nobody took over. */
export const VOICE_CALL_EPISODE_UNANSWERED = "voice.call.episode.unanswered" as const;
/** How the call's interruptions went, taken together. */
export const VOICE_CALL_INTERRUPTED = "voice.call.interrupted" as const;
/** Whether the caller asked for a person in any turn. */
export const VOICE_CALL_ESCALATION_ASKED = "voice.call.escalation_asked" as const;
/** Responses whose end nobody reported. Unit: {response}. */
export const VOICE_CALL_UNKNOWN_ENDS = "voice.call.unknown_ends" as const;

export const GEN_AI_AGENT_NAME = "gen_ai.agent.name" as const;
export const GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id" as const;
export const SESSION_ID = "session.id" as const;

/** What became of the task the call was about. */
export const TaskOutcome = {
  COMPLETED: "completed",
  FAILED: "failed",
  ABANDONED: "abandoned",
  UNKNOWN: "unknown",
} as const;
export type TaskOutcome = (typeof TaskOutcome)[keyof typeof TaskOutcome];

/** How the call ended; `expired` is written by the processor only. */
export const EndedBy = {
  CALLER: "caller",
  AGENT: "agent",
  TRANSFER: "transfer",
  DROPPED: "dropped",
  EXPIRED: "expired",
} as const;
export type EndedBy = (typeof EndedBy)[keyof typeof EndedBy];

/** Which rate of the scorecard a value is. */
export const ScorecardRate = {
  FALSE_INTERRUPTION: "false_interruption",
  MISSED_INTERRUPTION: "missed_interruption",
  RESUME_SUCCESS: "resume_success",
  REPEATED_SPEECH: "repeated_speech",
  TASK_COMPLETION: "task_completion",
  ESCALATION: "escalation",
} as const;
export type ScorecardRate = (typeof ScorecardRate)[keyof typeof ScorecardRate];

/** What the agent was doing at that moment. */
export const SpeechState = {
  SPEAKING: "speaking",
  PAUSED: "paused",
  THINKING: "thinking",
  LISTENING: "listening",
  IDLE: "idle",
} as const;
export type SpeechState = (typeof SpeechState)[keyof typeof SpeechState];

/** Kind of message the agent speaks; an open set that a policy maps onto its types. */
export const MessageType = {
  GREETING: "greeting",
  MENU_PROMPT: "menu_prompt",
  ENTITY_CAPTURE: "entity_capture",
  DISCLOSURE: "disclosure",
  SUPPORT_ANSWER: "support_answer",
  TOOL_WAIT: "tool_wait",
  ESCALATION_HANDOFF: "escalation_handoff",
  OTHER: "other",
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType] | (string & {});

/** Why the response's audio ended. */
export const EndReason = {
  COMPLETED: "completed",
  INTERRUPTED: "interrupted",
  FAILED: "failed",
} as const;
export type EndReason = (typeof EndReason)[keyof typeof EndReason];

/** Kind of caller input. */
export const InputType = {
  SPEECH: "speech",
  DTMF: "dtmf",
  COMMAND: "command",
  SILENCE: "silence",
} as const;
export type InputType = (typeof InputType)[keyof typeof InputType];

/** What the input was, by the judge lexicon where the helper could read the text. */
export const InputClass = {
  CORRECTION: "correction",
  BACKCHANNEL: "backchannel",
  NOISE: "noise",
  DTMF: "dtmf",
  SILENCE: "silence",
  ESCALATION: "escalation",
  UNKNOWN: "unknown",
} as const;
export type InputClass = (typeof InputClass)[keyof typeof InputClass];

/** State of the transcript; `unavailable` means the recogniser was not fed, which is not `empty`. */
export const TranscriptStatus = {
  FINAL: "final",
  PARTIAL: "partial",
  EMPTY: "empty",
  UNAVAILABLE: "unavailable",
} as const;
export type TranscriptStatus = (typeof TranscriptStatus)[keyof typeof TranscriptStatus];

/** Whether the text was taken out. */
export const Redaction = {
  REDACTED: "redacted",
  OPTED_IN: "opted_in",
} as const;
export type Redaction = (typeof Redaction)[keyof typeof Redaction];

/** Class of the key. */
export const DtmfClass = {
  DIGIT: "digit",
  STAR: "star",
  POUND: "pound",
} as const;
export type DtmfClass = (typeof DtmfClass)[keyof typeof DtmfClass];

/** `listed`: the key is one the prompt offers; `any`: any key will do; `none`: no key, or not this one, was offered. */
export const DtmfExpected = {
  LISTED: "listed",
  ANY: "any",
  NONE: "none",
} as const;
export type DtmfExpected = (typeof DtmfExpected)[keyof typeof DtmfExpected];

/** What the agent chose, live. */
export const Action = {
  STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN: "stop_agent_audio_and_accept_user_turn",
  CONTINUE_AGENT_AUDIO: "continue_agent_audio",
  ACKNOWLEDGE_AND_CONTINUE: "acknowledge_and_continue",
  PAUSE_AGENT_AUDIO: "pause_agent_audio",
  RESUME_AGENT_AUDIO: "resume_agent_audio",
  BUFFER_INPUT_AND_CONTINUE: "buffer_input_and_continue",
  ROUTE_DTMF: "route_dtmf",
  REPROMPT: "reprompt",
  WAIT: "wait",
  ESCALATE_TO_HUMAN: "escalate_to_human",
} as const;
export type Action = (typeof Action)[keyof typeof Action];

/** Whether the task survived. */
export const TaskState = {
  PRESERVED: "preserved",
  LOST: "lost",
  UNKNOWN: "unknown",
} as const;
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** What the runtime did then. */
export const ResumeBehavior = {
  RESUMED: "resumed",
  RESTARTED: "restarted",
  NEW_RESPONSE: "new_response",
  NONE: "none",
} as const;
export type ResumeBehavior = (typeof ResumeBehavior)[keyof typeof ResumeBehavior];

/** What the agent did next. */
export const NextAction = {
  REPROMPT: "reprompt",
  WAIT: "wait",
  ESCALATE: "escalate",
  END_CALL: "end_call",
} as const;
export type NextAction = (typeof NextAction)[keyof typeof NextAction];

/** Ruled on what was known on arrival, or on the whole episode. */
export const Basis = {
  ARRIVAL: "arrival",
  EPISODE: "episode",
} as const;
export type Basis = (typeof Basis)[keyof typeof Basis];

/** Whether what the policy protects in a response was played, as proven by the end of its playback. */
export const RequiredContent = {
  PLAYED: "played",
  CUT: "cut",
  UNKNOWN: "unknown",
} as const;
export type RequiredContent = (typeof RequiredContent)[keyof typeof RequiredContent];

/** Whether the audio did right by the caller. */
export const Verdict = {
  CORRECT: "correct",
  FALSE_INTERRUPTION: "false_interruption",
  MISSED_INTERRUPTION: "missed_interruption",
  UNDETERMINED: "undetermined",
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Whether the agent did what policy asked. */
export const Compliance = {
  FOLLOWED: "followed",
  EARLY: "early",
  DEVIATED: "deviated",
  UNKNOWN: "unknown",
} as const;
export type Compliance = (typeof Compliance)[keyof typeof Compliance];

/** What the caller heard happen. */
export const NetAudio = {
  KEPT: "kept",
  PAUSED_RESUMED: "paused_resumed",
  STOPPED: "stopped",
  UNKNOWN: "unknown",
} as const;
export type NetAudio = (typeof NetAudio)[keyof typeof NetAudio];

/** Whether the caller meant to interrupt. */
export const Intent = {
  YES: "yes",
  NO: "no",
  UNKNOWN: "unknown",
} as const;
export type Intent = (typeof Intent)[keyof typeof Intent];

/** How the agent took its place up again. */
export const Resume = {
  CLEAN: "clean",
  RESTARTED: "restarted",
  LOST: "lost",
  UNKNOWN: "unknown",
  NOT_SUPPORTED: "not_supported",
} as const;
export type Resume = (typeof Resume)[keyof typeof Resume];

/** How the call's interruptions went, taken together. */
export const Interrupted = {
  NONE: "none",
  HANDLED: "handled",
  MISHANDLED: "mishandled",
  UNKNOWN: "unknown",
} as const;
export type Interrupted = (typeof Interrupted)[keyof typeof Interrupted];

/** What a sender may tell, with the type of each value; numbers of int attributes are whole. */
export type VoiceAttributes = {
  "voice.schema.version"?: string | undefined;
  "voice.schema.original_version"?: string | undefined;
  "voice.event.id"?: string | undefined;
  "voice.call.id"?: string | undefined;
  "voice.call.observable"?: (Exclude<InputType, "silence">)[] | undefined;
  "voice.call.task_outcome"?: TaskOutcome | undefined;
  "voice.call.escalated"?: boolean | undefined;
  "voice.call.ended_by"?: EndedBy | undefined;
  "voice.turn.id"?: string | undefined;
  "voice.workflow"?: string | undefined;
  "voice.runtime.name"?: string | undefined;
  "voice.runtime.version"?: string | undefined;
  "voice.runtime.lag_ms"?: number | undefined;
  "voice.sampling.ratio"?: number | undefined;
  "voice.agent.policy.version"?: string | undefined;
  "voice.agent.response.id"?: string | undefined;
  "voice.agent.response.duration_ms"?: number | undefined;
  "voice.agent.speech.state"?: SpeechState | undefined;
  "voice.agent.speech.interruptible"?: boolean | undefined;
  "voice.agent.message.type"?: MessageType | undefined;
  "voice.agent.question_pending"?: boolean | undefined;
  "voice.agent.playback.position_ms"?: number | undefined;
  "voice.agent.playback.provisional"?: boolean | undefined;
  "voice.agent.playback.resumed"?: boolean | undefined;
  "voice.agent.playback.end_reason"?: EndReason | undefined;
  "voice.agent.playback.interrupt_reason"?: string | undefined;
  "voice.agent.heard_text.boundary"?: number | undefined;
  "voice.agent.heard_text.text"?: string | undefined;
  "voice.caller.audio.source"?: string | undefined;
  "voice.caller.audio.energy_db"?: number | undefined;
  "voice.caller.language"?: string | undefined;
  "voice.caller.vad.confidence"?: number | undefined;
  "voice.caller.stretch.id"?: string | undefined;
  "voice.caller.input.type"?: InputType | undefined;
  "voice.caller.input.class"?: InputClass | undefined;
  "voice.caller.input.class_confidence"?: number | undefined;
  "voice.caller.input.is_backchannel"?: boolean | undefined;
  "voice.caller.intent.label"?: string | undefined;
  "voice.caller.speech.duration_ms"?: number | undefined;
  "voice.caller.speech.first_word_offset_ms"?: number | undefined;
  "voice.caller.silence.duration_ms"?: number | undefined;
  "voice.caller.transcript.text"?: string | undefined;
  "voice.caller.transcript.status"?: TranscriptStatus | undefined;
  "voice.caller.transcript.inferred"?: boolean | undefined;
  "voice.caller.transcript.unfinished"?: boolean | undefined;
  "voice.caller.transcript.confidence"?: number | undefined;
  "voice.caller.transcript.evidence_time_ms"?: number | undefined;
  "voice.caller.transcript.word_count"?: number | undefined;
  "voice.caller.transcript.length"?: number | undefined;
  "voice.caller.transcript.word_hashes"?: (string)[] | undefined;
  "voice.caller.transcript.ref"?: string | undefined;
  "voice.caller.transcript.redaction"?: Redaction | undefined;
  "voice.caller.dtmf.class"?: DtmfClass | undefined;
  "voice.caller.dtmf.expected"?: DtmfExpected | undefined;
  "voice.caller.dtmf.digit"?: string | undefined;
  "voice.detector.mode"?: string | undefined;
  "voice.detector.threshold"?: number | undefined;
  "voice.interruption.id"?: string | undefined;
  "voice.interruption.decision.action"?: Action | undefined;
  "voice.interruption.decision.reason"?: string | undefined;
  "voice.interruption.decision.confidence"?: number | undefined;
  "voice.interruption.decision.policy_version"?: string | undefined;
  "voice.interruption.recovery.position_ms"?: number | undefined;
  "voice.interruption.recovery.turn_id"?: string | undefined;
  "voice.interruption.recovery.task_state"?: TaskState | undefined;
  "voice.interruption.recovery.task_state_preserved"?: boolean | undefined;
  "voice.interruption.recovery.new_turn_committed"?: boolean | undefined;
  "voice.interruption.recovery.truncated_at_ms"?: number | undefined;
  "voice.interruption.false_positive.timeout_ms"?: number | undefined;
  "voice.interruption.false_positive.transcript_absent"?: boolean | undefined;
  "voice.interruption.false_positive.resume_behavior"?: ResumeBehavior | undefined;
  "voice.silence.elapsed_ms"?: number | undefined;
  "voice.silence.prompt_state"?: string | undefined;
  "voice.silence.next_action"?: NextAction | undefined;
  "voice.evidence.missing"?: (keyof VoiceAttributes)[] | undefined;
  "voice.evidence.audio_ref"?: string | undefined;
  "voice.envelope.extra"?: string | undefined;
  "voice.judge.version"?: string | undefined;
  "gen_ai.agent.name"?: string | undefined;
  "gen_ai.conversation.id"?: string | undefined;
  "session.id"?: string | undefined;
};

/** What only the processor sets. */
export type ProcessorAttributes = {
  "voice.scorecard.rate"?: ScorecardRate | undefined;
  "voice.scorecard.window"?: string | undefined;
  "voice.policy.version"?: string | undefined;
  "voice.policy.rule"?: string | undefined;
  "voice.policy.input_class"?: string | undefined;
  "voice.policy.action"?: string | undefined;
  "voice.policy.reason"?: string | undefined;
  "voice.policy.confidence"?: number | undefined;
  "voice.policy.basis"?: Basis | undefined;
  "voice.policy.required_content"?: RequiredContent | undefined;
  "voice.problem.codes"?: (string)[] | undefined;
  "voice.interruption.verdict"?: Verdict | undefined;
  "voice.interruption.reason"?: string | undefined;
  "voice.interruption.compliance"?: Compliance | undefined;
  "voice.interruption.net_audio"?: NetAudio | undefined;
  "voice.interruption.intent"?: Intent | undefined;
  "voice.interruption.protected"?: boolean | undefined;
  "voice.interruption.attempts"?: number | undefined;
  "voice.interruption.findings"?: (string)[] | undefined;
  "voice.interruption.reaction_ms"?: number | undefined;
  "voice.interruption.silence_ms"?: number | undefined;
  "voice.interruption.resume"?: Resume | undefined;
  "voice.interruption.repeated"?: boolean | undefined;
  "voice.call.episode.ids"?: (string)[] | undefined;
  "voice.call.episode.verdicts"?: (string)[] | undefined;
  "voice.call.episode.silences_ms"?: (number)[] | undefined;
  "voice.call.episode.repeats"?: (boolean)[] | undefined;
  "voice.call.episode.unanswered"?: (boolean)[] | undefined;
  "voice.call.interrupted"?: Interrupted | undefined;
  "voice.call.escalation_asked"?: boolean | undefined;
  "voice.call.unknown_ends"?: number | undefined;
};

/** The facts each event tells, or lists in `voice.evidence.missing`; those of one kind of input where it is that. */
export const FACTS = {
  "voice.interruption.call_started": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.runtime.name", "voice.agent.policy.version", "voice.call.observable", "voice.caller.language", "gen_ai.agent.name"],
  "voice.interruption.user.speech_started": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.caller.audio.source", "voice.caller.vad.confidence"],
  "voice.interruption.user.speech_stopped": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.caller.speech.duration_ms", "voice.caller.transcript.status", "voice.caller.silence.duration_ms"],
  "voice.interruption.user.transcript": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.caller.stretch.id", "voice.caller.transcript.status", "voice.caller.transcript.evidence_time_ms", "voice.caller.input.class", "voice.caller.input.class_confidence", "voice.caller.transcript.length"],
  "voice.interruption.agent.speech_started": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.agent.playback.position_ms"],
  "voice.interruption.agent.speech_stopped": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.agent.playback.position_ms", "voice.agent.playback.end_reason"],
  "voice.interruption.agent.speech_interrupted": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.agent.playback.position_ms", "voice.agent.playback.interrupt_reason", "voice.agent.heard_text.boundary"],
  "voice.interruption.candidate_detected": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.caller.input.type", "voice.detector.mode", "voice.detector.threshold", "voice.caller.speech.duration_ms", "voice.caller.transcript.word_count", "voice.caller.dtmf.class", "voice.caller.dtmf.expected", "voice.caller.intent.label"],
  "voice.interruption.decision_made": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.interruption.decision.action", "voice.interruption.decision.policy_version", "voice.interruption.decision.confidence", "voice.interruption.decision.reason"],
  "voice.interruption.recovered": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.interruption.recovery.position_ms", "voice.interruption.recovery.turn_id", "voice.interruption.recovery.task_state"],
  "voice.interruption.false_positive": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.interruption.false_positive.timeout_ms", "voice.interruption.false_positive.transcript_absent", "voice.interruption.false_positive.resume_behavior"],
  "voice.interruption.silence.timeout": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.silence.elapsed_ms", "voice.silence.prompt_state", "voice.silence.next_action"],
  "voice.interruption.call_ended": ["voice.schema.version", "voice.call.id", "voice.turn.id", "voice.call.task_outcome", "voice.call.escalated", "voice.call.ended_by"],
} as const satisfies Record<VoiceEventName, readonly (keyof VoiceAttributes)[]>;
