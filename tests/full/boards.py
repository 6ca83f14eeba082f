"""How long the boards' queries take over a month of 2,000 series, as Grafana asks them, and how long the rules do.

Run: `python tests/full/boards.py [--write | --check] [--ranges 6h 24h 7d 30d] [BOARD]`, with the Prometheus and promtool that
`python tests/peers/install.py` builds. The first run writes the month (some minutes, 4 GB of disk meanwhile); it is kept. `--write` puts
what was seen into `boards.txt`; `--check` fails where a board takes three seconds or more over its own range. A query that Prometheus
refuses fails each time.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests are no package that is installed

import yaml
from otel_voice_dashboards.shipped import RULES, Board, boards
from otel_voice_processor.testing import free_port

from tests.full.boards_asked import AT_ONCE, PIXELS, Answer, Prometheus, Query, View, seconds_of
from tests.full.boards_month import BLOCK_S, DAYS, VERSIONS, WORKFLOWS, Month, month
from tests.peers.install import found
from tests.peers.servers import running

SEEN = Path(__file__).with_suffix(".txt")
BOUND_S = 3.0
RANGES = ("6h", "24h", "7d", "30d")
CHOSEN = {"voice_workflow": "workflow_00"}  # the busiest
RULES_EVERY_S = 20  # more often than they are meant to be, so that each was evaluated twice within a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A board that was shown once: over which range, with one workflow chosen or all, what was asked, how long all of it took.

    `worked_s` is for how long it kept a processor of this machine busy.
    """

    board: Board
    over: str
    one: bool
    answers: Sequence[Answer]
    seconds: float
    worked_s: float

    @property
    def empty(self) -> int:
        """Return how many queries found nothing; there are no exemplars in blocks."""
        return sum(1 for each in self.answers if not each.values and each.query.path != "query_exemplars")

    def problems(self, *, judged: bool) -> Iterator[str]:
        """Yield what is wrong: refused, nothing to be timed, or, where it is `judged`, too slow over the board's own range."""
        yield from (f"{self.board.uid}, {each.query.of}: {each.refused}" for each in self.answers if each.refused)
        if self.empty > len(self.answers) / 2:
            yield f"{self.board.uid}: {self.empty} of {len(self.answers)} queries find nothing in the month"
        if judged and self.over == usual(self.board) and self.seconds >= BOUND_S:
            yield f"{self.board.uid}: {self.seconds:.2f} s over {self.over}, it is to be less than {BOUND_S:g} s"

    def line(self) -> str:
        """Return it as a row."""
        slowest = max(self.answers, key=lambda each: each.seconds)
        return (
            f"{self.board.uid.removeprefix('otel-voice-'):<11}{self.over:>5}  {'one' if self.one else 'all':<5}{len(self.answers):>7}"
            f"{self.empty:>7}{self.seconds:>8.2f}{self.worked_s:>8.2f}  {slowest.seconds:>6.2f} {slowest.query.of}"
        )


@contextmanager
def serving(made: Month, more: Sequence[str] = (), config: str = "") -> Iterator[Prometheus]:
    """Run Prometheus over a copy of the blocks, which are left as they are: it neither compacts them nor thinks them too old."""
    with tempfile.TemporaryDirectory(dir=made.folder.parent, prefix="serving-") as work:
        shutil.copytree(made.folder, Path(work) / "data", copy_function=os.link)  # blocks are never written to
        (Path(work) / "prometheus.yml").write_text(config, encoding="utf-8")
        port, hours = free_port(), f"{BLOCK_S // 3_600}h"
        told = [f"--web.listen-address=127.0.0.1:{port}", "--config.file=prometheus.yml", "--storage.tsdb.path=data", *more]
        kept = ["--storage.tsdb.retention.time=10y", "--storage.tsdb.min-block-duration=2h", f"--storage.tsdb.max-block-duration={hours}"]
        with running("prometheus", [*told, *kept], f"http://127.0.0.1:{port}/-/ready", Path(work)):
            yield Prometheus(port)


def shown(prometheus: Prometheus, board: Board, end_s: int, over: str, *, one: bool) -> Shown:
    """Show a board: fill its variables in, then ask what its panels ask."""
    view = View(board=board.model, end_s=end_s, range_s=int(seconds_of(over)), chosen=CHOSEN if one else {})
    worked_s, began = prometheus.worked_s(), time.perf_counter()
    answers = [*view.fill(prometheus), *prometheus.ask_all(list(view.queries()))]
    took = time.perf_counter() - began
    return Shown(board=board, over=over, one=one, answers=answers, seconds=took, worked_s=prometheus.worked_s() - worked_s)


