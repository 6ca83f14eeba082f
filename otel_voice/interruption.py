"""One suspected interruption: what the agent decided, and how it went on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

from otel_voice.emit import Value, guarded, nothing
from otel_voice.facts import Moment

if TYPE_CHECKING:
    from otel_voice.call import VoiceCall


class Interruption:
    """Carries the ids of one interruption from its candidate to its end; made by `VoiceCall.candidate`."""

    def __init__(
        self,
        call: VoiceCall,
        interruption_id: str,
        *,
        response_id: str | None = None,
        stretch_id: str | None = None,
        input_type: str = "speech",
    ) -> None:
        self.call = call
        self.interruption_id = interruption_id
        self.response_id = response_id
        self.stretch_id = stretch_id
        self.input_type = input_type

    @guarded(nothing)
    def decided(
        self,
        action: a.ActionValue,
        *,
        reason: str | None = None,
        confidence: float | None = None,
        policy_version: str | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell what the agent chose to do with its audio."""
        self._event(
            e.DECISION_MADE,
            {
                a.VOICE_INTERRUPTION_DECISION_ACTION: action,
                a.VOICE_INTERRUPTION_DECISION_REASON: reason,
                a.VOICE_INTERRUPTION_DECISION_CONFIDENCE: confidence,
                a.VOICE_INTERRUPTION_DECISION_POLICY_VERSION: policy_version or self.call.policy_version,
                a.VOICE_CALLER_STRETCH_ID: self.stretch_id,
                a.VOICE_CALLER_INPUT_TYPE: self.input_type,
            },
            at,
        )

    @guarded(nothing)
    def recovered(
        self,
        *,
        position_ms: int | None = None,
        turn_id: str | None = None,
        task_state: a.TaskStateValue | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that the conversation went on: from which position, with which new turn of the caller."""
        self._event(
            e.RECOVERED,
            {
                a.VOICE_INTERRUPTION_RECOVERY_POSITION_MS: position_ms,
                a.VOICE_INTERRUPTION_RECOVERY_TURN_ID: turn_id,
                a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE: task_state,
            },
            at,
        )

    @guarded(nothing)
    def false_positive(
        self,
        *,
        timeout_ms: int | None = None,
        transcript_absent: bool | None = None,
        resume_behavior: a.ResumeBehaviorValue | None = None,
        at: Moment | None = None,
    ) -> None:
        """Tell that the runtime concluded that nothing meaningful had been said."""
        self._event(
            e.FALSE_POSITIVE,
            {
                a.VOICE_INTERRUPTION_FALSE_POSITIVE_TIMEOUT_MS: timeout_ms,
                a.VOICE_INTERRUPTION_FALSE_POSITIVE_TRANSCRIPT_ABSENT: transcript_absent,
                a.VOICE_INTERRUPTION_FALSE_POSITIVE_RESUME_BEHAVIOR: resume_behavior,
            },
            at,
        )

    def _event(self, name: str, facts: dict[str, Value | None], at: Moment | None) -> None:
        own: dict[str, Value | None] = {a.VOICE_INTERRUPTION_ID: self.interruption_id, a.VOICE_AGENT_RESPONSE_ID: self.response_id}
        self.call.event(name, own | facts, at=at)
