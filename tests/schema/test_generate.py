"""The registry is the single source."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from otel_voice_schema import attributes, events, generate, metrics
from otel_voice_schema.generate.registry import RegistryError, read_registry, resolve

REGISTRY = generate.PACKAGE / "registry"
VERSIONS = generate.PACKAGE / "versions"


@pytest.fixture
def parts() -> dict[str, Any]:
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in REGISTRY.glob("*.yaml")}


def schemas() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in VERSIONS.rglob("*.json"):
        tree = json.loads(path.read_text(encoding="utf-8"))
        if "$schema" in tree:
            yield path, tree


def test_nothing_is_stale() -> None:
    """What is committed is what the registry gives, and breaks nobody who uses a published version."""
    assert generate.main(["--check"]) == 0


def test_every_generated_schema_is_a_schema() -> None:
    """Each JSON Schema is valid draft 2020-12 with an id of its own, and its examples conform to it."""
    found = dict(schemas())
    for tree in found.values():
        Draft202012Validator.check_schema(tree)
        for part in _leaves(tree):
            for example in part.get("examples", ()):
                assert Draft202012Validator(part).is_valid(example), part

    assert 25 < len(found) == len({tree["$id"] for tree in found.values()})


def _leaves(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in schema.get("properties", {}).values():
        yield part
        yield from _leaves(part)


def test_every_attribute_is_told_whole() -> None:
    """Type, brief, examples, stability, sensitivity and a place in the envelope; a number has a unit or is a plain one."""
    for each in read_registry(REGISTRY)["attributes"]:
        assert each["brief"].endswith("."), each["key"]
        assert each["examples"], each["key"]
        assert each["sensitivity"] in {"none", "content", "pseudonym"}, each["key"]
        assert each["json"], each["key"]
        if each["type"] == "int" or (each["type"] == "double" and each["max"] == 1):
            assert each["unit"], each["key"]
        if each["values"]:
            assert all(member["brief"] for member in each["values"]), each["key"]


def test_every_field_of_the_runbook_is_somewhere() -> None:
    """Each member of its envelope and each required field of its event table is one attribute's, named there."""
    told = [each["runbook"] for each in read_registry(REGISTRY)["attributes"] if each["runbook"]]
    old = json.loads((VERSIONS / "2026-05-20/registry.json").read_text(encoding="utf-8"))
    shared = {"call ID", "turn ID", "timestamp", "duration", "response ID", "playback start", "message type", "playback position"}
    shared |= {"speech duration", "decision", "policy version", "confidence"}  # members of the envelope, or its time

    assert 18 <= len([words for words in told if ": " not in words])
    for event in old["events"]:
        for words in event["facts_in_words"]:
            assert words in shared or f"{event['name']}: {words}" in told or f"decision.{words}" in told, words


def test_names_stay_distinct_without_dots() -> None:
    """No two attributes become one label, no two metrics one metric."""
    for names in (attributes.ATTRIBUTES, metrics.METRICS, events.EVENTS):
        assert len(names) == len({name.replace(".", "_") for name in names})


