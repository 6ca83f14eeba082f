"""Asks a Prometheus that was fed what boards about calls ask, by every filter and over every range, and holds it against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.peers import asked, fed
from tests.peers.asked import Chosen, Query
from tests.peers.fed import HOUR, MINUTE, Fed
from tests.peers.servers import Prometheus
from tests.peers.table import Rows, Table, is_nothing, labels_of, rows_of
from tests.peers.truth import Labels, Span, Truth, Value, preamble, span, statements

STEP_S: Final = 2 * MINUTE  # the shortest that our boards draw
AFTER_PUSH_S: Final = (20, 45)
LONG_STEP_S: Final = 2 * HOUR  # of 90 days
DAY: Final = 24 * HOUR
WINDOWS: Final = {"1h": HOUR, "6h": 6 * HOUR, "1d": DAY, "7d": 7 * DAY}
TRAFFIC: Final = ("otel-voice-overview", "otel-voice-workflow", "otel-voice-release")
PROCESSOR: Final = "otel-voice-processor"
FILTERS: Final[Mapping[str, Chosen]] = {
    "all": {},
    "one workflow": {"workflow": ["billing"]},
    "odd signs": {"workflow": [fed.ODD]},
    "several": {"workflow": ["billing", fed.ODD, fed.WORSE, "other"], "policy_version": [fed.NEW, fed.NEWEST]},
    "one version": {"policy_version": [fed.NEWEST]},
    "one type": {"message_type": [fed.ODD_TYPE]},
    "one runtime, one agent": {"runtime": [fed.ODD_RUNTIME], "agent": ["front_desk"]},
    "one event": {"workflow": [fed.RARE]},
    "nothing wrong": {"workflow": [fed.FINE]},
    "nobody put through": {"workflow": [fed.BURNING]},
    "nobody interrupts": {"workflow": [fed.PATIENT]},
    "nobody knows it": {"workflow": ["nobody"]},
    "another agent": {"agent": ["nobody"]},
}
EVERY: Final = "newest process"  # the range in which Prometheus extrapolates nothing
RANGES: Final = {EVERY: 69 * MINUTE + 30, "3 h": 3 * HOUR, "5 min": 5 * MINUTE, "90 d": 90 * DAY}
OVER_RANGES: Final = ("all", "odd signs", "several")


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks a Prometheus what boards ask it, and holds it against the truth."""

    fed: Fed
    truth: Truth
    table: Table

    def everything(self) -> None:
        """Ask every query of the boards about calls, by every filter and over every range."""
        for uid in TRAFFIC:
            self._board(uid, FILTERS, OVER_RANGES)
        self.truth.run(preamble(PROCESSOR))
        newest = self.fed.instances[fed.PROCESSES[-1].name]
        filters = {"all": {}, "one instance": {"instance": [newest]}, "nobody knows it": {"instance": ["nobody"]}}
        self._board(PROCESSOR, filters, ("all", "one instance"))
        self._late()
        self._gone()

    def _board(self, uid: str, filters: Mapping[str, Chosen], over_ranges: Sequence[str]) -> None:
        told = statements(uid)
        for query in asked.queries(uid):
            if query.kind == "tempo" or query.name not in told:
                continue
            for how, chosen in filters.items():
                self._in_time(query, told[query.name], how, chosen, EVERY)
            for over in RANGES.keys() - {EVERY}:
                for how in over_ranges:
                    self._in_time(query, told[query.name], how, filters[how], over)
        self._variables(uid)
        self._annotations(uid)

    def _in_time(self, query: Query, statement: str, how: str, chosen: Chosen, over: str) -> None:
        range_s = RANGES[over]
        if query.kind == "instant":
            self._at_once(query, statement, f"{how}, {over}", chosen, range_s)
        elif query.kind == "window":
            self._windows(query, statement, f"{how}, {over}", chosen, range_s)
        else:
            self._in_one_step(query, statement, f"{how}, {over}, one step", chosen, range_s)
            self._in_steps(query, statement, f"{how}, {over}, all steps", chosen, range_s)

    def _at_once(self, query: Query, statement: str, how: str, chosen: Chosen, range_s: int) -> None:
        when = span(self.fed, self.fed.end_s - range_s, self.fed.end_s)
        expr = asked.filled(query.text, chosen, asked.per_range(range_s))
        got = rows_of(self.fed.prom.ask("query", query=expr, time=str(self.fed.end_s))["result"])
        seen = {labels: value for labels, value in got.items() if not is_nothing(expr, value)}
        self._held(query, how, self.truth.told(statement, chosen, when), seen)

    def _windows(self, query: Query, statement: str, how: str, chosen: Chosen, range_s: int) -> None:
        """Ask for each window at the end, and for one that holds everything in between, too."""
        for window in asked.windows(query.board):
            for ago in (0, 30, 100) if window == "6h" and range_s == 3 * HOUR else (0,):
                end_s = self.fed.end_s - ago * MINUTE
                expr = asked.filled(query.text, chosen, asked.per_range(range_s) | asked.per_step(STEP_S) | {"window": window})
                got = self._steps(expr, end_s, end_s, STEP_S)
                expected = self.truth.told(statement, chosen, span(self.fed, end_s - WINDOWS[window], end_s))
                self._held(query, f"{how}, {window}, {ago} min ago", expected, {labels: sum(values) for labels, values in got.items()})

    def _in_one_step(self, query: Query, statement: str, how: str, chosen: Chosen, range_s: int) -> None:
        """One bar that holds all of the range."""
        expr = asked.filled(query.text, chosen, asked.per_range(range_s) | asked.per_step(range_s))
        got = self._steps(expr, self.fed.end_s, self.fed.end_s, range_s)
        when = span(self.fed, self.fed.end_s - range_s - MINUTE, self.fed.end_s)
        expected = {labels: _of_step(value, range_s) for labels, value in self.truth.told(statement, chosen, when).items()}
        self._held(query, how, expected, {labels: values[0] for labels, values in got.items()})

    def _in_steps(self, query: Query, statement: str, how: str, chosen: Chosen, range_s: int) -> None:
        """As many bars as are drawn; each event stands in one of them, whenever pushes fall, so that their sum is known."""
        step_s = STEP_S if range_s <= 6 * HOUR else LONG_STEP_S
        end_s = self.fed.end_s // step_s * step_s
        begin_s = (self.fed.end_s - range_s) // step_s * step_s
        expr = asked.filled(query.text, chosen, asked.per_range(range_s) | asked.per_step(step_s))
        got = self._steps(expr, begin_s, end_s, step_s)
        late = [self._steps(expr, begin_s + after_s, end_s + after_s, step_s) for after_s in AFTER_PUSH_S] if step_s == STEP_S else []
        if "histogram_quantile" in expr or step_s != STEP_S:
            return  # how long somebody waited adds up to nothing; and a step of hours cuts processes anywhere: they are valid
        expected = self.truth.told(statement, chosen, Span(begin_s=begin_s - step_s, end_s=end_s))
        for each, after_s in zip((got, *late), (0, *AFTER_PUSH_S), strict=True):
            bounds = {labels: _of_step(value, step_s, after_s) for labels, value in expected.items()}
            said = f"{how}, {after_s} s after pushes" if after_s else how
            self._held(query, said, bounds, {labels: sum(values) for labels, values in each.items()})

    def _steps(self, expr: str, start_s: int, end_s: int, step_s: int) -> dict[Labels, list[float]]:
        told = self.fed.prom.ask("query_range", query=expr, start=str(start_s), end=str(end_s), step=str(step_s))["result"]
        rows = {labels_of(each["metric"]): [float(value) for _, value in each["values"]] for each in told}
        return {labels: kept for labels, values in rows.items() if (kept := [value for value in values if not is_nothing(expr, value)])}

    def _late(self) -> None:
        """Half a push after the newest sample: Prometheus goes on with each series as it grew, which a new one did in a minute."""
        (query,) = (each for each in asked.queries("otel-voice-overview") if each.name == "Calls / now")
        expr, range_s = asked.filled(query.text, {}, asked.per_range(RANGES[EVERY])), RANGES[EVERY]
        self.truth.told("SELECT 1 AS amount", {}, Span(begin_s=self.fed.end_s - range_s, end_s=self.fed.end_s))
        ((count, more),) = self.truth.counted("SELECT count(*), sum(30 / (getvariable('until') - pushed + 60)) FROM calls(0)")
        got = rows_of(self.fed.prom.ask("query", query=expr, time=str(self.fed.end_s + 30))["result"])
        self._held(query, "all, half a push late", {frozenset(): Value(low=count, high=count + more)}, got)

    def _gone(self) -> None:
        """Ten minutes after the last push, as if the processor had died: all is shown that was, zeros beside it and versions, too.

        A series goes on for half a push, which is half as much again of one that was new.
        """
        end_s, range_s = self.fed.end_s + 10 * MINUTE, RANGES[EVERY] + 10 * MINUTE
        when = Span(begin_s=end_s - range_s, end_s=self.fed.end_s, slack=0.5)
        for uid, filtered in ((uid, how) for uid in TRAFFIC for how in ("all", "nothing wrong", "one runtime, one agent")):
            told, chosen = statements(uid), FILTERS[filtered]
            for query in (each for each in asked.queries(uid) if each.kind == "instant" and each.name in told):
                expr = asked.filled(query.text, chosen, asked.per_range(range_s))
                got = rows_of(self.fed.prom.ask("query", query=expr, time=str(end_s))["result"])
                seen = {labels: value for labels, value in got.items() if not is_nothing(expr, value)}
                self._held(query, f"{filtered}, the processor gone", self.truth.told(told[query.name], chosen, when), seen)

    def _variables(self, uid: str) -> None:
        """What each variable offers over a range that holds every process."""
        told = statements("variables")
        for each in asked.variables(uid):
            if each.name in told:
                when = {"start": str(self.fed.end_s - 90 * DAY), "end": str(self.fed.end_s)}
                found = self.fed.prom.ask(f"label/{each.label}/values", **{"match[]": asked.filled(each.series, {}, {})}, **when)
                expected = self.truth.told(told[each.name], {}, Span(begin_s=0, end_s=self.fed.end_s))
                self.table.add(f"{uid} / variable {each.name}", "all", expected, {labels_of({"value": name}): 1.0 for name in found})

    def _annotations(self, uid: str) -> None:
        """What the marks say at the newest sample; over a range they are asked as Grafana does, and valid."""
        told = statements("annotations")
        for name, expr in asked.annotations(uid):
            for how in OVER_RANGES if name in told else ():
                chosen = FILTERS[how]
                text = asked.filled(expr, chosen, {})
                self._steps(text, self.fed.end_s - 3 * HOUR, self.fed.end_s, MINUTE)
                got = {labels: values[-1] for labels, values in self._steps(text, self.fed.end_s, self.fed.end_s, MINUTE).items()}
                when = Span(begin_s=0, end_s=self.fed.end_s)
                self.table.add(f"{uid} / annotation {name}", how, self.truth.told(told[name], chosen, when), got)

    def _held(self, query: Query, how: str, expected: Mapping[Labels, Value], got: Rows) -> None:
        self.table.add(f"{query.board.removeprefix('otel-voice-')} / {query.name}", how, expected, got)


