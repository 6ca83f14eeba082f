"""Write an export out: its document, and what goes with it as text or as data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Final

from otel_voice.printable import printable

from .model import CALL, Export, Remark, Value

_WIDTH: Final = 60


def as_json(export: Export) -> str:
    """Return the parts as a JSON document: `call`, and `message_types` by name."""
    types = {name: part for name, part in export.parts.items() if name != CALL}
    return json.dumps({CALL: export.parts[CALL], "message_types": types}, indent=2, ensure_ascii=False) + "\n"


def notes(export: Export) -> str:
    """Return what goes with the document as lines to read: where parts go, each value's origin, what is left to the application."""
    of = f", workflow {export.workflow}" if export.workflow else ""
    alone = f"for a call of {export.base} alone" if export.message_types == (export.base,) else f"for the whole call as for {export.base}"
    lines = [f"{export.title}: settings of policy {export.policy_version}{of}; {alone}"]
    if export.left_out:
        lines.append(f"  left out, to be exported with --workflow: {', '.join(export.left_out)}")
    lines += [f"  {part}: {goes}" for part, goes in export.goes.items()]
    lines += ["", "set:", *_values(export)]
    if export.native:
        lines += ["", f"done by {export.title} without a setting:", *_remarks(export, export.native)]
    lines += ["", "not expressible, the application must enforce it:", *_remarks(export, export.gaps)]
    return "\n".join(map(printable, lines)) + "\n"


def _values(export: Export) -> Iterator[str]:
    for each in export.values:
        yield f"  {each.path} = {shown(each.value)}"
        yield f"      {where(export, each.where)}; from {each.setting}, {each.source}" + (f"; {each.note}" if each.note else "")


def _remarks(export: Export, remarks: Iterable[Remark]) -> Iterator[str]:
    for each in remarks:
        yield f"  {each.wanted}"
        yield f"      {each.why}"
        yield f"      {where(export, each.where)}; from {each.setting}, {each.source}"


def where(export: Export, names: tuple[str, ...]) -> str:
    """Return message types as they are listed; all of them in two words."""
    types = tuple(each for each in names if each != CALL)
    every = len(types) > 1 and types == export.message_types
    return ", ".join((*(names[:1] if CALL in names else ()), *(("every message",) if every else types)))


def shown(value: Any) -> str:
    """Return a value as JSON on one line, cut."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def record(export: Export) -> dict[str, Any]:
    """Return everything beside the document as plain data, for a sidecar file."""
    kept = ("provider", "title", "policy_version", "workflow", "base", "message_types", "format", "goes")
    head = {name: getattr(export, name) for name in kept}
    rows = {name: [_row(each) for each in getattr(export, name)] for name in ("values", "native", "gaps")}
    return {**head, "message_types": list(export.message_types), "left_out": list(export.left_out), "goes": dict(export.goes), **rows}


def _row(item: Value | Remark) -> dict[str, Any]:
    row = {each.name: getattr(item, each.name) for each in fields(item)}
    return {**row, "where": list(item.where)}
