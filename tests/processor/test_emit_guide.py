"""What schema/EMIT.md says of a call that is sent, and of what is lost without each part of it, is so: its tables are read and run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from otel_voice_processor.calls import CallBook
from otel_voice_processor.model import CallRecord, Value
from otel_voice_processor.pipeline import Pipeline, Processed
from otel_voice_processor.rates import Rate, rates
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.service import root_ids
from otel_voice_processor.telemetry import Counters
from otel_voice_processor.wire import build_request, encode_span
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.events import EVENTS, PREFIX, SCHEMA_VERSION

from otel_voice.policy import load_default

GUIDE = (Path(__file__).parents[2] / "schema/EMIT.md").read_text(encoding="utf-8")
BASE, MS, S = 1_790_000_000_000_000_000, 1_000_000, 1_000_000_000
CALLS = {"A": "call_01JZ9W2M7K", "B": "call_01JZ9W2M7L"}
WHOLE = {  # numerator, denominator, undetermined, value of both calls as they stand in the guide
    "false_interruption": (0, 1, 0, 0.0),
    "missed_interruption": (0, 1, 0, 0.0),
    "resume_success": (1, 1, 0, 1.0),
    "repeated_speech": (1, 1, 0, 1.0),
    "silence_after": (1, 1, 0, 0.6),
    "task_completion": (1, 1, 0, 1.0),
    "escalation": (0, 1, 0, 0.0),
}
FACTS_OF = {
    "intent": {a.VOICE_CALLER_TRANSCRIPT_STATUS, a.VOICE_CALLER_INPUT_CLASS},
    "response end": {a.VOICE_AGENT_PLAYBACK_END_REASON},
}
NOTHING = "nothing"


@dataclass(frozen=True)
class Step:
    """One row of a call in the guide, in the guide's short names; times in ms since the call's start."""

    key: str
    start: int
    end: int
    event: str
    facts: dict[str, Value]
    named: bool = True  # whether it has its call id
    trace_id: bytes | None = None
    unit: int = 1  # of its span's times, in ns

    def encoded(self, number: int) -> bytes:
        call_id = CALLS[self.key[0]]
        trace_id, root = root_ids(call_id)
        return encode_span(
            name=PREFIX + self.event,
            trace_id=self.trace_id or trace_id,
            span_id=number.to_bytes(8, "big"),
            parent_span_id=root,
            start_ns=(BASE + self.start * MS) // self.unit,
            end_ns=(BASE + self.end * MS) // self.unit,
            attributes=({a.VOICE_CALL_ID: call_id} if self.named else {}) | {f"voice.{key}": value for key, value in self.facts.items()},
        )


Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Judged:
    """What came of the calls: their records, the seven rates, what the sender was told."""

    records: dict[str, CallRecord]
    rates: dict[str, Rate]
    warning: str

    @property
    def episodes(self) -> int:
        return sum(len(record.episodes) for record in self.records.values())

    @property
    def missing(self) -> set[str]:
        return {key for record in self.records.values() for ep in record.episodes for key in ep.missing}

    def numbers(self, metric: str) -> tuple[int, int, int, float | None]:
        rate = self.rates[metric]
        return rate.numerator, rate.denominator, rate.undetermined, rate.value


def table(*heads: str) -> list[list[str]]:
    """Return the cells of every row under such a head, wherever it stands."""
    lines = GUIDE.splitlines()
    found: list[list[str]] = []
    for number, line in enumerate(lines):
        if line == f"| {' | '.join(heads)} |":
            rest = lines[number + 2 :]
            end = next((at for at, row in enumerate(rest) if not row.startswith("|")), len(rest))
            found += [[cell.strip() for cell in row.strip("|").split("|")] for row in rest[:end]]
    assert found, f"the guide has no table {heads}"
    return found


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def settings(cell: str) -> list[tuple[str, str]]:
    return re.findall(r"`([^`]+)` = `([^`]+)`", cell)


def value_of(key: str, text: str) -> Value:
    """Return a value of the guide in the registry's type; what is quoted or of another type as JSON has it."""
    attribute = ATTRIBUTES[f"voice.{key}"]
    if attribute.many:
        return tuple(text.strip("[]").split(", "))
    return text if attribute.type == "string" else json.loads(text)


