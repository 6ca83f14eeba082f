"""What a guard tells of its call, and when: its clock cannot be set, its telemetry carries the wall clock's times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from otel_voice_schema.attributes import Action

from otel_voice.call import VoiceCall
from otel_voice.decision import Do
from otel_voice.facts import Moment, unix_ns
from otel_voice.interruption import Interruption
from otel_voice.overlap import MS, Heard
from otel_voice.policy import Candidate, Ruling
from otel_voice.policy.model import KEEP

SET_NS: Final = 500 * MS  # by which the wall clock is off the steady one when somebody has set it


class Steady:
    """Unix nanoseconds that go on evenly where the wall clock is set."""

    def __init__(self, clock: Callable[[], int], steady: Callable[[], int] | None) -> None:
        self._clock = clock
        self._steady = steady or (time.monotonic_ns if clock is time.time_ns else clock)
        self._began_ns = clock() - self._steady()

    def now(self, at: Moment | None = None) -> int:
        """Return a moment of the wall clock; now where none is given."""
        return self._steady() + self._began_ns if at is None else unix_ns(at) - self._set_by()

    def wall(self, now: int) -> int:
        """Return a moment as the wall clock shows it."""
        return now + self._set_by()

    def _set_by(self) -> int:
        ahead = self._clock() - self._steady() - self._began_ns
        return ahead if abs(ahead) > SET_NS else 0


class Telling:
    """Emits a guard's candidates, and each decision once."""

    def __init__(self, call: VoiceCall | None, time: Steady) -> None:
        self._call, self._time = call, time

    def candidate(self, heard: Heard, candidate: Candidate, now: int) -> Interruption | None:
        """Tell that the caller's speech met a response."""
        if self._call is None or self._call.ended:
            return None
        return self._call.candidate(
            mode="vad" if heard.start_ns is not None else "stt",
            speech_ms=candidate.speech_duration_ms,
            text=heard.text,
            stretch_id=heard.stretch_id,
            position_ms=candidate.position_ms,
            at=self._at(now),  # the detector told it now, of speech that began before
        )

    def decision(self, heard: Heard, ruling: Ruling, do: Do, now: int, *, audible: bool) -> None:
        """Tell a decision where it changed; to go on as before is one only when all has been heard."""
        if heard.interruption is None or do is Do.WAIT or not (ruling.effect != KEEP or do is Do.RESUME or heard.complete):
            return
        if heard.told is Action.PAUSE_AGENT_AUDIO and ruling.effect == KEEP and not audible:
            return  # somebody else stopped what was paused
        plain = Action.CONTINUE_AGENT_AUDIO if ruling.action is Action.RESUME_AGENT_AUDIO else ruling.action
        if plain is not heard.told:
            heard.told = plain
            self.decided(heard.interruption, ruling, now)

    def held_back(self, heard: Heard, now: int) -> None:
        """Tell that a response which ended held back what the caller is still saying."""
        if heard.interruption is not None and heard.ruling is not None and heard.told is not Action.BUFFER_INPUT_AND_CONTINUE:
            self.decided(heard.interruption, heard.ruling, now)
        heard.told = Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN  # nothing is left to stop: that it is taken is no decision

    def decided(self, interruption: Interruption | None, ruling: Ruling, now: int) -> None:
        """Tell a decision."""
        if interruption is None or self._call is None or self._call.ended:
            return
        interruption.decided(
            ruling.action.value,
            reason=ruling.reason,
            confidence=ruling.confidence,
            policy_version=ruling.policy_version,
            at=self._at(now),
        )

    def _at(self, now: int) -> int:
        return self._time.wall(max(now, self._time.now()))