@pytest.mark.parametrize(
    ("file", "part", "wanted"),
    [
        ("events", {"ref": "voice.nothing", "requirement_level": "opt_in"}, "refers to unknown attribute `voice.nothing`"),
        ("events", {"ref": "voice.turn.id", "requirement_level": "perhaps"}, "unknown level `perhaps`"),
        ("events", {"ref_group": "voice.nothing"}, "refers to unknown group `voice.nothing`"),
        ("metrics", {"ref": "voice.nothing"}, "refers to unknown attribute `voice.nothing`"),
    ],
)
def test_a_reference_without_definition_is_named(parts: dict[str, Any], file: str, part: dict[str, str], wanted: str) -> None:
    """A registry that refers to nothing is refused with the name."""
    parts[file][file][0]["attributes"].append(part)

    with pytest.raises(RegistryError, match=re.escape(wanted)):
        resolve(parts)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"key": "voice.turn.id"}, "attribute `voice.turn.id` is defined twice"),
        ({"key": "voice.turn_id"}, "attribute `voice.turn_id` and `voice.turn.id` become one once dots are underscores"),
        ({"key": "voice.turn"}, "attribute `voice.turn` is the namespace of another"),
        ({"key": "voice.turnNumber"}, "attribute `voice.turnNumber` breaks the naming rules"),
        ({"key": "turn.number"}, "attribute `turn.number` breaks the naming rules"),
        ({"type": "integer"}, "is of unknown type `integer`"),
        ({"annotations": {"json": "turnId"}}, "envelope path `turnId` is used twice"),
        ({"annotations": {"json": "turnId.part"}}, "envelope path `turnId` holds a value, and others lie below it"),
        ({"annotations": {"unit": "ms"}}, "attribute `voice.new` has no place in the envelope: add `annotations.json`"),
        ({"brief": None}, "attribute `voice.new` has no `brief`"),
        ({"breif": "x"}, "attribute `voice.new` has unknown key `breif`: did you mean `brief`?"),
        ({"examples": ["loud"]}, "attribute `voice.new` has an example `loud` that is no int"),
        ({}, "attribute `voice.new` is told by no event: add a `ref` in events.yaml"),
        ({"annotations": {"json": "x", "colour": "red"}}, "has unknown annotation `colour`"),
        ({"deprecated": {"renamed_to": "voice.nothing"}}, "was renamed to unknown attribute `voice.nothing`"),
    ],
)
def test_a_clash_of_names_is_refused(parts: dict[str, Any], change: dict[str, Any], wanted: str) -> None:
    """What would clash on the wire, in a label or in the envelope is named before anything is generated."""
    new = {"key": "voice.new", "type": "int", "brief": "New.", "stability": "development", "examples": [1], "annotations": {"json": "new"}}
    parts["attributes"]["attributes"].append(deepcopy(new) | change)

    with pytest.raises(RegistryError, match=re.escape(wanted)):
        resolve(parts)


def test_a_registry_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    """A broken file is one line with its place, not a traceback."""
    for path in REGISTRY.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "events.yaml").write_text("events: [", encoding="utf-8")

    with pytest.raises(RegistryError, match=r"^events.yaml: .*line 1, column 10"):
        read_registry(tmp_path)


def test_published_versions_are_frozen() -> None:
    """A published folder is what its checksums say."""
    assert generate.changed_after_publishing(VERSIONS) == []
    assert "2026-05-20" in events.PUBLISHED_VERSIONS


def test_a_change_of_a_published_version_is_seen(tmp_path: Path) -> None:
    """One byte more, one file more or one file less is a change."""
    for change in (
        lambda folder: (folder / "a.json").write_text("{ }"),
        lambda folder: (folder / "b.json").write_text("{}"),
        lambda folder: (folder / "a.json").unlink(),
    ):
        folder = tmp_path / "2026-01-01"
        folder.mkdir(exist_ok=True)
        (folder / "a.json").write_text("{}")
        (folder / generate.HASHES).write_text(generate._sums(folder))
        before = generate.changed_after_publishing(tmp_path)
        change(folder)

        assert ([], ["2026-01-01"]) == (before, generate.changed_after_publishing(tmp_path))
        for path in folder.iterdir():
            path.unlink()


