"""Any event that conforms, made by a source of chance: unicode, empty texts, extremes, absent options, unknown extras."""

from __future__ import annotations

import random
from typing import Any

from otel_voice_schema import attributes as a
from otel_voice_schema.attributes import ATTRIBUTES, Attribute
from otel_voice_schema.events import EVENTS, SCHEMA_VERSION
from otel_voice_schema.record import Record, start_of

TEXTS = ("", " ", "no, Friday", "naïve façade", "日本語", "🙂🙃", "e\u0301", "\u202eabc", "null", "0", '"', "a\nb\tc", "\x00", "\\u0041")
EXTRAS = ('{"mine":1}', '{"agentSpeech":{"voice":"x"}}', '{"agentSpeech":"loud"}', "{}", "no json", '{ "a":1}', '{"eventName":1}')
PLANES = ((1, 0x7F), (0xA0, 0xD7FF), (0x10000, 0x10FFFF))
INTS = (0, 1, -1, 2**31, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, 0.1, 1e-300, 1.7976931348623157e308, 5e-324, float("inf"), float("-inf"))


def value(rng: random.Random, attribute: Attribute) -> Any:
    """A value that the registry allows."""
    if attribute.many:
        return tuple(one(rng, attribute) for _ in range(rng.choice((0, 1, 1, 2, 5))))
    return one(rng, attribute)


def one(rng: random.Random, attribute: Attribute) -> Any:
    if attribute.values is not None:
        return rng.choice(sorted(attribute.values))
    low, high = attribute.min, attribute.max
    if attribute.type == "boolean":
        return rng.random() < 0.5
    if attribute.type == "int":
        return rng.choice((int(low or 0), int(high or 2**63 - 1), rng.randint(int(low or 0), int(high or 10**6))))
    if attribute.type == "double":
        return float(rng.choice((low, high, rng.random()))) if low is not None and high is not None else rng.uniform(-90.0, 90.0)
    return text(rng)[: attribute.max_length]


def text(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(TEXTS)
    return "".join(chr(rng.randint(*rng.choice(PLANES))) for _ in range(rng.randint(1, 12)))


def extra(rng: random.Random, depth: int = 0) -> Any:
    """A value of an attribute that the registry does not know."""
    kinds = [lambda: text(rng), lambda: rng.random() < 0.5, lambda: rng.choice(INTS), lambda: rng.choice(FLOATS), lambda: None]
    if depth < 2:
        kinds += [
            lambda: rng.randbytes(rng.randint(0, 9)),
            lambda: tuple(extra(rng, depth + 1) for _ in range(rng.randint(0, 3))),
            lambda: {text(rng): extra(rng, depth + 1) for _ in range(rng.randint(0, 3))},
            lambda: {rng.choice(("doubleValue", "kvlistValue", "x")): extra(rng, depth + 1)},
        ]
    return rng.choice(kinds)()


def record(rng: random.Random, *, by_sender: bool = False) -> Record:
    """An event; `by_sender` leaves out what only the processor emits or sets."""
    event = rng.choice([each for each in EVENTS.values() if not (by_sender and each.by_processor)])
    facts: dict[str, Any] = {a.VOICE_SCHEMA_VERSION: SCHEMA_VERSION, a.VOICE_CALL_ID: f"call_{rng.randint(0, 999)}{text(rng)}"}
    known = [key for key in (*event.facts, *event.conditional, *event.optional) if key in ATTRIBUTES and key not in facts]
    known.remove(a.VOICE_SCHEMA_ORIGINAL_VERSION)
    known.remove(a.VOICE_ENVELOPE_EXTRA)
    for key in sorted(known):
        if rng.random() < 0.5 and not (by_sender and ATTRIBUTES[key].by_processor):
            facts[key] = value(rng, ATTRIBUTES[key])
    for _ in range(rng.choice((0, 0, 1, 3))):
        facts[rng.choice(("app.note", "lk.speech_id", "voice.mine", "x")) + text(rng)] = extra(rng)
    if rng.random() < 0.2:
        facts[a.VOICE_ENVELOPE_EXTRA] = rng.choice(EXTRAS)
    time_ns = rng.choice((1, 10**18, 1_779_291_738_231_000_000, 2**63 - 1, rng.randint(1, 2 * 10**18)))
    start_ns = rng.choice((time_ns, start_of(event.name, facts, time_ns), rng.randint(0, time_ns)))
    return Record(
        name=event.name,
        time_ns=time_ns,
        start_ns=start_ns,
        attributes=facts,
        trace_id=rng.choice(("", f"{rng.randint(1, 2**128 - 1):032x}")),
        span_id=rng.choice(("", f"{rng.randint(1, 2**64 - 1):016x}")),
        parent_span_id=rng.choice(("", f"{rng.randint(1, 2**64 - 1):016x}")),
        resource=rng.choice(({}, {"service.name": "agent", "x": extra(rng)})),
    )


def exact(thing: Any) -> Any:
    """What a value says with its types, so that 1, 1.0 and True differ; an order of keys says nothing, nor does the carrier."""
    if isinstance(thing, Record):
        return {name: exact(getattr(thing, name)) for name in Record.__slots__ if name != "carrier"}
    if isinstance(thing, dict):
        return {key: exact(each) for key, each in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [exact(each) for each in thing]
    return type(thing).__name__, repr(thing)
