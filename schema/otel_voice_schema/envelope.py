"""The JSON envelope and back: the same event, as nested members instead of flat attributes.

`to_envelope` and `from_envelope` undo each other. What the envelope has no place for stands under `attributes`; members that the registry
does not know ride through OTLP in `voice.envelope.extra`, as JSON.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from otel_voice_schema import attributes as a
from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.problems import Problem
from otel_voice_schema.record import ENVELOPE, Record, Value, start_of

INT64: Final = 2**63
NS: Final = 1_000_000_000
LATEST_NS: Final = 2**64  # in July 2554
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PATHS: Final = {each.json: each for each in ATTRIBUTES.values() if each.json != "*"}
_ORDER: Final = {key: place for place, key in enumerate(ATTRIBUTES)}
_HEADS: Final = {path.partition(".")[0] for path in _PATHS if "." in path}
_IDS: Final = ("traceId", "spanId", "parentSpanId")
_SQUASHED: Final = {re.sub(r"[^a-z0-9.]", "", path.lower()): path for path in (*_PATHS, "eventName", "occurredAt", "startedAt")}
_LEAVES: Final = {re.sub(r"[^a-z0-9]", "", leaf.lower()): path for path in _PATHS if len(leaf := path.rpartition(".")[2]) > 6}
_OWN: Final = frozenset({"eventName", "occurredAt", "startedAt", *_IDS, "resource", "attributes"})
_OTHER: Final = frozenset({"doubleValue", "bytesValue", "arrayValue", "kvlistValue"})  # OTLP's names for what plain JSON cannot tell apart


class EnvelopeError(ValueError):
    """An envelope that is no event; `problems` says every way."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def to_envelope(record: Record) -> dict[str, Any]:
    """Return an event as its envelope, ready for `json.dumps`."""
    out: dict[str, Any] = {"eventName": record.name}
    rest: dict[str, Any] = {}
    extra: Mapping[str, Any] | None = None
    if record.attributes.get(a.VOICE_SCHEMA_VERSION) is not None:
        out["eventVersion"] = None  # its place is the second
    if record.time_ns:
        out["occurredAt"] = _time_text(record.time_ns)
    if record.start_ns != start_of(record.name, record.attributes, record.time_ns):
        out["startedAt"] = _time_text(record.start_ns)
    for key, value in sorted(record.attributes.items(), key=_rank):
        attribute = ATTRIBUTES.get(key)
        if key == a.VOICE_ENVELOPE_EXTRA:
            extra = _members(value)
            if extra is not None:
                continue
        if attribute is None or attribute.json == "*" or value is None:  # nothing, at a place of its own, reads as absent
            rest[key] = _json(value)
        else:
            _place(out, attribute.json, _json(value))
    for member, digits in zip(_IDS, (record.trace_id, record.span_id, record.parent_span_id), strict=True):
        if digits:
            out[member] = digits
    if record.resource:
        out["resource"] = {key: _json(value) for key, value in record.resource.items()}
    if extra is not None and not _fits(out, extra):
        rest[a.VOICE_ENVELOPE_EXTRA] = record.attributes[a.VOICE_ENVELOPE_EXTRA]
        extra = None
    if rest:
        out["attributes"] = rest
    if extra is not None:
        _merge(out, extra)
    return out


def from_envelope(envelope: Mapping[str, Any]) -> Record:
    """Return the event of an envelope; raise `EnvelopeError` with every problem where it is none."""
    record, problems = read_envelope(envelope)
    if problems:
        raise EnvelopeError(problems)
    return record


def read_envelope(envelope: Mapping[str, Any]) -> tuple[Record, list[Problem]]:
    """Return the event of an envelope as far as it is one, and every problem of its form; its facts are `validate.check`'s business."""
    problems: list[Problem] = []
    facts: dict[str, Value] = {}
    known, unknown = _parted(envelope, problems)
    for path, given in known.items():
        attribute = _PATHS[path]
        facts[attribute.key] = _fact(attribute, given, problems)
    if unknown:
        problems += _slips(unknown)
    problems += _twice(envelope)
    for key, given in _object(envelope, "attributes", problems).items():
        value = _value(given, key, problems)
        if key in facts:
            code = "conflicting_versions" if key == a.VOICE_SCHEMA_VERSION and value != facts[key] else "duplicate_attribute"
            secret = key in ATTRIBUTES and ATTRIBUTES[key].sensitivity != "none"
            both = "" if secret else f": `{_shown(facts[key])}` and `{_shown(value)}`"
            said = f"`{key}` is given twice, at its own place, which counts, and under `attributes`{both}"
            problems.append(_problem(code, key, said))
        else:
            facts[key] = value
    if unknown:
        if a.VOICE_ENVELOPE_EXTRA in facts:
            words = f"`{a.VOICE_ENVELOPE_EXTRA}` is given twice, beside members that are unknown"
            problems.append(_problem("duplicate_attribute", a.VOICE_ENVELOPE_EXTRA, words))
        facts[a.VOICE_ENVELOPE_EXTRA] = str(_value(_text(unknown), a.VOICE_ENVELOPE_EXTRA, problems))
    name = envelope.get("eventName")
    if not isinstance(name, str) or not name:
        problems.append(_problem("missing_name", "eventName", "`eventName` is missing, empty or no text"))
        name = ""
    time_ns = _time(envelope, "occurredAt", problems)
    start_ns = _time(envelope, "startedAt", problems) if envelope.get("startedAt") is not None else start_of(name, facts, time_ns)
    trace_id, span_id, parent_span_id = (_id(envelope, member, problems) for member in _IDS)
    resource = {key: _value(value, key, problems) for key, value in _object(envelope, "resource", problems).items()}
    record = Record(
        name=name,
        time_ns=time_ns,
        start_ns=start_ns,
        attributes=facts,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent_span_id,
        resource=resource,
        carrier=ENVELOPE,
    )
    return record, problems


