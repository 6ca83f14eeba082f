"""What an agent does to its audio when something is heard, and what it reports of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from otel_voice_schema.attributes import ActionValue, TaskStateValue

from otel_voice_processor.simulate.conversation import Conversation
from otel_voice_processor.simulate.script import Chose, Decision, Gap, Played

STOP: Final = "stop_agent_audio_and_accept_user_turn"
KEEP: Final = "continue_agent_audio"
REWIND_MS: Final = 2_000  # as far as an agent goes back that says its sentence again
NOTICED_MS: Final = 180  # from sound to candidate


def stops(
    talk: Conversation, response: Played, input_ms: int, at_ms: int, reason: str, *, action: ActionValue = STOP, confidence: float = 0.87
) -> Chose:
    """Let the agent stop the newest response at `at_ms` for the input that began at `input_ms`."""
    talk.cut(response, at_ms)
    talk.now_ms = max(at_ms, *(said.end_ms for said in talk.said[-1:]), *(key.at_ms for key in talk.keys[-1:]))
    talk.floor = "agent"
    detected = input_ms + min(NOTICED_MS, (at_ms - input_ms) // 2)
    return talk.decides(input_ms, detected, Decision(at_ms=max(detected, at_ms - 40), action=action, reason=reason, confidence=confidence))


def keeps(
    talk: Conversation, input_ms: int, reason: str, *, action: ActionValue = KEEP, after_ms: int = 200, confidence: float = 0.7
) -> None:
    """Let the agent notice an input and talk on."""
    decision = Decision(at_ms=input_ms + max(after_ms, NOTICED_MS + 20), action=action, reason=reason, confidence=confidence)
    talk.decides(input_ms, input_ms + NOTICED_MS, decision)


def pauses(talk: Conversation, response: Played, input_ms: int, at_ms: int, length_ms: int, *, rewinds: bool) -> Played:
    """Let the agent pause the newest response, and go on with it because no words came; return how it was played."""
    position = response.position_ms(at_ms)
    back = max(0, position - REWIND_MS) if rewinds else position
    gap = Gap(start_ms=at_ms, end_ms=at_ms + length_ms, position_ms=back)
    paused = replace(response, gaps=(*response.gaps, gap), end_ms=gap.end_ms + response.planned_ms - back)
    talk.becomes(paused)
    talk.floor = "caller"
    chose = talk.decides(
        input_ms,
        max(input_ms + 20, at_ms - 60),
        Decision(at_ms=at_ms - 20, action="pause_agent_audio", reason="voice_activity", confidence=0.62),
        Decision(at_ms=gap.end_ms, action="resume_agent_audio", reason="no_speech", confidence=0.62),
    )
    talk.recovers(chose, false_positive_ms=gap.end_ms, resume_behavior="restarted" if rewinds else "resumed")
    return paused


def answers(
    talk: Conversation, chose: Chose | None, *, task_state: TaskStateValue = "preserved", message_type: str = "support_answer"
) -> Played:
    """Let the agent answer what it heard, and report that the conversation went on."""
    stopped = talk.played[-1]
    answer = talk.plays(message_type, talk.draws.ms("short answer"))
    if chose is not None:
        position = stopped.position_ms(stopped.end_ms) if task_state == "preserved" else None
        talk.recovers(chose, recovered_ms=answer.start_ms, recovered_position_ms=position, task_state=task_state)
    return answer
