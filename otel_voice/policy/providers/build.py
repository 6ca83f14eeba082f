"""Turn a policy and a provider's table into parts, values with their origins, and remarks: pure, in the order of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final, NamedTuple

from otel_voice_schema.attributes import MESSAGE_TYPES

from otel_voice.policy.interpret import rule_for
from otel_voice.policy.model import Candidate, Policy, Rule
from otel_voice.strict import nearest

from .model import CALL, Beyond, Body, Export, ExportError, Knob, Native, Provider, Reading, Remark, Told, Value
from .render import shown
from .wording import APP, SETTINGS, stated, wanted

BASE: Final = "support_answer"  # the message type whose rule the settings of a whole call are taken from
BUILT_IN: Final = "built in"  # where the policy engine does something unasked: hand over who asks for a person
_LEXICONS: Final = "lexicons"
_DEFAULT_NOTE: Final = "left open by the policy: the provider's default, since another value would hold on"
_ORDER: Final = {name: at for at, name in enumerate(SETTINGS)}


class Scope(NamedTuple):
    """One message type in view: the kind it is ruled as, its rule, and where that rule stands in the policy."""

    name: str
    kind: str
    rule: Rule
    key: tuple[str | None, str]


def scopes(policy: Policy, workflow: str | None, message_type: str | None) -> tuple[Scope, ...]:
    """Return the message types to export for; raise `ExportError` for a workflow or type that the policy does not have."""
    workflows = {each for each, _ in policy.rules if each is not None}
    if workflow is not None and workflow not in workflows:
        found = nearest(workflow, sorted(workflows)) if workflows else ": this policy has none"
        raise ExportError(f"unknown workflow `{workflow}`{found}")
    own = (name for where, name in policy.rules if where in (None, workflow))
    names = tuple(dict.fromkeys((*MESSAGE_TYPES, *own, *policy.names)))
    if message_type is not None and message_type not in names:
        raise ExportError(f"unknown message type `{message_type}`{nearest(message_type, names)}")
    return tuple(_scope(policy, workflow, name) for name in names if message_type in (None, name))


def _scope(policy: Policy, workflow: str | None, name: str) -> Scope:
    rule, _ = rule_for(policy, Candidate(message_type=name, workflow=workflow))
    key = next(where for where, each in policy.rules.items() if each is rule)
    return Scope(name, policy.names.get(name, name), rule, key)


def origin(policy: Policy, scope: Scope, setting: str) -> str:
    """Return the file and line that a setting of a rule comes from, or the rule's name where it stands in no file."""
    origins: Mapping[tuple[str | None, str, str], str] = getattr(policy, "origins", {})
    whole, _, name = setting.partition(".")
    if name and name not in scope.rule.actions:
        return BUILT_IN
    found = (origins.get((*scope.key, each)) for each in (setting, whole))
    return next((each for each in found if each), scope.rule.name)


def build(provider: Provider, policy: Policy, workflow: str | None, message_type: str | None) -> Export:
    """Return an export without its document."""
    base = _scope(policy, workflow, message_type or BASE)
    desk = _Desk(provider, policy, base, {name: _scope(policy, workflow, name) for name in MESSAGE_TYPES})
    every = scopes(policy, workflow, message_type)
    parts: dict[str, Body] = {CALL: desk.call_part()}
    for scope in every:
        part = desk.message_part(scope, every)
        if part:
            parts[scope.name] = part
        desk.remark_on(scope)
    if policy.extensions:
        desk.note_lexicons(every)
    return Export(
        provider=provider.name,
        title=provider.title,
        policy_version=policy.version,
        workflow=workflow,
        base=base.name,
        message_types=tuple(scope.name for scope in every),
        format="python" if provider.python else "json",
        goes=provider.goes,
        parts=parts,
        values=merged(desk.values),
        native=merged(sorted(desk.native, key=_order)),
        gaps=merged(sorted(desk.gaps, key=_order)),
        left_out=tuple(sorted({each for each, _ in policy.rules if each is not None})) if workflow is None else (),
    )


