// The eight test cases, each as a call that goes well; times are milliseconds of the call.

import { Action, EndedBy, MessageType, TranscriptStatus } from "../../../schema/otel_voice_schema/versions/2026-11-25/otel-voice.ts";
import type { Call } from "./call.ts";

const { PARTIAL, FINAL, EMPTY } = TranscriptStatus;

/** One test case: who takes the call, and what happens in it. */
export interface Case {
  id: string;
  workflow: string;
  play: (call: Call) => void;
}

/** The agent greets, the caller says what it is about: until 5,050. */
function opening(call: Call, text: string): void {
  call.agentStarts(300, { id: "response_0001", kind: MessageType.GREETING, plannedMs: 2_000 });
  call.agentStops(2_300);
  call.callerStarts(2_800);
  call.heard(3_100, text.slice(0, 9), PARTIAL);
  call.callerStops(4_700);
  call.heard(5_050, text, FINAL);
}

function answer(call: Call, at: number, until: number, kind: MessageType = MessageType.SUPPORT_ANSWER): void {
  call.agentStarts(at, { id: "response_0003", kind, plannedMs: until - at });
}

function trueCorrection(call: Call): void {
  opening(call, "hi I want to move my appointment");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.SUPPORT_ANSWER, plannedMs: 6_200 });
  call.callerStarts(6_400);
  call.speechDetected(6_570);
  call.heard(6_670, "no, Friday", PARTIAL);
  call.decides(6_700, { action: Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN, reason: "caller_correction_detected" });
  call.agentIsCut(6_740);
  call.callerStops(7_040);
  call.heard(7_340, "no, Friday", FINAL);
  answer(call, 7_490, 10_690);
  call.recovers(7_491, 1_340);
  call.agentStops(10_690);
  call.ends(12_190);
}

function shortBackchannel(call: Call): void {
  opening(call, "hi my router does not work");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.SUPPORT_ANSWER, plannedMs: 8_600 });
  call.callerStarts(8_200, 0.9, false);
  call.speechDetected(8_350);
  call.callerStops(8_600);
  call.decides(8_620, { action: Action.CONTINUE_AGENT_AUDIO, reason: "backchannel" });
  call.heard(8_920, "yeah", FINAL);
  call.agentStops(14_000);
  call.ends(16_000);
}

function backgroundNoise(call: Call): void {
  opening(call, "hi my router does not work");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.SUPPORT_ANSWER, plannedMs: 8_600 });
  call.callerStarts(8_200, 0.6, false);
  call.callerStops(8_290, EMPTY);
  call.speechDetected(8_290);
  call.decides(8_310, { action: Action.CONTINUE_AGENT_AUDIO, reason: "no_speech" });
  call.heard(8_610, "", EMPTY);
  call.agentStops(14_000);
  call.ends(16_000);
}

function dtmfDuringPrompt(call: Call): void {
  opening(call, "hi I have a question about my bill");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.MENU_PROMPT, plannedMs: 8_200 });
  call.keyPressed(7_500);
  call.decides(7_640, { action: Action.ROUTE_DTMF, reason: "expected_option", confidence: 1 });
  call.agentIsCut(7_680);
  answer(call, 8_180, 11_380);
  call.recovers(8_181, 2_280);
  call.agentStops(11_380);
  call.ends(12_380);
}

function legalDisclosure(call: Call): void {
  opening(call, "hi I have a question about my bill");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.DISCLOSURE, plannedMs: 7_400, interruptible: false });
  call.callerStarts(7_800);
  call.speechDetected(7_980);
  call.heard(8_120, "wait, I", PARTIAL);
  call.decides(8_220, { action: Action.BUFFER_INPUT_AND_CONTINUE, reason: "required_content" });
  call.callerStops(9_490);
  call.heard(9_840, "wait, I have a question about that", FINAL);
  call.agentStops(12_800);
  answer(call, 13_400, 16_600);
  call.recovers(13_401, 7_400);
  call.agentStops(16_600);
  call.ends(17_800);
}

function longAccountNumber(call: Call): void {
  opening(call, "hi I have a question about my bill");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.ENTITY_CAPTURE, plannedMs: 2_600, question: true });
  call.agentStops(8_000);
  call.callerStarts(8_500);
  call.heard(8_820, "four one", PARTIAL);
  call.callerStops(9_770);
  call.heard(10_120, "four one five five five", FINAL);
  call.callerStarts(11_270, 0.9, false);
  call.heard(11_590, "zero nine", PARTIAL);
  call.callerStops(12_330);
  call.heard(12_680, "zero nine two six", FINAL);
  answer(call, 13_630, 16_830);
  call.agentStops(16_830);
  call.ends(18_330);
}

function silenceTimeout(call: Call): void {
  opening(call, "hi I want to move my appointment");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.SUPPORT_ANSWER, plannedMs: 2_800, question: true });
  call.agentStops(8_200);
  call.waitedInVain(8_200, 16_200);
  call.agentStarts(16_400, { id: "response_0003", kind: MessageType.SUPPORT_ANSWER, plannedMs: 2_400, question: true });
  call.agentStops(18_800);
  call.callerStarts(19_500);
  call.heard(19_820, "yes, please", PARTIAL);
  call.callerStops(20_560);
  call.heard(20_910, "yes, please do that", FINAL);
  call.ends(22_060);
}

function escalationInterrupt(call: Call): void {
  opening(call, "hi my router does not work");
  call.agentStarts(5_400, { id: "response_0002", kind: MessageType.SUPPORT_ANSWER, plannedMs: 9_000 });
  call.callerStarts(7_600);
  call.speechDetected(7_780);
  call.heard(7_920, "I want", PARTIAL);
  call.decides(7_980, { action: Action.ESCALATE_TO_HUMAN, reason: "human_requested" });
  call.agentIsCut(8_020);
  call.callerStops(9_290);
  call.heard(9_640, "I want to talk to a human", FINAL);
  answer(call, 9_790, 11_990, MessageType.ESCALATION_HANDOFF);
  call.recovers(9_791, 2_620);
  call.agentStops(11_990);
  call.ends(12_790, EndedBy.TRANSFER);
}

export const CASES: readonly Case[] = [
  { id: "node_true_correction", workflow: "appointment_rescheduling", play: trueCorrection },
  { id: "node_short_backchannel", workflow: "support", play: shortBackchannel },
  { id: "node_background_noise", workflow: "support", play: backgroundNoise },
  { id: "node_dtmf_during_prompt", workflow: "billing", play: dtmfDuringPrompt },
  { id: "node_legal_disclosure", workflow: "billing", play: legalDisclosure },
  { id: "node_long_account_number", workflow: "billing", play: longAccountNumber },
  { id: "node_silence_timeout", workflow: "appointment_rescheduling", play: silenceTimeout },
  { id: "node_escalation_interrupt", workflow: "support", play: escalationInterrupt },
];
