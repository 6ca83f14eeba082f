"""What a rule says, setting by setting, in the words of somebody who designs conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from otel_voice_schema.attributes import Action, InputType

from otel_voice.policy.model import Rule, SilenceStep

PROSE: Final = ("name", "because")  # said to people, not to agents
SETTINGS: Final = tuple(each.name for each in fields(Rule) if each.name not in PROSE)
ESCALATION: Final = "actions.escalation"
_CLASSES: Final = {
    "correction": "a caller who means to speak",
    "backchannel": "a listener's `uh-huh`",
    "noise": "noise",
    "dtmf": "a key",
    "unlisted_key": "a key that is not on offer",
    "escalation": "a wish for a person",
    "unknown": "an input nobody can read",
    "sustained": "unreadable speech that goes on",
}
_UNNAMED: Final = {"escalation": Action.ESCALATE_TO_HUMAN, "sustained": Action.PAUSE_AGENT_AUDIO}
_ACTIONS: Final[Mapping[Action, str]] = {
    Action.STOP_AGENT_AUDIO_AND_ACCEPT_USER_TURN: "the agent stops and listens",
    Action.CONTINUE_AGENT_AUDIO: "the agent speaks on",
    Action.ACKNOWLEDGE_AND_CONTINUE: "the agent acknowledges it and speaks on",
    Action.PAUSE_AGENT_AUDIO: "the agent pauses",
    Action.RESUME_AGENT_AUDIO: "the agent speaks on",
    Action.BUFFER_INPUT_AND_CONTINUE: "it is kept until the message is over",
    Action.ROUTE_DTMF: "the agent stops and follows the key",
    Action.REPROMPT: "the agent asks again",
    Action.WAIT: "the agent waits",
    Action.ESCALATE_TO_HUMAN: "the caller is handed to a person",
}


def seconds(ms: float) -> str:
    """Return a time in seconds as it is read: `7 s`, `0.15 s`."""
    return f"{ms / 1000:.3f}".rstrip("0").rstrip(".") + " s"


def steps_of(steps: tuple[SilenceStep, ...]) -> str:
    """Return steps of a ladder of silences in words."""
    return ", ".join(f"after {seconds(each.after_ms)} {_ACTIONS[each.action]}" for each in steps)


def stated(rule: Rule) -> tuple[str, ...]:
    """Return the settings by which a rule asks for something, `actions.<class>` one by one; a wish for a person always asks."""
    plain = tuple(name for name in SETTINGS if name != "actions" and _states(rule, name))
    asked = {*rule.actions, "escalation"} - {"sustained"} | ({"sustained"} if rule.sustained_ms else set())
    return (*plain, *(f"actions.{name}" for name in _CLASSES if name in asked))


def _states(rule: Rule, name: str) -> bool:
    if name in ("interrupted_by", "silence"):
        return True
    if name == "held":  # asked for only where something may not interrupt
        everyone = {InputType.SPEECH, InputType.DTMF, InputType.COMMAND} <= rule.interrupted_by
        return not everyone or bool(rule.grace_ms) or rule.until is not None
    value: Any = getattr(rule, name)
    return bool(value)


def _until(rule: Rule) -> str:
    if rule.until is None:
        return "nothing of the message is protected"
    if rule.until.position_ms is not None:
        return f"the first {seconds(rule.until.position_ms)} of the message are protected"
    if rule.until.fraction is not None:
        return f"the first {rule.until.fraction * 100:g} % of the message are protected"
    return "the message is protected to its end"


def _who(who: frozenset[str]) -> str:
    return ", ".join(sorted(who)) or "nobody"


_WORDS: Final[Mapping[str, Callable[[Rule], str]]] = {
    "interrupted_by": lambda rule: f"may be cut by: {_who(rule.interrupted_by)}",
    "protected_allows": lambda rule: f"protected content gives way to: {_who(rule.protected_allows)}",
    "grace_ms": lambda rule: f"nobody cuts in during the first {seconds(rule.grace_ms)}",
    "min_speech_ms": lambda rule: f"speech shorter than {seconds(rule.min_speech_ms)} does not cut in",
    "min_words": lambda rule: f"fewer words than {rule.min_words} do not cut in",
    "min_vad_confidence": lambda rule: f"unreadable sound counts as speech from {rule.min_vad_confidence:g} on",
    "confidence_floor": lambda rule: f"an input read with less confidence than {rule.confidence_floor:g} counts as unreadable",
    "confidence_floors": lambda rule: (
        "confidence needed: " + ", ".join(f"{name} {floor:g}" for name, floor in sorted(rule.confidence_floors.items()))
    ),
    "ask_again_ms": lambda rule: f"an unreadable input is looked at again after {seconds(rule.ask_again_ms)}",
    "patience_ms": lambda rule: f"the agent waits {seconds(rule.patience_ms)} in the caller's pause",
    "sustained_ms": lambda rule: f"unreadable speech is acted on after {seconds(rule.sustained_ms)}",
    "until": _until,
    "held": lambda rule: f"input that may not cut in: {_ACTIONS[rule.held]}",
    "cancellable": lambda _: "`never mind` calls off what runs behind the message",
    "expected_keys": lambda rule: f"keys on offer: {' '.join(rule.expected_keys)}",
    "silence": lambda rule: f"the caller is silent: {steps_of(rule.silence) or 'the agent waits'}",
}


def wanted(rule: Rule, setting: str) -> str:
    """Return what a rule asks for by one setting."""
    if setting in _WORDS:
        return _WORDS[setting](rule)
    name = setting.partition(".")[2]
    return f"{_CLASSES.get(name, name)}: {_ACTIONS[action_of(rule, name)]}"


def action_of(rule: Rule, name: str) -> Action:
    """Return what a rule does with a class of input, named or not."""
    return rule.actions.get(name) or _UNNAMED.get(name, Action.CONTINUE_AGENT_AUDIO)


# Why a provider without a knob leaves a setting to the application.
APP: Final[Mapping[str, str]] = {
    "interrupted_by": "{title} has no switch for who may cut a message: stop its audio, or keep it playing, yourself",
    "protected_allows": "{title} has no exceptions for a protected message: stop it yourself for those who may cut it",
    "grace_ms": "{title} has no grace period: keep the audio playing that long yourself",
    "min_speech_ms": "{title} does not measure the caller's speech before it stops",
    "min_words": "{title} does not count the caller's words before it stops",
    "min_vad_confidence": "{title} has no threshold for what is speech",
    "confidence_floor": "{title} does not say what it takes an input for: ask the policy engine",
    "confidence_floors": "{title} does not say what it takes an input for: ask the policy engine",
    "ask_again_ms": "{title} decides once: ask the policy engine again as the words come in",
    "patience_ms": "{title} does not let you choose how long it waits: hold the answer back yourself",
    "sustained_ms": "{title} treats speech alike whether or not it can be read: time it yourself",
    "until": "{title} cannot protect a message: keep it playing, or repeat what was cut, yourself",
    "held": "{title} does not keep what was said for later: note it and act on it after the message",
    "cancellable": "{title} does not know what runs behind a message: listen for it and cancel the work yourself",
    "expected_keys": "{title} does not check keys against those on offer: check them yourself",
    "silence": "{title} has no timer for the caller's silence: run one yourself",
    "actions.correction": "{title} cannot tell who means to speak: ask the policy engine and steer the audio yourself",
    "actions.backchannel": "{title} cannot tell a listener's `uh-huh` from a turn: ask the policy engine before you stop",
    "actions.noise": "{title} cannot tell noise from speech once its detector heard speech: ask the policy engine before you stop",
    "actions.dtmf": "{title} does not act on keys: route them yourself",
    "actions.unlisted_key": "{title} does not check keys against those on offer: check them yourself",
    ESCALATION: "{title} cannot hear that somebody asks for a person: listen to the transcript and act yourself",
    "actions.unknown": "{title} decides at once, read or unread: ask the policy engine and steer the audio yourself",
    "actions.sustained": "{title} treats speech alike whether or not it can be read: steer the audio yourself",
}