def usual(board: Board) -> str:
    """Return the range that a board opens with."""
    return str(board.model["time"]["from"]).removeprefix("now-")


def shows(prometheus: Prometheus, end_s: int, asked: Sequence[Board], ranges: Sequence[str]) -> Iterator[Shown]:
    """Yield each board over each range, all traffic and one workflow of it; short ranges twice, of which the quicker counts."""
    for board in asked:
        for over in dict.fromkeys((usual(board), *ranges)):
            for one in (False, True) if _can_choose(board) else (False,):
                times = 2 if seconds_of(over) <= 86_400 else 1
                yield min((shown(prometheus, board, end_s, over, one=one) for _ in range(times)), key=lambda each: each.seconds)


def _can_choose(board: Board) -> bool:
    return any(label in str(each.get("query")) for label in CHOSEN for each in board.model["templating"]["list"])


def _duration(told: str) -> str:
    seconds_of(told)
    return told


def rules_took(made: Month) -> Iterator[str]:
    """Yield how long each group of rules takes, in a Prometheus that takes the newest sample's time for now."""
    (path,) = RULES.glob("*.rules.yaml")
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    meant = {group["name"]: group["interval"] for group in told["groups"]}
    for group in told["groups"]:
        group["interval"] = f"{RULES_EVERY_S}s"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as rules:
        yaml.dump(told, rules)
        rules.flush()
        ago = int(time.time()) - made.end_s
        config = f"global: {{rule_query_offset: {ago}s}}\nrule_files: [{rules.name}]\n"
        with serving(made, config=config) as prometheus:
            time.sleep(3 * RULES_EVERY_S)
            answer = prometheus.ask(Query(of="rules", path="rules", parameters={}))
    for group in answer.data["groups"]:
        broken = [rule["name"] for rule in group["rules"] if rule["health"] != "ok"]
        said = f"  not evaluated: {', '.join(broken)}" if broken else ""
        yield f"{group['name']:<24}{len(group['rules']):>5}{meant[group['name']]:>8}{group['evaluationTime']:>9.2f}{said}"


def conditions(made: Month) -> Iterator[str]:
    """Yield when and where this is, and over what."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if os.path.exists("/proc/cpuinfo") else None
    name = cpu[1] if cpu else platform.processor()
    yield f"date        {datetime.now(UTC):%Y-%m-%d}"
    yield f"machine     {os.cpu_count()} cores, {name}, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f} before"
    yield f"versions    Python {platform.python_version()}, Prometheus 3.16"
    yield f"data        {DAYS} days, {made.series:,} series of {WORKFLOWS} workflows and {len(VERSIONS)} policy versions,"
    yield f"            {made.samples:,} samples a minute apart, in blocks of {BLOCK_S // 3_600} h"
    yield f"asked       every query of every panel at {PIXELS:,} pixels, variables and exemplars too, {AT_ONCE} at once;"
    yield "            seconds until all was answered, and seconds of a processor's work"


def main() -> int:
    """Run; print, write or judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--write", action="store_true")
    group.add_argument("--check", action="store_true")
    parser.add_argument("--ranges", nargs="+", default=RANGES, type=_duration)
    known = {board.uid.removeprefix("otel-voice-"): board for board in boards() if "Prometheus" in board.needs}
    parser.add_argument("board", nargs="*", choices=[*known, []], metavar="BOARD")
    options = parser.parse_args()
    absent = [name for name in ("prometheus", "promtool") if found(name) is None]
    if absent:
        print(f"{' and '.join(absent)} not built: python tests/peers/install.py", file=sys.stderr)
        return 2
    made = month()
    lines = [*conditions(made), "", "board      range  flows  asked  empty    took  worked  the slowest"]
    print(*lines, sep="\n", flush=True)
    problems: list[str] = []
    chosen = [known[name] for name in options.board or known]
    with serving(made) as prometheus:
        for each in shows(prometheus, made.end_s, chosen, options.ranges):
            lines.append(each.line())
            print(lines[-1], flush=True)
            problems += each.problems(judged=options.check)
    told = ["", "rules                   rules   every     took", *rules_took(made)]
    problems += [line for line in told if "not evaluated" in line]
    print(*told, *problems, sep="\n")
    if options.write and not problems:
        SEEN.write_text("\n".join([*lines, *told]) + "\n", encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
