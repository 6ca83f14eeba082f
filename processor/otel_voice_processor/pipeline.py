"""One request through: find ours, check, redact, rule, and hand the events on to be joined and counted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from otel_voice_schema import attributes as a
from otel_voice_schema import events as e
from otel_voice_schema.problems import Problem
from otel_voice_schema.upgrade import is_newer, upgraded
from otel_voice_schema.validate import faults, unjudged

from otel_voice.policy import Policy, candidate_from_attributes, decide, required_content
from otel_voice.policy import Ruling as PolicyRuling
from otel_voice_processor.model import TRACES, Attributes, Ruling, Value, VoiceEvent
from otel_voice_processor.redact import hidden, redaction_of
from otel_voice_processor.summary import ruling_attributes
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.wire import Found, Ready, Scan, scan

LOG = logging.getLogger(__name__)
YIELD_EVERY = 200  # spans of ours, some 10 ms: then other requests get a turn
RULED = frozenset({e.CANDIDATE_DETECTED, e.DECISION_MADE, e.USER_TRANSCRIPT, e.USER_SPEECH_STOPPED, e.SILENCE_TIMEOUT})
SUMMARIES = frozenset({e.EPISODE, e.CALL})
SAID = (a.VOICE_CALLER_INPUT_TYPE, a.VOICE_CALLER_INPUT_CLASS, a.VOICE_CALLER_TRANSCRIPT_STATUS, a.VOICE_CALLER_TRANSCRIPT_TEXT)
WARNINGS_SHOWN = 5
MAX_TOLD = 100  # problems told in the log
MAX_READY = 1_000  # rulings that are held as they are written, past which they are written anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """A request as it goes on, the events to join once downstream has it, and a warning for the sender."""

    body: bytes
    events: tuple[VoiceEvent, ...]
    warning: str
    refused: tuple[tuple[str, str, str], ...] = ()  # call id, event name and problem of what cannot be judged


class Pipeline:
    """Enriches requests by one policy. It holds no call: what is joined is the book's business."""

    def __init__(self, policy: Policy, counters: Counters, *, keep_text: bool = False, accept_aliases: bool = False) -> None:
        self._policy = policy
        self._counters = counters
        self._keep_text = keep_text
        self._aliases = accept_aliases
        self._told: set[tuple[str, str]] = set()
        self._ready: dict[tuple[object, ...], Ready] = {}

    def switch(self, policy: Policy) -> None:
        """Rule by another policy from the next request on; one that is being worked on is ruled by the old one to its end."""
        self._policy = policy

    def rule(self, facts: Mapping[str, Value]) -> Ruling | None:
        """Return the ruling of the policy in force; see `rule_by`."""
        return self.rule_by(self._policy, facts)

    def rule_by(self, policy: Policy, facts: Mapping[str, Value]) -> Ruling | None:
        """Return a policy's ruling on the facts of a candidate; None where it fails on them, which is counted and logged."""
        ruling = self._decided(policy, facts)
        if ruling is None:
            return None
        return Ruling(
            action=str(ruling.action),
            effect=ruling.effect,
            input_class=str(ruling.input_class),
            rule=ruling.rule,
            reason=ruling.reason,
            confidence=ruling.confidence,
            policy_version=ruling.policy_version,
            protected=ruling.protected,
        )

    def _decided(self, policy: Policy, facts: Mapping[str, Value]) -> PolicyRuling | None:
        try:
            return decide(policy, candidate_from_attributes(facts))
        except Exception:  # spans go on and verdicts stand without a ruling
            self._counters.add("otel_voice_processor_policy_failures")
            LOG.exception("the policy could not rule")
            return None

    async def process(self, body: bytes, signal: str = TRACES) -> Processed:
        """Return the request enriched; raise `Undecodable` where it is no OTLP. Without our prefix it is not looked into."""
        request, policy = scan(body, signal, aliases=self._aliases, hidden=None if self._keep_text else hidden), self._policy
        events: list[VoiceEvent] = []
        refused: list[tuple[str, str, str]] = []
        warnings: list[str] = []
        if request.unreadable:
            self._counters.add("otel_voice_processor_unreadable_records", request.unreadable)
            warnings.append(f"{request.unreadable} records hold our prefix and cannot be read (no UTF-8?): passed on, not judged")
        judged = Counter[str]()
        for number, found in enumerate(request.found, 1):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            event = self._one(request, found, policy, warnings, refused)
            if event is not None:
                events.append(event)
                judged[found.carrier] += 1
        for carrier, count in judged.items():
            self._counters.add("otel_voice_processor_judged_events", count, carrier=carrier)
        more = f"; and {len(warnings) - WARNINGS_SHOWN} more" if len(warnings) > WARNINGS_SHOWN else ""
        warning = "; ".join(warnings[:WARNINGS_SHOWN]) + more
        return Processed(body=request.body(), events=tuple(events), warning=warning, refused=tuple(refused))

    def _one(
        self, request: Scan, found: Found, policy: Policy, warnings: list[str], refused: list[tuple[str, str, str]]
    ) -> VoiceEvent | None:
        """Check, redact and rule one event of ours; return it, or None where it is not to be judged."""
        name = e.ALIASES.get(found.name, found.name)
        changes = redaction_of(found.attributes, keep_text=self._keep_text)
        if changes or (found.content and not self._keep_text):  # first: nothing that follows may let the caller's words through
            request.redact(found, changes)
        if a.VOICE_POLICY_VERSION in found.attributes or name in SUMMARIES:
            self._counters.add("otel_voice_processor_already_ruled_events")
            return None
        if name not in e.EVENTS:
            self._counters.add("otel_voice_processor_unknown_events")
            return None
        version = found.attributes.get(a.VOICE_SCHEMA_VERSION)
        if version != e.SCHEMA_VERSION and is_newer(version):
            self._counters.add("otel_voice_processor_newer_version_events")
            warnings.append(f"{found.name}: schema {version} is later than {e.SCHEMA_VERSION}, the processor's: passed on, not judged")
            return None
        problems = faults(found.attributes, start_ns=found.start_ns, time_ns=found.end_ns)
        codes = unjudged(problems) if problems else ()
        if codes:
            self._counters.add("otel_voice_processor_unjudged_events")
            wrong = [each for each in problems if each.code in codes]
            warnings += [f"{found.name}: {each.safe}" for each in wrong]
            self._tell(name, wrong)
            call_id = found.attributes.get(a.VOICE_CALL_ID)
            refused.append((call_id if isinstance(call_id, str) else "", name, wrong[0].safe))
            request.extend(found, {a.VOICE_PROBLEM_CODES: codes})
            return None
        event = event_of(found)
        asks = name in RULED and (name == e.SILENCE_TIMEOUT or any(key in event.attributes for key in SAID))
        told = self._written(policy, self._decided(policy, _asked(event)) if asks else None)
        request.extend(found, told if name != e.AGENT_SPEECH_STOPPED else told | _proof(policy, event))
        return event

    def _written(self, policy: Policy, ruling: PolicyRuling | None) -> Ready:
        """Return a ruling as it goes onto an event; there are few, whatever figures they are about."""
        if ruling is None:
            key: tuple[object, ...] = (policy.version,)
        else:
            said = (ruling.action, ruling.reason, ruling.confidence)
            key = (ruling.policy_version, ruling.rule, ruling.input_class, *said)
        ready = self._ready.get(key)
        if ready is None:
            if len(self._ready) >= MAX_READY:
                self._ready.clear()
            # the version alone tells a second processor that this call is judged already
            told = ruling_attributes(ruling, "arrival") if ruling else {a.VOICE_POLICY_VERSION: policy.version}
            ready = self._ready[key] = Ready(told)
        return ready

    def _tell(self, name: str, problems: list[Problem]) -> None:
        """Log each kind of problem of each event once: most SDKs show nobody what partial success says."""
        for each in problems:
            if (name, each.key) not in self._told and len(self._told) < MAX_TOLD:
                self._told.add((name, each.key))
                LOG.warning("cannot be judged, passed on; told once, counted always: %s: %s", name, each.safe)


