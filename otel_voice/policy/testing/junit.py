"""JUnit XML of tests, as build servers read it: a suite for each file, a test case for each trial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One test case: failed where it has a `failure` (its first line is the message), skipped where it has a `skipped`."""

    name: str
    group: str
    file: str
    line: int
    failure: str = ""
    skipped: str = ""
    output: str = ""


def junit_xml(suites: Iterable[tuple[str, Sequence[Reported]]], *, name: str = "otel-voice policy test") -> bytes:
    """Return the XML of named suites; control characters are written out, since XML has none."""
    root = ET.Element("testsuites", name=_clean(name))
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for title, reported in suites:
        failures = sum(bool(each.failure) for each in reported)
        skipped = sum(bool(each.skipped) and not each.failure for each in reported)
        counts = {"tests": len(reported), "failures": failures, "errors": 0, "skipped": skipped}
        suite = ET.SubElement(root, "testsuite", {"name": _clean(title)} | {key: str(count) for key, count in counts.items()})
        for key, count in counts.items():
            totals[key] += count
        for each in reported:
            _add(suite, each)
    root.attrib |= {key: str(count) for key, count in totals.items()}
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add(suite: ET.Element, each: Reported) -> None:
    facts = {"name": each.name, "classname": each.group, "file": each.file}
    case = ET.SubElement(suite, "testcase", {key: _clean(value) for key, value in facts.items()} | {"line": str(each.line)})
    if each.failure:
        ET.SubElement(case, "failure", message=_clean(each.failure.splitlines()[0]), type="assertion").text = _clean(each.failure)
    elif each.skipped:
        ET.SubElement(case, "skipped", message=_clean(each.skipped))
    if each.output:
        ET.SubElement(case, "system-out").text = _clean(each.output)


def _clean(text: str) -> str:
    return _ILLEGAL.sub(lambda found: repr(found[0])[1:-1], text)
