"""Events out of OTLP JSON and back into it, on every carrier, with what is wrong in the form of each."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

from otel_voice_schema import attributes as a
from otel_voice_schema.envelope import plain_id, to_envelope
from otel_voice_schema.events import ALIASES, PREFIX, PUBLISHED_VERSIONS, SCHEMA_URL
from otel_voice_schema.problems import Problem
from otel_voice_schema.record import LOG, SPAN, SPAN_EVENT, Record, Value, start_of

from otel_voice.emit import SCOPE, derive_ids, package_version

MAX_DEPTH: Final = 100  # of JSON
_VALUE_DEPTH: Final = 30  # of values in values, three levels of JSON each
INTERNAL: Final = 1  # SPAN_KIND_INTERNAL
INFO: Final = 9  # SEVERITY_NUMBER_INFO
_KINDS: Final = ("stringValue", "boolValue", "intValue", "doubleValue", "bytesValue", "arrayValue", "kvlistValue")


class TooDeep(ValueError):
    """A value is nested deeper than anyone means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One event as it was read, the problems of its form, and the schema URL of its scope."""

    record: Record
    form: tuple[Problem, ...] = ()
    schema_url: str = ""


def read_otlp(tree: Mapping[str, Any]) -> Iterator[Read]:
    """Yield every event of one OTLP JSON document, in its order; raise `TooDeep`. What is not ours is passed over."""
    for group in _objects(tree, "resourceSpans"):
        resource, wrong = _attributes(_object(group, "resource").get("attributes"))
        for scoped in _objects(group, "scopeSpans"):
            url = str(scoped.get("schemaUrl") or group.get("schemaUrl") or "")
            for span in _objects(scoped, "spans"):
                yield from _with(_of_span(span, resource, url), wrong)
    for group in _objects(tree, "resourceLogs"):
        resource, wrong = _attributes(_object(group, "resource").get("attributes"))
        for scoped in _objects(group, "scopeLogs"):
            url = str(scoped.get("schemaUrl") or group.get("schemaUrl") or "")
            for log in _objects(scoped, "logRecords"):
                yield from _with(_of_log(log, resource, url), wrong)


def _with(found: Iterable[Read], wrong: list[Problem]) -> Iterator[Read]:
    """Add what is wrong with the resource to each of its events."""
    yield from (replace(each, form=(*each.form, *wrong)) if wrong else each for each in found)


def _of_span(span: Mapping[str, Any], resource: Mapping[str, Value], url: str) -> Iterator[Read]:
    name = span.get("name")
    trace_id, span_id = _id(span, "traceId"), _id(span, "spanId")
    if _near_ours(name):
        facts, form = _attributes(span.get("attributes"))
        if _ours(name, facts):
            record = Record(
                name=str(name),
                time_ns=_time(span, "endTimeUnixNano", form),
                start_ns=_time(span, "startTimeUnixNano", form),
                attributes=facts,
                trace_id=trace_id,
                span_id=span_id,
                parent_span_id=_id(span, "parentSpanId"),
                resource=resource,
            )
            yield Read(record=record, form=tuple(form), schema_url=url)
    for event in _objects(span, "events"):
        if _near_ours(event.get("name")):
            yield from _of_moment(event, str(event["name"]), SPAN_EVENT, resource, url, (trace_id, span_id))


def _of_log(log: Mapping[str, Any], resource: Mapping[str, Value], url: str) -> Iterator[Read]:
    name = log.get("eventName")
    if not name:  # where a log's event had its name before the field existed
        named = (each for each in _objects(log, "attributes") if each.get("key") == "event.name")
        name = next((_object(each, "value").get("stringValue") for each in named), None)
    if _near_ours(name):
        yield from _of_moment(log, str(name), LOG, resource, url, (_id(log, "traceId"), _id(log, "spanId")))


def _of_moment(
    item: Mapping[str, Any], name: str, carrier: str, resource: Mapping[str, Value], url: str, ids: tuple[str, str]
) -> Iterator[Read]:
    """Yield the event of a log record or a span event, which tell only when it ended."""
    facts, form = _attributes(item.get("attributes"))
    if not _ours(name, facts):
        return
    time_ns = _time(item, "timeUnixNano", form)
    record = Record(
        name=name,
        time_ns=time_ns,
        start_ns=start_of(name, facts, time_ns),
        attributes=facts,
        trace_id=ids[0],
        span_id=ids[1],
        resource=resource,
        carrier=carrier,
    )
    yield Read(record=record, form=tuple(form), schema_url=url)


def _near_ours(name: object) -> bool:
    return isinstance(name, str) and (name.startswith(PREFIX) or name in ALIASES)


def _ours(name: object, facts: Mapping[str, Value]) -> bool:
    """Tell whether an item is an event of ours: the runbook's plain names may be somebody else's where none of our facts is told."""
    return isinstance(name, str) and (name.startswith(PREFIX) or any(key.startswith("voice.") for key in facts))


def _object(holder: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    found = holder.get(member)
    return found if isinstance(found, Mapping) else {}


def _objects(holder: Mapping[str, Any], member: str) -> Iterable[Mapping[str, Any]]:
    found = holder.get(member)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else ()


def _id(item: Mapping[str, Any], member: str) -> str:
    return plain_id(str(item.get(member) or ""))


def _time(item: Mapping[str, Any], member: str, form: list[Problem]) -> int:
    given = item.get(member, 0)
    try:
        number = int(given) if isinstance(given, str) else given
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**64:
            return number
    except ValueError:
        pass
    words = f"`{member}` is `{str(given)[:64]}`, not Unix nanoseconds as a whole number"
    form.append(Problem(code="impossible_value", key=member, message=words, found=str(given)[:64], allowed="Unix nanoseconds"))
    return 0


def _attributes(listed: object) -> tuple[dict[str, Value], list[Problem]]:
    """Return attributes of a `KeyValue` list, the last of a key, and what is wrong with the list."""
    form: list[Problem] = []
    facts: dict[str, Value] = {}
    if listed is None:
        return facts, form
    if not isinstance(listed, list):
        words = "`attributes` is no list of `{key, value}`, which OTLP has instead of an object"
        return facts, [Problem(code="wrong_type", key="attributes", message=words)]
    for pair in listed:
        key = pair.get("key", "") if isinstance(pair, Mapping) else None  # protobuf leaves an empty one out
        if not isinstance(key, str):
            form.append(Problem(code="wrong_type", key="attributes", message="`attributes` holds an item that is no `{key, value}`"))
            continue
        value = _any_value(pair.get("value"), key, form)
        if key in facts:
            two = key == a.VOICE_SCHEMA_VERSION and facts[key] != value
            both = "" if _secret(key) else f", `{str(facts[key])[:64]}` and `{str(value)[:64]}`"
            words = f"`{key}` is given twice{both}: the last one counts"
            form.append(Problem(code="conflicting_versions" if two else "duplicate_attribute", key=key, message=words))
        facts[key] = value
    return facts, form


def _any_value(given: object, key: str, form: list[Problem], depth: int = 0) -> Value:
    if depth > _VALUE_DEPTH:
        raise TooDeep(f"`{key}` is nested deeper than {MAX_DEPTH} levels")
    if not isinstance(given, Mapping) or not given:
        return None
    kind, inner = next(iter(given.items()))
    read = _READ.get(kind)
    if len(given) == 1 and read is not None:
        try:
            return read(inner)
        except (TypeError, ValueError, OverflowError):
            pass
    elif len(given) == 1 and kind in {"arrayValue", "kvlistValue"} and isinstance(inner, Mapping):
        values = inner.get("values", [])
        if isinstance(values, list) and kind == "arrayValue":
            return tuple(_any_value(each, key, form, depth + 1) for each in values)
        if isinstance(values, list) and all(isinstance(each, Mapping) and isinstance(each.get("key", ""), str) for each in values):
            names = [each.get("key", "") for each in values]
            if len(set(names)) == len(names):
                return {each.get("key", ""): _any_value(each.get("value"), key, form, depth + 1) for each in values}
    if kind not in _KINDS:
        words = f"`{key}` has a value of kind `{str(kind)[:64]}`, which OTLP has not: {', '.join(_KINDS)}"
        form.append(Problem(code="wrong_type", key=key, message=words, found=str(kind)[:64], allowed=", ".join(_KINDS)))
        return None
    words = f"`{key}` has a value that is no `{kind}`{'' if _secret(key) else f': `{str(inner)[:64]}`'}"
    form.append(Problem(code="wrong_type", key=key, message=words, found=str(inner)[:64], allowed="an AnyValue of OTLP"))
    return None


def _secret(key: str) -> bool:
    attribute = a.ATTRIBUTES.get(key)
    return attribute is not None and attribute.sensitivity != "none"


def _text(inner: object) -> str:
    if not isinstance(inner, str):
        raise TypeError
    inner.encode()  # a lone surrogate is no text
    return inner


def _flag(inner: object) -> bool:
    if not isinstance(inner, bool):
        raise TypeError
    return inner


def _whole(inner: object) -> int:
    """OTLP JSON writes 64-bit numbers as texts, and reads both."""
    if isinstance(inner, bool) or not isinstance(inner, (int, str)) or not -(2**63) <= int(inner) < 2**63:
        raise TypeError
    return int(inner)


def _number(inner: object) -> float:
    if isinstance(inner, bool) or not isinstance(inner, (int, float, str)):
        raise TypeError
    return float(inner)


def _bytes(inner: object) -> bytes:
    """Standard and URL-safe base64, padded or not, as protobuf's JSON reads them."""
    plain = _text(inner).replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