class _Desk:
    """An export in the making."""

    def __init__(self, provider: Provider, policy: Policy, base: Scope, kinds: Mapping[str, Scope]) -> None:
        self._provider = provider
        self._policy = policy
        self._base = base
        self._kinds = kinds
        self.values: list[Value] = []
        self.native: list[Remark] = []
        self.gaps: list[Remark] = []

    def _for_call(self, knob: Knob) -> Scope:
        """Whose rule a setting of the whole call is read from: the base's, or that of the only messages it is about."""
        return self._kinds[knob.only[0]] if knob.only else self._base

    def call_part(self) -> Body:
        """Return the settings of the whole call."""
        part: Body = {}
        for knob in self._provider.knobs:
            if knob.call:
                self._put(part, CALL, knob.call, knob, self._for_call(knob))
        return with_fixed(part, self._provider.fixed)

    def message_part(self, scope: Scope, every: tuple[Scope, ...]) -> Body:
        """Return what the provider is told with, or for, messages of one type."""
        part: Body = {}
        for knob in self._provider.knobs:
            if knob.message and (not knob.only or scope.kind in knob.only):
                self._put(part, scope.name, knob.message, knob, scope, held_on=self._held_on(knob, every))
        return with_fixed(part, self._provider.fixed)

    def _held_on(self, knob: Knob, every: tuple[Scope, ...]) -> bool:
        """Tell whether a value from the call, or from an earlier message, would hold where a rule leaves the knob open."""
        if knob.default is None:
            return False
        others = (self._for_call(knob), *(every if self._provider.persists else ()))
        return any(isinstance(knob.read(each.rule), Told) for each in others)

    def _put(self, part: Body, where: str, path: str, knob: Knob, scope: Scope, *, held_on: bool = False) -> None:
        reading = knob.read(scope.rule)
        if not isinstance(reading, Told):
            if not held_on:
                return
            reading = Told(value=knob.default, note=_DEFAULT_NOTE)
        put(part, path, reading.value)
        setting = reading.setting or knob.setting
        source = origin(self._policy, scope, setting)
        self.values.append(Value(where=(where,), path=path, value=reading.value, setting=setting, source=source, note=reading.note))

    def remark_on(self, scope: Scope) -> None:
        """Say for each thing that a rule asks for what the provider does by itself, and what is left to the application."""
        knobs = [knob for knob in self._provider.knobs if not knob.only or scope.kind in knob.only]
        readings = [(knob, self._reading(knob, scope)) for knob in knobs]
        short: dict[str, list[str]] = {}
        for reading in (each for _, each in readings if isinstance(each, Told)):
            for setting, why in reading.short.items():
                short.setdefault(setting, []).append(why)
        for setting in stated(scope.rule):
            own = [reading for knob, reading in readings if setting in knob.settings]
            beyond = [each.why for each in own if isinstance(each, Beyond)]
            done = [each.why for each in own if isinstance(each, Native)]
            told = any(isinstance(each, Told) for each in own)
            if setting in short or (beyond and not told):
                why = "; ".join(dict.fromkeys((*short.get(setting, ()), *beyond)))
                self.gaps.append(self._remark(scope, setting, why))
            elif done and not told:
                self.native.append(self._remark(scope, setting, done[0]))
            elif not told:
                why = self._provider.app.get(setting) or APP[setting]
                self.gaps.append(self._remark(scope, setting, why))
        self._remark_on_open(scope, [knob for knob, reading in readings if reading is None])

    def _remark_on_open(self, scope: Scope, knobs: Iterable[Knob]) -> None:
        """Say what the whole call has to live with, though a rule leaves it open."""
        asked = stated(scope.rule)
        for knob in (each for each in knobs if each.call and not each.message and each.setting not in asked):
            of = self._for_call(knob)
            held = knob.read(of.rule)
            if isinstance(held, Told):
                self.gaps.append(self._remark(scope, knob.setting, _once(held, of), wants=f"nothing is asked for by {knob.setting}"))

    def _reading(self, knob: Knob, scope: Scope) -> Reading:
        """What the provider knows of a rule by one knob; one for the whole call holds one value, whatever the rule says."""
        own = knob.read(scope.rule)
        if knob.message or own is None:
            return own
        of = self._for_call(knob)
        held = knob.read(of.rule)
        if _value(own) == _value(held):
            return own
        return own if isinstance(own, Beyond) else Beyond(why=_once(held, of))

    def note_lexicons(self, scopes: tuple[Scope, ...]) -> None:
        """Say that a policy's own words stay with the policy engine."""
        why = f"{self._provider.title} hears by its own words: ask the policy engine"
        where = tuple(scope.name for scope in scopes)
        wants = "the policy adds words of its own to the lexicons"
        self.gaps.append(Remark(where=where, setting=_LEXICONS, wanted=wants, why=why, source=_LEXICONS))

    def _remark(self, scope: Scope, setting: str, why: str, wants: str = "") -> Remark:
        return Remark(
            where=(scope.name,),
            setting=setting,
            wanted=wants or wanted(scope.rule, setting),
            why=why.replace("{title}", self._provider.title),
            source=origin(self._policy, scope, setting),
        )


def _once(held: Reading, of: Scope) -> str:
    there = f"`{shown(held.value)}`" if isinstance(held, Told) else "open"
    return f"{{title}} sets this once for the call, and it is {there} there, as for {of.name}: see to the difference yourself"


def _order(remark: Remark) -> int:
    return _ORDER.get(remark.setting.partition(".")[0], len(_ORDER))


def _value(reading: Reading) -> Any:
    return reading.value if isinstance(reading, Told) else reading


def put(part: Body, path: str, value: Any) -> None:
    """Lay a value into nested objects under a dotted path."""
    *parents, last = path.split(".")
    for parent in parents:
        part = part.setdefault(parent, {})
    part[last] = value


def with_fixed(part: Body, fixed: Iterable[tuple[str, Any]]) -> Body:
    """Add the provider's fixed words wherever the object they belong to is there, in front of its other fields."""
    for path, value in reversed(tuple(fixed)):
        *parents, last = path.split(".")
        target: Body | None = part
        for parent in parents:
            target = target.get(parent) if isinstance(target, dict) else None
        if isinstance(target, dict) and target:
            rest = dict(target)
            target.clear()
            target.update({last: value, **rest})
    return part


def merged(rows: Iterable[Any]) -> tuple[Any, ...]:
    """Put rows that differ only in where they hold into one."""
    found: dict[tuple[str, ...], Any] = {}
    for row in rows:
        key = tuple(repr(getattr(row, each.name)) for each in fields(row) if each.name != "where")
        held = found.get(key)
        found[key] = row if held is None else replace(held, where=tuple(dict.fromkeys((*held.where, *row.where))))
    return tuple(found.values())
