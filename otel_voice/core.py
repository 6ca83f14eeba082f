"""What every event of a call carries, and how it leaves: ids, context, checks, the clock. `call.py` has the events themselves."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry.trace import TracerProvider
from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.record import LOG, SPAN

from otel_voice.emit import STATE, Emitter, Value, can_log, failed, guarded, left_out, nothing
from otel_voice.facts import Facts, Moment, checked, event_name, key_facts, missing, share, text_id, unix_ns
from otel_voice.sides import AgentSide, CallerSide
from otel_voice.transcript import Redactor

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider

T = TypeVar("T")
_CARRIED: Final = frozenset({a.VOICE_CALL_ID, a.VOICE_SCHEMA_VERSION, a.VOICE_SAMPLING_RATIO})
MENU: Final = "menu_prompt"  # the only message type during which a digit may be sent


def _forked() -> None:
    """Give a forked process a lock that nobody holds."""
    STATE.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def new_id(prefix: str) -> str:
    """Return a random id."""
    return f"{prefix}_{os.urandom(6).hex()}"


class CallCore:
    """One call's identity and context; the base of `VoiceCall`."""

    def __init__(
        self,
        call_id: str,
        *,
        workflow: str | None = None,
        runtime: str | None = None,
        runtime_version: str | None = None,
        lag_ms: int | None = None,
        agent_name: str | None = None,
        policy_version: str | None = None,
        language: str | None = None,
        observable: Sequence[str] | None = None,
        tracer_provider: TracerProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        carrier: str | None = None,
        join: bool = False,
        sampling_ratio: float = 1.0,
        keep_text: bool = False,
        send_digits: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.clock = clock
        self.call_id = _or("call_id", text_id, "", call_id)
        ratio = _or("sampling_ratio", share, 1.0, sampling_ratio)
        fixed: dict[str, Any] = {
            a.VOICE_SCHEMA_VERSION: e.SCHEMA_VERSION,
            a.VOICE_CALL_ID: self.call_id,
            a.VOICE_WORKFLOW: workflow,
            a.VOICE_RUNTIME_NAME: runtime,
            a.VOICE_AGENT_POLICY_VERSION: policy_version,
            a.VOICE_CALLER_LANGUAGE: language,
            a.VOICE_CALL_OBSERVABLE: observable,
            a.GEN_AI_AGENT_NAME: agent_name,
            a.VOICE_SAMPLING_RATIO: ratio if ratio < 1.0 else None,
        }
        self._fixed = checked(fixed)
        self._runtime_version = runtime_version
        self._lag_ms = lag_ms
        self._send_digits = send_digits
        self._emitter = Emitter(
            self.call_id,
            tracer_provider=tracer_provider,
            logger_provider=logger_provider,
            carrier=_or("carrier", _carrier, SPAN, carrier or STATE.carrier),
            join=join,
            ratio=ratio,
        )
        self._redactor = Redactor(keep_text=keep_text)
        self._agent, self._caller = AgentSide(), CallerSide()
        self._turn: str | None = None
        self._turns: list[list[str]] = []  # of blocks
        self._once = threading.Lock()
        self._started = self._ended = self._escalated = False

    @property
    def message_type(self) -> str | None:
        """The message type that a response begun now has."""
        return self._agent.message_type

    @property
    def policy_version(self) -> str | None:
        """The version of the policy that the agent runs."""
        return self._told(a.VOICE_AGENT_POLICY_VERSION)

    @property
    def ended(self) -> bool:
        """Whether `call_ended` was told."""
        return self._ended

    @guarded(lambda self: {"call_id": self.call_id})
    def context(self) -> dict[str, Any]:
        """Return what another process needs to go on with this call, ready for JSON: `VoiceCall.attach(**context)`."""
        told = {
            "workflow": a.VOICE_WORKFLOW,
            "runtime": a.VOICE_RUNTIME_NAME,
            "agent_name": a.GEN_AI_AGENT_NAME,
            "policy_version": a.VOICE_AGENT_POLICY_VERSION,
            "language": a.VOICE_CALLER_LANGUAGE,
            "sampling_ratio": a.VOICE_SAMPLING_RATIO,
        }
        known = {name: self._fixed[key] for name, key in told.items() if key in self._fixed}
        observable = self._fixed.get(a.VOICE_CALL_OBSERVABLE)
        seen = {"observable": list(observable)} if isinstance(observable, tuple) else {}
        return {"call_id": self.call_id, **known, **seen, "carrier": self._emitter.carrier}

    @guarded(nothing)
    def redact(self) -> None:
        """Let no text and no key leave from now on, whatever was opted in."""
        self._redactor.keep_text = self._send_digits = False

    @guarded(nothing)
    def event(self, name: str, attributes: Mapping[str, Value | None], *, at: Moment | None = None, start: Moment | None = None) -> None:
        """Emit any event of the registry with the call's context; for what has no method of its own.

        What the call carries is not written over, and content leaves only where it was opted in.
        """
        facts = dict(attributes)
        for key in [key for key in facts if key in _CARRIED or self._withheld(key)]:
            why = "the call's to tell" if key in _CARRIED else "content, which was not opted in"
            left_out(key, ValueError(f"`{key}` is {why}"))
            del facts[key]
        self._emit(event_name(name), facts, at, start=start)

    def _withheld(self, key: str) -> bool:
        if key == a.VOICE_CALLER_DTMF_DIGIT:
            return not self._send_digits
        attribute = a.ATTRIBUTES.get(key)
        return attribute is not None and attribute.sensitivity == "content" and not self._redactor.keep_text

    @guarded(nothing)
    def flush(self) -> None:
        """Send what the provider holds back; blocks up to five seconds."""
        self._emitter.flush()

    def _emit(self, name: str, facts: Facts, at: Moment | None, *, start: int | Moment | None = None, link: bool = False) -> None:
        if not self.call_id:
            raise ValueError("the call has no id")
        if not self._emitter.heard():
            return
        now = self._time(at)
        given = dict(self._fixed)
        inner = self._turns[-1:]  # one read: another thread may leave its block between two
        turn = inner[0][0] if inner else self._turn
        if turn is not None:
            given |= checked({a.VOICE_TURN_ID: turn})
        told = {key: value for key, value in facts.items() if value is not None}
        given |= checked(self._agent.facts(facts.get(a.VOICE_AGENT_RESPONSE_ID)) | told)
        given[a.VOICE_EVENT_ID] = os.urandom(16).hex()
        absent = missing(name, given)
        if absent:
            given[a.VOICE_EVIDENCE_MISSING] = absent
        begun = now if start is None else min(self._time(start), now)
        self._emitter.emit(name, given, start_ns=begun, time_ns=now, link=link)

    @guarded(nothing)
    def _tell(self, name: str, facts: Facts, at: Moment | None, *, start: Moment | None = None, link: bool = False) -> None:
        """Emit, whatever comes of it: the method that tells goes on, and returns the id that it told."""
        self._emit(name, facts, at, start=start, link=link)

    @guarded(lambda self: {})
    def _described(self, text: str, status: str | None, confidence: float | None = None) -> Facts:
        if not self._emitter.heard():
            return {}
        response = self._agent.response
        return dict(
            self._redactor.describe(
                text,
                status or a.TranscriptStatus.PARTIAL.value,
                question_pending=response.question_pending if response else None,
                message_type=response.message_type if response else None,
                agent_state=self._agent.state,
                language=self._told(a.VOICE_CALLER_LANGUAGE),
                workflow=self._told(a.VOICE_WORKFLOW),
                confidence=confidence,
            )
        )

    @guarded(lambda self: {})
    def _keys(self, digit: str | None, offered: Collection[str] | None) -> Facts:
        response = self._agent.response
        return key_facts(digit, offered, sendable=self._send_digits and response is not None and response.message_type == MENU)

    def _told(self, key: str) -> str | None:
        value = self._fixed.get(key)
        return value if isinstance(value, str) else None

    def _time(self, at: Moment | None) -> int:
        try:
            return unix_ns(self.clock() if at is None else at)
        except Exception as error:
            failed("clock" if at is None else "at", error)
            return time.time_ns()


def _carrier(given: object) -> str:
    if given not in (SPAN, LOG):
        raise ValueError(f"a carrier is `{SPAN}` or `{LOG}`, not `{given}`")
    if given == LOG and not can_log():
        raise ValueError("the opentelemetry-api that is installed has no log events: upgrade it; spans are sent instead")
    return str(given)


def _or(name: str, read: Callable[[Any], T], otherwise: T, given: object) -> T:
    """Return what is read, or tell the failure and go on otherwise."""
    try:
        return read(given)
    except Exception as error:
        failed(name, error)
        return otherwise
