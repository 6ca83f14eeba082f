// One call: each event is a span under the call's root, whose ids come from the call id.

import { randomUUID } from "node:crypto";

import { blake2b } from "@noble/hashes/blake2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { ROOT_CONTEXT, TraceFlags, trace, type Context, type SpanContext, type Tracer } from "@opentelemetry/api";

import * as v from "../../../schema/otel_voice_schema/versions/2026-11-25/otel-voice.ts";
import type { VoiceAttributes, VoiceEventName } from "../../../schema/otel_voice_schema/versions/2026-11-25/otel-voice.ts";

/** What an agent says in one go; `plannedMs` is its whole length. */
export interface Response {
  id: string;
  kind: v.MessageType;
  plannedMs: number;
  question?: boolean;
  interruptible?: boolean;
}

/** What an agent chose to do about an interruption, and why. */
export interface Decision {
  action: v.Action;
  reason: string;
  confidence?: number;
}

const UNJUDGED = [v.VOICE_CALLER_INPUT_CLASS, v.VOICE_CALLER_INPUT_CLASS_CONFIDENCE] satisfies (keyof VoiceAttributes)[];
const ENDPOINTING_MS = 550;
const CHARACTERS_PER_S = 14;

/** Return a call's root: every emitter that knows the call id gets the same. */
export function rootOf(callId: string): SpanContext {
  const derived = (person: string, dkLen: number): string =>
    bytesToHex(blake2b(utf8ToBytes(callId), { dkLen, personalization: utf8ToBytes(person) }));
  return {
    traceId: derived("otel-voice trace", 16),
    spanId: derived("otel-voice span ", 8),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  };
}

/** Sends a call's events in the order of time; every `at` is in milliseconds of the call. */
export class Call {
  sent = 0;
  private readonly parent: Context;
  private readonly fixed: VoiceAttributes;
  private agent: VoiceAttributes = {};
  private response: { id: string; startMs: number } | undefined;
  private stretch = { id: "", startMs: 0 };
  private interruption: VoiceAttributes = {};
  private turns = 0;

  constructor(
    private readonly tracer: Tracer,
    private readonly startMs: number,
    id: string,
    workflow: string,
  ) {
    this.parent = trace.setSpanContext(ROOT_CONTEXT, rootOf(id));
    this.fixed = {
      [v.VOICE_SCHEMA_VERSION]: v.SCHEMA_VERSION,
      [v.VOICE_CALL_ID]: id,
      [v.VOICE_WORKFLOW]: workflow,
      [v.VOICE_RUNTIME_NAME]: "node-peer",
      [v.VOICE_AGENT_POLICY_VERSION]: "2026-05-20",
      [v.VOICE_CALLER_LANGUAGE]: "en",
      [v.VOICE_CALL_OBSERVABLE]: [v.InputType.SPEECH, v.InputType.DTMF],
      [v.GEN_AI_AGENT_NAME]: "front_desk",
    };
    this.emit(v.EVENT_CALL_STARTED, 0, { [v.VOICE_TURN_ID]: "turn_0000" });
  }

  /** Send one event that occurred at `at`; one that has a length began at `from`. */
  private emit(name: VoiceEventName, at: number, facts: VoiceAttributes, from: number = at): void {
    const attributes: VoiceAttributes = {
      ...this.fixed,
      [v.VOICE_EVENT_ID]: randomUUID(),
      [v.VOICE_TURN_ID]: this.turn,
      ...this.agent,
      ...facts,
    };
    const startTime = new Date(this.startMs + from);
    // spread, since the API wants an index signature, which an interface has not
    this.tracer.startSpan(name, { attributes: { ...attributes }, startTime }, this.parent).end(new Date(this.startMs + at));
    this.sent += 1;
  }

  private get turn(): string {
    return `turn_${String(this.turns).padStart(4, "0")}`;
  }

  private get played(): { id: string; startMs: number } {
    if (this.response === undefined) throw new Error("nothing plays");
    return this.response;
  }

