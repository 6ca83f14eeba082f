"""What a run came to: what was answered OK held against what arrived, and against what the same calls come to undisturbed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.downstream import Delivered
from tests.faults.otlp import groups, spans, told
from tests.faults.pushes import Pushes

PREFIX = b"voice.interruption."
Ids = tuple[bytes, bytes, str]


@dataclass(slots=True)
class Sent:
    """What was answered OK: raw foreign spans and ResourceSpans, raw log records and ResourceLogs, and the ids of our events."""

    foreign: set[bytes] = field(default_factory=set)
    groups: set[bytes] = field(default_factory=set)
    ours: set[Ids] = field(default_factory=set)
    voice: list[bytes] = field(default_factory=list)  # the requests that hold events of ours
    requests: int = 0

    @property
    def spans(self) -> int:
        """Return how many spans that is."""
        return len(self.foreign) + len(self.ours)

    @property
    def calls(self) -> int:
        """Return how many calls that is."""
        return len({trace_id for trace_id, _, _ in self.ours})

    def add(self, bodies: list[bytes]) -> None:
        """Take in requests."""
        self.requests += len(bodies)
        self.voice += [body for body in bodies if PREFIX in body]
        for group in (group for body in bodies for group in groups(body)):
            made = list(spans(group))
            self.ours.update(ids for span in made if PREFIX in span and (ids := told(span))[2].startswith(PREFIX.decode()))
            self.foreign.update(span for span in made if PREFIX not in span)
            if PREFIX not in group:
                self.groups.add(group)


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    sent: Sent
    delivered: Delivered
    pushes: Pushes
    kills: int = 0
    kills_in_flight: int = 0
    stops: int = 0  # by SIGTERM
    starts: list[float] = field(default_factory=list)
    refusals: Mapping[str, int] = field(default_factory=dict)
    elsewhere: dict[str, Delivered] = field(default_factory=dict)  # what other destinations got, by name
    log: str = ""
    seconds: float = 0.0

    @property
    def lost(self) -> list[str]:
        """Return what was acknowledged and never arrived, at whatever destination."""
        found = []
        for name, arrived in {"downstream": self.delivered, **self.elsewhere}.items():
            missing = {
                "foreign spans": self.sent.foreign - arrived.spans.keys(),
                "events": self.sent.ours - arrived.ids.keys(),
                "records of calls": self.delivered.summaries.keys() - arrived.summaries.keys(),
            }
            found += [f"{len(those)} {what} never came to {name}, as {next(iter(those))!r}" for what, those in missing.items() if those]
            changed = self.sent.groups - arrived.groups.keys()
            found += [f"{len(changed)} foreign ResourceSpans came changed to {name}"] if changed and not found else []
        return found

    @property
    def duplicates(self) -> int:
        """Return how many spans came more than once, counted as often as they came too often."""
        return sum(times - 1 for times in self.delivered.ids.values())

    @property
    def contradictions(self) -> list[Ids]:
        """Return summaries that were told twice and differently."""
        return [key for key, told_as in self.delivered.summaries.items() if len(set(told_as)) > 1]

    def problems(self, expected: Undisturbed) -> list[str]:
        """Return everything that is not as it has to be, in words; `expected` is what the same calls come to undisturbed."""
        found, joined = self.lost + self.pushes.problems[:10], self.pushes.total("otel_voice_processor_events", outcome="joined")
        found += [f"told twice and differently: {key}" for key in self.contradictions]
        summaries = {key: told_as[0] for key, told_as in self.delivered.summaries.items()}
        found += differences("summary", summaries, expected.summaries)
        found += differences("total", self.pushes.totals(), expected.totals)
        if joined != len(self.sent.ours):
            found.append(f"{joined:.0f} events were counted as joined, there are {len(self.sent.ours)}")
        if len(self.pushes.instances) != 1:
            found.append(f"it was known under {len(self.pushes.instances)} instance ids")
        return found + [f"in the log: {line}" for line in self.log.splitlines() if "Traceback" in line or " CRITICAL " in line]

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        again, records = self.duplicates, self.delivered.calls()
        yield f"kills                 {self.kills}, {self.kills_in_flight} of them with requests in flight; {self.stops} stops by SIGTERM"
        yield f"acknowledged          {self.sent.requests:,} requests, {self.sent.spans:,} spans"
        yield f"lost                  {'; '.join(self.lost) or 'nothing'}"
        yield f"arrived again         {again:,} spans ({again / max(1, self.sent.spans):.2%})"
        yield f"calls                 {self.sent.calls:,}, {records:,} with a record, {len(self.contradictions)} told differently twice"
        yield f"pushes of metrics     {self.pushes.pushes:,}, {len(self.pushes.problems)} points out of order, fallen or begun anew"
        yield f"from start to port    {min(self.starts):.2f} to {max(self.starts):.2f} s"
        yield f"answers but OK        {dict(self.refusals) or 'none'}"
        yield f"took                  {self.seconds:.0f} s"


@dataclass(slots=True)
class Undisturbed:
    """What the same calls come to when nothing goes wrong."""

    summaries: dict[Ids, bytes]
    totals: dict[Any, Any]


def differences(what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[str]:
    """Return what differs, the first ten of each kind."""
    wrong = [
        f"{what} {key}: {found[key]!r}, undisturbed {expected[key]!r}"
        for key in found.keys() & expected.keys()
        if found[key] != expected[key]
    ]
    absent = [f"{what} {key}: absent" for key in expected.keys() - found.keys()]
    extra = [f"{what} {key}: {found[key]!r}, undisturbed there is none" for key in found.keys() - expected.keys()]
    return wrong[:10] + absent[:10] + extra[:10]
