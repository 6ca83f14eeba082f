"""Does an event conform? Every problem at once; which of them keep it from being judged, `problems.CODES` says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Final

from otel_voice_schema import attributes as a
from otel_voice_schema.attributes import ATTRIBUTES, Attribute
from otel_voice_schema.events import ALIASES, EVENTS, PREFIX, PUBLISHED_VERSIONS, SCHEMA_VERSION, Event
from otel_voice_schema.problems import CODES, Problem
from otel_voice_schema.record import ENVELOPE, LOG, SPAN, SPAN_EVENT, Record
from otel_voice_schema.upgrade import RUNBOOK, facts_of, is_newer

PROCESSOR: Final = "otel-voice-processor"  # the service name of what it emits itself
EARLIEST_NS: Final = 10**17  # March 1973; milliseconds of today taken for nanoseconds lie in January 1970
SHOWN: Final = 64  # characters of a value in a message
_PYTHON: Final[dict[str, type | tuple[type, ...]]] = {"string": str, "int": int, "double": (int, float), "boolean": bool}
_KINDS: Final[dict[type, str]] = {
    bool: "boolean",
    int: "int",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "a list",
    tuple: "a list",
    type(None): "empty",
}
_IDS: Final = (("traceId", 16), ("spanId", 8), ("parentSpanId", 8))
_LOG_PLACES: Final = {"name": "eventName", "endTimeUnixNano": "timeUnixNano", "startTimeUnixNano": "timeUnixNano"}
_PLACES: Final[dict[str, dict[str, str]]] = {  # what a place is called on other carriers than a span
    SPAN: {},
    LOG: _LOG_PLACES,
    SPAN_EVENT: _LOG_PLACES | {"name": "name"},
    ENVELOPE: {"name": "eventName", "endTimeUnixNano": "occurredAt", "startTimeUnixNano": "startedAt"},
}
_HEX: Final = re.compile(r"[0-9a-f]*")
_INT64: Final = 2**63
_RULED: Final = frozenset(key for key, each in ATTRIBUTES.items() if each.by_processor)
_OLD: Final = {key: each.renamed_to for key, each in ATTRIBUTES.items() if each.renamed_to}
_LISTED: Final = sorted(ATTRIBUTES)


def check(
    name: str, attributes: Mapping[str, object], *, start_ns: int = 1, time_ns: int = 1, schema_url: str = "", sent: bool = True
) -> list[Problem]:
    """Return every problem of the event `name` with `attributes`; times are Unix nanoseconds.

    `schema_url` is the one of its instrumentation scope; `sent` is false for what comes from the processor, which sets its own attributes.
    """
    known = ALIASES.get(name, name)
    event = EVENTS.get(known)
    if event is None:
        unknown = _unknown_event(name)
        meant = unknown.nearest
        more = check(meant, attributes, start_ns=start_ns, time_ns=time_ns, schema_url=schema_url, sent=sent) if meant else []
        return [unknown, *(each for each in more if each.key != "name")]  # what else is wrong, if that one was meant
    version = attributes.get(a.VOICE_SCHEMA_VERSION)
    if version != SCHEMA_VERSION and is_newer(version):
        return [_newer(version)]
    problems = faults(attributes, start_ns=start_ns, time_ns=time_ns)
    if name != known or version != SCHEMA_VERSION or schema_url:
        problems += _of_version(name, known, version, schema_url)
    if sent and event.by_processor:
        problems.append(Problem(code="reserved_attribute", key="name", message=f"`{name}` is an event that only the processor emits"))
    elif sent and not _RULED.isdisjoint(attributes):
        problems += [_problem("reserved_attribute", key, "is set by the processor only") for key in attributes if key in _RULED]
    if version == SCHEMA_VERSION and not _OLD.keys().isdisjoint(attributes) and a.VOICE_SCHEMA_ORIGINAL_VERSION not in attributes:
        problems += [_deprecated(key, new) for key, new in _OLD.items() if key in attributes]
    problems += _missing(event, attributes, event.facts if version == SCHEMA_VERSION else facts_of(str(version), known))
    problems += _inconsistent(attributes)
    return problems


def faults(attributes: Mapping[str, object], *, start_ns: int, time_ns: int) -> list[Problem]:
    """Return what is wrong with an event whatever its name: values, call id, time. All that keeps one from being judged is here."""
    problems = []
    for key, value in attributes.items():
        if not FINE.get(key, _unsure)(value) and value is not None and (problem := value_problem(key, value)):
            problems.append(problem)
    if not attributes.get(a.VOICE_CALL_ID):
        problems.append(_problem("missing_attribute", a.VOICE_CALL_ID, "is missing or empty", allowed="text of 1 to 256 characters"))
    if time_ns <= 0:
        words = "the event has no time"
        problems.append(Problem(code="missing_time", key="endTimeUnixNano", message=words, allowed="Unix nanoseconds, more than 0"))
    elif start_ns > time_ns:
        words = f"the event starts {(start_ns - time_ns) / 1e6:g} ms after it ends"
        problems.append(Problem(code="impossible_value", key="startTimeUnixNano", message=words))
    return problems


def check_record(record: Record, form: Sequence[Problem] = (), *, schema_url: str = "", sent: bool = True) -> list[Problem]:
    """Return every problem of an event, its ids included, in the words of its carrier.

    `form` is what its reader found wrong already: of a place that is in it nothing more is said.
    """
    sent = sent and record.resource.get("service.name") != PROCESSOR
    found = check(record.name, record.attributes, start_ns=record.start_ns, time_ns=record.time_ns, schema_url=schema_url, sent=sent)
    if 0 < record.time_ns < EARLIEST_NS:
        words = f"the event's time is {record.time_ns / 1e9:.0f} s after 1970: are these milliseconds, not nanoseconds?"
        found.append(Problem(code="inconsistent_facts", key="endTimeUnixNano", message=words, found=str(record.time_ns)))
    names = _PLACES[record.carrier]
    problems = [replace(each, key=names.get(each.key, each.key)) if each.key in names else each for each in (*found, *_of_ids(record))]
    if record.carrier == ENVELOPE:
        problems = [_in_envelope(each) for each in problems]
    told = {each.key for each in form}
    return [*form, *(each for each in problems if each.key not in told)]


def _in_envelope(problem: Problem) -> Problem:
    """Say where in the envelope it is."""
    attribute = ATTRIBUTES.get(problem.key)
    if attribute is None or attribute.json == "*":
        return problem
    message = problem.message.replace(f"`{problem.key}`", f"`{attribute.json}` (`{problem.key}`)", 1)
    if problem.key == a.VOICE_EVIDENCE_MISSING:
        return replace(problem, message=message)
    return replace(problem, message=message.replace(f"`{a.VOICE_EVIDENCE_MISSING}`", f"`{ATTRIBUTES[a.VOICE_EVIDENCE_MISSING].json}`"))


def _of_ids(record: Record) -> Iterator[Problem]:
    for (key, size), text in zip(_IDS, (record.trace_id, record.span_id, record.parent_span_id), strict=True):
        if not text and (record.carrier != SPAN or key == "parentSpanId"):
            continue
        if len(text) != 2 * size or not _HEX.fullmatch(text) or not text.strip("0"):
            wrong = "is empty" if not text else "is no hex (is it base64?)" if not _HEX.fullmatch(text) else "is all zero"
            wrong = wrong if text.strip("0") == "" or not _HEX.fullmatch(text) else f"has {len(text)} digits"
            allowed = f"{size} bytes, {2 * size} hex digits, not all zero"
            words = f"`{key}` is `{_shown(text)}`, which {wrong}: {allowed}"
            yield Problem(code="bad_id", key=key, message=words, found=_shown(text), allowed=allowed)


def unjudged(problems: list[Problem]) -> tuple[str, ...]:
    """Return the codes that keep an event from being judged; empty if it can be."""
    return tuple(dict.fromkeys(problem.code for problem in problems if not CODES[problem.code].judged and problem.severity == "error"))


def _problem(code: str, key: str, says: str, *, found: object = "", allowed: str = "", nearest: str | None = None) -> Problem:
    hint = f": did you mean `{nearest}`?" if nearest else ""
    return Problem(code=code, key=key, message=f"`{key}` {says}{hint}", found=_shown(found), allowed=allowed, nearest=nearest)


def _shown(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # an int of more digits than Python writes out
        text = "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


@lru_cache(maxsize=4096)  # the search for the nearest name is dear, and a sender repeats its mistake on every record
def _unknown_event(name: str) -> Problem:
    tails = {known.removeprefix(PREFIX): ALIASES.get(known, known) for known in (*ALIASES, *EVENTS)}  # what they share says nothing
    near = [tails[tail] for tail in _close(name.removeprefix(PREFIX), tails)]
    hint = f": did you mean `{near[0]}`?" if near else ""
    words = f"unknown event `{_shown(name)}`{hint}"
    return Problem(code="unknown_event", key="name", message=words, found=_shown(name), nearest=near[0] if near else None)


def _newer(version: object) -> Problem:
    words = f"is `{version}`, later than `{SCHEMA_VERSION}`: passed on, not judged"
    return _problem("newer_version", a.VOICE_SCHEMA_VERSION, words, found=version, allowed=SCHEMA_VERSION)


def _of_version(name: str, known: str, version: object, schema_url: str) -> Iterator[Problem]:
    key = a.VOICE_SCHEMA_VERSION
    published = ", ".join(PUBLISHED_VERSIONS)
    if isinstance(version, str) and version not in PUBLISHED_VERSIONS:
        says = f"is `{_shown(version)}`, which was never published: {published}"
        yield _problem("unknown_version", key, says, found=version, allowed=published)
    if name != known and version != RUNBOOK:
        words = f"`{name}` is an old name of `{known}`"
        yield Problem(code="deprecated_name", key="name", message=words, found=name, allowed=known, nearest=known)
    told = _date(schema_url)
    if told is not None and isinstance(version, str) and version in PUBLISHED_VERSIONS and told != version:
        words = f"is `{version}`, and the scope's schema_url says `{told}`: the attribute counts"
        yield _problem("conflicting_versions", key, words, found=f"{version} and {told}", allowed="one version")


def _deprecated(key: str, new: str) -> Problem:
    return _problem("deprecated_name", key, f"is an old name: use `{new}`", found=key, allowed=new, nearest=None)


def _date(schema_url: str) -> str | None:
    """Return the version of a schema URL of ours, None of any other."""
    found = re.search(r"/otel-voice/(\d{4})[.-](\d{1,2})[.-](\d{1,2})$", schema_url)
    return f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}" if found else None


def value_problem(key: str, value: object) -> Problem | None:
    """Return what is wrong with the value of an attribute, None where it conforms."""
    attribute = ATTRIBUTES.get(key)
    if attribute is None:
        return _unknown_key(key)
    if not attribute.many:
        return _of_one(attribute, value)
    if not isinstance(value, (list, tuple)):
        return _wrong_type(attribute, value)
    if attribute.max_items is not None and len(value) > attribute.max_items:
        most = f"at most {attribute.max_items} items"
        return _problem("too_many", key, f"has {len(value)} items, {most}", found=f"{len(value)} items", allowed=most)
    return next((problem for item in value if (problem := _of_one(attribute, item))), None)


def _of_one(attribute: Attribute, value: object) -> Problem | None:
    """Return what is wrong with a value, or with one item of a list."""
    key = attribute.key
    if not isinstance(value, _PYTHON[attribute.type]) or (isinstance(value, bool) and attribute.type != "boolean"):
        return _wrong_type(attribute, value)
    if attribute.values is not None and value not in attribute.values:
        near = _near(str(value), attribute.values)
        allowed = ", ".join(sorted(attribute.values))
        return _problem("unknown_value", key, f"is `{_shown(value)}`, not one of {allowed}", found=value, allowed=allowed, nearest=near)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _of_range(attribute, value)
    if isinstance(value, str) and attribute.max_length is not None and len(value) > attribute.max_length:
        most = f"at most {attribute.max_length} characters"
        code = "impossible_value" if key.endswith(".id") else "too_long"
        return _problem(code, key, f"has {len(value)} characters, {most}", found=f"{len(value)} characters", allowed=most)
    return None


def _wrong_type(attribute: Attribute, value: object) -> Problem:
    wanted = f"{attribute.type}[]" if attribute.many else attribute.type
    kind = _KINDS.get(type(value), "an object" if isinstance(value, Mapping) else type(value).__name__)
    unit = f" ({attribute.unit})" if attribute.unit and attribute.unit != "1" else ""
    shown = "" if attribute.sensitivity != "none" else f" `{_shown(value)}`"  # a message may end in a log
    return _problem("wrong_type", attribute.key, f"is {kind}{shown}, not {wanted}{unit}", found=f"{kind}{shown}", allowed=wanted)


def _of_range(attribute: Attribute, value: float) -> Problem | None:
    low, high = attribute.min, attribute.max
    if isinstance(value, float) and not math.isfinite(value):
        says = "which is no number"
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        says = "more than 64 bits hold"
    elif low is not None and high is not None and high < 2 and not low <= value <= high:
        says = f"not between {low:g} and {high:g}{': is it a percentage?' if 1 < value <= 100 else ''}"
    elif low is not None and value < low:
        says = f"less than {low:g}" if low else "which is negative"
    elif high is not None and value > high:
        says = "more than a week" if attribute.unit == "ms" else f"more than {high:g}"
    else:
        return None
    bounds = "a finite number" if low is None else f"{low} or more" if high is None else f"{low} to {high}"
    return _problem("impossible_value", attribute.key, f"is {_shown(value)}, {says}", found=value, allowed=bounds)


def _close(word: str, known: Iterable[str], *, n: int = 1, cutoff: float = 0.6) -> list[str]:
    from difflib import get_close_matches  # only a mistake needs it, and an agent should start fast

    return get_close_matches(word, known, n=n, cutoff=cutoff)


@lru_cache(maxsize=4096)  # likewise
def _near(word: str, known: frozenset[str]) -> str | None:
    plain = re.sub(r"[^a-z0-9]+", "_", word.lower())
    if plain in known:
        return plain
    return next(iter(_close(plain, sorted(known), n=1, cutoff=0.7)), None)


@lru_cache(maxsize=4096)
def _unknown_key(key: str) -> Problem | None:
    """Return a problem where a name is near one of ours: another case or separator, or a slip."""
    if key in _FOREIGN:
        return None
    near = _squashed_names().get(_squashed(key))
    if near is None and "." in key and f"voice.{key}" in ATTRIBUTES:
        near = f"voice.{key}"
    if near is None and key.startswith("voice."):
        near = next(iter(_close(key, _LISTED, n=1, cutoff=0.85)), None)
    if near is None:
        return None
    return _problem("unknown_attribute", key, "is unknown", found=key, nearest=near)


@cache
def _squashed_names() -> dict[str, str]:
    """Return the keys by their letters alone, and by those of their place in the envelope; made when somebody first errs."""
    members = {each.json.rsplit(".", 1)[-1]: key for key, each in ATTRIBUTES.items()}
    names = {_squashed(key): key for key in ATTRIBUTES}
    return names | {_squashed(name): key for name, key in members.items() if len(name) > 8}


def _squashed(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _missing(event: Event, attributes: Mapping[str, object], facts: frozenset[str]) -> Iterator[Problem]:
    listed = attributes.get(a.VOICE_EVIDENCE_MISSING) or ()
    told = {key for key, value in attributes.items() if value is not None}
    if isinstance(listed, (list, tuple)):
        told.update(map(str, listed))
    kind = attributes.get(a.VOICE_CALLER_INPUT_TYPE)
    wanted = facts - told
    if event.conditional and facts is event.facts:
        wanted |= {key for key, words in event.conditional.items() if words.endswith(f" {kind}") and key not in told}
    if isinstance(listed, (list, tuple)):
        for key in dict.fromkeys(each for each in listed if isinstance(each, str) and each not in ATTRIBUTES and each not in _FOREIGN):
            words = f"lists `{_shown(key)}`, which is no attribute"
            near = _squashed_names().get(_squashed(key)) or next(iter(_close(key, _LISTED, cutoff=0.75)), None)
            yield _problem("unknown_attribute", a.VOICE_EVIDENCE_MISSING, words, found=key, nearest=near)
    for key in sorted(wanted):
        when = f", {event.conditional[key]}" if key in event.conditional else ""
        yield _problem("missing_fact", key, f"is neither present nor listed in `{a.VOICE_EVIDENCE_MISSING}`{when}")


def _inconsistent(facts: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what cannot both hold within one event; what needs two events is `consistency`'s business."""

    def number(key: str) -> int | float:
        value = facts.get(key)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0

    def problem(key: str, says: str) -> Problem:
        return _problem("inconsistent_facts", key, says, found=facts.get(key, ""))

    planned, position = number(a.VOICE_AGENT_RESPONSE_DURATION_MS), number(a.VOICE_AGENT_PLAYBACK_POSITION_MS)
    if 0 < planned < position:
        yield problem(a.VOICE_AGENT_PLAYBACK_POSITION_MS, f"is {position}, beyond the response's planned {planned} ms")
    spoken, first = number(a.VOICE_CALLER_SPEECH_DURATION_MS), number(a.VOICE_CALLER_SPEECH_FIRST_WORD_OFFSET_MS)
    if 0 < spoken < first:
        yield problem(a.VOICE_CALLER_SPEECH_FIRST_WORD_OFFSET_MS, f"is {first}, after the {spoken} ms of speech")
    if a.VOICE_CALLER_TRANSCRIPT_STATUS in facts:
        yield from _of_transcript(facts, number, problem)
    if a.VOICE_CALLER_TRANSCRIPT_TEXT in facts and facts.get(a.VOICE_CALLER_TRANSCRIPT_REDACTION) == a.Redaction.REDACTED:
        yield problem(a.VOICE_CALLER_TRANSCRIPT_TEXT, f"is there, and `{a.VOICE_CALLER_TRANSCRIPT_REDACTION}` says `redacted`")
    if a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE in facts and a.VOICE_CALLER_INPUT_CLASS not in facts:
        yield problem(a.VOICE_CALLER_INPUT_CLASS_CONFIDENCE, f"is told without `{a.VOICE_CALLER_INPUT_CLASS}`")
    listed = facts.get(a.VOICE_EVIDENCE_MISSING)
    if isinstance(listed, (list, tuple)):
        for key in dict.fromkeys(each for each in listed if isinstance(each, str) and facts.get(each) is not None):
            yield problem(key, f"is present, and listed in `{a.VOICE_EVIDENCE_MISSING}`")