@cache
def told() -> Steps:
    """Return both calls of the guide."""
    return tuple(
        Step(key, int(start), int(end), event.strip("`"), {name: value_of(name, text) for name, text in settings(cell)})
        for key, start, end, event, cell in table("step", "start", "end", "event", "attributes")
    )


def edited(steps: Steps, key: str, change: Callable[[Step], Step | None]) -> Steps:
    """Return the steps with one of them changed; there is exactly one of that key."""
    assert [key] == [step.key for step in steps if step.key == key]
    return tuple(new for step in steps if (new := change(step) if step.key == key else step) is not None)


def without(need: str) -> Steps:
    """Return the calls without what a need names: a whole event, a span's length, or an attribute; it must be there."""
    key, _, what = need.partition(" ")

    def leave_out(step: Step) -> Step | None:
        if what == step.event:
            return None
        if what == "start":
            assert step.start != step.end
            return replace(step, start=step.end)
        assert what in step.facts
        return replace(step, facts={name: value for name, value in step.facts.items() if name != what})

    return edited(told(), key, leave_out)


def instead(cell: str) -> Steps:
    """Return the calls with what a row sends instead."""
    steps = told()
    for place, text in settings(cell):
        key, _, what = place.partition(" ")

        def change(step: Step, what: str = what, text: str = text) -> Step | None:
            if not what:
                assert text == "-"
                return None
            if what == "name":
                return replace(step, event=text)
            if what == "start":
                return replace(step, start=int(text))
            rest = {name: value for name, value in step.facts.items() if name != what}
            return replace(step, facts=rest if text == "-" else {**rest, what: value_of(what, text)})

        steps = edited(steps, key, change)
    assert steps != told()
    return steps


def process(steps: Steps, counters: Counters | None = None) -> tuple[Pipeline, Processed]:
    """Put the steps through the pipeline as one OTLP request."""
    pipeline = Pipeline(load_default(), counters or Counters())
    spans = [step.encoded(number) for number, step in enumerate(steps, 1)]
    return pipeline, asyncio.run(pipeline.process(build_request({"service.name": "agent"}, "my-emitter", "1", "", spans)))


def judge(steps: Steps) -> Judged:
    """Return what the processor makes of the calls: ruled, joined, settled, divided."""
    pipeline, processed = process(steps)
    book = CallBook(pipeline.rule, "p", root_ids)
    for event in processed.events:
        assert book.add(event, event.time_ns) == "joined"
    records = {settled.record.call_id: settled.record for settled in book.settle_all()}
    return Judged(records, {rate.name: rate for rate in rates(records.values())}, processed.warning)


def assert_lost(metric: str, loss: str, got: Judged) -> None:
    """Assert that exactly this is lost of a metric, in the closed vocabulary of the guide."""
    whole = judge(told())
    (_, counted, unsure, value), now = whole.numbers(metric), got.numbers(metric)
    kind, _, detail = loss.partition(": ")
    if loss == NOTHING:
        assert whole.numbers(metric) == now
    elif loss == "no episode":
        assert (whole.episodes - 1, counted - 1, unsure) == (got.episodes, now[1], now[2])
    elif kind == "undetermined":
        assert (counted - 1, unsure + 1) == now[1:3]
        assert whole.episodes <= got.episodes  # a response without an end is perhaps overlapped by what comes later, too
        assert len(got.missing) == 1
        assert got.missing <= FACTS_OF[detail]
    elif loss == "unknown":
        assert (counted - 1, unsure + 1) == now[1:3]
        assert (whole.episodes, set()) == (got.episodes, got.missing)
    elif loss == "not counted":
        assert (counted - 1, unsure) == now[1:3]
        assert whole.episodes <= got.episodes
    elif loss == "one more undetermined":
        assert (counted, unsure + 1, value) == now[1:]
    elif loss == "one too many":
        assert (counted + 1, unsure) == now[1:3]
    elif kind.startswith("reads "):
        assert (counted, unsure) == now[1:3]
        assert value != now[3]
        assert float(kind.removeprefix("reads ")) == now[3]
    else:
        pytest.fail(f"`{loss}` is no word of the guide")


