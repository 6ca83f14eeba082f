"""Read a policy file strictly: every mistake is reported at once, with its line and the name that was probably meant."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import yaml
from otel_voice_schema.attributes import MESSAGE_TYPES

from otel_voice.strict import Fields, StrictReader, read_root, read_text

from .contradictions import contradictions, lexicon_contradictions
from .lexicon import ENGLISH, KINDS, LANGUAGES, MOST_ADDED, PACKAGED, PERSON_KINDS, Lexicons, expanded, problem_of
from .model import Policy, Rule
from .settings import read_settings

__all__ = ["MESSAGE_TYPES", "PolicyError", "load_default", "load_policy"]

ROOT_KEYS: Final = ("version", "extends", "names", "lexicons", "defaults", "message_types", "workflows")
BUILT_IN: Final = "built in"


class PolicyError(ValueError):
    """A policy file that cannot be used, with all its problems."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_policy(path: str | Path) -> Policy:
    """Read a policy file; raise `PolicyError` with every problem in it."""
    reader = StrictReader(str(path))
    text = read_text(reader, path)
    return _parse(text, reader)


@lru_cache(maxsize=1)
def load_default() -> Policy:
    """Return the packaged default policy, read once."""
    return _parse(
        resources.files("otel_voice.policy").joinpath("default.yaml").read_text(encoding="utf-8"),
        StrictReader("default.yaml"),
        packaged=True,
    )


def _parse(text: str | None, reader: StrictReader, *, packaged: bool = False) -> Policy:
    root = read_root(reader, text) if text is not None else None
    if root is None and not reader.problems:
        reader.report(None, "the policy is empty")
    policy = _Builder(reader, packaged=packaged).build(root) if root is not None else None
    if reader.problems or policy is None:
        raise PolicyError(reader.problems)
    return policy


class _Part(NamedTuple):
    """Settings of a rule, and where each was written (`file:line`)."""

    settings: dict[str, Any]
    origins: dict[str, str]

    def over(self, start: _Part) -> _Part:
        """Lay these settings over others; actions and floors are merged one by one, everything else is replaced."""
        merged = {**start.settings, **self.settings}
        for key in ("actions", "confidence_floors"):
            both = {**start.settings.get(key, {}), **self.settings.get(key, {})}
            merged[key] = MappingProxyType({str(name): value for name, value in both.items()})
        return _Part(merged, {**start.origins, **self.origins})


_NOTHING: Final = _Part({}, {})


