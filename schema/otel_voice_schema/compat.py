"""What changed between two versions of the registry, and which changes would break what is in use.

Both sides are registries as `versions/<date>/registry.json` holds them. A name, once published, is neither removed nor given another
meaning, and a value that conformed goes on conforming; see OpenTelemetry's rules for semantic conventions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ADDED: Final = "added"
RENAMED: Final = "renamed"
DEPRECATED: Final = "deprecated"
WIDENED: Final = "widened"
REMOVED: Final = "removed"
REUSED: Final = "reused"
NARROWED: Final = "narrowed"
REFUSED: Final = frozenset({REMOVED, REUSED, NARROWED})
_BOUNDS: Final = (("min", "least", 1), ("max", "greatest", -1), ("max_length", "longest text", -1), ("max_items", "longest list", -1))
Registry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one name. `what` is attribute, event or metric; `now` the name it has now, where it is another; `detail` in words."""

    kind: str
    what: str
    name: str
    now: str | None = None
    detail: str = ""

    @property
    def refused(self) -> bool:
        """Whether the change would break those who use the older version."""
        return self.kind in REFUSED

    @property
    def words(self) -> str:
        """The change as a line of a changelog."""
        to = f" to `{self.now}`" if self.now else ""
        if self.kind == REMOVED and self.detail:
            return f"{self.what} `{self.name}` {self.detail}"
        return f"{self.what} `{self.name}` {self.kind}{to}{f': {self.detail}' if self.detail else ''}"


def compare(old: Registry, new: Registry) -> list[Change]:
    """Return every change from `old` to `new`, attributes first, then events and metrics, in the order of the registry."""
    return [*_attributes(old, new), *_events(old, new), *_metrics(old, new)]


def _attributes(old: Registry, new: Registry) -> Iterator[Change]:
    before, after = ({each["key"]: each for each in side["attributes"]} for side in (old, new))
    for key, was in before.items():
        now = after.get(key)
        if now is None:
            yield Change(kind=REMOVED, what="attribute", name=key)
        else:
            yield from _attribute(was, now)
    paths = {each["json"]: key for key, each in before.items()}
    for key, each in after.items():
        if key in before:
            continue
        other = paths.get(each["json"])
        if other is not None and other in after:
            yield Change(kind=REUSED, what="attribute", name=key, detail=f"its envelope path `{each['json']}` is that of `{other}`")
        yield Change(kind=ADDED, what="attribute", name=key, detail=each["brief"])


