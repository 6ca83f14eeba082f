"""What Grafana asks Prometheus for when it shows a board: variables filled in, steps as it chooses them, six requests at a time.

Asked is whatever the board holds: every panel, in collapsed rows too, as if all were in sight at once; annotations; variables. What goes
to another data source is left out.
"""

from __future__ import annotations

import http.client
import json
import math
import re
import threading
import time
import urllib.parse
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from otel_voice_dashboards.shipped import panels

PIXELS = 1_280  # how wide each panel is: it has so many points at most
SCRAPE_S = 60  # the data source's, as dashboards/README.md asks for it
AT_ONCE = 6  # connections of a browser to one host
MOST_POINTS = 11_000  # that Prometheus answers for one series
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
STEPS = (  # below so many seconds it is so many: how Grafana rounds an interval
    *((1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60), (210, 120), (450, 300), (750, 600), (1_050, 900)),
    *((1_500, 1_200), (2_700, 1_800), (5_400, 3_600), (9_000, 7_200), (16_200, 10_800), (32_400, 21_600), (86_400, 43_200)),
    *((604_800, 86_400), (1_814_400, 604_800), (3_628_800, 2_592_000)),
)
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]")
LABEL_VALUES = re.compile(r"label_values\((?:(.*),)?\s*(\w+)\s*\)", re.DOTALL)
QUERY_RESULT = re.compile(r"query_result\((.*)\)", re.DOTALL)
Value = str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One request: what it is for, the path behind `/api/v1/`, and its parameters."""

    of: str
    path: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A request with the seconds it took, and its data; `refused` are Prometheus' words where it gave none."""

    query: Query
    seconds: float
    data: Any
    refused: str = ""

    @property
    def values(self) -> int:
        """Return how many series or values there are."""
        return len(self.data["result"] if isinstance(self.data, dict) else self.data or ())


def seconds_of(duration: str) -> float:
    """Return a Grafana duration in seconds; ValueError where it is none."""
    found = re.fullmatch(r"[<>]?(\d+(?:\.\d+)?)(ms|[smhdwy])", duration.strip())
    if found is None:
        raise ValueError(f"`{duration}` is no duration")
    return float(found[1]) * UNITS[found[2]]