class _Builder:
    """Merge defaults, message types and workflows into finished rules."""

    def __init__(self, reader: StrictReader, *, packaged: bool) -> None:
        self._reader = reader
        self._packaged = packaged
        self._names: dict[str, str] = {}
        self._rules: dict[tuple[str | None, str], Rule] = {}
        self._parts: dict[str, _Part] = {}
        self._origins: dict[tuple[str | None, str, str], str] = {}
        self._phrases_added = 0

    def build(self, root: yaml.Node) -> Policy | None:
        reader = self._reader
        fields = reader.mapping(root, "the policy", ROOT_KEYS)
        if fields is None:
            return None
        version = reader.text(fields["version"], "version") if "version" in fields else None
        if "version" not in fields:
            reader.report(root, "key `version` is missing: a policy is versioned")
        base = self._base(fields)
        self._read_names(fields)
        extensions = self._read_lexicons(fields)
        defaults = self._read_part(fields["defaults"], "defaults") if "defaults" in fields else _NOTHING
        self._read_types(fields, defaults, base, root)
        self._read_workflows(fields)
        if reader.problems:
            return None
        return Policy(
            version=version or "",
            names=MappingProxyType(dict(base.names if base else {}) | self._names),
            rules=MappingProxyType(dict(base.rules if base else {}) | self._rules),
            lexicons=Lexicons(extensions) if extensions else PACKAGED,
            extensions=MappingProxyType(extensions),
            origins=MappingProxyType(dict(base.origins if base else {}) | self._origins),
        )

    def _base(self, fields: Fields) -> Policy | None:
        if "extends" not in fields:
            return None
        return load_default() if self._reader.choice(fields["extends"], "extends", ("default",)) else None

    def _read_part(self, node: yaml.Node, where: str) -> _Part:
        """Read one rule's own settings, and say where they contradict each other."""
        part = _Part(*read_settings(self._reader, node, where))
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        nodes = {key.value: value for key, value in pairs if isinstance(key, yaml.ScalarNode)}
        for setting, problem in contradictions(part.settings):
            self._reader.report(nodes.get(setting, node), f"contradiction at {where}: {problem}")
        return part

    def _read_names(self, fields: Fields) -> None:
        found = self._reader.mapping(fields["names"], "names", None) if "names" in fields else None
        for name, node in (found or {}).items():
            if name in MESSAGE_TYPES:
                self._reader.report(node, f"`{name}` at names is a message type itself and needs no mapping")
            kind = self._reader.choice(node, f"names.{name}", MESSAGE_TYPES)
            if kind is not None:
                self._names[name] = kind

    def _read_lexicons(self, fields: Fields) -> dict[str, dict[str, Any]]:
        """Read the words that this policy adds to the package's, by language."""
        reader = self._reader
        found = reader.mapping(fields["lexicons"], "lexicons", LANGUAGES) if "lexicons" in fields else None
        read: dict[str, dict[str, Any]] = {}
        for language, node in (found or {}).items():
            where = f"lexicons.{language}"
            kinds = reader.mapping(node, where, (*KINDS, "escalation")) or {}
            own: dict[str, Any] = {kind: self._phrases(value, f"{where}.{kind}") for kind, value in kinds.items() if kind != "escalation"}
            if "escalation" in kinds:
                person = reader.mapping(kinds["escalation"], f"{where}.escalation", PERSON_KINDS) or {}
                own["escalation"] = {kind: self._phrases(value, f"{where}.escalation.{kind}") for kind, value in person.items()}
            for kind, problem in lexicon_contradictions(own):
                reader.report(kinds.get(kind, node), f"contradiction at {where}: {problem}")
            read[language] = own
        return read

    def _phrases(self, node: yaml.Node, where: str) -> list[str]:
        """Return a list of phrases; `yes` and `no` are words here, whatever YAML takes them for."""
        found: list[str] = []
        for item in self._reader.items(node, where):
            if not isinstance(item, yaml.ScalarNode) or not PACKAGED.get(ENGLISH).words(item.value):
                self._reader.wrong(item, where, "words")
            elif problem := problem_of(item.value):
                self._reader.report(item, f"pattern{self._reader.shown(item)} at {where} cannot be used: {problem}")
            else:
                found.append(item.value)
                self._phrases_added += sum(1 for _ in expanded(item.value))
                if self._phrases_added > MOST_ADDED:
                    self._reader.report(item, f"{where}: a policy may add {MOST_ADDED:,} phrases, no more")
                    break
        return found

    def _add(self, workflow: str | None, name: str, part: _Part) -> None:
        origin = part.origins.get("protected_allows", "") if "speech" in part.settings.get("protected_allows", ()) else ""
        if part.settings.get("until") is not None and origin.startswith(f"{self._reader.file}:") and not self._reader.problems:
            where = f"{workflow}.{name}" if workflow else name
            problem = f"contradiction at {where}: its content is protected, and protected_allows lets speech cut it"
            self._reader.report_at(int(origin.rsplit(":", 1)[1]), problem)
        self._rules[(workflow, name)] = Rule(name=name if workflow is None else f"{workflow}.{name}", **part.settings)
        self._origins |= {(workflow, name, setting): origin for setting, origin in part.origins.items()}

    def _read_types(self, fields: Fields, defaults: _Part, base: Policy | None, root: yaml.Node) -> None:
        node = fields.get("message_types")
        found = (self._reader.mapping(node, "message_types", (*MESSAGE_TYPES, *self._names)) if node is not None else {}) or {}
        if "extends" not in fields:
            for name in MESSAGE_TYPES:
                if name not in found:
                    self._reader.report(
                        node or root, f"message type `{name}` is not ruled: add it to message_types, or set `extends: default`"
                    )
        for name in sorted(found, key=lambda each: each not in MESSAGE_TYPES):
            own = self._read_part(found[name], f"message_types.{name}")
            self._parts[name] = own.over(self._inherited(name, base, defaults))
            self._add(None, name, self._parts[name])
        if base is not None and defaults.settings:
            for name in (each for each in MESSAGE_TYPES if each not in found):
                self._parts[name] = self._inherited(name, base, defaults)
                self._add(None, name, self._parts[name])

    def _inherited(self, name: str, base: Policy | None, defaults: _Part) -> _Part:
        """What a type starts from: the type it is mapped onto, or the base's rule, then the file's defaults."""
        kind = self._names.get(name)
        if kind is not None and kind in self._parts:
            return self._parts[kind]
        return defaults.over(_part_of(base, kind or name) if base is not None else _NOTHING)

    def _read_workflows(self, fields: Fields) -> None:
        found = self._reader.mapping(fields["workflows"], "workflows", None) if "workflows" in fields else None
        for workflow, node in (found or {}).items():
            where = f"workflows.{workflow}"
            given = self._reader.mapping(node, where, (*MESSAGE_TYPES, *self._names)) or {}
            for name, settings in given.items():
                own = self._read_part(settings, f"{where}.{name}")
                for named in (each for each, kind in self._names.items() if kind == name and each in self._parts and each not in given):
                    self._add(workflow, named, own.over(self._parts[named]))  # a message's own rule is not lost to its type's
                start = self._parts.get(name) or self._parts.get(self._names.get(name, name))
                if start is None:  # a type that the file leaves to the default policy; nothing while that very policy is being read
                    start = _NOTHING if self._packaged else _part_of(load_default(), self._names.get(name, name))
                self._add(workflow, name, own.over(start))


def _part_of(policy: Policy, name: str) -> _Part:
    """Return a rule's settings without its name, to start another from."""
    rule = policy.rules[(None, name)]
    origins = {setting: at for (workflow, kind, setting), at in policy.origins.items() if workflow is None and kind == name}
    return _Part({each: getattr(rule, each) for each in Rule.__dataclass_fields__ if each != "name"}, origins)