def rows() -> dict[tuple[str, str], str]:
    """Return what is lost by metric and need, as the guide's table says; no pair stands twice."""
    found: dict[tuple[str, str], str] = {}
    for metrics, needs, loss in table("metric", "needs", "without it"):
        for metric in ticked(metrics):
            for need in ticked(needs):
                assert (metric, need) not in found
                found[metric, need] = loss
    return found


def parts() -> list[str]:
    """Return everything that can be left out of the guide's calls."""
    out = []
    for step in told():
        out += [f"{step.key} {step.event}", *(f"{step.key} {fact}" for fact in step.facts)]
        out += [f"{step.key} start"] if step.start != step.end else []
    return out


LOSSES = [(metric, need, rows().get((metric, need), NOTHING)) for metric in WHOLE for need in parts()]


def test_both_calls_give_all_seven() -> None:
    """As they stand, the calls give each metric its value, without a word to the sender."""
    got = judge(told())

    assert WHOLE == {metric: got.numbers(metric) for metric in WHOLE}
    assert "" == got.warning
    assert ["correct", "false_interruption"] == [ep.verdict for call in CALLS.values() for ep in got.records[call].episodes]


def test_three_events_give_a_verdict() -> None:
    """The smallest call: those of its steps that the guide names."""
    (named,) = re.findall(r"\*\*(\w+), (\w+) and (\w+) alone give a\nverdict\*\*", GUIDE)
    got = judge(tuple(step for step in told() if step.key in named))

    assert ["correct"] == [ep.verdict for ep in got.records[CALLS["A"]].episodes]
    assert [(0, 1, 0, 0.0)] * 2 == [got.numbers("false_interruption"), got.numbers("missed_interruption")]


@pytest.mark.parametrize(("metric", "need", "loss"), LOSSES, ids=[f"{metric}-{need}" for metric, need, _ in LOSSES])
def test_leaving_out_loses_what_the_table_says(metric: str, need: str, loss: str) -> None:
    """Each part left out of each call: the loss that stands in the table, nothing where none does."""
    assert_lost(metric, loss, judge(without(need)))


def test_every_row_is_of_the_calls() -> None:
    """The table names known metrics and parts that are there, and has a row for every metric."""
    assert set() == {need for _, need in rows()} - set(parts())
    assert set(WHOLE) == {metric for metric, _ in rows()}


@pytest.mark.parametrize("key", [step.key for step in told()])
def test_without_a_call_id_an_event_is_not_judged(key: str) -> None:
    """It counts as if it were not there, and the sender hears of it."""
    got = judge(edited(told(), key, lambda step: replace(step, named=False)))
    absent = judge(edited(told(), key, lambda step: None))

    assert absent.rates == got.rates
    assert "`voice.call.id` is missing" in got.warning
    assert "" == absent.warning


@pytest.mark.parametrize(("cell", "then"), table("instead, send", "then"))
def test_what_stands_in(cell: str, then: str) -> None:
    """The same seven rates, or the loss that is told."""
    got = judge(instead(cell))
    if then == "the same":
        assert WHOLE == {metric: got.numbers(metric) for metric in WHOLE}
    else:
        (metric,) = ticked(then)
        assert_lost(metric, then.partition("` ")[2], got)
    assert ("is not judged" in cell) == bool(got.warning)