def _proof(policy: Policy, event: VoiceEvent) -> dict[str, Value]:
    """Return whether protected content was played; the event tells the end of a response, which may hold none."""
    reason = event.attributes.get(a.VOICE_AGENT_PLAYBACK_END_REASON)
    proof = required_content(policy, candidate_from_attributes(event.attributes), reason if isinstance(reason, str) else None)
    return {a.VOICE_POLICY_REQUIRED_CONTENT: proof.value} if proof is not None else {}


def _asked(event: VoiceEvent) -> dict[str, Value]:
    """Return the facts that an event puts to the policy."""
    facts = dict(event.attributes)
    if event.name == e.SILENCE_TIMEOUT:
        facts[a.VOICE_CALLER_INPUT_TYPE] = "silence"
        return facts
    facts.setdefault(a.VOICE_CALLER_INPUT_TYPE, "speech")
    if event.name == e.USER_SPEECH_STOPPED and a.VOICE_CALLER_SILENCE_DURATION_MS in facts:
        facts.setdefault(a.VOICE_SILENCE_ELAPSED_MS, facts[a.VOICE_CALLER_SILENCE_DURATION_MS])
    return facts


def event_of(found: Found) -> VoiceEvent:
    """Return the event that was found, in the current version."""
    return VoiceEvent(
        name=e.ALIASES.get(found.name, found.name),
        call_id=str(found.attributes[a.VOICE_CALL_ID]),
        time_ns=found.end_ns,
        start_ns=found.start_ns,
        trace_id=found.trace_id,
        span_id=found.span_id,
        attributes=cast(Attributes, upgraded(found.attributes)),
        emitter=found.emitter,
    )
