"""How rules are read for knobs: numbers in a provider's unit and range, switches, ladders of silences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from otel_voice_schema.attributes import Action, InputType

from otel_voice.policy.model import EFFECTS, KEEP, PAUSE, Rule, SilenceStep

from .model import Beyond, Native, Reader, Reading, Told
from .wording import ESCALATION, action_of, seconds, steps_of

SPEECH: Final = InputType.SPEECH.value
DTMF: Final = InputType.DTMF.value
SPOKEN: Final = frozenset({SPEECH})
BOTH: Final = frozenset({SPEECH, DTMF})
SWITCH: Final = ("until", "protected_allows", "actions.correction")  # what a switch for speech carries out beside `interrupted_by`
MISSING: Final = object()
_NO_MORE: Final = "{title} does that much and no more: the rest is yours"
_AUDIO_ONLY: Final = frozenset(
    (Action.CONTINUE_AGENT_AUDIO, Action.RESUME_AGENT_AUDIO, Action.PAUSE_AGENT_AUDIO, Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN)
)
_ACTION_OF: Final = {SPEECH: "correction", DTMF: "dtmf"}
Unit = Callable[[int], Any]


def milliseconds(ms: int) -> int:
    """Return milliseconds, as OpenAI, Twilio, Agora and Retell count."""
    return ms


def in_seconds(ms: int) -> float:
    """Return seconds, as LiveKit, Pipecat, Vapi and ElevenLabs count."""
    return round(ms / 1000, 3)


def duration(ms: int) -> str:
    """Return a protobuf Duration as JSON writes it, as Dialogflow counts."""
    return seconds(ms).replace(" ", "")


def time(setting: str, unit: Unit, *, least: int = 0, most: int | None = None, note: str = "") -> Reader:
    """Read a time in ms into a unit, within the provider's range; 0 leaves the knob open."""

    def read(rule: Rule) -> Reading:
        ms: int = getattr(rule, setting)
        return clamped(setting, ms, unit, least, most, note) if ms else None

    return read


def clamped(setting: str, ms: int, unit: Unit, least: int, most: int | None, note: str = "") -> Told:
    """Return a time within a range, and say so where it had to be moved there."""
    kept = max(least, ms if most is None else min(ms, most))
    if kept == ms:
        return Told(value=unit(ms), note=note)
    bound = f"takes no {'more' if kept < ms else 'less'} than {seconds(kept)}"
    moved = f"clamped from {seconds(ms)}: the provider {bound}"
    return Told(value=unit(kept), note=_joined(note, moved), short={setting: f"{{title}} {bound}: time the difference yourself"})


def number(setting: str, *, most: float | None = None, note: str = "") -> Reader:
    """Read a count or a share as it is; 0 leaves the knob open."""

    def read(rule: Rule) -> Reading:
        value: float = getattr(rule, setting)
        if not value:
            return None
        if most is None or value <= most:
            return Told(value=value, note=note)
        moved = f"clamped from {value}: the provider takes no more than {most:g}"
        return Told(value=most, note=_joined(note, moved), short={setting: f"{{title}} takes no more than {most:g}: count on yourself"})

    return read


class Cut(NamedTuple):
    """Whether input of a kind may stop a message, and which setting says so."""

    may: bool
    setting: str


def cut(rule: Rule, kind: str = SPEECH) -> Cut:
    """Tell whether meaningful speech, or a key, may stop the message from its start on."""
    if kind not in rule.interrupted_by:
        return Cut(False, "interrupted_by")
    if rule.until is not None and kind not in rule.protected_allows:
        return Cut(False, "until")
    name = _ACTION_OF[kind]
    if EFFECTS[action_of(rule, name)] == KEEP:
        return Cut(False, f"actions.{name}")
    return Cut(True, "interrupted_by")


def switch(on: Any = True, off: Any = False, *, kinds: frozenset[str] = SPOKEN, pauses: bool = False, note: str = "") -> Reader:
    """Read whether speech may stop the message into a provider's two words for it; MISSING where it has none.

    `kinds` are those that the provider switches, by this knob or by another.
    """

    def read(rule: Rule) -> Reading:
        may, setting = cut(rule)
        value = on if may else off
        if value is MISSING:
            return Native(why="{title} lets callers cut a message") if may else None
        return Told(value=value, setting=setting, note=_joined(note, _partial(rule)), short=shortfall(rule, kinds=kinds, pauses=pauses))

    return read


def _partial(rule: Rule) -> str:
    partly = rule.until is not None and not rule.until.end and not cut(rule).may
    return "the protection ends part way; the switch holds for the whole message" if partly else ""


def shortfall(rule: Rule, *, kinds: frozenset[str], pauses: bool = False) -> Mapping[str, str]:
    """Return what a switch for some kinds of input, on or off for a whole message, does not do of a rule."""
    short: dict[str, str] = {}
    never = rule.until is not None and rule.until.end
    others = [] if never else sorted(rule.interrupted_by - kinds - {"escalation"})
    if others:
        short["interrupted_by"] = f"{{title}} acts on {' and '.join(sorted(kinds))} only: stop the message for {', '.join(others)} yourself"
    if _partial(rule):
        short["until"] = "{title} switches whole messages: speak the protected part as a message of its own"
    exceptions = sorted(rule.protected_allows - kinds - {"escalation"})
    if rule.until is not None and exceptions:
        short["protected_allows"] = f"{{title}} has no exceptions for a protected message: stop it for {', '.join(exceptions)} yourself"
    action = rule.actions.get("correction")
    if action is not None and action is not Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN:
        if EFFECTS[action] == PAUSE and not pauses:
            short["actions.correction"] = "{title} stops and does not pause: steer the audio yourself"
        elif EFFECTS[action] != PAUSE and action is not Action.CONTINUE_AGENT_AUDIO:
            short["actions.correction"] = "{title} only stops or speaks on: do the rest yourself"
    if not cut(rule).may:
        short[ESCALATION] = "{title} protects the message from every caller alike: listen for a wish for a person and act yourself"
    return short