def test_hashes_tell_repeats_without_text() -> None:
    """Class, confidence and word hashes on both stretches give what the texts give."""
    heard: dict[str, Value] = {
        "caller.input.class": "correction",
        "caller.input.class_confidence": 0.9,
        "caller.transcript.word_hashes": ("3f1a", "9c2e"),
    }
    got = judge(edited(edited(told(), "A3", lambda step: replace(step, facts=heard)), "A7", lambda step: replace(step, facts=heard)))

    assert WHOLE == {metric: got.numbers(metric) for metric in WHOLE}


@pytest.mark.parametrize(("named", "verdict"), [(True, "correct"), (False, "undetermined")])
def test_a_late_transcript_needs_the_id_of_its_stretch(named: bool, verdict: str) -> None:
    """What was said in A3, told after A7: with the stretch's id it is A3's, without it is A7's."""
    stretch: dict[str, Value] = {"caller.stretch.id": "s1"} if named else {}
    words = next(step for step in told() if step.key == "A3").facts
    late = Step("A9", 8200, 8200, "user.transcript", {**words, **stretch})
    got = judge((*edited(told(), "A3", lambda step: replace(step, facts=stretch)), late))

    assert [verdict] == [ep.verdict for ep in got.records[CALLS["A"]].episodes]


@pytest.mark.parametrize("shuffle", [lambda steps: steps[::-1], lambda steps: steps[1::2] + steps[::2]])
def test_order_of_arrival_does_not_matter(shuffle: Callable[[Steps], Steps]) -> None:
    """Backwards or mixed, the same."""
    assert WHOLE == {metric: judge(shuffle(told())).numbers(metric) for metric in WHOLE}


@pytest.mark.parametrize(("label", "needs", "loss"), table("label", "needs", "without it"))
def test_without_its_attribute_a_label_is_a_word_for_none(label: str, needs: str, loss: str) -> None:
    """What the scorecard says of an episode where the attribute is there, and where it is not."""

    def labelled(steps: Steps) -> object:
        record = judge(steps).records[CALLS["A"]]
        card = Scorecard(0)
        card.count_episode(record.episodes[0], record, 1)
        (point,) = [point for point in card.points(2) if point.metric.name == m.INTERRUPTION_EPISODES and point.value]
        return dict(point.labels)[f"voice.{ticked(label)[0]}"]

    need = ticked(needs)[0]
    assert ticked(label)[0] == need.split(" ")[1]
    assert loss != labelled(told())
    assert loss == labelled(without(need))


def test_a_workflow_of_the_call_reaches_its_episodes() -> None:
    """`voice.workflow` on `call_started` alone: the call has it, and so has its episode."""
    moved = edited(without("A2 workflow"), "A1", lambda step: replace(step, facts={**step.facts, "workflow": "billing"}))
    record = judge(moved).records[CALLS["A"]]

    assert ("billing", "billing") == (record.workflow, record.episodes[0].workflow)


def test_one_undetermined_episode_takes_its_call_out_unless_another_was_mishandled() -> None:
    """Task completion and escalation: nothing of the call; with a miss beside it the call counts."""
    open_end = without("A6 agent.speech_stopped")
    missed = edited(
        open_end,
        "A4",
        lambda step: replace(step, start=9000, end=9000, facts={**step.facts, "agent.playback.end_reason": "completed"}),
    )

    assert [0, 0] == [judge(open_end).rates[metric].denominator for metric in ("task_completion", "escalation")]
    assert [1, 1] == [judge(missed).rates[metric].denominator for metric in ("task_completion", "escalation")]


