"""What in a rule can never happen, or says two things at once: found when a policy is read, so that nobody waits for it on calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_voice_schema.attributes import Action

from .lexicon import expanded
from .model import EFFECTS, KEEP, STOP
from .words import words_of

KEEPS_FLOOR: Final = ("answers", "listening", "fillers", "vocatives")
TAKES_FLOOR: Final = ("cues", "cancels")
# The surest that each class ever gets, on all evidence; a floor above it is never reached.
SUREST: Final[Mapping[str, float]] = {"correction": 0.95, "backchannel": 0.93, "noise": 1.0, "dtmf": 1.0, "escalation": 0.95}


def contradictions(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (setting, what is wrong) for settings that one rule gives itself; what it inherits is not held against it."""
    yield from _about_protection(settings)
    yield from _about_who(settings)
    yield from _about_floors(settings)
    held = settings.get("held")
    if held is not None and EFFECTS[held] == STOP:
        yield "held", f"`held: {held}` stops the agent for input that may not interrupt it"
    patience, silence = settings.get("patience_ms"), settings.get("silence")
    if patience and silence and silence[0].after_ms <= patience:
        yield "silence", f"the first step comes at {silence[0].after_ms} ms, before the caller's pause of patience_ms {patience} is over"


def _about_protection(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    until, allows = settings.get("until"), settings.get("protected_allows")
    if until is None:
        if "until" in settings and allows:
            yield "protected_allows", "`until: none` protects nothing, so protected_allows is never asked"
        return
    if until.position_ms == 0 or until.fraction == 0:
        yield "until", "content until 0 is no content: nothing is protected"
    if until.end:
        who = sorted(set(settings.get("interrupted_by", ())) - set(allows or ()) - {"escalation"})
        if who:
            yield (
                "interrupted_by",
                f"`until: end` protects the whole message, so {', '.join(who)} can never interrupt it: use protected_allows",
            )
    if allows and "speech" in allows:
        yield "protected_allows", "content that speech may cut is not protected"


def _about_who(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    who, actions = settings.get("interrupted_by"), settings.get("actions", {})
    for name, action in actions.items():
        if action is Action.ROUTE_DTMF and name not in {"dtmf", "unlisted_key"}:
            yield "actions", f"actions.{name} has no key to route"
    correction = actions.get("correction")
    if settings.get("cancellable") and correction is not None and EFFECTS[correction] == KEEP:
        yield "cancellable", f"nobody can call it off: `actions.correction: {correction}` plays on"
    if who is None:
        return
    reachable = set(who) | set(settings.get("protected_allows", ()))
    if "speech" not in reachable:
        for key in ("min_speech_ms", "min_words", "sustained_ms"):
            if settings.get(key):
                yield key, f"{key} is never asked: speech may not interrupt"
    if not reachable & {"speech", "command"}:
        if "correction" in actions:
            yield "actions", "actions.correction can never match: neither speech nor commands may interrupt"
        if settings.get("cancellable"):
            yield "cancellable", "nobody can call it off: neither speech nor commands may interrupt"
    if "dtmf" not in reachable:
        if settings.get("expected_keys"):
            yield "expected_keys", "no key is ever taken: keys may not interrupt"
        for key in ("dtmf", "unlisted_key"):
            if key in actions:
                yield "actions", f"actions.{key} can never match: keys may not interrupt"
    if correction is not None and EFFECTS[correction] == KEEP and reachable & {"speech", "command"}:
        yield "actions", f"speech or commands may interrupt, and `actions.correction: {correction}` never lets them"


def _about_floors(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, floor in settings.get("confidence_floors", {}).items():
        if floor > SUREST[name]:
            yield "confidence_floors", f"confidence_floors.{name} {floor:g} can never be reached: the surest is {SUREST[name]:g}"
    floor = settings.get("confidence_floor")
    if floor is not None and floor > SUREST["correction"]:
        yield "confidence_floor", f"confidence_floor {floor:g} can never be reached: the surest correction is {SUREST['correction']:g}"


def lexicon_contradictions(added: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (list, what is wrong) for phrases that a policy puts into two lists that say different things."""
    seen: dict[tuple[str, ...], str] = {}
    lists = {kind: added.get(kind, ()) for kind in (*KEEPS_FLOOR, *TAKES_FLOOR, "noes", "asides", "noise")}
    person = added.get("escalation", {})
    lists |= {f"escalation.{kind}": person.get(kind, ()) for kind in ("people", "phrases")}
    for kind, patterns in lists.items():
        for phrase in (phrase for pattern in patterns for phrase in expanded(pattern)):
            words = tuple(words_of(phrase))
            first = seen.setdefault(words, kind)
            if (
                first != kind
                and not (kind == "noes" and first in TAKES_FLOOR)
                and not (first == "vocatives" and kind == "escalation.people")
            ):
                yield kind.partition(".")[0], f"`{phrase}` is in {first} and in {kind}"
