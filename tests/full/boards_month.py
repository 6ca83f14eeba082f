"""A month of what a processor writes, as blocks of a Prometheus: what boards and rules are timed over.

Labels, and how often each occurs, are what the scorecard makes of simulated calls, of three policy versions side by side; over the month
they grow day by day, by night slower, start from zero where a journal was lost, and some begin late. Blocks are kept under
`~/.cache/otel-voice/boards` (or `$OTEL_VOICE_BOARDS`), below a fingerprint of what they are made of.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

from otel_voice_dashboards.queries import label, prometheus_name
from otel_voice_processor.scorecard import Scorecard
from otel_voice_processor.series import Point
from otel_voice_processor.simulate import LEVELS, events_of, simulate
from otel_voice_schema import attributes as a
from otel_voice_schema import metrics as m
from otel_voice_schema.health import HEALTH

from tests.peers.install import found
from tests.processor.oracle import START, book_of

DAYS, STEP_S, DAY_S = 30, 60, 86_400
SPARE_S = 2 * 3_600  # before the month: what the first step of a range looks back to
BLOCK_S = 54 * 3_600  # as Prometheus compacts, where it keeps a month
SERIES, CALLS, MONTHLY = 2_000, 20, 60  # so many series; calls are simulated by so many until there are; the month has so many times them
WORKFLOWS, VERSIONS = 20, ("2026-06-01", "2026-08-15", "2026-11-25")
TYPES, RUNTIMES = ("support_answer", "menu_prompt", "disclosure", "entity_capture"), ("livekit", "pipecat", "twilio", "openai_realtime")
RESETS = (0.31, 0.74)  # parts of the month after which a journal was lost
LATE = 0.1  # of the series begin within the month
VALUES = {
    "exporter": ("otlp_grpc", "metrics"),
    "reason": ("away", "timed_out"),
    "carrier": ("span", "log"),
    "outcome": ("joined", "duplicate", "late", "implausible_time", "loaded", "refused"),
    "ended": ("told", "expired"),
    "direction": ("forward", "back"),
}  # of the processor's own numbers; other labels have one value


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series: as OpenMetrics writes it, and how much it grows in a month; a histogram's are `alike`.

    `kind` is count or sum, or that of a gauge: a level that swings about `monthly`, or a time so many seconds after the month's begin.
    """

    written: str
    monthly: float
    alike: str
    kind: str = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Blocks, and what is in them; times in Unix seconds, `end_s` is that of the newest sample."""

    folder: Path
    end_s: int
    series: int
    samples: int


def scored(calls: int) -> list[Point]:
    """Return what the scorecard counts of simulated calls with holes in their evidence, by workflows that have their own versions."""
    rng, book, now = random.Random(7), book_of(), START + 3_600 * 10**9
    for script in simulate(11, calls):
        number = int(WORKFLOWS * rng.random() ** 1.5)  # some are busier than others
        own = {
            a.VOICE_WORKFLOW: f"workflow_{number:02}",
            a.VOICE_RUNTIME_NAME: RUNTIMES[number % len(RUNTIMES)],
            a.VOICE_AGENT_POLICY_VERSION: VERSIONS[(number + rng.randint(0, number % 2)) % len(VERSIONS)],
            a.VOICE_AGENT_MESSAGE_TYPE: TYPES[number % len(TYPES)],
        }
        for event in events_of(script, start_ns=START, keep_text=True, impairments=LEVELS["loss"]["5%"]):
            facts = event.attributes
            book.add(replace(event, attributes={**facts, **{key: value for key, value in own.items() if key in facts}}), now)
    card = Scorecard(START)
    for settled in book.tick(now + 400 * 10**9):
        for episode in settled.episodes:
            card.count_episode(episode, settled.record, now)
        for episode in settled.aftermaths:
            card.count_aftermath(episode, settled.record, now)
        if settled.whole:
            card.count_call(settled.record, now)
    return [each for each in card.points(now + 1) if each.time_ns == now + 1 and each.metric.name != m.INTERRUPTION_SCORECARD_RATIO]


def of_calls(points: Sequence[Point]) -> Iterator[Series]:
    """Yield the series that Prometheus makes of the scorecard's points."""
    for point in points:
        name = prometheus_name(point.metric)
        labels = {label(key): str(value).lower() if isinstance(value, bool) else value for key, value in point.labels}
        alike = written(name, labels)
        if point.metric.instrument == "counter":
            yield Series(written=alike, monthly=point.value * MONTHLY, alike=alike)
            continue
        if point.metric.name == m.AGENT_POLICY_FIRST_SEEN_TIMESTAMP:
            release = VERSIONS.index(labels[label(a.VOICE_AGENT_POLICY_VERSION)])
            yield Series(written=alike, monthly=(3 + 8 * release) * DAY_S, alike=alike, kind="time")
            continue
        edges, below = [*(f"{edge:g}" for edge in point.metric.buckets), "+Inf"], 0
        for edge, count in zip(edges, point.counts, strict=True):
            below += count
            yield Series(written=written(f"{name}_bucket", labels | {"le": edge}), monthly=below * MONTHLY, alike=alike)
        yield Series(written=written(f"{name}_count", labels), monthly=point.value * MONTHLY, alike=alike)
        yield Series(written=written(f"{name}_sum", labels), monthly=point.total * MONTHLY, alike=alike, kind="sum")


