"""Frozen records as bytes and back, by the names of their fields: nested dataclasses, tuples and mappings of them, plain values. Pure.

A field with a default may come later: a record that was written without it is read all the same. What is no field any more is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack

from otel_voice_processor.rows import Unreadable, unpacked_row

Record = TypeVar("Record")
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """How one class is written: its fields' names, what takes all of them, and those that hold records."""

    names: tuple[str, ...]
    take: Callable[[Any], tuple[Any, ...]]
    nested: tuple[tuple[str, Convert, Convert], ...]
    known: frozenset[str]


def pack(record: object) -> bytes:
    """Return a record as bytes; raise `ValueError`, `TypeError` or `OverflowError` where a value cannot be written."""
    return msgpack.packb(_plain(record)) or b""


def unpack(kind: type[Record], data: bytes) -> Record:
    """Return the record of a kind that the bytes hold; raise `Unreadable` where they hold none."""
    return _record(kind, unpacked_row(data))


def layout(kind: type) -> str:
    """Return names and types of all that is stored of a kind, for a test to hold against the number of the format."""
    found: dict[type, str] = {}
    _lay_out(kind, found)
    return "\n".join(sorted(found.values()))


def _lay_out(kind: type, found: dict[type, str]) -> None:
    hints = get_type_hints(kind)
    found[kind] = f"{kind.__name__}: " + ", ".join(f"{each.name} {_told(hints[each.name])}" for each in fields(kind))
    for hint in hints.values():
        for inner in _records_in(hint) - found.keys():
            _lay_out(inner, found)


def _told(hint: Any) -> str:
    args = get_args(hint)
    if not args:
        return str(getattr(hint, "__name__", hint))
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(map(_told, args))
    return f"{get_origin(hint).__name__}[{', '.join(map(_told, args))}]"


def _records_in(hint: Any) -> set[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        return {hint}
    return {found for each in get_args(hint) for found in _records_in(each)}


_FORMS: Final[dict[type, _Form]] = {}


def _form(kind: type) -> _Form:
    found = _FORMS.get(kind)
    if found is None:
        found = _FORMS[kind] = _formed(kind)
    return found


def _formed(kind: type) -> _Form:
    hints = get_type_hints(kind)
    names = tuple(each.name for each in fields(kind))
    nested = [(name, _converters(hints[name])) for name in names]
    return _Form(
        names=names,
        take=_taker(names),
        nested=tuple((name, *both) for name, both in nested if both is not None),
        known=frozenset(names),
    )


def _taker(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple([getattr(record, name) for name in names])


def _plain(record: Any) -> dict[str, Any]:
    form = _form(type(record))
    out = dict(zip(form.names, form.take(record), strict=True))
    for name, to_plain, _ in form.nested:
        out[name] = to_plain(out[name])
    return out


def _record(kind: type[Record], found: Any) -> Record:
    form = _form(kind)
    try:
        given = found if found.keys() <= form.known else {name: value for name, value in found.items() if name in form.known}
        for name, _, to_record in form.nested:
            if name in given:
                given[name] = to_record(given[name])
        return kind(**given)
    except (AttributeError, TypeError) as error:
        raise Unreadable(f"no {kind.__name__}: {error}") from None


def _converters(hint: Any) -> tuple[Convert, Convert] | None:
    """Return what makes a field's value plain and what makes it whole again; None where it is plain."""
    if not _records_in(hint):
        return None
    if isinstance(hint, type) and is_dataclass(hint):
        kind: type = hint
        return _plain, lambda found: _record(kind, found)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        inner = [each for each in args if each is not NoneType]
        both = _converters(inner[0]) if len(inner) == 1 else None
        return _unless_none(both) if both else _cannot(hint)
    both = _converters(args[-1 if origin is not tuple else 0])
    if both is None:
        return _cannot(hint)
    to_plain, to_record = both
    if origin is tuple and args[1:] == (...,):
        return lambda values: [to_plain(each) for each in values], lambda found: tuple([to_record(each) for each in found])
    if origin is Mapping:
        return lambda values: {k: to_plain(each) for k, each in values.items()}, lambda found: {
            k: to_record(each) for k, each in found.items()
        }
    return _cannot(hint)


def _unless_none(both: tuple[Convert, Convert]) -> tuple[Convert, Convert]:
    to_plain, to_record = both
    return lambda value: None if value is None else to_plain(value), lambda found: None if found is None else to_record(found)


def _cannot(hint: Any) -> tuple[Convert, Convert]:
    raise TypeError(f"`{hint}` cannot be stored: a record, or a tuple or mapping of one kind of records, or plain values")