_READ: Final[dict[str, Callable[[object], Value]]] = {
    "stringValue": _text,
    "boolValue": _flag,
    "intValue": _whole,
    "doubleValue": _number,
    "bytesValue": _bytes,
}


def otlp_tree(records: Iterable[Record], carrier: str) -> dict[str, Any]:
    """Return an OTLP JSON document that carries these events as spans or log records, one group per resource."""
    groups: dict[str, tuple[Record, list[dict[str, Any]]]] = {}
    item: Callable[[Record], dict[str, Any]] = _log if carrier == LOG else _span
    for record in records:
        resource = [_pair(key, value) for key, value in record.resource.items()]
        group = json.dumps([resource, _schema_url(record)], sort_keys=True)
        groups.setdefault(group, (record, []))[1].append(item(with_ids(_moved(record, carrier))))
    kinds = ("resourceLogs", "scopeLogs", "logRecords") if carrier == LOG else ("resourceSpans", "scopeSpans", "spans")
    scope = {"name": SCOPE, "version": package_version()}
    return {
        kinds[0]: [
            {
                "resource": {"attributes": [_pair(key, value) for key, value in first.resource.items()]},
                kinds[1]: [{"scope": scope, kinds[2]: items, "schemaUrl": _schema_url(first)}],
            }
            for first, items in groups.values()
        ]
    }