def parse_time(text: str) -> int:
    """Return an RFC 3339 time in Unix nanoseconds; raise `ValueError` where it is none or before 1970."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"`{text[:64]}` is no RFC 3339 time with a zone, such as `2026-05-20T15:42:18.231Z`")
    day, minutes, seconds, fraction, zone = found.groups()
    leap = seconds == "60"  # a leap second, which Unix time does not have
    moment = datetime.fromisoformat(f"{day}T{minutes}{'59' if leap else seconds}").replace(tzinfo=_zone(zone))
    whole = (moment - _EPOCH) // timedelta(seconds=1) + leap
    time_ns = whole * NS + int((fraction or "0")[:9].ljust(9, "0"))
    if not 0 <= time_ns < LATEST_NS:
        raise ValueError(f"`{text[:64]}` is {'before 1970' if whole < 0 else 'later than OTLP can say'}")
    return time_ns


def _zone(text: str) -> timezone:
    if text in "Zz":
        return UTC
    away = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-away if text[0] == "-" else away)


def _time_text(time_ns: int) -> str:
    """Return a time with as few groups of three digits as it needs."""
    seconds, rest = divmod(time_ns, NS)
    day = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if rest == 0:
        return f"{day}Z"
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{day}.{digits}Z"


def _time(envelope: Mapping[str, Any], member: str, problems: list[Problem]) -> int:
    given = envelope.get(member)
    if given is None:
        if member == "occurredAt":
            problems.append(_problem("missing_time", member, "`occurredAt` is missing"))
        return 0
    if not isinstance(given, str):
        words = f"`{member}` is {_kind(given)} `{_shown(given)}`, not an RFC 3339 text such as `2026-05-20T15:42:18.231Z`"
        problems.append(_problem("impossible_value", member, words))
        return 0
    try:
        return parse_time(given)
    except (ValueError, OverflowError) as error:
        problems.append(_problem("impossible_value", member, f"`{member}`: {error}"))
        return 0


def _id(envelope: Mapping[str, Any], member: str, problems: list[Problem]) -> str:
    given = envelope.get(member, "")
    if isinstance(given, str):
        return plain_id(given)
    problems.append(_problem("bad_id", member, f"`{member}` is {_kind(given)}, not hex text"))
    return ""


def plain_id(text: str) -> str:
    """Return an id as hex is written here; what is no hex stays as it is, for somebody to recognise."""
    lower = text.lower()
    return lower if re.fullmatch(r"[0-9a-f]*", lower) else text


def _object(envelope: Mapping[str, Any], member: str, problems: list[Problem]) -> Mapping[str, Any]:
    given = envelope.get(member, {})
    if isinstance(given, Mapping):
        return given
    problems.append(_problem("wrong_type", member, f"`{member}` is {_kind(given)}, not an object"))
    return {}


def _fact(attribute: a.Attribute, given: object, problems: list[Problem]) -> Value:
    value = _value(given, attribute.key, problems)
    if type(value) is int and attribute.type == "double":
        return float(value)
    if isinstance(value, tuple) and attribute.type == "double":
        return tuple(float(item) if type(item) is int else item for item in value)
    return value


def _parted(envelope: Mapping[str, Any], problems: list[Problem]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values at the registry's paths, nulls left out, and the members it has no place for, where they stand."""
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for member, value in envelope.items():
        if member in _HEADS and isinstance(value, dict):
            inner = {}
            for name, each in value.items():
                path = f"{member}.{name}"
                if path not in _PATHS:
                    inner[name] = each
                elif each is not None:
                    known[path] = each
            if inner or not value:  # an empty object comes back as one
                unknown[member] = inner
        elif member in _HEADS:
            if value is not None:  # a group that nothing is known of
                problems.append(_problem("wrong_type", member, f"`{member}` is {_kind(value)}, not an object"))
            unknown[member] = value
        elif member in _PATHS:
            if value is not None:
                known[member] = value
        elif member not in _OWN:
            unknown[member] = value
    return known, unknown


