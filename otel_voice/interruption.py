"""One interruption as the agent lives it: a candidate, then what was decided and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e

if TYPE_CHECKING:
    from otel_voice.call import VoiceCall


class Interruption:
    """Carries the interruption's id. Times are Unix nanoseconds, now where not given."""

    def __init__(self, call: VoiceCall, interruption_id: str, facts: dict[str, object]) -> None:
        self.id = interruption_id
        self._call = call
        self._facts = facts

    def decided(
        self, action: str, *, reason: str, confidence: float | None = None, policy_version: str | None = None, at: int | None = None
    ) -> None:
        """Emit `decision_made`: what the agent chose to do with its audio; `action` is one of `Action`."""
        self._emit(
            e.DECISION_MADE,
            {
                **self._facts,
                a.VOICE_INTERRUPTION_DECISION_ACTION: str(action),
                a.VOICE_INTERRUPTION_DECISION_REASON: reason,
                a.VOICE_INTERRUPTION_DECISION_CONFIDENCE: confidence,
                a.VOICE_INTERRUPTION_DECISION_POLICY_VERSION: policy_version or self._call.policy_version,
            },
            at,
        )

    def recovered(
        self, *, position_ms: int | None = None, turn_id: str | None = None, task_state: str | None = None, at: int | None = None
    ) -> None:
        """Emit `recovered`: where the response was taken up (ms), the new caller turn, and preserved, lost or unknown."""
        self._emit(
            e.RECOVERED,
            {
                a.VOICE_INTERRUPTION_RECOVERY_POSITION_MS: position_ms,
                a.VOICE_INTERRUPTION_RECOVERY_TURN_ID: turn_id,
                a.VOICE_INTERRUPTION_RECOVERY_TASK_STATE: task_state,
            },
            at,
        )

    def false_positive(
        self,
        *,
        timeout_ms: int | None = None,
        transcript_absent: bool | None = None,
        resume_behavior: str | None = None,
        at: int | None = None,
    ) -> None:
        """Emit `false_positive`: the runtime concluded that nothing meaningful was said."""
        self._emit(
            e.FALSE_POSITIVE,
            {
                a.VOICE_INTERRUPTION_FALSE_POSITIVE_TIMEOUT_MS: timeout_ms,
                a.VOICE_INTERRUPTION_FALSE_POSITIVE_TRANSCRIPT_ABSENT: transcript_absent,
                a.VOICE_INTERRUPTION_FALSE_POSITIVE_RESUME_BEHAVIOR: resume_behavior,
            },
            at,
        )

    def _emit(self, name: str, facts: dict[str, object], at: int | None) -> None:
        self._call.event(name, {a.VOICE_INTERRUPTION_ID: self.id, **facts}, at=at)
