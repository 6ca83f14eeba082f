"""The rates another time: by the SQL that is shipped for exported spans, held against what the boards' queries return."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import duckdb
from otel_voice_schema import attributes as a

from tests.peers import asked
from tests.peers.asking import EVERY, RANGES
from tests.peers.fed import DOCTOR, PROCESSES, Fed
from tests.peers.table import Table, rows_of
from tests.peers.truth import Value

BOARD: Final = "otel-voice-overview"
SHOWN: Final = {
    "False interruption rate": "false_interruption",
    "Missed interruption rate": "missed_interruption",
    "Resume success rate": "resume_success",
    "Repeated user speech rate": "repeated_speech",
    "Task completion after interruption": "task_completion",
    "Escalation after interruption": "escalation",
}
_SUM, _COUNT = (f'sum(voice_interruption_silence_duration_seconds_{part}{{voice_workflow!="{DOCTOR}"}})' for part in ("sum", "count"))


def recount(fed: Fed, table: Table) -> None:
    """Count the newest process's spans, but for the doctor's, and ask the board the same; a mean of silences beside."""
    counted = _rates(_spans(Path(fed.spans).parent))
    exprs = {query.name: query.text for query in asked.queries(BOARD)}
    for title, name in SHOWN.items():
        expr = asked.filled(exprs[f"{title} / now"], {}, asked.per_range(RANGES[EVERY]))
        _held(fed, table, f"overview / {title} / now", expr, counted[name])
    _held(fed, table, "the mean of silences", f"1000 * {_SUM} / {_COUNT}", counted["silence_after"])


def _held(fed: Fed, table: Table, name: str, expr: str, value: float) -> None:
    got = rows_of(fed.prom.ask("query", query=expr, time=str(fed.end_s))["result"])
    table.add(name, "counted by SQL over the exported spans", {frozenset(): Value(low=value, high=value)}, got)


def _rates(spans: Path) -> dict[str, float]:
    connection = duckdb.connect()
    connection.execute("SET VARIABLE spans = ?", [str(spans)])
    sql = files("otel_voice_processor").joinpath("data/rates.sql").read_text(encoding="utf-8")
    return {rate: value for rate, _, _, value, _ in connection.execute(sql).fetchall()}


def _spans(folder: Path) -> Path:
    """Write what the newest process exported, without the doctor's own calls, which are in no board."""
    kept = folder / "recounted" / "calls.jsonl"
    kept.parent.mkdir(exist_ok=True)
    with (folder / f"{PROCESSES[-1].name}.jsonl").open(encoding="utf-8") as lines, kept.open("w", encoding="utf-8") as out:
        for line in lines:
            told = json.loads(line)
            for scope in (scope for group in told["resourceSpans"] for scope in group["scopeSpans"]):
                scope["spans"] = [span for span in scope["spans"] if not _of_doctor(span)]
            out.write(json.dumps(told) + "\n")
    return kept


def _of_doctor(span: dict[str, Any]) -> bool:
    return {"key": a.VOICE_WORKFLOW, "value": {"stringValue": DOCTOR}} in span["attributes"]
