"""What the boards are asked about: calls of a week, told by real processors on a test clock to a real Prometheus, a push for each minute.

Which calls, when and how they are told is laid out in `plan`; what is true of them follows in `truth.py`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

import grpc
import grpc.aio
from otel_voice_processor.config import Config, File, Judging, MetricsExporter, Receiver, Tls
from otel_voice_processor.model import VoiceEvent
from otel_voice_processor.rpc import TRACE_EXPORT
from otel_voice_processor.service import Service
from otel_voice_processor.simulate import EIGHT, EIGHT_FAILING, Impairments, Script, Withheld, events_of, simulate
from otel_voice_processor.summary import resource_attributes
from otel_voice_processor.testing import request_of
from otel_voice_schema import attributes as a

from tests.peers.scored import FAILED
from tests.peers.servers import Prometheus

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
WEEK: Final = 7 * 24 * HOUR
S: Final = 10**9
LAST_S: Final = 20  # of a call's last event, before the push that has it
QUIET: Final = 10  # minutes without a call before a process ends: Prometheus goes on with its series for half a push
PER_REQUEST: Final = 20
BROKEN: Final = b"\x0a\x7fvoice.interruption."  # no OTLP
ODD: Final = 'b"ill\\ing.+{$x} (à/é) | 漢'  # the signs that mean something to PromQL, TraceQL, JSON, Grafana or a regular expression
ODD_RUNTIME: Final = 'live"kit\\'
ODD_TYPE: Final = 'pro"mo\\tion.*[$y]'
FINE, PATIENT, RARE = "fine", "patient", "rare"  # workflows: nothing goes wrong, nobody interrupts, one single event
WORSE, DRIFTING, BURNING, BLIND = "worse", "drifting", "burning", "blind"  # and those of which somebody is alerted
SEEN_ONCE: Final = "seen once"  # a runtime that reported what callers did, and does no more
DOCTOR: Final = "otel_voice_doctor"
FINE_VERSION, DOCTOR_VERSION = "2026-05-28", "none of ours"
OLD, NEW, NEWEST = "2026-05-20", "2026-06-01", 'v"3\\.0'
RELEASED: Final = 12  # minutes of the newest process before the newest version comes
MANY: Final = 230  # workflows, of which a processor lets 200 through
DEAF, UNSEEN, UNENDED = Withheld(transcripts=True), Withheld(caller_while_agent_speaks=True), Withheld(call_end=True)
MUTE: Final = Withheld(agent_stops=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One life of a processor: it starts at a minute, counted from the end of all, and pushes after each of its `minutes`."""

    name: str
    start: int
    minutes: int
    like: str = ""  # an earlier one, whose instance it is taken for: its counters are seen to fall

    @property
    def end(self) -> int:
        """Return the minute of its last push."""
        return self.start + self.minutes