  agentStarts(at: number, response: Response): void {
    this.turns += 1;
    this.response = { id: response.id, startMs: at };
    this.agent = {
      [v.VOICE_AGENT_SPEECH_STATE]: v.SpeechState.SPEAKING,
      [v.VOICE_AGENT_RESPONSE_ID]: response.id,
      [v.VOICE_AGENT_MESSAGE_TYPE]: response.kind,
      [v.VOICE_AGENT_QUESTION_PENDING]: response.question ?? false,
      [v.VOICE_AGENT_SPEECH_INTERRUPTIBLE]: response.interruptible ?? true,
    };
    this.emit(v.EVENT_AGENT_SPEECH_STARTED, at, {
      [v.VOICE_AGENT_PLAYBACK_POSITION_MS]: 0,
      [v.VOICE_AGENT_RESPONSE_DURATION_MS]: response.plannedMs,
    });
  }

  agentStops(at: number, reason: v.EndReason = v.EndReason.COMPLETED): void {
    const { startMs } = this.played;
    this.agent = { ...this.agent, [v.VOICE_AGENT_SPEECH_STATE]: v.SpeechState.LISTENING };
    const told = {
      [v.VOICE_AGENT_PLAYBACK_POSITION_MS]: at - startMs,
      [v.VOICE_AGENT_PLAYBACK_END_REASON]: reason,
    } satisfies VoiceAttributes;
    this.emit(v.EVENT_AGENT_SPEECH_STOPPED, at, told, startMs);
    const { [v.VOICE_AGENT_RESPONSE_ID]: _id, [v.VOICE_AGENT_SPEECH_INTERRUPTIBLE]: _held, ...silent } = this.agent;
    this.agent = silent;
    this.response = undefined;
  }

  agentIsCut(at: number): void {
    const position = at - this.played.startMs;
    this.agent = { ...this.agent, [v.VOICE_AGENT_SPEECH_STATE]: v.SpeechState.LISTENING };
    this.emit(v.EVENT_AGENT_SPEECH_INTERRUPTED, at, {
      [v.VOICE_AGENT_PLAYBACK_POSITION_MS]: position,
      [v.VOICE_AGENT_PLAYBACK_INTERRUPT_REASON]: "caller_input",
      [v.VOICE_AGENT_HEARD_TEXT_BOUNDARY]: Math.floor((position * CHARACTERS_PER_S) / 1000),
    });
    this.agentStops(at, v.EndReason.INTERRUPTED);
  }

  callerStarts(at: number, vadConfidence = 0.9, newTurn = true): void {
    if (newTurn) this.turns += 1;
    this.stretch = { id: `stretch_${at}`, startMs: at };
    this.emit(v.EVENT_USER_SPEECH_STARTED, at, {
      [v.VOICE_CALLER_STRETCH_ID]: this.stretch.id,
      [v.VOICE_CALLER_AUDIO_SOURCE]: "caller",
      [v.VOICE_CALLER_VAD_CONFIDENCE]: vadConfidence,
    });
  }

  callerStops(at: number, status: v.TranscriptStatus = v.TranscriptStatus.PARTIAL): void {
    const told = {
      [v.VOICE_CALLER_STRETCH_ID]: this.stretch.id,
      [v.VOICE_CALLER_SPEECH_DURATION_MS]: at - this.stretch.startMs,
      [v.VOICE_CALLER_TRANSCRIPT_STATUS]: status,
      [v.VOICE_CALLER_SILENCE_DURATION_MS]: ENDPOINTING_MS,
    } satisfies VoiceAttributes;
    this.emit(v.EVENT_USER_SPEECH_STOPPED, at, told, this.stretch.startMs);
  }

  /** Tell what the recogniser heard: the text itself, for the processor to judge and to redact. */
  heard(at: number, text: string, status: v.TranscriptStatus): void {
    const told = {
      [v.VOICE_CALLER_STRETCH_ID]: this.stretch.id,
      [v.VOICE_CALLER_TRANSCRIPT_STATUS]: status,
      [v.VOICE_CALLER_TRANSCRIPT_EVIDENCE_TIME_MS]: this.startMs + at,
      [v.VOICE_CALLER_TRANSCRIPT_LENGTH]: text.length,
      [v.VOICE_EVIDENCE_MISSING]: UNJUDGED,
    } satisfies VoiceAttributes;
    const words = {
      [v.VOICE_CALLER_TRANSCRIPT_TEXT]: text,
      [v.VOICE_CALLER_TRANSCRIPT_WORD_COUNT]: text.split(" ").length,
      [v.VOICE_CALLER_TRANSCRIPT_CONFIDENCE]: 0.93,
      [v.VOICE_CALLER_TRANSCRIPT_REDACTION]: v.Redaction.OPTED_IN,
    } satisfies VoiceAttributes;
    this.emit(v.EVENT_USER_TRANSCRIPT, at, text ? { ...told, ...words } : told);
  }

