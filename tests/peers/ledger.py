"""What agents sent and what arrived at the end, in meaning: a collector writes each span anew."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_voice_schema import events as e

from tests.faults.downstream import METRICS, TRACES
from tests.faults.otlp import SPAN, TRACE, Foreign
from tests.faults.outcome import Undisturbed
from tests.faults.pushes import Pushes
from tests.peers.spans import foreign
from tests.peers.taps import OURS, SUMMARIES

MINE = OURS.decode()
Ids = tuple[bytes, bytes, str]
Facts = dict[str, str]


class Varied(Foreign):
    """Makes requests of spans with everything that a span may hold; no two are the same."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        chance = random.Random(seed)
        self._templates = [self._varied(chance) for _ in range(300)]

    def _varied(self, chance: random.Random) -> bytes:
        span = foreign(chance)
        span.trace_id, span.span_id = TRACE, SPAN
        return span.SerializeToString()


def meaning(span: Span) -> bytes:
    """Return a digest of what a span says, whatever its bytes; collectors add a status that says nothing."""
    span.status.SetInParent()
    return blake2b(span.SerializeToString(deterministic=True), digest_size=16).digest()


def facts(span: Span) -> Facts:
    """Return what a summary says, to be held against another."""
    told = {each.key: str(each.value) for each in span.attributes}
    return told | {"parent": span.parent_span_id.hex(), "from": str(span.start_time_unix_nano), "to": str(span.end_time_unix_nano)}


def differing(found: dict[Ids, list[Facts]], expected: dict[Ids, Facts]) -> list[str]:
    """Return in words what summaries say otherwise than they would have undisturbed, each time that they were told."""
    wrong = [f"absent: {key}" for key in expected.keys() - found.keys()] + [f"too many: {key}" for key in found.keys() - expected.keys()]
    for key in found.keys() & expected.keys():
        for told in found[key]:
            other = {name for name in told.keys() | expected[key].keys() if told.get(name) != expected[key].get(name)}
            wrong += [f"summary {key}: {name} is {told.get(name)}, undisturbed {expected[key].get(name)}" for name in sorted(other)]
    return wrong


def each_span(body: bytes) -> Iterable[Span]:
    """Yield the spans of a request."""
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scoped in group.scope_spans:
            yield from scoped.spans


@dataclass(slots=True)
class Sent:
    """What agents sent: the meaning of foreign spans by their ids, our events as they were, and the requests that hold them."""

    foreign: dict[bytes, bytes] = field(default_factory=dict)
    ours: dict[bytes, bytes] = field(default_factory=dict)
    voice: list[bytes] = field(default_factory=list)
    acknowledged: int = 0  # of the spans, once that is known
    _calls: set[bytes] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.foreign) + len(self.ours)

    def add(self, body: bytes) -> int:
        """Take in one request and return how many spans it has."""
        if OURS in body:
            self.voice.append(body)
        spans = list(each_span(body))
        for span in spans:
            key = span.trace_id + span.span_id
            if span.name.startswith(MINE):
                self.ours[key] = span.SerializeToString()
                self._calls.add(span.trace_id)
            else:
                self.foreign[key] = meaning(span)
        return len(spans)

    def calls(self) -> int:
        """Return how many calls were begun."""
        return len(self._calls)

    def missing(self, copies: Counter[bytes]) -> int:
        """Return how many spans are not among these."""
        return sum(key not in copies for key in self.foreign) + sum(key not in copies for key in self.ours)


@dataclass(slots=True)
class Arrived:
    """What arrived: copies of each span by its ids, what is no longer what was sent, our summaries in meaning, and pushes of metrics."""

    copies: Counter[bytes] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    summaries: dict[Ids, list[Facts]] = field(default_factory=dict)
    pushes: Pushes = field(default_factory=Pushes)
    spans: int = 0

    def add(self, records: Iterable[tuple[int, bool, bytes]], sent: Sent) -> None:
        """Take in what a recorder wrote down since."""
        for kind, taken, body in records:
            if taken and kind == METRICS:
                self.pushes.add(body)
            elif taken and kind == TRACES:
                for span in each_span(body):
                    self._span(span, sent)

    def _span(self, span: Span, sent: Sent) -> None:
        self.spans += 1
        if span.name in SUMMARIES:
            self.summaries.setdefault((span.trace_id, span.span_id, span.name), []).append(facts(span))
            return
        key = span.trace_id + span.span_id
        self.copies[key] += 1
        if span.name.startswith(MINE):
            self._ours(span, sent.ours.get(key))
        elif sent.foreign.get(key) != meaning(span):
            self.changed.append(f"a foreign span: {span}")

    def _ours(self, span: Span, before: bytes | None) -> None:
        was = Span.FromString(before or b"")
        kept, had = ({each.key: each.value for each in one.attributes} for one in (span, was))
        del span.attributes[:], was.attributes[:]
        if not had.items() <= kept.items() or meaning(was) != meaning(span):
            self.changed.append(f"an event: {had}, arrived as {kept}")

    def calls(self) -> int:
        """Return how many calls have their root span."""
        return sum(name == e.CALL for _, _, name in self.summaries)


def summaries_of(expected: Undisturbed) -> dict[Ids, Facts]:
    """Return an undisturbed run's summaries in meaning."""
    return {key: facts(Span.FromString(raw)) for key, raw in expected.summaries.items()}