def _attribute(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    key = was["key"]

    def change(kind: str, detail: str, to: str | None = None) -> Change:
        return Change(kind=kind, what="attribute", name=key, now=to, detail=detail)

    if (was["type"], was["many"]) != (now["type"], now["many"]):
        yield change(REUSED, f"its type was {_kind(was)} and is {_kind(now)}")
    if was["unit"] != now["unit"]:
        yield change(REUSED, f"its unit was {was['unit']} and is {now['unit']}")
    if now["set_by"] != was["set_by"]:
        before, after = was["set_by"] or "anybody", now["set_by"] or "anybody"
        yield change(NARROWED if now["set_by"] else WIDENED, f"it was set by {before} and is by {after}")
    if was["json"] != now["json"]:
        yield change(REUSED, f"its envelope path was `{was['json']}` and is `{now['json']}`")
    if was["sensitivity"] != now["sensitivity"]:
        kind = NARROWED if now["sensitivity"] == "none" else WIDENED  # who redacts by it would let the words through
        yield change(kind, f"its sensitivity was {was['sensitivity']} and is {now['sensitivity']}")
    yield from _values(was, now, change)
    for name, words, tighter in _BOUNDS:
        a, b = was[name], now[name]
        if a == b:
            continue
        narrower = b is not None and (a is None or (b - a) * tighter > 0)
        yield change(NARROWED if narrower else WIDENED, f"its {words} was {_open(a)} and is {_open(b)}")
    if now["deprecated"] and not was["deprecated"]:
        yield change(DEPRECATED, now["deprecated"].get("note") or "", now["deprecated"].get("renamed_to"))


def _values(was: Mapping[str, Any], now: Mapping[str, Any], change: Any) -> Iterator[Change]:
    a, b = (None if side["values"] is None else [each["value"] for each in side["values"]] for side in (was, now))
    if a == b:
        return
    if a is None:
        yield change(NARROWED, "it was open and is a closed set")
    elif b is None:
        yield change(WIDENED, "it was a closed set and is open")
    else:
        if gone := [value for value in a if value not in b]:
            yield change(NARROWED, f"without {_list(gone)}")
        if more := [value for value in b if value not in a]:
            yield change(WIDENED, f"with {_list(more)}")


def _events(old: Registry, new: Registry) -> Iterator[Change]:
    after = {each["name"]: each for each in new["events"]}
    names = {alias: each["name"] for each in new["events"] for alias in (each["name"], *each["aliases"])}
    pairs = [(was, after[names[was["name"]]]) for was in old["events"] if was["name"] in names]
    shared = _gained(*pairs[0], "opt_in") if pairs else []
    shared = [key for key in shared if all(key in _gained(was, now, "opt_in") for was, now in pairs)]
    if shared:
        yield Change(kind=WIDENED, what="event", name="voice.interruption.*", detail=f"every event may tell {_list(shared)}")
    for was in old["events"]:
        if was["name"] not in names:
            yield Change(kind=REMOVED, what="event", name=was["name"])
    for was, now in pairs:
        name = now["name"]
        if name != was["name"]:
            yield Change(kind=RENAMED, what="event", name=was["name"], now=name)
        for alias in was["aliases"]:
            if alias not in names:
                yield Change(kind=REMOVED, what="event", name=was["name"], detail=f"loses its alias `{alias}`")
            elif names[alias] != name:
                yield Change(kind=REUSED, what="event", name=was["name"], detail=f"its alias `{alias}` is now one of `{names[alias]}`")
        if was["set_by"] != now["set_by"] and now["set_by"]:
            yield Change(kind=NARROWED, what="event", name=name, detail=f"only the {now['set_by']} emits it now")
        if was["duration"] != now["duration"] and was["duration"]:
            lengths = f"it began by `{was['duration']}` before its time, and does by `{now['duration']}`"
            yield Change(kind=REUSED, what="event", name=name, detail=lengths)
        yield from _uses(was, now, shared)
    known = {now["name"] for _, now in pairs}
    yield from (Change(kind=ADDED, what="event", name=name, detail=each["brief"]) for name, each in after.items() if name not in known)


def _gained(was: Mapping[str, Any], now: Mapping[str, Any], level: str) -> list[str]:
    """Return what an event tells by now at a level and did not tell at all."""
    before = {use["key"] for use in was["attributes"]}
    return [use["key"] for use in now["attributes"] if use["level"] == level and use["key"] not in before]


def _uses(was: Mapping[str, Any], now: Mapping[str, Any], shared: list[str]) -> Iterator[Change]:
    before, after = ({use["key"]: use["level"] for use in side["attributes"]} for side in (was, now))

    def change(kind: str, detail: str) -> Change:
        return Change(kind=kind, what="event", name=now["name"], detail=detail)

    if gone := [key for key in before if key not in after]:
        yield change(REMOVED, f"no longer tells {_list(gone)}")
    if must := [key for key, level in after.items() if level == "required" and before.get(key) != "required"]:
        yield change(NARROWED, f"it must tell {_list(must)} now")
    facts = [*_gained(was, now, "recommended"), *_gained(was, now, "conditionally_required")]
    more = [key for key in _gained(was, now, "opt_in") if key not in shared]
    told = [f"tells {_list(facts)}"] if facts else []
    told += [f"may tell {_list(more)}"] if more else []
    if told:
        yield change(WIDENED, ", ".join(told))


def _metrics(old: Registry, new: Registry) -> Iterator[Change]:
    before, after = ({each["name"]: each for each in side["metrics"]} for side in (old, new))
    for name, was in before.items():
        now = after.get(name)
        if now is None:
            yield Change(kind=REMOVED, what="metric", name=name)
            continue
        for part in ("instrument", "unit"):
            if was[part] != now[part]:
                yield Change(kind=REUSED, what="metric", name=name, detail=f"its {part} was {was[part]} and is {now[part]}")
        if gone := [key for key in was["attributes"] if key not in now["attributes"]]:
            yield Change(kind=REMOVED, what="metric", name=name, detail=f"is no longer split by {_list(gone)}")
        if more := [key for key in now["attributes"] if key not in was["attributes"]]:
            yield Change(kind=WIDENED, what="metric", name=name, detail=f"split by {_list(more)}, too")
        if was["buckets"] != now["buckets"]:
            yield Change(kind=REUSED, what="metric", name=name, detail="its buckets are others")
    yield from (Change(kind=ADDED, what="metric", name=name, detail=each["brief"]) for name, each in after.items() if name not in before)


def _kind(attribute: Mapping[str, Any]) -> str:
    return f"{attribute['type']}{'[]' if attribute['many'] else ''}"


def _open(bound: object) -> str:
    return "unbounded" if bound is None else f"{bound}"


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
