"""The nouns of an export: what a provider can be told, what it was told of a policy, and what is left to the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from otel_voice.policy.model import Rule

CALL: Final = "call"
Format: TypeAlias = Literal["json", "python"]
Body: TypeAlias = dict[str, Any]


class ExportError(ValueError):
    """A provider, workflow or message type that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A provider's value for what a rule says: which setting decided it, what to know of it, and by setting what it falls short of."""

    value: Any
    setting: str = ""
    note: str = ""
    short: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """What a rule says is what the provider does without being told."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """What a rule says is more than the provider can be told."""

    why: str


Reading: TypeAlias = Told | Native | Beyond | None  # nothing where the rule leaves the knob open
Reader: TypeAlias = Callable[[Rule], Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One thing that a provider can be told: from which setting, where it stands in the part for the call or for a message type.

    `also` names further settings that the same value carries out. `only` narrows it to messages of some types. `default` is the provider's
    documented default: said where a rule leaves the knob open, and a value from elsewhere would hold on.
    """

    setting: str
    read: Reader
    call: str = ""
    message: str = ""
    also: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    default: Any = None

    @property
    def settings(self) -> tuple[str, ...]:
        """Every setting that the knob speaks of."""
        return (self.setting, *self.also)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider as a table: its knobs, the words of its vocabulary that go with them, and why it lacks what it lacks.

    `goes` tells where each part goes. What `persists` holds from one message on to the next; elsewhere a part gives way to the call's.
    """

    name: str
    title: str
    goes: Mapping[str, str]
    knobs: tuple[Knob, ...]
    fixed: tuple[tuple[str, Any], ...] = ()
    app: Mapping[str, str] = field(default_factory=dict)
    persists: bool = False
    python: Callable[[Export], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of the document: where it holds (`call` or message types), its path, and the line of the policy it came from."""

    where: tuple[str, ...]
    path: str
    value: Any
    setting: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something a policy wants for some message types, and how it stands with the provider, in words."""

    where: tuple[str, ...]
    setting: str
    wanted: str
    why: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A provider's settings as a document, with what they came from, what the provider does by itself and what is left to do.

    `parts` holds the document's objects: `call`, read from the rule of the message type `base`, and one for each message type that the
    provider can be told of; `left_out` names workflows with rules of their own, which these settings do not know.
    """

    provider: str
    title: str
    policy_version: str
    workflow: str | None
    base: str
    message_types: tuple[str, ...]
    format: Format
    goes: Mapping[str, str]
    parts: Mapping[str, Body]
    values: tuple[Value, ...]
    native: tuple[Remark, ...]
    gaps: tuple[Remark, ...]
    left_out: tuple[str, ...]
    document: str = ""
