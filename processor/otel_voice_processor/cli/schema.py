"""`otel-voice schema`: the versions, what a name means, what changed between two versions, the JSON Schemas."""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from otel_voice_schema import compat
from otel_voice_schema.events import PREFIX, PUBLISHED_VERSIONS, SCHEMA_VERSION
from otel_voice_schema.problems import CODES
from otel_voice_schema.upgrade import published

TITLES = {
    compat.REMOVED: "Removed",
    compat.REUSED: "Given another meaning",
    compat.NARROWED: "Narrowed",
    compat.RENAMED: "Renamed",
    compat.DEPRECATED: "Deprecated",
    compat.WIDENED: "Tell more",
    compat.ADDED: "Added",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    one = commands.add_parser("list", help="the versions, or every name of one")
    one.add_argument("version", nargs="?", help="a version: list its events, attributes and metrics")
    one = commands.add_parser("show", help="what an attribute, event, metric or problem code means")
    one.add_argument("name")
    one.add_argument("--version", default=SCHEMA_VERSION, help="default: %(default)s")
    one = commands.add_parser("diff", help="what changed between two versions, as a changelog; exit 1 where it would break somebody")
    one.add_argument("old", help="a version, or a registry.json")
    one.add_argument("new", nargs="?", default=SCHEMA_VERSION, help="default: %(default)s")
    one.add_argument("--format", choices=("text", "json"), default="text")
    one = commands.add_parser("write", help="write a version's JSON Schemas, constants and tables below a folder")
    one.add_argument("folder", metavar="DIR")
    one.add_argument("--version", default=SCHEMA_VERSION, help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Do what was asked; return 2 for a name or version that is not known."""
    try:
        return {"list": _list, "show": _show, "diff": _diff, "write": _write}[options.action](options)
    except _Unknown as error:
        print(error, file=sys.stderr)
        return 2


class _Unknown(Exception):
    """A name that is not known."""


def _registry(version: str) -> Mapping[str, Any]:
    try:
        return published(version)
    except KeyError:
        raise _Unknown(f"unknown version `{version}`: {', '.join(PUBLISHED_VERSIONS)}") from None


def _list(options: argparse.Namespace) -> int:
    if options.version is None:
        for version in PUBLISHED_VERSIONS:
            registry = published(version)
            counts = ", ".join(f"{len(registry[kind])} {kind}" for kind in ("events", "attributes", "metrics") if registry[kind])
            frozen = files("otel_voice_schema").joinpath("versions", version, "SHA256SUMS").is_file()
            told = f"current{'' if frozen else ', not published: it may still change'}" if version == SCHEMA_VERSION else ""
            print(f"{version}  {counts}{f'  ({told})' if told else ''}")
        return 0
    registry = _registry(options.version)
    for kind, key in (("events", "name"), ("attributes", "key"), ("metrics", "name")):
        for each in registry[kind]:
            print(f"{kind[:-1]:<10} {each[key]:<58} {each['brief']}")
    return 0


def _show(options: argparse.Namespace) -> int:
    registry = _registry(options.version)
    found = list(_known(registry, options.name))
    if not found:
        names = [each["key"] for each in registry["attributes"]] + [each["name"] for each in (*registry["events"], *registry["metrics"])]
        names += [alias for each in registry["events"] for alias in each["aliases"]] + list(CODES)
        near = difflib.get_close_matches(options.name, names, n=1, cutoff=0.5)
        raise _Unknown(f"unknown name `{options.name}` in {options.version}" + (f": did you mean `{near[0]}`?" if near else ""))
    print("\n\n".join(found))
    return 0


def _known(registry: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield what a name means; one name may be an attribute and a metric."""
    for each in registry["attributes"]:
        if name in (each["key"], each["json"]):
            yield "\n".join(_attribute(each, registry))
    for each in registry["events"]:
        if name in (each["name"], each["name"].removeprefix(PREFIX), *each["aliases"]):
            yield "\n".join(_event(each))
    for each in registry["metrics"]:
        if name == each["name"]:
            labels = "\n".join(f"  {key}" for key in each["attributes"])
            yield f"metric {name}: {each['instrument']}, {each['unit']}\n{each['brief']}\nsplit by:\n{labels}"
    if name in CODES:
        code = CODES[name]
        yield f"problem code {name}: {code.severity}, {'judged' if code.judged else 'not judged'}\n{code.meaning}"


def _attribute(each: Mapping[str, Any], registry: Mapping[str, Any]) -> Iterator[str]:
    unit = f", {each['unit']}" if each["unit"] else ""
    yield f"attribute {each['key']}: {each['type']}{'[]' if each['many'] else ''}{unit}"
    yield each["brief"]
    if each["deprecated"]:
        yield f"deprecated: use {each['deprecated'].get('renamed_to')}"
    if each["values"]:
        yield "values:"
        yield from (f"  {member['value']:<40} {member['brief']}" for member in each["values"])
    bounds = {"least": each["min"], "greatest": each["max"], "longest": each["max_length"], "most items": each["max_items"]}
    yield from (f"{word}: {bound}" for word, bound in bounds.items() if bound is not None)
    yield f"example: {json.dumps(each['examples'][0], ensure_ascii=False)}"
    if each["json"] != "*":
        yield f"envelope: {each['json']}"
    if each["runbook"]:
        yield f"runbook: {each['runbook']}"
    if each["sensitivity"] != "none":
        yield f"sensitivity: {each['sensitivity']}"
    if each["set_by"]:
        yield f"set by the {each['set_by']} only"
    told = [event["name"] for event in registry["events"] if any(use["key"] == each["key"] for use in event["attributes"])]
    yield "told by: every event" if len(told) == len(registry["events"]) else "told by:\n" + "\n".join(f"  {name}" for name in told)


def _event(each: Mapping[str, Any]) -> Iterator[str]:
    yield f"event {each['name']}"
    yield each["brief"]
    if each["aliases"]:
        yield f"aliases: {', '.join(each['aliases'])}"
    if each["set_by"]:
        yield f"set by the {each['set_by']} only"
    for level, words in (("required", "required"), ("recommended", "facts: present, or listed as missing")):
        yield f"{words}:"
        yield from (f"  {use['key']}" for use in each["attributes"] if use["level"] == level)
    when = [use for use in each["attributes"] if use["when"]]
    if when:
        yield "facts where it applies:"
        yield from (f"  {use['key']} {use['when']}" for use in when)
    yield "opt-in:"
    yield from (f"  {use['key']}" for use in each["attributes"] if use["level"] == "opt_in")


def _diff(options: argparse.Namespace) -> int:
    old, new = (_side(name) for name in (options.old, options.new))
    try:
        changes = compat.compare(old, new)
    except (KeyError, TypeError, AttributeError):
        raise _Unknown("one of the two is no registry: `versions/<date>/registry.json` is one") from None
    if options.format == "json":
        for change in changes:
            told = {"kind": change.kind, "what": change.what, "name": change.name, "now": change.now, "detail": change.detail}
            print(json.dumps(told | {"refused": change.refused}, ensure_ascii=False))
    else:
        print("\n".join(_changelog(old, new, changes)))
    return 1 if any(change.refused for change in changes) else 0


def _side(name: str) -> Mapping[str, Any]:
    if not name.endswith(".json"):
        return _registry(name)
    try:
        tree = json.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise _Unknown(f"`{name}` cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise _Unknown(f"`{name}` is no JSON: {error}") from None
    if not isinstance(tree, dict) or not {"version", "attributes", "events", "metrics"} <= set(tree):
        raise _Unknown(f"`{name}` is no registry: it has no version, attributes, events and metrics")
    return tree


def _changelog(old: Mapping[str, Any], new: Mapping[str, Any], changes: list[compat.Change]) -> Iterator[str]:
    yield f"# {old['version']} to {new['version']}"
    if not changes:
        yield "\nNothing changed."
    for kind, title in TITLES.items():
        found = [change for change in changes if change.kind == kind]
        if not found:
            continue
        yield f"\n## {title}{' (refused)' if kind in compat.REFUSED else ''}\n"
        for change in found:
            now = f" is now `{change.now}`" if change.kind == compat.RENAMED else f": use `{change.now}`" if change.now else ""
            joint = ". " if now else " " if kind == compat.REMOVED else ": "
            detail = f"{joint}{change.detail}" if change.detail else ""
            yield f"- {change.what} `{change.name}`{now}{detail}"


def _write(options: argparse.Namespace) -> int:
    _registry(options.version)
    try:
        with as_file(files("otel_voice_schema").joinpath("versions", options.version)) as folder:
            shutil.copytree(folder, Path(options.folder, options.version), dirs_exist_ok=True)
            names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    except (OSError, shutil.Error) as error:
        raise _Unknown(f"`{options.folder}` cannot be written: {getattr(error, 'strerror', None) or error}") from None
    print("\n".join(str(Path(options.folder, options.version, name)) for name in names))
    return 0