def _of_step(value: Value, step_s: int, after_s: int = 0) -> Value:
    """Return what a bar may show that ends so long after a push.

    A series that is new in it is counted as if over a push more than the step, and goes on to the bar's end as it grew in its first minute.
    """
    new = step_s / (step_s + MINUTE)
    part = 1 / step_s if value.per_second else 1.0
    return replace(value, low=value.low * part * new, high=value.high * part * max(1.0, new * (1 + after_s / MINUTE)))


def unanswerable(prom: Prometheus, at_s: int) -> list[str]:
    """Return the queries of boards to which a Prometheus that knows nothing returns something; all of them are valid."""
    wrong = []
    for uid in asked.boards():
        for query in asked.queries(uid):
            builtins = asked.per_range(3 * HOUR) | asked.per_step(STEP_S) | {"window": "6h"}
            if query.kind != "tempo" and prom.ask("query", query=asked.filled(query.text, {}, builtins), time=str(at_s))["result"]:
                wrong.append(f"{uid} / {query.name}")
        wrong += [
            f"{uid} / variable {each.name}"
            for each in asked.variables(uid)
            if prom.ask(f"label/{each.label}/values", **{"match[]": asked.filled(each.series, {}, {})})
        ]
        wrong += [
            f"{uid} / annotation {name}"
            for name, expr in asked.annotations(uid)
            if prom.ask("query", query=asked.filled(expr, {}, {}), time=str(at_s))["result"]
        ]
    return wrong