def test_the_ids_are_derived_as_told() -> None:
    """The guide's persons and digests give the guide's ids, which are the processor's."""
    call_id, trace_id, root = re.findall(r"`(call_\w+)` gives trace `(\w{32})` and root span `(\w{16})`", GUIDE)[0]
    persons = re.findall(r"`(otel-voice \w+ ?)`", GUIDE.split("## Trace and span ids")[1].split("## ")[0])
    derived = [
        hashlib.blake2b(call_id.encode(), digest_size=n, person=p.encode()).hexdigest() for n, p in zip((16, 8), persons, strict=True)
    ]

    assert [trace_id, root] == derived
    assert [trace_id, root] == [each.hex() for each in root_ids(call_id)]


def test_other_ids_cost_no_rate() -> None:
    """A trace per event: the same rates; the call's own spans go to the trace of `call_started`, without it to the derived one."""
    scattered = tuple(replace(step, trace_id=number.to_bytes(16, "big")) for number, step in enumerate(told(), 1))
    got = judge(scattered)
    derived, root = root_ids(CALLS["A"])

    assert WHOLE == {metric: got.numbers(metric) for metric in WHOLE}
    assert ((1).to_bytes(16, "big"), root) == (got.records[CALLS["A"]].trace_id, got.records[CALLS["A"]].root_span_id)
    assert derived == judge(scattered[1:]).records[CALLS["A"]].trace_id


def test_the_lengths_are_the_registrys() -> None:
    """The guide names each event's own length, and no other."""
    said = re.findall(r"`([\w.]+)` of `([\w.]+)`", GUIDE.split("It began its own length earlier")[1].split(". The")[0].replace("\n", " "))

    assert {name: event.duration for name, event in EVENTS.items() if event.duration} == {PREFIX + name: key for key, name in said}


def test_a_call_settles_when_told() -> None:
    """15 s after the last event where the call has ended, else 5 min after; an event after that is late."""
    pipeline, processed = process(without("A8 call_ended"))
    book, now = CallBook(pipeline.rule, "p", root_ids), processed.events[0].time_ns // S * S
    for event in processed.events:
        book.add(event, now)
    waits = (14, 15, 299, 300)
    settled = {seconds: [each.record.call_id for each in book.tick(now + seconds * S) if each.whole] for seconds in waits}

    assert "nothing came for 15 s" in GUIDE
    assert "settles after 5 min" in GUIDE.replace("\n", " ")
    assert {14: [], 15: [CALLS["B"]], 299: [], 300: [CALLS["A"]]} == settled
    assert "late" == book.add(processed.events[0], now + 301 * S)


def test_times_in_ms_are_implausible() -> None:
    """A millionth of each time lies in 1970: no event of it is joined, and the counter says why."""
    pipeline, processed = process(tuple(replace(step, unit=MS) for step in told()))
    book = CallBook(pipeline.rule, "p", root_ids)

    assert {"implausible_time"} == {book.add(event, 1_800_000_000 * S) for event in processed.events}
    assert "`implausible_time`" in GUIDE


def test_a_name_under_the_prefix_that_is_no_event_is_passed_on() -> None:
    """voiceobs' span has a name of ours and is none."""
    name = re.findall(r"voiceobs' `voice\.interruption\.(\w+)` lies under our prefix", GUIDE)[0]
    counters = Counters()
    _, processed = process((Step("A1", 0, 0, name, {}),), counters)

    assert () == processed.events
    assert 1 == counters.get("otel_voice_processor_unknown_events")


def test_the_names_are_known() -> None:
    """Every attribute and event of ours in the guide is in the registry; the version is the current one."""
    theirs = {
        "voice.conversation.id",
        "voice.turn.index",
        "voice.turn.overlap_ms",
        "voice.silence.after_user_ms",
        "voice.silence.before_agent_ms",
    }
    named = {name for name in re.findall(r"`(voice\.[\w.]+\w)`", GUIDE) if not name.startswith(PREFIX)}

    assert set() == named - theirs - set(ATTRIBUTES)
    assert set() == {PREFIX + step.event for step in told()} - set(EVENTS)
    assert f"`voice.schema.version` = `{SCHEMA_VERSION}`" in GUIDE