def _of_transcript(
    facts: Mapping[str, object], number: Callable[[str], float], problem: Callable[[str, str], Problem]
) -> Iterator[Problem]:
    key = a.VOICE_CALLER_TRANSCRIPT_STATUS
    status = facts[key]
    if status in (a.TranscriptStatus.EMPTY, a.TranscriptStatus.UNAVAILABLE):
        words = number(a.VOICE_CALLER_TRANSCRIPT_WORD_COUNT)
        if words > 0:
            yield problem(key, f"is `{status}`, and {words} words are told")
        elif number(a.VOICE_CALLER_TRANSCRIPT_LENGTH) > 0 or facts.get(a.VOICE_CALLER_TRANSCRIPT_TEXT):
            yield problem(key, f"is `{status}`, and text is told")


def _unsure(_: object) -> bool:
    return False


def _fine(attribute: Attribute) -> Callable[[object], bool]:
    """Return a quick test that never passes what the full one refuses; what it fails goes to the full one."""
    values, low, high, longest = attribute.values, attribute.min, attribute.max, attribute.max_length
    if attribute.many:
        return _unsure
    if attribute.type == "boolean":
        return lambda value: value is True or value is False
    if values is not None:
        return lambda value: type(value) is str and value in values
    if attribute.type == "string":
        return lambda value: type(value) is str and (longest is None or len(value) <= longest)
    least, most = 0 if low is None else low, 10**12 if high is None else high
    if attribute.type == "int":
        return lambda value: type(value) is int and least <= value <= most
    return lambda value: type(value) is float and least <= value <= most


FINE: Final = {key: _fine(attribute) for key, attribute in ATTRIBUTES.items()}
_FOREIGN: Final = frozenset({a.GEN_AI_AGENT_NAME, a.GEN_AI_CONVERSATION_ID, a.SESSION_ID})
