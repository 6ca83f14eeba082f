"""`otel-voice policy explain`: why an input is ruled as it is, as a colleague would say it."""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from otel_voice_schema.attributes import ATTRIBUTES
from otel_voice_schema.envelope import EnvelopeError, from_envelope

from otel_voice.policy import CANDIDATE_ATTRIBUTES, Candidate, candidate_from_attributes
from otel_voice.policy.explain import CLASSES, Explanation, Flip, explain, facts_of, reason_in_words
from otel_voice.policy.interpret import SILENT_STATES
from otel_voice.policy.settings import KEYS
from otel_voice.printable import printable

from .files import NotRead, add_policy, policy_of, unknown_names

TYPES = {name: get_args(hint)[0] for name, hint in get_type_hints(Candidate).items()}
DO = {
    "stop_agent_audio_and_accept_user_turn": "stop the agent and take the caller's turn",
    "continue_agent_audio": "play on",
    "acknowledge_and_continue": "acknowledge it and play on",
    "pause_agent_audio": "pause, until it can be told",
    "resume_agent_audio": "resume where the agent paused",
    "buffer_input_and_continue": "play on, and keep what was said for right after",
    "route_dtmf": "stop the agent and route the key",
    "reprompt": "say the prompt again",
    "wait": "wait",
    "escalate_to_human": "stop the agent and hand the call to a person",
}
IMPLIED = {"text": "speech", "dtmf_class": "dtmf", "silence_ms": "silence"}  # what an input is, where only such a fact is told
LISTENING, SPEAKING = "the agent had been listening", "the agent had been speaking"
QUIET = {  # where nothing plays
    "stop_agent_audio_and_accept_user_turn": "take the caller's turn",
    "continue_agent_audio": "do nothing, that is no turn",
    "acknowledge_and_continue": "acknowledge it",
    "buffer_input_and_continue": "keep what was said for later",
    "route_dtmf": "route the key",
    "escalate_to_human": "hand the call to a person",
}
DOES = {
    "stop_agent_audio_and_accept_user_turn": "would stop the agent",
    "continue_agent_audio": "would play on",
    "acknowledge_and_continue": "would acknowledge it and play on",
    "pause_agent_audio": "would pause",
    "resume_agent_audio": "would resume",
    "buffer_input_and_continue": "would play on and keep the input for later",
    "route_dtmf": "would route the key",
    "reprompt": "would say the prompt again",
    "wait": "would wait",
    "escalate_to_human": "would hand the call to a person",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare an option for each field of a candidate."""
    add_policy(parser)
    parser.add_argument(
        "event", nargs="?", metavar="ENVELOPE", help="an event's JSON envelope, `-` for standard input; options override it"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--key", metavar="KEY", choices=KEYS, help="a key that was pressed, held against the keys on offer")
    for each in fields(Candidate):
        attribute = ATTRIBUTES[CANDIDATE_ATTRIBUTES[each.name]]
        known = f" ({', '.join(attribute.values)})" if attribute.values else ""
        kind = {str: "TEXT", bool: "true|false", int: "N", float: "X"}[TYPES[each.name]]
        help_text = f"{attribute.brief}{known}".replace("%", "%%")
        parser.add_argument(f"--{each.name.replace('_', '-')}", dest=f"field_{each.name}", metavar=kind, help=help_text)


def run(options: argparse.Namespace) -> int:
    """Print the ruling and all that led to it; return 2 for input that cannot be read."""
    try:
        policy = policy_of(options.policy)
        given = dict(_from_envelope(options.event)) if options.event else {}
        problems: list[str] = []
        for each in fields(Candidate):
            text = getattr(options, f"field_{each.name}")
            if text is not None:
                given[each.name] = _value(each.name, text, problems)
        if given.get("text") and (options.key is not None or given.get("input_type") == "dtmf"):
            problems.append("a key is told by --key, not by --text")
        if options.key is not None and given.get("input_type", "dtmf") != "dtmf":
            problems.append(f"--key is a key that was pressed, and --input-type says {given['input_type']}")
        if problems:
            raise _Wrong("\n".join(problems))
    except NotRead:
        return 2
    except _Wrong as error:
        print(error, file=sys.stderr)
        return 2
    if not given and options.key is None:
        print("nothing is known of the input: name an envelope, or options such as --text and --message-type", file=sys.stderr)
        return 2
    if "input_type" not in given:
        kind = next((kind for field, kind in IMPLIED.items() if field in given), None)
        given |= {} if kind is None else {"input_type": kind}
    for remark in unknown_names(policy, given.get("workflow"), given.get("message_type")):
        print(printable(remark), file=sys.stderr)
    told = explain(policy, Candidate(**given), options.key)
    if options.format == "json":
        print(json.dumps(_json(told), indent=2, ensure_ascii=False))
    else:
        print(printable("\n".join(lines(told)), keep="\n"))
    return 0


class _Wrong(Exception):
    """Input that cannot be read."""


def _from_envelope(path: str) -> Iterator[tuple[str, Any]]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        envelope = json.loads(text)
        if not isinstance(envelope, dict):
            raise _Wrong(f"{path} holds no JSON object")
        record = from_envelope(envelope)
    except EnvelopeError as error:
        raise _Wrong(f"{path} is no envelope of ours: {error}") from None
    except json.JSONDecodeError as error:
        raise _Wrong(f"{path}:{error.lineno}:{error.colno}: not readable as JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise _Wrong(f"{path} cannot be read: not UTF-8 ({error.reason})") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _Wrong(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    yield from facts_of(candidate_from_attributes(record.attributes)).items()


def _value(name: str, text: str, problems: list[str]) -> Any:
    """Return an option's value, or note what it should have been."""
    flag, kind = f"--{name.replace('_', '-')}", TYPES[name]
    attribute = ATTRIBUTES[CANDIDATE_ATTRIBUTES[name]]
    if kind is str and attribute.values and text not in attribute.values:
        near = difflib.get_close_matches(text, attribute.values, n=1, cutoff=0.5)
        hint = f": did you mean `{near[0]}`?" if near else f": known are {', '.join(attribute.values)}"
        problems.append(f"unknown value `{text}` at {flag}{hint}")
        return None
    if kind is str:
        return text
    if kind is bool:
        if text.lower() not in {"true", "false"}:
            problems.append(f"{flag} must be true or false, not `{text}`")
        return text.lower() == "true"
    try:
        number = int(text) if kind is int else float(text)
    except ValueError:
        problems.append(f"{flag} must be a {'whole number' if kind is int else 'number'}, not `{text[:40]}`")
        return None
    least, most = attribute.min, attribute.max
    if not ((least is None or number >= least) and (most is None or number <= most)):
        problems.append(f"{flag} must be {f'from {least:g} to {most:.15g}' if most is not None else f'{least:g} or more'}, not {text[:40]}")
    return number


def lines(told: Explanation) -> Iterator[str]:
    """Yield the answer first, then what was asked, what was closest, and what would have flipped it."""
    ruling, judged = told.ruling, told.judged
    does = (QUIET if told.candidate.agent_state in SILENT_STATES else {}).get(ruling.action, DO[ruling.action])
    yield f"{does[0].upper()}{does[1:]}.  ({ruling.action})"
    yield ""
    yield _heard(told)
    yield f"That is {CLASSES[judged.input_class]} ({judged.input_class}, {judged.confidence:.2f}): {reason_in_words(judged.reason)}."
    if ruling.input_class != judged.input_class:
        floor = told.rule.floor_of(judged.input_class)
        yield f"That is not sure enough here, where the floor is {floor:g}, so it is ruled as unknown."
    if told.note:
        yield f"{told.note[0].upper()}{told.note[1:]}."
    if ruling.wait_until_ms is not None:
        at = "of silence" if ruling.rule.endswith((".silence", ".patience")) else "of playback"
        yield f"Decide again at {ruling.wait_until_ms} ms {at}, at the latest."
    if ruling.cancels:
        yield "Cancel what runs behind the message, too."
    because = f": {told.rule.because}" if told.rule.because else ""
    yield ""
    yield f"By rule `{told.rule.name}` of policy {ruling.policy_version}{because}."
    width = max(len(each.setting) for each in told.asked)
    wants = min(48, max(len(each.wants) for each in told.asked))
    for each in told.asked:
        mark = "=>" if each.decided else "  "
        yield f"  {mark} {each.setting:<{width}}  {each.wants:<{wants}}  here: {each.has}  [{each.origin}]"
    if told.closest:
        yield ""
        yield "Closest limits:"
        for limit in told.closest:
            side = f"{abs(limit.margin):.15g} {'above' if limit.margin > 0 else 'below'} it" if limit.margin else "just that"
            yield f"     {limit.setting} {limit.limit:.15g}: {limit.has:.15g} is {side}"
    if told.flips:
        yield ""
        yield "It would have been otherwise if"
        for change, names in _flips(told.flips, silent=told.candidate.agent_state in SILENT_STATES):
            yield f"     {change}: {names}"


def _heard(told: Explanation) -> str:
    """Say in a sentence what the caller did, and over what."""
    c = told.candidate
    kind = {"dtmf": "pressed a key", "command": f"gave the command `{c.intent_label}`", "silence": "was silent"}.get(
        c.input_type or "", "spoke"
    )
    text = "" if not c.text else f': "{_shown(c.text)}"'
    long = f" for {c.speech_duration_ms} ms" if isinstance(c.speech_duration_ms, int) else ""
    quiet = f" for {c.silence_ms} ms" if c.input_type == "silence" and c.silence_ms is not None else ""
    at = f", {c.position_ms} ms into it" if c.position_ms is not None else ""
    over = f" over a message of type `{c.message_type}`{at}" if c.message_type else f" over a message of no known type{at}"
    over += f" in workflow `{c.workflow}`" if c.workflow else ""
    state = {"speaking": "", None: ""}.get(c.agent_state, f" (the agent was {c.agent_state})")
    return f"The caller {kind}{long}{quiet}{over}{state}{text}."


def _shown(text: str) -> str:
    plain = re.sub(r"\s+", " ", "".join(each if each.isprintable() else " " for each in text)).strip()
    return plain if len(plain) <= 120 else f"{plain[:117]}..."


def _flips(flips: tuple[Flip, ...], *, silent: bool) -> list[tuple[str, str]]:
    """Tell message types that flip it alike as one."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in flips:
        quiet = (each.change == LISTENING or (silent and each.change != SPEAKING)) and each.ruling.action in QUIET
        what = f"would {QUIET[each.ruling.action]}" if quiet else DOES[each.ruling.action]
        what += " (protected)" if each.ruling.protected else ""
        prefix = "the message had been of type "
        if each.change.startswith(prefix):
            found.setdefault((prefix, what), []).append(each.change.removeprefix(prefix))
        else:
            found[(each.change, what)] = [""]
    return [(f"{head}{', '.join(names)}".strip(), what) for (head, what), names in found.items()]


def _json(told: Explanation) -> dict[str, Any]:
    return {
        "candidate": facts_of(told.candidate),
        "class": {"class": told.judged.input_class, "confidence": told.judged.confidence, "reason": told.judged.reason},
        "ruling": asdict(told.ruling),
        "note": told.note,
        "rule": told.rule.name,
        "asked": [asdict(each) for each in told.asked],
        "closest": [asdict(each) for each in told.closest],
        "flips": [
            {"if": each.change, "action": each.ruling.action, "rule": each.ruling.rule, "protected": each.ruling.protected}
            for each in told.flips
        ],
    }