def step_of(range_s: float, least_s: float, points: int = PIXELS) -> int:
    """Return the step in seconds of a panel of so many points that has a smallest interval."""
    exact = range_s / points
    at = bisect_right([below for below, _ in STEPS], exact)
    rounded = STEPS[at][1] if at < len(STEPS) else 31_536_000
    return int(max(rounded, least_s, -(-range_s // MOST_POINTS), 1))


@dataclass(slots=True, kw_only=True)
class View:
    """A board as it is looked at over a range that ends at a time; `chosen` are values of labels that somebody picked, by label."""

    board: Mapping[str, Any]
    end_s: int
    range_s: int
    chosen: Mapping[str, str] = field(default_factory=dict)
    filled: dict[str, Value] = field(default_factory=dict)

    def fill(self, prometheus: Prometheus) -> list[Answer]:
        """Fill the variables in, one after the other since they build on each other; return what was asked for that."""
        asked = []
        for variable in self.board["templating"]["list"]:
            name, current = variable["name"], (variable.get("current") or {}).get("value", "")
            if variable["type"] == "query":
                answer = prometheus.ask(self._options(variable))
                asked.append(answer)
                self.filled[name] = self._chosen(variable, offered(variable, answer))
            else:  # a constant and a text are their query, others what was chosen when the board was saved
                self.filled[name] = current or variable.get("query") or ""
        return asked

    def _options(self, variable: Mapping[str, Any]) -> Query:
        said = variable.get("query") or variable.get("definition")
        text = self.text(said["query"] if isinstance(said, dict) else said, {})
        of, times = f"variable {variable['name']}", {"start": str(self.end_s - self.range_s), "end": str(self.end_s)}
        if found := LABEL_VALUES.fullmatch(text):
            return Query(of=of, path=f"label/{found[2]}/values", parameters=times | ({"match[]": found[1]} if found[1] else {}))
        if found := QUERY_RESULT.fullmatch(text):
            return Query(of=of, path="query", parameters={"query": found[1], "time": str(self.end_s)})
        raise ValueError(f"{of}: how Grafana asks for `{text}` is not known here")

    def _chosen(self, variable: Mapping[str, Any], options: Sequence[str]) -> Value:
        said = variable.get("query")
        picked = [value for key, value in self.chosen.items() if re.search(rf"\b{key}\s*\)$", said if isinstance(said, str) else "")]
        if picked:
            return tuple(picked) if variable.get("multi") else picked[0]
        if variable.get("includeAll"):
            return variable.get("allValue") or tuple(options)
        return (variable.get("current") or {}).get("value") or (options[0] if options else "")

    def text(self, text: str, built_in: Mapping[str, str]) -> str:
        """Return a text with its variables filled in, as Grafana fills them into a query for Prometheus."""

        def of(found: re.Match[str]) -> str:
            name = found[1] or found[2] or found[4]
            known = self.built_in() | built_in | self.filled
            return written(known[name], found[3] or found[5]) if name in known else found[0]

        return VARIABLE.sub(of, text)

    def built_in(self) -> dict[str, Value]:
        """Return what Grafana knows of the range."""
        whole = {"__range": f"{self.range_s}s", "__range_s": str(self.range_s), "__range_ms": str(self.range_s * 1_000)}
        return {**whole, "__from": f"{(self.end_s - self.range_s) * 1_000}", "__to": f"{self.end_s * 1_000}"}

    def queries(self) -> Iterator[Query]:
        """Yield what the panels and annotations ask; the variables have to be filled in."""
        kinds = {f"${{{each['name']}}}": each["query"] for each in self.board["templating"]["list"] if each["type"] == "datasource"}
        for note in self.board.get("annotations", {}).get("list", ()):
            target = {"expr": note.get("expr") or note.get("target", {}).get("expr"), "interval": note.get("step")}
            if note.get("enable") and _asks_prometheus(note, kinds):
                yield from self._asked(f"annotation {note['name']}", target, {})
        for panel in panels(dict(self.board)):
            for target in panel.get("targets") or ():
                if not target.get("hide") and _asks_prometheus({"datasource": panel.get("datasource")} | target, kinds):
                    yield from self._asked(f"{panel.get('title')}, {target.get('refId')}", target, panel)

    def _asked(self, of: str, target: Mapping[str, Any], panel: Mapping[str, Any]) -> Iterator[Query]:
        if not target.get("expr"):
            return
        range_s = int(seconds_of(self.text(panel["timeFrom"], {}))) if panel.get("timeFrom") else self.range_s
        end_s = self.end_s - int(seconds_of(self.text(panel["timeShift"], {})) if panel.get("timeShift") else 0)
        least = max(seconds_of(self.text(each, {})) for each in (target.get("interval"), panel.get("interval"), f"{SCRAPE_S}s") if each)
        step = step_of(range_s, least, panel.get("maxDataPoints") or PIXELS)
        window = max(step + SCRAPE_S, 4 * SCRAPE_S)
        steps = {"__interval": f"{step}s", "__interval_ms": f"{step * 1_000}", "__rate_interval": f"{window}s", "__range": f"{range_s}s"}
        expr = self.text(target["expr"], steps | {"__range_s": f"{range_s}", "__range_ms": f"{range_s * 1_000}"})
        times = {"start": f"{(end_s - range_s) // step * step}", "end": f"{end_s // step * step}"}
        if target.get("instant"):
            yield Query(of=of, path="query", parameters={"query": expr, "time": f"{end_s}"})
        if target.get("range", not target.get("instant")):
            yield Query(of=of, path="query_range", parameters={"query": expr, "step": f"{step}", **times})
            if target.get("exemplar"):
                yield Query(of=f"{of}, exemplars", path="query_exemplars", parameters={"query": expr, **times})


def _asks_prometheus(asking: Mapping[str, Any], kinds: Mapping[str, str]) -> bool:
    source = asking.get("datasource")
    if not isinstance(source, dict):
        return False
    return kinds.get(str(source.get("uid")), source.get("type")) == "prometheus"


def written(value: Value, form: str | None) -> str:
    """Return a variable's value as it stands in a query: several as a regular expression, unless another form is asked for."""
    if isinstance(value, str):
        return value
    if form == "csv":
        return ",".join(value)
    if form == "pipe":
        return "|".join(value)
    before = r"\\\1" if form == "regex" else r"\\\\\1"  # otherwise for a string of PromQL, which takes one backslash for itself
    escaped = [re.sub(r"([\\^$*+?.()|\[\]{}])", before, each) for each in value]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def offered(variable: Mapping[str, Any], answer: Answer) -> list[str]:
    """Return the values that a variable offers, of what Prometheus answered."""
    if answer.query.path == "query":
        told = [
            f"{{{','.join(f'{key}={json.dumps(value)}' for key, value in each['metric'].items())}}} {each['value'][1]}"
            for each in (answer.data or {}).get("result", ())
        ]
    else:
        told = list(answer.data or ())
    kept = (variable.get("regex") or "").strip("/")
    found = [re.search(kept, each) for each in told] if kept else []
    return [(each[1] if each.re.groups else each[0]) for each in found if each] if kept else told


class Prometheus:
    """A Prometheus at a port of this machine, asked over connections that stay open, one for each thread."""

    def __init__(self, port: int) -> None:
        self._port, self._own = port, threading.local()

    def ask(self, query: Query) -> Answer:
        """Return the answer; how long it took does not hold reading its JSON."""
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        began, body = time.perf_counter(), urllib.parse.urlencode(query.parameters)
        if query.path.startswith("query"):
            connection.request("POST", f"/api/v1/{query.path}", body, {"Content-Type": "application/x-www-form-urlencoded"})
        else:
            connection.request("GET", f"/api/v1/{query.path}?{body}")
        answered = connection.getresponse().read()
        seconds, told = time.perf_counter() - began, json.loads(answered)
        return Answer(query=query, seconds=seconds, data=told.get("data"), refused=told.get("error", ""))

    def worked_s(self) -> float:
        """Return for how many seconds it has kept a processor busy since it started: unlike wall time, others do not add to it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/metrics")
        found = re.search(rb"^process_cpu_seconds_total (\S+)", connection.getresponse().read(), re.MULTILINE)
        connection.close()
        return float(found[1]) if found else math.nan

    def ask_all(self, queries: Sequence[Query]) -> list[Answer]:
        """Return the answers to requests of which so many as a browser sends are under way at once."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.ask, queries))