def _slips(unknown: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the unknown members that only miss the case, the separators or the place of a known one."""
    for member, value in unknown.items():
        places = [f"{member}.{name}" for name in value] if member in _HEADS and isinstance(value, Mapping) else [member]
        for place in places:
            near = _SQUASHED.get(_squashed(place)) or _LEAVES.get(_squashed(place.rpartition(".")[2]))
            if near is not None:
                words = f"`{place}` is unknown: did you mean `{near}`?"
                yield Problem(code="unknown_attribute", key=place, message=words, found=place, nearest=near)


def _twice(envelope: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the members that stand twice in the text, as far as the reader of the JSON noted it."""
    for head, holder in (("", envelope), *((f"{head}.", envelope.get(head)) for head in sorted(_HEADS))):
        for member in getattr(holder, "twice", ()):
            place = f"{head}{member}"
            key = _PATHS[place].key if place in _PATHS else place
            yield _problem("duplicate_attribute", key, f"`{place}` is given twice; the last one counts")


def _squashed(place: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", place.lower())


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 64 else f"{text[:64]}…"


def _members(value: Value) -> Mapping[str, Any] | None:
    """Return the unknown members that an attribute holds; None where it holds something else, which is then kept as it is."""
    if not isinstance(value, str):
        return None
    try:
        found = json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not found or _text(found) != value:
        return None
    wrong: list[Problem] = []
    return found if _parted(found, wrong) == ({}, found) and not wrong else None


def _no_number(text: str) -> None:
    raise ValueError(text)


def _text(members: Mapping[str, Any]) -> str:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def _rank(item: tuple[str, Value]) -> int:
    return _ORDER.get(item[0], len(_ORDER))


def _fits(out: Mapping[str, Any], extra: Mapping[str, Any]) -> bool:
    """Tell whether the unknown members can be told from the known ones once they stand together."""
    return all(member not in out or (isinstance(value, Mapping) and bool(value)) for member, value in extra.items())


def _merge(out: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for member, value in extra.items():
        if isinstance(value, Mapping) and isinstance(out.get(member), dict):
            out[member] |= value
        else:
            out[member] = value


def _place(out: dict[str, Any], path: str, value: object) -> None:
    head, _, tail = path.partition(".")
    if tail:
        out.setdefault(head, {})[tail] = value
    else:
        out[head] = value


def _json(value: Value) -> Any:
    """Return a value as JSON that `_value` reads back: plain where that is one way only, else as OTLP writes it."""
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"doubleValue": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        plain = {key: _json(each) for key, each in value.items()}
        if len(plain) != 1 or not plain.keys() & _OTHER:
            return plain
        return {"kvlistValue": {"values": [{"key": key, "value": each} for key, each in plain.items()]}}
    kinds = {type(each) for each in value}
    items = [_json(each) for each in value]
    return items if len(kinds) <= 1 and kinds <= {str, bool, int, float} else {"arrayValue": {"values": items}}


def _value(given: object, key: str, problems: list[Problem]) -> Value:
    """Return what JSON tells as a value that OTLP can carry."""
    if isinstance(given, str):
        if given.isascii():
            return given
        try:
            given.encode()
        except UnicodeEncodeError:
            problems.append(_problem("impossible_value", key, f"`{key}` holds a lone surrogate, which is no text and cannot be sent"))
            return given.encode("utf-8", "replace").decode()
        return given
    if isinstance(given, int) and not isinstance(given, bool) and not -INT64 <= given < INT64:
        problems.append(_problem("impossible_value", key, f"`{key}` is {str(given)[:24]}, more than 64 bits hold"))
        return str(given)
    if isinstance(given, (bool, int, float)) or given is None:
        return given
    if isinstance(given, list):
        return tuple(_value(each, key, problems) for each in given)
    if isinstance(given, Mapping) and len(given) == 1:
        ((kind, inner),) = given.items()
        if kind in _OTHER:
            return _other(kind, inner, key, problems)
    if isinstance(given, Mapping):
        return {str(name): _value(each, key, problems) for name, each in given.items()}
    return str(given)


def _other(kind: str, inner: Any, key: str, problems: list[Problem]) -> Value:
    try:
        if kind == "doubleValue":
            return float(inner)
        if kind == "bytesValue":
            return base64.b64decode(inner, validate=True)
        if kind == "arrayValue":
            return tuple(_value(each, key, problems) for each in inner["values"])
        return {each["key"]: _value(each["value"], key, problems) for each in inner["values"]}
    except (TypeError, ValueError, KeyError):
        problems.append(_problem("wrong_type", key, f"`{key}` holds no `{kind}` as OTLP writes it"))
        return None


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "nothing")


def _problem(code: str, key: str, message: str) -> Problem:
    return Problem(code=code, key=key, message=message)
