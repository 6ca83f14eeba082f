"""The registry as Markdown tables, between markers in the pages of `schema/` and of the processor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from otel_voice_schema.generate.jsonschemas import MEMBERS
from otel_voice_schema.health import HEALTH
from otel_voice_schema.problems import CODES

ALWAYS = frozenset({"voice.schema.version", "voice.call.id", "voice.turn.id"})  # facts of every event
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages(package: Path) -> list[Path]:
    """Return the pages that hold generated parts; none where the package is installed without its folder."""
    found = (package.parent / name for name in ("README.md", "REFERENCE.md", "../processor/README.md"))
    return [path for path in found if path.exists() and _PART.search(path.read_text(encoding="utf-8"))]


def insert(text: str, registry: dict[str, Any]) -> str:
    """Return a page with its generated parts as the registry has them."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]](registry)}\n{found[3]}", text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def attributes(registry: dict[str, Any]) -> str:
    """Every attribute."""
    return _table(
        ("attribute", "type, unit", "what it tells", "allowed", "envelope", "runbook"),
        (
            (
                f"`{each['key']}`" + {"content": " (content)", "pseudonym": " (pseudonym)"}.get(each["sensitivity"], ""),
                f"{each['type']}{'[]' if each['many'] else ''}{', ' + each['unit'] if each['unit'] else ''}",
                each["brief"] + _renamed(each),
                _allowed(each),
                "" if each["json"] == "*" else f"`{each['json']}`",
                each["runbook"] or "",
            )
            for each in registry["attributes"]
        ),
    )


def _renamed(attribute: dict[str, Any]) -> str:
    told = attribute["deprecated"]
    return f" Deprecated: use `{told['renamed_to']}`." if told else ""


def _allowed(attribute: dict[str, Any]) -> str:
    if attribute["values"]:
        return ", ".join(f"`{member['value']}`" for member in attribute["values"])
    if attribute["known"]:
        return "open; ruled on: " + ", ".join(f"`{name}`" for name in attribute["known"])
    told = []
    low, high = attribute["min"], attribute["max"]
    if low is not None:
        told.append(f"{low} to {high}" if high is not None else f"{low} or more")
    if attribute["max_length"]:
        told.append(f"up to {attribute['max_length']} characters")
    if attribute["max_items"]:
        told.append(f"up to {attribute['max_items']} items")
    return "; ".join(told)


def events(registry: dict[str, Any]) -> str:
    """Every event, with what it should tell beside what all of them carry."""
    shared = set.intersection(*({use["key"] for use in each["attributes"]} for each in registry["events"]))

    def told(event: dict[str, Any], level: str) -> str:
        every = ALWAYS if level == "recommended" else shared  # what every event may tell, a few have to
        uses = (use for use in event["attributes"] if use["level"] == level and use["key"] not in every)
        return ", ".join(f"`{use['key'].removeprefix('voice.')}`{' ' + use['when'] if use['when'] else ''}" for use in uses)

    rows = []
    for each in registry["events"]:
        facts = "; ".join(part for part in (told(each, "recommended"), told(each, "conditionally_required")) if part)
        by = " (by the processor)" if each["set_by"] else ""
        rows.append((f"`{each['name']}`{by}", each["brief"], facts, told(each, "opt_in"), each["runbook"] or ""))
    every = ", ".join(f"`{use['key']}`" for use in registry["events"][0]["attributes"] if use["key"] in shared)
    table = _table(("event", "what happened", "facts: present, or listed as missing", "opt-in", "runbook"), rows)
    return f"Every event carries {every} as far as they are known; the table leaves out `voice.` and these.\n\n{table}"


def members(_: dict[str, Any]) -> str:
    """The envelope's own members, beside the paths of attributes."""
    return _table(("member", "what it tells"), ((f"`{name}`", str(schema["description"])) for name, schema in MEMBERS.items()))


def aliases(registry: dict[str, Any]) -> str:
    """Other names of events."""
    rows = ((f"`{alias}`", f"`{each['name']}`") for each in registry["events"] for alias in each["aliases"])
    return _table(("alias", "event"), rows)


def metrics(registry: dict[str, Any]) -> str:
    """Every metric the processor writes about calls."""
    rows = []
    for each in registry["metrics"]:
        labels = ", ".join(f"`{key}`" for key in each["attributes"])
        rows.append((f"`{each['name']}`", f"{each['instrument']}, `{each['unit']}`", each["brief"], labels))
    return _table(("metric", "instrument, unit", "what it counts", "split by"), rows)


def values(registry: dict[str, Any]) -> str:
    """What the members of closed sets mean."""
    rows = (
        (f"`{each['key']}`", "; ".join(f"`{member['value']}`: {member['brief'].rstrip('.')}" for member in each["values"]))
        for each in registry["attributes"]
        if each["values"]
    )
    return _table(("closed set", "its members"), rows)


def codes(_: dict[str, Any]) -> str:
    """Every code of a problem."""
    rows = ((f"`{code.name}`", code.meaning, code.severity, "yes" if code.judged else "no") for code in CODES.values())
    return _table(("code", "means", "severity", "judged"), rows)


def health(_: dict[str, Any]) -> str:
    """What the processor counts about itself."""
    rows = ((f"`{each.name}`", each.instrument, each.brief, ", ".join(f"`{key}`" for key in each.labels)) for each in HEALTH.values())
    return _table(("name", "instrument", "what is counted", "split by"), rows)


PARTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "attributes": attributes,
    "events": events,
    "aliases": aliases,
    "members": members,
    "metrics": metrics,
    "values": values,
    "codes": codes,
    "health": health,
}