def _moved(record: Record, carrier: str) -> Record:
    """Return an event for another carrier: the span around a log or span event becomes the parent of the span it is now."""
    if carrier == SPAN and record.carrier in (LOG, SPAN_EVENT) and record.span_id:
        return replace(record, carrier=SPAN, parent_span_id=record.span_id, span_id="")
    return record


def _schema_url(record: Record) -> str:
    """Return the URL of the version that an event says it is written in, none where that is no published one."""
    version = record.attributes.get(a.VOICE_SCHEMA_VERSION)
    if not isinstance(version, str) or version not in PUBLISHED_VERSIONS:
        return ""
    return SCHEMA_URL.rsplit("/", 1)[0] + "/" + ".".join(str(int(part)) for part in version.split("-"))


def _span(record: Record) -> dict[str, Any]:
    parent = {"parentSpanId": record.parent_span_id} if record.parent_span_id else {}
    return {
        "traceId": record.trace_id,
        "spanId": record.span_id,
        **parent,
        "flags": 1,
        "name": record.name,
        "kind": INTERNAL,
        "startTimeUnixNano": str(record.start_ns),
        "endTimeUnixNano": str(record.time_ns),
        "attributes": [_pair(key, value) for key, value in record.attributes.items()],
    }


def _log(record: Record) -> dict[str, Any]:
    return {
        "timeUnixNano": str(record.time_ns),
        "observedTimeUnixNano": str(record.time_ns),
        "severityNumber": INFO,
        "eventName": record.name,
        "attributes": [_pair(key, value) for key, value in record.attributes.items()],
        "flags": 1,
        "traceId": record.trace_id,
        "spanId": record.span_id,
    }


def _pair(key: str, value: Value) -> dict[str, Any]:
    return {"key": key, "value": _of_value(value)}


def _of_value(value: Value) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        if math.isfinite(value):
            return {"doubleValue": value}
        return {"doubleValue": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": [_pair(key, each) for key, each in value.items()]}}
    return {"arrayValue": {"values": [_of_value(each) for each in value]}}


def with_ids(record: Record) -> Record:
    """Return an event with the ids that a carrier needs: those it has, else derived from its call and from what it says."""
    if record.trace_id and record.span_id:
        return record
    text = json.dumps(to_envelope(record), ensure_ascii=False, sort_keys=True)
    call = record.attributes.get(a.VOICE_CALL_ID)
    trace, root = derive_ids(call if isinstance(call, str) and call else text)
    span_id = record.span_id or blake2b(text.encode("utf-8", "replace"), digest_size=8, person=b"otel-voice event").hexdigest()
    trace_id = record.trace_id or f"{trace:032x}"
    inside = trace_id == f"{trace:032x}"
    return replace(record, trace_id=trace_id, span_id=span_id, parent_span_id=record.parent_span_id or (f"{root:016x}" if inside else ""))


def without_made_ids(record: Record) -> Record:
    """Undo `with_ids`: return an event without the ids that were derived for its carrier, so that its envelope comes back as it was."""
    plain = replace(record, carrier=SPAN)
    for trace_id in dict.fromkeys(("", record.trace_id)):
        for parent in dict.fromkeys(("", record.parent_span_id)):
            bare = replace(plain, trace_id=trace_id, span_id="", parent_span_id=parent)
            if with_ids(bare) == plain:
                return replace(bare, carrier=record.carrier)
    return record
