"""Each record of the table gets the problems that a person would name, and no other."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from otel_voice_processor.files import Broken, documents, events
from otel_voice_processor.records import TooDeep
from otel_voice_schema.problems import CODES, Problem
from otel_voice_schema.validate import check_record

TABLE: list[dict[str, Any]] = yaml.load(
    (Path(__file__).parents[1] / "cases/bad_records.yaml").read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
)
FILE_CODES = {"not_json", "not_utf8", "not_otlp", "too_deep", "bad_number"}


def content(entry: dict[str, Any]) -> bytes:
    """The entry as a file."""
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    if "text" in entry:
        return str(entry["text"]).encode()
    record, url = entry["record"], {"schemaUrl": entry["schema_url"]} if "schema_url" in entry else {}
    if entry["format"] == "otlp-json-span":
        return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [record], **url}]}]}).encode()
    if entry["format"] == "otlp-json-log":
        return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record], **url}]}]}).encode()
    return json.dumps(record).encode()


def found(data: bytes) -> list[Problem | Broken]:
    """Every problem of a file, in its order."""
    out: list[Problem | Broken] = []
    for item in documents(io.BytesIO(data)):
        if isinstance(item, Broken):
            out.append(item)
            continue
        try:
            for each in events(item):
                out += check_record(each.record, each.form, schema_url=each.schema_url)
        except TooDeep as error:
            out.append(Broken(code="too_deep", where=item.where, message=str(error)))
    return out


def test_the_table_is_wide() -> None:
    """It has sixty mistakes and more, no two of one name, and every code there is."""
    codes = {expected["code"] for entry in TABLE for expected in entry["expect"]}

    assert 60 <= len(TABLE) == len({entry["name"] for entry in TABLE}) == len({entry["why"] for entry in TABLE})
    assert codes == set(CODES) | FILE_CODES


@pytest.mark.parametrize("entry", TABLE, ids=[entry["name"] for entry in TABLE])
def test_a_bad_record_gets_its_own_problems(entry: dict[str, Any]) -> None:
    """The code, the place and the words that mend it."""
    problems = found(content(entry))
    told = [(each.code, None if isinstance(each, Broken) else each.key) for each in problems]

    assert sorted((each["code"], each["key"]) for each in entry["expect"]) == sorted(told)
    for expected in entry["expect"]:
        (problem,) = (each for each in problems if each.code == expected["code"])
        message = f"{problem.where}: {problem.message}" if isinstance(problem, Broken) else problem.message
        assert str(expected["words"]).lower() in message.lower()
