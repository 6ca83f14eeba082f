"""Turn the registry into everything that is made from it; `python -m otel_voice_schema.generate --check` tells what is stale.

Needs PyYAML; the Python it writes is stdlib only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from otel_voice_schema import compat
from otel_voice_schema.generate import docs, jsonschemas, otel, python, typescript
from otel_voice_schema.generate.registry import RegistryError, read_registry

PACKAGE = Path(__file__).parents[1]
HASHES = "SHA256SUMS"
Texts = dict[Path, str]


def published_files(registry: dict[str, Any]) -> dict[str, str]:
    """Return what one version's folder holds: file name -> text."""
    attributes = {each["key"]: each for each in registry["attributes"]}
    return {
        "registry.json": _json(registry),
        "attributes.json": _json({"version": registry["version"], "attributes": attributes}),
        "otel-voice.ts": typescript.render(registry),
        **jsonschemas.render(registry),
    }


def render(registry: dict[str, Any], published: list[dict[str, Any]]) -> Texts:
    """Return path below the package -> text, of everything that is generated."""
    folder = Path("versions") / registry["version"]
    return {
        Path("attributes.py"): python.render_attributes(registry),
        Path("events.py"): python.render_events(registry, [each["version"] for each in published]),
        Path("metrics.py"): python.render_metrics(registry),
        Path("versions/otel-schema.yaml"): otel.render([*published, registry]),
        **{folder / name: text for name, text in published_files(registry).items()},
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _sums(folder: Path) -> str:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != HASHES)
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def changed_after_publishing(versions: Path) -> list[str]:
    """Return the published versions whose folder is not what its checksums say."""
    sums = sorted(versions.glob(f"*/{HASHES}"))
    return [path.parent.name for path in sums if path.read_text(encoding="utf-8") != _sums(path.parent)]


def main(arguments: list[str] | None = None) -> int:
    """Write what is generated; with `--check` list what is stale, with `--publish` freeze it; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m otel_voice_schema.generate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if anything is stale or incompatible")
    parser.add_argument("--publish", action="store_true", help="write the current version's checksums: from then on it is frozen")
    options = parser.parse_args(arguments)
    versions = PACKAGE / "versions"
    if not (PACKAGE.parents[1] / "pyproject.toml").exists():
        print(f"{PACKAGE} is an installed copy: work in a checkout, installed with `pip install -e '.[dev]'`", file=sys.stderr)
        return 1
    try:
        registry = read_registry(PACKAGE / "registry")
    except RegistryError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 1
    changed = changed_after_publishing(versions)
    if changed:
        print(*(f"published version {name} was changed: take it back" for name in changed), sep="\n", file=sys.stderr)
        return 1
    frozen = {path.parent.name for path in versions.glob(f"*/{HASHES}")}
    published = [json.loads((versions / name / "registry.json").read_text(encoding="utf-8")) for name in sorted(frozen)]
    older = [each for each in published if each["version"] != registry["version"]]
    wrong = [f"{change.words} (since {old['version']})" for old in older for change in compat.compare(old, registry) if change.refused]
    if wrong:  # before anything is written
        print(*wrong, "a name that is in use stays: deprecate it, with `renamed_to`", sep="\n", file=sys.stderr)
        return 1
    files = {PACKAGE / path: text for path, text in render(registry, older).items()}
    files |= {path: docs.insert(path.read_text(encoding="utf-8"), registry) for path in docs.pages(PACKAGE)}
    for path, text in files.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if registry["version"] in frozen and path.parent.is_relative_to(versions / registry["version"]):
            wrong.append(f"{path.name} would change, but version {registry['version']} is published: give the registry a new version")
        elif options.check:
            wrong.append(f"stale: {path.name}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.name}")
    if options.publish and not wrong:
        folder = versions / registry["version"]
        (folder / HASHES).write_text(_sums(folder), encoding="utf-8")
        print(f"published {registry['version']}: its folder is frozen")
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    if options.check and not wrong:
        print(f"nothing is stale: version {registry['version']}, {PACKAGE / 'registry'}")
    return 1 if wrong else 0