  speechDetected(at: number): void {
    this.suspect(at, v.InputType.SPEECH);
    this.emit(v.EVENT_CANDIDATE_DETECTED, at, {
      ...this.interruption,
      [v.VOICE_DETECTOR_MODE]: "vad",
      [v.VOICE_DETECTOR_THRESHOLD]: 0.5,
      [v.VOICE_CALLER_STRETCH_ID]: this.stretch.id,
      [v.VOICE_CALLER_SPEECH_DURATION_MS]: at - this.stretch.startMs,
      [v.VOICE_CALLER_TRANSCRIPT_WORD_COUNT]: 0,
    });
  }

  /** Tell that a key was pressed that the prompt offers; which one stays here. */
  keyPressed(at: number): void {
    this.suspect(at, v.InputType.DTMF);
    this.emit(v.EVENT_CANDIDATE_DETECTED, at, {
      ...this.interruption,
      [v.VOICE_DETECTOR_MODE]: "dtmf",
      [v.VOICE_CALLER_DTMF_CLASS]: v.DtmfClass.DIGIT,
      [v.VOICE_CALLER_DTMF_EXPECTED]: v.DtmfExpected.LISTED,
    });
  }

  private suspect(at: number, kind: v.InputType): void {
    this.interruption = {
      [v.VOICE_INTERRUPTION_ID]: `interruption_${at}`,
      [v.VOICE_AGENT_RESPONSE_ID]: this.played.id,
      [v.VOICE_CALLER_INPUT_TYPE]: kind,
    };
  }

  decides(at: number, { action, reason, confidence = 0.87 }: Decision): void {
    this.emit(v.EVENT_DECISION_MADE, at, {
      ...this.interruption,
      [v.VOICE_INTERRUPTION_DECISION_ACTION]: action,
      [v.VOICE_INTERRUPTION_DECISION_REASON]: reason,
      [v.VOICE_INTERRUPTION_DECISION_CONFIDENCE]: confidence,
      [v.VOICE_INTERRUPTION_DECISION_POLICY_VERSION]: "2026-05-20",
    });
  }

  recovers(at: number, positionMs: number): void {
    const { [v.VOICE_CALLER_INPUT_TYPE]: _kind, ...ids } = this.interruption;
    this.emit(v.EVENT_RECOVERED, at, {
      ...ids,
      [v.VOICE_INTERRUPTION_RECOVERY_POSITION_MS]: positionMs,
      [v.VOICE_INTERRUPTION_RECOVERY_TURN_ID]: this.turn,
      [v.VOICE_INTERRUPTION_RECOVERY_TASK_STATE]: v.TaskState.PRESERVED,
    });
  }

  waitedInVain(from: number, at: number): void {
    const told = {
      [v.VOICE_SILENCE_ELAPSED_MS]: at - from,
      [v.VOICE_SILENCE_PROMPT_STATE]: "awaiting_answer",
      [v.VOICE_SILENCE_NEXT_ACTION]: v.NextAction.REPROMPT,
    } satisfies VoiceAttributes;
    this.emit(v.EVENT_SILENCE_TIMEOUT, at, told, from);
  }

  ends(at: number, endedBy: v.EndedBy = v.EndedBy.CALLER): void {
    this.emit(v.EVENT_CALL_ENDED, at, {
      [v.VOICE_CALL_TASK_OUTCOME]: v.TaskOutcome.COMPLETED,
      [v.VOICE_CALL_ESCALATED]: endedBy === v.EndedBy.TRANSFER,
      [v.VOICE_CALL_ENDED_BY]: endedBy,
    });
  }
}