def always(rule: Rule) -> Reading:
    """Read whether speech may stop the message for a provider that always lets it."""
    if not cut(rule).may:
        return None
    short = shortfall(rule, kinds=SPOKEN).get("interrupted_by")
    return Beyond(why=short) if short else Native(why="{title} lets callers cut a message")


class Ladder(NamedTuple):
    """A ladder of silences as a provider with one timer sees it: its first step, how often that repeats, what comes after."""

    first: SilenceStep | None
    times: int
    rest: tuple[SilenceStep, ...]


def ladder(rule: Rule, *, repeats: bool = False) -> Ladder:
    """Split a rule's ladder into the first step that does something, its even repetitions, and the rest."""
    steps = tuple(each for each in rule.silence if each.action is not Action.WAIT)
    if not steps:
        return Ladder(None, 0, ())
    first, times = steps[0], 1
    while repeats and times < len(steps) and steps[times] == SilenceStep(after_ms=first.after_ms * (times + 1), action=first.action):
        times += 1
    return Ladder(first, times, steps[times:])


def silence(
    unit: Unit,
    *,
    off: Any = MISSING,
    speaks: bool = True,
    repeats: bool = False,
    least: int = 0,
    most: int | None = None,
    note: str = "",
    write: Callable[[Any, int], Any] = lambda value, _: value,
) -> Reader:
    """Read the ladder of silences for a timer that speaks by itself, or only tells the application; `off` is its word for none."""

    def read(rule: Rule) -> Reading:
        first, times, rest = ladder(rule, repeats=repeats)
        if first is None or (speaks and first.action is not Action.REPROMPT):
            todo = f"{{title}} asks again, it does nothing else: {steps_of(rule.silence)} is yours to do" if first else ""
            if off is MISSING:
                return Beyond(why=todo or "{title} has no way to switch its timer for silence off")
            return Told(value=off, note="off", short={"silence": todo} if todo else {})
        told = clamped("silence", first.after_ms, unit, least, most, note)
        short = dict(told.short)
        if rest:
            short["silence"] = _joined(short.get("silence", ""), f"{{title}} times the first step: {steps_of(rest)} is yours to do")
        return Told(value=write(told.value, times), note=told.note, short=short)

    return read


def action(name: str, *, keeps: Any, stops: Any = MISSING, pauses: Any = MISSING, note: str = "") -> Reader:
    """Read what a class of input does to the audio into a provider's words for it, or its own habit; MISSING where it has neither."""

    def read(rule: Rule) -> Reading:
        chosen = rule.actions.get(name)
        if chosen is None:
            return None
        value = {KEEP: keeps, PAUSE: pauses}.get(EFFECTS[chosen], stops)
        if value is MISSING:
            return None
        if isinstance(value, Native):
            return value if chosen in _AUDIO_ONLY else Beyond(why=f"{value.why}, and does no more: the rest is yours")
        return Told(value=value, note=note, short={} if chosen in _AUDIO_ONLY else {f"actions.{name}": _NO_MORE})

    return read


def stops_itself(rule: Rule) -> Reading:
    """Read what a meaningful turn does for a provider that stops for whoever speaks."""
    if rule.actions.get("correction") is not Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN:
        return None
    return Native(why="{title} stops for callers who speak")


def held(keeps: Any, drops: Any, *, only_protected: bool = False, note: str = "", lacks: str = "") -> Reader:
    """Read whether what may not interrupt is kept for later into a provider's two words for it; `lacks` is what keeping it still lacks."""

    def read(rule: Rule) -> Reading:
        if only_protected and cut(rule).may:
            return None
        if rule.held is Action.CONTINUE_AGENT_AUDIO:
            if EFFECTS[action_of(rule, "escalation")] == KEEP:
                return Told(value=drops, note=note)
            return Told(value=keeps, setting=ESCALATION, note=_joined(note, "else nobody would hear a wish for a person"))
        kept = rule.held is Action.BUFFER_INPUT_AND_CONTINUE
        why = lacks if kept else _NO_MORE
        return Told(value=keeps, note=note, short={"held": why} if why else {})

    return read


def keys(value: Any, none: Any = MISSING, *, note: str = "") -> Reader:
    """Read whether keys mean anything in this rule; MISSING leaves the knob open."""

    def read(rule: Rule) -> Reading:
        used = DTMF in rule.interrupted_by | rule.protected_allows or rule.actions.get("dtmf") is Action.ROUTE_DTMF
        chosen = value if used else none
        if chosen is MISSING:
            return None
        routed = rule.actions.get("dtmf", Action.ROUTE_DTMF) is Action.ROUTE_DTMF
        return Told(value=chosen, note=note, short={} if routed else {"actions.dtmf": _NO_MORE})

    return read


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