def of_processor() -> Iterator[Series]:
    """Yield the series of the processor's own numbers: events and requests by the thousand, what goes wrong by the dozen."""
    rng = random.Random(5)
    for each in HEALTH.values():
        told: list[dict[str, str]] = [{}]
        for key in each.labels:
            told = [{**one, key: value} for one in told for value in VALUES.get(key, ("other",))]
        usual = any(word in each.name for word in ("accepted", "judged", "_events", "sent", "settled_calls", "bytes"))
        for labels in told:
            told_as = written(each.name + ("_total" if each.instrument == "counter" else ""), labels)
            monthly = rng.uniform(1e5, 1e6) if usual else rng.uniform(5, 200)
            yield Series(written=told_as, monthly=monthly, alike=told_as, kind="count" if each.instrument == "counter" else "level")


def written(name: str, labels: dict[str, str]) -> str:
    """Return a series as OpenMetrics writes it, with the labels that Prometheus' OTLP receiver adds."""
    told = {"job": "voice/otel-voice", "instance": "processor-0"} | labels
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in told.items()) + "}"


def all_series() -> list[Series]:
    """Return some two thousand series; the more calls, the more labels occur."""
    own, calls = list(of_processor()), CALLS
    while len(told := list(of_calls(scored(calls)))) + len(own) < SERIES:
        calls = calls * 5 // 4
    return [*told, *own]


def grown(at_s: float) -> float:
    """Return which part of a month's traffic came so long after its begin: busy at noon, quiet at midnight, 1 at its end."""
    return (at_s - 0.8 * DAY_S / math.tau * math.sin(math.tau * at_s / DAY_S)) / (DAYS * DAY_S)


def values(series: Series, first_s: int, times: Sequence[int], parts: Sequence[float]) -> Iterator[tuple[float, int]]:
    """Yield a series' values with their times, seconds after the begin of the month; `parts` is `grown` at each of these."""
    rng, month_s = random.Random(series.alike), DAYS * DAY_S
    ahead, born = rng.random(), rng.randrange(DAYS) * DAY_S if rng.random() < LATE else -SPARE_S
    if series.kind == "level":
        yield from ((int(series.monthly * (1.5 + math.sin(at / 7_000 + ahead))), at) for at in times)
        return
    if series.kind == "time":
        yield from ((first_s + series.monthly, at) for at in times if at >= series.monthly)
        return
    begun = [born, *(int(part * month_s) for part in RESETS if part * month_s > born), sys.maxsize]
    for since, until in pairwise(begun):
        first, last = bisect_left(times, since), bisect_left(times, until)
        before = series.monthly * grown(since) + ahead
        if series.kind == "count":
            zero, more, ahead_by = int(before), series.monthly, ahead
            yield from zip((int(more * part + ahead_by) - zero for part in parts[first:last]), times[first:last], strict=True)
        else:
            more, ahead_by = series.monthly, ahead - before
            yield from zip((round(more * part + ahead_by, 3) for part in parts[first:last]), times[first:last], strict=True)


