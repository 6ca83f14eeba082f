// Slips that the compiler must refuse: it fails where a line after `@ts-expect-error` is right. Never run.

import * as v from "../../../schema/otel_voice_schema/versions/2026-11-25/otel-voice.ts";

export const SLIPS: v.VoiceAttributes[] = [
  // @ts-expect-error not in the closed set
  { [v.VOICE_CALL_TASK_OUTCOME]: "done" },
  // @ts-expect-error a value of another set
  { [v.VOICE_INTERRUPTION_DECISION_ACTION]: v.NextAction.END_CALL },
  // @ts-expect-error a number, not text
  { [v.VOICE_AGENT_PLAYBACK_POSITION_MS]: "1840" },
  // @ts-expect-error a list
  { [v.VOICE_EVIDENCE_MISSING]: v.VOICE_TURN_ID },
  // @ts-expect-error no key of the schema
  { [v.VOICE_EVIDENCE_MISSING]: ["voice.turn"] },
  // @ts-expect-error the processor's
  { [v.VOICE_INTERRUPTION_VERDICT]: v.Verdict.CORRECT },
  // @ts-expect-error no such key
  { "voice.call.outcome": "completed" },
];

// @ts-expect-error the processor's, not an agent's
export const RULED: v.VoiceEventName = v.EVENT_EPISODE;

/** A kind of message that the schema does not know is fine: the set is open. */
export const OPEN = { [v.VOICE_AGENT_MESSAGE_TYPE]: "fare_quote" } satisfies v.VoiceAttributes;
