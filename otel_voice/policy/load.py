"""Read a policy file strictly: every mistake is reported at once, with its line and the name that was probably meant."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from otel_voice_schema.attributes import MESSAGE_TYPES

from otel_voice.strict import Fields, StrictReader, read_root, read_text

from .lexicon import load_lexicon
from .model import Policy, Rule
from .settings import read_settings

__all__ = ["MESSAGE_TYPES", "PolicyError", "load_default", "load_lexicon", "load_policy"]

ROOT_KEYS: Final = ("version", "extends", "names", "defaults", "message_types", "workflows")


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


class _Builder:
    """Merge defaults, message types and workflows into finished rules."""

    def __init__(self, reader: StrictReader, *, packaged: bool) -> None:
        self._reader = reader
        self._packaged = packaged
        self._names: dict[str, str] = {}
        self._rules: dict[tuple[str | None, str], Rule] = {}
        self._settings: dict[str, dict[str, Any]] = {}

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
        defaults = self._read_part(fields, "defaults")
        self._read_types(fields, defaults, base, root)
        self._read_workflows(fields)
        if reader.problems:
            return None
        names = dict(base.names if base else {}) | self._names
        rules = dict(base.rules if base else {}) | self._rules
        return Policy(version=version or "", names=MappingProxyType(names), rules=MappingProxyType(rules))

    def _base(self, fields: Fields) -> Policy | None:
        if "extends" not in fields:
            return None
        return load_default() if self._reader.choice(fields["extends"], "extends", ("default",)) else None

    def _read_part(self, fields: Fields, key: str) -> dict[str, Any]:
        return read_settings(self._reader, fields[key], key) if key in fields else {}

    def _read_names(self, fields: Fields) -> None:
        found = self._reader.mapping(fields["names"], "names", None) if "names" in fields else None
        for name, node in (found or {}).items():
            if name in MESSAGE_TYPES:
                self._reader.report(node, f"`{name}` at names is a message type itself and needs no mapping")
            kind = self._reader.choice(node, f"names.{name}", MESSAGE_TYPES)
            if kind is not None:
                self._names[name] = kind

    def _read_types(self, fields: Fields, defaults: dict[str, Any], base: Policy | None, root: yaml.Node) -> None:
        node = fields.get("message_types")
        found = (self._reader.mapping(node, "message_types", (*MESSAGE_TYPES, *self._names)) if node is not None else {}) or {}
        if base is None:
            for name in MESSAGE_TYPES:
                if name not in found:
                    self._reader.report(
                        node or root, f"message type `{name}` is not ruled: add it to message_types, or set `extends: default`"
                    )
        for name in sorted(found, key=lambda each: each not in MESSAGE_TYPES):
            own = read_settings(self._reader, found[name], f"message_types.{name}")
            inherited = self._inherited(name, base, defaults)
            self._settings[name] = merge(inherited, own)
            self._rules[(None, name)] = Rule(name=name, **self._settings[name])
        if base is not None and defaults:
            for name in (each for each in MESSAGE_TYPES if each not in found):
                self._settings[name] = self._inherited(name, base, defaults)
                self._rules[(None, name)] = Rule(name=name, **self._settings[name])

    def _inherited(self, name: str, base: Policy | None, defaults: dict[str, Any]) -> dict[str, Any]:
        """What a type starts from: the type it is mapped onto, or the base's rule, then the file's defaults."""
        kind = self._names.get(name)
        if kind is not None and kind in self._settings:
            return self._settings[kind]
        start = settings_of(base.rules[(None, kind or name)]) if base is not None else {}
        return merge(start, defaults)

    def _read_workflows(self, fields: Fields) -> None:
        found = self._reader.mapping(fields["workflows"], "workflows", None) if "workflows" in fields else None
        for workflow, node in (found or {}).items():
            where = f"workflows.{workflow}"
            for name, settings in (self._reader.mapping(node, where, (*MESSAGE_TYPES, *self._names)) or {}).items():
                own = read_settings(self._reader, settings, f"{where}.{name}")
                start = self._settings.get(name) or self._settings.get(self._names.get(name, name))
                if start is None:
                    start = self._from_default(self._names.get(name, name))
                self._rules[(workflow, name)] = Rule(name=f"{workflow}.{name}", **merge(start, own))

    def _from_default(self, kind: str) -> dict[str, Any]:
        """Settings of a type the file leaves to the default policy; nothing while that very policy is being read."""
        return {} if self._packaged else settings_of(load_default().rules[(None, kind)])


def settings_of(rule: Rule) -> dict[str, Any]:
    """Return a rule's settings without its name, to start another from."""
    return {name: getattr(rule, name) for name in Rule.__dataclass_fields__ if name != "name"}


def merge(start: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Lay settings over others; actions are merged one by one, everything else is replaced."""
    merged = {**start, **own}
    actions = {**start.get("actions", {}), **own.get("actions", {})}
    merged["actions"] = MappingProxyType({str(key): value for key, value in actions.items()})
    return merged