def write_piece(all_series: Sequence[Series], path: Path, first_s: int, times: Sequence[int]) -> int:
    """Write the samples at some times as OpenMetrics, each series in order; return how many there are."""
    parts, samples = [grown(at) for at in times], 0
    told = {at: f"{first_s + at}\n" for at in times}
    with path.open("w", encoding="ascii") as out:
        for series in all_series:
            name = series.written
            lines = [f"{name} {value} {told[at]}" for value, at in values(series, first_s, times, parts)]
            out.write("".join(lines))
            samples += len(lines)
        out.write("# EOF\n")
    return samples


class Blocks:
    """Makes blocks of pieces of OpenMetrics, each while the next is being written."""

    def __init__(self, folder: Path) -> None:
        promtool = found("promtool")
        if promtool is None:
            raise RuntimeError("promtool is not built: python tests/peers/install.py")
        self._told = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", f"--max-block-duration={BLOCK_S // 3_600}h"]
        self._folder = folder
        self._running: tuple[subprocess.Popen[bytes], Path] | None = None

    def take(self, piece: Path) -> None:
        """Make blocks of a piece, which is removed then; RuntimeError with promtool's words where it refused the one before."""
        self.finish()
        self._running = subprocess.Popen([*self._told, piece, self._folder], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL), piece

    def finish(self) -> None:
        """Wait for the piece that is being made."""
        if self._running is None:
            return
        process, piece = self._running
        self._running = None
        words = process.communicate()[1]
        piece.unlink()
        if process.returncode:
            raise RuntimeError(f"promtool: {words.decode(errors='replace')[-2000:]}")


def make(folder: Path, series: Sequence[Series]) -> Month:
    """Write the month that ends now into a folder, block by block, since promtool reads all its input anew for each block."""
    blocks, samples = Blocks(folder), 0
    end_s = int(time.time()) // STEP_S * STEP_S
    first_s = end_s - DAYS * DAY_S
    times = range(-SPARE_S, DAYS * DAY_S + 1, STEP_S)
    for number, (_, within) in enumerate(groupby(times, lambda at: (first_s + at) // BLOCK_S)):
        piece = folder / f"piece{number}.om"
        samples += write_piece(series, piece, first_s, list(within))
        blocks.take(piece)
    blocks.finish()
    return Month(folder=folder, end_s=end_s, series=len(series), samples=samples)


def month() -> Month:
    """Return the blocks that were kept, or make them; an interrupted run leaves none."""
    kept, series = Path(os.environ.get("OTEL_VOICE_BOARDS") or Path.home() / ".cache/otel-voice/boards"), all_series()
    said = [Path(__file__).read_text(encoding="utf-8"), *(each.written for each in series)]
    at = kept / hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
    if not (at / "month.json").exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept, prefix="making-") as work:
            made = make(Path(work), series)
            for older in kept.glob("*/month.json"):
                shutil.rmtree(older.parent)
            told = {"end_s": made.end_s, "series": made.series, "samples": made.samples}
            (Path(work) / "month.json").write_text(json.dumps(told), encoding="utf-8")
            shutil.copytree(work, at, copy_function=os.link)
    return Month(folder=at, **json.loads((at / "month.json").read_text(encoding="utf-8")))