PROCESSES: Final = (
    Process(name="a week ago", start=-WEEK // MINUTE - 40, minutes=40),
    Process(name="yesterday", start=-30 * 60, minutes=30),
    Process(name="first", start=-131, minutes=30),
    Process(name="started again", start=-100, minutes=30, like="first"),
    Process(name="newest", start=-69, minutes=69),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A call: what happened in it, who told it and what was withheld, and the minute of the push that has it."""

    script: Script
    process: Process
    minute: int
    version: str = OLD
    runtime: str = "simulator"
    withheld: Withheld = field(default_factory=Withheld)

    def events(self, end_s: int) -> list[VoiceEvent]:
        """Return its events, of which the last is some seconds older than the push."""
        start_ns = (end_s + self.minute * MINUTE - LAST_S) * S - self.script.end_ms * 10**6
        told = events_of(self.script, start_ns=start_ns, runtime=self.runtime, impairments=Impairments(withheld=self.withheld))
        return [released(event, self.version) for event in told]


def released(event: VoiceEvent, version: str) -> VoiceEvent:
    """Return an event as an agent with another version of its policy tells it."""
    key = a.VOICE_AGENT_POLICY_VERSION
    return event if key not in event.attributes else replace(event, attributes={**event.attributes, key: version})


def plan() -> list[Told]:
    """Return all calls in the order in which they are told."""
    week, yesterday, first, again, newest = PROCESSES
    told = [
        *_spread(simulate(11, 100), week),
        *_spread(_copies("week", DRIFTING, EIGHT[:1] * 44), week),
        *_spread(simulate(12, 60), yesterday),
        *_spread(_copies("yesterday", WORSE, (EIGHT[0], EIGHT[0], EIGHT[1]) * 14), yesterday),
        *_spread(_copies("drifting yesterday", DRIFTING, EIGHT[:1] * 24), yesterday),
        *_spread(_copies("seen", "billing", EIGHT * 2), yesterday, runtime=SEEN_ONCE),
        *_spread(simulate(13, 150), first),
        *_spread(simulate(14, 150), again, version=NEW),
        *_spread(simulate(15, 260), newest, after=RELEASED, version=NEWEST),
        *_spread(simulate(16, 80), newest, version=NEW, runtime=ODD_RUNTIME),
    ]
    beside = [call for process in (week, newest) for call in _beside(process)]
    return sorted([*told, *beside, *_odd(newest), *_going_wrong(newest)], key=lambda each: each.minute)


def _spread(scripts: Iterator[Script] | Sequence[Script], process: Process, *, after: int = 0, **how: object) -> list[Told]:
    """Return calls that settle all through a process from a minute of it on, but for its end where that is not the end of all."""
    listed, minutes = list(scripts), process.minutes - after - (QUIET if process.end else 0)
    return [
        Told(script=script, process=process, minute=process.start + after + 1 + number * minutes // len(listed), **how)  # type: ignore[arg-type]
        for number, script in enumerate(listed)
    ]


def _copies(name: str, workflow: str, scripts: Sequence[Script]) -> list[Script]:
    return [replace(script, workflow=workflow, call_id=f"{name}_{number}_{script.call_id}") for number, script in enumerate(scripts)]


def _odd(process: Process) -> list[Told]:
    """Return calls with names that are hard to ask for, more workflows than are let through, one single event, and the doctor's."""
    known = [typed(script) for script in EIGHT + EIGHT_FAILING if script.message_type != "entity_capture"]  # of which more is known
    hard = [*_copies("odd", ODD, known), *_copies("odd too", "billing", known[:4])]
    turns = (EIGHT[0], EIGHT_FAILING[0], EIGHT_FAILING[1], EIGHT[7])
    many = [replace(turns[number % 4], workflow=f"flow_{number:03d}", call_id=f"many_{number}") for number in range(MANY)]
    deaf = _copies("deaf", BLIND, (EIGHT[0], EIGHT_FAILING[1], EIGHT_FAILING[0], EIGHT[3]) * 8)
    return [
        *_spread(_copies("rare", RARE, EIGHT_FAILING[:1]), process, after=RELEASED, version=NEWEST),
        *_spread(hard, process, after=RELEASED, version=NEWEST),
        *_spread(deaf, process, after=RELEASED, version=NEWEST, withheld=DEAF),
        *_spread(_copies("unended", "support", EIGHT + EIGHT_FAILING), process, version=NEW, withheld=UNENDED),
        *_spread(_copies("heard", BLIND, EIGHT_FAILING[:2]), process, after=RELEASED, version=NEWEST),
        *_spread(_copies("doctor of now", DOCTOR, EIGHT_FAILING[:4]), process, after=RELEASED, version=NEWEST),
        *_spread(_copies("deaf too", BLIND, EIGHT[:1] * 3), process, version=NEW, withheld=DEAF),
        *_spread(many, process, after=RELEASED, version=NEWEST),
    ]


def _beside(process: Process) -> list[Told]:
    """Return calls of which each kind of query has to leave some out: the doctor's, what nobody can judge, where all went well."""
    name = process.name
    handed = [replace(EIGHT[0], escalated=True, ended_by="transfer"), replace(EIGHT[7], escalated=False, ended_by="caller")]
    unknown = [_unanswered(EIGHT[0]), replace(EIGHT_FAILING[1], chose=()), *handed]
    unheard = replace(EIGHT_FAILING[0], said=EIGHT_FAILING[0].said[1:])
    doctors = [*simulate(17, 30), *EIGHT, *EIGHT_FAILING, *unknown]
    return [
        *_spread(_copies(f"beside {name}", "support", unknown * 2), process),
        *_spread(_copies(f"mute {name}", "mute", [unheard] * 5), process, withheld=MUTE),
        *_spread(_copies(f"mute, told {name}", "mute", EIGHT_FAILING[:2]), process),
        *_spread(_copies(f"fine {name}", FINE, (*EIGHT[:4], EIGHT[7]) * 4), process, version=FINE_VERSION),
        *_spread(_copies(f"patient {name}", PATIENT, EIGHT[1:2] * 4), process, version=FINE_VERSION),
        *_spread(_copies(f"doctor {name}", DOCTOR, doctors), process, version=DOCTOR_VERSION),
        *_spread(_copies(f"doctor, deaf {name}", DOCTOR, EIGHT_FAILING[:2]), process, version=DOCTOR_VERSION, withheld=DEAF),
        *_spread(_copies(f"doctor, unseen {name}", DOCTOR, EIGHT[:2]), process, version=DOCTOR_VERSION, withheld=UNSEEN),
        *_spread(_copies(f"doctor, unended {name}", DOCTOR, EIGHT), process, version=DOCTOR_VERSION, withheld=UNENDED),
    ]


def _unanswered(script: Script) -> Script:
    """A call whose caller, once heard, waits in vain and hangs up."""
    return replace(script, played=script.played[:-1], chose=(), outcome="abandoned")


def typed(script: Script) -> Script:
    """Return a call whose message type has signs that are hard to ask for."""
    kind = script.message_type
    played = tuple(replace(each, message_type=ODD_TYPE) if each.message_type == kind else each for each in script.played)
    return replace(script, message_type=ODD_TYPE, played=played)


def _going_wrong(process: Process) -> list[Told]:
    """Return what alerts are about: a version that misses more, tasks that fail, callers whom nobody puts through, a runtime gone blind."""
    missing = (EIGHT_FAILING[0], EIGHT_FAILING[1], EIGHT_FAILING[3])
    failing = [replace(script, outcome="failed") for script in (EIGHT_FAILING[0], EIGHT[0], EIGHT_FAILING[3]) * 10]
    unheeded = [replace(script, escalated=False, ended_by="caller", outcome="failed") for script in (EIGHT_FAILING[7], EIGHT[7]) * 26]
    return [
        *_spread(_copies("worse", WORSE, missing * 20), process, after=RELEASED, version=NEWEST),
        *_spread(_copies("drifting", DRIFTING, missing[:2] * 44), process),
        *_spread(_copies("burning", BURNING, [*failing, *unheeded]), process, version=NEW),
        *_spread(_copies("unseen", "billing", (EIGHT[0], EIGHT[1]) * 8), process, version=NEW, runtime=SEEN_ONCE, withheld=UNSEEN),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Calls that were told until `end_s`, and the files of their spans."""

    end_s: int
    told: tuple[Told, ...]
    spans: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a process was sent before the push of a minute: for the first time, again, or broken on its way."""

    process: str
    minute: int
    kind: Literal["first", "again", "broken"]
    events: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed(Feed):
    """A Prometheus that was fed with them; its newest samples are of `end_s`. `instances` are the processes' ids."""

    prom: Prometheus
    requests: tuple[Request, ...]
    instances: dict[str, str]


class _Clock:
    def __init__(self, s: int) -> None:
        self.s = s

    def __call__(self) -> int:
        return self.s * S


async def feed(prom: Prometheus, folder: Path) -> Fed:
    """Let each process live its time on a clock of ours, the oldest first, since Prometheus takes nothing older than what it has."""
    end_s, told, instances = int(time.time()) // MINUTE * MINUTE, plan(), dict[str, str]()
    requests: list[Request] = []
    for process in PROCESSES:
        clock = _Clock(end_s + process.start * MINUTE)
        service = Service(_config(prom, folder / f"{process.name}.jsonl"), clock=clock)
        await service.start()
        pushed = service._metrics
        assert pushed is not None
        instances[process.name] = instances.get(process.like, str(pushed.resource["service.instance.id"]))
        pushed.resource = resource_attributes(instances[process.name])
        requests += await _lived(service, process, [each for each in told if each.process is process], clock, end_s)
        assert 0 == service.counters.get(FAILED), "Prometheus took every push"
        await service.stop(1.0)
    spans = str(folder / "*.jsonl")
    return Fed(prom=prom, end_s=end_s, told=tuple(told), spans=spans, requests=tuple(requests), instances=instances)


def _config(prom: Prometheus, spans: Path) -> Config:
    return Config(
        receiver=Receiver(endpoint="127.0.0.1:0"),
        metrics=MetricsExporter(endpoint=prom.endpoint, interval=24 * HOUR, tls=Tls(insecure=True)),
        file=File(path=str(spans)),
        judging=Judging(agent_name_label=True),
        status=None,
    )


async def _lived(service: Service, process: Process, told: list[Told], clock: _Clock, end_s: int) -> list[Request]:
    """Send each minute's calls over real gRPC, settle and push; return what was sent: now and then twice, and once broken."""
    sent: list[Request] = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.port}") as channel:
        export = channel.unary_unary(TRACE_EXPORT, None, None)
        for minute in range(process.start + 1, process.end + 1):
            clock.s = end_s + minute * MINUTE
            due = [each for each in told if each.minute == minute]
            for at in range(0, len(due), PER_REQUEST):
                events = [event for each in due[at : at + PER_REQUEST] for event in each.events(end_s)]
                body = request_of(events)
                kinds: tuple[Literal["first", "again"], ...] = ("first", "again") if minute % 10 == 5 else ("first",)
                for kind in kinds:
                    await export(body, timeout=30)
                    sent.append(Request(process=process.name, minute=minute, kind=kind, events=len(events), bytes=len(body)))
            if minute % 20 == 7:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await export(BROKEN, timeout=30)
                sent.append(Request(process=process.name, minute=minute, kind="broken", events=0, bytes=len(BROKEN)))
            await service.settle_all()
            if service._metrics is not None:
                await service._metrics.push()
    return sent