def test_publishing_freezes_and_a_change_then_needs_a_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once its checksums are written, neither the folder nor the registry behind it may change under that date."""
    package = tmp_path / "schema/otel_voice_schema"
    (tmp_path / "pyproject.toml").touch()
    shutil.copytree(generate.PACKAGE, package)
    monkeypatch.setattr(generate, "PACKAGE", package)
    manifest, attributes = package / "registry/manifest.yaml", package / "registry/attributes.yaml"

    assert (0, 0) == (generate.main(["--publish"]), generate.main(["--check"]))
    attributes.write_text(attributes.read_text(encoding="utf-8").replace("brief: Energy", "brief: The energy"), encoding="utf-8")
    assert 1 == generate.main([])
    assert "give the registry a new version" in capsys.readouterr().err
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("2026-11-25", "2026-12-24"), encoding="utf-8")
    assert (0, 0) == (generate.main([]), generate.main(["--check"]))
    (package / "versions/2026-11-25/registry.json").write_text("{}", encoding="utf-8")
    assert 1 == generate.main(["--check"])


def test_a_change_that_breaks_somebody_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of the runbook's version is not taken away."""
    package = tmp_path / "schema/otel_voice_schema"
    (tmp_path / "pyproject.toml").touch()
    shutil.copytree(generate.PACKAGE, package)
    monkeypatch.setattr(generate, "PACKAGE", package)
    events_file = package / "registry/events.yaml"
    events_file.write_text(events_file.read_text(encoding="utf-8").replace("        - silence.timeout\n", ""), encoding="utf-8")

    assert 1 == generate.main(["--check"])
    assert "event `silence.timeout` removed (since 2026-05-20)" in capsys.readouterr().err


def test_an_installed_copy_is_not_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What lies in site-packages is neither changed nor called fresh."""
    monkeypatch.setattr(generate, "PACKAGE", tmp_path / "site-packages/otel_voice_schema")

    assert (1, 1) == (generate.main([]), generate.main(["--check"]))
    assert "is an installed copy: work in a checkout" in capsys.readouterr().err


def test_the_schema_file_says_what_was_renamed() -> None:
    """The OpenTelemetry schema file lists every version, newest first, under the URL that the scope carries."""
    schema = yaml.safe_load((VERSIONS / "otel-schema.yaml").read_text(encoding="utf-8"))
    newest = next(iter(schema["versions"]))
    (change,) = schema["versions"][newest]["span_events"]["changes"]

    assert ("1.1.0", events.SCHEMA_URL) == (schema["file_format"], schema["schema_url"])
    assert events.SCHEMA_URL.endswith(f"/{newest}")
    assert [date.replace("-0", "-").replace("-", ".") for date in reversed(events.PUBLISHED_VERSIONS)] == list(schema["versions"])
    assert change["rename_events"]["name_map"]["silence.timeout"] == events.SILENCE_TIMEOUT


def test_the_typescript_names_are_the_registrys() -> None:
    """Every key, event and member of a closed set stands in the TypeScript module."""
    text = (VERSIONS / events.SCHEMA_VERSION / "otel-voice.ts").read_text(encoding="utf-8")
    quoted = set(re.findall(r'"([^"]+)"', text))
    members = {value for each in attributes.ATTRIBUTES.values() for value in each.values or ()}

    assert set() == (set(attributes.ATTRIBUTES) | set(events.EVENTS) | members) - quoted


def test_the_typescript_types_are_declared() -> None:
    """Every type that an attribute has in the TypeScript module is one of TypeScript's own or stands in the module."""
    text = (VERSIONS / events.SCHEMA_VERSION / "otel-voice.ts").read_text(encoding="utf-8")
    used = set(re.findall(r"\?: \(?(\w+)", text))

    assert set() == used - {"string", "number", "boolean", "keyof", "Exclude"} - set(re.findall(r"^export type (\w+)", text, re.MULTILINE))


def test_the_plain_attributes_are_whole() -> None:
    """`attributes.json` holds every key with what other languages need of it."""
    plain = json.loads((VERSIONS / events.SCHEMA_VERSION / "attributes.json").read_text(encoding="utf-8"))

    assert events.SCHEMA_VERSION == plain["version"]
    assert list(attributes.ATTRIBUTES) == list(plain["attributes"])
    assert {"type", "unit", "brief", "examples", "values", "sensitivity", "json"} <= set(plain["attributes"]["voice.call.id"])


def test_the_runbooks_names_are_aliases() -> None:
    """The runbook's nine events are known by its own names too."""
    runbook = (
        "user.speech_started user.speech_stopped agent.speech_started agent.speech_interrupted interruption.candidate_detected "
        "interruption.decision_made interruption.recovered interruption.false_positive silence.timeout"
    )

    assert set(runbook.split()) <= set(events.ALIASES)
